"""Who is in which group: written twice, in one commit, so that neither can tell otherwise.

A user's record holds the ids of his groups, because every request of his reads that; and each
group has a record for each of its members, to be listed by. A change of some members is one
commit, however many others there are, and of many it is as good as one
(`auth/membership_changes.py`).
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from auth.errors import InvalidField, Missing
from auth.group_records import require_group_id
from auth.membership_changes import MembershipChanges
from auth.membership_entries import USERS_AT_ONCE
from auth.membership_lists import MembershipLists
from auth.membership_wishes import Wish
from auth.principals import Authority
from auth.records import Listing, User, is_id, read_user
from storage import keys
from storage.events import Journal
from storage.metadata import Key, Record
from storage.metadata.operations import KEYS_PER_GET
from storage.metadata.recent import Recent

PAGE_MOST = 1000


@dataclass(frozen=True, slots=True)
class Changed:
    """The ids of who came into a group, and of who left it."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class Memberships:
    """The members of the groups of whatever organization the authority is for."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._recent = recent
        self._changes = MembershipChanges(recent, journal, clock, sleep)
        self._lists = MembershipLists(recent, sleep)

    def add(self, by: Authority, group_id: str, user_id: str) -> None:
        """Have a user in a group; he may be in it. Raises Missing, Forbidden, LimitReached."""
        by.require_admin()
        require_group_id(group_id)
        if not is_id(user_id):
            raise Missing("user")
        try:
            self._change(by, group_id, Wish(add=frozenset({user_id}), exact=False))
        except InvalidField as error:
            raise Missing("user") from error

    def remove(self, by: Authority, group_id: str, user_id: str) -> None:
        """Take a user out of a group. Raises Missing: also where he is not in it; Forbidden."""
        by.require_admin()
        require_group_id(group_id)
        if not is_id(user_id):
            raise Missing("member")
        wish = Wish(remove=frozenset({user_id}), exact=False)
        if not self._change(by, group_id, wish).removed:
            raise Missing("member")

    def change(
        self, by: Authority, group_id: str, add: Collection[str], remove: Collection[str]
    ) -> Changed:
        """Add and remove members, all at once; who is in it, or is not, stays so.

        Raises:
            Missing, Forbidden.
            InvalidField: `add` or `remove` names what is no user, or both name one.
            LimitReached: somebody is in 50 groups.
            ChangedMeanwhile: others change the group again and again.
        """
        by.require_admin()
        require_group_id(group_id)
        coming, going = frozenset(add), frozenset(remove)
        if not all(map(is_id, coming)):
            raise InvalidField("add", "takes ids of users")
        if not all(map(is_id, going)):
            raise InvalidField("remove", "takes ids of users")
        if coming & going:
            raise InvalidField("remove", "names a user whom 'add' names, too")
        wish = Wish(add=coming, remove=going, exact=False, named="add")
        return self._change(by, group_id, wish)

    def replace(self, by: Authority, group_id: str, members: Collection[str]) -> Changed:
        """Have these users in a group and no others, all at once. Raises as `change`."""
        by.require_admin()
        require_group_id(group_id)
        if not all(map(is_id, members)):
            raise InvalidField("members", "takes ids of users")
        return self._change(by, group_id, Wish(members=frozenset(members)))

    def list(
        self, by: Authority, group_id: str, after: str = "", limit: int = 100
    ) -> Listing[User]:
        """The members of a group in the order of their ids, a page as it was at one moment; it
        may be short. Raises Missing, Forbidden, ChangedMeanwhile."""
        by.require_admin()
        require_group_id(group_id)
        if not 1 <= limit <= PAGE_MOST:
            raise InvalidField("limit", f"lies between 1 and {PAGE_MOST}")
        page = self._lists.page(by.organization, group_id, after, limit)
        wanted = [keys.user(by.organization, one) for one in page.users]
        found: dict[Key, Record] = {}
        for start in range(0, len(wanted), KEYS_PER_GET):
            found |= self._recent.get(*wanted[start : start + KEYS_PER_GET])
        # Whoever was deleted just now is listed beside the group for a moment.
        return Listing(tuple(read_user(found[key]) for key in wanted if key in found), page.next)

    def _change(self, by: Authority, group_id: str, wish: Wish) -> Changed:
        named = wish.add | wish.remove
        likely = named if len(named) <= USERS_AT_ONCE else ()
        done = self._changes.change(by, group_id, lambda _: wish, likely)
        return Changed(done.added, done.removed)
