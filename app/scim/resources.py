"""Reads a resource that a client sends whole, to make one or to replace one (RFC 7643, section
3; RFC 7644, sections 3.3 and 3.5.1)."""

import json
from collections.abc import Mapping
from typing import Any

from app.scim.attributes import Attribute, Mutability, ResourceType, Schema
from app.scim.errors import InvalidSyntax, InvalidValue, OverLimit
from app.scim.values import COUNTED_ELSEWHERE, check_required, read_value, spelled

#: Of one resource as JSON, without the members of a group: a record holds 400 KB.
MOST_BYTES = 64 * 1024
#: Named by Entra ID in the schemas of every group that it makes, and then never used.
_WITHOUT_EFFECT = (
    "http://schemas.microsoft.com/2006/11/resourcemanagement/adscim/2.0/",
    "urn:ietf:params:scim:schemas:extension:microsoft:entra:2.0:",
)
_SCHEMAS = "schemas"


def read_resource(
    body: Mapping[str, Any], type_: ResourceType, *, required: bool = True
) -> dict[str, Any]:
    """A resource in the schemas' spelling, without what the client may not give.

    `schemas` comes first, with the URNs of those that the resource has something of. An
    extension's attributes count whether or not `schemas` names it: large providers leave it out.

    Args:
        body: plain JSON.
        type_: what kind of resource it is.
        required: whether the attributes that are required have to be there.

    Raises:
        InvalidSyntax: it is no object, or two names in it differ in nothing but case.
        InvalidValue: a value is missing, or is none that its attribute can have; an attribute or
            a schema is not known.
        OverLimit: over 1,000 values of one attribute, or over 64 KiB, members not counted.
    """
    if not isinstance(body, Mapping):
        raise InvalidSyntax("the body has to be an object")
    core: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    seen: set[str] = set()
    for name, value in body.items():
        extension = type_.extension(name)
        if extension is None:
            core[name] = value
        elif extension.id in seen:
            raise InvalidSyntax(f"'{extension.id}' stands there twice, in different case")
        else:
            seen.add(extension.id)
            read = _extension(extension, value, required)
            if read:
                parts[extension.id] = read
    read = _attributes((*type_.common, *type_.schema.attributes), core)
    _check_schemas(read.pop(_SCHEMAS, None), type_)
    if required:
        check_required((*type_.common, *type_.schema.attributes), read)
    resource = {_SCHEMAS: [type_.schema.id, *sorted(parts)], **read, **parts}
    check_size(resource, type_)
    return resource


def check_size(resource: Mapping[str, Any], type_: ResourceType) -> None:
    """Return if a resource is not larger than one may be; what is read-only does not count.

    Raises OverLimit.
    """
    counted = {
        name: value
        for name, value in resource.items()
        if name not in COUNTED_ELSEWHERE and not _is_read_only(type_.attribute(name))
    }
    if len(json.dumps(counted, ensure_ascii=False).encode()) > MOST_BYTES:
        raise OverLimit(f"a {type_.name} may have at most {MOST_BYTES} bytes as JSON")


def _attributes(attributes: tuple[Attribute, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    read = {}
    for attribute, value in spelled(attributes, given):
        if attribute.name == _SCHEMAS:
            read[_SCHEMAS] = value
        elif not _is_read_only(attribute):
            one = read_value(attribute, value)
            if one is not None:
                read[attribute.name] = one
    return read


def _extension(extension: Schema, value: object, required: bool) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidValue(f"'{extension.id}' has to be an object")
    read = _attributes(extension.attributes, value)
    if read and required:
        check_required(extension.attributes, read)
    return read


def _check_schemas(given: object, type_: ResourceType) -> None:
    """RFC 7643, section 3: a resource says which schemas it follows."""
    urns = [given] if isinstance(given, str) else given
    if not isinstance(urns, list) or not all(isinstance(one, str) for one in urns):
        raise InvalidValue(f"'schemas' has to be a list of URNs that holds {type_.schema.id}")
    wanted = {one.lower() for one in urns}
    if type_.schema.id.lower() not in wanted:
        raise InvalidValue(f"'schemas' has to hold {type_.schema.id}")
    known = {schema.id.lower() for schema in (type_.schema, *type_.extensions)}
    for one in urns:
        if one.lower() not in known and not one.lower().startswith(_WITHOUT_EFFECT):
            raise InvalidValue(f"'schemas' holds one that a {type_.name} does not have")


def _is_read_only(attribute: Attribute | None) -> bool:
    return attribute is not None and attribute.mutability is Mutability.READ_ONLY
