"""Quotas as their clients meet them: set, told of, and in the way of every kind of upload."""

from typing import Any

import pytest

from app.repositories import Repository
from app.usage import OrganizationQuotas, Quota
from storage.events import SYSTEM
from tests.http.client import Answer, Client
from tests.http.pieces import FILE, MIB, Upload, bytes_of
from tests.http.stand import Stand
from tests.http.test_uploads_left import leaves_all

REPOSITORY = "/api/repositories/files"
NOTHING = {"files": 0, "bytes": 0, "restorable_files": 0, "restorable_bytes": 0}


def bounded(stand: Stand, quota: int | None) -> Repository:
    """A repository `files` with a quota."""
    return stand.repository("files", overwrite=True, quota=Quota(quota))


def bound_all(stand: Stand, quota: int | None) -> None:
    """Set the organization's quota, as its operator does."""
    at = stand.process.installation
    OrganizationQuotas(at.recent, at.journal).set(stand.organization, quota, SYSTEM)


def check_refused(answer: Answer, *told: str) -> None:
    assert answer.status == 413
    for text in told:
        assert text in answer.detail


def test_a_quota_is_set_shown_changed_and_taken_away(memory_stand: Stand) -> None:
    admins = memory_stand.admins
    made = admins.post("/api/repositories", {"name": "files", "quota_bytes": 1000})
    assert (made.status, made.json["quota_bytes"]) == (201, 1000)
    assert admins.get(REPOSITORY).json["usage"] == NOTHING
    assert admins.put(FILE, bytes(600)).status == 201
    assert admins.put("/repositories/files/b", bytes(300)).status == 201
    assert admins.delete("/repositories/files/b").status == 204
    held = {"files": 1, "bytes": 600, "restorable_files": 1, "restorable_bytes": 300}
    assert admins.get(REPOSITORY).json["usage"] == held
    whole = admins.get("/api/organization").json
    assert (whole["quota_bytes"], whole["usage"]) == (None, held)
    check_refused(
        admins.put("/repositories/files/c", bytes(101)),
        "the repository's quota of 1000 bytes",
        "900 bytes are used, 300 bytes of them by deleted",
        "purge",
    )
    changed = admins.patch(REPOSITORY, {"public": False})
    assert changed.json["quota_bytes"] == 1000, "what is not named stays"
    assert admins.patch(REPOSITORY, {"quota_bytes": 1001}).json["quota_bytes"] == 1001
    assert admins.put("/repositories/files/c", bytes(101)).status == 201
    assert admins.patch(REPOSITORY, {"quota_bytes": None}).json["quota_bytes"] is None
    assert admins.put("/repositories/files/d", bytes(10_000)).status == 201


@pytest.mark.parametrize("quota", [-1, 2**60 + 1, 1.5, "1GiB", True, [1]])
def test_a_quota_that_makes_no_sense_is_422(memory_stand: Stand, quota: Any) -> None:
    admins = memory_stand.admins
    made = admins.post("/api/repositories", {"name": "files", "quota_bytes": quota})
    assert (made.status, made.json["field"]) == (422, "quota_bytes")
    memory_stand.repository("files")
    changed = admins.patch(REPOSITORY, {"quota_bytes": quota})
    assert (changed.status, changed.json["field"]) == (422, "quota_bytes")


def test_nobody_within_an_organization_sets_its_quota(memory_stand: Stand) -> None:
    bound_all(memory_stand, 500)
    admins = memory_stand.admins
    assert admins.get("/api/organization").json["quota_bytes"] == 500
    for method, status in (("PATCH", 422), ("PUT", 405), ("POST", 405), ("DELETE", 405)):
        answer = admins.ask(method, "/api/organization", json={"quota_bytes": 1})
        assert answer.status == status
    assert admins.get("/api/organization").json["quota_bytes"] == 500
    memory_stand.repository("files")
    check_refused(admins.put(FILE, bytes(501)), "the organization's quota of 500 bytes")


def test_a_refused_upload_leaves_nothing(any_stand: Stand) -> None:
    bounded(any_stand, 5 * MIB)
    before = any_stand.dump()
    admins = any_stand.admins
    check_refused(admins.put(FILE, bytes_of(5 * MIB + 1)), "5.0 MiB")
    check_refused(admins.put(FILE, bytes_of(12 * MIB), chunked=True), "5.0 MiB")
    after = any_stand.dump()
    assert (after.blobs, after.uploads) == (before.blobs, before.uploads) == ((), ())
    assert admins.put(FILE, bytes_of(5 * MIB), chunked=True).status == 201


def test_an_upload_in_pieces_is_refused_where_its_length_is_told(memory_stand: Stand) -> None:
    """At its beginning, or by a later piece, of which then no byte is kept."""
    bounded(memory_stand, 5 * MIB)
    data = bytes_of(5 * MIB + 1)
    check_refused(Upload(memory_stand.admins, data).begun, "5.0 MiB")
    upload = Upload(memory_stand.admins, data, length=False)
    check_refused(upload.piece(0, MIB), "5.0 MiB")
    assert upload.offset == 0
    assert upload.piece(0, MIB, total=5 * MIB).status == 202


def test_an_upload_in_pieces_without_a_length_ends_where_the_room_does(any_stand: Stand) -> None:
    bounded(any_stand, 12 * MIB)
    upload = Upload(any_stand.admins, bytes_of(17 * MIB), length=False)
    assert upload.piece(0, 8 * MIB, total=None).status == 202
    check_refused(upload.piece(8 * MIB, 16 * MIB, total=None), "12.0 MiB")
    assert upload.offset == 8 * MIB
    assert upload.piece(8 * MIB, 10 * MIB, total=10 * MIB).status == 202
    assert upload.put().status == 201


def test_an_upload_in_pieces_does_not_pass_a_quota_that_others_used_up(any_stand: Stand) -> None:
    """And it is still there when there is room for it again."""
    repository = bounded(any_stand, 4 * MIB)
    client: Client = any_stand.admins
    upload = Upload(client, bytes_of(3 * MIB))
    assert upload.rest().status == 202
    assert client.put("/repositories/files/other", bytes_of(2 * MIB)).status == 201
    check_refused(upload.put(), "4.0 MiB", "2.0 MiB are used")
    assert client.get(FILE).status == 404
    assert client.delete("/repositories/files/other").status == 204
    check_refused(upload.put(), "2.0 MiB of them by deleted")
    purged = client.post(f"{REPOSITORY}/purge", {"path": "other"})
    assert purged.status == 200
    assert upload.put().status == 201
    assert client.get(f"/api/repositories/{repository.name}").json["usage"]["bytes"] == 3 * MIB


def test_the_job_of_an_upload_in_pieces_does_not_pass_a_quota(any_stand: Stand) -> None:
    bounded(any_stand, 4 * MIB)
    leaves_all(any_stand.process)
    client = any_stand.admins
    upload = Upload(client, bytes_of(3 * MIB))
    assert upload.rest().status == 202
    left = upload.put()
    assert left.status == 202
    assert client.put("/repositories/files/other", bytes_of(2 * MIB)).status == 201
    any_stand.process.work()
    job = client.get(left.headers["location"]).json
    assert job["state"] == "failed"
    assert "the repository's quota of 4.0 MiB" in job["error"]
    assert client.get(FILE).status == 404
    check_refused(upload.put(), "4.0 MiB")
    assert client.patch(REPOSITORY, {"quota_bytes": None}).status == 200
    assert upload.put().status == 202
    any_stand.process.work()
    assert upload.put().status == 201


def test_what_comes_back_needs_no_room(memory_stand: Stand) -> None:
    """A file, a folder, how things were, a repository: what is kept counts all the time."""
    stand = memory_stand
    bounded(stand, 100)
    bound_all(stand, 100)
    client = stand.admins
    assert client.put("/repositories/files/a/1", bytes(60)).status == 201
    assert client.put("/repositories/files/a/2", bytes(40)).status == 201
    assert client.delete("/repositories/files/a/?recursive=true").status == 200
    check_refused(client.put("/repositories/files/b", bytes(1)))
    assert client.post(f"{REPOSITORY}/restore", {"path": "a/1"}).status == 200
    assert client.post(f"{REPOSITORY}/restore", {"path": "a/"}).status == 200
    assert client.delete(REPOSITORY).status == 204
    stand.repository("other")
    check_refused(client.put("/repositories/other/b", bytes(1)), "the organization's quota")
    assert client.post(f"{REPOSITORY}/restore", {}).status == 200
    shown = client.get(REPOSITORY).json
    assert shown["quota_bytes"] == 100
    assert shown["usage"] == NOTHING | {"files": 2, "bytes": 100}
    check_refused(client.put("/repositories/files/b", bytes(1)))
    assert client.put("/repositories/files/a/1", bytes(60)).status == 200, "the same bytes"


def test_a_repository_that_is_made_anew_has_counters_of_its_own(memory_stand: Stand) -> None:
    bounded(memory_stand, 100)
    client = memory_stand.admins
    assert client.put(FILE, bytes(100)).status == 201
    assert client.delete(REPOSITORY).status == 204
    bounded(memory_stand, 50)
    assert client.get(REPOSITORY).json["usage"] == NOTHING
    assert client.put(FILE, bytes(50)).status == 201
