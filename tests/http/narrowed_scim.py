"""The description of SCIM as a provider knows it, for a tool that asks all it allows.

What is served says of a message that it is an object: its schemas are told by `/scim/v2/Schemas`.
Here they are written out beside that, with ids that there are, so that what is made up gets
further than the first look at it. Most of it may still be refused, but no example.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from app.api.description import METHODS, describe
from app.scim.attributes import Attribute, Kind, Mutability, ResourceType
from app.scim.media import SCIM_JSON
from app.scim.schemas import RESOURCE_TYPES
from tests.http.furnished import Installation
from tests.http.provisioning import BULK, GROUP, PATCH, SEARCH, USER

_FILTERS = (
    'userName eq "jo@example.org" or not (emails[type eq "work"] and active eq true)',
    'meta.lastModified gt "2026-01-01T00:00:00Z" and displayName sw "a"',
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager pr",
    'members.value ne "a" or groups[value pr]',
    "name.familyName pr and (externalId lt 7 or id ge null)",
)
_PATHS = (
    *("active", "userName", "password", "roles", "name", "name.familyName", "externalId", "x"),
    *("emails", 'emails[type eq "work"].value', 'emails[primary eq true and value co "a"]'),
    *("members", 'members[value eq "a"]', "displayName", "id", "meta.created", "schemas", "groups"),
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
)
_ANY = {"$ref": "#/components/schemas/ScimMessage"}
#: What one becomes that is replaced.
_REPLACED: Mapping[str, dict[str, Any]] = {
    "/Users": {"schemas": [USER], "userName": "sam", "displayName": "Sam"},
    "/Groups": {"schemas": [GROUP], "displayName": "sam"},
}
_TYPES = {Kind.BOOLEAN: "boolean", Kind.DECIMAL: "number", Kind.INTEGER: "integer"}


def provisioning_described(at: Installation) -> Mapping[str, Any]:
    """What is under `/scim`, of one installation."""
    whole = describe()
    parameters, schemas = whole["components"]["parameters"], whole["components"]["schemas"]
    ids = {"enum": [id_ for each in at.provisioned.values() for id_ in each]}
    _add(parameters["ScimFilter"], {"enum": list(_FILTERS)})
    _add(parameters["ScimSortBy"], {"enum": list(_PATHS)})
    for name in ("ScimAttributes", "ScimExcludedAttributes"):
        _add(parameters[name], {"enum": [*_PATHS, ",".join(_PATHS[:5])]})
    resources = {type_.endpoint: _resource(type_, ids) for type_ in RESOURCE_TYPES}
    for path, item in whole["paths"].items():
        for method in METHODS:
            content = item.get(method, {}).get("requestBody", {}).get("content", {})
            for media in [content[SCIM_JSON]] if SCIM_JSON in content else []:
                media["schema"] = {"anyOf": [_message(method, path, resources), _ANY]}
    _give_examples(whole["paths"], at)
    # A message may say nothing of what it is.
    schemas["ScimMessage"]["required"] = []
    return whole


def _give_examples(paths: dict[str, Any], at: Installation) -> None:
    """One of each operation that is accepted: about what is there, and stays but for DELETE."""
    for endpoint, there in at.provisioned.items():
        one = paths[f"/scim/v2{endpoint}/{{id_}}"]
        del one["parameters"]
        for method in (name for name in METHODS if name in one):
            id_ = there[method == "delete"]
            named = {"name": "id_", "in": "path", "required": True, "example": id_}
            schema = {"anyOf": [{"const": id_}, {"type": "string"}]}
            one[method]["parameters"] = [
                *one[method].get("parameters", ()),
                named | {"schema": schema},
            ]
        one["put"]["requestBody"]["content"][SCIM_JSON]["example"] = _REPLACED[endpoint]
    members = [{"value": at.provisioned["/Users"][0]}]
    for method, path, example in (
        ("post", "/scim/v2/Groups", _REPLACED["/Groups"] | {"members": members}),
        ("patch", "/scim/v2/Groups/{id_}", _adding(members)),
    ):
        taken = paths[path][method]["requestBody"]["content"][SCIM_JSON]
        taken["example"] = example


def _adding(members: list[dict[str, str]]) -> dict[str, Any]:
    operation = {"op": "add", "path": "members", "value": members}
    return {"schemas": [PATCH], "Operations": [operation]}


def _message(method: str, path: str, resources: Mapping[str, Any]) -> dict[str, Any]:
    if path.endswith("/Bulk"):
        return _bulk(resources)
    if path.endswith("/.search"):
        names = {"enum": list(_PATHS)}
        return _object(
            SEARCH,
            filter={"enum": list(_FILTERS)},
            sortBy=names,
            sortOrder={"enum": ["ascending", "descending"]},
            startIndex={"type": "integer"},
            count={"type": "integer"},
            attributes={"type": "array", "items": names},
            excludedAttributes={"type": "array", "items": names},
        )
    if method == "patch":
        return _patches()
    found: dict[str, Any] = resources["/Users" if "/Users" in path else "/Groups"]
    return found


def _patches() -> dict[str, Any]:
    operation = {
        "type": "object",
        "properties": {
            "op": {"enum": ["add", "Replace", "REMOVE"]},
            "path": {"anyOf": [{"enum": list(_PATHS)}, {"type": "string"}]},
            "value": {},
        },
        "required": ["op"],
    }
    return _object(PATCH, Operations={"type": "array", "items": operation, "minItems": 1})


def _bulk(resources: Mapping[str, Any]) -> dict[str, Any]:
    places = [place for endpoint in resources for place in (endpoint, f"{endpoint}/bulkId:a")]
    operation = {
        "type": "object",
        "properties": {
            "method": {"enum": ["POST", "PUT", "PATCH", "DELETE"]},
            "path": {"anyOf": [{"enum": places}, {"type": "string"}]},
            "bulkId": {"enum": ["a", "b"]},
            "version": {"type": "string"},
            "data": {"anyOf": [*resources.values(), _patches(), {}]},
        },
        "required": ["method", "path"],
    }
    operations = {"type": "array", "items": operation, "maxItems": 5}
    return _object(BULK, Operations=operations, failOnErrors={"type": "integer"})


def _resource(type_: ResourceType, ids: Mapping[str, Any]) -> dict[str, Any]:
    core = _attributes((*type_.common, *type_.schema.attributes), ids)
    extended = {
        one.id: {"type": "object", "properties": _attributes(one.attributes, ids)}
        for one in type_.extensions
    }
    return _object(type_.schema.id, **core | extended)


def _attributes(given: Iterable[Attribute], ids: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that can be written, and those that can't by a value that is any."""
    return {
        one.name: {} if one.mutability is Mutability.READ_ONLY else _values(one, ids)
        for one in given
        if one.name != "schemas"
    }


def _values(one: Attribute, ids: Mapping[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = {"type": _TYPES.get(one.kind, "string")}
    if one.kind is Kind.COMPLEX:
        value = {"type": "object", "properties": _attributes(one.parts, ids)}
    elif one.name == "value":
        value = {"anyOf": [ids, value]}
    return {"type": "array", "items": value, "maxItems": 3} if one.multi_valued else value


def _object(urn: str, **properties: Any) -> dict[str, Any]:
    schemas = {"type": "array", "items": {"const": urn}, "minItems": 1, "maxItems": 1}
    return {
        "type": "object",
        "properties": {"schemas": schemas, **properties},
        "required": ["schemas"],
    }


def _add(parameter: dict[str, Any], more: Mapping[str, Any]) -> None:
    parameter["schema"] = {"anyOf": [more, parameter["schema"]]}
