"""Subscribers: what they read and nothing else, how that ends, and what is counted of it."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from app.repositories import Format
from auth.api_keys import ApiKeys
from storage import keys
from storage.metadata import Put
from tests.http.client import Answer, Client, basic, bearer
from tests.http.distributed import Outsider, outsider
from tests.http.stand import Process, Stand
from tests.python.building import wheel

DATA = b"the bytes of a release"
AT = "/repositories/releases/app/1.0.tar"


@pytest.fixture
def depot(any_stand: Stand) -> Stand:
    """A repository `releases` with a file, and one `inner`."""
    any_stand.repository("releases")
    any_stand.repository("inner")
    for name in ("releases", "inner"):
        assert any_stand.admins.put(f"/repositories/{name}/app/1.0.tar", DATA).status == 201
    return any_stand


@pytest.fixture
def quick(memory_stand: Stand) -> Stand:
    memory_stand.repository("releases")
    memory_stand.repository("inner")
    assert memory_stand.admins.put(AT, DATA).status == 201
    assert memory_stand.admins.put("/repositories/inner/x", DATA).status == 201
    return memory_stand


def id_of(stand: Stand, name: str) -> str:
    for record in stand.records():
        if record.key.partition == keys.repositories(stand.organization) and (
            record.key.sort == name
        ):
            found: str = record.value["id"]
            return found
    raise LookupError(name)


def reader(stand: Stand, *names: str) -> tuple[Outsider, Client]:
    """A subscriber of these repositories, and a client with his key."""
    one = outsider(stand, *(name if "*" in name else id_of(stand, name) for name in names))
    return one, stand.client.as_(one.by_key)


def record_of(stand: Stand, key: keys.Key) -> dict[str, object]:
    return dict(stand.process.installation.metadata.get(key)[key].value)


def rewrite(stand: Stand, key: keys.Key, **fields: object) -> None:
    """Change a record by hand; None takes a field out of it."""
    value = record_of(stand, key) | fields
    value = {name: given for name, given in value.items() if given is not None or name != "owner"}
    stand.process.installation.recent.commit(Put(key, value))


# What he reads


def test_a_subscriber_reads_what_his_group_gives_and_knows_of_nothing_else(depot: Stand) -> None:
    _, client = reader(depot, "releases")
    assert client.get(AT).body == DATA
    assert client.head(AT).status == 200
    listed = client.get("/repositories/releases/app/")
    assert [one["name"] for one in listed.json["entries"]] == ["1.0.tar"]
    hidden, absent = (
        client.get(f"/repositories/{name}/app/1.0.tar") for name in ("inner", "inner2")
    )
    assert (hidden.status, absent.status) == (404, 404)
    assert _told(hidden) == _told(absent)


def test_a_subscriber_changes_nothing(quick: Stand) -> None:
    _, client = reader(quick, "*")
    before = quick.dump()
    for method, target in (
        ("PUT", AT),
        ("PUT", "/repositories/releases/new"),
        ("DELETE", AT),
        ("DELETE", "/repositories/releases/app/?recursive=true"),
        ("POST", "/repositories/releases/new?uploads"),
    ):
        body = b"x" if method == "PUT" else b""
        assert client.ask(method, target, body=body).status == 403, target
    assert quick.dump() == before


def test_who_published_is_not_told_to_subscribers(quick: Stand) -> None:
    _, client = reader(quick, "releases")
    for accept in ("application/json", "text/html"):
        page = client.get("/repositories/releases/app/", headers={"Accept": accept})
        assert page.status == 200
        assert quick.admin.id not in page.text
        assert quick.admin.email not in page.text
    answer = client.get(AT)
    assert quick.admin.id not in f"{answer.headers}"


def test_a_subscriber_has_no_api_and_no_session(quick: Stand) -> None:
    one, client = reader(quick, "*")
    for method, target in (
        ("GET", "/api/user"),
        ("GET", "/api/search"),
        ("GET", "/api/repositories"),
        ("GET", "/api/repositories/releases"),
        ("GET", f"/api/subscribers/{one.id}"),
        ("GET", f"/api/users/{one.id}"),
        ("GET", f"/api/keys/{one.key_id}"),
        ("POST", f"/api/keys/{one.key_id}/rotate"),
        ("GET", "/api/jobs"),
        ("GET", "/metrics"),
        ("GET", "/auth/sessions"),
    ):
        answer = client.ask(method, target, json={} if method == "POST" else None)
        assert answer.status == 403, target
        assert "subscriber" in answer.detail


def test_a_group_by_pattern_gives_what_comes_later_too(quick: Stand) -> None:
    _, client = reader(quick, "team-*")
    assert client.get(AT).status == 404
    quick.repository("team-a")
    assert quick.admins.put("/repositories/team-a/x", DATA).status == 201
    assert client.get("/repositories/team-a/x").body == DATA


def test_a_subscriber_installs_from_a_python_repository(quick: Stand) -> None:
    quick.repository("pypi", Format.PYTHON)
    path = "/repositories/pypi/files/app/app-1.0-py3-none-any.whl"
    assert quick.admins.put(path, wheel("app")).status == 201
    _, client = reader(quick, "pypi")
    index = client.get("/repositories/pypi/simple/app/", headers={"Accept": "text/html"})
    assert index.status == 200
    assert client.get(path).status == 200
    assert client.get("/repositories/pypi/simple/").status == 200


# How it ends


def _ended(depot: Stand, one: Outsider, *, after: float = 11) -> None:
    """In the process that did it at once, and in another within 10 s."""
    here, there = depot.process, depot.processes[1]
    assert here.client.at(depot.host).as_(one.by_key).get(AT).status in (401, 404)
    depot.clock.now += after
    assert there.client.at(depot.host).as_(one.by_key).get(AT).status in (401, 404)


def _warm(depot: Stand) -> tuple[Outsider, Process]:
    """A subscriber whom two processes have just served."""
    one, client = reader(depot, "releases")
    other = depot.another_process()
    assert client.get(AT).status == 200
    assert other.client.at(depot.host).as_(one.by_key).get(AT).status == 200
    return one, other


def test_who_is_suspended_reads_nothing_and_later_again(depot: Stand) -> None:
    one, _ = _warm(depot)
    at = f"/api/subscribers/{one.id}"
    assert depot.admins.patch(at, {"active": False}).json["active"] is False
    _ended(depot, one)
    assert depot.admins.patch(at, {"active": True}).status == 200
    assert depot.client.as_(one.by_key).get(AT).status == 200


def test_a_deleted_subscriber_takes_his_keys_with_him(depot: Stand) -> None:
    one, _ = _warm(depot)
    assert depot.admins.delete(f"/api/subscribers/{one.id}").status == 204
    _ended(depot, one)
    assert depot.admins.get(f"/api/keys/{one.key_id}").status == 404
    left = [record.key for record in depot.records() if one.id in f"{record.key}"]
    assert left == []
    members = depot.admins.get(f"/api/subscriber-groups/{one.group}/members").json["members"]
    assert members == []


def test_who_is_taken_out_of_a_group_reads_nothing_of_it(depot: Stand) -> None:
    one, _ = _warm(depot)
    at = f"/api/subscriber-groups/{one.group}/members/{one.id}"
    assert depot.admins.delete(at).status == 204
    _ended(depot, one)
    assert depot.admins.delete(at).status == 404
    assert depot.admins.put(at).status == 204
    assert depot.admins.put(at).status == 204  # again
    assert depot.client.as_(one.by_key).get(AT).status == 200


def test_a_group_that_is_deleted_gives_nothing_and_leaves_nothing(depot: Stand) -> None:
    one, _ = _warm(depot)
    at = f"/api/subscriber-groups/{one.group}"
    assert depot.admins.delete(at).status == 204
    _ended(depot, one)
    assert depot.admins.get(f"/api/subscribers/{one.id}").json["groups"] == []
    assert depot.admins.delete(at).status == 404
    assert not any(one.group in f"{record.key}" for record in depot.records())


def test_a_group_that_gives_something_else_gives_the_former_no_more(depot: Stand) -> None:
    one, _ = _warm(depot)
    at = f"/api/subscriber-groups/{one.group}"
    changed = depot.admins.patch(at, {"repositories": ["inner", "team-*"]})
    assert changed.json["repositories"] == ["inner", "team-*"]
    _ended(depot, one)
    assert depot.client.as_(one.by_key).get("/repositories/inner/app/1.0.tar").body == DATA


def test_a_revoked_key_is_one_of_several(depot: Stand) -> None:
    one, client = reader(depot, "releases")
    at = f"/api/subscribers/{one.id}/keys"
    other = depot.admins.post(at, {"name": "another"}).json
    assert depot.admins.delete(f"{at}/{one.key_id}").status == 204
    assert client.get(AT).status == 401
    assert depot.client.as_(bearer(other["secret"])).get(AT).status == 200
    assert depot.admins.delete(f"{at}/{depot.admin.key_id}").status == 404
    assert depot.admins.get("/api/user").status == 200


def test_an_administrator_rotates_a_subscribers_key(depot: Stand) -> None:
    one, client = reader(depot, "releases")
    new = depot.admins.post(f"/api/keys/{one.key_id}/rotate", {"overlap_hours": 0}).json
    assert (new["owner"], new["user"]) == ("subscriber", one.id)
    assert client.get(AT).status == 401
    assert depot.client.as_(basic("__token__", new["secret"])).get(AT).status == 200


@pytest.mark.parametrize("what", ["subscriber", "key"])
def test_what_has_an_end_is_worth_nothing_then(quick: Stand, what: str) -> None:
    """By a clock that moves: both end, whichever comes first."""
    soon = datetime.now(UTC) + timedelta(seconds=30)
    at, later = quick.process.installation, soon + timedelta(days=1)
    one = outsider(quick, id_of(quick, "releases"), expires=soon if what == "subscriber" else later)
    made = ApiKeys(at.recent, at.journal).create(
        quick.operator,
        name="x",
        user_id=one.id,
        owner="subscriber",
        expires=soon if what == "key" else later,
    )
    client = quick.client.as_(bearer(made.secret.text))
    answer = client.get(AT)
    assert answer.status == 200
    claim, before = answer.context.claim, answer.context.principal
    assert before is not None
    assert before.expires == soon
    object.__setattr__(claim, "clock", lambda: soon)
    assert client.get(AT).status == 401


# Who manages it


def test_subscribers_are_listed_shown_and_changed(any_stand: Stand) -> None:
    admins = any_stand.admins
    group = admins.post("/api/subscriber-groups", {"name": "releases"}).json
    made = admins.post(
        "/api/subscribers",
        {"name": "Customer", "contact": "ops@customer.example", "groups": [group["id"]]},
    )
    assert made.status == 201
    at = made.headers["location"]
    assert at == f"/api/subscribers/{made.json['id']}"
    assert admins.get(at).json == made.json
    ends = "2100-01-01T00:00:00Z"
    changed = admins.patch(at, {"expires": ends, "name": "Client", "groups": []}).json
    assert (changed["expires"], changed["name"], changed["groups"]) == (ends, "Client", [])
    assert changed["contact"] == "ops@customer.example"
    taken = admins.patch(at, {"expires": None, "contact": None}).json
    assert (taken["expires"], taken["contact"]) == (None, None)
    assert admins.get("/api/subscribers").json["subscribers"] == [taken]


@pytest.mark.parametrize(
    "target, fields, named",
    [
        ("subscribers", {}, "name"),
        ("subscribers", {"name": ""}, "name"),
        ("subscribers", {"name": "x", "contact": "nobody"}, "contact"),
        ("subscribers", {"name": "x", "groups": ["x"]}, "groups"),
        ("subscribers", {"name": "x", "groups": ["a" * 16]}, "groups"),
        ("subscribers", {"name": "x", "groups": "x"}, "groups"),
        ("subscribers", {"name": "x", "expires": "2020-01-01T00:00:00Z"}, "expires"),
        ("subscribers", {"name": "x", "password": "12345678"}, "password"),
        ("subscriber-groups", {"name": "x", "repositories": ["nowhere"]}, "repositories"),
        ("subscriber-groups", {"name": "x", "repositories": ["team-*!"]}, "repositories"),
        ("subscriber-groups", {"name": "x", "repositories": {"releases": ["write"]}}, None),
        ("subscriber-groups", {"name": "x", "permissions": {}}, "permissions"),
        ("subscriber-groups", {"name": "x", "repositories": ["releases"] * 2}, "repositories"),
        ("scim-tokens", {}, "name"),
        ("scim-tokens", {"name": "x", "expires": "2020-01-01T00:00:00Z"}, "expires"),
        ("scim-tokens", {"name": "x", "scopes": {}}, "scopes"),
    ],
)
def test_what_makes_no_sense_is_named_and_nothing_is_stored(
    quick: Stand, target: str, fields: dict[str, object], named: str | None
) -> None:
    before = quick.dump()
    answer = quick.admins.post(f"/api/{target}", fields)
    assert (answer.status, answer.json["field"]) == (422, named or "repositories")
    assert quick.dump() == before


def test_a_key_that_ends_makes_nothing_that_outlives_it(quick: Stand) -> None:
    """Who found one gets no way in that is left when it ends."""
    soon = datetime.now(UTC) + timedelta(hours=1)
    found = quick.person("admin", expires=soon)
    client = quick.client.as_(found.by_key)
    one = outsider(quick, "*")
    answer = client.post(f"/api/subscribers/{one.id}/keys", {"name": "x"})
    assert (answer.status, answer.json["field"]) == (422, "expires")
    # Whatever a token makes, accounts with passwords, would outlast both.
    ends = {"name": "x", "expires": soon.isoformat()}
    assert client.post("/api/scim-tokens", ends).status == 403
    token = quick.admins.post("/api/scim-tokens", {"name": "x"}).json
    assert client.post(f"/api/scim-tokens/{token['id']}/rotate", {}).status == 403
    renewed = client.post(f"/api/keys/{one.key_id}/rotate", {}).json
    assert datetime.fromisoformat(renewed["expires"]) <= soon


def test_there_are_so_many_keys_and_tokens_and_no_more(memory_stand: Stand) -> None:
    one, admins = outsider(memory_stand, "*"), memory_stand.admins
    for target, most in ((f"/api/subscribers/{one.id}/keys", 39), ("/api/scim-tokens", 10)):
        made = [admins.post(target, {"name": "x"}) for _ in range(most)]
        assert {answer.status for answer in made} == {201}
        assert admins.post(target, {"name": "x"}).status == 409
        assert admins.delete(f"{target}/{made[0].json['id']}").status == 204
        assert admins.post(target, {"name": "x"}).status == 201


def test_a_subscriber_is_in_fifty_groups_and_deleted_with_forty_keys(any_stand: Stand) -> None:
    admins = any_stand.admins
    groups = [admins.post("/api/subscriber-groups", {"name": "x"}).json["id"] for _ in range(51)]
    answer = admins.post("/api/subscribers", {"name": "x", "groups": groups})
    assert (answer.status, answer.json["field"]) == (422, "groups")
    made = admins.post("/api/subscribers", {"name": "x", "groups": groups[:50]})
    assert (made.status, len(made.json["groups"])) == (201, 50)
    at = made.headers["location"]
    assert admins.put(f"/api/subscriber-groups/{groups[50]}/members/{made.json['id']}").status == (
        409
    )
    assert admins.patch(at, {"groups": groups[:0:-1]}).json["groups"] != made.json["groups"]
    for _ in range(40):
        assert admins.post(f"{at}/keys", {"name": "x"}).status == 201
    assert admins.delete(at).status == 204
    assert not any(made.json["id"] in f"{record.key}" for record in any_stand.records())


def test_keys_of_subscribers_are_marked_among_all_keys(quick: Stand) -> None:
    one, _ = reader(quick, "releases")
    listed = quick.admins.get("/api/keys?user=all").json["keys"]
    assert {(key["id"], key["owner"]) for key in listed} == {
        (one.key_id, "subscriber"),
        (quick.admin.key_id, "user"),
    }
    assert quick.admins.get(f"/api/keys?user={quick.admin.id}").json["keys"] != []
    developer = quick.client.as_(quick.person().by_key)
    assert developer.get(f"/api/keys/{one.key_id}").status == 404
    assert developer.get(f"/api/keys?user={one.id}").status == 404
    assert developer.delete(f"/api/keys/{one.key_id}").status == 404
    answer = quick.admins.post("/api/keys", {"name": "x", "user": one.id})
    assert answer.status == 404  # he is no user


# Records as they should not be


def test_a_subscribers_key_with_scopes_to_write_writes_nothing(quick: Stand) -> None:
    one, client = reader(quick, "releases")
    everything = {id_of(quick, "releases"): ["read", "write", "delete", "admin"]}
    rewrite(quick, keys.api_key(quick.organization, one.key_id), scopes=everything)
    rewrite(quick, keys.subscriber_group(quick.organization, one.group), permissions=everything)
    assert client.get(AT).status == 200
    assert client.put("/repositories/releases/x", b"x").status == 403
    assert client.delete(AT).status == 403
    assert client.get("/api/repositories/releases").status == 403


def test_a_key_that_lost_whose_it_is_opens_nothing(quick: Stand) -> None:
    """It is then a user's, and there is none of that id."""
    one, _ = reader(quick, "releases")
    key = keys.api_key(quick.organization, one.key_id)
    for owner in (None, "user", "everybody"):
        rewrite(quick, key, owner=owner)
        other = quick.another_process().client.at(quick.host)
        assert other.as_(one.by_key).get(AT).status == 401


def test_a_users_key_that_says_that_a_subscriber_has_it_opens_nothing(quick: Stand) -> None:
    rewrite(quick, keys.api_key(quick.organization, quick.admin.key_id), owner="subscriber")
    fresh = quick.another_process().client.at(quick.host).as_(quick.admin.by_key)
    assert fresh.get("/api/user").status == 401
    assert fresh.get(AT).status == 401


def test_ids_of_one_kind_of_group_mean_nothing_to_the_other_kind(quick: Stand) -> None:
    """A user who is put into a subscriber group by hand, and the other way round."""
    one, client = reader(quick, "releases")
    person = quick.person()
    group = quick.group({id_of(quick, "inner"): ["read", "write"]}, quick.person())
    org = quick.organization
    rewrite(quick, keys.user(org, person.id), groups=[one.group])
    rewrite(quick, keys.subscriber(org, one.id), groups=[group.id])
    assert quick.client.as_(person.by_key).get(AT).status == 404
    assert client.get(AT).status == 404
    assert client.get("/repositories/inner/x").status == 404


def test_a_subscriber_is_no_user_wherever_one_is_named(quick: Stand) -> None:
    one, _ = reader(quick, "releases")
    admins, before = quick.admins, quick.dump()
    for method, target, fields in (
        ("GET", f"/api/users/{one.id}", None),
        ("PATCH", f"/api/users/{one.id}", {"role": "admin"}),
        ("DELETE", f"/api/users/{one.id}", None),
        ("PUT", f"/api/users/{one.id}/permissions", {"repositories": {}}),
        ("GET", f"/api/subscribers/{quick.admin.id}", None),
        ("DELETE", f"/api/subscribers/{quick.admin.id}", None),
        ("POST", f"/api/subscribers/{quick.admin.id}/keys", {"name": "x"}),
        ("PUT", f"/api/subscriber-groups/{one.group}/members/{quick.admin.id}", None),
    ):
        assert admins.ask(method, target, json=fields).status == 404, target
    assert quick.dump() == before


@pytest.mark.parametrize("field", ["groups", "expires", "active"])
def test_a_subscriber_whose_record_cannot_be_read_is_not_let_in(quick: Stand, field: str) -> None:
    one, client = reader(quick, "releases")
    key = keys.subscriber(quick.organization, one.id)
    value = record_of(quick, key)
    del value[field]
    quick.process.installation.recent.commit(Put(key, value))
    assert client.get(AT).status in (401, 404, 500)


# What is counted


def counted(stand: Stand, one: Outsider, query: str = "") -> list[dict[str, object]]:
    stand.process.distributed.flush()
    found: list[dict[str, object]] = stand.admins.get(
        f"/api/subscribers/{one.id}/usage{query}"
    ).json["usage"]
    return found


def test_downloads_are_counted_by_day_and_repository(depot: Stand) -> None:
    one, client = reader(depot, "releases", "inner")
    for target in (AT, AT, "/repositories/inner/app/1.0.tar"):
        assert client.get(target).status == 200
    today = datetime.now(UTC).date().isoformat()
    found = {entry["repository"]: entry for entry in counted(depot, one)}
    assert found == {
        "releases": {
            "day": today, "repository": "releases", "downloads": 2, "bytes": 2 * len(DATA),
        },
        "inner": {"day": today, "repository": "inner", "downloads": 1, "bytes": len(DATA)},
    }  # fmt: skip
    assert client.get(AT).status == 200
    assert counted(depot, one) != list(found.values())  # added to


def test_what_is_no_download_is_not_counted(quick: Stand) -> None:
    one, client = reader(quick, "releases")
    tag = client.get(AT).headers["etag"]
    assert client.head(AT).status == 200
    assert client.get(AT, headers={"If-None-Match": tag}).status == 304
    assert client.get("/repositories/releases/none").status == 404
    assert client.get("/repositories/inner/x").status == 404
    assert client.get("/repositories/releases/app/").status == 200
    assert quick.client.as_(quick.admin.by_key).get(AT).status == 200
    (entry,) = counted(quick, one)
    assert (entry["downloads"], entry["bytes"]) == (1, len(DATA))


def test_a_download_that_goes_on_is_one(quick: Stand) -> None:
    one, client = reader(quick, "releases")
    assert client.get(AT, headers={"Range": "bytes=0-9"}).status == 206
    assert client.get(AT, headers={"Range": "bytes=10-"}).status == 206
    (entry,) = counted(quick, one)
    assert (entry["downloads"], entry["bytes"]) == (1, len(DATA))


def test_usage_is_asked_by_days(quick: Stand) -> None:
    one, _ = reader(quick, "releases")
    repository = id_of(quick, "releases")
    metadata = quick.process.installation.metadata
    for day in ("20260101", "20260102", "20260103"):
        key = keys.subscriber_downloads(quick.organization, one.id, day, repository)
        metadata.commit(Put(key, {"downloads": 1, "bytes": 10}))
    for since, until, days in (
        ("2026-01-01", "2026-01-03", ["2026-01-01", "2026-01-02", "2026-01-03"]),
        ("2026-01-02", "2026-01-02", ["2026-01-02"]),
        ("2025-12-01", "2026-01-01", ["2026-01-01"]),
        ("2026-01-04", "2026-02-01", []),
    ):
        found = counted(quick, one, f"?since={since}&until={until}")
        assert [entry["day"] for entry in found] == days
    first = quick.admins.get(
        f"/api/subscribers/{one.id}/usage?since=2026-01-01&until=2026-01-02&limit=1"
    ).json
    rest = f"since=2026-01-01&until=2026-01-02&limit=9&after={first['next']}"
    assert [e["day"] for e in counted(quick, one, f"?{rest}")] == ["2026-01-02"]
    for query, named in (
        ("since=2026-01-02&until=2026-01-01", "since"),
        ("since=2020-01-01&until=2026-01-01", "since"),
        ("since=yesterday", "since"),
        ("until=2026-W01-1", "until"),
        ("until=20260101", "until"),
    ):
        answer = quick.admins.get(f"/api/subscribers/{one.id}/usage?{query}")
        assert (answer.status, answer.json["field"]) == (422, named)


def test_usage_by_group_is_of_what_the_group_gives(depot: Stand) -> None:
    one, client = reader(depot, "releases")
    other, _ = reader(depot, "inn*")
    admins = depot.admins
    assert admins.put(f"/api/subscriber-groups/{other.group}/members/{one.id}").status == 204
    for target in (AT, "/repositories/inner/app/1.0.tar", "/repositories/inner/app/1.0.tar"):
        assert client.get(target).status == 200
    depot.process.distributed.flush()
    for group, downloads in ((one.group, 1), (other.group, 2)):
        found = admins.get(f"/api/subscriber-groups/{group}/usage").json["usage"]
        totals = {entry["subscriber"]: entry["downloads"] for entry in found}
        assert totals[one.id] == downloads
        assert sum(totals.values()) == downloads


def test_what_a_deleted_repository_was_called_is_not_told(quick: Stand) -> None:
    one, client = reader(quick, "releases")
    assert client.get(AT).status == 200
    assert quick.admins.delete("/api/repositories/releases").status == 204
    (entry,) = counted(quick, one)
    assert (entry["repository"], entry["downloads"]) == (None, 1)


def test_events_tell_of_subscribers_by_ids_alone(quick: Stand) -> None:
    admins = quick.admins
    group = admins.post("/api/subscriber-groups", {"name": "Marked group"}).json["id"]
    fields = {"name": "Marked name", "contact": "marked@example.net", "groups": [group]}
    one = admins.post("/api/subscribers", fields).json["id"]
    admins.patch(f"/api/subscribers/{one}", {"name": "Marked again", "active": False})
    admins.put(f"/api/subscriber-groups/{group}/members/{one}")
    admins.delete(f"/api/subscriber-groups/{group}/members/{one}")
    admins.post(f"/api/subscribers/{one}/keys", {"name": "Marked key"})
    admins.patch(f"/api/subscriber-groups/{group}", {"name": "Marked"})
    admins.delete(f"/api/subscriber-groups/{group}")
    admins.delete(f"/api/subscribers/{one}")
    events = [
        dict(record.value)
        for record in quick.records()
        if record.key.partition.startswith(f"{quick.organization}#events#")
    ]
    told = {event["action"] for event in events}
    assert told >= {
        "subscriber.create", "subscriber.update", "subscriber.delete", "subscriber-group.create",
        "subscriber-group.update", "subscriber-group.members", "subscriber-group.delete",
        "key.create",
    }  # fmt: skip
    assert not re.search("(?i)marked", json.dumps(events))


def _told(answer: Answer) -> tuple[object, ...]:
    own = answer.context.id
    headers = {name: value for name, value in answer.headers.items() if value != own}
    return answer.status, headers, answer.body.replace(own.encode(), b"ID")
