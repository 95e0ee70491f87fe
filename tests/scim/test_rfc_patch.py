"""The examples of PATCH in RFC 7644, section 3.5.2, and the rules that stand beside them."""

from typing import Any

import pytest

from tests.scim.answers import ABSENT, CHANGED
from tests.scim.served import ENTERPRISE, PATCH, USER, Provider, name_of

Operation = dict[str, Any]


@pytest.fixture
def user(scim: Provider) -> Any:
    name = name_of("patched")
    return scim.user(
        userName=name,
        displayName="Babs",
        title="Guide",
        name={"givenName": "Barbara", "familyName": "Jensen"},
        emails=[
            {"value": name, "type": "work", "primary": True},
            {"value": f"home.{name}", "type": "home"},
        ],
        addresses=[{"type": "work", "streetAddress": "100 Universal Plaza", "locality": "H"}],
    )


def _work(**more: Any) -> Operation:
    return {"type": "work", "streetAddress": "911 Universal City Plaza", **more}


_STREET = 'addresses[type eq "work"].streetAddress'
_ADDED = [{"value": "babs@jensen.example", "type": "home"}]
_NEW = [{"value": "bjensen@example.com", "type": "work", "primary": True}, *_ADDED]
#: The operations, and what the user is then; an empty one says that nothing changed.
_EXAMPLES: dict[str, tuple[list[Operation], Operation]] = {
    "add without a path": (
        [{"op": "add", "value": {"ims": _ADDED, "nickName": "Babs"}}],
        {"ims": _ADDED, "nickName": "Babs", "title": "Guide"},
    ),
    "add to values": (
        [{"op": "add", "path": "ims", "value": _ADDED}],
        {"ims": _ADDED},
    ),
    "add what is there": ([{"op": "add", "path": "title", "value": "Guide"}], {}),
    "add another value of a single one": (
        [{"op": "add", "path": "title", "value": "Boss"}],
        {"title": "Boss"},
    ),
    "add to a complex one": (
        [{"op": "add", "path": "name", "value": {"middleName": "Jane"}}],
        {"name": {"givenName": "Barbara", "familyName": "Jensen", "middleName": "Jane"}},
    ),
    "remove one": ([{"op": "remove", "path": "title"}], {"title": ABSENT}),
    "remove what is not there": ([{"op": "remove", "path": "nickName"}], {}),
    "remove a part": (
        [{"op": "remove", "path": "name.familyName"}],
        {"name": {"givenName": "Barbara", "familyName": ABSENT}},
    ),
    "remove values that fit": (
        [{"op": "remove", "path": 'emails[type eq "home" and value ew ".example"]'}],
        {"emails": [{"type": "work"}]},
    ),
    "remove all values": ([{"op": "remove", "path": "addresses"}], {"addresses": ABSENT}),
    "replace an address": (
        [{"op": "replace", "path": 'addresses[type eq "work"]', "value": _work(locality="LA")}],
        {"addresses": [_work(locality="LA")]},
    ),
    "replace a part of those that fit": (
        [{"op": "replace", "path": _STREET, "value": "1010 Broadway Ave"}],
        {"addresses": [{"streetAddress": "1010 Broadway Ave", "locality": "H"}]},
    ),
    "replace without a path": (
        [{"op": "replace", "value": {"ims": _NEW, "nickName": "Babs"}}],
        {"ims": _NEW, "nickName": "Babs", "title": "Guide"},
    ),
    "replace what is not there": (
        [{"op": "replace", "path": "nickName", "value": "Babs"}],
        {"nickName": "Babs"},
    ),
    "replace all values": (
        [{"op": "replace", "path": "addresses", "value": [_work()]}],
        {"addresses": [_work(locality=ABSENT)]},
    ),
    "replace all by none": (
        [{"op": "replace", "path": "addresses", "value": []}],
        {"addresses": ABSENT},
    ),
    "an extension's attribute": (
        [{"op": "add", "path": f"{ENTERPRISE}:costCenter", "value": "4130"}],
        {ENTERPRISE: {"costCenter": "4130"}, "schemas": [USER, ENTERPRISE]},
    ),
    "an extension whole": (
        [{"op": "add", "value": {ENTERPRISE: {"division": "Parks", "costCenter": "4130"}}}],
        {ENTERPRISE: {"division": "Parks", "costCenter": "4130"}},
    ),
    "the core's URN before a name": (
        [{"op": "replace", "path": f"{USER}:name.familyName", "value": "J"}],
        {"name": {"familyName": "J", "givenName": "Barbara"}},
    ),
    "names in any case": (
        [{"op": "REPLACE", "path": 'EMAILS[TYPE EQ "home"].DISPLAY', "value": "at home"}],
        {"emails": [{"type": "work"}, {"type": "home", "display": "at home"}]},
    ),
    "one after the other": (
        [
            {"op": "remove", "path": "title"},
            {"op": "add", "path": "title", "value": "x"},
            {"op": "add", "path": "ims", "value": _ADDED},
            {"op": "remove", "path": 'ims[type eq "home"]'},
        ],
        {"title": "x", "ims": ABSENT},
    ),
}


@pytest.mark.parametrize("example", _EXAMPLES)
def test_3_5_2_an_example_does_what_it_says(scim: Provider, user: Any, example: str) -> None:
    operations, expected = _EXAMPLES[example]
    at = f"/Users/{user['id']}"
    answer = scim.patch(at, *operations)
    assert answer.status == 200
    answer.shows(expected)
    kept = {name: user[name] for name in ("id", "userName", "displayName")}
    shown = scim.get(at)
    shown.shows(expected).shows(kept)
    assert shown.json == answer.json
    if not expected:
        assert {**shown.json, "meta": None} == {**user, "meta": None}


def test_3_5_2_a_new_primary_value_takes_the_place_of_the_old_one(
    scim: Provider, user: Any
) -> None:
    at = f"/Users/{user['id']}"
    path = 'emails[type eq "home"].primary'
    answer = scim.patch(at, {"op": "replace", "path": path, "value": True})
    emails = {one["type"]: one.get("primary", False) for one in answer.json["emails"]}
    assert emails == {"work": False, "home": True}
    more = {"value": name_of("third"), "type": "other", "primary": True}
    answer = scim.patch(at, {"op": "add", "path": "emails", "value": [more]})
    assert [one["type"] for one in answer.json["emails"] if one.get("primary")] == ["other"]


_BAD: dict[str, tuple[Operation, str | None]] = {
    "removing without a path": ({"op": "remove"}, "noTarget"),
    "an id": ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
    "groups": ({"op": "add", "path": "groups", "value": [{"value": "x"}]}, "mutability"),
    "meta": ({"op": "replace", "path": "meta.version", "value": "x"}, "mutability"),
    "removing what must be there": ({"op": "remove", "path": "userName"}, "mutability"),
    "a wrong type": ({"op": "replace", "path": "title", "value": {"x": 1}}, "invalidValue"),
    "a wrong boolean": ({"op": "replace", "path": "active", "value": "maybe"}, "invalidValue"),
    "no such attribute": ({"op": "add", "path": "shoeSize", "value": 9}, "invalidPath"),
    "no path": ({"op": "add", "path": "emails]", "value": "x"}, "invalidPath"),
    "no filter in it": ({"op": "add", "path": "emails[type eq", "value": "x"}, "invalidFilter"),
    "no value of it": (
        {
            "op": "replace",
            "path": 'addresses[locality eq "nowhere" or locality sw "x"]',
            "value": {},
        },
        "noTarget",
    ),
    "no operation": ({"op": "move", "path": "title", "value": "x"}, "invalidSyntax"),
}


@pytest.mark.parametrize("case", _BAD)
def test_3_5_2_what_cannot_be_is_refused_with_all_that_stood_beside_it(
    scim: Provider, user: Any, case: str
) -> None:
    operation, kind = _BAD[case]
    at = f"/Users/{user['id']}"
    before = scim.get(at).json
    good = {"op": "replace", "path": "title", "value": "changed"}
    for operations in ([operation], [good, operation], [operation, good]):
        scim.patch(at, *operations).refused(400, kind)
        assert scim.get(at).json == before


def test_3_5_2_a_message_is_one_of_patch(scim: Provider, user: Any) -> None:
    at = f"/Users/{user['id']}"
    good = {"op": "replace", "path": "title", "value": "x"}
    for message in (
        {"Operations": [good]},
        {"schemas": [USER], "Operations": [good]},
        {"schemas": [PATCH]},
        {"schemas": [PATCH], "Operations": []},
        {"schemas": [PATCH], "Operations": {}},
        {"schemas": [PATCH], "Operations": [7]},
    ):
        assert scim.ask("PATCH", at, message).status == 400
    lower = {"schemas": [PATCH], "operations": [good]}
    assert scim.ask("PATCH", at, lower).status == 200


def test_3_5_2_members_are_added_removed_and_replaced(scim: Provider) -> None:
    one, two, three = (scim.user(name) for name in ("one", "two", "three"))
    group = scim.group(one)["id"]
    at = f"/Groups/{group}"
    for operation, expected in (
        ({"op": "add", "path": "members", "value": [{"value": two["id"]}]}, [one, two]),
        ({"op": "add", "path": "members", "value": [{"value": two["id"]}]}, [one, two]),
        ({"op": "add", "value": {"members": [{"value": three["id"]}]}}, [one, two, three]),
        ({"op": "remove", "path": f'members[value eq "{one["id"]}"]'}, [two, three]),
        ({"op": "replace", "path": "members", "value": [{"value": one["id"]}]}, [one]),
        ({"op": "remove", "path": "members"}, []),
    ):
        assert scim.patch(at, operation).status in CHANGED
        assert scim.members(group) == {user["id"] for user in expected}
    stranger = {"op": "add", "path": "members", "value": [{"value": "2819c223-7f76"}]}
    assert scim.patch(at, stranger).status in (400, 404)
