"""Okta: what its catalogue's integrations send, what its own wizard's do, and its spec test."""

import pytest

from tests.http.client import bearer
from tests.scim.answers import ABSENT, CHANGED, ERROR, LIST, said
from tests.scim.conversations import Step, converse
from tests.scim.served import BASE, GROUP, USER, USERS, Provider, name_of

_EMAILS = [{"primary": True, "value": "<address>", "type": "work", "display": "<address>"}]
_NAME = {"givenName": "Test", "familyName": "User"}
_NEW = {
    "schemas": [USER],
    "userName": "<address>",
    "name": _NAME,
    "emails": _EMAILS,
    "displayName": "Test User",
    "locale": "en-US",
    "externalId": "<external>",
    "groups": [],
    "password": "a password that Okta synchronizes",
    "active": True,
}
_SHOWN = {
    "schemas": [USER],
    "id": "<user>",
    "userName": "<address>",
    "name": _NAME,
    "emails": _EMAILS,
    "externalId": "<external>",
    "active": True,
    "password": ABSENT,
    "meta": {"resourceType": "User"},
}
_BY_NAME = {"filter": 'userName eq "<address>"', "startIndex": 1, "count": 100}
_NOBODY = {"schemas": [LIST], "totalResults": 0, "Resources": []}


def _whole(**more: object) -> dict[str, object]:
    """What a PUT of the wizard's integrations holds."""
    meta = {"meta": {"resourceType": "User"}, "groups": [], "id": "<user>"}
    kept = {name: value for name, value in _NEW.items() if name != "password"}
    return kept | meta | more


_ASSIGNED = [
    Step("credentials are tested", "GET", "/Users", {"startIndex": 1, "count": 2}),
    Step("is he there", "GET", "/Users", _BY_NAME, shows=_NOBODY),
    Step("created", "POST", "/Users", sent=_NEW, status=201, kept="user"),
    Step("read back", "GET", "/Users/<user>", shows=_SHOWN),
    Step(
        "found by his name",
        "GET",
        "/Users",
        _BY_NAME,
        shows={"totalResults": 1, "startIndex": 1, "itemsPerPage": 1, "Resources": [_SHOWN]},
    ),
]
_PROFILE = {"name": {"givenName": "Another", "middleName": "Excited", "familyName": "User"}}
_LIFE = {
    "the catalogue's": [
        Step("profile", "PUT", "/Users/<user>", sent=_whole(**_PROFILE), shows=_PROFILE),
        Step(
            "deactivated",
            "PATCH",
            "/Users/<user>",
            sent=[{"op": "replace", "value": {"active": False}}],
            shows={"active": False, "name": _PROFILE["name"], "emails": _EMAILS},
        ),
        Step("still found", "GET", "/Users", _BY_NAME, shows={"Resources": [{"active": False}]}),
        Step(
            "activated",
            "PATCH",
            "/Users/<user>",
            sent=[{"op": "replace", "value": {"active": True}}],
            shows={"active": True},
        ),
        Step(
            "password synchronized",
            "PATCH",
            "/Users/<user>",
            sent=[{"op": "replace", "value": {"password": "another one, synchronized later"}}],
            shows={"password": ABSENT, "userName": "<address>", "active": True},
        ),
    ],
    "the wizard's": [
        Step("profile", "PUT", "/Users/<user>", sent=_whole(**_PROFILE), shows=_PROFILE),
        Step(
            "deactivated",
            "PUT",
            "/Users/<user>",
            sent=_whole(active=False, **_PROFILE),
            shows={"active": False, "name": _PROFILE["name"]},
        ),
        Step("activated", "PUT", "/Users/<user>", sent=_whole(), shows=_SHOWN),
        Step("renamed", "PUT", "/Users/<user>", sent=_whole(userName="<other>"), status=200),
        Step("old name", "GET", "/Users", _BY_NAME, shows=_NOBODY),
        Step(
            "new name",
            "GET",
            "/Users",
            {"filter": 'userName eq "<other>"'},
            shows={"totalResults": 1, "Resources": [{"id": "<user>", "emails": _EMAILS}]},
        ),
    ],
}


@pytest.mark.parametrize("style", _LIFE)
def test_a_user_of_okta_from_his_assignment_on(scim: Provider, style: str) -> None:
    words = {name: name_of(f"okta.{name}") for name in ("address", "other", "external")}
    converse(scim, [*_ASSIGNED, *_LIFE[style]], **words)


def _of_members(*names: str) -> list[dict[str, str]]:
    return [{"value": f"<{name}>", "display": f"{name}@okta.example"} for name in names]


_AT = "/Groups/<group>"
_PUSHED = [
    Step(
        "pushed",
        "POST",
        "/Groups",
        sent={"schemas": [GROUP], "displayName": "<name>", "members": []},
        status=201,
        shows={"displayName": "<name>", "members": ABSENT, "meta": {"resourceType": "Group"}},
        kept="group",
    ),
    Step("imported", "GET", "/Groups", {"startIndex": 1, "count": 100}, shows={"schemas": [LIST]}),
]
_GROUPS = {
    "the catalogue's": [
        *_PUSHED,
        Step(
            "one comes",
            "PATCH",
            _AT,
            sent=[{"op": "add", "path": "members", "value": _of_members("jo")}],
            status=CHANGED,
        ),
        Step(
            "one goes, another comes",
            "PATCH",
            _AT,
            sent=[
                {"op": "remove", "path": 'members[value eq "<jo>"]'},
                {"op": "add", "path": "members", "value": _of_members("kim", "lee")},
            ],
            status=CHANGED,
        ),
        Step(
            "renamed",
            "PATCH",
            _AT,
            sent=[{"op": "replace", "value": {"id": "<group>", "displayName": "<other>"}}],
            status=CHANGED,
        ),
        Step(
            "its members stayed",
            "GET",
            _AT,
            shows={"displayName": "<other>", "members": [{"type": "User"}, {"type": "User"}]},
        ),
        Step(
            "all pushed again",
            "PATCH",
            _AT,
            sent=[{"op": "replace", "path": "members", "value": _of_members("jo", "kim")}],
            status=CHANGED,
        ),
        Step(
            "an empty one pushed",
            "PATCH",
            _AT,
            sent=[
                {
                    "op": "replace",
                    "value": {"members": [], "id": "<group>", "displayName": "<other>"},
                }
            ],
            status=CHANGED,
        ),
        Step("nobody is left", "GET", _AT, shows={"displayName": "<other>", "members": ABSENT}),
    ],
    "the wizard's": [
        *_PUSHED,
        Step(
            "members and a name, whole",
            "PUT",
            _AT,
            sent={
                "schemas": [GROUP],
                "id": "<group>",
                "displayName": "<other>",
                "members": _of_members("jo", "kim"),
                "meta": {"resourceType": "Group"},
            },
            shows={"displayName": "<other>", "id": "<group>"},
        ),
        Step("both are in", "GET", _AT, shows={"members": [{}, {}]}),
    ],
}
_UNLINKED = [
    Step("unlinked", "DELETE", _AT, status=204),
    Step("gone", "GET", _AT, status=404),
]


@pytest.mark.parametrize("style", _GROUPS)
def test_a_group_that_okta_pushes(scim: Provider, style: str) -> None:
    people = {name: scim.user(name)["id"] for name in ("jo", "kim", "lee")}
    words = {"name": name_of("pushed"), "other": name_of("renamed")}
    converse(scim, [*_GROUPS[style], *_UNLINKED], **people, **words)


def test_what_the_spec_test_of_okta_refuses(scim: Provider) -> None:
    """And with the headers that it sends."""
    address = name_of("spec")
    new = {"schemas": [USER], "userName": address, "name": _NAME, "active": True}
    plain = {"Content-Type": "application/json", "Accept": "application/scim+json; charset=utf-8"}
    assert scim.post("/Users", new, headers=plain).status == 201
    scim.post("/Users", new, headers=plain).refused(409, "uniqueness")
    scim.post("/Users", new | {"userName": address.upper()}).refused(409, "uniqueness")
    capitals = scim.get("/Users", filter=f'userName eq "{address.upper()}"')
    capitals.shows({"totalResults": 1, "Resources": [{"userName": address}]})
    typed = {"Content-Type": "application/scim+json; charset=utf-8", "Accept-Charset": "utf-8"}
    scim.get(f"{USERS}/00919288221112222", headers=typed).refused(404)
    scim.get("/Groups/00919288221112222", headers=typed).refused(404)
    for wrong in ("non-token", "Bearer non-token", bearer(scim.token[:-1])):
        headers = typed | {"Authorization": wrong}
        answer = said(scim.server.serving, "GET", f"{BASE}/Users", headers)
        answer.refused(401).shows({"status": "401", "schemas": [ERROR]})


def test_the_first_user_of_a_list_has_what_the_spec_test_looks_at(scim: Provider) -> None:
    """He may be an administrator whom no provider made."""
    answer = scim.get("/Users", count=1, startIndex=1)
    answer.shows({"itemsPerPage": 1, "startIndex": 1, "Resources": [{}]})
    (first,) = answer.json["Resources"]
    assert first["id"]
    assert first["userName"]
    assert first["active"] in (True, False)
