"""The two steps of authentication, so that proving who asks costs no round trip of its own.

`identify` finds out which records decide (usually from memory), the caller reads those
together with whatever else its request needs, and `confirm` decides by them alone.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from auth.errors import CorruptRecord, Missing, NotAuthenticated
from auth.principals import Principal
from auth.records import principal_by_key, read_owner
from auth.secret_texts import Fingerprint
from auth.standing import Standing
from storage.metadata import Key, Record


class Claim(Protocol):
    """Credentials that may be good. Nothing is granted before `confirm` returned."""

    @property
    def organization(self) -> str:
        """The id of the organization that the claim is made in."""

    def needs(self) -> tuple[Key, ...]:
        """The records that the claim rests on, that of the organization's name among them, to
        be read by the caller in the same `get` as what else it needs: afresh for whatever
        changes something, `cached` for reads."""

    def confirm(self, records: Mapping[Key, Record]) -> Principal:
        """Decide. `records` holds those of `needs()` that exist, and may hold others.

        May be called again, from any thread. A password that was not verified lately
        costs one more read, the slow hash, and a commit where it is wrong or comes from a
        new address.

        Raises:
            NotAuthenticated: deleted, disabled, expired, changed, wrong, or the
                organization is not there any more.
            Suspended: the organization is, whatever the credentials are.
            TooManyAttempts, Busy: with `retry_after`.
        """


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """The claim of a well-formed API key whose record was seen."""

    standing: Standing
    fingerprint: Fingerprint
    key: Key
    user: Key
    clock: Callable[[], datetime] = field(repr=False)
    # Told the ids of user and key by the first decision, and by no later one: a claim is made
    # once for thousands of requests, so that this costs them nothing.
    signed_in: Callable[[str, str], None] | None = field(default=None, repr=False, compare=False)
    # The last decision with the versions of the records that it was made by. A version is
    # never used twice for a key, so the same two would lead to the same decision.
    _decided: list[tuple[int, int, Principal]] = field(
        default_factory=list, repr=False, compare=False
    )

    @property
    def organization(self) -> str:
        return self.standing.organization

    def needs(self) -> tuple[Key, ...]:
        return (self.standing.key, self.key, self.user)

    def confirm(self, records: Mapping[Key, Record]) -> Principal:
        require_served(self.standing, records)
        key, user = records.get(self.key), records.get(self.user)
        if key is None or user is None:
            raise NotAuthenticated
        principal = self._decide(key, user)
        if principal.expires is not None and principal.expires <= self.clock():
            raise NotAuthenticated("This API key has expired; make a new one.")
        return principal

    def _decide(self, key: Record, user: Record) -> Principal:
        for decided in self._decided:
            if decided[0] == key.version and decided[1] == user.version:
                return decided[2]
        prove_key(key, self.fingerprint)
        if read_owner(key) != self.user.sort or user.value.get("active") is not True:
            raise NotAuthenticated
        principal = principal_by_key(self.organization, user, key)
        first = not self._decided
        self._decided[:] = [(key.version, user.version, principal)]
        if first and self.signed_in is not None:
            self.signed_in(user.key.sort, key.key.sort)
        return principal


def require_served(standing: Standing, records: Mapping[Key, Record]) -> None:
    """Return if the organization is served.

    Raises:
        NotAuthenticated: it is gone: names of organizations are not told.
        Suspended.
    """
    try:
        standing.check(records)
    except Missing as error:
        raise NotAuthenticated from error


def prove_key(key: Record, fingerprint: Fingerprint) -> None:
    """Return if the record is that of the secret with that fingerprint, in constant time.

    Raises:
        NotAuthenticated: it is not.
        CorruptRecord: it holds no hash.
    """
    stored = key.value.get("hash")
    if not isinstance(stored, str):
        raise CorruptRecord("a key's record cannot be read")
    if not hmac.compare_digest(stored.encode(), fingerprint.sha256.encode()):
        raise NotAuthenticated
