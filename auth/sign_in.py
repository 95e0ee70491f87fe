"""Signing in with a password: the slow way in, made to cost the same for every account.

A cold attempt, whether or not there is such an account, is one read of the address, one of
the records that decide (the caller's), one within the slot, one hash, and one commit that
counts the failure. A warm one is the caller's read alone.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

from auth import passwords
from auth.claims import require_served
from auth.credentials import EmailPassword
from auth.emails import EmailAddress, email_key, parse_email
from auth.errors import Busy, InvalidField, NotAuthenticated
from auth.principals import Principal
from auth.rates import Rates, Watch
from auth.records import principal_by_password, read_owner, read_password, time_text
from auth.slow_hashes import SlowHashes
from auth.standing import Standing
from auth.verified import VerifiedPasswords
from storage import keys
from storage.events import SYSTEM, Journal
from storage.metadata import ConditionFailed, Key, Put, Record
from storage.metadata.recent import Recent

_LINES = 64
_LINE_WAIT_SECONDS = 5.0
_RETRY_AFTER = timedelta(seconds=2)
_DECOY_ID_BYTES = 10
_MOST_READ = 1000


class SignIn:
    """Makes and decides claims of passwords. Safe for many threads; one a process."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        slow_hashes: SlowHashes,
        rates: Rates,
        verified: VerifiedPasswords,
        parameters: passwords.Parameters,
        clock: Callable[[], datetime],
        signed_in: Callable[[str], None] | None,
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._slow_hashes = slow_hashes
        self._rates = rates
        self._verified = verified
        self._parameters = parameters
        self._decoy = passwords.decoy(parameters)
        self._clock = clock
        self._signed_in = signed_in
        # The last principals, with the versions of the records that they were read from.
        self._read: dict[Key, tuple[int, Principal]] = {}
        self._lines = tuple(threading.Lock() for _ in range(_LINES))

    def claim(
        self, standing: Standing, credentials: EmailPassword, address: str
    ) -> "PasswordClaim":
        """The claim of a password: one read where it was not verified lately, else none.

        Raises:
            NotAuthenticated: without a read where no account could have such credentials.
        """
        try:
            email = parse_email(credentials.email)
            password = passwords.normalize(credentials.password)
        except InvalidField as error:
            raise NotAuthenticated from error
        digest = self._verified.digest(standing.organization, email, password)
        verified = self._verified.find(digest)
        if verified is None:
            return self._cold(standing, email, password, digest, address)
        user = keys.user(standing.organization, verified.user_id)
        return PasswordClaim(standing, self, email, password, address, digest, user, None)

    def _cold(
        self, standing: Standing, email: EmailAddress, password: str, digest: bytes, address: str
    ) -> "PasswordClaim":
        organization = standing.organization
        key = email_key(organization, email)
        # Read afresh even if it is remembered: else the time would tell of an account.
        record = self._recent.get(key).get(key)
        if record is None:  # an id that no user has, so that what follows is the same
            user_id = blake2b(key.sort.encode(), digest_size=_DECOY_ID_BYTES).hexdigest()
        else:
            user_id = read_owner(record)
        user = keys.user(organization, user_id)
        watch = self._rates.watch(organization, email, user_id, address, self._clock())
        return PasswordClaim(standing, self, email, password, address, digest, user, watch)

    def confirm(self, claim: "PasswordClaim", records: Mapping[Key, Record]) -> Principal:
        """Decide on a claim (what `PasswordClaim.confirm` does)."""
        user = records.get(claim.user)
        if user is not None and self._is_verified(claim, user):
            return self._principal(claim, user)
        if claim.watch is None:
            # What was verified is about a user who is not the same any more: begin anew.
            self._verified.forget(claim.digest)
            claim = self._cold(
                claim.standing, claim.email, claim.password, claim.digest, claim.address
            )
            return self._confirm_cold(claim, self._recent.get(*claim.needs()))
        return self._confirm_cold(claim, records)

    def _confirm_cold(self, claim: "PasswordClaim", records: Mapping[Key, Record]) -> Principal:
        if claim.watch is not None:
            claim.watch.judge(records)
        user = records.get(claim.user)
        with self._in_line(claim.digest):
            # Whoever was first in the line may have verified the same password.
            if user is not None and self._is_verified(claim, user):
                return self._principal(claim, user)
            return self._verify(claim)

    def _is_verified(self, claim: "PasswordClaim", user: Record) -> bool:
        verified = self._verified.find(claim.digest)
        found = None if verified is None else (verified.user_id, verified.version)
        return found == (user.key.sort, user.version)

    def _verify(self, claim: "PasswordClaim") -> Principal:
        """Verify by the slow hash, and by records read within the slot: those that the
        caller read may be seconds old, and others may have failed since."""
        with self._slow_hashes.slot():
            now = self._clock()
            watch = self._rates.watch(
                claim.organization, claim.email, claim.user.sort, claim.address, now
            )
            records = self._recent.fresh((claim.user,), *watch.needs())
            user = records.get(claim.user)
            if user is not None and self._is_verified(claim, user):
                return self._principal(claim, user)
            watch.judge(records)
            stored = _stored_password(claim, user)
            try:
                passwords.verify(self._decoy if stored is None else stored, claim.password)
                if user is None or stored is None:
                    raise NotAuthenticated
                principal = self._principal(claim, user)
            except (passwords.WrongPassword, NotAuthenticated) as error:
                # Counted before the answer is known to anyone, and before the slot is free.
                self._recent.commit(*watch.failed(records))
                raise NotAuthenticated from error
            version = self._hashed_anew(claim, user, stored, now)
        seen = watch.succeeded(records)
        if seen:
            self._recent.commit(*seen)
        self._verified.remember(claim.digest, claim.user.sort, version)
        if self._signed_in is not None:
            self._signed_in(claim.user.sort)
        return principal

    def _hashed_anew(self, claim: "PasswordClaim", user: Record, stored: str, now: datetime) -> int:
        """Store a stronger hash if the parameters rose; return the user's version."""
        if not passwords.outdated(stored, self._parameters):
            return user.version
        password = passwords.hash_password(claim.password, self._parameters)
        value = {**user.value, "password": password, "updated": time_text(now)}
        event = self._journal.event(
            claim.organization, SYSTEM, "user.rehash", subject=claim.user.sort
        )
        try:
            put = Put(user.key, value, at=user.version)
            return self._recent.commit(put, witness=event).versions[user.key]
        except ConditionFailed:
            # Someone else changed the user: the next sign-in will see to the hash.
            return user.version

    def _principal(self, claim: "PasswordClaim", user: Record) -> Principal:
        """Whoever has the right password is let in only while he is active."""
        read = self._read.get(user.key)
        if read is not None and read[0] == user.version:
            return read[1]
        if user.value.get("active") is not True:
            raise NotAuthenticated
        principal = principal_by_password(claim.organization, user)
        if len(self._read) >= _MOST_READ:
            self._read.clear()
        self._read[user.key] = (user.version, principal)
        return principal

    @contextmanager
    def _in_line(self, digest: bytes) -> Iterator[None]:
        """Let attempts with the same password one after the other, so that a build's first
        thirty requests pay for one hash."""
        line = self._lines[digest[0] % _LINES]
        if not line.acquire(timeout=_LINE_WAIT_SECONDS):
            raise Busy(_RETRY_AFTER)
        try:
            yield
        finally:
            line.release()


@dataclass(frozen=True, slots=True)
class PasswordClaim:
    """The claim of an e-mail address and a password; `watch` None: verified lately."""

    standing: Standing
    sign_in: SignIn = field(repr=False)
    email: EmailAddress = field(repr=False)
    password: str = field(repr=False)
    address: str = field(repr=False)
    digest: bytes = field(repr=False)
    user: Key = field(repr=False)
    watch: Watch | None = field(repr=False)

    @property
    def organization(self) -> str:
        return self.standing.organization

    def needs(self) -> tuple[Key, ...]:
        needed = (self.standing.key, self.user)
        return needed if self.watch is None else (*needed, *self.watch.needs())

    def confirm(self, records: Mapping[Key, Record]) -> Principal:
        require_served(self.standing, records)
        return self.sign_in.confirm(self, records)


def _stored_password(claim: PasswordClaim, user: Record | None) -> str | None:
    """The hash to verify against, or None where no password can be right."""
    if user is None:
        return None
    address, stored = read_password(user)
    # The address may belong to another user by now.
    return stored if parse_email(address) == claim.email else None
