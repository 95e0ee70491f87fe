"""Which attributes of a resource an answer shows (RFC 7644, sections 3.4.2.5 and 3.9).

What is shown is decided once, from the schemas; so that what no schema has, and what is never
returned, can't be shown by any way of asking.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from app.scim.attributes import Attribute, Kind, ResourceType, Returned
from app.scim.errors import InvalidPath, InvalidValue
from app.scim.paths import parse_attribute_path

#: In `attributes` or `excludedAttributes`: more than all schemas have.
MOST_NAMES = 200

#: Names, each an attribute's or, in the second place, that of a part of it.
_Names: TypeAlias = frozenset[tuple[str, str | None]]
#: The attributes that are shown, with the parts of each that are, None for the whole value.
_Shown: TypeAlias = Mapping[str, frozenset[str] | None]
_CORE = ""


@dataclass(frozen=True, slots=True)
class Projection:
    """What answers show of resources of one kind: `shown` has the core's attributes under the
    empty text, those of extensions under their URNs."""

    shown: Mapping[str, _Shown]

    @classmethod
    def parse(
        cls,
        attributes: str | Sequence[str] | None,
        excluded: str | Sequence[str] | None,
        type_: ResourceType,
    ) -> "Projection":
        """The projection that a client asked for.

        Args:
            attributes: what alone is to be shown, beside what always is: names with commas
                between them, or a list of such; None for what is shown by default.
            excluded: what of the default is left out; None for nothing.
            type_: the kind of resource.

        Raises:
            InvalidPath: a name is no attribute of that kind.
            InvalidValue: both are given, or over 200 names.
        """
        asked, left_out = _names(attributes, type_), _names(excluded, type_)
        if asked is not None and left_out is not None:
            raise InvalidValue("'attributes' and 'excludedAttributes' can't be given together")
        places = {_CORE: (*type_.common, *type_.schema.attributes)}
        places |= {schema.id: schema.attributes for schema in type_.extensions}
        return cls(
            {
                place: _shown(
                    attributes_there,
                    None if asked is None else asked.get(place, frozenset()),
                    frozenset() if left_out is None else left_out.get(place, frozenset()),
                )
                for place, attributes_there in places.items()
            }
        )

    def wants(self, name: str) -> bool:
        """Whether anything of that attribute of the core is shown, so that it has to be there."""
        wanted = name.lower()
        return any(one.lower() == wanted for one in self.shown[_CORE])

    def show(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """What is shown of a resource, which is in the schemas' spelling and is not changed."""
        core, shown = self.shown[_CORE], {}
        for name, value in resource.items():
            if name in core:
                there = _cut(value, core[name])
            elif name in self.shown and isinstance(value, Mapping):
                extension = self.shown[name]
                parts = {one: _cut(value[one], extension[one]) for one in value if one in extension}
                there = {one: part for one, part in parts.items() if part is not None} or None
            else:
                continue
            if there is not None:
                shown[name] = there
        return shown


def _names(given: str | Sequence[str] | None, type_: ResourceType) -> dict[str, _Names] | None:
    """The names that are given, by their places; None where none are."""
    texts = [given] if isinstance(given, str) else given or ()
    words = [word.strip() for text in texts for word in text.split(",")]
    words = [word for word in words if word]
    if len(words) > MOST_NAMES:
        raise InvalidValue(f"at most {MOST_NAMES} names of attributes are taken")
    found: dict[str, set[tuple[str, str | None]]] = {}
    for word in words:
        place, names = _named(word, type_)
        found.setdefault(place, set()).update(names)
    return {place: frozenset(names) for place, names in found.items()} if words else None


def _named(word: str, type_: ResourceType) -> tuple[str, list[tuple[str, str | None]]]:
    """The attribute or part that a word names, or all attributes of the schema."""
    schemas = (type_.schema, *type_.extensions)
    path = parse_attribute_path(word, [schema.id for schema in schemas])
    extension = None if path.schema is None else type_.extension(path.schema)
    place = _CORE if extension is None else extension.id
    if not path.name:
        return place, [(one.name, None) for one in (extension or type_.schema).attributes]
    attribute = type_.attribute(path.name, path.schema)
    if attribute is None:
        raise InvalidPath(f"expected an attribute of {type_.name}", path.place)
    part = None
    if path.part is not None:
        part = attribute.part(path.part)
        if part is None:
            raise InvalidPath("expected a part that the attribute has", path.place)
    return place, [(attribute.name, None if part is None else part.name)]


def _shown(attributes: tuple[Attribute, ...], asked: _Names | None, left_out: _Names) -> _Shown:
    shown: dict[str, frozenset[str] | None] = {}
    for attribute in attributes:
        if attribute.kind is not Kind.COMPLEX:
            if _is_shown(attribute, (attribute.name, None), asked, left_out):
                shown[attribute.name] = None
            continue
        parts = _parts_shown(attribute, asked, left_out)
        if len(parts) == len(attribute.parts):
            shown[attribute.name] = None
        elif parts:
            shown[attribute.name] = parts
    return shown


def _parts_shown(attribute: Attribute, asked: _Names | None, left_out: _Names) -> frozenset[str]:
    whole = (attribute.name, None)
    is_whole = _is_shown(attribute, whole, asked, left_out)
    parts = set()
    for part in attribute.parts:
        name = (attribute.name, part.name)
        if is_whole:
            by_name = None if asked is None or name not in asked else asked
            shown = _is_shown(part, name, by_name, left_out)
        else:
            never = Returned.NEVER in (attribute.returned, part.returned)
            shown = asked is not None and name in asked and not never
        if shown:
            parts.add(part.name)
    return frozenset(parts)


def _is_shown(
    one: Attribute, name: tuple[str, str | None], asked: _Names | None, left_out: _Names
) -> bool:
    match one.returned:
        case Returned.NEVER:
            return False
        case Returned.ALWAYS:
            return True
        case Returned.REQUEST:
            return asked is not None and name in asked
        case Returned.DEFAULT:
            return name not in left_out if asked is None else name in asked


def _cut(value: Any, parts: frozenset[str] | None) -> Any:
    """A value with those parts alone, None where it has none of them."""
    if parts is None:
        return value
    if isinstance(value, list):
        cut = (_cut(one, parts) for one in value)
        return [one for one in cut if one is not None] or None
    if not isinstance(value, Mapping):
        return None
    return {name: one for name, one in value.items() if name in parts} or None
