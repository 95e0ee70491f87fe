"""What SCIM refuses: with the right status and `scimType`, and with nothing changed."""

import json
from typing import Any

import pytest

from tests.http.client import bearer
from tests.http.provisioning import BULK, GROUP, PATCH, SEARCH, USER, Provider, provider
from tests.http.stand import Stand

NOBODY = "a" * 16


@pytest.fixture
def at(memory_stand: Stand) -> Provider:
    return provider(memory_stand)


FILTERS = {
    "what is no filter": ("userName", 9),
    "an operator that there is not": ('userName is "x"', 10),
    "an attribute that there is not": ('shoeSize eq "x"', 1),
    "a part that there is not": ('name.shoeSize eq "x"', 1),
    "a bracket that is not closed": ('(userName eq "x"', 17),
    "more behind the end": ('userName eq "x" userName', 17),
    "a text without its end": ('userName eq "x', 13),
    "an order of booleans": ("active gt true", 1),
    "a number for a text": ("userName eq 7", 13),
    "a date that is none": ('meta.created gt "yesterday"', 17),
    "nothing but brackets": ("(" * 5_000, None),
    "a thousand comparisons": (" or ".join(['id eq "x"'] * 1_000), None),
}


@pytest.mark.parametrize("case", FILTERS)
def test_a_filter_that_is_none_is_refused_with_its_place(at: Provider, case: str) -> None:
    text, place = FILTERS[case]
    for answer in (
        at.get("/Users", filter=text),
        at.post("/Users/.search", {"schemas": [SEARCH], "filter": text}),
    ):
        assert (answer.status, answer.json.get("scimType")) == (400, "invalidFilter")
        if place is not None:
            assert f"character {place}" in answer.detail


def test_a_url_that_asks_for_passwords_is_refused(at: Provider) -> None:
    text = 'userName eq "x" and password eq "secret word"'
    answer = at.get("/Users", filter=text)
    assert (answer.status, answer.json["scimType"]) == (403, "sensitive")
    answer = at.post("/Users/.search", {"schemas": [SEARCH], "filter": text})
    assert (answer.status, answer.json["scimType"]) == (400, "invalidFilter")
    assert at.get("/Users", filter='displayName eq "password"').status == 200


QUERIES: dict[str, dict[str, object]] = {
    "a count that is none": {"count": "many"},
    "a start that is none": {"startIndex": "1.5"},
    "an order that is none": {"sortBy": "userName", "sortOrder": "sideways"},
    "an order of nothing": {"sortBy": "shoeSize"},
    "an order of what has parts": {"sortBy": "name"},
    "an attribute with blanks": {"attributes": "user name"},
    "both what to show and what not": {"attributes": "userName", "excludedAttributes": "name"},
}


@pytest.mark.parametrize("case", QUERIES)
def test_a_list_that_is_asked_for_wrongly_is_refused(at: Provider, case: str) -> None:
    answer = at.get("/Users", **QUERIES[case])
    assert (answer.status, answer.json["scimType"]) == (400, "invalidValue")


def test_numbers_below_the_least_count_as_that(at: Provider) -> None:
    answer = at.get("/Users", startIndex=-7, count=-1).json
    assert (answer["startIndex"], answer["itemsPerPage"], answer["totalResults"]) == (1, 0, 1)


def add(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


def replaced(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


PATCHES: dict[str, tuple[dict[str, Any], str]] = {
    "a path of nothing": (add("shoeSize", 7), "invalidPath"),
    "a path that is none": (add("emails]", "x"), "invalidPath"),
    "a path with a filter that is none": (add("emails[type eq", "x"), "invalidFilter"),
    "no target": (replaced('emails[type eq "x"].value', "a@b"), "noTarget"),
    "a removal of nothing": ({"op": "remove"}, "noTarget"),
    "what can only be read": (add("groups", [{"value": "x"}]), "mutability"),
    "the id": ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
    "a name that has to be there": ({"op": "remove", "path": "userName"}, "mutability"),
    "a value of another type": (add("active", "perhaps"), "invalidValue"),
    "a value that is missing": ({"op": "add", "path": "title"}, "invalidValue"),
    "an operation that there is not": ({"op": "move", "path": "title"}, "invalidSyntax"),
    "an address that is none": (add("emails", [{"value": "nobody"}]), "invalidValue"),
    "a password of three letters": (add("password", "abc"), "invalidValue"),
}  # fmt: skip


@pytest.mark.parametrize("case", PATCHES)
def test_a_patch_is_all_or_nothing(memory_stand: Stand, at: Provider, case: str) -> None:
    operation, kind = PATCHES[case]
    user = at.user("ada@example.com", title="before")
    before = memory_stand.dump()
    title = {"op": "replace", "path": "title", "value": "after"}
    for operations in ((operation,), (title, operation), (operation, title)):
        answer = at.patch(f"/Users/{user['id']}", *operations)
        assert (answer.status, answer.json["scimType"]) == (400, kind)
        if len(operations) > 1 and kind in ("invalidPath", "mutability"):
            assert f"peration {operations.index(operation) + 1}: " in answer.detail
    assert memory_stand.dump() == before


BODIES: dict[str, tuple[bytes, int, str | None]] = {
    "nothing": (b"", 400, "invalidSyntax"),
    "no JSON": (b"{", 400, "invalidSyntax"),
    "no object": (b"[]", 400, "invalidSyntax"),
    "no UTF-8": (b'{"userName": "\xff"}', 400, "invalidSyntax"),
    "a name twice": (b'{"userName": "a", "userName": "b"}', 400, "invalidSyntax"),
    "what is too deep": (b'{"a":' * 100 + b"1" + b"}" * 100, 400, "invalidSyntax"),
    "quotes without end": (b'{"' + b'\\"' * 500_000, 400, "invalidSyntax"),
    "what is too large": (b'{"userName": "' + b"a" * 3_000_000 + b'"}', 413, None),
}


@pytest.mark.parametrize("case", BODIES)
@pytest.mark.parametrize("path", ["/Users", "/Groups", "/.search", "/Bulk"])
def test_a_body_that_is_none_is_refused(
    memory_stand: Stand, at: Provider, path: str, case: str
) -> None:
    body, status, kind = BODIES[case]
    before = memory_stand.dump()
    answer = at.post(path, body)
    assert (answer.status, answer.json.get("scimType")) == (status, kind)
    assert memory_stand.dump() == before


def test_a_body_of_another_type_is_refused(at: Provider) -> None:
    answer = at.client.ask(
        "POST", "/scim/v2/Users", body=b"{}", headers={"Content-Type": "text/xml"}
    )
    assert answer.status == 415


USERS: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({}, "invalidValue"),
    "an empty name": ({"userName": ""}, "invalidValue"),
    "a name of many letters": ({"userName": "a" * 300}, "invalidValue"),
    "a name with a control": ({"userName": "a\u0000b"}, "invalidValue"),
    "an attribute that there is not": ({"userName": "a", "shoeSize": 7}, "invalidValue"),
    "two primary addresses": (
        {
            "userName": "a",
            "emails": [{"value": "a@b", "primary": True}, {"value": "c@d", "primary": True}],
        },
        "invalidValue",
    ),
    "a profile that is a script": ({"userName": "a", "profileUrl": "javascript:x"}, "invalidValue"),
    "another message": ({"schemas": [PATCH], "userName": "a"}, "invalidValue"),
}


@pytest.mark.parametrize("case", USERS)
def test_a_user_that_cannot_be_is_refused(memory_stand: Stand, at: Provider, case: str) -> None:
    fields, kind = USERS[case]
    before = memory_stand.dump()
    answer = at.post("/Users", {"schemas": [USER], **fields})
    assert (answer.status, answer.json["scimType"]) == (400, kind), answer.text
    assert memory_stand.dump() == before


@pytest.mark.parametrize("name", ["ada@example.com", "ADA@EXAMPLE.COM", "a\u0301@x", "\u00e1@x"])
def test_a_name_is_one_users_in_whatever_case_and_form(at: Provider, name: str) -> None:
    at.user("ada@example.com")
    at.user("\u00c1@x")
    answer = at.post("/Users", {"schemas": [USER], "userName": name})
    assert (answer.status, answer.json["scimType"]) == (409, "uniqueness")
    assert "userName" in answer.detail or "emails" in answer.detail


def test_what_others_have_is_not_taken_by_a_change_either(
    memory_stand: Stand, at: Provider
) -> None:
    at.user("ada@example.com", externalId="1")
    other = at.user("bob@example.com", externalId="2")
    group, _ = at.group("builders", externalId="1"), at.group("readers", externalId="2")
    before = memory_stand.dump()
    for path, name, value in (
        (f"/Users/{other['id']}", "userName", "Ada@example.com"),
        (f"/Users/{other['id']}", "externalId", "1"),
        (f"/Users/{other['id']}", "emails", [{"value": "ada@example.com"}]),
        (f"/Groups/{group['id']}", "displayName", "READERS"),
        (f"/Groups/{group['id']}", "externalId", "2"),
    ):
        answer = at.patch(path, {"op": "replace", "path": name, "value": value})
        assert (answer.status, answer.json["scimType"]) == (409, "uniqueness"), name
    assert memory_stand.dump() == before


def test_a_group_of_nobody_known_is_not_made(memory_stand: Stand, at: Provider) -> None:
    user = at.user("ada")
    before = memory_stand.dump()
    members = [{"value": user["id"]}, {"value": NOBODY}]
    for value in (members, [{"value": "../x"}], [{"value": user["id"], "type": "Group"}]):
        answer = at.post("/Groups", {"schemas": [GROUP], "displayName": "g", "members": value})
        assert (answer.status, answer.json["scimType"]) == (400, "invalidValue"), value
    assert memory_stand.dump() == before


@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_what_is_not_there_is_404_for_everything(at: Provider, kind: str) -> None:
    name = {"userName": "x"} if kind == "Users" else {"displayName": "x"}
    schema = USER if kind == "Users" else GROUP
    for id_ in (NOBODY, "x", "%2e%2e", "bulkId:x"):
        path = f"/{kind}/{id_}"
        answers = [
            at.get(path),
            at.put(path, {"schemas": [schema], **name}),
            at.patch(path, {"op": "add", "value": name}),
            at.delete(path),
        ]
        assert [answer.status for answer in answers] == [404] * 4
    for path in ("/Nothing", f"/{kind}/", "//Users"):
        assert at.get(path).status == 404
    assert "/scim/v2" in at.get("/Nothing").detail


def test_a_version_that_is_over_changes_nothing(memory_stand: Stand, at: Provider) -> None:
    users = [at.user("ada"), at.group("builders")]
    for resource, kind in zip(users, ("/Users/", "/Groups/"), strict=True):
        path = f"{kind}{resource['id']}"
        old = resource["meta"]["version"]
        change = {"op": "replace", "path": "externalId", "value": "7"}
        assert at.patch(path, change, If_Match=old).status in (200, 204)
        before = memory_stand.dump()
        for answer in (
            at.patch(path, {**change, "value": "8"}, If_Match=old),
            at.put(path, {k: v for k, v in resource.items() if k != "meta"}, If_Match=old),
            at.delete(path, If_Match=f'{old}, "7"'),
        ):
            assert answer.status == 412
        assert at.delete(path, If_Match="no tag").status == 400
        assert memory_stand.dump() == before
        assert at.delete(path, If_Match="*").status == 204


BULKS: dict[str, tuple[Any, int]] = {
    "no operations": ([], 400),
    "too many": ([{"method": "DELETE", "path": f"/Users/{NOBODY}"}] * 501, 413),
    "a method that there is not": ([{"method": "GET", "path": "/Users/x"}], 400),
    "nothing to make": ([{"method": "POST", "path": "/Users", "bulkId": "a"}], 400),
    "no bulkId": ([{"method": "POST", "path": "/Users", "data": {}}], 400),
    "a bulkId twice": (
        [{"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": n}}
         for n in "ab"],
        400,
    ),
    "a path with more": ([{"method": "DELETE", "path": "/Users/a/b"}], 400),
    "a path out of it": ([{"method": "DELETE", "path": "/../api/users/a"}], 400),
    "what is no operation": (["x"], 400),
}  # fmt: skip


@pytest.mark.parametrize("case", BULKS)
def test_a_bulk_request_that_cannot_be_read_does_nothing(
    memory_stand: Stand, at: Provider, case: str
) -> None:
    operations, status = BULKS[case]
    good = {"method": "POST", "path": "/Users", "bulkId": "good"}
    good["data"] = {"schemas": [USER], "userName": "good"}  # type: ignore[assignment]
    before = memory_stand.dump()
    asked = [good, *operations] if operations else []
    answer = at.post("/Bulk", {"schemas": [BULK], "Operations": asked})
    assert answer.status == status
    assert memory_stand.dump() == before


def test_a_bulk_request_over_a_mebibyte_does_nothing(memory_stand: Stand, at: Provider) -> None:
    before = memory_stand.dump()
    data = {"schemas": [USER], "userName": "x", "title": "y" * 1_100_000}
    operation = {"method": "POST", "path": "/Users", "bulkId": "a", "data": data}
    answer = at.post("/Bulk", json.dumps({"schemas": [BULK], "Operations": [operation]}).encode())
    assert answer.status == 413
    assert memory_stand.dump() == before


def test_nobody_else_is_told_what_is_wrong(memory_stand: Stand) -> None:
    """Wrong requests tell strangers nothing but that they are strangers."""
    strangers = memory_stand.client.as_(bearer("srt_" + "a" * 49)), memory_stand.client
    for client in strangers:
        assert Provider(client).get("/Users", filter="(").status == 401
        assert Provider(client).post("/Users", b"{").status == 401
        assert Provider(client).post("/Bulk", b"{").status == 401
    for filter_ in ("(", 'userName eq "x"'):
        assert Provider(memory_stand.admins).get("/Users", filter=filter_).status == 403


@pytest.mark.parametrize(
    "path", ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas", f"/Schemas/{USER}"]
)
def test_what_there_is_to_provision_is_told_to_everybody(memory_stand: Stand, path: str) -> None:
    assert Provider(memory_stand.client).get(path).status == 200
    # One alone has nothing to be filtered (RFC 7644, section 4).
    listed = path in ("/ResourceTypes", "/Schemas")
    assert Provider(memory_stand.client).get(path, filter="x").status == (403 if listed else 200)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert memory_stand.client.ask(method, f"/scim/v2{path}").status == 405
