"""The record of a user's second factor, read and written in this one place.

    second factor  {secret, confirmed, last_step, recovery, created, pending}

`secret` is sealed, null until the first one is confirmed; `last_step` the newest step of which
a code was used; `recovery` the hashes of the codes that are left; `pending` is null, or the
sealed secret that waits for its first code, until when, and from which session. What is sealed
names its user, so that a secret that is moved to another record does not open there.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from auth import recovery_codes, totp
from auth.errors import CodeUsed, CorruptRecord
from auth.records import time_text
from auth.sealing import Sealer
from storage import keys
from storage.metadata import Put, Record

#: How long a new secret waits for its first code.
PENDING_FOR = timedelta(minutes=10)
_PURPOSE = "second-factor"


@dataclass(frozen=True, slots=True)
class Pending:
    """A sealed secret that waits for its first code, until an aware moment, from the session
    that began it: only there it was shown."""

    secret: str = field(repr=False)
    until: datetime
    session: str


@dataclass(frozen=True, slots=True)
class Factor:
    """A user's second factor. `version` is None where it has no record yet."""

    organization: str
    user_id: str
    version: int | None
    secret: str | None = field(default=None, repr=False)
    last_step: int = 0
    recovery: tuple[str, ...] = field(default=(), repr=False)
    created: datetime | None = None
    pending: Pending | None = None

    @property
    def confirmed(self) -> bool:
        return self.secret is not None

    def put(self) -> Put:
        """What writes it, where nobody wrote it meanwhile."""
        pending = self.pending
        waits = (
            None
            if pending is None
            else {
                "secret": pending.secret,
                "until": time_text(pending.until),
                "session": pending.session,
            }
        )
        value = {
            "secret": self.secret,
            "confirmed": self.confirmed,
            "last_step": self.last_step,
            "recovery": list(self.recovery),
            "created": None if self.created is None else time_text(self.created),
            "pending": waits,
        }
        # What was never confirmed goes by itself.
        expires = None if self.confirmed or pending is None else pending.until
        key = keys.second_factor(self.organization, self.user_id)
        return Put(key, value, absent=self.version is None, at=self.version, expires=expires)

    def begin(self, sealer: Sealer, secret: bytes, session: str, now: datetime) -> "Factor":
        """It, with a new secret that waits; the old one holds until that is confirmed."""
        sealed = sealer.seal(totp.secret_text(secret), *self._context)
        return replace(self, pending=Pending(sealed, now + PENDING_FOR, session))

    def confirm(
        self, sealer: Sealer, code: str, session: str, now: datetime
    ) -> tuple["Factor", tuple[str, ...]] | None:
        """It with the secret that waited, and new recovery codes; None where nothing waits that
        this session began.

        Raises WrongCode.
        """
        if self.pending is None or self.pending.until <= now or self.pending.session != session:
            return None
        step = totp.matched_step(self._open(sealer, self.pending.secret), code, now)
        codes = recovery_codes.make_codes()
        confirmed = replace(
            self,
            secret=self.pending.secret,
            last_step=step,
            recovery=tuple(recovery_codes.hashes(codes)),
            created=now,
            pending=None,
        )
        return confirmed, codes

    def use(self, sealer: Sealer, code: str, now: datetime) -> "Factor":
        """It once a code was used, of the clock's or for recovery.

        Raises:
            WrongCode: CodeUsed where the code was right once.
        """
        if recovery_codes.is_recovery_code(code):
            return replace(self, recovery=tuple(recovery_codes.without(self.recovery, code)))
        if self.secret is None:
            raise CorruptRecord("a second factor has no secret")
        step = totp.matched_step(self._open(sealer, self.secret), code, now)
        if step <= self.last_step:
            raise CodeUsed
        return replace(self, last_step=step)

    def _open(self, sealer: Sealer, sealed: str) -> bytes:
        try:
            return totp.read_secret(sealer.open(sealed, *self._context))
        except ValueError as error:
            raise CorruptRecord("a second factor's secret cannot be read") from error

    @property
    def _context(self) -> tuple[str, str, str]:
        return (_PURPOSE, self.organization, self.user_id)


def read_factor(organization: str, user_id: str, record: Record | None) -> Factor:
    """The second factor that a record holds, an empty one without a record.

    Raises CorruptRecord.
    """
    if record is None:
        return Factor(organization, user_id, None)
    value = record.value
    try:
        pending = value["pending"]
        return Factor(
            organization,
            user_id,
            record.version,
            secret=value["secret"],
            last_step=int(value["last_step"]),
            recovery=tuple(value["recovery"]),
            created=_moment(value["created"]),
            pending=_pending(pending),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("a second factor's record cannot be read") from error


def _pending(value: Any) -> Pending | None:
    if value is None:
        return None
    return Pending(
        str(value["secret"]), datetime.fromisoformat(value["until"]), str(value["session"])
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
