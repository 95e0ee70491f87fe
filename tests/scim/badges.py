"""A small kind of resource with attributes of every type, some resources of it, and filters."""

from typing import Any

from hypothesis import strategies as st

from app.scim.attributes import Attribute, Kind, ResourceType, Returned, Schema
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

CORE = "urn:example:scim:badge:2.0:Badge"
EXTRA = "urn:example:scim:badge:extension:2.0:Badge"

BADGE = ResourceType(
    "Badge",
    "/Badges",
    "What opens doors.",
    Schema(
        CORE,
        "Badge",
        "What opens doors.",
        (
            Attribute("title", "Text."),
            Attribute("code", "Text with its case.", case_exact=True),
            Attribute("active", "Truth.", Kind.BOOLEAN),
            Attribute("uses", "A whole number.", Kind.INTEGER),
            Attribute("weight", "A number.", Kind.DECIMAL),
            Attribute("since", "A time.", Kind.DATE_TIME),
            Attribute("link", "A reference.", Kind.REFERENCE, case_exact=True),
            Attribute("photo", "Bytes.", Kind.BINARY),
            Attribute("tags", "Texts.", multi_valued=True),
            Attribute("secret", "Never shown.", returned=Returned.NEVER),
            Attribute(
                "name",
                "A name.",
                Kind.COMPLEX,
                parts=(Attribute("given", "Text."), Attribute("family", "Text.", case_exact=True)),
            ),
            Attribute(
                "doors",
                "Values with parts.",
                Kind.COMPLEX,
                multi_valued=True,
                parts=(
                    Attribute("value", "Text."),
                    Attribute("type", "Text.", case_exact=True),
                    Attribute("primary", "Truth.", Kind.BOOLEAN),
                    Attribute("seen", "A time.", Kind.DATE_TIME),
                    Attribute("pin", "Never shown.", returned=Returned.NEVER),
                    Attribute("$ref", "A reference.", Kind.REFERENCE, case_exact=True),
                ),
            ),
            Attribute(
                "rooms",
                "Values without a part that stands for them.",
                Kind.COMPLEX,
                multi_valued=True,
                parts=(Attribute("floor", "A whole number.", Kind.INTEGER),),
            ),
        ),
    ),
    (
        Schema(
            EXTRA,
            "Extra",
            "More of it.",
            (
                Attribute("number", "Text with its case.", case_exact=True),
                Attribute(
                    "chief",
                    "Another badge.",
                    Kind.COMPLEX,
                    parts=(Attribute("value", "Text.", case_exact=True),),
                ),
            ),
        ),
    ),
    (Attribute("id", "The id.", case_exact=True),),
)
SCHEMAS = (CORE, EXTRA)

_TEXTS = st.text("aAbé\u0301eÉ\u212a k", max_size=3)
_TIMES = st.sampled_from(
    [
        "2026-01-01T00:00:00Z",
        "2026-01-01T02:00:00+02:00",
        "2025-12-31T23:59:59.999Z",
        "2026-01-01T00:00:00.5-00:30",
        "2026-01-01t00:30:00.500000z",
    ]
)
_NUMBERS = st.integers(-2, 2) | st.sampled_from([0.5, 1.0, -1.5, 1e20, 10**20])
#: The values of each leaf, by its path.
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": _TEXTS,
    "title": _TEXTS,
    "code": _TEXTS,
    "active": st.booleans(),
    "uses": st.integers(-2, 2),
    "weight": _NUMBERS,
    "since": _TIMES,
    "link": _TEXTS,
    "photo": _TEXTS,
    "tags": _TEXTS,
    "name.given": _TEXTS,
    "name.family": _TEXTS,
    "doors.value": _TEXTS,
    "doors.type": _TEXTS,
    "doors.primary": st.booleans(),
    "doors.seen": _TIMES,
    "doors.$ref": _TEXTS,
    "rooms.floor": st.integers(-2, 2),
    f"{EXTRA}:number": _TEXTS,
    f"{EXTRA}:chief.value": _TEXTS,
}
_DATES = ("since", "doors.seen")
_TEXT_OPERATORS = (Operator.CO, Operator.SW, Operator.EW)
_ORDER_OPERATORS = (Operator.GT, Operator.GE, Operator.LT, Operator.LE)


def _cases(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, name.lower(), name.upper(), name.swapcase()])


@st.composite
def _objects(draw: st.DrawFn, names: tuple[str, ...], prefix: str) -> dict[str, Any]:
    """An object with some of the leaves of those names, its names in any case."""
    found: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(names), unique=True)):
        value = draw(st.none() | _VALUES[f"{prefix}{name}"])
        found[draw(_cases(name))] = [value] if name == "tags" else value
    return found


_DOORS = _objects(("value", "type", "primary", "seen", "$ref"), "doors.")
_PLAIN = tuple(name for name in _VALUES if "." not in name and ":" not in name)


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    """Badges as JSON, with names in any case, and empty ones among them."""
    found = draw(_objects(_PLAIN, ""))
    more = {
        "name": _objects(("given", "family"), "name."),
        "doors": st.none() | st.lists(_DOORS, max_size=3),
        "rooms": st.lists(_objects(("floor",), "rooms."), max_size=2),
        EXTRA: _extras(),
    }
    for name, values in more.items():
        if draw(st.booleans()):
            found[draw(_cases(name))] = draw(values)
    return found


@st.composite
def _extras(draw: st.DrawFn) -> dict[str, Any]:
    found = draw(_objects(("number",), f"{EXTRA}:"))
    if draw(st.booleans()):
        found[draw(_cases("chief"))] = draw(_objects(("value",), f"{EXTRA}:chief."))
    return found


def filters() -> st.SearchStrategy[Filter]:
    """Filters that can be evaluated on badges."""
    within = st.builds(
        lambda name, inner: Within(AttributePath(name), inner),
        _cases("doors"),
        _combined(_conditions("doors.", bare=True)),
    )
    return _combined(_conditions("") | within)


def _combined(conditions: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    return st.recursive(
        conditions,
        lambda some: st.builds(And, some, some) | st.builds(Or, some, some) | st.builds(Not, some),
        max_leaves=6,
    )


@st.composite
def _conditions(draw: st.DrawFn, prefix: str, *, bare: bool = False) -> Filter:
    """One comparison; where `bare`, of a part of the attribute that begins so, by its name."""
    leaf = draw(st.sampled_from([one for one in _VALUES if one.startswith(prefix)]))
    urn, _, names = leaf.rpartition(":")
    name, _, part = (names.removeprefix(prefix) if bare else names).partition(".")
    if leaf == "doors.value" and not bare and draw(st.booleans()):
        part = ""  # the part that stands for the whole
    schema = draw(_cases(urn)) if urn else draw(st.sampled_from([None, CORE]))
    path = AttributePath(
        draw(_cases(name)), draw(_cases(part)) if part else None, None if bare else schema
    )
    if draw(st.integers(0, 5)) == 0:
        return Present(path)
    value = draw(_VALUES[leaf])
    possible = [Operator.EQ, Operator.NE]
    if isinstance(value, str) and leaf not in _DATES:
        possible += _TEXT_OPERATORS
    if not isinstance(value, bool) and leaf != "photo":
        possible += _ORDER_OPERATORS
    operator = draw(st.sampled_from(possible))
    if operator in possible[:2]:
        value = draw(st.sampled_from([value, None]))
    return Comparison(path, operator, value)
