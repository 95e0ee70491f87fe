"""SCIM over the whole application: who may what, and what others change."""

import pytest

from auth.scim_tokens import ScimTokens
from tests.http.provisioning import GROUP, USER, Provider, ids, provider
from tests.http.stand import Stand


@pytest.fixture
def at(memory_stand: Stand) -> Provider:
    return provider(memory_stand)


@pytest.fixture
def raising(memory_stand: Stand) -> Provider:
    """A provider that may raise administrators."""
    return provider(memory_stand, administrators=True)


def test_a_token_opens_scim_and_nothing_else(memory_stand: Stand, at: Provider) -> None:
    assert at.get("/Users").status == 200
    for path, status in (
        ("/api/user", 403),
        ("/api/users", 403),
        ("/repositories/x/y", 404),
        ("/scim/v2/Me", 403),
    ):
        assert at.client.get(path).status == status, path
    for client in (memory_stand.admins, memory_stand.client.as_(memory_stand.person().by_key)):
        assert Provider(client).get("/Users").status == 403
    assert Provider(memory_stand.client).get("/Users").status == 401


def test_of_two_tokens_one_ends_and_the_other_goes_on(memory_stand: Stand, at: Provider) -> None:
    installation = memory_stand.process.installation
    tokens = ScimTokens(installation.recent, installation.journal)
    second = provider(memory_stand)
    tokens.delete(memory_stand.operator, tokens.list(memory_stand.operator)[0].id)
    statuses = {at.get("/Users").status, second.get("/Users").status}
    assert statuses == {200, 401}


def test_of_another_organization_nothing_is_told(memory_stand: Stand, at: Provider) -> None:
    other = memory_stand.another_organization("other")
    there = provider(other)
    user, group = there.user("ada", externalId="1"), there.group("builders", externalId="1")
    before = memory_stand.dump()
    for path, id_ in (("/Users", user["id"]), ("/Groups", group["id"])):
        assert at.get(f"{path}/{id_}").status == 404
        assert at.delete(f"{path}/{id_}").status == 404
        assert (
            at.patch(f"{path}/{id_}", {"op": "add", "path": "externalId", "value": "2"}).status
            == 404
        )
        for filter_ in (f'id eq "{id_}"', 'externalId eq "1"', "externalId pr and meta.version pr"):
            assert at.get(path, filter=filter_).json["totalResults"] == 0
    answer = at.post(
        "/Groups", {"schemas": [GROUP], "displayName": "g", "members": [{"value": user["id"]}]}
    )
    assert answer.status == 400
    assert memory_stand.dump() == before
    assert at.user("ada", externalId="1")["userName"] == "ada"  # names are each organization's own


def test_a_token_raises_administrators_only_with_that_right(
    memory_stand: Stand, at: Provider, raising: Provider
) -> None:
    roles = [{"value": "admin"}]
    assert at.post("/Users", {"schemas": [USER], "userName": "eve", "roles": roles}).status == 403
    user = at.user("ada")
    raise_ = {"op": "add", "path": "roles", "value": roles}
    assert at.patch(f"/Users/{user['id']}", raise_).status == 403
    assert raising.patch(f"/Users/{user['id']}", raise_).status == 200
    assert raising.get(f"/Users/{user['id']}").json["roles"] == roles
    for change in (
        {"op": "replace", "path": "emails", "value": [{"value": "eve@example.net"}]},
        {"op": "replace", "path": "password", "value": "another password than that"},
        {"op": "replace", "path": "userName", "value": "eve"},
        {"op": "remove", "path": "roles"},
    ):
        assert at.patch(f"/Users/{user['id']}", change).status == 403, change
    assert at.delete(f"/Users/{user['id']}").status == 403
    off = {"op": "replace", "path": "active", "value": False}
    assert at.patch(f"/Users/{user['id']}", off).status == 200
    assert at.patch(f"/Users/{user['id']}", {**off, "value": True}).status == 403
    assert raising.delete(f"/Users/{user['id']}").status == 204


@pytest.mark.parametrize("changes", [{}, {"name": "Another"}, {"email": "new@example.org"}])
def test_any_token_disables_an_administrator_whom_people_made(
    memory_stand: Stand, at: Provider, changes: dict[str, str]
) -> None:
    person = memory_stand.person(role="admin")
    path = f"/Users/{person.id}"
    if changes:
        assert memory_stand.admins.patch(f"/api/users/{person.id}", changes).status == 200
    put = {k: v for k, v in at.get(path).json.items() if k != "meta"} | {"active": False}
    enabled = {"active": True}
    for disable in (
        lambda: at.patch(path, {"op": "replace", "value": {"active": False}}),
        lambda: at.put(path, put),
    ):
        assert disable().status == 200
        assert memory_stand.client.as_(person.by_key).get("/api/user").status == 401
        assert memory_stand.admins.patch(f"/api/users/{person.id}", enabled).status == 200
    assert at.patch(path, {"op": "add", "path": "title", "value": "x"}).status == 403


def test_a_provider_that_tells_all_it_knows_disables_an_administrator_and_no_more(
    memory_stand: Stand, at: Provider
) -> None:
    person = memory_stand.person(role="admin")
    path = f"/Users/{person.id}"
    before = at.get(path).json
    put = {
        "schemas": [USER],
        "userName": "another",
        "externalId": "00u1",
        "password": "another password than that",
        "active": False,
    }
    after = at.put(path, put)
    assert after.status == 200
    kept = {name: value for name, value in before.items() if name != "meta"} | {"active": False}
    assert {name: value for name, value in after.json.items() if name != "meta"} == kept
    assert memory_stand.client.as_(person.by_key).get("/api/user").status == 401


def test_a_role_is_known_within_an_object_that_is_written_as_a_text(
    memory_stand: Stand, at: Provider
) -> None:
    """So does Entra ID send it where it is not told to keep to the RFC."""
    for text, role in (
        ('{"id": "1", "value": "Reader", "displayName": "R"}', "reader"),
        ('{"value": 7}', "developer"),
        ("{", "developer"),
    ):
        user = at.user(f"user-{len(text)}", roles=[{"value": text}])
        assert user["roles"] == [{"value": text}]
        shown = memory_stand.admins.get(f"/api/users/{user['id']}").json
        assert shown["role"] == role


def test_no_token_touches_the_first_administrator(memory_stand: Stand, raising: Provider) -> None:
    path = f"/Users/{memory_stand.admin.id}"
    second = raising.user("second", roles=[{"value": "admin"}])
    before = memory_stand.dump()
    for change in (
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "path": "password", "value": "another password than that"},
        {"op": "replace", "path": "emails", "value": [{"value": "eve@example.net"}]},
        {"op": "replace", "path": "displayName", "value": "Eve"},
        {"op": "add", "path": "roles", "value": [{"value": "reader"}]},
    ):
        if change["path"] != "roles":
            assert raising.patch(path, change).status == 403, change
    demoted = [{"value": "reader"}]
    assert raising.patch(path, {"op": "replace", "path": "roles", "value": demoted}).status == 403
    assert raising.delete(path).status == 403
    assert memory_stand.dump() == before
    assert raising.get(path).json["userName"] == memory_stand.admin.email
    assert raising.delete(f"/Users/{second['id']}").status == 204


def test_a_user_sees_himself_by_his_own_credential(memory_stand: Stand, at: Provider) -> None:
    person = memory_stand.person()
    group = at.group("builders", person.id)
    for credential in (person.by_key, person.by_password):
        answer = memory_stand.client.as_(credential).get("/scim/v2/Me")
        assert (answer.status, answer.json["id"]) == (200, person.id)
        assert [one["value"] for one in answer.json["groups"]] == [group["id"]]
        assert answer.headers["content-location"] == answer.json["meta"]["location"]
    narrow = memory_stand.person(scopes={})
    assert memory_stand.client.as_(narrow.by_key).get("/scim/v2/Me").status == 403
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        assert memory_stand.admins.ask(method, "/scim/v2/Me").status == 405


def test_what_people_change_themselves_is_shown_and_kept(memory_stand: Stand, at: Provider) -> None:
    user = at.user(
        "ada@example.com", displayName="Ada", emails=[{"value": "a@example.com", "type": "home"}]
    )
    path = f"/Users/{user['id']}"
    admins = memory_stand.admins
    changes = {"name": "Countess", "email": "b@example.com", "role": "reader"}
    assert admins.patch(f"/api/users/{user['id']}", changes).status == 200
    shown = at.get(path).json
    assert shown["displayName"] == "Countess"
    assert shown["emails"] == [{"value": "b@example.com", "type": "home"}]
    assert shown["roles"] == [{"value": "reader"}]
    assert shown["userName"] == "ada@example.com"
    at.patch(path, {"op": "add", "path": "title", "value": "x"})
    put = {"schemas": [USER], "userName": "ada@example.com", "displayName": "Countess"}
    assert at.put(path, put).status == 200
    user_json = admins.get(f"/api/users/{user['id']}").json
    assert (user_json["name"], user_json["role"]) == ("Countess", "reader")


def test_who_was_made_elsewhere_can_be_taken_over(memory_stand: Stand, at: Provider) -> None:
    person = memory_stand.person(role="reader")
    found = at.get("/Users", filter=f'userName eq "{person.email}"').json["Resources"][0]
    assert found["id"] == person.id
    assert found["emails"] == [{"value": person.email, "type": "work", "primary": True}]
    put = {**{k: v for k, v in found.items() if k != "meta"}, "externalId": "00u1", "title": "x"}
    assert at.put(f"/Users/{person.id}", put).status == 200
    assert ids(at.get("/Users", filter='externalId eq "00u1"')) == [person.id]
    assert memory_stand.client.as_(person.by_key).get("/api/user").json["role"] == "reader"


def test_every_change_is_told_with_the_token(memory_stand: Stand, at: Provider) -> None:
    user = at.user("ada")
    group = at.group("builders")
    member = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    at.patch(f"/Groups/{group['id']}", member)
    at.patch(f"/Users/{user['id']}", {"op": "replace", "path": "active", "value": False})
    at.delete(f"/Groups/{group['id']}")
    at.delete(f"/Users/{user['id']}")
    events = memory_stand.admins.get("/api/audit?limit=50").json["events"]
    told = [
        one["action"] for one in events if one["credential"] == at.get("/Users").context.credential
    ]
    for action in ("user.create", "group.create", "group.members", "user.update"):
        assert action in told
    assert {"group.delete", "user.delete"} <= set(told)
