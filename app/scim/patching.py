"""Applies the operations of a PATCH to a resource (RFC 7644, section 3.5.2).

All of them are applied, or an error is raised and nothing came of any: what is given is never
changed, and what comes back shares unchanged values with it. What an operation makes of a single
attribute is `patched_values.py`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.scim.attributes import Attribute, Mutability, ResourceType, Schema
from app.scim.errors import (
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    NotMutable,
    OverLimit,
    ScimError,
)
from app.scim.expressions import Filter
from app.scim.patch_messages import Operation, Verb
from app.scim.patched_values import patched
from app.scim.paths import parse_path
from app.scim.resources import check_size
from app.scim.values import check_required

#: Values that the operations of one message may look at together, one for each 32 characters of
#: the path: 1,000 operations on 100 values. Without it a message of 100 KB took seconds.
MOST_LOOKED_AT = 100_000
_PATH_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class PatchTarget:
    """What a path leads to: an attribute, of the core where `extension` is None; the values of it
    that `filter` fits; the part of those."""

    attribute: Attribute
    extension: Schema | None = None
    filter: Filter | None = None
    part: Attribute | None = None


def patch(
    resource: Mapping[str, Any], operations: Sequence[Operation], type_: ResourceType
) -> dict[str, Any]:
    """A resource after some operations, one after the other.

    To add what is there already, and to remove what is not there, is no error, as providers
    repeat what got no answer; only a filter that fits nothing is one, but for `add`: where it
    says by `eq` what the value's parts are, such a value is made.

    Args:
        resource: in the schemas' spelling, as `read_resource` gives one.
        operations: in their order.
        type_: what kind of resource it is.

    Raises:
        InvalidPath, InvalidFilter: a path is not of the grammar, or leads to no attribute.
        InvalidSyntax: two names in a value differ in nothing but case.
        InvalidValue: a value is none that its attribute can have.
        NotMutable: what is required would be removed, or what is read-only or immutable changed.
        NoTarget: a filter fits no value.
        OverLimit: the result is larger than a resource may be, or it takes too long to get there.
    """
    patching = _Patching(resource, type_)
    for number, operation in enumerate(operations, start=1):
        try:
            patching.apply(operation)
        except ScimError as error:
            if len(operations) == 1:
                raise
            raise error.within(f"operation {number}") from error
    return patching.result()


def find_target(path: str, type_: ResourceType) -> PatchTarget | Schema:
    """What a path leads to in a kind of resource: an attribute, or an extension as a whole.

    Raises InvalidPath, InvalidFilter.
    """
    parsed = parse_path(path, [type_.schema.id, *(one.id for one in type_.extensions)])
    named = parsed.attribute
    extension = None if named.schema is None else type_.extension(named.schema)
    if not named.name and extension is not None:
        return extension
    attribute = type_.attribute(named.name, named.schema)
    if attribute is None:
        raise InvalidPath(f"expected an attribute of {type_.name}", named.place)
    if parsed.filter is not None and not (attribute.multi_valued and attribute.parts):
        raise InvalidPath("expected an attribute with several values of parts", named.place)
    part_name, part = parsed.part or named.part, None
    if part_name is not None:
        part = attribute.part(part_name)
        if part is None:
            raise InvalidPath("expected a part that the attribute has", named.place)
    return PatchTarget(attribute, extension, parsed.filter, part)


class _Patching:
    """A resource that is being changed."""

    def __init__(self, resource: Mapping[str, Any], type_: ResourceType) -> None:
        self._resource = dict(resource)
        self._type = type_
        self._looked_at = 0
        for schema in type_.extensions:
            if schema.id in resource:
                self._resource[schema.id] = dict(resource[schema.id])

    def apply(self, operation: Operation) -> None:
        if operation.path is not None:
            target = find_target(operation.path, self._type)
            if isinstance(target, Schema):
                self._apply_to_extension(target, operation)
            else:
                self._apply_to(target, operation)
            return
        if not isinstance(operation.value, Mapping):
            raise InvalidValue("without a path the value has to be an object")
        for name, value in each_once(operation.value):
            # Large providers have paths for names: `name.givenName`, `URN:department`.
            if name.lower() == "schemas":
                continue
            if name.lower() == "id" and value == self._resource.get("id"):
                continue
            self.apply(Operation(operation.verb, name, value))

    def result(self) -> dict[str, Any]:
        """The resource as it is now, with the URNs of what it has something of."""
        core, extensions = self._type.schema.id, self._type.extensions
        for schema in extensions:
            if not self._resource.get(schema.id, True):
                del self._resource[schema.id]
        held = sorted(schema.id for schema in extensions if schema.id in self._resource)
        result = self._resource | {"schemas": [core, *held]}
        check_size(result, self._type)
        return result

    def _apply_to(self, target: PatchTarget, operation: Operation) -> None:
        attribute = target.attribute
        if attribute.mutability is Mutability.READ_ONLY:
            raise NotMutable(f"'{attribute.name}' is read-only")
        if target.part is not None and target.part.mutability is Mutability.READ_ONLY:
            raise NotMutable(f"'{attribute.name}.{target.part.name}' is read-only")
        place = self._resource
        if target.extension is not None:
            place = place.setdefault(target.extension.id, {})
        old = place.get(attribute.name)
        self._look_at(old, operation)
        new = patched(attribute, target.filter, target.part, operation, old)
        if new is not None:
            check_required((attribute,), {attribute.name: new})
            place[attribute.name] = new
        elif attribute.required:
            raise NotMutable(f"'{attribute.name}' is required, and can't be removed")
        else:
            place.pop(attribute.name, None)

    def _apply_to_extension(self, extension: Schema, operation: Operation) -> None:
        """An extension is the object that its attributes are in, and is patched as one."""
        value = operation.value
        if operation.verb is Verb.REMOVE or (operation.verb is Verb.REPLACE and value is None):
            for name in [*self._resource.get(extension.id, ())]:
                self.apply(Operation(Verb.REMOVE, f"{extension.id}:{name}"))
            return
        if value is None:
            return
        if not isinstance(value, Mapping):
            raise InvalidValue(f"'{extension.id}' has to be an object")
        for name, one in each_once(value):
            if name.lower() != "schemas":  # which some clients put into every object
                self.apply(Operation(operation.verb, f"{extension.id}:{name}", one))

    def _look_at(self, values: Any, operation: Operation) -> None:
        if isinstance(values, list):
            weight = 1 + len(operation.path or "") // _PATH_CHARACTERS
            self._looked_at += len(values) * weight
        if self._looked_at > MOST_LOOKED_AT:
            raise OverLimit("these operations look at too many values: send them in several")


def each_once(value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What an object holds. Raises InvalidSyntax: two names differ in nothing but case."""
    if len({name.lower() for name in value}) != len(value):
        raise InvalidSyntax("a name stands there twice, in different case")
    return [*value.items()]
