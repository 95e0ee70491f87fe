"""The two steps of authentication, so that proving who asks costs no round trip of its own.

`identify` finds out which records decide (usually from memory), the caller reads those
together with whatever else its request needs, and `confirm` decides by them alone.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from auth.callers import (
    Read,
    group_keys,
    groups_among,
    is_over,
    owner_key,
    principal_by_key,
    principal_by_session,
    principal_by_token,
)
from auth.errors import CorruptRecord, Missing, NotAuthenticated
from auth.known_callers import Known, KnownCallers
from auth.principals import Principal
from auth.records import read_owner
from auth.secret_texts import KEY, SCIM_TOKEN, SESSION, Fingerprint
from auth.standing import Standing, requires_second_factor
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

        May be called again, from any thread. Groups that the user came into since the last
        decision cost one more read. A password that was not verified lately costs one more
        read, the slow hash, and a commit where it is wrong or comes from a new address.

        Raises:
            NotAuthenticated: deleted, disabled, expired, changed, wrong, or the
                organization is not there any more.
            Suspended: the organization is, whatever the credentials are.
            SecondFactorNeeded: the password is right, and not enough.
            TooManyAttempts, Busy: with `retry_after`.
        """


@dataclass(slots=True)
class _Course:
    """What became of a claim so far: whose the secret is, where it was handed over; whether it
    was told of; whether it was refused the last time; of a session, the versions of it and of
    its user that were read together."""

    moved: Key | None = None
    told: bool = False
    refused: bool = False
    together: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class SecretClaim:
    """The claim of a well-formed secret whose record was seen: an API key, a session, or a
    SCIM token, which alone has no `owner`."""

    standing: Standing
    fingerprint: Fingerprint
    key: Key
    owner: Key | None
    clock: Callable[[], datetime] = field(repr=False)
    read: Read = field(repr=False, compare=False)
    # Told the ids of user and key by the first decision, and by no later one: a claim is made
    # once for thousands of requests, so that this costs them nothing.
    signed_in: Callable[[str, str], None] | None = field(default=None, repr=False, compare=False)
    # Told the ids of organization and key by each decision for it: it has to cost nothing.
    used: Callable[[str, str], None] | None = field(default=None, repr=False, compare=False)
    # Remembers the last decision: not the claim itself, for there are thousands of claims.
    callers: KnownCallers = field(default_factory=KnownCallers, repr=False, compare=False)
    _course: _Course = field(default_factory=_Course, repr=False, compare=False)

    @property
    def organization(self) -> str:
        return self.standing.organization

    @property
    def holder(self) -> str | None:
        """The id of the user, subscriber or token that this is the claim of; None where it was
        refused the last time: a secret that was revoked must not use up its owner's share."""
        if self._course.refused:
            return None
        return self.key.sort if self._place is None else self._place.sort

    @property
    def _place(self) -> Key | None:
        """Where the owner lies, as far as is known."""
        return self.owner if self._course.moved is None else self._course.moved

    def needs(self) -> tuple[Key, ...]:
        if self._place is None:
            return (self.standing.key, self.key)
        known = self.callers.find(self.key)
        groups = () if known is None else known.groups
        return (self.standing.key, self.key, self._place, *groups)

    def confirm(self, records: Mapping[Key, Record]) -> Principal:
        try:
            principal = self._confirm(records)
        except NotAuthenticated:
            self._course.refused = True
            raise
        self._course.refused = False
        return principal

    def _confirm(self, records: Mapping[Key, Record]) -> Principal:
        name = require_served(self.standing, records)
        found = records.get(self.key)
        if found is None:
            raise NotAuthenticated
        owner = self._owner_of(found, records)
        if self.owner is not None and owner is None:
            raise NotAuthenticated
        principal = self._decide(found, owner, records)
        if principal.expires is not None and principal.expires <= self.clock():
            raise NotAuthenticated(_ENDED[self.fingerprint.prefix])
        if principal.method == "session" and requires_second_factor(name):
            return replace(principal, enrolling=not principal.second_factor)
        if self.used is not None:
            self.used(self.organization, self.key.sort)
        return principal

    def _owner_of(self, found: Record, records: Mapping[Key, Record]) -> Record | None:
        """The record of whose secret it is now: where it was handed over, by one more read."""
        if self.owner is None:
            return None
        place = owner_key(self.organization, found)
        if place not in records and place == self.owner and self._course.moved is None:
            return None  # it was asked for
        if place != self._place:
            self._course.moved = place
        return (records if place in records else self.read(place)).get(place)

    def _decide(
        self, found: Record, owner: Record | None, records: Mapping[Key, Record]
    ) -> Principal:
        known = self.callers.find(self.key)
        prove_secret(found, self.fingerprint)
        if owner is not None and self.fingerprint.prefix == SESSION and is_over(found, owner):
            found, owner = self._together(found, owner)
            self._course.together = (found.version, owner.version)
        groups: tuple[Record, ...] = ()
        if owner is not None:
            gone = () if known is None else known.gone
            groups = groups_among(self.organization, owner, records, self.read, gone)
        versions = tuple(
            (record.key, record.version) for record in (found, owner, *groups) if record is not None
        )
        if known is not None and known.versions == versions:
            principal = known.principal
        else:
            principal = self._principal(found, owner, groups)
            wanted = () if owner is None else group_keys(self.organization, owner)
            made = Known.of(versions, principal, wanted, groups, known)
            self.callers.remember(self.key, made)
        if not self._course.told and self.signed_in is not None:
            self._course.told = True
            self.signed_in(principal.user_id, found.key.sort)
        return principal

    def _together(self, session: Record, user: Record) -> tuple[Record, Record]:
        """A session and its user, of whom it seems to be over, read once more. They may have
        been read at two moments, and between them both became of another epoch."""
        if self._course.together == (session.version, user.version):
            return session, user
        records = self.read(session.key, user.key)
        try:
            session, user = records[session.key], records[user.key]
        except KeyError:
            raise NotAuthenticated(_ENDED[SESSION]) from None
        prove_secret(session, self.fingerprint)
        return session, user

    def _principal(
        self, found: Record, owner: Record | None, groups: tuple[Record, ...]
    ) -> Principal:
        if owner is None:
            return principal_by_token(self.organization, found)
        if read_owner(found) != owner.key.sort or owner.value.get("active") is not True:
            raise NotAuthenticated
        if self.fingerprint.prefix == KEY:
            return principal_by_key(self.organization, owner, found, groups)
        if is_over(found, owner):
            raise NotAuthenticated(_ENDED[SESSION])
        return principal_by_session(self.organization, owner, found, groups)


_ENDED = {
    KEY: "This API key has expired; make a new one.",
    SESSION: "This session is over; sign in again.",
    SCIM_TOKEN: "This token has expired; make a new one.",
}


def require_served(standing: Standing, records: Mapping[Key, Record]) -> Record:
    """The record of the organization's name, if it is served.

    Raises:
        NotAuthenticated: it is gone: names of organizations are not told.
        Suspended.
    """
    try:
        return standing.check(records)
    except Missing as error:
        raise NotAuthenticated from error


def prove_secret(record: Record, fingerprint: Fingerprint) -> None:
    """Return if the record is that of the secret with that fingerprint, in constant time.

    Raises:
        NotAuthenticated: it is not.
        CorruptRecord: it holds no hash.
    """
    stored = record.value.get("hash")
    if not isinstance(stored, str):
        raise CorruptRecord("a secret's record cannot be read")
    if not hmac.compare_digest(stored.encode(), fingerprint.sha256.encode()):
        raise NotAuthenticated
