"""Evaluates filters on resources, and on single values of an attribute.

A filter becomes a function once, with every path in it resolved; resources then cost no look-up
in a schema. What can't be compared is refused while that is done, so that no filter is evaluated
that was not checked.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from app.scim.attributes import Attribute, Kind, ResourceType
from app.scim.comparing import comparison
from app.scim.errors import InvalidFilter
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
from app.scim.resolving import Target, resolve, resolve_part

#: Says whether a filter holds for a resource, or for one value of a complex attribute.
Matcher: TypeAlias = Callable[[Mapping[str, Any]], bool]
_Scope: TypeAlias = Callable[[AttributePath], Target]


def matcher(filter_: Filter, type_: ResourceType) -> Matcher:
    """The function that says of resources of a kind whether a filter holds.

    A comparison holds if it does so for any value of the attribute; of an attribute that is not
    there `ne` holds, and `eq` with null, and nothing else. A resource has its extensions'
    attributes under their URNs.

    Raises:
        InvalidFilter: a path leads nowhere or to what is never shown, or an operator or a value
            does not suit the attribute's type.
    """
    return _built(filter_, lambda path: resolve(path, type_, InvalidFilter))


def value_matcher(filter_: Filter, attribute: Attribute) -> Matcher:
    """The same for values of one complex attribute: paths are names of its parts.

    Raises InvalidFilter.
    """
    return _built(filter_, lambda path: resolve_part(path, attribute, InvalidFilter))


def pinned(filter_: Filter, type_: ResourceType, names: Collection[str]) -> tuple[str, str] | None:
    """The attribute, and the text, that everything a filter finds has to equal, so that it can be
    looked up instead of searched for.

    That is the first of the core's attributes in `names`, in the schema's spelling, that the
    filter compares by `eq`, by itself or with more behind an `and`; None where it does not. What
    is looked up by it still has to match the filter.
    """
    waiting = [filter_]
    while waiting:
        match waiting.pop():
            case And(left, right):
                waiting += (right, left)
            case Comparison(path, Operator.EQ, str(value)):
                target = resolve(path, type_, InvalidFilter)
                name = target.attribute.name
                if target.part is None and target.extension is None and name in names:
                    return name, value
    return None


def _built(filter_: Filter, scope: _Scope) -> Matcher:
    """Goes down by calls: a filter is at most as deep as its comparisons and brackets."""
    match filter_:
        case And(left, right):
            first, second = _built(left, scope), _built(right, scope)
            return lambda found: first(found) and second(found)
        case Or(left, right):
            one, other = _built(left, scope), _built(right, scope)
            return lambda found: one(found) or other(found)
        case Not(negated):
            held = _built(negated, scope)
            return lambda found: not held(found)
        case Within(path, inner):
            return _within(scope(path), path.place, inner)
        case Present(path):
            return scope(path).present
        case Comparison(path):
            target = scope(path)
            compared = target.compared()
            if compared is None:
                raise InvalidFilter("expected one of the attribute's parts", path.place)
            fits = comparison(filter_, compared)
            return lambda found: any(map(fits, target.comparable(found)))


def _within(target: Target, place: int, inner: Filter) -> Matcher:
    """One and the same value has to fit all that stands in the brackets."""
    if target.part is not None or target.attribute.kind is not Kind.COMPLEX:
        raise InvalidFilter("expected an attribute that has parts before the brackets", place)
    fits = value_matcher(inner, target.attribute)
    return lambda found: any(fits(one) for one in target.values(found) if isinstance(one, Mapping))
