"""Clears away what a group or user that is gone leaves of memberships.

Nothing rests on it: a group that is not there grants nothing, and a user who is not there is
nobody. So it is done afterwards, by whoever reads in the feed that one was deleted, in commits
that are bounded however large the group was, and that may be made again.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial

from auth.decisions import decided
from auth.memberships import USERS_AT_ONCE, groups_of, out_of
from storage import keys
from storage.metadata import Delete, Operation
from storage.metadata.recent import Recent

_DELETED_AT_ONCE = 90


class LeftMemberships:
    """What is left of memberships, in any organization."""

    def __init__(
        self, recent: Recent, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._recent = recent
        self._clock = clock

    def of_group(self, organization: str, group_id: str) -> None:
        """Clear away who was in a group that is gone, 30 a commit.

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
        """Clear away that a user who is gone was in groups. May be called again."""
        user = keys.user(organization, user_id)
        if user in self._recent.get(user):
            return
        left = [keys.member(organization, one, user_id) for one in dict.fromkeys(groups)]
        for start in range(0, len(left), _DELETED_AT_ONCE):
            self._recent.commit(*map(Delete, left[start : start + _DELETED_AT_ONCE]))

    def _clear(self, organization: str, group_id: str, users: Sequence[str]) -> None:
        """No event tells of it: that the group was deleted has told all."""
        found = self._recent.get(*(keys.user(organization, one) for one in users))
        now = self._clock()
        operations: list[Operation] = [
            out_of(user, group_id, now) for user in found.values() if group_id in groups_of(user)
        ]
        operations += (Delete(keys.member(organization, group_id, one)) for one in users)
        self._recent.commit(*operations)
