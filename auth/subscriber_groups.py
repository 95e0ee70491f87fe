"""Subscriber groups: which repositories whoever is in one may read.

Deleting a group takes them from all at once, because a group that is not there grants nothing.
Then those who were in it are taken out of it: a record that names what is gone costs each of
their requests a read.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from auth.decisions import decided
from auth.errors import InvalidField, Missing
from auth.fields import GivenGrants, parse_grants, parse_name
from auth.principals import Action, Authority
from auth.records import Listing, grants_value, is_id, new_id, time_text
from auth.subscriber_members import SubscriberMembers
from auth.subscriber_records import SubscriberGroup, read_subscriber_group
from storage import keys
from storage.events import Journal
from storage.metadata import Delete, Key, Put, Record
from storage.metadata.recent import Recent

PAGE_MOST = 1000


class SubscriberGroups:
    """The groups of whatever organization the authority is for, which has to manage it."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._clock = clock
        self._members = SubscriberMembers(recent, journal, clock)

    def create(
        self, by: Authority, *, name: str, reads: Collection[str], existing: Collection[str]
    ) -> SubscriberGroup:
        """Make a group.

        Args:
            by: on whose authority.
            name: what it is called; another one may be called the same.
            reads: ids of repositories and patterns of names: what is read by who is in it.
            existing: ids of repositories that exist, those of `reads` at least.

        Raises:
            Forbidden, InvalidField.
        """
        by.require_admin()
        now = time_text(self._clock())
        value: dict[str, Any] = {
            "id": new_id(),
            "name": parse_name(name),
            "permissions": _reading(reads, existing),
            "created": now,
            "updated": now,
        }
        key = keys.subscriber_group(by.organization, value["id"])
        event = self._journal.event(
            by.organization,
            by.actor,
            "subscriber-group.create",
            subject=value["id"],
            permissions=value["permissions"],
        )
        committed = self._recent.commit(Put(key, value, absent=True), witness=event)
        return read_subscriber_group(Record(key, value, committed.versions[key]))

    def needs(self, organization: str, group_id: str) -> tuple[Key, ...]:
        """What `get` rests on, for who reads it with more besides."""
        return (keys.subscriber_group(organization, group_id),) if is_id(group_id) else ()

    def get(
        self, by: Authority, group_id: str, records: Mapping[Key, Record] | None = None
    ) -> SubscriberGroup:
        """A group; `records` are those of `needs` that exist, where they were read afresh.

        Raises Missing, Forbidden.
        """
        by.require_admin()
        return read_subscriber_group(self._find(by, group_id, records))

    def list(self, by: Authority, after: str = "", limit: int = 100) -> Listing[SubscriberGroup]:
        """Groups in the order of their ids. Raises Forbidden."""
        by.require_admin()
        if not 1 <= limit <= PAGE_MOST:
            raise InvalidField("limit", f"lies between 1 and {PAGE_MOST}")
        page = self._recent.query(keys.subscriber_groups(by.organization), "", after, limit)
        return Listing(tuple(read_subscriber_group(one) for one in page.records), page.next)

    def update(
        self,
        by: Authority,
        group_id: str,
        *,
        name: str | None = None,
        reads: Collection[str] | None = None,
        existing: Collection[str] = (),
    ) -> SubscriberGroup:
        """Change a group's name, and all that is read by who is in it; None leaves it.

        Raises Missing, Forbidden, InvalidField.
        """
        by.require_admin()
        given: dict[str, Any] = {}
        if name is not None:
            given["name"] = parse_name(name)
        if reads is not None:
            given["permissions"] = _reading(reads, existing)
        return decided(lambda: self._change(by, group_id, given))

    def delete(self, by: Authority, group_id: str) -> None:
        """Delete a group, and take everybody out of it: 40 a commit. One that broke off behind
        its first commit is ended by another. Raises Missing, Forbidden."""
        by.require_admin()
        deleted = decided(lambda: self._delete(by, group_id))
        cleared = self._members.clear(by.organization, group_id)
        if not deleted and not cleared:
            raise Missing("group")

    def _change(self, by: Authority, group_id: str, given: Mapping[str, Any]) -> SubscriberGroup:
        record = self._find(by, group_id)
        changed = {name: value for name, value in given.items() if record.value[name] != value}
        if not changed:
            return read_subscriber_group(record)
        value = {**record.value, **changed, "updated": time_text(self._clock())}
        details: dict[str, Any] = {"subject": group_id, "changed": sorted(changed)}
        if "permissions" in changed:
            details["permissions"] = value["permissions"]
        event = self._journal.event(by.organization, by.actor, "subscriber-group.update", **details)
        put = Put(record.key, value, at=record.version)
        committed = self._recent.commit(put, witness=event)
        return read_subscriber_group(Record(record.key, value, committed.versions[record.key]))

    def _delete(self, by: Authority, group_id: str) -> bool:
        """Whether it was there to be deleted."""
        try:
            record = self._find(by, group_id)
        except Missing:
            return False
        event = self._journal.event(
            by.organization, by.actor, "subscriber-group.delete", subject=group_id
        )
        self._recent.commit(Delete(record.key, at=record.version), witness=event)
        return True

    def _find(
        self, by: Authority, group_id: str, records: Mapping[Key, Record] | None = None
    ) -> Record:
        if not is_id(group_id):
            raise Missing("group")
        key = keys.subscriber_group(by.organization, group_id)
        record = (self._recent.get(key) if records is None else records).get(key)
        if record is None:
            raise Missing("group")
        return record


def _reading(reads: Collection[str], existing: Collection[str]) -> dict[str, list[str]]:
    """What is granted, as values hold it: reading, and never anything else."""
    given: GivenGrants = dict.fromkeys(reads, (Action.READ,))
    return grants_value(parse_grants(given, existing, "repositories"))
