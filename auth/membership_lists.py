"""Who is in a group, read so that it is one state of the group and no mixture of two.

Every change of members raises the version of the group's record. So that is read before the
members and after them: where it is the same, nothing was decided in between.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from auth.errors import ChangedMeanwhile, Missing
from auth.membership_entries import Entry, read_member
from storage import keys
from storage.metadata import Record
from storage.metadata.operations import KEYS_PER_GET
from storage.metadata.recent import Recent

_TRIES = 20
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class MembersPage:
    """A group's record, the ids of some who are in it, in order, and where it goes on."""

    group: Record
    users: tuple[str, ...]
    next: str | None


class MembershipLists:
    """Reads the members of groups, in any organization."""

    def __init__(self, recent: Recent, sleep: Callable[[float], None] = time.sleep) -> None:
        self._recent = recent
        self._sleep = sleep

    def page(self, organization: str, group_id: str, after: str, limit: int) -> MembersPage:
        """A page of at most `limit`, which may be short, of one state of the group.

        Raises:
            Missing: there is no such group.
            ChangedMeanwhile: it changes more quickly than it is read.
        """
        partition = keys.members(organization, group_id)

        def read(group: Record) -> MembersPage:
            page = self._recent.query(partition, "", after, limit)
            there = (one.key.sort for one in page.records if _is_in(group, one))
            return MembersPage(group, tuple(there), page.next)

        return self._steadily(organization, group_id, read)

    def all(self, organization: str, group_id: str) -> MembersPage:
        """All members in one state of the group. Raises as `page`."""
        partition = keys.members(organization, group_id)

        def read(group: Record) -> MembersPage:
            found = self._recent.query_all(partition)
            there = (one.key.sort for one in found if _is_in(group, one))
            return MembersPage(group, tuple(there), None)

        return self._steadily(organization, group_id, read)

    def entries(
        self, organization: str, group_id: str, users: Collection[str] | None
    ) -> dict[str, Entry]:
        """What the records beside a group say of these users, or with None of all that it has;
        whoever is not there has none. Of one state only where the group has not changed since
        before: it is for who writes on that condition."""
        return {
            record.key.sort: read_member(group_id, record)
            for record in self._members(organization, group_id, users)
        }

    def _members(
        self, organization: str, group_id: str, users: Collection[str] | None
    ) -> Iterator[Record]:
        if users is None:
            yield from self._recent.query_all(keys.members(organization, group_id))
            return
        wanted = [keys.member(organization, group_id, one) for one in sorted(users)]
        for start in range(0, len(wanted), KEYS_PER_GET):
            yield from self._recent.get(*wanted[start : start + KEYS_PER_GET]).values()

    def _steadily(
        self, organization: str, group_id: str, read: Callable[[Record], MembersPage]
    ) -> MembersPage:
        key = keys.group(organization, group_id)
        before = self._recent.get(key).get(key)
        for made in range(_TRIES):
            if before is None:
                raise Missing("group")
            page = read(before)
            after = self._recent.get(key).get(key)
            if after is not None and after.version == before.version:
                return page
            before = after
            self._sleep(_PAUSE_SECONDS * random.uniform(0, made))
        raise ChangedMeanwhile


def _is_in(group: Record, member: Record) -> bool:
    return read_member(group.key.sort, member).holds(group.value)
