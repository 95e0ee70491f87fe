"""The groups of an organization: made, shown, changed and deleted, each with its event.

A group carries grants for all who are in it (`auth/memberships.py`). One name is one group, and so
is what a provisioning service calls it: each has a record of its own, in the same commit. Deleting
a group takes its grants from everybody at once, because a group that is not there grants nothing;
who was in it is cleared away later.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from auth.decisions import decided
from auth.errors import InvalidField, Missing
from auth.external_ids import parse_external_id
from auth.fields import GivenGrants, parse_grants, parse_name
from auth.group_names import name_key, naming, taken
from auth.group_records import deleting, found_group, require_group_id
from auth.held_groups import HeldGroups
from auth.principals import Authority
from auth.records import (
    Group,
    Listing,
    User,
    grants_value,
    is_id,
    new_id,
    read_group,
    time_text,
)
from storage import keys
from storage.events import Journal
from storage.metadata import ConditionFailed, Key, Put, Record
from storage.metadata.recent import Recent

PAGE_MOST = 1000


@dataclass(frozen=True, slots=True)
class GroupChanges:
    """What to change about a group; None leaves a thing as it is.

    An empty `external_id` takes it away.
    """

    name: str | None = field(default=None, repr=False)
    external_id: str | None = field(default=None, repr=False)


class Groups:
    """The groups of whatever organization the authority is for, which has to manage it."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._held = HeldGroups(recent)
        self._journal = journal
        self._clock = clock

    def create(
        self,
        by: Authority,
        *,
        name: str,
        permissions: GivenGrants | None = None,
        repositories: Collection[str] = (),
        external_id: str | None = None,
    ) -> Group:
        """Make a group. `repositories` are ids that exist, those of `permissions` at least.

        Raises:
            Forbidden: not an administrator.
            InvalidField: naming the field; AlreadyTaken for what another group has.
        """
        by.require_admin()
        grants = parse_grants(permissions or {}, repositories, "permissions")
        now = time_text(self._clock())
        value: dict[str, Any] = {
            "id": new_id(),
            "name": parse_name(name),
            "permissions": grants_value(grants),
            "created": now,
            "updated": now,
        }
        if external_id:
            value["external_id"] = parse_external_id(external_id)
        return decided(lambda: self._create(by, value))

    def needs(self, organization: str, group_id: str) -> tuple[Key, ...]:
        """What `get` rests on, for who reads it with more besides."""
        return (keys.group(organization, group_id),) if is_id(group_id) else ()

    def get(
        self, by: Authority, group_id: str, records: Mapping[Key, Record] | None = None
    ) -> Group:
        """A group; `records` are those of `needs` that exist, where they were read afresh.

        Raises Missing, Forbidden.
        """
        by.require_admin()
        require_group_id(group_id)
        key = keys.group(by.organization, group_id)
        found = self._recent.get(key) if records is None else records
        return read_group(found_group(found.get(key)))

    def find(self, by: Authority, name: str) -> Group:
        """The group of that name, in whatever case. Raises Missing, Forbidden."""
        by.require_admin()
        try:
            key = name_key(by.organization, parse_name(name))
        except InvalidField as error:
            raise Missing("group") from error
        return self.get(by, str(found_group(self._recent.get(key).get(key)).value["group"]))

    def list(self, by: Authority, after: str = "", limit: int = 100) -> Listing[Group]:
        """Groups in the order of their ids. Raises Forbidden."""
        by.require_admin()
        if not 1 <= limit <= PAGE_MOST:
            raise InvalidField("limit", f"lies between 1 and {PAGE_MOST}")
        page = self._recent.query(keys.groups(by.organization), "", after, limit)
        return Listing(tuple(read_group(record) for record in page.records), page.next)

    def those(
        self,
        organization: str,
        entries: Iterable[str],
        records: Mapping[Key, Record] | None = None,
    ) -> tuple[Group, ...]:
        """The groups that somebody is in, in the order of their names, for who may know of them:
        one read for 100 that `records` do not hold.

        `entries` are what his record says of groups: ids, or what hangs on a change of members
        that the group's record tells of.
        """
        return self._held.those(organization, entries, records or {})

    def of_users(
        self, organization: str, users: Collection[User]
    ) -> Mapping[str, tuple[Group, ...]]:
        """The groups of each of some users, by his id: as `those`, for all of them together."""
        return self._held.of_users(organization, users)

    def update(self, by: Authority, group_id: str, changes: GroupChanges) -> Group:
        """Change a group's name, or what it is called elsewhere.

        Raises:
            Missing, Forbidden.
            InvalidField: naming the field; AlreadyTaken for what another group has.
        """
        by.require_admin()
        require_group_id(group_id)
        given: dict[str, Any] = {}
        if changes.name is not None:
            given["name"] = parse_name(changes.name)
        if changes.external_id is not None:
            external = changes.external_id
            given["external_id"] = parse_external_id(external) if external else None
        return decided(lambda: self._change(by, group_id, given, "group.update"))

    def set_permissions(
        self,
        by: Authority,
        group_id: str,
        permissions: GivenGrants,
        repositories: Collection[str],
    ) -> Group:
        """Replace what a group grants, all of it. `repositories` are ids that exist.

        Raises Missing, Forbidden, InvalidField.
        """
        by.require_admin()
        require_group_id(group_id)
        value = grants_value(parse_grants(permissions, repositories, "permissions"))
        return decided(
            lambda: self._change(by, group_id, {"permissions": value}, "group.permissions")
        )

    def delete(self, by: Authority, group_id: str) -> None:
        """Delete a group; what it granted is granted to nobody any more. Raises Missing,
        Forbidden."""
        by.require_admin()
        require_group_id(group_id)
        decided(lambda: self._delete(by, group_id))

    def _create(self, by: Authority, value: Mapping[str, Any]) -> Group:
        put = Put(keys.group(by.organization, value["id"]), value, absent=True)
        details = {"subject": value["id"], "permissions": value["permissions"]}
        return self._write(by, put, {}, "group.create", details)

    def _change(self, by: Authority, group_id: str, given: Mapping[str, Any], action: str) -> Group:
        """One attempt at `update` and `set_permissions`: write what differs."""
        key = keys.group(by.organization, group_id)
        record = found_group(self._recent.get(key).get(key))
        changed = {name: value for name, value in given.items() if record.value.get(name) != value}
        if not changed:
            return read_group(record)
        value = {**record.value, **changed, "updated": time_text(self._clock())}
        details: dict[str, Any] = {"subject": group_id, "changed": sorted(changed)}
        if "permissions" in changed:
            details["permissions"] = value["permissions"]
        return self._write(by, Put(key, value, at=record.version), record.value, action, details)

    def _write(
        self,
        by: Authority,
        put: Put,
        old: Mapping[str, Any],
        action: str,
        details: Mapping[str, Any],
    ) -> Group:
        """Write a group with its names in place of what it was."""
        names = naming(by.organization, put.key.sort, old, put.value)
        event = self._journal.event(by.organization, by.actor, action, **details)
        try:
            committed = self._recent.commit(put, *names, witness=event)
        except ConditionFailed as error:
            other = taken(error, by.organization, put.value, put.key.sort)
            if other is not None:
                raise other from error
            raise
        return read_group(Record(put.key, put.value, committed.versions[put.key]))

    def _delete(self, by: Authority, group_id: str) -> None:
        key = keys.group(by.organization, group_id)
        record = found_group(self._recent.get(key).get(key))
        self._recent.commit(
            *deleting(by.organization, record),
            witness=self._journal.event(
                by.organization, by.actor, "group.delete", subject=group_id
            ),
        )
