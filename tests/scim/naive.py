"""What filters mean, written out once more as simply as can be: what the real evaluation is held
against."""

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.scim.expressions import (
    And,
    AttributePath,
    Comparison,
    Filter,
    Not,
    Operator,
    Or,
    Present,
    Within,
)
from tests.scim.badges import EXTRA

_FOLDED = frozenset({"title", "tags", "name.given", "doors.value"})
_DATES = frozenset({"since", "doors.seen"})


def holds(filter_: Filter, found: Any, within: str = "") -> bool:
    """What a filter says of a resource, or of a value of the attribute `within`."""
    match filter_:
        case And(left, right):
            return holds(left, found, within) and holds(right, found, within)
        case Or(left, right):
            return holds(left, found, within) or holds(right, found, within)
        case Not(negated):
            return not holds(negated, found, within)
        case Within(path, inner):
            return any(holds(inner, one, path.name.lower()) for one in _found(found, path))
        case Present(path):
            return any(one not in (None, "", {}) for one in _parts(found, path, path.part))
        case Comparison(path, operator, value):
            part = path.part or ("value" if path.name.lower() == "doors" else None)
            leaf = path.name.lower() if part is None else f"{path.name.lower()}.{part.lower()}"
            leaf = f"{within}.{leaf}" if within else leaf
            given = _parts(found, path, part) or [None]
            return any(_fits(leaf, operator, one, value) for one in given)


def _found(resource: Any, path: AttributePath) -> list[Any]:
    lower = {name.lower(): value for name, value in resource.items()}
    if path.schema is not None and path.schema.lower() == EXTRA.lower():
        extra = lower.get(EXTRA.lower()) or {}
        lower = {name.lower(): value for name, value in extra.items()}
    value = lower.get(path.name.lower())
    values = value if isinstance(value, list) else [value]
    return [one for one in values if one is not None]


def _parts(resource: Any, path: AttributePath, part: str | None) -> list[Any]:
    if part is None:
        return _found(resource, path)
    lower = [{k.lower(): v for k, v in one.items()} for one in _found(resource, path)]
    return [one.get(part.lower()) for one in lower]


def _fits(leaf: str, operator: Operator, actual: Any, wanted: Any) -> bool:
    if actual is None or wanted is None:
        same = actual is None and wanted is None
        return {Operator.EQ: same, Operator.NE: not same}.get(operator, False)
    one, other = _plain(leaf, actual), _plain(leaf, wanted)
    match operator:
        case Operator.EQ:
            return bool(one == other)
        case Operator.NE:
            return bool(one != other)
        case Operator.CO:
            return other in one
        case Operator.SW:
            return bool(one[: len(other)] == other)
        case Operator.EW:
            return bool(one[len(one) - len(other) :] == other) and len(other) <= len(one)
        case Operator.GT:
            return bool(one > other)
        case Operator.GE:
            return bool(one >= other)
        case Operator.LT:
            return bool(one < other)
        case Operator.LE:
            return bool(one <= other)


def _plain(leaf: str, value: Any) -> Any:
    if leaf in _DATES:
        return datetime.fromisoformat(value.upper())
    if leaf in _FOLDED:
        return unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).lower())
    return value


def placeless(filter_: Filter) -> Filter:
    """The same filter, with every place at the beginning."""
    match filter_:
        case And(left, right):
            return And(placeless(left), placeless(right))
        case Or(left, right):
            return Or(placeless(left), placeless(right))
        case Not(negated):
            return Not(placeless(negated))
        case Within(path, inner):
            return Within(replace(path, place=0), placeless(inner))
        case Present(path):
            return Present(replace(path, place=0))
        case Comparison(path):
            return replace(filter_, path=replace(path, place=0), place=0)


def conditions_in(filter_: Filter) -> Iterator[Comparison | Present | Within]:
    """All that a filter asks of attributes, from left to right."""
    match filter_:
        case And(left, right) | Or(left, right):
            yield from conditions_in(left)
            yield from conditions_in(right)
        case Not(negated):
            yield from conditions_in(negated)
        case Within(_, inner):
            yield filter_
            yield from conditions_in(inner)
        case Comparison() | Present():
            yield filter_
