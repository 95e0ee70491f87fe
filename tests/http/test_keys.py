"""API keys over HTTP: rotation, names, last use, and secrets that are shown once."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.http.client import Client, basic, bearer
from tests.http.distributed import outsider
from tests.http.signed_in import enrol, in_session
from tests.http.stand import Stand

HOUR = timedelta(hours=1)


def rotated(client: Client, key_id: str, **fields: object) -> tuple[str, str]:
    """The id of a key's successor, and its secret."""
    answer = client.post(f"/api/keys/{key_id}/rotate", fields)
    assert answer.status == 201, answer.body
    assert answer.headers["location"] == f"/api/keys/{answer.json['id']}"
    return answer.json["id"], answer.json["secret"]


def test_a_machine_rotates_its_key_without_anybody(any_stand: Stand) -> None:
    files = any_stand.repository("files")
    grants = {files.id: ["read", "write"]}
    person = any_stand.person(grants=grants, scopes=grants)
    machine = any_stand.client.as_(person.by_key)
    new_id, secret = rotated(machine, person.key_id)
    new = any_stand.client.as_(bearer(secret))
    assert new.put("/repositories/files/x", b"x").status == 201
    assert machine.get("/repositories/files/x").status == 200  # until the overlap is over
    shown = any_stand.admins.get(f"/api/keys/{person.key_id}").json
    assert shown["successor"] == new_id
    assert shown["expires"] is not None
    assert machine.post(f"/api/keys/{person.key_id}/rotate", {}).status == 409
    assert new.get("/api/user").json["scopes"] == {"files": ["read", "write"]}


def test_a_key_that_ends_with_its_rotation_is_worth_nothing_at_once(any_stand: Stand) -> None:
    person = any_stand.person()
    machine = any_stand.client.as_(person.by_key)
    assert machine.get("/api/user").status == 200
    rotated(machine, person.key_id, overlap_hours=0)
    assert machine.get("/api/user").status == 401
    other = any_stand.another_process().client.at(any_stand.host).as_(person.by_key)
    assert other.get("/api/user").status == 401


def test_a_rotation_without_a_body_is_one_with_a_day_of_overlap(memory_stand: Stand) -> None:
    person = memory_stand.person()
    machine = memory_stand.client.as_(person.by_key)
    before = datetime.now(UTC)
    assert machine.ask("POST", f"/api/keys/{person.key_id}/rotate", body=b"").status == 201
    ends = datetime.fromisoformat(machine.get(f"/api/keys/{person.key_id}").json["expires"])
    assert timedelta(hours=23, minutes=59) < ends - before < timedelta(hours=24, minutes=1)


@pytest.mark.parametrize(
    "fields, named",
    [
        ({"overlap_hours": -1}, "overlap_hours"),
        ({"overlap_hours": 721}, "overlap_hours"),
        ({"overlap_hours": "1"}, "overlap_hours"),
        ({"overlap_hours": 1.5}, "overlap_hours"),
        ({"expires": "2020-01-01T00:00:00Z"}, "expires"),
        ({"expires": "soon"}, "expires"),
        ({"name": "x"}, "name"),
    ],
)
def test_a_rotation_that_makes_no_sense_changes_nothing(
    memory_stand: Stand, fields: dict[str, object], named: str
) -> None:
    person = memory_stand.person()
    before = memory_stand.dump()
    answer = memory_stand.client.as_(person.by_key).post(
        f"/api/keys/{person.key_id}/rotate", fields
    )
    assert (answer.status, answer.json["field"]) == (422, named)
    assert memory_stand.dump() == before


def test_a_key_with_scopes_rotates_no_other(memory_stand: Stand) -> None:
    files = memory_stand.repository("files")
    narrow = memory_stand.person("admin", scopes={files.id: ["read"]})
    other = memory_stand.person("developer")
    client = memory_stand.client.as_(narrow.by_key)
    for key_id in (other.key_id, memory_stand.admin.key_id, "a" * 32, "count"):
        assert client.post(f"/api/keys/{key_id}/rotate", {}).status == 404
    assert client.patch(f"/api/keys/{narrow.key_id}", {"name": "x"}).status == 403


def test_revoking_a_key_ends_what_it_made_of_itself_in_every_process(any_stand: Stand) -> None:
    """Whoever found it may have rotated it before its owner knew."""
    person = any_stand.person()
    thief = any_stand.client.as_(person.by_key)
    _, secret = rotated(thief, person.key_id)
    elsewhere = any_stand.another_process().client.at(any_stand.host).as_(bearer(secret))
    assert elsewhere.get("/api/user").status == 200
    owner = any_stand.client.as_(person.by_password)
    assert owner.delete(f"/api/keys/{person.key_id}").status == 204
    assert elsewhere.get("/api/user").status == 401


def test_the_last_use_of_a_key_is_told_to_the_hour(any_stand: Stand) -> None:
    files = any_stand.repository("files")
    person = any_stand.person(grants={files.id: ["read"]})
    at = f"/api/keys/{person.key_id}"
    assert any_stand.admins.get(at).json["last_used"] is None
    assert any_stand.client.as_(person.by_key).get("/repositories/files/").status == 200
    assert any_stand.process.uses.flush() == 2  # the administrator's, too
    used = datetime.fromisoformat(any_stand.admins.get(at).json["last_used"])
    now = datetime.now(UTC)
    assert (used.minute, used.second) == (0, 0)
    assert now - HOUR < used <= now
    for listing in ("/api/keys?user=all", f"/api/keys?user={person.id}"):
        listed = {key["id"]: key for key in any_stand.admins.get(listing).json["keys"]}
        assert listed[person.key_id]["last_used"] is not None


def test_a_key_that_is_refused_was_not_used(memory_stand: Stand) -> None:
    person = memory_stand.person(active=False)
    assert memory_stand.client.as_(person.by_key).get("/api/user").status == 401
    assert memory_stand.process.uses.flush() == 0


def test_a_key_keeps_what_it_is_under_another_name(any_stand: Stand) -> None:
    person = any_stand.person()
    client = any_stand.client.as_(person.by_key)
    changed = client.patch(f"/api/keys/{person.key_id}", {"name": "nightly builds"})
    assert (changed.status, changed.json["name"]) == (200, "nightly builds")
    assert client.get(f"/api/keys/{person.key_id}").json["name"] == "nightly builds"
    assert client.patch(f"/api/keys/{person.key_id}", {}).json == changed.json
    answer = client.patch(f"/api/keys/{person.key_id}", {"name": ""})
    assert (answer.status, answer.json["field"]) == (422, "name")


def test_no_listing_and_no_change_shows_a_secret(memory_stand: Stand) -> None:
    """The answers that make a key or token tell its secret; none of the others does, ever."""
    admins, stand = memory_stand.admins, memory_stand
    files = stand.repository("files")
    one = outsider(stand, files.id)
    secrets = [stand.admin.key, one.key]
    made = admins.post("/api/keys", {"name": "x"}).json
    tokens = [admins.post("/api/scim-tokens", {"name": "x"}).json]
    secrets += [made["secret"], tokens[0]["secret"]]
    secrets.append(rotated(admins, made["id"])[1])
    rotation = admins.post(f"/api/scim-tokens/{tokens[0]['id']}/rotate", {}).json
    access = admins.post(f"/api/subscribers/{one.id}/keys", {"name": "x"}).json
    secrets += [rotation["secret"], access["secret"]]
    told = b""
    for method, target, fields in (
        ("GET", "/api/keys?user=all", None),
        ("GET", "/api/keys", None),
        ("GET", f"/api/keys/{made['id']}", None),
        ("PATCH", f"/api/keys/{made['id']}", {"name": "y"}),
        ("GET", "/api/scim-tokens", None),
        ("GET", "/api/subscribers", None),
        ("GET", f"/api/subscribers/{one.id}", None),
        ("GET", f"/api/subscribers/{one.id}/keys", None),
        ("PATCH", f"/api/subscribers/{one.id}", {"name": "y"}),
        ("GET", f"/api/subscriber-groups/{one.group}/members", None),
        ("GET", "/api/audit", None),
        ("POST", f"/api/keys/{made['id']}/rotate", {}),  # rotated before
    ):
        answer = admins.ask(method, target, json=fields)
        assert answer.status in (200, 409), (method, target)
        told += answer.body
    told += json.dumps([str(record) for record in stand.records()]).encode()
    told += stand.process.metrics.render().encode()
    assert len(set(secrets)) == 7
    for secret in secrets:
        assert secret.encode() not in told
        assert secret[4:-6].encode() not in told


def test_a_scim_token_opens_nothing_but_what_it_is_for(any_stand: Stand) -> None:
    any_stand.repository("files", public=True)
    secret = any_stand.admins.post("/api/scim-tokens", {"name": "idp"}).json["secret"]
    client = any_stand.client.as_(bearer(secret))
    for target in ("/api/user", "/api/users", "/metrics", "/api/scim-tokens", "/api/search"):
        assert client.get(target).status == 403
    for target in ("/repositories/files/", "/repositories/files/x", "/repositories/none/"):
        assert client.get(target).status == 404
    assert client.put("/repositories/files/x", b"x").status == 404
    for authorization in (basic("api-key", secret), basic("__token__", secret)):
        assert any_stand.client.as_(authorization).get("/api/user").status == 401, "it is no key"


def test_a_scim_token_is_revoked_and_rotated(any_stand: Stand) -> None:
    admins = any_stand.admins
    made = admins.post("/api/scim-tokens", {"name": "idp"}).json
    assert admins.get("/api/scim-tokens").json["tokens"] == [
        {name: made[name] for name in made if name != "secret"}
    ]
    at = f"/api/scim-tokens/{made['id']}"
    new = admins.post(f"{at}/rotate", {"overlap_hours": 0}).json
    assert any_stand.client.as_(bearer(made["secret"])).get("/api/user").status == 401
    assert any_stand.client.as_(bearer(new["secret"])).get("/api/user").status == 403
    assert admins.post(f"{at}/rotate", {}).status == 409
    elsewhere = any_stand.another_process().client.at(any_stand.host).as_(bearer(new["secret"]))
    assert elsewhere.get("/api/user").status == 403
    assert admins.delete(f"/api/scim-tokens/{new['id']}").status == 204
    assert elsewhere.get("/api/user").status == 401
    assert admins.delete(f"/api/scim-tokens/{new['id']}").status == 404
    page = admins.get("/api/scim-tokens?limit=1").json
    assert [token["id"] for token in page["tokens"]] == [made["id"]]


def test_a_key_that_ends_opens_no_way_in_that_outlasts_it(memory_stand: Stand) -> None:
    """Who found an administrator's key is out when it ends."""
    ends = datetime.now(UTC) + HOUR
    admin, person = memory_stand.person("admin", expires=ends), memory_stand.person()
    off, lasting = memory_stand.person(active=False), memory_stand.person("admin")
    guarded = in_session(memory_stand, person)
    enrol(guarded, person)
    invited = {"email": "invited@example.org", "role": "reader"}
    user = memory_stand.admins.post("/api/users", invited).json["id"]
    at = f"/api/users/{person.id}"
    strong = "an entirely other phrase"
    new = {"email": "new@example.org", "role": "developer"}
    refused = [
        ("PATCH", at, {"password": strong}),
        ("PATCH", at, {"email": "mine@example.org"}),
        ("PATCH", at, {"role": "admin"}),
        ("PATCH", f"/api/users/{off.id}", {"active": True}),
        ("POST", "/api/users", {**new, "password": strong}),
        ("POST", "/api/users", {**new, "role": "admin"}),
        ("POST", "/api/users", {**new, "invite": True}),
        ("POST", f"/api/users/{user}/invitation", {}),
        ("DELETE", f"{at}/second-factor", None),
        ("PATCH", "/api/organization", {"second_factor": "optional"}),
    ]
    client = memory_stand.client.as_(admin.by_key)
    assert client.get("/api/users").status == 200
    before = memory_stand.dump().records
    for method, target, body in refused:
        answer = client.ask(method, target, json=body)
        assert (answer.status, "outlast the key" in answer.detail) == (403, True), (target, body)
    assert memory_stand.dump().records == before
    # What opens nothing it may do: end access, name people, make users who cannot come in.
    allowed = [
        ("PATCH", at, {"active": False, "name": "Him", "role": "reader"}),
        ("POST", "/api/users", new),
        ("PUT", f"{at}/permissions", {"repositories": {"*": ["read"]}}),
    ]
    for method, target, body in allowed:
        assert client.ask(method, target, json=body).status in (200, 201), target
    by_lasting = memory_stand.client.as_(lasting.by_key)
    for method, target, body in refused[:3]:
        assert by_lasting.ask(method, target, json=body).status == 200


def test_whether_a_token_may_make_administrators_is_said_at_the_making(
    memory_stand: Stand,
) -> None:
    admins = memory_stand.admins
    plain = admins.post("/api/scim-tokens", {"name": "plain"}).json
    strong = admins.post("/api/scim-tokens", {"name": "strong", "administrators": True}).json
    rotated = admins.post(f"/api/scim-tokens/{strong['id']}/rotate", {}).json
    found = admins.get("/api/scim-tokens").json["tokens"]
    assert {one["id"]: one["administrators"] for one in found} == {
        plain["id"]: False, strong["id"]: True, rotated["id"]: True,
    }  # fmt: skip
    wrong = admins.post("/api/scim-tokens", {"name": "x", "administrators": "true"})
    assert wrong.status == 422
