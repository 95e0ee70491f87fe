"""What a user's record says of his groups, where that may hang on a change of very many members.

Such a change takes many commits, and one of them decides it for all. Until then, and for some
seconds after it, records say what holds before it and what behind it:

    GROUP      he is in the group
    GROUP+7    he is in it as soon as the change 7 of that group is decided
    GROUP-7    he is in it until then

Which changes are decided is told by the group's record alone, which every request of his reads
anyway. Changes of many are numbered one by one, so a number says it: `decided` is the last one
that was, and `undone` lists those before it that were given up. No number is used twice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auth.errors import CorruptRecord, LimitReached
from auth.records import time_text
from storage import keys
from storage.metadata import Delete, Operation, Put, Record, Value

#: All are read with each of a user's requests.
GROUPS_OF_USER_MOST = 50
#: Whose membership one commit changes: two operations each. Ten are left: the group, its names,
#: the record of the change, the event and its side record.
USERS_AT_ONCE = 45
#: Of the changes that were given up. Whoever still goes by one has a user's record that is ten
#: seconds old.
_UNDONE_MOST = 100

_CONDITIONAL = re.compile(r"(.+)([+-])([1-9][0-9]{0,17})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """That a user is in a group: at all events, or with a `change` from that one on (`joins`) or
    until it."""

    group: str
    change: int | None = None
    joins: bool = True

    @property
    def text(self) -> str:
        """As the user's record has it."""
        if self.change is None:
            return self.group
        return f"{self.group}{'+' if self.joins else '-'}{self.change}"

    def holds(self, group: Value) -> bool:
        """Whether he is in it, by the value of the group's record."""
        return self.change is None or self.joins is is_decided(group, self.change)

    def after(self, group: Value, change: int | None) -> bool:
        """Whether he is in it as soon as a further change is decided, too."""
        if self.change is not None and self.change == change:
            return self.joins
        return self.holds(group)


def parse_entry(text: str) -> Entry:
    found = _CONDITIONAL.fullmatch(text)
    if found is None:
        return Entry(text)
    return Entry(found[1], int(found[3]), found[2] == "+")


def is_decided(group: Value, change: int) -> bool:
    """Whether a change of a group is decided, by its record."""
    return change <= _number(group, "decided") and change not in group.get("undone", ())


def next_change(group: Value) -> int:
    """The number of the next change of many."""
    undone: list[int] = group.get("undone", [])
    return max(_number(group, "decided"), *undone, 0) + 1


def giving_up(group: Value, change: int) -> dict[str, Any]:
    """The value of a group's record that knows of a change that was given up."""
    return {**group, "undone": [*group.get("undone", ()), change][-_UNDONE_MOST:]}


def raised(group: Value) -> int:
    """The `revision` that follows: it counts what became of a group's members."""
    return _number(group, "revision") + 1


def entries_of(owner: Record) -> dict[str, Entry]:
    """What a user's or subscriber's record says of groups, by their ids. Raises CorruptRecord."""
    groups = owner.value.get("groups", [])
    if not isinstance(groups, list):
        raise CorruptRecord("a user's record cannot be read")
    return {entry.group: entry for entry in map(parse_entry, map(str, groups))}


def groups_of(user: Record) -> tuple[str, ...]:
    """The ids of the groups that a user's record names, whatever they hang on. Raises
    CorruptRecord."""
    return tuple(entries_of(user))


def require_room(user: Record, group_id: str) -> None:
    """Return where a user may come into a group. Raises LimitReached."""
    entries = entries_of(user)
    if group_id not in entries and len(entries) >= GROUPS_OF_USER_MOST:
        raise LimitReached("groups for a user", GROUPS_OF_USER_MOST)


def rewriting(
    organization: str, user: Record, group_id: str, to: Entry | None, now: datetime
) -> tuple[Operation, Operation]:
    """What writes that a user is so in a group, or with None that he is not: in his record, over
    the version that was read, and beside the group.

    Raises LimitReached: he is in 50 groups.
    """
    entries = entries_of(user)
    if to is None:
        entries.pop(group_id, None)
    else:
        require_room(user, group_id)
        entries[group_id] = to
    groups = [entry.text for entry in entries.values()]
    value = {**user.value, "groups": groups, "updated": time_text(now)}
    member = keys.member(organization, group_id, user.key.sort)
    beside = Delete(member) if to is None else Put(member, _member(user.key.sort, to))
    return Put(user.key, value, at=user.version), beside


def read_member(group_id: str, member: Record) -> Entry:
    """What the record beside a group says of a member."""
    for name, joins in (("joins", True), ("leaves", False)):
        change = member.value.get(name)
        if isinstance(change, int):
            return Entry(group_id, change, joins)
    return Entry(group_id)


def _member(user_id: str, entry: Entry) -> Mapping[str, Any]:
    if entry.change is None:
        return {"user": user_id}
    return {"user": user_id, "joins" if entry.joins else "leaves": entry.change}


def _number(group: Value, name: str) -> int:
    number = group.get(name, 0)
    if not isinstance(number, int):
        raise CorruptRecord("a group's record cannot be read")
    return number
