"""OneLogin and JumpCloud: the calls by which they test a connection, and those that follow."""

import pytest

from tests.scim.answers import CHANGED
from tests.scim.conversations import Step, converse
from tests.scim.served import ENTERPRISE, GROUP, USER, Provider, name_of

_NAME = {"familyName": "Doe", "givenName": "Jane", "formatted": "Jane Doe"}
_BY_NAME = {"filter": 'userName eq "<address>"'}
_ONE = {"totalResults": 1, "Resources": [{"id": "<user>"}]}
_NONE = {"totalResults": 0, "Resources": []}
_USER, _GROUP = "/Users/<user>", "/Groups/<group>"

#: OneLogin, "SCIM Provisioner with SAML (SCIM v2 Enterprise)"; its template fills in texts.
_ONELOGIN_USER = {
    "schemas": [USER, ENTERPRISE],
    "userName": "<address>",
    "name": _NAME,
    "title": "",
    "emails": [{"value": "<address>", "type": "work", "primary": True}],
    "addresses": [{"locality": "", "region": "", "country": ""}],
    ENTERPRISE: {"department": "Sales", "manager": {"value": "", "displayName": " "}},
    "id": None,
    "active": True,
}
_ONELOGIN = [
    Step("enabled: are users there", "GET", "/Users", {"count": 1}, status=200),
    Step("entitlements are fetched", "GET", "/Groups", {"startIndex": 1, "count": 100}),
    Step("is she there", "GET", "/Users", _BY_NAME, shows=_NONE),
    Step("created", "POST", "/Users", sent=_ONELOGIN_USER, status=201, kept="user"),
    Step(
        "updated",
        "PUT",
        _USER,
        sent=_ONELOGIN_USER | {"id": "<user>", "name": _NAME | {"familyName": "Roe"}},
        shows={"name": {"familyName": "Roe"}, ENTERPRISE: {"department": "Sales"}},
    ),
    Step(
        "a rule makes a group",
        "POST",
        "/Groups",
        sent={"schemas": [GROUP], "displayName": "<name>"},
        status=201,
        kept="group",
    ),
    Step(
        "she is put into it",
        "PATCH",
        _GROUP,
        sent=[{"op": "add", "path": "members", "value": [{"value": "<user>"}]}],
        status=CHANGED,
    ),
    Step("she is in it", "GET", _GROUP, shows={"members": [{"value": "<user>"}]}),
    Step("and knows it", "GET", _USER, shows={"groups": [{"value": "<group>"}]}),
    Step(
        "she is taken out",
        "PATCH",
        _GROUP,
        sent=[{"op": "remove", "path": "members", "value": [{"value": "<user>"}]}],
        status=CHANGED,
    ),
    Step(
        "suspended",
        "PATCH",
        _USER,
        sent=[{"op": "replace", "path": "active", "value": False}],
        shows={"active": False},
    ),
    Step("deleted", "DELETE", _USER, status=204),
    Step("gone", "GET", "/Users", _BY_NAME, shows=_NONE),
]

_JUMPCLOUD_USER = {
    "schemas": [USER],
    "userName": "<address>",
    "externalId": "<external>",
    "name": _NAME,
    "displayName": "Jane Doe",
    "emails": [{"value": "<address>", "type": "work", "primary": True}],
    "active": True,
}
_JUMPCLOUD_GROUP = {"schemas": [GROUP], "displayName": "<name>", "externalId": "<external>"}
_JUMPCLOUD = [
    Step("test: is the user there", "GET", "/Users", _BY_NAME, shows=_NONE),
    Step("test: a user", "POST", "/Users", sent=_JUMPCLOUD_USER, status=201, kept="user"),
    Step("test: found", "GET", "/Users", _BY_NAME, shows=_ONE),
    Step("test: read", "GET", _USER, shows={"externalId": "<external>"}),
    Step("test: updated", "PUT", _USER, sent=_JUMPCLOUD_USER | {"displayName": "J."}, status=200),
    Step("test: a group", "POST", "/Groups", sent=_JUMPCLOUD_GROUP, status=201, kept="group"),
    Step(
        "test: found by its name",
        "GET",
        "/Groups",
        {"filter": 'displayName eq "<name>"'},
        shows={"totalResults": 1, "Resources": [{"id": "<group>"}]},
    ),
    Step(
        "test: a member, without a path",
        "PATCH",
        _GROUP,
        sent=[{"op": "add", "value": {"members": [{"value": "<user>"}]}}],
        status=CHANGED,
    ),
    Step(
        "whole, with its members",
        "PUT",
        _GROUP,
        sent=_JUMPCLOUD_GROUP | {"displayName": "<other>", "members": [{"value": "<user>"}]},
    ),
    Step("renamed", "GET", _GROUP, shows={"displayName": "<other>", "members": [{}]}),
    Step(
        "a member less",
        "PATCH",
        _GROUP,
        sent=[{"op": "remove", "path": 'members[value eq "<user>"]'}],
        status=CHANGED,
    ),
    Step(
        "deactivated",
        "PATCH",
        _USER,
        sent=[{"op": "replace", "value": {"active": False}}],
        shows={"active": False},
    ),
    Step("test: the group is deleted", "DELETE", _GROUP, status=204),
    Step("test: the user is deleted", "DELETE", _USER, status=204),
    Step("test: both are gone", "GET", _USER, status=404),
]


@pytest.mark.parametrize(
    "steps", [pytest.param(_ONELOGIN, id="OneLogin"), pytest.param(_JUMPCLOUD, id="JumpCloud")]
)
def test_a_connection_is_tested_and_users_and_groups_come_and_go(
    scim: Provider, steps: list[Step]
) -> None:
    names = ("address", "name", "other", "external")
    converse(scim, steps, **{name: name_of(f"directory.{name}") for name in names})
