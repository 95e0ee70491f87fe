"""Puts resources in the order of an attribute (RFC 7644, section 3.4.2.3)."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from app.scim.attributes import ResourceType
from app.scim.comparing import comparable_of
from app.scim.errors import InvalidPath
from app.scim.expressions import AttributePath
from app.scim.resolving import looked_up, resolve

#: Whether there is nothing to sort by, and what there is: the least comes first, and what has
#: nothing last. Keys of one attribute can be compared with each other.
SortKey: TypeAlias = tuple[bool, Any]


def sorter(path: AttributePath, type_: ResourceType) -> Callable[[Mapping[str, Any]], SortKey]:
    """The function that gives the keys of resources of a kind, for an attribute.

    Of many values the primary one counts, else the first. For the descending order, reverse the
    ascending one: then comes first what has no value.

    Raises:
        InvalidPath: the path leads nowhere, to what is never shown, or to a complex attribute
            that has no part `value`.
    """
    target = resolve(path, type_, InvalidPath)
    compared = target.compared()
    if compared is None:
        raise InvalidPath("expected one of the attribute's parts", path.place)
    comparable = comparable_of(compared)

    def key(resource: Mapping[str, Any]) -> SortKey:
        found = target.values(resource)
        chosen = next((one for one in found if looked_up(one, "primary") is True), None)
        if chosen is None and found:
            chosen = found[0]
        if compared is not target.attribute:
            chosen = looked_up(chosen, compared.name)
        value = comparable(chosen)
        return value is None, value

    return key
