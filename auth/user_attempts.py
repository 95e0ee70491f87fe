"""One attempt at each change of a user: fresh records read, and one commit on their versions.

Whoever lost a race gets ConditionFailed, and is decided anew (`auth.decisions`).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from auth import administrators
from auth.emails import EmailAddress, email_key, parse_email
from auth.errors import AlreadyTaken, Missing
from auth.key_records import deleting_keys_of
from auth.memberships import groups_of
from auth.own_password import WrongCurrentPassword
from auth.principals import Authority, Role
from auth.records import User, read_user
from auth.user_changes import carried_on, changed_value, own_session
from storage import keys
from storage.events import Journal
from storage.metadata import ConditionFailed, Delete, Operation, Put, Record
from storage.metadata.recent import Recent


class UserAttempts:
    """Writes users."""

    def __init__(self, recent: Recent, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._recent = recent
        self._journal = journal
        self._clock = clock

    def create(
        self,
        by: Authority,
        address: EmailAddress,
        value: Mapping[str, Any],
        invitation: tuple[Operation, ...],
    ) -> User:
        """One attempt at a new user, with what invites him. Raises AlreadyTaken."""
        user_id = value["id"]
        user = Put(keys.user(by.organization, user_id), value, absent=True)
        email = Put(email_key(by.organization, address), {"user": user_id}, absent=True)
        operations: list[Operation] = [user, email, *invitation]
        if _administers(value):
            organization = keys.organization(by.organization)
            found = self._recent.get(organization).get(organization)
            operations += administrators.adding(found, user_id)
        details = {
            "subject": user_id,
            "role": value["role"],
            "permissions": value["permissions"],
        }
        if invitation:
            details["invited_until"] = value["invited_until"]
        event = self._journal.event(by.organization, by.actor, "user.create", **details)
        try:
            committed = self._recent.commit(*operations, witness=event)
        except ConditionFailed as error:
            if email.key in error.found:
                raise AlreadyTaken("email") from error
            raise
        return read_user(Record(user.key, value, committed.versions[user.key]))

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
        key, organization = keys.user(by.organization, user_id), keys.organization(by.organization)
        session = own_session(by, user_id) if proven is not None else ()
        records = self._recent.get(key, organization, *session)
        record = found_user(records.get(key))
        if proven is not None and record.value["password"] != proven:
            raise WrongCurrentPassword  # it was the right one until a moment ago
        value, changed = changed_value(record, given, self._clock())
        if not changed:
            return read_user(record)
        old, new = parse_email(record.value["email"]), parse_email(value["email"])
        operations: list[Operation] = [Put(key, value, at=record.version)]
        operations += (carried_on(records[one], value) for one in session if one in records)
        new_email = email_key(by.organization, new)
        if new != old:
            operations.append(Put(new_email, {"user": user_id}, absent=True))
            operations.append(Delete(email_key(by.organization, old)))
        if _administers(value):
            operations += administrators.adding(records.get(organization), user_id)
        else:
            operations += administrators.removing(records.get(organization), user_id)
        details: dict[str, Any] = {"subject": user_id, "changed": changed}
        details |= {name: value[name] for name in ("role", "active") if name in changed}
        if "active" in changed:
            details["active"] = value["active"]
        if permissions is not None:
            details["permissions"] = permissions
        event = self._journal.event(by.organization, by.actor, action, **details)
        try:
            committed = self._recent.commit(*operations, witness=event)
        except ConditionFailed as error:
            if new_email in error.found:
                raise AlreadyTaken("email") from error
            raise
        return read_user(Record(key, value, committed.versions[key]))

    def delete(self, by: Authority, user_id: str) -> None:
        """One attempt at deleting a user with what he has."""
        key, organization = keys.user(by.organization, user_id), keys.organization(by.organization)
        records = self._recent.get(key, organization)
        record = found_user(records.get(key))
        email = email_key(by.organization, parse_email(record.value["email"]))
        operations: list[Operation] = [Delete(key, at=record.version), Delete(email)]
        operations.append(Delete(keys.second_factor(by.organization, user_id)))
        operations.append(Delete(keys.reset_of(by.organization, user_id)))
        operations += administrators.removing(records.get(organization), user_id)
        key_ids, deleting = deleting_keys_of(self._recent, by.organization, user_id)
        operations += deleting
        # That he was in these groups does not fit into the commit: a reader clears it away.
        event = self._journal.event(
            by.organization,
            by.actor,
            "user.delete",
            subject=user_id,
            keys=list(key_ids),
            groups=list(groups_of(record)),
        )
        self._recent.commit(*operations, witness=event)


def found_user(record: Record | None) -> Record:
    """The record, if it is there. Raises Missing."""
    if record is None:
        raise Missing("user")
    return record


def _administers(value: Mapping[str, Any]) -> bool:
    return value["role"] == Role.ADMIN and value["active"] is True
