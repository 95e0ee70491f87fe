"""Large uploads in pieces: what takes longer than an answer may be silent is left to a job."""

from datetime import timedelta

import pytest

from app.files import Files
from app.raw.uploads_ending import UploadEnds
from storage.blobs import BlobsUnavailable
from tests.http.client import Answer
from tests.http.pieces import FILE, MIB, Upload, bytes_of
from tests.http.stand import Process, Stand

DATA = bytes_of(8 * MIB + 5)


def ends_of(process: Process) -> UploadEnds:
    files = process.routes.declared["/repositories/{repository}/{path:path}"].resource
    assert isinstance(files, Files)
    return files.uploads.ends


def leaves_all(process: Process) -> None:
    """Whatever is not empty is too large for this process."""
    ends_of(process).at_once_bytes = 0


@pytest.fixture
def leaving(any_stand: Stand) -> Stand:
    any_stand.repository("files")
    leaves_all(any_stand.process)
    return any_stand


def whole(stand: Stand, data: bytes = DATA, **headers: str) -> Upload:
    upload = Upload(stand.admins, data, headers=headers)
    assert upload.rest().status == 202
    return upload


def left(upload: Upload, headers: dict[str, str] | None = None) -> Answer:
    answer = upload.put(headers or {})
    assert answer.status == 202
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json["state"] in ("waiting", "running")
    return answer


def test_a_large_upload_is_made_a_file_by_a_worker(leaving: Stand) -> None:
    upload = whole(leaving)
    answer = left(upload)
    client = leaving.admins
    assert client.get(FILE).status == 404
    assert left(upload).json["id"] == answer.json["id"], "one job, however often it is asked for"
    leaving.process.work()
    job = client.get(answer.headers["location"]).json
    assert (job["state"], job["counts"]) == ("done", {"files": 1, "bytes": len(DATA)})
    done = upload.put()
    assert done.status == 201
    assert done.json["digests"]["sha256"] == job["result"]["sha256"]
    assert client.get(FILE).body == DATA
    assert len(leaving.dump().blobs) == 1


def test_what_turns_out_to_take_long_is_left_to_a_worker_too(any_stand: Stand) -> None:
    """As where a store is slow: the request reads for so long, and a job begins anew."""
    any_stand.repository("files")
    ends_of(any_stand.process).at_once = timedelta(0)
    client = any_stand.admins
    upload = Upload(client, DATA)
    for first, last in ((0, 8 * MIB), (8 * MIB, len(DATA))):
        assert upload.piece(first, last).status == 202
    answer = left(upload)
    assert client.get(FILE).status == 404
    assert left(upload).json["id"] == answer.json["id"]
    any_stand.process.work()
    assert client.get(answer.headers["location"]).json["state"] == "done"
    assert upload.put().status == 201
    assert client.get(FILE).body == DATA
    assert len(any_stand.dump().blobs) == 1
    at_once = Upload(client, DATA[:-1], "/repositories/files/in-one-piece")
    at_once.rest()
    assert at_once.put().status == 201, "its digests are known, and nothing is to be read"


def test_an_empty_file_is_made_at_once(leaving: Stand) -> None:
    assert Upload(leaving.admins, b"").put().status == 201


def test_what_can_be_refused_is_refused_at_once(leaving: Stand) -> None:
    upload = Upload(leaving.admins, DATA)
    assert upload.put().status == 409, "bytes are missing"
    upload.rest()
    leaving.admins.put(FILE, b"other")
    assert upload.put().status == 409
    assert upload.put({"If-None-Match": "*"}).status == 412
    assert leaving.admins.get("/api/jobs").json["jobs"] == []


@pytest.mark.parametrize("told", ["first", "last"])
def test_a_digest_that_does_not_hold_is_the_job_s_to_tell(leaving: Stand, told: str) -> None:
    wrong = {"X-Checksum-Sha512": "0" * 128}
    upload = whole(leaving, **(wrong if told == "first" else {}))
    answer = left(upload, {} if told == "first" else wrong)
    leaving.process.work()
    job = leaving.admins.get(answer.headers["location"]).json
    assert job["state"] == "failed"
    assert "sha512" in job["error"]
    assert upload.put().status == 404
    assert leaving.dump().blobs == leaving.dump().uploads == ()


def test_what_came_to_the_path_meanwhile_is_the_job_s_to_tell(leaving: Stand) -> None:
    upload = whole(leaving)
    answer = left(upload, {"If-None-Match": "*"})
    leaving.admins.put(FILE, DATA)
    leaving.process.work()
    job = leaving.admins.get(answer.headers["location"]).json
    assert (job["state"], job["error"]) == ("failed", "If-None-Match names what is there already.")
    leaving.admins.delete(FILE)
    again = left(upload)
    assert again.json["id"] != answer.json["id"]
    leaving.process.work()
    assert upload.put().status == 201


def test_an_upload_that_was_dropped_is_not_made_a_file(leaving: Stand) -> None:
    upload = whole(leaving)
    answer = left(upload)
    assert upload.drop().status == 204
    leaving.process.work()
    assert leaving.admins.get(answer.headers["location"]).json["state"] == "failed"
    assert leaving.admins.get(FILE).status == 404


def test_a_store_that_fails_keeps_the_job_waiting(memory_stand: Stand) -> None:
    memory_stand.repository("files")
    leaves_all(memory_stand.process)
    upload = whole(memory_stand, b"the bytes of a file")
    answer = left(upload)
    memory_stand.blobs.fail("commit", BlobsUnavailable("scripted"), after=True)
    memory_stand.process.work()
    assert memory_stand.admins.get(answer.headers["location"]).json["state"] == "waiting"
    other = memory_stand.another_process()  # asked again, of a process that leaves nothing
    upload.client = other.client.as_(memory_stand.admin.by_key)
    assert upload.put().status == 202, "the job is still the one who does it"
