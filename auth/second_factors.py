"""Second factors: set up, confirmed, replaced and removed by their user.

Whatever opens the way to sign in otherwise asks for more than the session that it comes with:
who finds one open can't lock its user out. To set one up or to remove it is one commit with the
user's record, whose epoch it raises: other sessions end with it, and the one that asks is
rewritten. Of each change, and of new recovery codes, a mail tells its user.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from auth import recovery_codes, totp
from auth.codes import Codes
from auth.decisions import decided
from auth.errors import (
    InvalidField,
    Missing,
    NothingToConfirm,
    SecondFactorRequired,
    WrongCode,
)
from auth.factor_holders import Held, by_session, find_held, require_factor
from auth.factor_records import Factor, read_factor
from auth.notices import notice
from auth.outbox import Outbox
from auth.principals import Authority, Principal
from auth.proven_passwords import Proven
from auth.records import read_names
from auth.sealing import Sealer
from storage import keys
from storage.events import Journal
from storage.metadata import Check, Delete, Operation, Record
from storage.metadata.recent import Recent

ISSUER = "Strongroom"


@dataclass(frozen=True, slots=True)
class Begun:
    """A secret that waits for its first code, until an aware moment; to be shown once."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True)
class FactorState:
    """What a user is told of his second factor."""

    confirmed: bool
    recovery_codes: int


class SecondFactors:
    """The second factors of the users of whatever organization. Safe for many threads."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        outbox: Outbox,
        sealer: Sealer,
        codes: Codes,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._outbox = outbox
        self._sealer = sealer
        self._codes = codes
        self._clock = clock

    def state(self, by: Authority) -> FactorState:
        """What there is of one's own. Raises Forbidden: not by a session."""
        holder = by_session(by)
        key = keys.second_factor(by.organization, holder.user_id)
        factor = read_factor(by.organization, holder.user_id, self._recent.get(key).get(key))
        return FactorState(factor.confirmed, len(factor.recovery))

    def begin(self, by: Authority, proven: Proven, code: str | None, network: str) -> Begun:
        """Make a new secret, which holds once it is confirmed; until then the old one does.

        Args:
            by: on whose authority, by a session.
            proven: his password, of a moment ago.
            code: of the one that he has, where he has one.
            network: the client's, as limits count it.

        Raises:
            Forbidden: not by a session.
            InvalidField: the code; TooManyCodes.
        """
        holder = by_session(by, proven)
        self._spend_if_any(by, proven, code, network)
        secret = totp.make_secret()

        def attempt() -> Factor:
            found = self._find(by, holder, proven.epoch)
            factor = found.factor.begin(self._sealer, secret, found.session.key.sort, self._clock())
            self._recent.commit(factor.put())
            return factor

        factor = decided(attempt)
        if factor.pending is None:
            raise AssertionError("a second factor was begun, and does not wait")
        account = read_names(proven.user)[0]
        uri = totp.uri(secret, ISSUER, account)
        return Begun(totp.secret_text(secret), uri, factor.pending.until)

    def confirm(self, by: Authority, code: str, network: str) -> tuple[str, ...]:
        """Have the secret hold that waits; returns recovery codes, to be shown once.

        Raises:
            Forbidden: not by a session.
            NothingToConfirm: its ten minutes are over, or another session began it, too.
            InvalidField: the code; TooManyCodes.
        """
        holder, text = by_session(by), "".join(code.split())

        def attempt() -> tuple[str, ...]:
            guard = self._codes.guard(by.organization, holder.user_id, network, by.actor)
            found, now = self._find(by, holder), self._clock()
            try:
                session = found.session.key.sort
                confirmed = found.factor.confirm(self._sealer, text, session, now)
            except WrongCode as error:
                guard.wrong()
                raise InvalidField("code", error.reason) from error
            if confirmed is None:
                raise NothingToConfirm
            factor, codes = confirmed
            replaced = found.factor.confirmed
            event = self._event(by, "set", holder.user_id, replaced=replaced)
            told = self._notice(by, found, "second-factor")
            operations = (*found.rewritten(now, second_factor=True), *guard.held(), *told)
            self._recent.commit(factor.put(), *operations, witness=event)
            return codes

        return decided(attempt)

    def renew_codes(self, by: Authority, code: str, network: str) -> tuple[str, ...]:
        """New recovery codes in place of the old ones, to be shown once.

        Raises:
            Forbidden: not by a session.
            Missing: he has no second factor.
            InvalidField: the code; TooManyCodes.
        """
        holder = by_session(by)
        user = self._find(by, holder).user
        require_factor(user)
        self._spend(by, user, code, network)

        def attempt() -> tuple[str, ...]:
            found = self._find(by, holder)
            if not found.factor.confirmed:
                raise Missing("second factor")
            codes = recovery_codes.make_codes()
            factor = replace(found.factor, recovery=tuple(recovery_codes.hashes(codes)))
            told = self._notice(by, found, "recovery-codes")
            event = self._event(by, "renew", holder.user_id)
            user = Check(found.user.key, at=found.user.version)  # as he is told of it
            self._recent.commit(factor.put(), user, *told, witness=event)
            return codes

        return decided(attempt)

    def remove(self, by: Authority, proven: Proven, code: str, network: str) -> None:
        """Remove one's own.

        Raises:
            Forbidden: not by a session.
            Missing: he has none.
            SecondFactorRequired: by the organization.
            InvalidField: the code; TooManyCodes.
        """
        holder = by_session(by, proven)
        require_factor(proven.user)
        if proven.required:
            raise SecondFactorRequired
        self._spend(by, proven.user, code, network)

        def attempt() -> None:
            found = self._find(by, holder, proven.epoch)
            operations = found.rewritten(self._clock(), second_factor=False)
            key = found.factor.put().key
            self._recent.commit(
                Delete(key, at=found.factor.version),
                *operations,
                *self._notice(by, found, "no-second-factor"),
                witness=self._event(by, "remove", holder.user_id),
            )

        decided(attempt)

    def _spend_if_any(self, by: Authority, proven: Proven, code: str | None, network: str) -> None:
        if proven.user.value.get("second_factor", False) is False:
            return
        if not code:
            raise InvalidField("code", "is missing: that of the second factor in use")
        self._spend(by, proven.user, code, network)

    def _spend(self, by: Authority, user: Record, code: str, network: str) -> None:
        try:
            self._codes.spend(by.organization, user.key.sort, code, network, by.actor)
        except WrongCode as error:
            raise InvalidField("code", error.reason) from error

    def _find(self, by: Authority, holder: Principal, epoch: int | None = None) -> Held:
        return find_held(self._recent, by.organization, holder, epoch)

    def _notice(self, by: Authority, found: Held, kind: str) -> tuple[Operation, ...]:
        return notice(self._outbox, by.organization, found.user, kind)

    def _event(self, by: Authority, verb: str, user_id: str, **details: Any) -> Any:
        return self._journal.event(
            by.organization, by.actor, f"second-factor.{verb}", subject=user_id, **details
        )
