"""What a PATCH does to the members of a group, told without loading them.

A group has 10,000 members, and most changes are about one: so the operations come down to ids
that are in afterwards and ids that are not, or to a whole new set. Only a filter that no list of
ids answers, such as `members[not (value eq "…")]`, needs those that are there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from app.scim.attributes import ResourceType
from app.scim.errors import InvalidFilter, NoTarget, NotMutable, OverLimit
from app.scim.evaluating import value_matcher
from app.scim.expressions import And, Comparison, Filter, Operator, Or, names_in
from app.scim.patch_messages import Operation, Verb
from app.scim.patching import PatchTarget, each_once, find_target
from app.scim.schemas import GROUP
from app.scim.schemas_group import MEMBERS
from app.scim.values import is_unassigned, read_one, read_value

#: Of the paths of one message that need all members; each is held against each of 10,000.
MOST_FILTER_CHARACTERS = 1_024
#: What of a member is known by its id alone.
_KNOWN_PARTS = frozenset({"value", "type"})


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What is to become of a group's members: `whole` are all that it has afterwards; where that
    is None, `add` are in and `remove` are out, whether or not they were in before."""

    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    whole: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class _Without:
    """Those are out that are said to be."""

    leaves: Callable[[str], bool]


_Step: TypeAlias = MemberChange | _Without


@dataclass(frozen=True, slots=True)
class MemberChanges:
    """What some operations do to members: steps in their order, between any two of which one
    needs all members."""

    steps: tuple[_Step, ...] = ()

    @property
    def needs_all(self) -> bool:
        """Whether the ids of the present members have to be known."""
        return any(isinstance(step, _Without) for step in self.steps)

    def apply(self, present: frozenset[str] | None) -> MemberChange:
        """The change that it comes to.

        Args:
            present: the ids of all members. None if they were not loaded, as is well unless
                `needs_all`; if they were, the change adds and removes nothing in vain.
        """
        if present is not None:
            wanted = present
            for step in self.steps:
                wanted = _after(wanted, step)
            return MemberChange(wanted - present, present - wanted)
        match self.steps:
            case ():
                return MemberChange()
            case (MemberChange() as change,):
                return change
            case _:
                raise ValueError("these changes need the members that are there")


class _Fold:
    """Makes as few steps of many as can be: 1,000 operations on sets of 20,000 ids must not copy
    them each time."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._is_whole = False
        self._add: set[str] = set()
        self._remove: set[str] = set()

    def take(self, step: _Step) -> None:
        match step:
            case _Without(leaves) if self._is_whole:
                self._add = {id_ for id_ in self._add if not leaves(id_)}
            case _Without():
                self._end_step()
                self._steps.append(step)
            case MemberChange(whole=frozenset() as whole):
                self._steps.clear()
                self._is_whole, self._add, self._remove = True, {*whole}, set()
            case MemberChange(add, remove):
                self._add -= remove
                self._add |= add
                self._remove -= add
                self._remove |= remove

    def changes(self) -> MemberChanges:
        self._end_step()
        return MemberChanges(tuple(self._steps))

    def _end_step(self) -> None:
        if self._is_whole:
            self._steps.append(MemberChange(whole=frozenset(self._add)))
        elif self._add or self._remove:
            self._steps.append(MemberChange(frozenset(self._add), frozenset(self._remove)))
        self._add, self._remove = set(), set()


def member_changes(
    operations: Sequence[Operation], type_: ResourceType = GROUP
) -> tuple[tuple[Operation, ...], MemberChanges]:
    """The operations that are about other attributes, for `patch`, and what all do to members.

    To add one who is there, and to remove one who is not, is no error.

    Raises:
        InvalidPath: a path is none.
        InvalidFilter: a filter can't be evaluated, or finds members by more than their ids.
        InvalidSyntax, InvalidValue: a value is none that members can have.
        NotMutable: a member would be changed into another.
        NoTarget: a member is added by a filter that does not tell its id.
        OverLimit: too much of it needs all members.
    """
    others: list[Operation] = []
    fold = _Fold()
    filter_characters = 0
    for operation in _divided(operations, type_):
        target = None if operation.path is None else find_target(operation.path, type_)
        if not isinstance(target, PatchTarget) or target.attribute is not MEMBERS:
            others.append(operation)
            continue
        step = _step(target, operation)
        if isinstance(step, _Without):
            filter_characters += len(operation.path or "")
            if filter_characters > MOST_FILTER_CHARACTERS:
                raise OverLimit("the filters on members are too long: send them in several")
        if step is not None:
            fold.take(step)
    return tuple(others), fold.changes()


def _divided(operations: Sequence[Operation], type_: ResourceType) -> list[Operation]:
    """The operations, those without a path parted into what is about members and the rest."""
    divided: list[Operation] = []
    for operation in operations:
        if operation.path is not None or not isinstance(operation.value, Mapping):
            divided.append(operation)
            continue
        rest = {}
        for name, value in each_once(operation.value):
            target = find_target(name, type_)
            if isinstance(target, PatchTarget) and target.attribute is MEMBERS:
                divided.append(Operation(operation.verb, name, value))
            else:
                rest[name] = value
        if rest:
            divided.append(replace(operation, value=rest))
    return divided


def _step(target: PatchTarget, operation: Operation) -> _Step | None:
    """What one operation on members does; None: nothing."""
    verb, raw = operation.verb, operation.value
    if verb is not Verb.REMOVE and is_unassigned(target.part or MEMBERS, raw):
        if verb is Verb.ADD:
            return None
        verb, raw = Verb.REMOVE, None
    if target.part is not None:
        raise NotMutable("a member is added or removed, and never changed")
    if target.filter is not None:
        return _filtered(target.filter, verb, raw)
    if verb is Verb.REMOVE and raw is None:
        return MemberChange(whole=frozenset())
    ids = frozenset(one["value"] for one in read_value(MEMBERS, raw) or ())
    match verb:
        case Verb.ADD:
            return MemberChange(add=ids)
        case Verb.REPLACE:
            return MemberChange(whole=ids)
        case Verb.REMOVE:
            return MemberChange(remove=ids)


def _filtered(filter_: Filter, verb: Verb, raw: object) -> _Step | None:
    fits = value_matcher(filter_, MEMBERS)
    if not names_in(filter_) <= _KNOWN_PARTS:
        raise InvalidFilter("expected members to be found by 'value' and 'type'", 0)

    def leaves(id_: str) -> bool:
        return fits({"value": id_, "type": "User"})

    possible = _possible(filter_)
    ids = None if possible is None else frozenset(filter(leaves, possible))
    if verb is Verb.REMOVE:
        return _Without(leaves) if ids is None else MemberChange(remove=ids)
    if ids is None or len(ids) != 1:
        raise NoTarget("the filter does not tell the id of one member")
    (id_,) = ids
    if (read_one(MEMBERS, raw, partial=True) or {}).get("value", id_) != id_:
        raise NotMutable("a member is added or removed, and never changed")
    return MemberChange(add=ids) if verb is Verb.ADD else None


def _possible(filter_: Filter) -> frozenset[str] | None:
    """Ids beside which the filter fits none; None where that is no list of ids."""
    match filter_:
        case Comparison(path, Operator.EQ, str(id_)) if path.name.lower() == "value":
            return frozenset({id_})
        case And(left, right):
            one, other = _possible(left), _possible(right)
            if one is None or other is None:
                return one if other is None else other
            return one & other
        case Or(left, right):
            one, other = _possible(left), _possible(right)
            return None if one is None or other is None else one | other
        case _:
            return None


def _after(members: frozenset[str], step: _Step) -> frozenset[str]:
    match step:
        case _Without(leaves):
            return frozenset(id_ for id_ in members if not leaves(id_))
        case MemberChange(add, remove, whole):
            return ((members if whole is None else whole) - remove) | add
