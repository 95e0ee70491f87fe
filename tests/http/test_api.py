"""The management API: repositories, users, grants and keys, and what its JSON must be."""

import json
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import pytest

from app.repositories import catalogue
from storage import keys
from tests.faults.metadata import passes
from tests.http.client import Answer, Client, basic
from tests.http.stand import ADMIN_EMAIL, Stand
from tests.http.test_raw_writing import nothing_stored

REPOSITORIES, USERS, KEYS = "/api/repositories", "/api/users", "/api/keys"


@pytest.fixture
def api(memory_stand: Stand) -> Client:
    return memory_stand.admins


def new_user(api: Client, **fields: Any) -> dict[str, Any]:
    answer = api.post(USERS, {"email": "new@example.org", "role": "developer", **fields})
    assert answer.status == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


# Repositories


def test_a_repository_is_made_shown_changed_and_deleted(any_stand: Stand) -> None:
    api = any_stand.admins
    made = api.post(REPOSITORIES, {"name": "files", "format": "raw", "kind": "hosted"})
    assert made.status == 201
    assert made.headers["location"] == "/api/repositories/files"
    assert made.json["name"] == "files"
    assert made.json["public"] is made.json["overwrite"] is False
    shown = api.get(f"{REPOSITORIES}/files").json
    assert {name: shown[name] for name in made.json} == made.json
    assert shown.keys() - made.json.keys() == {"usage"}
    changed = api.patch(f"{REPOSITORIES}/files", {"overwrite": True, "restore_days": 3})
    assert changed.json == {**made.json, "overwrite": True, "restore_days": 3}
    assert api.patch(f"{REPOSITORIES}/files", {}).json == changed.json
    assert api.delete(f"{REPOSITORIES}/files").status == 204
    for answer in (api.get(f"{REPOSITORIES}/files"), api.delete(f"{REPOSITORIES}/files")):
        assert answer.status == 404
    assert api.patch(f"{REPOSITORIES}/files", {"public": True}).status == 404


def test_a_name_is_taken_once(api: Client) -> None:
    assert api.post(REPOSITORIES, {"name": "files"}).status == 201
    assert api.post(REPOSITORIES, {"name": "files", "public": True}).status == 409
    assert api.get(f"{REPOSITORIES}/files").json["public"] is False


def test_a_repository_made_again_has_nothing_of_the_old_one(any_stand: Stand) -> None:
    """Neither its files, nor who was granted something in it, nor keys with its scopes."""
    api = any_stand.admins
    api.post(REPOSITORIES, {"name": "files"})
    user = new_user(api, permissions={"repositories": {"files": ["read", "write"]}})
    fields = {"name": "of the new one", "user": user["id"]}
    key = api.post(KEYS, fields).json["secret"]
    narrow = api.post(KEYS, {"name": "narrow", "scopes": {"files": ["read", "write"]}}).json
    client = any_stand.client.as_(basic("api-key", key))
    scoped = any_stand.client.as_(basic("api-key", narrow["secret"]))
    assert client.put("/repositories/files/a/x", b"old").status == 201
    assert scoped.get("/repositories/files/a/x").body == b"old"
    assert api.delete(f"{REPOSITORIES}/files").status == 204
    assert client.get("/repositories/files/a/x").status == 404
    api.post(REPOSITORIES, {"name": "files"})
    for other in (client, scoped):
        assert other.get("/repositories/files/").status == 404
        assert other.get("/repositories/files/a/x").status == 404
        assert other.put("/repositories/files/a/x", b"new").status == 404
        assert other.get(f"{REPOSITORIES}/files").status == 404
    assert api.get("/repositories/files/a/x").status == 404
    assert api.get("/repositories/files/").json["entries"] == []
    assert api.get(f"{USERS}/{user['id']}").json["permissions"] == {"repositories": {}}
    assert api.get(f"{KEYS}/{narrow['id']}").json["scopes"] == {}, "not null: that is everything"
    assert api.put("/repositories/files/a/x", b"new").status == 201


@pytest.mark.parametrize(
    "fields, named",
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": 5}, "name"),
        ({"name": ["files"]}, "name"),
        ({"name": ""}, "name"),
        ({"name": "Files"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "a..b"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "files\n"}, "name"),
        ({"name": "files", "format": "docker"}, "format"),
        ({"name": "files", "format": 1}, "format"),
        ({"name": "files", "kind": "mirror"}, "kind"),
        ({"name": "files", "public": "yes"}, "public"),
        ({"name": "files", "public": 1}, "public"),
        ({"name": "files", "overwrite": "false"}, "overwrite"),
        ({"name": "files", "restore_days": -1}, "restore_days"),
        ({"name": "files", "restore_days": 3651}, "restore_days"),
        ({"name": "files", "restore_days": 1.5}, "restore_days"),
        ({"name": "files", "restore_days": True}, "restore_days"),
        ({"name": "files", "restore_days": 10**400}, "restore_days"),
        ({"name": "files", "overwrites": True}, "overwrites"),
        ({"name": "files", "id": "mine"}, "id"),
    ],
)
def test_a_bad_rule_is_422_and_named(
    api: Client, memory_stand: Stand, fields: Mapping[str, Any], named: str
) -> None:
    with nothing_stored(memory_stand):
        answer = api.post(REPOSITORIES, fields)
    assert answer.status == 422
    assert answer.detail.startswith(f"'{named}' ")


def test_a_list_of_repositories_is_paged_and_holds_what_the_caller_may_read(
    memory_stand: Stand,
) -> None:
    """Filtered before it is cut: no page is short because of what the caller may not see."""
    grants = {}
    for n in range(10):
        repository = memory_stand.repository(f"r{n}")
        if n % 3 == 0:
            grants[repository.id] = ["read"]
    person = memory_stand.person(grants=grants)
    client = memory_stand.client.as_(person.by_key)
    found, cursor = [], ""
    while True:
        page = client.get(f"{REPOSITORIES}?limit=2{cursor}").json
        found.append([repository["name"] for repository in page["repositories"]])
        if page["next"] is None:
            break
        cursor = f"&after={page['next']}"
    assert found == [["r0", "r3"], ["r6", "r9"]]
    assert len(memory_stand.admins.get(REPOSITORIES).json["repositories"]) == 10


def test_what_a_list_of_repositories_costs_tells_nothing_of_those_that_are_hidden(
    memory_stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "PAGE", 3)
    known = [memory_stand.repository(name).id for name in ("r1", "r5")]
    grants = {one: ["read"] for one in known}
    callers = [
        memory_stand.person(grants=grants),
        memory_stand.person("reader", grants, scopes=grants),
        memory_stand.person("admin", scopes=grants),
        memory_stand.person(),
    ]

    def listed(query: str) -> list[tuple[Any, list[str]]]:
        answers = []
        for person in callers:
            made = len(memory_stand.engine.made)
            answer = memory_stand.client.as_(person.by_key).get(f"{REPOSITORIES}{query}")
            names = [repository["name"] for repository in answer.json["repositories"]]
            calls = memory_stand.engine.made[made:]
            answers.append(((names, answer.json["next"] is None), calls))
        return answers

    listed("")  # what is remembered of the organization and the callers, is now
    before = [listed(""), listed("?limit=1")]
    for number in range(30):
        memory_stand.repository(f"r{number // 10}-hidden-{number}")
    assert [listed(""), listed("?limit=1")] == before
    assert [shown for shown, _ in before[0]] == [(["r1", "r5"], True)] * 3 + [([], True)]
    assert [shown for shown, _ in before[1]] == [(["r1"], False)] * 3 + [([], True)]


def test_a_repository_that_was_made_anew_meanwhile_is_not_listed_by_an_old_grant(
    memory_stand: Stand,
) -> None:
    person = memory_stand.person(grants={memory_stand.repository("files").id: ["read"]})
    other = memory_stand.another_process().client.as_(memory_stand.admin.by_key)

    def made_anew_before(call: Callable[[], Any]) -> Any:
        assert other.delete(f"{REPOSITORIES}/files").status == 204
        assert other.post(REPOSITORIES, {"name": "files"}).status == 201
        return call()

    client = memory_stand.client.as_(person.by_key)
    assert len(client.get(REPOSITORIES).json["repositories"]) == 1
    # Between who he is and the names of what he is granted, and what has those names.
    memory_stand.engine.next("get", passes, passes, made_anew_before)
    answer = client.get(REPOSITORIES)
    assert other.get(f"{REPOSITORIES}/files").status == 200
    assert (answer.json["repositories"], answer.json["next"]) == ([], None)


# Users


def test_a_user_is_made_shown_changed_and_deleted(any_stand: Stand) -> None:
    api = any_stand.admins
    user = new_user(api, name="New", password="a long password")
    at = f"{USERS}/{user['id']}"
    assert user["role"] == "developer"
    assert user["active"] is True
    assert "password" not in user
    assert api.get(at).json == user | {"groups": [], "granted": {"repositories": {}}}
    by_password = any_stand.client.as_(basic("new@example.org", "a long password"))
    assert by_password.get("/api/user").json["id"] == user["id"]
    changed = api.patch(at, {"email": "other@example.org", "role": "reader", "name": "Other"})
    assert (changed.json["email"], changed.json["role"]) == ("other@example.org", "reader")
    assert by_password.get("/api/user").status == 401, "the old address"
    again = any_stand.client.as_(basic("OTHER@example.org", "a long password"))
    assert again.get("/api/user").status == 200, "in any case"
    assert api.delete(at).status == 204
    assert api.get(at).status == api.delete(at).status == 404
    assert again.get("/api/user").status == 401
    assert new_user(api, email="other@example.org")["id"] != user["id"], "the address is free"


def test_an_address_is_taken_once_whatever_its_case(api: Client) -> None:
    user = new_user(api)
    for email in ("new@example.org", "NEW@Example.ORG", ADMIN_EMAIL):
        answer = api.post(USERS, {"email": email, "role": "reader"})
        assert answer.status == 409
        assert "email" in answer.detail
    answer = api.patch(f"{USERS}/{user['id']}", {"email": ADMIN_EMAIL})
    assert answer.status == 409
    assert api.patch(f"{USERS}/{user['id']}", {"email": "NEW@example.org"}).status == 200


@pytest.mark.parametrize(
    "fields, named",
    [
        ({"email": None}, "email"),
        ({"email": "no address"}, "email"),
        ({"email": "@example.org"}, "email"),
        ({"email": "x" * 300 + "@example.org"}, "email"),
        ({"email": "a:b@example.org"}, "email"),
        ({"email": "a\u200b@example.org"}, "email"),
        ({"role": None}, "role"),
        ({"role": "root"}, "role"),
        ({"role": "Admin"}, "role"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": 7}, "name"),
        ({"password": "short12"}, "password"),
        ({"password": "x" * 257}, "password"),
        ({"password": 12345678}, "password"),
        ({"password": "with a\ncontrol character"}, "password"),
        ({"active": "no"}, "active"),
        ({"permissions": {"repositories": {"nowhere": ["read"]}}}, "permissions.repositories"),
        ({"permissions": {"repositories": {"files": ["fly"]}}}, "permissions.repositories"),
        ({"permissions": {"repositories": ["files"]}}, "permissions.repositories"),
        ({"permissions": {"files": ["read"]}}, "permissions.files"),
        ({"permissions": {"email": 1}}, "permissions.email"),
        ({"permissions": ["files"]}, "permissions"),
        ({"admin": True}, "admin"),
    ],
)
def test_a_bad_field_of_a_user_is_422_and_named(
    api: Client, memory_stand: Stand, fields: Mapping[str, Any], named: str
) -> None:
    memory_stand.repository("files")
    given = {"email": "new@example.org", "role": "developer", **fields}
    with nothing_stored(memory_stand):
        answer = api.post(USERS, given)
    assert answer.status == 422
    assert answer.detail.startswith(f"'{named}' ")
    if "password" in fields:
        assert str(fields["password"]) not in answer.text


@pytest.mark.parametrize("length, status", [(7, 422), (8, 201), (256, 201), (257, 422)])
def test_a_password_has_8_to_256_characters(api: Client, length: int, status: int) -> None:
    """S2, counted after NFC: an e with its accent is one."""
    password = unicodedata.normalize("NFD", ("éàüöñçîôšž" * 26)[:length])
    fields = {"email": "new@example.org", "role": "reader", "password": password}
    assert api.post(USERS, fields).status == status


def test_the_last_administrator_stays(memory_stand: Stand) -> None:
    api, own = memory_stand.admins, f"{USERS}/{memory_stand.admin.id}"
    with nothing_stored(memory_stand):
        assert api.delete(own).status == 409
        assert api.patch(own, {"role": "reader"}).status == 409
        assert api.patch(own, {"active": False}).status == 409
    second = new_user(api, role="admin")
    assert api.patch(f"{USERS}/{second['id']}", {"active": False}).status == 200
    assert api.delete(own).status == 409, "a disabled one does not count"
    assert api.patch(f"{USERS}/{second['id']}", {"active": True}).status == 200
    assert api.delete(own).status == 204
    assert api.get("/api/user").status == 401


def test_users_are_paged(memory_stand: Stand) -> None:
    made = {memory_stand.admin.id} | {memory_stand.person().id for _ in range(4)}
    found, cursor = [], ""
    while True:
        page = memory_stand.admins.get(f"{USERS}?limit=2{cursor}").json
        assert len(page["users"]) <= 2
        found += [user["id"] for user in page["users"]]
        if page["next"] is None:
            break
        cursor = f"&after={page['next']}"
    assert found == sorted(made)


@pytest.mark.parametrize("path", [USERS, KEYS, REPOSITORIES])
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "limit=", "after=x", "%00=x"]
)
def test_a_page_that_is_none_is_refused(api: Client, path: str, query: str) -> None:
    answer = api.get(f"{path}?{query}")
    named = unquote(query.partition("=")[0])
    assert (answer.status, answer.json["field"]) == (422, named)


def test_a_cursor_of_the_api_works_for_its_caller_list_and_filter_alone(
    memory_stand: Stand,
) -> None:
    api = memory_stand.admins
    person = memory_stand.person("admin")
    other = memory_stand.client.as_(person.by_key)
    for n in range(3):
        memory_stand.repository(f"r{n}")
        api.post(KEYS, {"name": f"k{n}"})
    users = api.get(f"{USERS}?limit=1").json["next"]
    mine = api.get(f"{KEYS}?limit=1").json["next"]
    assert api.get(f"{USERS}?after={users}").status == 200
    assert api.get(f"{KEYS}?after={mine}").status == 200
    for client, target in (
        (other, f"{USERS}?after={users}"),
        (api, f"{KEYS}?after={users}"),
        (api, f"{KEYS}?user=all&after={mine}"),
        (api, f"{REPOSITORIES}?after={users}"),
    ):
        answer = client.get(target)
        assert (answer.status, answer.json["field"]) == (422, "after")


@pytest.mark.parametrize("user", ["x", "..", "%2e%2e", "a" * 16, "a" * 5000, "%00", "é", "count"])
def test_an_id_that_is_none_is_404(memory_stand: Stand, user: str) -> None:
    api = memory_stand.admins
    with nothing_stored(memory_stand):
        for target in (f"{USERS}/{user}", f"{KEYS}/{user}"):
            assert api.get(target).status in (400, 404)
            assert api.delete(target).status in (400, 404)
        answer = api.ask("PUT", f"{USERS}/{user}/permissions", json={"repositories": {}})
        assert answer.status in (400, 404)


# Grants


def test_permissions_are_replaced_whole(any_stand: Stand) -> None:
    api = any_stand.admins
    for name in ("one", "two"):
        any_stand.repository(name)
    user = new_user(api, permissions={"repositories": {"one": ["read", "write"]}})
    at = f"{USERS}/{user['id']}/permissions"
    given = {"two": ["read"], "one": []}
    answer = api.ask("PUT", at, json={"repositories": given})
    assert answer.status == 200
    assert answer.json["permissions"]["repositories"].get("two") == ["read"]
    assert not answer.json["permissions"]["repositories"].get("one")
    assert api.ask("PUT", at, json={"repositories": {}}).json["permissions"] == {"repositories": {}}


@pytest.mark.parametrize(
    "fields, named",
    [
        ({}, "repositories"),
        ({"repositories": None}, "repositories"),
        ({"repositories": []}, "repositories"),
        ({"repositories": {"files": "read"}}, "repositories"),
        ({"repositories": {"files": [1]}}, "repositories"),
        ({"repositories": {"files": ["READ"]}}, "repositories"),
        ({"repositories": {"files": ["\ud800"]}}, "repositories.files[0]"),
        ({"repositories": {"nowhere": ["read"]}}, "repositories"),
        ({"repositories": {}, "role": "admin"}, "role"),
    ],
)
def test_a_bad_grant_is_422_and_named(
    memory_stand: Stand, fields: Mapping[str, Any], named: str
) -> None:
    memory_stand.repository("files")
    person = memory_stand.person()
    with nothing_stored(memory_stand):
        at = f"{USERS}/{person.id}/permissions"
        answer = memory_stand.admins.ask("PUT", at, json=fields)
    assert (answer.status, answer.json["field"]) == (422, named)
    assert answer.detail.startswith(f"'{named}' ")


# Keys


def test_a_key_is_shown_once_and_revoked(any_stand: Stand) -> None:
    any_stand.repository("files")
    api = any_stand.admins
    answer = api.post(KEYS, {"name": "build", "expires": "2100-01-01T00:00:00Z"})
    assert answer.status == 201
    made = answer.json
    assert made["user"] == any_stand.admin.id
    assert made["expires"] == "2100-01-01T00:00:00Z"
    assert answer.headers["location"] == f"/api/keys/{made['id']}"
    assert answer.headers["cache-control"] == "no-store"
    shown = api.get(f"{KEYS}/{made['id']}")
    assert shown.json == {name: value for name, value in made.items() if name != "secret"}
    assert made["secret"] not in shown.text + api.get(KEYS).text
    client = any_stand.client.as_(basic("api-key", made["secret"]))
    assert client.get("/repositories/files/").status == 200
    assert api.delete(f"{KEYS}/{made['id']}").status == 204
    assert client.get("/repositories/files/").status == 401
    assert api.delete(f"{KEYS}/{made['id']}").status == 404


def test_everyone_makes_keys_for_himself_and_administrators_for_anyone(
    memory_stand: Stand,
) -> None:
    person, other = memory_stand.person(), memory_stand.person()
    client = memory_stand.client.as_(person.by_key)
    assert client.post(KEYS, {"name": "mine"}).json["user"] == person.id
    assert client.post(KEYS, {"name": "mine", "user": person.id}).status == 201
    assert client.post(KEYS, {"name": "another's", "user": other.id}).status == 404
    api = memory_stand.admins
    assert api.post(KEYS, {"name": "another's", "user": other.id}).json["user"] == other.id
    assert len(client.get(KEYS).json["keys"]) == 3
    assert client.get(f"{KEYS}?user={other.id}").status == 404
    assert client.get(f"{KEYS}?user=all").status == 403
    assert len(api.get(f"{KEYS}?user={other.id}").json["keys"]) == 2
    assert len(api.get(f"{KEYS}?user=all").json["keys"]) == 6
    theirs = api.get(f"{KEYS}?user={other.id}").json["keys"][0]["id"]
    assert client.get(f"{KEYS}/{theirs}").status == client.delete(f"{KEYS}/{theirs}").status == 404


@pytest.mark.parametrize(
    "fields, named",
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"user": 5}, "user"),
        ({"expires": "tomorrow"}, "expires"),
        ({"expires": "2100-01-01"}, "expires"),
        ({"expires": "2100-01-01T00:00:00"}, "expires"),
        ({"expires": "2001-01-01T00:00:00Z"}, "expires"),
        ({"expires": 4102444800}, "expires"),
        ({"expires": "9999-12-31T23:59:59-12:00"}, "expires"),
        ({"expires": "0001-01-01T00:00:00+12:00"}, "expires"),
        ({"scopes": ["files"]}, "scopes"),
        ({"scopes": {"files": ["all"]}}, "scopes"),
        ({"scopes": {"nowhere": ["read"]}}, "scopes"),
        ({"secret": "srk_mine"}, "secret"),
        ({"id": "mine"}, "id"),
    ],
)
def test_a_bad_field_of_a_key_is_422_and_named(
    memory_stand: Stand, fields: Mapping[str, Any], named: str
) -> None:
    memory_stand.repository("files")
    with nothing_stored(memory_stand):
        answer = memory_stand.admins.post(KEYS, {"name": "build", **fields})
    assert answer.status == 422
    assert answer.detail.startswith(f"'{named}' ")


def test_a_scope_names_only_what_its_maker_knows_of(memory_stand: Stand) -> None:
    """Names can't be tried out: what is hidden is answered as what is not there."""
    known, written = memory_stand.repository("known"), memory_stand.repository("written")
    memory_stand.repository("hidden")
    everything = ["read", "write", "delete"]
    person = memory_stand.person(grants={known.id: everything, written.id: ["write"]})
    reader = memory_stand.person("reader", grants={known.id: ["read"], written.id: ["write"]})
    narrow = memory_stand.person("admin", scopes={known.id: ["read"]})
    for who, hidden in (
        (person.by_key, ["hidden"]),
        (person.by_password, ["hidden"]),
        (reader.by_key, ["hidden", "written"]),
        (narrow.by_key, ["hidden", "written"]),
    ):
        client = memory_stand.client.as_(who)
        absent = client.post(KEYS, {"name": "x", "scopes": {"absent": ["read"]}})
        assert absent.status == 422
        for name in (*hidden, "No Name", "x" * 1000, ""):
            for scopes in ({name: ["read"]}, {name: ["fly"]}, {"known": ["read"], name: []}):
                with nothing_stored(memory_stand):
                    answer = client.post(KEYS, {"name": "x", "scopes": scopes})
                assert (answer.status, answer.detail) == (422, absent.detail), (who, scopes)
    for who, name in ((person, "known"), (person, "written"), (reader, "known")):
        client = memory_stand.client.as_(who.by_key)
        made = client.post(KEYS, {"name": "x", "scopes": {name: ["read"]}})
        assert made.status == 201
        assert made.json["scopes"] == {name: ["read"]}
    assert memory_stand.admins.post(KEYS, {"name": "x", "scopes": {"hidden": []}}).status == 201


def test_more_scopes_than_there_may_be_are_refused_without_a_look(memory_stand: Stand) -> None:
    scopes: dict[str, list[str]] = {f"r{n}": [] for n in range(501)}
    memory_stand.admins.get("/api/user")
    before = len(memory_stand.engine.made)
    assert memory_stand.admins.post(KEYS, {"name": "x", "scopes": scopes}).status == 422
    assert memory_stand.engine.made[before:] == ["get"], "who it is"


def test_a_key_with_scopes_is_told_of_itself_alone(memory_stand: Stand) -> None:
    """It lies in the settings of a build: nothing of a person, no other grant, no other key."""
    files, other = memory_stand.repository("files"), memory_stand.repository("other")
    person = memory_stand.person(
        grants={files.id: ["read", "write"], other.id: ["read"]}, scopes={files.id: ["read"]}
    )
    memory_stand.admins.post(KEYS, {"name": "a secret purpose", "user": person.id})
    client = memory_stand.client.as_(person.by_key)
    own = client.get("/api/user")
    assert own.json == {
        "id": person.id,
        "key": person.key_id,
        "scopes": {"files": ["read"]},
        "expires": None,
    }
    listed = client.get(KEYS)
    assert [key["id"] for key in listed.json["keys"]] == [person.key_id]
    assert listed.json["next"] is None
    assert client.get(f"{KEYS}?user={person.id}").json == listed.json
    assert client.get(f"{KEYS}/{person.key_id}").json == listed.json["keys"][0]
    assert client.get(f"{KEYS}?user=all").status == 403
    assert client.get(f"{KEYS}?user={memory_stand.admin.id}").status == 404
    whole = memory_stand.client.as_(person.by_password)
    for key in whole.get(KEYS).json["keys"]:
        if key["id"] != person.key_id:
            assert client.get(f"{KEYS}/{key['id']}").status == 404
            assert client.delete(f"{KEYS}/{key['id']}").status == 404
    assert client.get(f"{USERS}/{person.id}").status == 404
    assert whole.get("/api/user").json["email"] == person.email
    text = own.text + listed.text
    for hidden in ("example.org", "Somebody", "other", "a secret purpose", "write"):
        assert hidden not in text


def test_no_key_is_made_for_nobody(memory_stand: Stand) -> None:
    with nothing_stored(memory_stand):
        for user in ("a" * 16, "nobody", "", "..", "\ud800x"[1:] + "é"):
            assert memory_stand.admins.post(KEYS, {"name": "x", "user": user}).status == 404


def test_a_user_has_40_keys_at_most(memory_stand: Stand) -> None:
    client = memory_stand.admins
    for _ in range(39):
        assert client.post(KEYS, {"name": "one of many"}).status == 201
    assert client.post(KEYS, {"name": "one too many"}).status == 409
    first = client.get(f"{KEYS}?limit=2").json["keys"]
    spare = next(key["id"] for key in first if key["id"] != memory_stand.admin.key_id)
    assert client.delete(f"{KEYS}/{spare}").status == 204
    assert client.post(KEYS, {"name": "again"}).status == 201


@pytest.mark.parametrize(
    "given, shown",
    [
        ("2100-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
        ("2100-01-01t00:00:00z", "2100-01-01T00:00:00Z"),
        ("2100-01-01T00:00:00.123456789Z", "2100-01-01T00:00:00Z"),
        ("2100-01-01T00:00:00-00:00", "2100-01-01T00:00:00Z"),
        ("2100-01-01T05:30:00.5+05:30", "2100-01-01T00:00:00Z"),
        ("2100-12-31T23:59:60Z", "2100-12-31T23:59:59Z"),
        ("2100-12-31T15:59:60.9-08:00", "2100-12-31T23:59:59Z"),
        ("2100-W01-1T00:00:00Z", None),
        ("2100-W01-1T00:00Z", None),
        ("2100-001T00:00:00Z", None),
        ("21000101T000000Z", None),
        ("2100-01-01T000000Z", None),
        ("2100-01-01T00:00Z", None),
        ("2100-01-01T00Z", None),
        ("2100-01-01 00:00:00Z", None),
        ("2100-01-01T00:00:00,5Z", None),
        ("2100-01-01T00:00:00.Z", None),
        ("2100-01-01T00:00:00+0100", None),
        ("2100-01-01T00:00:00+01", None),
        ("2100-01-01T00:00:00+01:00:00", None),
        ("2100-01-01T00:00:00+24:00", None),
        ("2100-01-01T00:00:00", None),
        ("2100-01-01T24:00:00Z", None),
        ("2100-01-01T12:00:60Z", None),
        ("2100-12-31T23:59:61Z", None),
        ("2100-02-30T00:00:00Z", None),
        ("٢١٠٠-01-01T00:00:00Z", None),
        ("2100-01-01T00:00:00Z\n", None),
    ],
)
def test_a_time_is_one_of_rfc_3339(api: Client, given: str, shown: str | None) -> None:
    """Section 5.6, and nothing else that ISO 8601 knows; of a leap second the moment before it."""
    answer = api.post(KEYS, {"name": "build", "expires": given})
    if shown is None:
        assert (answer.status, answer.json["field"]) == (422, "expires")
        assert "2027-01-31T12:00:00Z" in answer.detail
    else:
        assert (answer.status, answer.json.get("expires")) == (201, shown)


# What is no JSON object


def _raw(api: Client, body: bytes, content_type: str | None = "application/json") -> Answer:
    headers = {} if content_type is None else {"Content-Type": content_type}
    return api.ask("POST", REPOSITORIES, body=body, headers=headers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"files"',
        b"5",
        b"{",
        b'{"name": "files"',
        b'{"name": "files"}}',
        b'{"name": "files"} {"name": "files"}',
        b"{'name': 'files'}",
        b'{"name": "files",}',
        b'{"name": NaN}',
        b'{"name": "files", "restore_days": Infinity}',
        b'{"name": "files", "restore_days": 1' + b"0" * 5000 + b"}",
        b'{"name": "\xff"}',
        b"\xff\xfe{\x00}\x00",
        b'\xef\xbb\xbf{"name": "files"}',
        b'{"name": "\xed\xa0\x80"}',
        b'[{"name": "files", "name": "other"}]',
        b'{"name": "a\x00b"}',
        b'{"name": ' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"name": ' + b'{"a":' * 30_000 + b"1" + b"}" * 30_000 + b"}",
        b"[" * 60_000,
        b"name=files",
    ],
)
def test_a_body_that_is_no_json_object_is_400(
    api: Client, memory_stand: Stand, body: bytes
) -> None:
    with nothing_stored(memory_stand):
        assert _raw(api, body).status in (400, 413)
        assert api.ask("PATCH", f"{USERS}/{memory_stand.admin.id}", body=body).status in (400, 413)


@pytest.mark.parametrize(
    "body, named",
    [
        (rb'{"name": "files", "name": "other"}', "name"),
        (rb'{"name": "files", "n\u0061me": "files"}', "name"),
        (rb'{"name": "files", "name": null}', "name"),
        (rb'{"name": "files", "": 1, "": 1}', ""),
        (rb'{"name": {"a": [{}, {"b": 1, "b": 1}]}}', "name.a[1].b"),
        (rb'{"name": "\ud800"}', "name"),
        (rb'{"name": "files", "format": ["raw", "\udc00x"]}', "format[1]"),
        (rb'{"name": "files", "a": {"b": "\ude00\ud83d"}}', "a.b"),
        (rb'{"\udfff": "files"}', r"\udfff"),
        (b'{"' + b"x" * 9_000 + b'": "\\ud800"}', "x" * 100),
    ],
)
def test_a_field_that_is_given_twice_or_is_no_unicode_is_422_and_named(
    api: Client, memory_stand: Stand, body: bytes, named: str
) -> None:
    with nothing_stored(memory_stand):
        for answer in (
            _raw(api, body),
            api.ask("PATCH", f"{USERS}/{memory_stand.admin.id}", body=body),
        ):
            assert (answer.status, answer.json["field"]) == (422, named)
            assert answer.detail.startswith(f"'{named}' ")


def test_a_pair_of_surrogates_is_a_character(api: Client) -> None:
    body = rb'{"email": "new@example.org", "role": "reader", "name": "\ud83d\ude00"}'
    answer = api.ask("POST", USERS, body=body)
    assert (answer.status, answer.json["name"]) == (201, "\U0001f600")


def test_a_body_past_64_kib_is_413_however_it_is_framed(api: Client, memory_stand: Stand) -> None:
    body = json.dumps({"name": "files", "format": "raw"}).encode() + b" " * 70_000
    with nothing_stored(memory_stand):
        assert _raw(api, body).status == 413
        assert api.ask("POST", REPOSITORIES, body=body, chunked=True).status == 413
    assert _raw(api, body[:65_536]).status == 201


@pytest.mark.parametrize(
    "content_type, status",
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ("Application/JSON", 201),
        (None, 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/jsonp", 415),
        ("application/json, text/plain", 415),
    ],
)
def test_a_form_of_another_site_is_no_json(
    api: Client, content_type: str | None, status: int
) -> None:
    assert _raw(api, b'{"name": "files"}', content_type).status == status


def test_names_of_any_script_are_kept_as_they_are(api: Client) -> None:
    name = 'Ärger "quoted" \\ \u202e \U0001f4e6 </script>'
    user = new_user(api, name=name)
    assert api.get(f"{USERS}/{user['id']}").json["name"] == name


READS = {
    "oneself": ("/api/user", 2),
    "a key": ("/api/keys/{key}", 2),
    "a user": ("/api/users/{user}", 2),
    "a repository": ("/api/repositories/r7", 2),  # with what it holds
    "users": ("/api/users", 3),
    "keys": ("/api/keys?user={user}", 4),
    "repositories": ("/api/repositories", 2),
}


@pytest.mark.parametrize("what", READS)
@pytest.mark.parametrize("repositories", [10, 60])
def test_a_read_of_the_api_costs_few_round_trips_however_much_there_is(
    memory_stand: Stand, what: str, repositories: int
) -> None:
    """Who asks comes with the first read, and names of repositories in one for a hundred."""
    target, reads = READS[what]
    made = [memory_stand.repository(f"r{n}") for n in range(repositories)]
    grants = {repository.id: ["read"] for repository in made}
    person = memory_stand.person("admin", grants)
    memory_stand.admins.post(
        KEYS, {"name": "x", "user": person.id, "scopes": {"r1": ["read"], "r2": ["read"]}}
    )
    client = memory_stand.client.as_(person.by_key)
    keys = client.get(KEYS).json["keys"]
    scoped = next(key["id"] for key in keys if key["scopes"] is not None)
    before = len(memory_stand.engine.made)
    answer = client.get(target.format(key=scoped, user=person.id))
    assert answer.status == 200
    assert len(memory_stand.engine.made) - before == reads


def test_names_are_found_past_what_one_read_holds(memory_stand: Stand) -> None:
    """Of 150 grants each is shown by its name, and those of what was deleted not at all."""
    names = [f"r{n:03}" for n in range(150)]
    for name in names:
        memory_stand.repository(name)
    user = new_user(memory_stand.admins)
    at = f"{USERS}/{user['id']}"
    given = {"repositories": {key: ["read"] for key in names}}
    assert memory_stand.admins.ask("PUT", f"{at}/permissions", json=given).status == 200
    assert memory_stand.admins.delete(f"{REPOSITORIES}/r001").status == 204
    shown = memory_stand.admins.get(at).json["permissions"]["repositories"]
    assert sorted(shown) == [name for name in names if name != "r001"]


CHANGES: dict[str, tuple[str, str, object, int]] = {
    "revoking a key": ("DELETE", "/api/keys/{key}", None, 1),
    "deleting a repository": ("DELETE", "/api/repositories/files", None, 1),
    "changing a repository": ("PATCH", "/api/repositories/files", {"public": True}, 1),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_reads_who_asks_and_what_it_changes_at_once(
    memory_stand: Stand, what: str
) -> None:
    method, target, body, reads = CHANGES[what]
    memory_stand.repository("files")
    person = memory_stand.person()
    memory_stand.admins.get("/api/user")
    before = len(memory_stand.engine.made)
    answer = memory_stand.admins.ask(method, target.format(key=person.key_id), json=body)
    assert answer.status < 300
    assert memory_stand.engine.made[before:] == ["get"] * reads + ["transact"]


def test_every_change_is_an_event_that_names_no_person(memory_stand: Stand) -> None:
    """Ids alone: neither an address, nor a name, nor an address in the key of a record."""
    api = memory_stand.admins
    api.post(REPOSITORIES, {"name": "files"})
    user = new_user(api, name="A Person", password="a long password")
    at = f"{USERS}/{user['id']}"
    api.patch(at, {"email": "renamed@example.org"})
    api.ask("PUT", f"{at}/permissions", json={"repositories": {"files": ["read"]}})
    key = api.post(KEYS, {"name": "secret purpose", "user": user["id"]}).json
    api.delete(f"{KEYS}/{key['id']}")
    api.delete(at)
    api.patch(f"{REPOSITORIES}/files", {"public": True})
    api.delete(f"{REPOSITORIES}/files")
    events = [r.value for r in memory_stand.records() if "#events#" in r.key.partition]
    assert sorted(event["action"] for event in events) == sorted(
        [
            "organization.create",
            "repository.create",
            "user.create",
            "user.update",
            "user.permissions",
            "key.create",
            "key.delete",
            "user.delete",
            "repository.update",
            "repository.delete",
        ]
    )
    text = json.dumps(events)
    for personal in ("example.org", "A Person", "secret purpose", "127.0.0.1"):
        assert personal not in text
    for event in events:
        if event["action"] != "organization.create":
            assert event["user"] == memory_stand.admin.id
            assert event["credential"] == memory_stand.admin.key_id
            assert event["request"]


def test_who_administers_a_repository_without_reading_it_makes_nothing_public(
    memory_stand: Stand,
) -> None:
    """He would read it then, and everybody with him."""
    repository = memory_stand.repository("files")
    assert memory_stand.admins.put("/repositories/files/secret", b"secret").status == 201
    every = {repository.id: ["read", "write", "delete", "claim", "admin"]}
    caretaker = memory_stand.person(grants={repository.id: ["admin"]})
    keeper = memory_stand.person(grants={repository.id: ["read", "admin"]})
    by_key = memory_stand.person(grants=every, scopes=every)
    of_admin = memory_stand.person("admin", scopes=every)
    at = f"{REPOSITORIES}/files"
    for person, said in ((caretaker, "read"), (by_key, "public"), (of_admin, "public")):
        client = memory_stand.client.as_(person.by_key)
        answer = client.patch(at, {"public": True, "overwrite": True})
        assert (answer.status, said in answer.detail) == (403, True)
        assert memory_stand.client.get("/public/repositories/files/secret").status != 200
        assert client.patch(at, {"overwrite": True}).status == 200
        assert client.patch(at, {"public": False}).status == 200
    assert memory_stand.client.as_(keeper.by_key).patch(at, {"public": True}).status == 200
    assert memory_stand.client.get("/public/repositories/files/secret").body == b"secret"


def test_who_administers_a_repository_takes_no_bounds_of_the_organization_away(
    memory_stand: Stand,
) -> None:
    repository = memory_stand.repository("files", audit_reads=True)
    at = f"{REPOSITORIES}/files"
    assert memory_stand.admins.patch(at, {"quota_bytes": 10}).status == 200
    every = {repository.id: ["read", "write", "delete", "claim", "admin"]}
    for person in (
        memory_stand.person(grants=every),
        memory_stand.person(grants=every, scopes=every),
        memory_stand.person("admin", scopes=every),
    ):
        client = memory_stand.client.as_(person.by_key)
        for rules in ({"quota_bytes": None}, {"quota_bytes": 11}, {"audit_reads": False}):
            answer = client.patch(at, {**rules, "overwrite": False})
            assert answer.status == 403
            assert "administrator of the organization" in answer.detail
        shown = client.patch(at, {"audit_reads": True, "restore_days": 3}).json
        assert (shown["quota_bytes"], shown["audit_reads"]) == (10, True)
        assert client.put("/repositories/files/big", b"x" * 11).status == 413


def test_history_tells_what_access_and_rules_became(memory_stand: Stand) -> None:
    admins = memory_stand.admins
    admins.post(REPOSITORIES, {"name": "files"})
    at = f"{REPOSITORIES}/files"
    repositories = keys.repositories(memory_stand.organization)
    (record,) = memory_stand.process.installation.metadata.query_all(repositories)
    id_ = record.value["id"]
    admins.patch(at, {"public": True, "restore_days": 3, "overwrite": False})
    admins.patch(at, {"public": False, "quota_bytes": 7, "audit_reads": True})
    rules = [{"match": "Jo Miller/**", "older_than_days": 9, "keep_newest": 2}]
    answer = admins.ask("PUT", f"{at}/retention", json={"rules": rules, "confirm": True})
    assert answer.status == 200
    new_user(admins, permissions={"repositories": {"files": ["read"], "a*": ["admin"]}})
    ends = "2099-12-31T00:00:00.000000Z"
    sent = {"name": "k", "scopes": {"files": ["read"]}, "expires": ends, "renewable": True}
    key = admins.post(KEYS, sent).json
    admins.patch(f"{KEYS}/{key['id']}", {"renewable": False, "name": "another"})
    rotated = admins.post(f"{KEYS}/{key['id']}/rotate", {}).json
    told = reversed(admins.get("/api/audit").json["events"])
    details = [one["details"] for one in told if one["action"] != "organization.create"]
    made, first, second, retention, user, created, changed, successor = details
    assert (made["public"], made["audit_reads"], made["quota_bytes"]) == (False, False, None)
    assert first == {"public": True, "restore_days": 3}
    assert second == {"public": False, "quota_bytes": 7, "audit_reads": True}
    # A pattern of paths may hold a name.
    assert retention == {
        "rules": [{"keep_newest": 2, "older_than_days": 9}],
        "confirmed": True,
    }
    assert user["permissions"] == {id_: ["read"], "a*": ["admin"]}
    what = {"scopes": {id_: ["read"]}, "owner": memory_stand.admin.id, "renewable": True}
    assert created == {"subject": key["id"], "expires": ends, **what}
    assert changed == {
        "subject": key["id"],
        "changed": ["name", "renewable"],
        "renewable": False,
    }
    lasts = successor.pop("expires")
    assert lasts.startswith(rotated["expires"][:19])
    rest = {"subject": key["id"], "successor": rotated["id"], "renewable": False}
    assert successor == {**what, **rest}
