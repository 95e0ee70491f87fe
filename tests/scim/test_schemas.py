"""The schemas, and the service as SCIM describes it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.scim.attributes import Attribute, Kind, Mutability, Returned, Schema, Uniqueness
from app.scim.describing import resource_type_json, schema_json, service_provider_config
from app.scim.schemas import COMMON, ENTERPRISE, GROUP, RESOURCE_TYPES, SCHEMAS, URNS, USER
from app.scim.schemas_protocol import (
    RESOURCE_TYPE_SCHEMA,
    SCHEMA_SCHEMA,
    SERVICE_PROVIDER_CONFIG_SCHEMA,
)

BASE = "https://repo.example.com/scim/v2"
CONFIGURATION = service_provider_config(BASE, 500, 1_048_576, 1_000, "https://example.com/docs")


def _all(attributes: tuple[Attribute, ...]) -> Iterator[Attribute]:
    for one in attributes:
        yield one
        yield from _all(one.parts)


EVERY = [one for schema in SCHEMAS for one in _all(schema.attributes)] + [*_all(COMMON)]


def _found(schema: Schema, path: str) -> Attribute:
    name, _, part = path.partition(".")
    found = schema.attribute(name)
    assert found is not None
    within = found.part(part) if part else found
    assert within is not None
    return within


def test_a_user_has_all_attributes_of_the_rfc() -> None:
    assert {one.name for one in USER.schema.attributes} == {
        *("userName", "name", "displayName", "nickName", "profileUrl", "title", "userType"),
        *("preferredLanguage", "locale", "timezone", "active", "password", "emails"),
        *("phoneNumbers", "ims", "photos", "addresses", "groups", "entitlements", "roles"),
        "x509Certificates",
    }
    assert {one.name for one in ENTERPRISE.attributes} == {
        *("employeeNumber", "costCenter", "organization", "division", "department", "manager")
    }
    assert {one.name for one in GROUP.schema.attributes} == {"displayName", "members"}
    assert {one.name for one in COMMON} == {"schemas", "id", "externalId", "meta"}


@pytest.mark.parametrize(
    "schema, path, said",
    [
        (USER.schema, "userName", {"required": True, "uniqueness": Uniqueness.SERVER}),
        (USER.schema, "userName", {"case_exact": False}),
        (USER.schema, "password", {"mutability": Mutability.WRITE_ONLY}),
        (USER.schema, "password", {"returned": Returned.NEVER}),
        (USER.schema, "groups", {"mutability": Mutability.READ_ONLY}),
        (USER.schema, "groups.type", {"canonical": ("direct",)}),
        (USER.schema, "roles.value", {"canonical": ("admin", "developer", "reader")}),
        (GROUP.schema, "displayName", {"required": True, "uniqueness": Uniqueness.SERVER}),
        (GROUP.schema, "members.value", {"mutability": Mutability.IMMUTABLE, "case_exact": True}),
        (GROUP.schema, "members.$ref", {"references": ("User",)}),
        (GROUP.schema, "members.type", {"canonical": ("User",)}),
        (GROUP.schema, "members.display", {"mutability": Mutability.READ_ONLY}),
        (ENTERPRISE, "manager.$ref", {"references": ("User",)}),
        (ENTERPRISE, "manager.displayName", {"mutability": Mutability.READ_ONLY}),
    ],
)
def test_a_schema_says_what_holds_here(schema: Schema, path: str, said: dict[str, Any]) -> None:
    found = _found(schema, path)
    assert {name: getattr(found, name) for name in said} == said


def test_every_attribute_is_described_once_and_has_parts_only_if_it_is_complex() -> None:
    for one in EVERY:
        assert one.description.endswith("."), one.name
        assert bool(one.parts) == (one.kind is Kind.COMPLEX), one.name
        assert bool(one.references) == (one.kind is Kind.REFERENCE), one.name
        for parts in (one.parts, *(schema.attributes for schema in SCHEMAS)):
            assert len({part.name.lower() for part in parts}) == len(parts)


def test_parts_of_what_is_read_only_are_read_only() -> None:
    for one in EVERY:
        if one.mutability is Mutability.READ_ONLY:
            assert all(part.mutability is Mutability.READ_ONLY for part in one.parts), one.name


def test_no_name_is_in_an_object_beside_one_of_another_schema() -> None:
    for type_ in RESOURCE_TYPES:
        names = [one.name.lower() for one in (*type_.common, *type_.schema.attributes)]
        assert len(set(names)) == len(names)
    assert {one.id for one in SCHEMAS} >= {*URNS}
    assert len({one.id.lower() for one in SCHEMAS}) == len(SCHEMAS)


def _checked(value: Any, attributes: tuple[Attribute, ...]) -> None:
    """Holds an object against a schema: nothing unknown, nothing missing, nothing mistyped."""
    known = {one.name: one for one in attributes}
    assert value.keys() <= known.keys()
    assert {one.name for one in attributes if one.required} <= value.keys()
    types = {Kind.BOOLEAN: bool, Kind.INTEGER: int, Kind.COMPLEX: dict}
    for name, given in value.items():
        one = known[name]
        assert isinstance(given, list) is one.multi_valued, name
        for each in given if one.multi_valued else [given]:
            assert type(each) is types.get(one.kind, str), name
            assert not one.canonical or each in one.canonical, name
            if one.parts:
                _checked(each, _parts(one))


def _parts(one: Attribute) -> tuple[Attribute, ...]:
    """What an attribute's parts have is told to two levels, and is the same below."""
    if one.name != "subAttributes":
        return one.parts
    return (*one.parts, one)


@pytest.mark.parametrize(
    "shown, schema",
    [
        (CONFIGURATION, SERVICE_PROVIDER_CONFIG_SCHEMA),
        *((resource_type_json(one, BASE), RESOURCE_TYPE_SCHEMA) for one in RESOURCE_TYPES),
        *((schema_json(one, BASE), SCHEMA_SCHEMA) for one in SCHEMAS),
    ],
    ids=lambda value: value.get("id", "configuration") if isinstance(value, dict) else "",
)
def test_what_describes_the_service_follows_its_own_schema(shown: Any, schema: Schema) -> None:
    assert json.loads(json.dumps(shown)) == shown
    assert shown["schemas"] == [schema.id]
    assert shown["meta"]["resourceType"] == schema.name
    common = {"schemas", "meta"}
    _checked({name: one for name, one in shown.items() if name not in common}, schema.attributes)


def test_a_schema_is_shown_with_its_address_and_all_that_it_says() -> None:
    shown = schema_json(GROUP.schema, BASE)
    assert shown["id"] == "urn:ietf:params:scim:schemas:core:2.0:Group"
    assert shown["meta"]["location"] == f"{BASE}/Schemas/{shown['id']}"
    name, members = shown["attributes"]
    assert name == {
        "name": "displayName",
        "type": "string",
        "multiValued": False,
        "description": "The group's name; case makes no difference.",
        "required": True,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "server",
    }
    value, reference, type_, display = members["subAttributes"]
    assert (members["type"], members["multiValued"]) == ("complex", True)
    assert "caseExact" not in members
    assert (value["mutability"], value["caseExact"]) == ("immutable", True)
    assert reference["referenceTypes"] == ["User"]
    assert type_["canonicalValues"] == ["User"]
    assert display["mutability"] == "readOnly"


def test_a_kind_of_resource_is_shown_with_its_schemas() -> None:
    assert resource_type_json(USER, BASE) == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "description": "Accounts of people and machines.",
        "schema": "urn:ietf:params:scim:schemas:core:2.0:User",
        "schemaExtensions": [
            {
                "schema": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
                "required": False,
            }
        ],
        "meta": {"resourceType": "ResourceType", "location": f"{BASE}/ResourceTypes/User"},
    }


def test_the_service_does_all_of_the_protocol_within_the_bounds_that_it_names() -> None:
    for name in ("patch", "bulk", "filter", "changePassword", "sort", "etag"):
        assert CONFIGURATION[name]["supported"] is True
    assert CONFIGURATION["bulk"]["maxOperations"] == 500
    assert CONFIGURATION["bulk"]["maxPayloadSize"] == 1_048_576
    assert CONFIGURATION["filter"]["maxResults"] == 1_000
    assert CONFIGURATION["documentationUri"] == "https://example.com/docs"
    (scheme,) = CONFIGURATION["authenticationSchemes"]
    assert (scheme["type"], scheme["primary"]) == ("oauthbearertoken", True)
    assert "documentationUri" not in str(service_provider_config(BASE, 1, 1, 1, None))
