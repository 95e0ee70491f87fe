"""One attempt at each change of a user: fresh records read, and one commit on their versions.

Whoever lost a race gets ConditionFailed, and is decided anew (`auth.decisions`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auth import administrators, links
from auth.errors import Missing
from auth.key_records import deleting_keys_of
from auth.membership_entries import groups_of
from auth.notices import notices
from auth.outbox import Outbox
from auth.own_password import WrongCurrentPassword
from auth.principals import Authority, Role
from auth.records import User, read_user
from auth.user_changes import carried_on, changed_value, own_session
from auth.user_indexes import moving, require_free
from storage import keys
from storage.events import Journal
from storage.metadata import ConditionFailed, Delete, Key, Operation, Put, Record
from storage.metadata.recent import Recent


@dataclass(frozen=True, slots=True)
class Held:
    """A user as he was read for one attempt, with what is decided or written with him."""

    user: Record
    organization: Record | None
    profile: Record | None
    others: Mapping[Key, Record]


@dataclass(frozen=True, slots=True)
class Written:
    """What one attempt is to leave of a user: `value` in his record, whose `changed` fields are
    told of as `action`, with `others` in the same commit and `details` in the event."""

    value: Mapping[str, Any]
    changed: Sequence[str]
    action: str
    others: tuple[Operation, ...] = ()
    details: Mapping[str, Any] | None = None


class UserAttempts:
    """Writes users, and tells those whose address or password it changes."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        clock: Callable[[], datetime],
        outbox: Outbox,
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._clock = clock
        self._outbox = outbox

    def create(
        self,
        by: Authority,
        value: Mapping[str, Any],
        others: tuple[Operation, ...] = (),
        **details: Any,
    ) -> User:
        """One attempt at a new user, with what comes with him. Raises AlreadyTaken."""
        org, user_id = by.organization, value["id"]
        user = Put(keys.user(org, user_id), value, absent=True)
        operations: list[Operation] = [user, *moving(org, user_id, {}, value), *others]
        if _administers(value):
            organization = keys.organization(org)
            found = self._recent.get(organization).get(organization)
            operations += administrators.adding(found, user_id)
        told = {"subject": user_id, "role": value["role"], "permissions": value["permissions"]}
        if "invited_until" in value:
            told["invited_until"] = value["invited_until"]
        event = self._journal.event(org, by.actor, "user.create", **told, **details)
        try:
            committed = self._recent.commit(*operations, witness=event)
        except ConditionFailed as error:
            require_free(error, org, user_id, value)
            raise
        return read_user(Record(user.key, value, committed.versions[user.key]))

    def read(self, by: Authority, user_id: str, *others: Key) -> Held:
        """What an attempt begins with, in one read. Raises Missing."""
        key, organization = keys.user(by.organization, user_id), keys.organization(by.organization)
        profile = keys.profile(by.organization, user_id)
        found = self._recent.get(key, organization, profile, *others)
        user = found_user(found.get(key))
        return Held(user, found.get(organization), found.get(profile), found)

    def change(
        self,
        by: Authority,
        user_id: str,
        given: Mapping[str, Any],
        action: str,
        permissions: Mapping[str, Any] | None = None,
        proven: str | None = None,
    ) -> User:
        """One attempt at a change: write what differs.

        Args:
            by: on whose authority.
            user_id: which user.
            given: fields of his record.
            action: what the event calls it.
            permissions: what the event tells of them.
            proven: the stored password that he proved to know, where he changes his own.
        """
        session = own_session(by, user_id) if proven is not None else ()
        held = self.read(by, user_id, *session)
        if proven is not None and held.user.value["password"] != proven:
            raise WrongCurrentPassword  # it was the right one until a moment ago
        given = _keeping_name(held, given)
        value, changed = changed_value(held.user, given, self._clock())
        if not changed:
            return read_user(held.user)
        own = (held.others[one] for one in session if one in held.others)
        others = tuple(carried_on(one, value) for one in own)
        details = None if permissions is None else {"permissions": permissions}
        return self.write(by, held, Written(value, changed, action, others, details))

    def write(self, by: Authority, held: Held, written: Written) -> User:
        """One attempt at writing a user over what was read. Raises AlreadyTaken."""
        org, user, value = by.organization, held.user, written.value
        user_id = user.key.sort
        operations: list[Operation] = [Put(user.key, value, at=user.version), *written.others]
        operations += moving(org, user_id, user.value, value)
        operations += notices(self._outbox, org, user, value)
        if _administers(value):
            operations += administrators.adding(held.organization, user_id)
        else:
            disabled = value["role"] == Role.ADMIN
            operations += administrators.removing(held.organization, user_id, disabled=disabled)
        details: dict[str, Any] = {"subject": user_id, "changed": list(written.changed)}
        details |= {name: value[name] for name in ("role", "active") if name in written.changed}
        event = self._journal.event(
            org, by.actor, written.action, **details, **(written.details or {})
        )
        try:
            committed = self._recent.commit(*operations, witness=event)
        except ConditionFailed as error:
            require_free(error, org, user_id, value)
            raise
        return read_user(Record(user.key, value, committed.versions[user.key]))

    def delete(
        self,
        by: Authority,
        user_id: str,
        allowed: Callable[[Held], None] = lambda _: None,
        also: Callable[[str, str], Sequence[Operation]] = lambda _organization, _user_id: (),
        **details: Any,
    ) -> None:
        """One attempt at deleting a user with what he has.

        Args:
            by: on whose authority.
            user_id: which user.
            allowed: called with what was read; what it raises keeps him from being deleted.
            also: given the ids of organization and user, what is written in the same commit.
            details: what the event tells besides.
        """
        org, holder = by.organization, keys.reset_of(by.organization, user_id)
        held = self.read(by, user_id, holder)
        allowed(held)
        operations: list[Operation] = [
            Delete(held.user.key, at=held.user.version),
            *moving(org, user_id, held.user.value, {}),
            Delete(keys.profile(org, user_id)),
            Delete(keys.second_factor(org, user_id)),
            Delete(holder),
            *links.dropping(org, held.others.get(holder)),
            *administrators.removing(held.organization, user_id),
            *also(org, user_id),
        ]
        key_ids, deleting = deleting_keys_of(self._recent, org, user_id)
        operations += deleting
        # That he was in these groups does not fit into the commit: a reader clears it away.
        groups = list(groups_of(held.user))
        told = {"subject": user_id, "keys": list(key_ids), "groups": groups}
        event = self._journal.event(org, by.actor, "user.delete", **told, **details)
        self._recent.commit(*operations, witness=event)


def found_user(record: Record | None) -> Record:
    """The record, if it is there. Raises Missing."""
    if record is None:
        raise Missing("user")
    return record


def _keeping_name(held: Held, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is given, with the user name of who is provisioned where his address changes: the
    service goes on calling him as it did."""
    if held.profile is None or "email" not in given:
        return given
    user_name = read_user(held.user).user_name
    return {**given, "user_name": None if given["email"] == user_name else user_name}


def _administers(value: Mapping[str, Any]) -> bool:
    return value["role"] == Role.ADMIN and value["active"] is True
