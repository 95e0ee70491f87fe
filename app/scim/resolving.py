"""Finds the attribute that a path means, and what a resource has there.

Resources are plain JSON. An attribute that is null or an empty list is not there (RFC 7643,
section 2.5). What was stored in another form than its schema says is passed over, never an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.scim.attributes import Attribute, Kind, ResourceType, Returned
from app.scim.expressions import AttributePath
from app.scim.grammar import Refusal


@dataclass(frozen=True, slots=True)
class Target:
    """What a path leads to: an attribute, or a part of it; `extension` is the URN of the
    extension that it is of, None of the core."""

    attribute: Attribute
    part: Attribute | None = None
    extension: str | None = None

    def compared(self) -> Attribute | None:
        """What gives the values that are compared: of a complex attribute that is its part `value`;
        None where it has none, and can't be compared as it is."""
        if self.part is not None:
            return None if self.part.kind is Kind.COMPLEX else self.part
        if self.attribute.kind is not Kind.COMPLEX:
            return self.attribute
        return self.attribute.part("value")

    def values(self, resource: Mapping[str, Any]) -> list[Any]:
        """What a resource has of the attribute, whole, in order; empty where it has nothing."""
        place = resource if self.extension is None else looked_up(resource, self.extension)
        return _listed(looked_up(place, self.attribute.name))

    def present(self, resource: Mapping[str, Any]) -> bool:
        """Whether there is something, and not only what is empty."""
        found = self.values(resource)
        if self.part is not None:
            found = [looked_up(one, self.part.name) for one in found]
        return any(map(_holds_something, found))

    def comparable(self, resource: Mapping[str, Any]) -> list[Any]:
        """The values of what is `compared`, at least one: where the attribute is not there, or a
        value of it has not the part, None stands for it."""
        found = self.values(resource)
        compared = self.compared()
        if compared is not None and compared is not self.attribute:
            parts = [_listed(looked_up(one, compared.name)) or [None] for one in found]
            found = [value for values in parts for value in values]
        return found or [None]


def resolve(path: AttributePath, type_: ResourceType, refusal: Refusal) -> Target:
    """What a path means for a kind of resource. Raises `refusal`: nothing, or what is never
    shown, which a filter or an order would tell bit by bit."""
    extension = None if path.schema is None else type_.extension(path.schema)
    attribute = type_.attribute(path.name, path.schema)
    if attribute is None:
        raise refusal(f"expected an attribute of {type_.name}", path.place)
    part = None
    if path.part is not None:
        part = attribute.part(path.part)
        if part is None:
            raise refusal("expected a part that the attribute has", path.place)
    if Returned.NEVER in (attribute.returned, part and part.returned):
        raise refusal("expected an attribute that may be shown", path.place)
    return Target(attribute, part, None if extension is None else extension.id)


def resolve_part(path: AttributePath, attribute: Attribute, refusal: Refusal) -> Target:
    """What a path in a filter of values means: a part of the attribute that they are values of.
    Raises `refusal`."""
    part = attribute.part(path.name)
    if part is None or path.schema is not None or path.part is not None:
        raise refusal("expected a part that the attribute has", path.place)
    if part.returned is Returned.NEVER:
        raise refusal("expected a part that may be shown", path.place)
    return Target(part)


def looked_up(value: Any, name: str) -> Any:
    """What an object has under a name, in whatever case; None where that is nothing."""
    if not isinstance(value, Mapping):
        return None
    if name in value:
        return value[name]
    wanted = name.lower()
    return next((value[key] for key in value if key.lower() == wanted), None)


def _listed(value: Any) -> list[Any]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if one is not None]


def _holds_something(value: Any) -> bool:
    """RFC 7644, section 3.4.2.2: neither empty nor null; of a complex value one part at least."""
    if isinstance(value, Mapping):
        return any(map(_holds_something, value.values()))
    if isinstance(value, list):
        return any(map(_holds_something, value))
    return value is not None and value != ""
