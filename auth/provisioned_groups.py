"""Groups as a provisioning service keeps them: with their members, by its token.

Whatever it asks is done wholly or not at all, also with ten thousand members. It never changes
what a group grants, and a new one grants nothing: that is for an administrator to say, so that
who holds the token cannot lift anybody by more than membership.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from auth.decisions import decided
from auth.errors import InvalidField
from auth.external_ids import parse_external_id
from auth.fields import parse_name
from auth.group_records import deleting, found_group, require_group_id
from auth.membership_changes import MembershipChanges
from auth.membership_wishes import Present, Wish
from auth.principals import Authority
from auth.provisioned_group_reading import ProvisionedGroupReading
from auth.records import Group, is_id, new_id, read_group, time_text
from storage import keys
from storage.events import Journal
from storage.metadata import ConditionFailed
from storage.metadata.recent import Recent

_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class WantedGroup:
    """A group to be made; `members` are ids of users."""

    name: str = field(repr=False)
    external_id: str | None = field(default=None, repr=False)
    members: frozenset[str] = _NOBODY


@dataclass(frozen=True, slots=True)
class WantedChange:
    """What is to become of a group: its name, and what the service calls it, if it does.

    `whole` are all who are to be in it; or else `add` come and `remove` go.
    """

    name: str = field(repr=False)
    external_id: str | None = field(default=None, repr=False)
    add: frozenset[str] = _NOBODY
    remove: frozenset[str] = _NOBODY
    whole: frozenset[str] | None = None


#: Decides by the group that is there, and by a function that reads the ids of its members, what is
#: to become of it. Called again when others were quicker; what it raises is raised, and then
#: nothing is changed.
Decide = Callable[[Group, Callable[[], frozenset[str]]], WantedChange]


class ProvisionedGroups(ProvisionedGroupReading):
    """The groups of whatever organization the authority is for, which may provision them."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(recent, sleep)
        self._journal = journal
        self._clock = clock
        self._sleep = sleep
        self._changes = MembershipChanges(recent, journal, clock, sleep)

    def create(self, by: Authority, wanted: WantedGroup, group_id: str | None = None) -> Group:
        """Make a group with its members, which is there with all of them or not at all; under an
        id that was made for it, or a new one.

        Raises:
            Forbidden.
            InvalidField: naming the field; AlreadyTaken for what another group has.
            LimitReached: somebody is in 50 groups.
        """
        by.require_provisioning()
        group_id = group_id or new_id()
        fields: dict[str, Any] = {
            "id": group_id,
            "name": parse_name(wanted.name),
            "permissions": {},
            "created": time_text(self._clock()),
        }
        if wanted.external_id:
            fields["external_id"] = parse_external_id(wanted.external_id)
        _require_ids(wanted.members)
        wish = Wish(fields, members=wanted.members)
        made = self._changes.create(by, group_id, wish)
        return read_group(found_group(made.group))

    def change(self, by: Authority, group_id: str, decide: Decide) -> Group:
        """Change a group with its members: all of it or nothing.

        Raises:
            Missing, Forbidden.
            InvalidField: naming the field; AlreadyTaken for what another group has.
            LimitReached: somebody is in 50 groups.
            ChangedMeanwhile: others change it again and again.
        """
        by.require_provisioning()
        require_group_id(group_id)

        def wish(present: Present) -> Wish:
            group = read_group(present.record)
            return _wish(decide(group, lambda: self._members_of(by, group)))

        changed = self._changes.change(by, group_id, wish)
        if changed.group is None:
            return self.get(by, group_id)
        return read_group(changed.group)

    def delete(
        self, by: Authority, group_id: str, decide: Callable[[Group], None] = lambda _: None
    ) -> None:
        """Delete a group, if `decide` does not raise. Raises Missing, Forbidden."""
        by.require_provisioning()
        require_group_id(group_id)
        decided(lambda: self._delete(by, group_id, decide), self._sleep)

    def _delete(self, by: Authority, group_id: str, decide: Callable[[Group], None]) -> None:
        key = keys.group(by.organization, group_id)
        record = found_group(self._recent.get(key).get(key))
        decide(read_group(record))
        event = self._journal.event(by.organization, by.actor, "group.delete", subject=group_id)
        self._recent.commit(*deleting(by.organization, record), witness=event)

    def _members_of(self, by: Authority, group: Group) -> frozenset[str]:
        """The ids of who is in a group as it was read. Raises ConditionFailed where it is
        another one by now: then all is decided anew."""
        found = self._lists.all(by.organization, group.id)
        if found.group.version != group.version:
            raise ConditionFailed({found.group.key: found.group})
        return frozenset(found.users)


def _wish(change: WantedChange) -> Wish:
    """Raises InvalidField."""
    external_id = parse_external_id(change.external_id) if change.external_id else None
    fields = {"name": parse_name(change.name), "external_id": external_id}
    _require_ids(change.add if change.whole is None else change.whole)
    # What is no id is nobody's, and so is in no group.
    going = frozenset(filter(is_id, change.remove - change.add))
    return Wish(fields, change.add, going, change.whole)


def _require_ids(users: frozenset[str]) -> None:
    if not all(map(is_id, users)):
        raise InvalidField("members", "names a user that is not there")
