"""The examples of RFC 7644, sections 3.3 to 3.6, 3.12 and 3.14, as a client would send them."""

from typing import Any

import pytest

from tests.scim.answers import ABSENT, LIST
from tests.scim.served import SEARCH, USER, USERS, Provider, name_of

_UNKNOWN = "2819c223-7f76-453a-919d-413861904646"


@pytest.fixture
def barbara(scim: Provider) -> Any:
    """Section 3.3's user, under a name that nobody else has."""
    name = name_of("bjensen")
    return scim.user(
        externalId=name,
        userName=name,
        name={"formatted": "Ms. Barbara J Jensen III", "familyName": "Jensen", "givenName": "Ba"},
    )


def test_3_3_what_is_created_is_told_with_its_place_and_version(
    scim: Provider, barbara: Any
) -> None:
    assert barbara["meta"]["resourceType"] == "User"
    assert barbara["meta"]["created"] == barbara["meta"]["lastModified"]
    assert barbara["meta"]["version"].startswith('W/"')
    assert barbara["meta"]["location"].endswith(f"/scim/v2/Users/{barbara['id']}")
    assert barbara["schemas"] == [USER]
    shown = scim.get(f"/Users/{barbara['id']}")
    assert (shown.status, shown.json) == (200, barbara)


def test_3_3_what_only_the_server_says_is_ignored_where_it_is_sent(scim: Provider) -> None:
    name = name_of("own")
    meta = {"resourceType": "Group", "created": "2001-01-01T00:00:00Z", "version": 'W/"x"'}
    sent = {"schemas": [USER], "userName": name, "id": _UNKNOWN, "meta": meta, "groups": [{}]}
    made = scim.post("/Users", sent)
    assert made.status == 201
    assert made.json["id"] != _UNKNOWN
    assert made.json["meta"]["resourceType"] == "User"
    assert made.json["meta"]["created"] > "2026"
    made.shows({"groups": ABSENT})


def test_3_3_a_name_that_is_taken_is_a_conflict(scim: Provider, barbara: Any) -> None:
    for name in (barbara["userName"], barbara["userName"].upper()):
        scim.post("/Users", {"schemas": [USER], "userName": name}).refused(409, "uniqueness")
    for missing in ({}, {"userName": ""}, {"userName": None}):
        refused = scim.post("/Users", {"schemas": [USER], **missing})
        refused.refused(400, "invalidValue")


def test_3_4_2_4_pages_cover_all_once_and_tell_the_total(scim: Provider) -> None:
    mark = name_of("paged")
    made = {scim.user(externalId=f"{number}{mark}", title=mark)["id"] for number in range(5)}
    seen: list[str] = []
    for start in (1, 3, 5, 7):
        page = scim.get("/Users", filter=f'title eq "{mark}"', startIndex=start, count=2).json
        assert (page["schemas"], page["totalResults"]) == ([LIST], 5)
        assert page["startIndex"] == start
        assert page["itemsPerPage"] == len(page["Resources"])
        seen += [one["id"] for one in page["Resources"]]
    assert seen == sorted(made)
    none = scim.get("/Users", filter=f'title eq "{mark}"', count=0).json
    assert (none["totalResults"], none.get("Resources", [])) == (5, [])
    for less in ({"startIndex": 0}, {"startIndex": -1}, {"count": -1}):
        assert scim.get("/Users", filter=f'title eq "{mark}"', **less).status == 200


def test_3_4_2_3_a_list_is_sorted_without_regard_to_case_and_backwards(scim: Provider) -> None:
    mark = name_of("sorted")
    for given in ("b", "A", "c"):
        scim.user(title=mark, name={"givenName": given})
    asked = {"filter": f'title eq "{mark}"', "sortBy": "name.givenName"}
    for order, names in (("ascending", ["A", "b", "c"]), ("descending", ["c", "b", "A"])):
        found = scim.get("/Users", **asked, sortOrder=order).json["Resources"]
        assert [one["name"]["givenName"] for one in found] == names


def test_3_4_3_a_search_is_sent_as_a_message(scim: Provider, barbara: Any) -> None:
    wanted = {
        "schemas": [SEARCH],
        "attributes": ["displayName", "userName"],
        "filter": f'userName sw "{barbara["userName"][:12]}"',
        "startIndex": 1,
        "count": 10,
    }
    for at in (f"{USERS}/.search", "/.search"):
        answer = scim.post(at, wanted)
        assert answer.status == 200
        answer.shows({"schemas": [LIST], "totalResults": 1, "startIndex": 1, "itemsPerPage": 1})
        shown = {"id": barbara["id"], "userName": barbara["userName"], "emails": ABSENT}
        answer.shows({"Resources": [shown]})
    scim.post("/Groups/.search", {"schemas": [SEARCH], "count": 0}).shows({"schemas": [LIST]})


def test_3_5_1_a_put_replaces_all_that_a_client_may_say(scim: Provider, barbara: Any) -> None:
    at = f"/Users/{barbara['id']}"
    sent = {
        "schemas": [USER],
        "id": barbara["id"],
        "userName": barbara["userName"],
        "name": {"givenName": "Barbara"},
        "roles": [],
        "emails": [{"value": barbara["userName"]}, {"value": name_of("babs")}],
    }
    answer = scim.put(at, sent)
    assert answer.status == 200
    answer.shows({"id": barbara["id"], "name": {"familyName": ABSENT}, "externalId": ABSENT})
    answer.shows({"emails": sent["emails"], "meta": {"created": barbara["meta"]["created"]}})
    assert answer.json["meta"]["version"] != barbara["meta"]["version"]
    assert scim.get(at).json == answer.json
    scim.put(at, sent | {"userName": scim.user()["userName"]}).refused(409, "uniqueness")
    scim.put(f"/Users/{_UNKNOWN}", sent).refused(404)


def test_3_6_what_is_deleted_is_gone_everywhere(scim: Provider, barbara: Any) -> None:
    at = f"/Users/{barbara['id']}"
    gone = scim.delete(at)
    assert (gone.status, gone.json) == (204, None)
    whole = {"schemas": [USER], "userName": barbara["userName"]}
    for again in (scim.get(at), scim.delete(at), scim.put(at, whole)):
        assert again.status == 404
    scim.get("/Users", filter=f'id eq "{barbara["id"]}"').shows({"totalResults": 0})
    scim.get("/Users", filter=f'externalId eq "{barbara["externalId"]}"').shows({"totalResults": 0})


def test_3_9_attributes_are_chosen_and_left_out(scim: Provider, barbara: Any) -> None:
    at = f"/Users/{barbara['id']}"
    chosen = scim.get(at, attributes="userName,name.familyName").json
    assert chosen["id"] == barbara["id"]
    assert chosen["name"] == {"familyName": "Jensen"}
    assert "emails" not in chosen
    left = scim.get(at, excludedAttributes="emails,id,name.givenName").json
    assert (left["id"], "emails" in left, "givenName" in left["name"]) == (
        barbara["id"],
        False,
        False,
    )


@pytest.mark.parametrize(
    "method, path, sent, status, kind",
    [
        ("GET", f"/Users/{_UNKNOWN}", None, 404, None),
        ("GET", "/Nothing", None, 404, None),
        ("POST", "/Users", b"{", 400, "invalidSyntax"),
        ("POST", "/Users", b"[]", 400, "invalidSyntax"),
        ("POST", "/Users", {"userName": "x"}, 400, "invalidValue"),
        ("POST", "/Users", {"schemas": ["urn:x"], "userName": "x"}, 400, "invalidValue"),
        ("PATCH", f"/Users/{_UNKNOWN}", {"schemas": [USER]}, 400, "invalidSyntax"),
        ("DELETE", "/ServiceProviderConfig", None, 405, None),
    ],
)
def test_3_12_errors_have_the_form_of_scim(
    scim: Provider, method: str, path: str, sent: Any, status: int, kind: str | None
) -> None:
    scim.ask(method, path, sent).refused(status, kind)


def test_3_14_versions_guard_what_is_read_and_written(scim: Provider, barbara: Any) -> None:
    at, version = f"/Users/{barbara['id']}", barbara["meta"]["version"]
    assert scim.get(at).headers["etag"] == version
    same = scim.get(at, headers={"If-None-Match": version})
    assert (same.status, same.json) == (304, None)
    wrong = {"If-Match": 'W/"1"'}
    title = {"op": "replace", "path": "title", "value": "Boss"}
    sent = {"schemas": [USER], "userName": barbara["userName"]}
    for refused in (
        scim.patch(at, title, headers=wrong),
        scim.put(at, sent, headers=wrong),
        scim.delete(at, headers=wrong),
    ):
        assert refused.status == 412
    assert scim.get(at).json == barbara
    changed = scim.patch(at, title, headers={"If-Match": version})
    assert changed.status == 200
    assert scim.get(at, headers={"If-None-Match": version}).status == 200
    assert scim.patch(at, title, headers={"If-Match": version}).status == 412
    assert scim.delete(at, headers={"If-Match": "*"}).status == 204
