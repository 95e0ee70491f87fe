"""Groups, grants in a repository and keys that change hands, through the API, on every store."""

from typing import Any

import pytest

from auth.membership_entries import USERS_AT_ONCE
from auth.principals import Action
from storage import keys
from tests.http.client import Client
from tests.http.pieces import Upload
from tests.http.stand import Person, Stand

FILE = "/repositories/files/a"
EVERY = [action.value for action in Action]


def made(admins: Client, name: str = "Builders", **grants: list[str]) -> str:
    """The id of a new group."""
    answer = admins.post("/api/groups", {"name": name, "permissions": {"repositories": grants}})
    assert answer.status == 201
    assert answer.headers["location"] == f"/api/groups/{answer.json['id']}"
    return str(answer.json["id"])


def all_of(admins: Client, target: str, name: str) -> list[Any]:
    """All items of a list, three at a time."""
    found: list[Any] = []
    after: str | None = ""
    while after is not None:
        page = admins.get(f"{target}?limit=3&after={after}").json
        found += page[name]
        after = page["next"]
    return found


def records_of(stand: Stand, partition: str) -> list[str]:
    return [r.key.sort for r in stand.process.installation.metadata.query_all(partition)]


def test_a_group_from_its_making_to_its_end(any_stand: Stand) -> None:
    any_stand.repository("files")
    admins = any_stand.admins
    assert admins.put(FILE, b"bytes").status == 201
    person = any_stand.person()
    client = any_stand.client.as_(person.by_key)
    group = made(admins, files=["read"], **{"team-*": ["read", "write"]})
    at = f"/api/groups/{group}"
    shown = admins.get(at).json
    assert shown["permissions"] == {
        "repositories": {"files": ["read"], "team-*": ["read", "write"]}
    }
    assert client.get(FILE).status == 404
    for _ in range(2):
        assert admins.ask("PUT", f"{at}/members/{person.id}").status == 204
    assert client.get(FILE).body == b"bytes"
    assert [one["id"] for one in admins.get(f"{at}/members").json["members"]] == [person.id]
    me = client.get("/api/user").json
    assert me["groups"] == [{"id": group, "name": "Builders"}]
    assert me["granted"] == shown["permissions"]
    assert me["permissions"] == {"repositories": {}}
    assert client.get(f"/api/users/{person.id}").json == me
    assert admins.get(f"/api/users/{person.id}").json == me
    assert admins.patch(at, {"name": "Makers"}).json["name"] == "Makers"
    assert admins.delete(f"{at}/members/{person.id}").status == 204
    assert admins.delete(f"{at}/members/{person.id}").status == 404
    assert client.get(FILE).status == 404
    assert admins.delete(at).status == 204
    for method, rest in (("GET", ""), ("DELETE", ""), ("GET", "/members"), ("PUT", "/members/x")):
        assert admins.ask(method, f"{at}{rest}").status == 404


def test_many_members_come_and_go_and_the_worker_clears_away_what_is_left(
    any_stand: Stand,
) -> None:
    admins, by = any_stand.admins, any_stand.operator
    users = any_stand.users()
    ids = [
        users.create(by, email=f"u{number}@example.org", name="U", role="reader").id
        for number in range(USERS_AT_ONCE + 5)
    ]
    group, kept = made(admins), made(admins, "Kept")
    for one in (group, kept):
        answer = admins.post(f"/api/groups/{one}/members", {"add": ids, "remove": []})
        assert answer.json == {"added": len(ids), "removed": 0}
    answer = admins.post(f"/api/groups/{group}/members", {"add": ids[:3], "remove": ids[3:5]})
    assert answer.json == {"added": 0, "removed": 2}
    listed = all_of(admins, f"/api/groups/{group}/members", "members")
    assert [one["id"] for one in listed] == sorted(set(ids) - set(ids[3:5]))
    assert sorted(one["id"] for one in all_of(admins, "/api/groups", "groups")) == sorted(
        (group, kept)
    )
    gone = ids[0]
    assert admins.delete(f"/api/groups/{group}").status == 204
    assert admins.delete(f"/api/users/{gone}").status == 204
    assert len(records_of(any_stand, keys.members(any_stand.organization, group))) > 0
    any_stand.process.work()
    assert records_of(any_stand, keys.members(any_stand.organization, group)) == []
    assert gone not in records_of(any_stand, keys.members(any_stand.organization, kept))
    assert admins.get(f"/api/users/{ids[1]}").json["groups"] == [{"id": kept, "name": "Kept"}]


@pytest.mark.parametrize(
    "body, field",
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x\u0007"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "x", "member": []}, "member"),
        ({"name": "x", "permissions": {"repositories": {"gone": ["read"]}}}, "permissions"),
        ({"name": "x", "permissions": {"repositories": {"Fi*": ["read"]}}}, "permissions"),
        ({"name": "x", "permissions": {"repositories": {"*": ["own"]}}}, "permissions"),
        ({"name": "x", "permissions": {"repository": {}}}, "permissions"),
    ],
)
def test_a_group_that_cannot_be_is_refused_by_its_field(
    memory_stand: Stand, body: dict[str, Any], field: str
) -> None:
    before = memory_stand.dump()
    answer = memory_stand.admins.post("/api/groups", body)
    assert answer.status == 422
    assert answer.json["field"].partition(".")[0] == field
    assert memory_stand.dump() == before


def test_members_that_cannot_be_are_refused_and_nobody_comes_in(memory_stand: Stand) -> None:
    admins, person = memory_stand.admins, memory_stand.person()
    group = made(admins)
    at = f"/api/groups/{group}/members"
    before = memory_stand.dump()
    for body, field in (
        ({"add": [person.id, "a" * 16]}, "add"),
        ({"add": ["x"]}, "add"),
        ({"add": [1]}, "add"),
        ({"add": person.id}, "add"),
        ({"add": [person.id], "remove": [person.id]}, "remove"),
        ({"remove": ["../x"]}, "remove"),
        ({"add": ["a" * 16] * 1001}, "add"),
        ({"users": []}, "users"),
    ):
        answer = admins.post(at, body)
        assert (answer.status, answer.json["field"]) == (422, field)
    assert admins.ask("PUT", f"{at}/{'a' * 16}").status == 404
    assert admins.ask("PUT", f"{at}/{person.id}", json={"role": "x"}).status == 422
    assert memory_stand.dump() == before


def test_a_name_that_another_group_has_is_409(memory_stand: Stand) -> None:
    admins = memory_stand.admins
    made(admins, "Builders")
    assert admins.post("/api/groups", {"name": "BUILDERS"}).status == 409
    other = made(admins, "Others")
    assert admins.patch(f"/api/groups/{other}", {"name": "builders "}).status == 409


@pytest.fixture
def keeper(any_stand: Stand) -> Person:
    """Who administers `files` and reads there."""
    repository = any_stand.repository("files")
    any_stand.repository("other")
    return any_stand.person(grants={repository.id: ["read", "admin"]})


def test_a_repository_administrator_says_who_reads_there(any_stand: Stand, keeper: Person) -> None:
    client = any_stand.client.as_(keeper.by_key)
    person = any_stand.person()
    at = "/api/repositories/files/grants"
    given = client.ask("PUT", f"{at}/users/{person.id}", json={"actions": ["read"]})
    assert given.json == {
        "kind": "user",
        "id": person.id,
        "name": "Somebody",
        "actions": ["read"],
        "by_pattern": [],
    }
    group = made(any_stand.admins, **{"fil*": ["write"]})
    answer = client.ask("PUT", f"{at}/groups/{group}", json={"actions": ["read"]})
    assert (answer.json["actions"], answer.json["by_pattern"]) == (["read"], ["write"])
    listed = all_of(client, at, "grants")
    assert [one["id"] for one in listed] == [group, *sorted((keeper.id, person.id))]
    assert "@" not in client.get(at).text
    assert any_stand.client.as_(person.by_key).get("/repositories/files/").status == 200
    assert client.ask("PUT", f"{at}/users/{person.id}", json={"actions": []}).status == 200
    assert any_stand.client.as_(person.by_key).get("/repositories/files/").status == 404
    assert client.post(at, {"email": person.email, "actions": ["read"]}).json["id"] == person.id


def test_a_grant_that_would_lift_the_giver_is_403_and_says_so(
    any_stand: Stand, keeper: Person
) -> None:
    client, person = any_stand.client.as_(keeper.by_key), any_stand.person()
    group = made(any_stand.admins)
    admins = any_stand.admins
    assert admins.ask("PUT", f"/api/groups/{group}/members/{keeper.id}").status == 204
    at = "/api/repositories/files/grants"
    before = any_stand.dump().records
    for target in (f"users/{person.id}", f"users/{keeper.id}", f"groups/{group}"):
        answer = client.ask("PUT", f"{at}/{target}", json={"actions": ["read", "write"]})
        assert answer.status == 403
        assert "lift the giver above himself" in answer.detail
    answer = client.post(at, {"email": person.email, "actions": EVERY})
    assert answer.status == 403
    # Nor is anything of the organization his.
    for method, target, body in (
        ("POST", "/api/repositories", {"name": "mine"}),
        ("PUT", f"/api/users/{person.id}/permissions", {"repositories": {"files": ["read"]}}),
        ("PUT", f"/api/groups/{group}/permissions", {"repositories": {"files": ["read"]}}),
        ("PUT", "/api/repositories/other/grants/users/" + person.id, {"actions": ["read"]}),
        ("PATCH", f"/api/users/{keeper.id}", {"role": "admin"}),
        ("POST", f"/api/users/{person.id}/hand-over", {"to": keeper.id}),
    ):
        assert client.ask(method, target, json=body).status in (403, 404), target
    assert any_stand.dump().records == before


def test_what_nobody_has_is_taken_from_nobody_whoever_is_named(
    memory_stand: Stand,
) -> None:
    repository = memory_stand.repository("files")
    keeper = memory_stand.person(grants={repository.id: ["admin"]})
    client, person = memory_stand.client.as_(keeper.by_key), memory_stand.person()
    at = "/api/repositories/files/grants"
    answers = [
        client.ask("PUT", f"{at}/{target}", json={"actions": []})
        for target in (f"users/{person.id}", f"users/{'a' * 16}", f"groups/{'a' * 16}", "users/x")
    ]
    assert {(answer.status, answer.detail) for answer in answers} == {
        (404, "There is no such grant.")
    }
    unknown = client.post(at, {"email": "nobody@example.org", "actions": ["admin"]})
    assert unknown.status == 404
    assert client.post(at, {"email": person.email, "actions": []}).status == 422


def test_a_key_goes_on_with_what_both_users_may(any_stand: Stand) -> None:
    files = any_stand.repository("files")
    old = any_stand.person(grants={files.id: ["read", "write"]})
    new = any_stand.person(grants={files.id: ["read", "write", "delete"]})
    build = any_stand.client.as_(old.by_key)
    elsewhere = any_stand.another_process().client.at(any_stand.host).as_(old.by_key)
    for each in (build, elsewhere):
        assert each.put(FILE, b"bytes").status in (200, 201)
    upload = Upload(build, b"some bytes", "/repositories/files/large")
    answer = any_stand.admins.post(f"/api/users/{old.id}/hand-over", {"to": new.id})
    assert answer.json == {
        "keys": [
            {
                "id": old.key_id,
                "name": "of a test",
                "scopes": {"files": ["read", "write"]},
                "narrowed": True,
            }
        ],
        "jobs": [],
        "uploads": [{"repository": "files", "path": "large"}],
    }
    assert upload.look().status == 404
    assert any_stand.admins.delete(f"/api/users/{old.id}").status == 204
    for each in (build, elsewhere):
        assert each.put(FILE, b"bytes").status == 200
        assert each.get(FILE).body == b"bytes"
        assert each.delete(FILE).status == 403, "the old one could not"
        shown = each.get("/api/user").json
        assert (shown["id"], shown["scopes"]) == (new.id, {"files": ["read", "write"]})
    assert any_stand.admins.post(f"/api/users/{new.id}/hand-over", {"to": new.id}).status == 422
    assert any_stand.admins.post(f"/api/users/{old.id}/hand-over", {"to": new.id}).status == 404


def test_the_last_administrator_stays_one_whatever_is_tried(memory_stand: Stand) -> None:
    memory_stand.repository("files")
    admins, admin = memory_stand.admins, memory_stand.admin
    at, person = f"/api/users/{admin.id}", memory_stand.person()
    group = made(admins, files=EVERY)
    for body in ({"role": "developer"}, {"role": "reader"}, {"active": False}):
        answer = admins.patch(at, body)
        assert answer.status == 409
        assert "last active administrator" in answer.detail
    assert admins.delete(at).status == 409
    # What takes nothing of that away goes through, and he still is one.
    assert admins.ask("PUT", f"{at}/permissions", json={"repositories": {}}).status == 200
    assert admins.ask("PUT", f"/api/groups/{group}/members/{admin.id}").status == 204
    assert admins.delete(f"/api/groups/{group}").status == 204
    handed = admins.post(f"{at}/hand-over", {"to": person.id})
    assert [one["narrowed"] for one in handed.json["keys"]] == [True]
    assert admins.get("/api/users").status == 403, "his key is another's, with scopes"
    by_password = memory_stand.client.as_(admin.by_password)
    assert by_password.get("/api/user").json["role"] == "admin"
    assert by_password.patch(at, {"active": False}).status == 409
