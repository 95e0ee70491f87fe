"""What of a resource an answer shows, by what was asked for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scim.attributes import Attribute, Kind, ResourceType, Returned, Schema
from app.scim.errors import InvalidPath, InvalidValue
from app.scim.projecting import MOST_NAMES, Projection
from app.scim.schemas import COMMON, ENTERPRISE, GROUP, USER

CORE = USER.schema.id
RESOURCE: dict[str, Any] = {
    "schemas": [CORE, ENTERPRISE.id],
    "id": "2819c223",
    "externalId": "701984",
    "userName": "bjensen",
    "password": "t1meMa$heen",
    "name": {"givenName": "Barbara", "familyName": "Jensen"},
    "emails": [{"value": "b@example.com", "type": "work"}, {"type": "home"}],
    "groups": [{"value": "e9e30dba"}],
    "meta": {"resourceType": "User", "version": 'W/"1"'},
    ENTERPRISE.id: {"department": "Sales", "manager": {"value": "5d5d", "displayName": "M"}},
    "unknown": "x",
}
ALWAYS = {"schemas": RESOURCE["schemas"], "id": RESOURCE["id"]}
SHOWN = {name: value for name, value in RESOURCE.items() if name not in ("password", "unknown")}


def _without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in SHOWN.items() if name not in names}


def test_by_default_all_is_shown_but_what_is_never_returned_and_what_no_schema_has() -> None:
    for nothing in (None, "", [], " , "):
        assert Projection.parse(nothing, None, USER).show(RESOURCE) == SHOWN
        assert Projection.parse(None, nothing, USER).show(RESOURCE) == SHOWN


@pytest.mark.parametrize(
    "attributes, shown",
    [
        ("userName", {"userName": "bjensen"}),
        ("USERNAME", {"userName": "bjensen"}),
        (f"{CORE}:userName", {"userName": "bjensen"}),
        (" externalId , userName,", {"externalId": "701984", "userName": "bjensen"}),
        (["externalId", "userName"], {"externalId": "701984", "userName": "bjensen"}),
        ("name.givenName", {"name": {"givenName": "Barbara"}}),
        ("name.givenName,name", {"name": RESOURCE["name"]}),
        ("name.middleName", {}),
        ("emails.value", {"emails": [{"value": "b@example.com"}]}),
        ("emails.display", {}),
        ("meta.version", {"meta": {"version": 'W/"1"'}}),
        ("nickName", {}),
        ("id", {}),
        ("password", {}),
        (f"{ENTERPRISE.id}:department", {ENTERPRISE.id: {"department": "Sales"}}),
        (f"{ENTERPRISE.id}:manager.value", {ENTERPRISE.id: {"manager": {"value": "5d5d"}}}),
        (ENTERPRISE.id.upper(), {ENTERPRISE.id: RESOURCE[ENTERPRISE.id]}),
        (CORE, {name: RESOURCE[name] for name in ("userName", "name", "emails", "groups")}),
    ],
)
def test_what_is_asked_for_is_shown_with_what_always_is(attributes: Any, shown: Any) -> None:
    assert Projection.parse(attributes, None, USER).show(RESOURCE) == ALWAYS | shown


@pytest.mark.parametrize(
    "excluded, shown",
    [
        ("groups", _without("groups")),
        ("Groups,emails", _without("groups", "emails")),
        ("id,schemas", SHOWN),
        ("password", SHOWN),
        ("name.givenName", {**SHOWN, "name": {"familyName": "Jensen"}}),
        ("name.givenName,name.familyName", _without("name")),
        ("emails.type", {**SHOWN, "emails": [{"value": "b@example.com"}]}),
        (ENTERPRISE.id, _without(ENTERPRISE.id)),
        (f"{ENTERPRISE.id}:manager",
         {**SHOWN, ENTERPRISE.id: {"department": "Sales"}}),
    ],
)  # fmt: skip
def test_what_is_excluded_is_not_shown_but_for_what_always_is(excluded: Any, shown: Any) -> None:
    assert Projection.parse(None, excluded, USER).show(RESOURCE) == shown


def test_whoever_loads_a_resource_knows_what_is_not_wanted() -> None:
    assert Projection.parse(None, None, GROUP).wants("members")
    assert not Projection.parse(None, "members", GROUP).wants("members")
    assert not Projection.parse("displayName", None, GROUP).wants("MEMBERS")
    assert Projection.parse("members.value", None, GROUP).wants("Members")
    assert Projection.parse(None, "members.display", GROUP).wants("members")
    assert not Projection.parse("userName", None, USER).wants("groups")
    assert not Projection.parse("password", None, USER).wants("password")


@pytest.mark.parametrize(
    "name", ["surname", "name.surname", "members", "urn:x:y:a", "a b", "[", "."]
)
def test_a_name_of_no_attribute_is_refused(name: str) -> None:
    for attributes, excluded in ((name, None), (None, ["userName", name])):
        with pytest.raises(InvalidPath):
            Projection.parse(attributes, excluded, USER)


def test_both_together_and_too_many_names_are_refused() -> None:
    with pytest.raises(InvalidValue, match="can't be given together"):
        Projection.parse("userName", "groups", USER)
    assert Projection.parse(["userName"] * MOST_NAMES, None, USER)
    with pytest.raises(InvalidValue, match="at most 200"):
        Projection.parse(",".join(["userName"] * (MOST_NAMES + 1)), None, USER)


def test_what_schemas_say_of_showing_holds_for_parts_too() -> None:
    parts = (
        Attribute("always", "", returned=Returned.ALWAYS),
        Attribute("asked", "", returned=Returned.REQUEST),
        Attribute("never", "", returned=Returned.NEVER),
        Attribute("usual", ""),
    )
    things = Attribute("things", "", Kind.COMPLEX, multi_valued=True, parts=parts)
    large = Attribute("large", "", returned=Returned.REQUEST)
    schema = Schema("urn:example:Thing", "Thing", "", (things, large))
    type_ = ResourceType("Thing", "/Things", "", schema, (), COMMON)
    resource = {"things": [{part.name: "x" for part in parts}], "large": "x"}

    def shown(attributes: str | None = None, excluded: str | None = None) -> dict[str, Any]:
        return Projection.parse(attributes, excluded, type_).show(resource)

    assert shown() == {"things": [{"always": "x", "usual": "x"}]}
    assert shown("large,things.asked") == {"things": [{"asked": "x"}], "large": "x"}
    assert shown("things,things.asked") == {"things": [{"always": "x", "asked": "x", "usual": "x"}]}
    assert shown("things.never") == {}
    assert shown(None, "things.always,things.usual") == {"things": [{"always": "x"}]}
    assert shown(None, "things") == {}


NAMES = st.sampled_from(
    [
        *(one.name for one in (*COMMON, *USER.schema.attributes)),
        *("name.givenName", "emails.value", "meta.version", ENTERPRISE.id),
        *(f"{ENTERPRISE.id}:{one.name}" for one in ENTERPRISE.attributes),
    ]
)


@given(st.lists(NAMES, min_size=1), st.booleans())
def test_however_it_is_asked_for_no_password_is_shown_and_the_id_is(
    names: list[str], is_excluded: bool
) -> None:
    asked = (None, names) if is_excluded else (names, None)
    found = Projection.parse(*asked, USER).show(RESOURCE)
    assert "t1meMa$heen" not in str(found)
    assert found.items() >= ALWAYS.items()
    assert found.keys() <= SHOWN.keys()


@given(st.lists(NAMES, min_size=1))
def test_what_is_asked_for_and_what_is_excluded_are_all_there_is(names: list[str]) -> None:
    whole = [name for name in names if "." not in name.removeprefix(ENTERPRISE.id)]
    asked = Projection.parse(whole or ["id"], None, USER).show(RESOURCE)
    rest = Projection.parse(None, whole or ["id"], USER).show(RESOURCE)
    assert asked.keys() | rest.keys() == SHOWN.keys()
    for name in asked.keys() & rest.keys() - ALWAYS.keys():
        assert name == ENTERPRISE.id
        assert not asked[name].keys() & rest[name].keys()
