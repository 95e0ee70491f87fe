"""The users of an organization: made, shown, changed and deleted, each with its event.

One e-mail address is one user: the address has a record of its own, in the same commit. A
user's keys are good only while his record is there, so deleting it ends them at once; they
are still deleted in that commit, so that nothing is left over.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from auth import administrators
from auth.decisions import decided
from auth.emails import EmailAddress, email_key, parse_email
from auth.errors import AlreadyTaken, InvalidField, Missing
from auth.fields import GivenGrants, parse_grants, parse_name, parse_role
from auth.key_records import deleting_keys_of
from auth.passwords import STRONG, Parameters, hash_password, normalize
from auth.principals import Authority, Role
from auth.records import (
    Listing,
    User,
    grants_value,
    is_id,
    new_id,
    read_owner,
    read_user,
    time_text,
)
from auth.slow_hashes import SlowHashes
from auth.user_changes import UserChanges, require_change
from storage import keys
from storage.events import Journal
from storage.metadata import ConditionFailed, Delete, Key, Operation, Put, Record
from storage.metadata.recent import Recent

PAGE_MOST = 1000


class Users:
    """The users of whatever organization the authority is for."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        slow_hashes: SlowHashes,
        parameters: Parameters = STRONG,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._slow_hashes = slow_hashes
        self._parameters = parameters
        self._clock = clock

    def create(
        self,
        by: Authority,
        *,
        email: str,
        name: str,
        role: str,
        password: str | None = None,
        active: bool = True,
        permissions: GivenGrants | None = None,
        repositories: Collection[str] = (),
    ) -> User:
        """Make a user. `repositories` are ids that exist, those of `permissions` at least.

        Raises:
            Forbidden: not an administrator.
            InvalidField: naming the field; AlreadyTaken for the address of another user.
            LimitReached: there are 500 administrators.
        """
        by.require_admin()
        address = parse_email(email)
        grants = parse_grants(permissions or {}, repositories, "permissions")
        now = time_text(self._clock())
        value = {
            "id": new_id(),
            "email": address.text,
            "name": parse_name(name),
            "role": parse_role(role).value,
            "password": self._hash(password),
            "active": active,
            "permissions": grants_value(grants),
            "created": now,
            "updated": now,
        }
        return decided(lambda: self._create(by, address, value))

    def needs(self, organization: str, user_id: str) -> tuple[Key, ...]:
        """What `get` rests on, for who reads it with more besides."""
        return (keys.user(organization, user_id),) if is_id(user_id) else ()

    def get(self, by: Authority, user_id: str, records: Mapping[Key, Record] | None = None) -> User:
        """A user, for administrators and himself, but not by a key with scopes.

        Args:
            by: on whose authority.
            user_id: which user.
            records: what the caller has read afresh; without the user's, it is read here.

        Raises:
            Missing.
        """
        seen = by.manages or (by.is_user(user_id) and by.scoped_key is None)
        if not is_id(user_id) or not seen:
            raise Missing("user")
        key = keys.user(by.organization, user_id)
        record = None if records is None else records.get(key)
        return read_user(_found(record or self._recent.get(key).get(key)))

    def find(self, by: Authority, email: str) -> User:
        """The user with that address, for administrators. Raises Missing, Forbidden."""
        by.require_admin()
        try:
            key = email_key(by.organization, parse_email(email))
        except InvalidField as error:
            raise Missing("user") from error
        return self.get(by, read_owner(_found(self._recent.get(key).get(key))))

    def list(self, by: Authority, after: str = "", limit: int = 100) -> Listing[User]:
        """Users in the order of their ids, for administrators. Raises Forbidden."""
        by.require_admin()
        if not 1 <= limit <= PAGE_MOST:
            raise InvalidField("limit", f"lies between 1 and {PAGE_MOST}")
        page = self._recent.query(keys.users(by.organization), "", after, limit)
        return Listing(tuple(read_user(record) for record in page.records), page.next)

    def update(self, by: Authority, user_id: str, changes: UserChanges) -> User:
        """Change a user; an administrator anyone, a user his own name and password.

        Raises:
            Missing, Forbidden: as the authority allows.
            InvalidField: naming the field; AlreadyTaken for the address of another user.
            LastAdministrator: he would no longer be an active one.
        """
        require_change(by, user_id, changes)
        given: dict[str, Any] = {}
        if changes.email is not None:
            given["email"] = parse_email(changes.email).text
        if changes.name is not None:
            given["name"] = parse_name(changes.name)
        if changes.role is not None:
            given["role"] = parse_role(changes.role).value
        if changes.active is not None:
            given["active"] = changes.active
        if changes.password is not None:
            given["password"] = self._hash(changes.password)
        return decided(lambda: self._change(by, user_id, given, "user.update"))

    def set_permissions(
        self,
        by: Authority,
        user_id: str,
        permissions: GivenGrants,
        repositories: Collection[str],
    ) -> User:
        """Replace what a user is granted, all of it. `repositories` are ids that exist.

        Raises:
            Missing, Forbidden, InvalidField.
        """
        by.require_admin()
        _require_id(user_id)
        value = grants_value(parse_grants(permissions, repositories, "permissions"))
        return decided(
            lambda: self._change(by, user_id, {"permissions": value}, "user.permissions", value)
        )

    def delete(self, by: Authority, user_id: str) -> None:
        """Delete a user with his keys.

        Raises:
            Missing, Forbidden.
            LastAdministrator: nobody would be left.
        """
        by.require_admin()
        _require_id(user_id)
        decided(lambda: self._delete(by, user_id))

    def _create(self, by: Authority, address: EmailAddress, value: Mapping[str, Any]) -> User:
        user_id = value["id"]
        user = Put(keys.user(by.organization, user_id), value, absent=True)
        email = Put(email_key(by.organization, address), {"user": user_id}, absent=True)
        operations: list[Operation] = [user, email]
        if _administers(value):
            organization = keys.organization(by.organization)
            found = self._recent.get(organization).get(organization)
            operations += administrators.adding(found, user_id)
        event = self._journal.event(
            by.organization, by.actor, "user.create", subject=user_id, role=value["role"]
        )
        try:
            committed = self._recent.commit(*operations, witness=event)
        except ConditionFailed as error:
            if email.key in error.found:
                raise AlreadyTaken("email") from error
            raise
        return read_user(Record(user.key, value, committed.versions[user.key]))

    def _change(
        self,
        by: Authority,
        user_id: str,
        given: Mapping[str, Any],
        action: str,
        permissions: Mapping[str, Any] | None = None,
    ) -> User:
        """One attempt at `update` and `set_permissions`: write what differs."""
        key, organization = keys.user(by.organization, user_id), keys.organization(by.organization)
        records = self._recent.get(key, organization)
        record = _found(records.get(key))
        changed = {name: value for name, value in given.items() if record.value[name] != value}
        if not changed:
            return read_user(record)
        value = {**record.value, **changed, "updated": time_text(self._clock())}
        old, new = parse_email(record.value["email"]), parse_email(value["email"])
        operations: list[Operation] = [Put(key, value, at=record.version)]
        new_email = email_key(by.organization, new)
        if new != old:
            operations.append(Put(new_email, {"user": user_id}, absent=True))
            operations.append(Delete(email_key(by.organization, old)))
        if _administers(value):
            operations += administrators.adding(records.get(organization), user_id)
        else:
            operations += administrators.removing(records.get(organization), user_id)
        details: dict[str, Any] = {"subject": user_id, "changed": sorted(changed)}
        if "role" in changed:
            details["role"] = value["role"]
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

    def _delete(self, by: Authority, user_id: str) -> None:
        key, organization = keys.user(by.organization, user_id), keys.organization(by.organization)
        records = self._recent.get(key, organization)
        record = _found(records.get(key))
        email = email_key(by.organization, parse_email(record.value["email"]))
        operations: list[Operation] = [Delete(key, at=record.version), Delete(email)]
        operations += administrators.removing(records.get(organization), user_id)
        key_ids, deleting = deleting_keys_of(self._recent, by.organization, user_id)
        operations += deleting
        event = self._journal.event(
            by.organization, by.actor, "user.delete", subject=user_id, keys=list(key_ids)
        )
        self._recent.commit(*operations, witness=event)

    def _hash(self, password: str | None) -> str | None:
        if password is None:
            return None
        normalize(password)  # what is refused is refused before it waits for a slot
        with self._slow_hashes.slot():
            return hash_password(password, self._parameters)


def _administers(value: Mapping[str, Any]) -> bool:
    return value["role"] == Role.ADMIN and value["active"] is True


def _found(record: Record | None) -> Record:
    if record is None:
        raise Missing("user")
    return record


def _require_id(user_id: str) -> None:
    if not is_id(user_id):
        raise Missing("user")
