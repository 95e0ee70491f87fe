"""Who is in which subscriber group: written in his own record, and beside the group.

Both in one commit, so that neither can tell otherwise.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from auth.decisions import decided
from auth.errors import InvalidField, LimitReached, Missing
from auth.principals import Authority
from auth.records import Listing, is_id
from auth.subscriber_records import (
    GROUPS_MOST,
    Subscriber,
    groups_of,
    read_subscriber,
    written,
)
from storage import keys
from storage.events import Journal
from storage.metadata import Check, Delete, Key, Operation, Put, Record, Witness
from storage.metadata.operations import KEYS_PER_GET
from storage.metadata.recent import Recent

PAGE_MOST = 1000
#: Who is taken out of a group in one commit: two operations each.
_SUBSCRIBERS_AT_ONCE = 40


class SubscriberMembers:
    """The members of the groups of whatever organization the authority is for."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._clock = clock

    def list(
        self, by: Authority, group_id: str, after: str = "", limit: int = 100
    ) -> Listing[Subscriber]:
        """Who is in a group, in the order of their ids; a page may be short where one was
        deleted just now. Raises Missing, Forbidden."""
        by.require_admin()
        if not 1 <= limit <= PAGE_MOST:
            raise InvalidField("limit", f"lies between 1 and {PAGE_MOST}")
        group = keys.subscriber_group(by.organization, group_id)
        if not is_id(group_id) or group not in self._recent.get(group):
            raise Missing("group")
        org = by.organization
        page = self._recent.query(keys.subscribers_of(org, group_id), "", after, limit)
        wanted = [keys.subscriber(org, record.key.sort) for record in page.records]
        found: dict[Key, Record] = {}
        for start in range(0, len(wanted), KEYS_PER_GET):
            found |= self._recent.get(*wanted[start : start + KEYS_PER_GET])
        there = tuple(read_subscriber(found[key]) for key in wanted if key in found)
        return Listing(there, page.next)

    def add(self, by: Authority, group_id: str, subscriber_id: str) -> None:
        """Have a subscriber in a group; he may be in it. Raises Missing, Forbidden,
        LimitReached."""
        by.require_admin()
        decided(lambda: self._join(by, group_id, subscriber_id))

    def remove(self, by: Authority, group_id: str, subscriber_id: str) -> None:
        """Take a subscriber out of a group. Raises Missing: also where he is not in it;
        Forbidden."""
        by.require_admin()
        decided(lambda: self._leave(by, group_id, subscriber_id))

    def clear(self, organization: str, group_id: str) -> bool:
        """Take everybody out of a group that is gone; whether anybody was in it."""
        if not is_id(group_id):
            return False
        partition, any_, after = keys.subscribers_of(organization, group_id), False, ""
        while True:
            page = self._recent.query(partition, "", after, _SUBSCRIBERS_AT_ONCE)
            some = [record.key.sort for record in page.records]
            if some:
                any_ = True
                decided(partial(self._take_out, organization, group_id, some))
            if page.next is None:
                return any_
            after = page.next

    def _take_out(self, organization: str, group_id: str, ids: Sequence[str]) -> None:
        """No event tells of it: that the group was deleted has told all."""
        found = self._recent.get(*(keys.subscriber(organization, one) for one in ids))
        now = self._clock()
        operations: list[Operation] = [
            written(record, {"groups": _without(record, group_id)}, now)
            for record in found.values()
            if group_id in groups_of(record)
        ]
        operations += (Delete(keys.subscriber_of(organization, group_id, one)) for one in ids)
        self._recent.commit(*operations)

    def _join(self, by: Authority, group_id: str, subscriber_id: str) -> None:
        group, record = self._both(by, group_id, subscriber_id)
        present = groups_of(record)
        if group_id in present:
            return
        if len(present) >= GROUPS_MOST:
            raise LimitReached("groups for a subscriber", GROUPS_MOST)
        member = keys.subscriber_of(by.organization, group_id, subscriber_id)
        self._recent.commit(
            written(record, {"groups": [*present, group_id]}, self._clock()),
            Put(member, {"subscriber": subscriber_id}),
            Check(group.key),
            witness=self._members_event(by, group_id, "added", subscriber_id),
        )

    def _leave(self, by: Authority, group_id: str, subscriber_id: str) -> None:
        _, record = self._both(by, group_id, subscriber_id)
        if group_id not in groups_of(record):
            raise Missing("member")
        self._recent.commit(
            written(record, {"groups": _without(record, group_id)}, self._clock()),
            Delete(keys.subscriber_of(by.organization, group_id, subscriber_id)),
            witness=self._members_event(by, group_id, "removed", subscriber_id),
        )

    def _members_event(self, by: Authority, group_id: str, how: str, subscriber_id: str) -> Witness:
        details: dict[str, list[str]] = {"added": [], "removed": []} | {how: [subscriber_id]}
        return self._journal.event(
            by.organization, by.actor, "subscriber-group.members", subject=group_id, **details
        )

    def _both(self, by: Authority, group_id: str, subscriber_id: str) -> tuple[Record, Record]:
        """A group and a subscriber. Raises Missing."""
        if not is_id(subscriber_id) or not is_id(group_id):
            raise Missing("group" if not is_id(group_id) else "subscriber")
        group = keys.subscriber_group(by.organization, group_id)
        subscriber = keys.subscriber(by.organization, subscriber_id)
        found = self._recent.get(group, subscriber)
        if group not in found:
            raise Missing("group")
        if subscriber not in found:
            raise Missing("subscriber")
        return found[group], found[subscriber]


def _without(subscriber: Record, group_id: str) -> list[str]:
    return [one for one in groups_of(subscriber) if one != group_id]
