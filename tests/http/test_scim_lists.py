"""Lists of SCIM: what they cost and tell, and which versions there are."""

import pytest

from app.scim import group_source
from tests.http.provisioning import SEARCH, Provider, ids, names, provider
from tests.http.stand import Stand
from tests.http.test_round_trips import Cost, counted


@pytest.fixture
def at(memory_stand: Stand) -> Provider:
    return provider(memory_stand)


# What it costs


def test_one_of_many_is_found_by_one_read(at: Provider, memory_stand: Stand) -> None:
    """The one that proves the token; where the process has not met him, by one more."""
    for number in range(30):
        at.user(f"user-{number}@example.com", externalId=f"x{number}")
    at.get("/Users", count=0)
    for filter_ in (
        'userName eq "USER-7@example.com"',
        'externalId eq "x7"',
        'active eq true and (externalId eq "x8")',
    ):
        for reads in (2, 1, 1):
            with counted(memory_stand) as cost:
                assert at.get("/Users", filter=filter_).json["totalResults"] == 1
            assert cost == Cost(reads=reads), filter_
    user = at.get("/Users", filter='externalId eq "x7"').json["Resources"][0]
    with counted(memory_stand) as cost:
        assert at.get(f"/Users/{user['id']}").status == 200
    assert cost == Cost(reads=1)
    with counted(memory_stand) as cost:
        assert at.get("/Users", filter='externalId eq "nobody"').json["totalResults"] == 0
    assert cost == Cost(reads=1)


def test_what_an_index_led_to_before_is_no_answer(at: Provider) -> None:
    """Who is remembered may be renamed, gone, or another one by now."""
    one, other = at.user("ada", externalId="1"), at.user("bob", externalId="2")
    group = at.group("builders", externalId="1")

    def found(path: str, filter_: str) -> list[str]:
        return ids(at.get(path, filter=filter_))

    asked = [("/Users", 'userName eq "ada"'), ("/Users", 'externalId eq "1"')]
    groups = [("/Groups", 'displayName eq "builders"'), ("/Groups", 'externalId eq "1"')]
    for _ in range(2):
        assert [found(*each) for each in asked] == [[one["id"]]] * 2
        assert [found(*each) for each in groups] == [[group["id"]]] * 2
    moved = {"op": "replace", "value": {"userName": "eve", "externalId": "3"}}
    assert at.patch(f"/Users/{one['id']}", moved).status == 200
    assert [found(*each) for each in asked] == [[], []]
    taken = {"op": "replace", "value": {"userName": "ada", "externalId": "1", "title": "new"}}
    assert at.patch(f"/Users/{other['id']}", taken).status == 200
    for _ in range(2):
        assert [found(*each) for each in asked] == [[other["id"]]] * 2
    (shown,) = at.get("/Users", filter='userName eq "ada"').json["Resources"]
    assert shown["title"] == "new"
    assert at.delete(f"/Users/{other['id']}").status == 204
    assert at.delete(f"/Groups/{group['id']}").status == 204
    assert [found(*each) for each in (*asked, *groups)] == [[]] * 4


def test_changes_cost_one_commit(at: Provider, memory_stand: Stand) -> None:
    users = [at.user(f"user-{number}")["id"] for number in range(3)]
    group = at.group("builders", *users[:2])["id"]
    member = {"op": "add", "path": "members", "value": [{"value": users[2]}]}
    off = {"op": "replace", "path": "active", "value": False}
    for path, change in ((f"/Groups/{group}", member), (f"/Users/{users[0]}", off)):
        with counted(memory_stand) as cost:
            assert at.patch(path, change).status in (200, 204)
        assert cost.commits == 1
        with counted(memory_stand) as cost:  # what is so already is not written again
            assert at.patch(path, change).status in (200, 204)
        assert cost.commits == 0


# Lists


def test_pages_are_whole_and_in_one_order(at: Provider) -> None:
    made = {at.user(f"user-{number}")["id"] for number in range(24)}
    whole = ids(at.get("/Users"))
    assert len(set(whole) - made) == 1  # the first administrator
    assert len(whole) == 25
    paged: list[str] = []
    for start in range(1, 30, 7):
        answer = at.get("/Users", startIndex=start, count=7)
        assert answer.json["totalResults"] == 25
        assert (answer.json["startIndex"], answer.json["itemsPerPage"]) == (start, len(ids(answer)))
        paged += ids(answer)
    assert paged == whole
    assert at.get("/Users", count=0).json | {"Resources": []} == at.get("/Users", count=0).json
    assert at.get("/Users", startIndex=99).json["totalResults"] == 25


def test_filtered_and_sorted_pages_are_too(at: Provider) -> None:
    for number in range(12):
        title = "even" if number % 2 == 0 else "odd"
        at.user(f"user-{number:02}", title=title, displayName=f"Z{11 - number:02}")
    found = at.get("/Users", filter='title eq "EVEN"', sortBy="userName", sortOrder="descending")
    assert names(found) == [f"user-{number:02}" for number in range(10, -1, -2)]
    page = at.get(
        "/Users", filter='userName sw "user"', sortBy="displayName", startIndex=3, count=2
    )
    assert (names(page), page.json["totalResults"]) == (["user-09", "user-08"], 12)
    page = at.get("/Users", filter="not (title pr)", count=5)
    assert page.json["totalResults"] == 1


def test_only_what_is_asked_for_is_shown(at: Provider) -> None:
    user = at.user(
        "ada", title="x", name={"givenName": "Ada", "familyName": "L"}, password="a long password"
    )
    path = f"/Users/{user['id']}"
    assert at.get(path, attributes="name.givenName").json.keys() == {"schemas", "id", "name"}
    assert at.get(path, attributes="name.givenName").json["name"] == {"givenName": "Ada"}
    assert "title" not in at.get(path, excludedAttributes="title,id").json
    assert at.get(path, excludedAttributes="title,id").json["id"] == user["id"]
    for shown in (user, at.get(path).json, at.get(path, attributes="password").json):
        assert "password" not in shown
    group = at.group("builders", user["id"])
    assert "members" not in at.get("/Groups", excludedAttributes="members").json["Resources"][0]
    listed = at.get("/Groups", filter=f'id eq "{group["id"]}" and members eq "{user["id"]}"')
    assert ids(listed) == [group["id"]]
    listed = at.get("/Groups", filter=f'id eq "{group["id"]}" and members eq "x"')
    assert ids(listed) == []


def test_all_kinds_are_searched_from_the_root(at: Provider) -> None:
    user, group = at.user("ada", displayName="same"), at.group("same")
    message = {"schemas": [SEARCH], "filter": 'displayName eq "same"'}
    assert set(ids(at.post("/.search", message))) == {user["id"], group["id"]}
    message["filter"] = 'meta.resourceType eq "Group"'
    assert ids(at.post("/.search", message)) == [group["id"]]
    assert ids(at.get("/", filter='userName eq "ada"')) == [user["id"]]
    assert at.get("/", count=0).json["totalResults"] == 3
    shown = at.get("/", attributes="userName", sortBy="id").json["Resources"]
    assert [sorted(one.keys() - {"userName"}) for one in shown] == [["id", "schemas"]] * 3
    assert at.get("/", attributes="shoeSize").status == 400


@pytest.mark.parametrize(
    "asked", [{}, {"sortBy": "displayName"}, {"filter": 'displayName sw "group"'}]
)
def test_a_page_of_groups_with_members_holds_fewer(
    at: Provider, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]
) -> None:
    monkeypatch.setattr(group_source, "GROUPS_WITH_MEMBERS", 3)
    user = at.user("ada")["id"]
    made = sorted(at.group(f"group-{number}", user)["id"] for number in range(7))
    shown: list[str] = []
    for size in (3, 3, 1):
        answer = at.get("/Groups", startIndex=len(shown) + 1, **asked)
        assert (answer.json["totalResults"], answer.json["itemsPerPage"]) == (7, size)
        assert all(one["members"][0]["value"] == user for one in answer.json["Resources"])
        shown += ids(answer)
    assert sorted(shown) == made
    assert ids(at.get("/Groups", excludedAttributes="members", **asked)) == shown


def test_a_page_of_everything_misses_no_group_whose_members_have_no_room(
    at: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_source, "GROUPS_WITH_MEMBERS", 2)
    user = at.user("m", displayName="m")["id"]
    made = {at.group(name, user)["id"] for name in ("a", "b", "c", "x", "y", "z")}
    shown: list[str] = []
    while len(shown) < 8:
        found = ids(at.get("/", sortBy="displayName", startIndex=len(shown) + 1))
        assert found
        shown += found
    assert len(set(shown)) == 8
    assert made | {user} < set(shown)


# Versions


def test_a_version_that_the_client_has_is_not_sent_again(at: Provider) -> None:
    user = at.user("ada")
    group = at.group("builders")
    member = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    for path, change in (
        (f"/Users/{user['id']}", {"op": "add", "path": "title", "value": "x"}),
        (f"/Groups/{group['id']}", member),
    ):
        version = at.get(path).json["meta"]["version"]
        target, known = f"/scim/v2{path}", {"If-None-Match": f'"1", {version}'}
        answer = at.client.get(target, headers=known)
        assert (answer.status, answer.headers["etag"]) == (304, version)
        changed = at.patch(path, change, If_Match=version)
        assert changed.headers["etag"] != version
        assert at.client.get(target, headers=known).status == 200
