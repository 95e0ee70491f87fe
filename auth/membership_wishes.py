"""What somebody wants of a group with its members, beside the group as it was found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from auth.errors import InvalidField
from auth.membership_entries import Entry, entries_of, raised, rewriting
from auth.records import time_text
from storage.metadata import Check, Key, Operation, Put, Record, Value


@dataclass(frozen=True, slots=True)
class Present:
    """The record of a group as it was read; `version` None: it is not there yet."""

    key: Key
    value: Value
    version: int | None

    @property
    def id(self) -> str:
        return self.key.sort

    @property
    def check(self) -> Check:
        """What demands that it is still so."""
        if self.version is None:
            return Check(self.key, absent=True)
        return Check(self.key, at=self.version)

    @property
    def record(self) -> Record:
        if self.version is None:
            raise ValueError("the group is not there yet")
        return Record(self.key, self.value, self.version)

    def becoming(self, now: datetime, *, members: bool, **changed: Any) -> Put:
        """What writes it with these values, if it is still so; `members` says that others are in
        it, too."""
        value = {**self.value, **changed, "updated": time_text(now)}
        if members:
            value["revision"] = raised(self.value)
        return Put(self.key, value, absent=self.version is None, at=self.version)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to become of a group.

    `fields` are values of its record. `add` and `remove` name users; or `members` all who are to
    be in it. With `exact` it was decided by the group as it was found, which then has to be so
    still; without, others may change it meanwhile. `named` is what errors call the users.
    """

    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    members: frozenset[str] | None = None
    exact: bool = True
    named: str = "members"

    @property
    def goals(self) -> dict[str, bool]:
        """Whether each user is to be in it: those that are named."""
        if self.members is not None:
            return dict.fromkeys(self.members, True)
        return dict.fromkeys(self.add, True) | dict.fromkeys(self.remove, False)

    def changed(self, present: Present) -> dict[str, Any]:
        """Those fields that differ."""
        return {
            name: value for name, value in self.fields.items() if present.value.get(name) != value
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """The ids of who came into a group, and of who left it; and its record, or None where others
    may have written that at the same time."""

    group: Record | None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def told(present: Present, changed: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The action of the event that such a change is, and what it tells beside the members."""
    details: dict[str, Any] = {"subject": present.id}
    if present.version is None:
        return "group.create", details | {"permissions": changed["permissions"]}
    if changed:
        return "group.update", details | {"changed": sorted(changed)}
    return "group.members", details


@dataclass(frozen=True, slots=True)
class Moving:
    """What a change of few members writes, and whether that hangs on another change."""

    operations: tuple[Operation, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    hang: bool


def moving(
    organization: str,
    present: Present,
    wish: Wish,
    goals: Mapping[str, bool],
    users: Mapping[str, Record],
    now: datetime,
) -> Moving:
    """What makes users members or not, with a check of those who are as they should be.

    Raises InvalidField: whoever is to come in is not there. LimitReached.
    """
    operations: list[Operation] = []
    checks: list[Operation] = []
    moved: dict[bool, list[str]] = {True: [], False: []}
    hang = False
    for one, comes in sorted(goals.items()):
        user = users.get(one)
        if user is None:
            if comes:
                raise InvalidField(wish.named, "names a user that is not there")
            continue
        entry = entries_of(user).get(present.id)
        hang = hang or (entry is not None and entry.change is not None)
        if comes is (entry is not None and entry.holds(present.value)):
            checks.append(Check(user.key, at=user.version))
        else:
            to = Entry(present.id) if comes else None
            operations += rewriting(organization, user, present.id, to, now)
            moved[comes].append(one)
    if operations:
        operations += checks
    return Moving(tuple(operations), tuple(moved[True]), tuple(moved[False]), hang)
