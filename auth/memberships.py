"""Who is in which group: written twice, in one commit, so that neither can tell otherwise.

A user's record holds the ids of his groups, because every request of his reads that; and each
group has a record for each of its members, to be listed by. A change of some members is one
commit, however many others there are; of the group's own record it demands alone that it is
there, so that those who change the same group do not get in each other's way.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from auth.decisions import decided
from auth.errors import CorruptRecord, InvalidField, LimitReached, Missing
from auth.groups import require_group_id
from auth.principals import Authority
from auth.records import Listing, User, is_id, read_user, time_text
from storage import keys
from storage.events import Journal
from storage.metadata import Check, Delete, Key, Operation, Put, Record
from storage.metadata.operations import KEYS_PER_GET
from storage.metadata.recent import Recent

#: All are read with each of a user's requests.
GROUPS_OF_USER_MOST = 50
#: Whose membership one commit changes: two operations each, beside the group and the event.
USERS_AT_ONCE = 30
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
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._clock = clock

    def add(self, by: Authority, group_id: str, user_id: str) -> None:
        """Have a user in a group; he may be in it. Raises Missing, Forbidden, LimitReached."""
        by.require_admin()
        require_group_id(group_id)
        if not is_id(user_id):
            raise Missing("user")
        decided(lambda: self._change(by, group_id, (user_id,), ()))

    def remove(self, by: Authority, group_id: str, user_id: str) -> None:
        """Take a user out of a group. Raises Missing: also where he is not in it; Forbidden."""
        by.require_admin()
        require_group_id(group_id)
        if not is_id(user_id):
            raise Missing("member")
        if not decided(lambda: self._change(by, group_id, (), (user_id,))).removed:
            raise Missing("member")

    def change(
        self, by: Authority, group_id: str, add: Collection[str], remove: Collection[str]
    ) -> Changed:
        """Add and remove members, 30 a commit; who is in it, or is not, stays so.

        May be called again after one that broke off: what it did is done.

        Raises:
            Missing, Forbidden: nothing is changed.
            InvalidField: `add` or `remove` names what is no user, or both name one; nothing is.
            LimitReached: somebody is in 50 groups.
        """
        by.require_admin()
        require_group_id(group_id)
        coming, going = sorted(set(add)), sorted(set(remove))
        if not all(map(is_id, going)):
            raise InvalidField("remove", "takes ids of users")
        if set(coming) & set(going):
            raise InvalidField("remove", "names a user whom 'add' names, too")
        self._require(by.organization, group_id, coming)
        return self._all(by, group_id, coming, going)

    def replace(self, by: Authority, group_id: str, members: Collection[str]) -> Changed:
        """Have these users in a group and no others, 30 a commit.

        Who is added or removed by somebody else meanwhile may stay so. Raises as `change`.
        """
        by.require_admin()
        require_group_id(group_id)
        wanted = set(members)
        self._require(by.organization, group_id, sorted(wanted), "members")
        partition = keys.members(by.organization, group_id)
        present = {record.key.sort for record in self._recent.query_all(partition)}
        return self._all(by, group_id, sorted(wanted - present), sorted(present - wanted))

    def list(
        self, by: Authority, group_id: str, after: str = "", limit: int = 100
    ) -> Listing[User]:
        """The members of a group in the order of their ids; a page may be short where one was
        deleted just now. Raises Missing, Forbidden."""
        by.require_admin()
        require_group_id(group_id)
        if not 1 <= limit <= PAGE_MOST:
            raise InvalidField("limit", f"lies between 1 and {PAGE_MOST}")
        group = keys.group(by.organization, group_id)
        if group not in self._recent.get(group):
            raise Missing("group")
        page = self._recent.query(keys.members(by.organization, group_id), "", after, limit)
        wanted = [keys.user(by.organization, record.key.sort) for record in page.records]
        found = self._read(wanted)
        return Listing(tuple(read_user(found[key]) for key in wanted if key in found), page.next)

    def _all(
        self, by: Authority, group_id: str, coming: Sequence[str], going: Sequence[str]
    ) -> Changed:
        # Who goes makes room first: a user may be in 50 groups, and in none for a moment.
        changes = [(one, False) for one in going] + [(one, True) for one in coming]
        added: list[str] = []
        removed: list[str] = []
        for start in range(0, len(changes), USERS_AT_ONCE):
            some = changes[start : start + USERS_AT_ONCE]
            to_add = tuple(one for one, comes in some if comes)
            to_remove = tuple(one for one, comes in some if not comes)
            done = decided(partial(self._change, by, group_id, to_add, to_remove))
            added += done.added
            removed += done.removed
        return Changed(tuple(added), tuple(removed))

    def _change(
        self, by: Authority, group_id: str, add: Sequence[str], remove: Sequence[str]
    ) -> Changed:
        """One attempt at a change of at most 30: write what differs."""
        org = by.organization
        group = keys.group(org, group_id)
        members = {one: keys.member(org, group_id, one) for one in (*add, *remove)}
        records = self._recent.get(
            group, *members.values(), *(keys.user(org, one) for one in members)
        )
        if group not in records:
            raise Missing("group")
        operations: list[Operation] = []
        added, removed = [], []
        for one in add:
            user = records.get(keys.user(org, one))
            if user is None:
                raise Missing("user")
            if group_id not in groups_of(user):
                operations.append(self._within(user, group_id))
                operations.append(Put(members[one], {"user": one}))
                added.append(one)
        for one in remove:
            user = records.get(keys.user(org, one))
            if user is not None and group_id in groups_of(user):
                operations += (self._without(user, group_id), Delete(members[one]))
                removed.append(one)
        if operations:
            if added:
                operations.append(Check(group))
            event = self._journal.event(
                org, by.actor, "group.members", subject=group_id, added=added, removed=removed
            )
            self._recent.commit(*operations, witness=event)
        return Changed(tuple(added), tuple(removed))

    def _within(self, user: Record, group_id: str) -> Put:
        _require_room(user)
        return in_groups(user, [*groups_of(user), group_id], self._clock())

    def _without(self, user: Record, group_id: str) -> Put:
        return out_of(user, group_id, self._clock())

    def _require(
        self, organization: str, group_id: str, users: Sequence[str], field: str = "add"
    ) -> None:
        """Return if the group and all users are there. Raises Missing, InvalidField."""
        if not all(map(is_id, users)):
            raise InvalidField(field, "takes ids of users")
        group = keys.group(organization, group_id)
        found = self._read([group, *(keys.user(organization, one) for one in users)])
        if group not in found:
            raise Missing("group")
        if len(found) < 1 + len(users):
            raise InvalidField(field, "names a user that is not there")
        for key, record in found.items():
            if key != group and group_id not in groups_of(record):
                _require_room(record)

    def _read(self, wanted: Sequence[Key]) -> dict[Key, Record]:
        """Those records that are there: one read for 100."""
        found: dict[Key, Record] = {}
        for start in range(0, len(wanted), KEYS_PER_GET):
            found |= self._recent.get(*wanted[start : start + KEYS_PER_GET])
        return found


def groups_of(user: Record) -> tuple[str, ...]:
    """The ids of the groups that a user's record names. Raises CorruptRecord."""
    groups = user.value.get("groups", [])
    if not isinstance(groups, list):
        raise CorruptRecord("a user's record cannot be read")
    return tuple(map(str, groups))


def in_groups(user: Record, groups: Sequence[str], now: datetime) -> Put:
    """What writes that a user is in these groups."""
    value = {**user.value, "groups": list(groups), "updated": time_text(now)}
    return Put(user.key, value, at=user.version)


def out_of(user: Record, group_id: str, now: datetime) -> Put:
    """What writes that a user is not in a group."""
    return in_groups(user, [one for one in groups_of(user) if one != group_id], now)


def _require_room(user: Record) -> None:
    if len(groups_of(user)) >= GROUPS_OF_USER_MOST:
        raise LimitReached("groups for a user", GROUPS_OF_USER_MOST)
