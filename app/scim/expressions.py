"""Filters and paths once they are parsed (RFC 7644, sections 3.4.2.2 and 3.5.2): frozen values.

Names are as they were written; whoever looks one up does so without regard to case. A URN in
front of a name is `schema`, without the colon that ends it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

#: What an attribute is compared with: a JSON value that is no object and no list.
Scalar: TypeAlias = str | int | float | bool | None


class Operator(StrEnum):
    """How an attribute is compared with a value."""

    EQ = "eq"
    NE = "ne"
    CO = "co"
    SW = "sw"
    EW = "ew"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"


@dataclass(frozen=True, slots=True)
class AttributePath:
    """`[URN:]name[.part]`; `place` is where it stands in the text, counted from 0."""

    name: str
    part: str | None = None
    schema: str | None = None
    place: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    path: AttributePath
    operator: Operator
    value: Scalar
    place: int = 0  # of the value


@dataclass(frozen=True, slots=True)
class Present:
    """`path pr`."""

    path: AttributePath


@dataclass(frozen=True, slots=True)
class And:
    left: "Filter"
    right: "Filter"


@dataclass(frozen=True, slots=True)
class Or:
    left: "Filter"
    right: "Filter"


@dataclass(frozen=True, slots=True)
class Not:
    negated: "Filter"


@dataclass(frozen=True, slots=True)
class Within:
    """`path[filter]`: one value of `path` for which all of `filter` holds. Names in `filter` are
    those of the attribute's parts."""

    path: AttributePath
    filter: "Filter"


Filter: TypeAlias = Comparison | Present | And | Or | Not | Within


@dataclass(frozen=True, slots=True)
class PatchPath:
    """What an operation of PATCH is about: `attribute`, or the values of it for which `filter`
    holds, or the `part` of those.

    Without a filter the part is in `attribute.part`. A path that is nothing but the URN of an
    extension has that in `attribute.schema`, and an empty name.
    """

    attribute: AttributePath
    filter: Filter | None = None
    part: str | None = None


def names_in(filter_: Filter) -> set[str]:
    """The names of all attributes that a filter is about, in lower case, without their parts."""
    return {one.path.name.lower() for one in _conditions(filter_)}


def comparisons_in(filter_: Filter) -> int:
    """How many comparisons a filter makes of each value, those within brackets too."""
    return sum(
        comparisons_in(one.filter) if isinstance(one, Within) else 1 for one in _conditions(filter_)
    )


def _conditions(filter_: Filter) -> Iterator[Comparison | Present | Within]:
    waiting = [filter_]
    while waiting:
        match waiting.pop():
            case And(left, right) | Or(left, right):
                waiting += (left, right)
            case Not(negated):
                waiting.append(negated)
            case condition:
                yield condition
