"""Microsoft Entra ID: what it sends by itself, and with `aadOptscim062020`."""

import urllib.parse
import uuid
from dataclasses import replace

import pytest

from tests.scim.answers import ABSENT, CHANGED, LIST
from tests.scim.conversations import Step, converse
from tests.scim.served import ENTERPRISE, GROUP, USER, Provider, name_of

_USER, _GROUP = "/Users/<user>", "/Groups/<group>"
_WORK = 'emails[type eq "work"].value'
_MICROSOFT = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"

_MADE = [
    Step(
        "Test Connection: nobody",
        "GET",
        "/Users",
        {"filter": f'userName eq "{uuid.UUID(int=7)}"'},
        shows={"schemas": [LIST], "totalResults": 0, "Resources": []},
    ),
    Step(
        "matched by externalId",
        "GET",
        "/Users",
        {"filter": 'externalId eq "<external>"'},
        shows={"totalResults": 0, "Resources": []},
    ),
    Step(
        "created",
        "POST",
        "/Users",
        sent={
            "schemas": [USER, ENTERPRISE],
            "externalId": "<external>",
            "userName": "<address>",
            "active": True,
            "addresses": None,
            "displayName": "Joy Young",
            "emails": [{"primary": True, "type": "work", "value": "<address>"}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "Joy Young", "familyName": "Young", "givenName": "Joy"},
            "phoneNumbers": None,
            "preferredLanguage": None,
            "title": None,
            "roles": [],
        },
        status=201,
        shows={"userName": "<address>", "externalId": "<external>", "title": ABSENT},
        kept="user",
    ),
    Step("read", "GET", _USER, shows={"id": "<user>", "active": True, "roles": ABSENT}),
    Step(
        "matched by two",
        "GET",
        "/Users",
        {"filter": 'emails[type eq "work"].value eq "<address>" and active eq true'},
        shows={"totalResults": 1, "Resources": [{"id": "<user>"}]},
    ),
    Step(
        "matched, and only its id wanted",
        "GET",
        "/Users",
        {"filter": 'externalId eq "<external>"', "attributes": "id"},
        shows={"totalResults": 1, "Resources": [{"id": "<user>", "userName": ABSENT}]},
    ),
]

_CHANGED = {
    "displayName": "Joy Q. Young",
    "emails": [{"type": "work", "value": "<other>", "primary": True}],
    "name": {"givenName": "Joyce", "familyName": "Old"},
    "externalId": "<external2>",
    ENTERPRISE: {"employeeNumber": "701984", "department": "Sales"},
}
_UPDATED = {
    "as it is": [
        {"op": "Replace", "path": "displayName", "value": "Joy Q. Young"},
        {"op": "Replace", "path": _WORK, "value": "<other>"},
        {"op": "Replace", "path": "name.givenName", "value": "Joyce"},
        {"op": "Replace", "path": "name.familyName", "value": "Old"},
        {"op": "Replace", "path": "externalId", "value": "<external2>"},
        {"op": "Replace", "path": f"{ENTERPRISE}:employeeNumber", "value": "701984"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Sales"},
    ],
    "aadOptscim062020": [
        {"op": "replace", "path": _WORK, "value": "<other>"},
        {
            "op": "replace",
            "value": {
                "displayName": "Joy Q. Young",
                "name.givenName": "Joyce",
                "name.familyName": "Old",
                "externalId": "<external2>",
                f"{ENTERPRISE}:employeeNumber": "701984",
            },
        },
        {"op": "add", "value": {f"{ENTERPRISE}:department": "Sales"}},
    ],
}
_SWITCHED = {
    "as it is": [("Replace", "False"), ("Replace", "True"), ("Add", "False"), ("Add", "True")],
    "aadOptscim062020": [("replace", False), ("replace", True), ("add", False), ("add", True)],
}


def _activity(style: str) -> list[Step]:
    return [
        Step(
            f"{op} active {value!r}",
            "PATCH",
            _USER,
            sent=[{"op": op, "path": "active", "value": value}],
            status=CHANGED,
            shows={"active": str(value).lower() == "true"},
        )
        for op, value in _SWITCHED[style]
    ]


@pytest.mark.parametrize("style", _UPDATED)
def test_a_user_of_entra_id_from_the_first_cycle_on(scim: Provider, style: str) -> None:
    words = {name: name_of(name) for name in ("address", "other", "external", "external2")}
    steps = [
        *_MADE,
        Step("updated", "PATCH", _USER, sent=_UPDATED[style], status=CHANGED),
        Step("all of it", "GET", _USER, shows=_CHANGED),
        Step("again, and nothing changes", "PATCH", _USER, sent=_UPDATED[style], status=CHANGED),
        Step("still all of it", "GET", _USER, shows=_CHANGED),
        *_activity(style),
        Step("removed in the end", "DELETE", _USER, status=204),
        Step("gone", "GET", _USER, status=404),
    ]
    spaces_as_plus = replace(scim, quote=urllib.parse.quote_plus)
    converse(spaces_as_plus, steps, **words)


def test_what_is_not_there_yet_is_made_by_a_path_with_a_filter(scim: Provider) -> None:
    user = scim.post("/Users", {"schemas": [USER], "userName": name_of("bare")}).json
    at, address = f"/Users/{user['id']}", name_of("work")
    values = {
        _WORK: address,
        'phoneNumbers[type eq "mobile"].value': "55555555555",
        'phoneNumbers[type eq "work"].value': "+49 30 1",
        'addresses[type eq "work"].streetAddress': "Street 1",
        'addresses[type eq "work"].formatted': "Street 1, Town",
        "name.givenName": "Joy",
    }
    sent = [{"op": "Add", "path": path, "value": value} for path, value in values.items()]
    assert scim.patch(at, *sent).status in CHANGED
    scim.get(at).shows(
        {
            "emails": [{"type": "work", "value": address}],
            "phoneNumbers": [
                {"type": "mobile", "value": "55555555555"},
                {"type": "work", "value": "+49 30 1"},
            ],
            "addresses": [
                {"type": "work", "streetAddress": "Street 1", "formatted": "Street 1, Town"}
            ],
            "name": {"givenName": "Joy"},
        }
    )
    role = {"op": "Add", "path": 'roles[primary eq "True"].value', "value": "reader"}
    scim.patch(at, role).shows({"roles": [{"value": "reader", "primary": True}]})
    gone = scim.patch(at, {"op": "Remove", "path": 'phoneNumbers[type eq "mobile"].value'})
    left = gone.json["phoneNumbers"]
    assert [one["value"] for one in left if "value" in one] == ["+49 30 1"]


@pytest.mark.parametrize("form", ["an id", "an object", "a list of one"])
def test_a_manager_comes_in_every_form_and_is_found(scim: Provider, form: str) -> None:
    user, manager = scim.user("worker"), scim.user("manager")
    found = {"value": manager["id"], "$ref": manager["meta"]["location"]}
    value = {"an id": manager["id"], "an object": found, "a list of one": [found]}[form]
    at, path = f"/Users/{user['id']}", f"{ENTERPRISE}:manager"
    assert scim.patch(at, {"op": "Add", "path": path, "value": value}).status in CHANGED
    scim.get(at).shows({ENTERPRISE: {"manager": {"value": manager["id"]}}})
    wanted = f'id eq "{user["id"]}" and {path} eq "{manager["id"]}"'
    asked = scim.get("/Users", filter=wanted, attributes="id")
    asked.shows({"totalResults": 1, "Resources": [{"id": user["id"], "userName": ABSENT}]})
    assert scim.patch(at, {"op": "Remove", "path": path}).status in CHANGED
    scim.get("/Users", filter=wanted, attributes="id").shows({"totalResults": 0})


_WITHOUT = {"excludedAttributes": "members"}
_REMOVED = {
    "as it is": {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "<jo>"}]},
    "aadOptscim062020": {"op": "remove", "path": 'members[value eq "<jo>"]'},
}


@pytest.mark.parametrize("style", _REMOVED)
def test_a_group_of_entra_id_from_its_making_to_its_end(scim: Provider, style: str) -> None:
    people = {name: scim.user(name)["id"] for name in ("jo", "kim")}
    both = [{"$ref": None, "value": "<jo>"}, {"$ref": None, "value": "<kim>"}]
    named = {**_WITHOUT, "filter": 'displayName eq "<name>"'}
    of_jo = {"filter": 'id eq "<group>" and members eq "<jo>"', "attributes": "id"}
    steps = [
        Step("looked for", "GET", "/Groups", named, shows={"totalResults": 0, "Resources": []}),
        Step(
            "created",
            "POST",
            "/Groups",
            sent={
                "schemas": [GROUP, _MICROSOFT],
                "externalId": "<external>",
                "displayName": "<name>",
                "meta": {"resourceType": "Group"},
            },
            status=201,
            kept="group",
        ),
        Step("read", "GET", _GROUP, _WITHOUT, shows={"id": "<group>", "externalId": "<external>"}),
        Step(
            "came",
            "PATCH",
            _GROUP,
            sent=[{"op": "Add", "path": "members", "value": both}],
            status=CHANGED,
        ),
        Step("without them", "GET", _GROUP, _WITHOUT, shows={"members": ABSENT}),
        Step("with them", "GET", _GROUP, shows={"members": [{}, {}]}),
        Step("is one in", "GET", "/Groups", of_jo, shows={"totalResults": 1}),
        Step("went", "PATCH", _GROUP, sent=[_REMOVED[style]], status=CHANGED),
        Step("who is left", "GET", _GROUP, shows={"members": [{"value": "<kim>"}]}),
        Step("is he still in", "GET", "/Groups", of_jo, shows={"totalResults": 0}),
        Step("went again", "PATCH", _GROUP, sent=[_REMOVED[style]], status=(*CHANGED, 400)),
        Step("who is left now", "GET", _GROUP, shows={"members": [{"value": "<kim>"}]}),
        Step(
            "renamed",
            "PATCH",
            _GROUP,
            sent=[{"op": "Replace", "path": "displayName", "value": "<other>"}],
            status=CHANGED,
        ),
        Step(
            "found by the new name",
            "GET",
            "/Groups",
            {"filter": 'displayName eq "<other>"'},
            shows={"totalResults": 1, "Resources": [{"id": "<group>"}]},
        ),
        Step("ended", "DELETE", _GROUP, status=204),
    ]
    words = {name: name_of(f"entra.{name}") for name in ("name", "other", "external")}
    converse(scim, steps, **people, **words)
