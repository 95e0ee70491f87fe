"""`/api/audit` and what leads to it: who reads it, how it is asked, what it shows."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.repositories import Format
from storage.metadata import Put
from tests.http.client import Client
from tests.http.stand import Stand
from tests.python.building import wheel

FILE = "/repositories/files/a/b.txt"


def events(client: Client, query: str = "") -> list[dict[str, Any]]:
    """All events that a query finds, the newest first."""
    found, after = [], ""
    while True:
        answer = client.get(f"/api/audit?{query}&limit=50&after={after}".replace("?&", "?"))
        assert answer.status == 200, answer.body
        found += answer.json["events"]
        if answer.json["next"] is None:
            return found
        after = answer.json["next"]


def lines(client: Client, query: str = "format=jsonl") -> list[dict[str, Any]]:
    answer = client.get(f"/api/audit?{query}")
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.body.splitlines() if line]


def test_what_was_done_is_shown_with_who_did_it_and_from_where(any_stand: Stand) -> None:
    repository = any_stand.repository("files")
    admins = any_stand.admins
    put = admins.put(FILE, b"bytes")
    assert admins.delete(FILE).status == 204
    gone, made = events(admins, "repository=files&action=artifact.*")
    assert (gone["action"], made["action"]) == ("artifact.delete", "artifact.put")
    assert made["changes"] == [{"repository": "files", "path": "a/b.txt", "change": "put"}]
    assert gone["changes"] == [{"repository": "files", "path": "a/b.txt", "change": "deleted"}]
    assert (made["user"], made["credential"]) == (any_stand.admin.id, any_stand.admin.key_id)
    assert made["request"] == put.context.id
    assert (made["repository"], made["repository_id"]) == ("files", repository.id)
    assert (made["address"], made["genuine"]) == ("127.0.0.1", True)
    assert events(admins, f"request={put.context.id}") == [made]
    assert events(admins, "path=a/") == [gone, made]
    assert events(admins, "path=a/b") == []


def test_of_a_repository_that_is_gone_the_id_finds_what_happened(memory_stand: Stand) -> None:
    repository = memory_stand.repository("files")
    admins = memory_stand.admins
    admins.put(FILE, b"bytes")
    assert admins.delete("/api/repositories/files").status == 204
    found = events(admins, f"repository={repository.id}")
    assert [event["action"] for event in found] == [
        "repository.delete",
        "artifact.put",
        "repository.create",
    ]
    assert {event["repository"] for event in found} == {None}
    assert {event["repository_id"] for event in found} == {repository.id}
    for name in ("files", "nothing", "No%20name", "f" * 17):
        refused = admins.get(f"/api/audit?repository={name}")
        assert (refused.status, refused.json["field"]) == (422, "repository")


@pytest.mark.parametrize(
    "query, field",
    [
        ("since=yesterday", "since"),
        ("until=2026-02-30T00:00:00Z", "until"),
        ("since=2026-11-23T12:00:00", "since"),
        ("action=KEY", "action"),
        ("action=*", "action"),
        ("action=key.create.more", "action"),
        ("action=key.%C3%A9", "action"),
        ("order=up", "order"),
        ("format=csv", "format"),
        ("format=jsonl&limit=5", "limit"),
        ("format=jsonl&after=x", "after"),
        ("after=x", "after"),
        ("limit=0", "limit"),
        ("users=x", "users"),
        (f"user={'u' * 2_001}", "user"),
        ("user=jo@example.org", "user"),
        ("subject=jo@example.org", "subject"),
    ],
)
def test_what_can_not_be_asked_is_named(memory_stand: Stand, query: str, field: str) -> None:
    answer = memory_stand.admins.get(f"/api/audit?{query}")
    assert (answer.status, answer.json["field"]) == (422, field)


def test_a_cursor_is_of_one_filter_alone(memory_stand: Stand) -> None:
    memory_stand.repository("files")
    admins = memory_stand.admins
    cursor = admins.get("/api/audit?limit=1").json["next"]
    assert admins.get(f"/api/audit?limit=9&after={cursor}").status == 200
    for other in ("user=x", "order=oldest", "since=2026-11-23T12:00:00Z", "repository=files"):
        assert admins.get(f"/api/audit?{other}&after={cursor}").status == 422


def test_an_export_is_the_same_as_all_pages_the_other_way_round(any_stand: Stand) -> None:
    any_stand.repository("files")
    for number in range(12):
        any_stand.admins.put(f"{FILE}{number}", b"bytes")
    paged = events(any_stand.admins)
    assert lines(any_stand.admins) == paged[::-1]
    assert lines(any_stand.admins, "format=jsonl&order=newest&action=artifact.put") == events(
        any_stand.admins, "action=artifact.put"
    )
    accepted = any_stand.admins.get(
        "/api/audit?action=none", headers={"Accept": "application/x-ndjson, */*;q=0.1"}
    )
    assert (accepted.headers["content-type"], accepted.body) == ("application/x-ndjson", b"")


def test_times_bound_what_is_shown(memory_stand: Stand) -> None:
    memory_stand.repository("files")
    admins = memory_stand.admins
    admins.put(FILE, b"bytes")
    (event,) = events(admins, "action=artifact.put")
    at = event["time"]
    behind = (datetime.fromisoformat(at) + timedelta(microseconds=1)).isoformat()
    behind = behind.replace("+00:00", "Z")
    assert events(admins, f"action=artifact.put&since={at}&until={behind}") == [event]
    assert events(admins, f"action=artifact.put&until={at}") == []
    assert events(admins, f"action=artifact.put&since={behind}") == []
    assert events(admins, f"since={behind}&until={at}") == []
    for early in ("0001", "0999"):
        assert events(admins, f"until={early}-01-01T00:00:00Z") == []
        assert event in events(admins, f"since={early}-01-01T00:00:00Z")
    assert events(admins, "since=9999-12-31T23:59:59Z") == []


def test_an_event_that_was_changed_is_shown_as_not_genuine(memory_stand: Stand) -> None:
    memory_stand.repository("files")
    memory_stand.admins.put(FILE, b"bytes")
    for record in memory_stand.records():
        if "#events#" in record.key.partition and record.value["action"] == "artifact.put":
            metadata = memory_stand.process.installation.metadata
            metadata.commit(Put(record.key, {**record.value, "user": "somebody else"}))
    (event,) = events(memory_stand.admins, "action=artifact.put")
    assert (event["genuine"], event["user"]) == (False, "somebody else")


def test_how_long_events_are_kept_is_a_rule_of_the_organization(memory_stand: Stand) -> None:
    admins = memory_stand.admins
    assert admins.get("/api/organization").json["audit_days"] is None
    assert admins.patch("/api/organization", {"audit_days": 400}).json["audit_days"] == 400
    assert admins.patch("/api/organization", {}).json["audit_days"] == 400
    for days in (0, 89, 36_501, True, "90", 90.5):
        refused = admins.patch("/api/organization", {"audit_days": days})
        assert (refused.status, refused.json["field"]) == (422, "audit_days")
    assert admins.patch("/api/organization", {"audit_days": None}).json["audit_days"] is None
    told = [event["details"]["audit_days"] for event in events(admins, "action=audit.keep")]
    assert told == [None, 400]


# Reads


def reads(stand: Stand) -> list[dict[str, Any]]:
    stand.process.reads.flush()
    return events(stand.admins, "action=artifact.read")


def test_where_it_is_switched_on_each_file_that_is_sent_leaves_an_event(any_stand: Stand) -> None:
    any_stand.repository("files")
    admins = any_stand.admins
    admins.put(FILE, b"the bytes")
    admins.get(FILE)
    assert reads(any_stand) == []
    shown = admins.patch("/api/repositories/files", {"audit_reads": True})
    assert shown.json["audit_reads"] is True
    any_stand.clock.now += 11
    whole = admins.get(FILE)
    tag = {"If-None-Match": whole.headers["etag"]}
    assert admins.get(FILE, headers=tag).status == 304
    assert admins.head(FILE).status == 200
    assert admins.get(f"{FILE}.none").status == 404
    assert admins.get(FILE, headers={"Range": "bytes=99-"}).status == 416
    part = admins.get(FILE, headers={"Range": "bytes=1-2"})
    assert part.status == 206
    found = {event["request"]: event for event in reads(any_stand)}
    assert found.keys() == {whole.context.id, part.context.id}
    one, other = found[whole.context.id], found[part.context.id]
    assert (one["details"]["path"], one["repository"]) == ("a/b.txt", "files")
    assert (one["details"]["size"], other["details"]["size"]) == (9, 2)
    assert one["details"]["sha256"] == whole.headers["x-checksum-sha256"]
    assert (one["user"], one["address"]) == (any_stand.admin.id, "127.0.0.1")
    assert datetime.fromisoformat(one["details"]["at"]) <= datetime.now(UTC)
    assert {event["id"] for event in events(admins, "path=a/b.txt&action=artifact.read")} == {
        one["id"],
        other["id"],
    }


def test_who_reads_what_is_public_has_no_name(memory_stand: Stand) -> None:
    memory_stand.repository("files", public=True, audit_reads=True)
    memory_stand.admins.put(FILE, b"the bytes")
    assert memory_stand.client.get(f"/public{FILE}").status == 200
    (event,) = reads(memory_stand)
    assert (event["user"], event["credential"], event["address"]) == (None, None, "127.0.0.1")


def test_files_of_every_format_are_told_of(memory_stand: Stand) -> None:
    admins = memory_stand.admins
    for name, format_, path, data in (
        ("jars", Format.MAVEN, "com/a/b/1.0/b-1.0.jar", b"jar"),
        ("pypi", Format.PYTHON, "files/x/x-1.0-py3-none-any.whl", wheel("x")),
    ):
        memory_stand.repository(name, format_, audit_reads=True)
        assert admins.put(f"/repositories/{name}/{path}", data).status == 201
        assert admins.get(f"/repositories/{name}/{path}").status == 200
        (event,) = (one for one in reads(memory_stand) if one["repository"] == name)
        assert event["details"]["path"] == path


def test_a_read_costs_the_request_nothing(memory_stand: Stand) -> None:
    memory_stand.repository("files", audit_reads=True)
    memory_stand.admins.put(FILE, b"the bytes")
    memory_stand.admins.get(FILE)
    made = len(memory_stand.engine.made)
    memory_stand.admins.get(FILE)
    assert memory_stand.engine.made[made:] == ["get"]
