"""Reads the values of attributes, whole (RFC 7643, sections 2.3 to 2.5): in any spelling that
providers send in, in the schema's spelling out.

What is null or an empty list is not there. What is read-only is passed over (RFC 7644, section
3.3). A name that no schema has is refused: a misspelt one must not be without effect in silence.
"""

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from app.scim.attributes import Attribute, Kind, Mutability, find
from app.scim.comparing import comparable_of
from app.scim.errors import InvalidSyntax, InvalidValue, OverLimit
from app.scim.simple_values import read_simple

#: Of one attribute.
MOST_VALUES = 1_000
#: Attributes whose values are counted by whoever stores them.
COUNTED_ELSEWHERE = frozenset({"members"})
_SHOWN_CHARACTERS = 64


def read_value(
    attribute: Attribute, value: object, *, name: str | None = None, partial: bool = False
) -> Any:
    """What an attribute gets by a value, None where that leaves it without one.

    A single value is taken for a list of one, and a text for an object whose `value` it is.

    Args:
        attribute: whose value it is.
        value: plain JSON.
        name: what messages call it; the attribute's own name if None.
        partial: whether parts that are required may be missing.

    Raises:
        InvalidValue: the attribute can't have it, or the value has parts that are not known.
        InvalidSyntax: two names in it differ in nothing but case.
        OverLimit: more than 1,000 values.
    """
    name = name or attribute.name
    if not attribute.multi_valued:
        return read_one(attribute, value, name=name, partial=partial)
    given = value if isinstance(value, list) else [value]
    _check_count(attribute, len(given), name)
    read = (read_one(attribute, one, name=name, partial=partial) for one in given)
    return settled(attribute, (one for one in read if one is not None)) or None


def read_one(
    attribute: Attribute, value: object, *, name: str | None = None, partial: bool = False
) -> Any:
    """One value of an attribute, be it one of several or not; otherwise as `read_value`."""
    name = name or attribute.name
    if is_unassigned(attribute, value):
        return None
    if attribute.kind is not Kind.COMPLEX:
        return read_simple(attribute, value, name)
    if attribute.part("value") is not None:  # a large provider sends the manager so, and so
        if isinstance(value, list) and len(value) == 1 and not attribute.multi_valued:
            value = value[0]
        if isinstance(value, str):
            value = {"value": value}
    if not isinstance(value, Mapping):
        raise InvalidValue(f"'{name}' has to be an object")
    read = {}
    for part, given in spelled(attribute.parts, value, name):
        if part.mutability is not Mutability.READ_ONLY:
            one = read_value(part, given, name=f"{name}.{part.name}")
            if one is not None:
                read[part.name] = one
    if value and not partial:
        check_required(attribute.parts, read, name)
    only = type_of(attribute, {})
    if only is not None and type_of(attribute, read) != only:
        raise InvalidValue(f"'{name}' can't be of that type")
    return read or None


def is_unassigned(attribute: Attribute, value: object) -> bool:
    """Whether a value says that there is none (RFC 7643, section 2.5). A complex attribute has
    no text, so an empty one says the same."""
    return value is None or value == [] or (value == "" and attribute.kind is Kind.COMPLEX)


def settled(attribute: Attribute, values: Iterable[Any]) -> list[Any]:
    """Values of one attribute in their order, each once: of two that are the same by type and
    value the second one's other parts are added to the first (RFC 7643, section 2.4).

    Raises:
        InvalidValue: two are primary.
        OverLimit: more than 1,000.
    """
    by_identity: dict[Hashable, Any] = {}
    for value in values:
        key = identity(attribute, value)
        if key in by_identity and isinstance(value, Mapping):
            value = {**by_identity[key], **value}  # noqa: PLW2901 - it is both of them now
        by_identity[key] = value
    found = list(by_identity.values())
    _check_count(attribute, len(found), attribute.name)
    if sum(isinstance(one, Mapping) and one.get("primary") is True for one in found) > 1:
        raise InvalidValue(f"only one of '{attribute.name}' may be primary")
    return found


def identity(attribute: Attribute, value: Any) -> Hashable:
    """What two values of an attribute are the same by: type and value, or all they have where
    there is no value; compared as filters compare them."""
    if not isinstance(value, Mapping):
        compared: Hashable = comparable_of(attribute)(value)
        return compared
    if "value" not in value:
        return json.dumps(value, sort_keys=True)
    return type_of(attribute, value), part_identity(attribute, "value", value)


def type_of(attribute: Attribute, value: Mapping[str, Any]) -> Hashable:
    """The type of a value; where one alone is possible, it need not be said."""
    part = attribute.part("type")
    if part is not None and "type" not in value and len(part.canonical) == 1:
        return part_identity(attribute, "type", {"type": part.canonical[0]})
    return part_identity(attribute, "type", value)


def part_identity(attribute: Attribute, name: str, value: Mapping[str, Any]) -> Hashable:
    """A part of a value as it is compared, None where it has none."""
    part = attribute.part(name)
    if part is None or name not in value:
        return None
    compared: Hashable = comparable_of(part)(value[name])
    return compared


def spelled(
    attributes: tuple[Attribute, ...], given: Mapping[str, Any], within: str = ""
) -> Iterator[tuple[Attribute, Any]]:
    """What an object holds, each with the attribute that its name is of, in the object's order;
    `within` is what the object itself is called.

    Raises InvalidValue, InvalidSyntax.
    """
    seen: set[str] = set()
    for name, value in given.items():
        attribute = find(attributes, name)
        if attribute is None:
            raise InvalidValue(f"there is no attribute {shown(name, within)}")
        if attribute.name in seen:
            raise InvalidSyntax(f"'{attribute.name}' stands there twice, in different case")
        seen.add(attribute.name)
        yield attribute, value


def check_required(
    attributes: tuple[Attribute, ...], found: Mapping[str, Any], within: str = ""
) -> None:
    """Return if all that is required is there, and not blank. Raises InvalidValue."""
    for one in attributes:
        if one.required and not (one.defaulted or one.mutability is Mutability.READ_ONLY):
            value = found.get(one.name)
            if value is None or (isinstance(value, str) and not value.strip()):
                raise InvalidValue(f"{shown(one.name, within)} has to be given")


def shown(name: str, within: str = "") -> str:
    """A name that was sent, for a message; one that people could not read is not repeated."""
    if len(name) > _SHOWN_CHARACTERS or not name.isprintable():
        return f"by such a name in '{within}'" if within else "by such a name"
    return f"'{within}.{name}'" if within else f"'{name}'"


def _check_count(attribute: Attribute, count: int, name: str) -> None:
    if count > MOST_VALUES and attribute.name not in COUNTED_ELSEWHERE:
        raise OverLimit(f"'{name}' may have at most {MOST_VALUES} values")
