"""The end of a change of very many members: settled once it is decided, or else given up.

Nothing rests on it: what the entries of a change mean is told by the group's record
(`auth/membership_entries.py`). So it is done by whoever made the change, or finds it left behind:
the next one of that group, or the worker. Two may be at it at once, and both may break off.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from auth.decisions import decided
from auth.errors import ChangedMeanwhile, CorruptRecord
from auth.membership_entries import (
    USERS_AT_ONCE,
    Entry,
    entries_of,
    giving_up,
    read_member,
    rewriting,
)
from auth.records import time_text
from storage import keys
from storage.events import SYSTEM, Actor, Journal
from storage.metadata import ConditionFailed, Delete, Key, Operation, Put, Record, Witness
from storage.metadata.recent import Recent

STAGING, DECIDED, UNDOING = "staging", "decided", "undoing"
_SETTLE, _UNDO = "group.members.settle", "group.members.undo"

#: How long whoever changes members is left alone with it. Giving up a change too early harms
#: nobody but who makes it: he is told, because he cannot decide it any more.
_LEFT_ALONE = {
    STAGING: timedelta(minutes=5),
    DECIDED: timedelta(minutes=1),
    UNDOING: timedelta(minutes=1),
}
#: How often somebody looks whether another change of the same group has ended: about 20 s.
_LOOKS = 80
_PAUSE_SECONDS = 0.5


class Waiting:
    """The patience of one request with the changes of others."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._looks = 0

    def wait(self) -> None:
        """Sleep for a moment. Raises ChangedMeanwhile at the end of the patience."""
        self._looks += 1
        if self._looks > _LOOKS:
            raise ChangedMeanwhile
        self._sleep(random.uniform(0, _PAUSE_SECONDS))


@dataclass(frozen=True, slots=True)
class Change:
    """A change of many members that is under way: the record that there is one of for a group."""

    organization: str
    group: str
    id: str
    number: int
    state: str
    since: datetime
    key: Key
    version: int

    def value(self, state: str, now: datetime) -> dict[str, object]:
        return {"id": self.id, "number": self.number, "state": state, "since": time_text(now)}


def read_change(organization: str, record: Record) -> Change:
    """Raises CorruptRecord."""
    value = record.value
    try:
        since = datetime.fromisoformat(value["since"])
        state, number = value["state"], int(value["number"])
        if state not in _LEFT_ALONE:
            raise ValueError(state)
        return Change(
            organization,
            record.key.sort,
            value["id"],
            number,
            state,
            since,
            record.key,
            record.version,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("a change of members cannot be read") from error


class MembershipHealing:
    """Ends changes, in any organization."""

    def __init__(self, recent: Recent, journal: Journal) -> None:
        self._recent = recent
        self._journal = journal

    def left(self, organization: str) -> None:
        """End all changes of an organization that were left behind. One query where there are
        none. Raises ChangedMeanwhile: it is to be done again."""
        for record in self._recent.query_all(keys.member_changes(organization)):
            change = read_change(organization, record)
            if self._is_left(change):
                self._end(change)

    def make_way(self, organization: str, group_id: str, waiting: Waiting) -> None:
        """Return when no change of many members of a group is under way: end what was left
        behind, or wait for it. Raises ChangedMeanwhile."""
        while (change := self.find(organization, group_id)) is not None:
            if self._is_left(change):
                self._end(change)
            else:
                waiting.wait()

    def find(self, organization: str, group_id: str) -> Change | None:
        """The change that is under way in a group."""
        key = keys.member_change(organization, group_id)
        record = self._recent.get(key).get(key)
        return None if record is None else read_change(organization, record)

    def settle(self, change: Change, actor: Actor, users: Sequence[str]) -> None:
        """Write what a decided change has made of users, all whom it touched: 45 a commit, the
        last of which ends it."""
        self._rewrite(change, actor, users)

    def give_up(self, change: Change, actor: Actor) -> None:
        """Undo a change that is not decided, so that it never can be."""
        fenced = change if change.state == UNDOING else self._fenced(change, actor)
        if fenced is not None:
            self._rewrite(fenced, actor, self._touched(fenced))

    def _is_left(self, change: Change) -> bool:
        return self._recent.metadata.now() - change.since > _LEFT_ALONE[change.state]

    def _end(self, change: Change) -> None:
        if change.state == DECIDED:
            self.settle(change, SYSTEM, self._touched(change))
        else:
            self.give_up(change, SYSTEM)

    def _fenced(self, change: Change, actor: Actor) -> Change | None:
        """The change as it is from here on, neither to be decided nor to go on; None where
        somebody else has written meanwhile what is to become of it."""
        now = self._recent.metadata.now()
        put = Put(change.key, change.value(UNDOING, now), at=change.version)
        event = self._event(change, actor, _UNDO, users=0)
        try:
            version = self._recent.commit(put, witness=event).versions[change.key]
        except ConditionFailed:
            return None
        return replace(change, state=UNDOING, since=now, version=version)

    def _touched(self, change: Change) -> tuple[str, ...]:
        """The ids of all users in whose entries the change is left."""
        partition = keys.members(change.organization, change.group)
        return tuple(
            record.key.sort
            for record in self._recent.query_all(partition)
            if read_member(change.group, record).change == change.number
        )

    def _rewrite(self, change: Change, actor: Actor, users: Sequence[str]) -> None:
        """Write what becomes of these users in the end, and that the change has ended."""
        starts = range(0, len(users), USERS_AT_ONCE) or [0]
        for start in starts:
            batch = users[start : start + USERS_AT_ONCE]
            ends = start == starts[-1]
            if not decided(partial(self._some, change, actor, batch, ends=ends)):
                return

    def _some(self, change: Change, actor: Actor, batch: Sequence[str], *, ends: bool) -> bool:
        """One attempt at some of the users; False where there is nothing to do any more."""
        org = change.organization
        group = keys.group(org, change.group)
        users = [keys.user(org, one) for one in batch]
        found = self._recent.get(group, *users)
        if change.state == DECIDED and group not in found:
            return False  # it was deleted, and the change with it
        operations = list(self._entries(change, users, found))
        if ends:
            operations.append(Delete(change.key, at=change.version))
            if change.state == UNDOING and group in found:
                given_up = giving_up(found[group].value, change.number)
                operations.append(Put(group, given_up, at=found[group].version))
        if not operations:
            return True
        action = _SETTLE if change.state == DECIDED else _UNDO
        event = self._event(change, actor, action, users=len(batch))
        try:
            self._recent.commit(*operations, witness=event)
        except ConditionFailed as error:
            if change.key in error.found:
                return False  # somebody else has ended it
            raise
        return True

    def _entries(
        self, change: Change, users: Sequence[Key], found: Mapping[Key, Record]
    ) -> Iterator[Operation]:
        """What writes plainly what entries of the change have come to mean."""
        now = self._recent.metadata.now()
        for key in users:
            user = found.get(key)
            if user is None:
                yield Delete(keys.member(change.organization, change.group, key.sort))
                continue
            entry = entries_of(user).get(change.group)
            if entry is not None and entry.change == change.number:
                is_in = entry.joins is (change.state == DECIDED)
                to = Entry(change.group) if is_in else None
                yield from rewriting(change.organization, user, change.group, to, now)

    def _event(self, change: Change, actor: Actor, action: str, *, users: int) -> Witness:
        return self._journal.event(
            change.organization,
            actor,
            action,
            subject=change.group,
            change=change.number,
            users=users,
        )
