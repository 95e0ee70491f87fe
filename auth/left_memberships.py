"""Clears away what a group or user that is gone leaves of memberships.

Nothing rests on it: a group that is not there grants nothing, and a user who is not there is
nobody. So it is done afterwards, by whoever reads in the feed that one was deleted, in commits
that are bounded however large the group was, and that may be made again.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial

from auth.decisions import decided
from auth.membership_entries import USERS_AT_ONCE, groups_of, rewriting
from storage import keys
from storage.events import SYSTEM, Journal
from storage.metadata import Add, Delete, Operation
from storage.metadata.recent import Recent


class LeftMemberships:
    """What is left of memberships, in any organization."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._clock = clock

    def of_group(self, organization: str, group_id: str) -> None:
        """Clear away who was in a group that is gone, 45 a commit.

        May be called again, also where it broke off. Nothing is done to a group that is there.
        """
        group = keys.group(organization, group_id)
        if group in self._recent.get(group):
            return
        partition = keys.members(organization, group_id)
        after: str | None = ""
        while after is not None:
            page = self._recent.query(partition, "", after, USERS_AT_ONCE)
            users = [record.key.sort for record in page.records]
            if users:
                decided(partial(self._clear, organization, group_id, users))
            after = page.next

    def of_user(self, organization: str, user_id: str, groups: Iterable[str]) -> None:
        """Clear away that a user who is gone was in groups. May be called again.

        Whoever deletes users may do so at once, so that no list of a group names one for long.
        """
        user = keys.user(organization, user_id)
        if user in self._recent.get(user):
            return
        left = list(dict.fromkeys(groups))
        for start in range(0, len(left), USERS_AT_ONCE):
            some = left[start : start + USERS_AT_ONCE]
            decided(partial(self._forget, organization, user_id, some))

    def _clear(self, organization: str, group_id: str, users: Sequence[str]) -> None:
        """One attempt at some users of a group."""
        found = self._recent.get(*(keys.user(organization, one) for one in users))
        now = self._clock()
        operations: list[Operation] = []
        for one in users:
            user = found.get(keys.user(organization, one))
            if user is not None and group_id in groups_of(user):
                operations += rewriting(organization, user, group_id, None, now)
            else:
                operations.append(Delete(keys.member(organization, group_id, one)))
        event = self._journal.event(
            organization, SYSTEM, "group.members.clear", subject=group_id, users=len(users)
        )
        self._recent.commit(*operations, witness=event)

    def _forget(self, organization: str, user_id: str, groups: Sequence[str]) -> None:
        """One attempt at some groups of a user, each of which is another one without him."""
        members = [keys.member(organization, one, user_id) for one in groups]
        places = [keys.group(organization, one) for one in groups]
        found = self._recent.get(*members, *places)
        left = [one for one in members if one in found]
        if not left:
            return
        there = [
            place
            for one, place in zip(members, places, strict=True)
            if {one, place} <= found.keys()
        ]
        event = self._journal.event(
            organization, SYSTEM, "group.members.clear", subject=user_id, groups=len(left)
        )
        self._recent.commit(
            *map(Delete, left), *(Add(place, {"revision": 1}) for place in there), witness=event
        )
