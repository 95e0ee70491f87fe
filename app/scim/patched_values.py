"""What one operation of PATCH makes of one attribute (RFC 7644, sections 3.5.2.1 to 3.5.2.3).

Functions from an old value to a new one; None is no value. Nothing that is given is changed.
"""

from collections.abc import Callable, Mapping
from typing import Any

from app.scim.attributes import Attribute, Kind, Mutability
from app.scim.errors import NoTarget, NotMutable
from app.scim.evaluating import value_matcher
from app.scim.expressions import And, Comparison, Filter, Operator
from app.scim.patch_messages import Operation, Verb
from app.scim.values import (
    check_required,
    identity,
    is_unassigned,
    part_identity,
    read_one,
    read_value,
    settled,
    spelled,
)


def patched(
    attribute: Attribute,
    filter_: Filter | None,
    part: Attribute | None,
    operation: Operation,
    old: Any,
) -> Any:
    """What an attribute has after an operation on it, on the values of it that the filter fits,
    or on a part of these.

    Raises InvalidFilter, InvalidSyntax, InvalidValue, NotMutable, NoTarget, OverLimit.
    """
    verb, raw = operation.verb, operation.value
    if verb is not Verb.REMOVE and is_unassigned(part or attribute, raw):
        if verb is Verb.ADD:
            return old
        verb, raw = Verb.REMOVE, None
    if attribute.multi_valued and not (filter_ is None and part is None):
        return _some(attribute, filter_, part, verb, raw, old or [])
    if part is not None:
        return _with_part(attribute, part, _read_part(attribute, part, verb, raw), old or {})
    return _whole(attribute, verb, raw, old)


def _whole(attribute: Attribute, verb: Verb, raw: Any, old: Any) -> Any:
    if verb is Verb.REMOVE:
        if attribute.multi_valued and raw is not None:
            return _without(attribute, raw if isinstance(raw, list) else [raw], old or [])
        return None
    if attribute.multi_valued:
        new = read_value(attribute, raw) or []
        return _joined(attribute, old or [], new) if verb is Verb.ADD else new or None
    if attribute.kind is Kind.COMPLEX:
        return _merged(attribute, raw, verb)(old or {})
    return read_value(attribute, raw)


def _without(attribute: Attribute, given: list[Any], old: list[Any]) -> list[Any] | None:
    """Values without those that are given: a large provider removes members so. What is given
    without a type is gone whatever its type."""
    gone = [one for each in given if (one := read_one(attribute, each)) is not None]
    by_identity = {identity(attribute, one) for one in gone}
    by_value = {
        part_identity(attribute, "value", one)
        for one in gone
        if isinstance(one, Mapping) and "value" in one and "type" not in one
    }
    kept = [
        one
        for one in old
        if identity(attribute, one) not in by_identity
        and not (
            isinstance(one, Mapping)
            and "value" in one
            and part_identity(attribute, "value", one) in by_value
        )
    ]
    return kept or None


def _joined(attribute: Attribute, old: list[Any], new: list[Any]) -> list[Any] | None:
    """Values with others behind them. One that is primary takes that from those that are there
    (RFC 7644, section 3.5.2)."""
    if any(map(_is_primary, new)):
        old = [{**one, "primary": False} if _is_primary(one) else one for one in old]
    return settled(attribute, [*old, *new]) or None


def _some(
    attribute: Attribute,
    filter_: Filter | None,
    part: Attribute | None,
    verb: Verb,
    raw: Any,
    old: list[Any],
) -> list[Any] | None:
    """Values, some of which are changed or gone."""
    fits = (lambda _: True) if filter_ is None else value_matcher(filter_, attribute)
    fitting = [fits(one) for one in old]
    change = _change(attribute, part, verb, raw)
    if not any(fitting):
        if verb is Verb.ADD or (verb is Verb.REPLACE and filter_ is None):
            made = _made(attribute, filter_, change)
            return _joined(attribute, old, [made] if made else [])
        if filter_ is None:
            return old or None
        raise NoTarget(f"the filter fits no value of '{attribute.name}'")
    new: list[Any] = [change(one) if fit else one for one, fit in zip(old, fitting, strict=True)]
    if any(fit and _is_primary(one) for one, fit in zip(new, fitting, strict=True)):
        new = [
            {**one, "primary": False} if _is_primary(one) and not fit else one
            for one, fit in zip(new, fitting, strict=True)
        ]
    return settled(attribute, [one for one in new if one is not None]) or None


def _change(
    attribute: Attribute, part: Attribute | None, verb: Verb, raw: Any
) -> Callable[[Mapping[str, Any]], dict[str, Any] | None]:
    """What happens to each value that a filter fits; what is given is read once for all."""
    if part is not None:
        value = _read_part(attribute, part, verb, raw)
        return lambda old: _with_part(attribute, part, value, old)
    if verb is Verb.REMOVE:
        return lambda _: None
    given = raw[0] if isinstance(raw, list) and len(raw) == 1 else raw
    if verb is Verb.ADD:
        return _merged(attribute, given, verb)
    new = read_one(attribute, given, partial=True) or {}
    return lambda old: _kept(attribute, old, _immutable(attribute, old) | new)


def _made(
    attribute: Attribute,
    filter_: Filter | None,
    change: Callable[[Mapping[str, Any]], dict[str, Any] | None],
) -> dict[str, Any]:
    """The value that a filter describes where none fits it, with what was to be added to it:
    large providers give the first address of type work so."""
    made = change({} if filter_ is None else _described(attribute, filter_)) or {}
    check_required(attribute.parts, made, attribute.name)
    return made


def _described(attribute: Attribute, filter_: Filter) -> dict[str, Any]:
    """The parts that a filter of `eq`, joined by `and`, tells. Raises NoTarget, InvalidValue."""
    described: dict[str, Any] = {}
    waiting = [filter_]
    while waiting:
        match waiting.pop():
            case And(left, right):
                waiting += (right, left)
            case Comparison(path, Operator.EQ, value):
                part, name = attribute.part(path.name), f"{attribute.name}.{path.name}"
                read = None if part is None else read_value(part, value, name=name)
                if part is None or part.mutability is Mutability.READ_ONLY:
                    raise NoTarget(f"the filter fits no value of '{attribute.name}'")
                if read is not None:
                    described[part.name] = read
            case _:
                raise NoTarget(f"the filter fits no value of '{attribute.name}'")
    if not value_matcher(filter_, attribute)(described):
        raise NoTarget(f"the filter fits no value of '{attribute.name}', and never can")
    return described


def _merged(
    attribute: Attribute, raw: Any, verb: Verb
) -> Callable[[Mapping[str, Any]], dict[str, Any] | None]:
    """Parts that are given take the place of old ones, the others stay (section 3.5.2.3)."""
    new = read_one(attribute, raw, partial=True) or {}
    cleared: set[str] = set()
    if verb is Verb.REPLACE and isinstance(raw, Mapping):
        cleared = {
            part.name
            for part, value in spelled(attribute.parts, raw, attribute.name)
            if is_unassigned(part, value) and part.mutability is not Mutability.READ_ONLY
        }

    def merge(old: Mapping[str, Any]) -> dict[str, Any] | None:
        kept = {name: value for name, value in old.items() if name not in cleared}
        return _kept(attribute, old, kept | new)

    return merge


def _read_part(attribute: Attribute, part: Attribute, verb: Verb, raw: Any) -> Any:
    if verb is Verb.REMOVE:
        return None
    return read_value(part, raw, name=f"{attribute.name}.{part.name}")


def _with_part(
    attribute: Attribute, part: Attribute, value: Any, old: Mapping[str, Any]
) -> dict[str, Any] | None:
    """A complex value with another part, or without it where `value` is None."""
    others = {name: kept for name, kept in old.items() if name != part.name}
    return _kept(attribute, old, others if value is None else {**old, part.name: value})


def _kept(
    attribute: Attribute, old: Mapping[str, Any], new: dict[str, Any]
) -> dict[str, Any] | None:
    """What became of a complex value. Raises NotMutable where a part changed that never may, or
    one that is required is gone."""
    for name, value in _immutable(attribute, old).items():
        if new.get(name) != value:
            raise NotMutable(f"'{attribute.name}.{name}' can't be changed")
    for part in attribute.parts:
        if part.required and part.name in old and part.name not in new:
            raise NotMutable(f"'{attribute.name}.{part.name}' is required, and can't be removed")
    return new or None


def _immutable(attribute: Attribute, value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        part.name: value[part.name]
        for part in attribute.parts
        if part.mutability is Mutability.IMMUTABLE and part.name in value
    }


def _is_primary(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("primary") is True
