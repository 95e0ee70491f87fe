"""What a client gets when a store fails: never 404, never a part for the whole, never a lie."""

import logging
import os
from collections.abc import Callable
from datetime import timedelta

import pytest

from storage.blobs import BlobCorrupt, BlobMissing, BlobsFull, BlobsUnavailable, UploadMemorySpent
from storage.metadata import Corrupted
from tests.faults.metadata import (
    Fault,
    conflict,
    full,
    lost_after_effect,
    lost_before_effect,
    passes,
    throttled,
)
from tests.http.client import Answer, Client, Vanishing
from tests.http.provisioning import GROUP, USER, provider
from tests.http.stand import Stand
from tests.http.test_raw_writing import nothing_stored

FILE = "/repositories/files/a/b.txt"
NEW = "/repositories/files/a/new.txt"
DATA = b"the bytes of a file"
MIB = 1024 * 1024
CALLS = "get", "query", "count", "transact"
FOR_LONG = 1000  # tries: more than anything is repeated


@pytest.fixture
def served(memory_stand: Stand) -> Stand:
    """A file is there, and the repository was just served."""
    memory_stand.repository("files", overwrite=True)
    memory_stand.admins.put(FILE, DATA)
    memory_stand.admins.get(FILE)
    return memory_stand


def heal(stand: Stand) -> None:
    """Let the metadata engine work again."""
    for line in stand.engine._faults.values():
        line.clear()


READS: dict[str, Callable[[Client], Answer]] = {
    "GET": lambda c: c.get(FILE),
    "HEAD": lambda c: c.head(FILE),
    "GET of a range": lambda c: c.get(FILE, headers={"Range": "bytes=0-1"}),
    "GET of what is not there": lambda c: c.get(NEW),
    "listing": lambda c: c.get("/repositories/files/"),
    "user": lambda c: c.get("/api/user"),
    "repositories": lambda c: c.get("/api/repositories"),
    "a repository that is not there": lambda c: c.get("/api/repositories/x"),
    "keys": lambda c: c.get("/api/keys"),
    "SCIM list": lambda c: c.get("/scim/v2/Users"),
    "SCIM total": lambda c: c.get("/scim/v2/Users?count=0"),
    "SCIM look-up of what is not there": lambda c: c.get(
        "/scim/v2/Users?filter=userName%20eq%20%22nobody%22"
    ),
    "SCIM user who is not there": lambda c: c.get(f"/scim/v2/Users/{'a' * 16}"),
    "SCIM group that is not there": lambda c: c.get(f"/scim/v2/Groups/{'a' * 16}"),
}
WRITES: dict[str, Callable[[Client], Answer]] = {
    "PUT": lambda c: c.put(NEW, b"new"),
    "PUT that overwrites": lambda c: c.put(FILE, b"other"),
    "PUT in a new folder": lambda c: c.put("/repositories/files/new/x", b"new"),
    "PUT of a known digest": lambda c: c.put(NEW, DATA),
    "PUT of an empty file": lambda c: c.put(NEW, b""),
    "DELETE": lambda c: c.delete(FILE),
    "new repository": lambda c: c.post("/api/repositories", {"name": "other"}),
    "changed repository": lambda c: c.patch("/api/repositories/files", {"public": True}),
    "deleted repository": lambda c: c.delete("/api/repositories/files"),
    "new user": lambda c: c.post("/api/users", {"email": "a@example.org", "role": "reader"}),
    "new key": lambda c: c.post("/api/keys", {"name": "new"}),
    "SCIM user": lambda c: c.post("/scim/v2/Users", {"schemas": [USER], "userName": "ada"}),
    "SCIM group": lambda c: c.post("/scim/v2/Groups", {"schemas": [GROUP], "displayName": "b"}),
}


@pytest.fixture
def token(served: Stand) -> Client:
    """A provider, whose token was just read."""
    client = provider(served).client
    assert client.get("/scim/v2/Users").status == 200
    return client


@pytest.fixture
def asker(served: Stand, token: Client, request_: str) -> Client:
    """Who may send a request."""
    return token if request_.startswith("SCIM") else served.admins


@pytest.mark.parametrize("request_", [*READS, *WRITES])
@pytest.mark.parametrize("known", [True, False], ids=["warm", "cold"])
def test_a_metadata_store_that_is_away_is_503_and_never_404(
    served: Stand, asker: Client, request_: str, known: bool
) -> None:
    if not known:
        served.clock.now += 11
    for call in CALLS:
        served.engine.next(call, throttled, times=FOR_LONG)
    answer = {**READS, **WRITES}[request_](asker)
    assert answer.status == 503
    heal(served)
    assert served.admins.get(FILE).body == DATA


@pytest.mark.parametrize("request_", WRITES)
def test_a_metadata_store_that_only_reads_is_503_and_stores_nothing(
    served: Stand, asker: Client, request_: str
) -> None:
    with nothing_stored(served):
        served.engine.next("transact", throttled, times=FOR_LONG)
        assert WRITES[request_](asker).status == 503
        heal(served)


@pytest.mark.parametrize("request_", [*READS, *WRITES])
def test_a_store_that_hesitates_is_not_noticed(served: Stand, asker: Client, request_: str) -> None:
    for call in CALLS:
        served.engine.next(call, throttled, throttled)
    assert {**READS, **WRITES}[request_](asker).status < 500


@pytest.mark.parametrize("request_", WRITES)
@pytest.mark.parametrize("fault", [conflict, full], ids=["conflicts", "full"])
def test_conflicts_without_end_are_503_and_a_full_disk_507(
    served: Stand, asker: Client, request_: str, fault: Fault
) -> None:
    with nothing_stored(served):
        served.engine.next("transact", fault, times=FOR_LONG)
        answer = WRITES[request_](asker)
        heal(served)
    assert answer.status == (503 if fault is conflict else 507)


def _damaged(call: Callable[[], object]) -> object:
    raise Corrupted("injected")


@pytest.mark.parametrize("request_", [*READS, *WRITES])
def test_a_damaged_store_is_no_404(served: Stand, asker: Client, request_: str) -> None:
    served.clock.now += 11
    for call in CALLS:
        served.engine.next(call, _damaged, times=FOR_LONG)
    assert {**READS, **WRITES}[request_](asker).status in (500, 503)


@pytest.mark.parametrize("request_", ["PUT", "PUT that overwrites", "PUT of a known digest"])
def test_an_answer_that_was_lost_is_found_again(served: Stand, request_: str) -> None:
    """The witness tells that the commit took effect: the client learns nothing of it."""
    served.engine.next("transact", lost_after_effect)
    target = FILE if request_ == "PUT that overwrites" else NEW
    answer = WRITES[request_](served.admins)
    assert answer.status in (200, 201)
    assert served.admins.get(target).headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize("request_", WRITES)
def test_an_unknown_outcome_is_503_and_the_change_whole_or_absent(
    served: Stand, asker: Client, request_: str
) -> None:
    served.engine.next("transact", lost_before_effect, times=FOR_LONG)
    assert WRITES[request_](asker).status == 503
    heal(served)
    assert served.admins.get(FILE).body == DATA
    assert served.admins.get(NEW).status == 404
    assert WRITES[request_](asker).status < 300, "trying again is safe"


@pytest.mark.parametrize("request_", ["PUT", "PUT that overwrites", "PUT of a known digest"])
def test_a_change_that_came_in_spite_of_all_is_whole(served: Stand, request_: str) -> None:
    """The worst case: the store did it, said nothing, and was away for as long as we asked."""
    served.engine.next("transact", lost_after_effect, times=1)
    served.engine.next("transact", lost_before_effect, times=FOR_LONG)
    served.engine.next("get", passes, *[throttled] * FOR_LONG)
    answer = WRITES[request_](served.admins)
    assert answer.status == 503
    heal(served)
    target, data = {
        "PUT": (NEW, b"new"),
        "PUT that overwrites": (FILE, b"other"),
        "PUT of a known digest": (NEW, DATA),
    }[request_]
    found = served.admins.get(target)
    if request_ == "PUT of a known digest":
        assert found.status == 404 or found.body == data
    else:
        assert found.body == data, "its bytes were kept: the record may be there"


@pytest.mark.parametrize("call", ["create", "window", "filled", "commit"])
@pytest.mark.parametrize(
    "error, status",
    [
        (BlobsUnavailable("away"), 503),
        (BlobsFull("full"), 507),
        (BlobCorrupt("the engine refused a part"), 500),
    ],
    ids=["away", "full", "corrupt"],
)
def test_a_blob_store_that_fails_in_an_upload_leaves_nothing(
    served: Stand, call: str, error: Exception, status: int
) -> None:
    with nothing_stored(served):
        served.blobs.fail(call, error)
        answer = served.admins.put("/repositories/files/new/x", b"new")
    assert answer.status == status
    assert served.admins.put("/repositories/files/new/x", b"new").status == 201


def test_a_blob_whose_completion_is_unknown_is_not_visible(served: Stand) -> None:
    """The bytes may lie there, for the collection; no record says so."""
    records = served.dump().records
    served.blobs.fail("commit", BlobsUnavailable("the answer was lost"), after=True)
    assert served.admins.put(NEW, b"new").status == 503
    assert served.dump().records == records
    assert served.admins.get(NEW).status == 404


def test_the_memory_of_uploads_that_is_spent_is_503(served: Stand) -> None:
    with nothing_stored(served):
        served.blobs.fail("create", UploadMemorySpent(timedelta(seconds=7)))
        answer = served.admins.put(NEW, b"new")
    assert answer.status == 503
    assert answer.headers["retry-after"] == "7"


def test_a_blob_store_that_is_away_is_503_for_a_download(served: Stand) -> None:
    for headers in ({}, {"Range": "bytes=0-1"}):
        served.blobs.fail("open", BlobsUnavailable("away"))
        answer = served.admins.get(FILE, headers=headers)
        assert answer.status == 503
        assert "content-range" not in answer.headers
    assert served.admins.head(FILE).status == 200, "what needs no bytes is answered"
    assert served.admins.get(FILE, headers={"If-None-Match": "*"}).status == 304


def test_a_download_that_fails_before_its_first_byte_is_503(served: Stand) -> None:
    """Nothing was sent yet, so the answer is not one that is cut."""
    served.blobs.fail("read", BlobsUnavailable("away"))
    answer = served.admins.get(FILE)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert served.admins.get(FILE).body == DATA


@pytest.mark.parametrize("error", [BlobMissing("gone"), BlobCorrupt("short")])
def test_a_blob_that_is_missing_is_500_and_logged(
    served: Stand, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """A file that is recorded and not there is a loss, never a 404 that a build believes."""
    served.blobs.fail("open", error)
    with caplog.at_level(logging.ERROR):
        answer = served.admins.get(FILE)
    assert answer.status == 500
    assert answer.json["request"] in caplog.text
    assert type(error).__name__ in caplog.text
    assert "b.txt" not in caplog.text
    assert "b.txt" not in answer.text


def test_a_blob_whose_bytes_are_gone_is_500(folder_stand: Stand) -> None:
    folder_stand.repository("files")
    folder_stand.admins.put(FILE, DATA)
    for path in (folder_stand.settings.data / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    assert folder_stand.admins.get(FILE).status == 500
    assert folder_stand.admins.head(FILE).status == 200


def test_a_download_that_breaks_off_is_no_whole_file(served: Stand) -> None:
    """The server cuts the connection when the iteration raises: no part looks like the whole."""
    served.admins.put("/repositories/files/big", bytes(3 * MIB))
    served.blobs.fail("read", BlobsUnavailable("cut"), number=2)
    with pytest.raises(BlobsUnavailable):
        served.admins.get("/repositories/files/big")


def test_a_vanished_client_in_a_multipart_upload_leaves_no_part(remote_stand: Stand) -> None:
    remote_stand.repository("files")
    with nothing_stored(remote_stand):
        answer = remote_stand.admins.put(
            FILE, Vanishing(bytes(20 * MIB), ConnectionResetError()), length=str(40 * MIB)
        )
    assert answer.status == 400
    with nothing_stored(remote_stand):
        remote_stand.blobs.fail("window", BlobsUnavailable("part 2 fails"), number=12)
        assert remote_stand.admins.put(FILE, bytes(20 * MIB)).status == 503
    assert remote_stand.admins.put(FILE, bytes(20 * MIB)).status == 201


def test_bytes_that_cant_be_dropped_are_left_to_the_collection(
    served: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is that of the upload: the client did nothing wrong."""
    served.blobs.fail("delete", BlobsUnavailable("away"))
    with caplog.at_level(logging.WARNING):
        assert served.admins.put(NEW, DATA).status == 201  # a known digest
    assert "left to collection" in caplog.text
    assert len(served.dump().blobs) == 2


def test_readiness_tells_of_each_store_and_liveness_of_none(served: Stand) -> None:
    client = served.client
    assert client.get("/readyz").json == {"status": "ok"}
    served.clock.now += 2
    served.engine.next("get", throttled, times=FOR_LONG)
    assert client.get("/healthz").status == 200
    answer = client.get("/readyz", headers={"Host": "10.0.0.1"}, peer="10.0.0.1")
    assert answer.status == 503
    heal(served)
    served.clock.now += 2
    served.blobs.fail("check", BlobsUnavailable("away"))
    assert client.get("/readyz").status == 503
    served.clock.now += 2
    assert client.get("/readyz").status == 200


def test_a_clock_that_is_wrong_writes_nothing(served: Stand) -> None:
    with nothing_stored(served):
        served.engine.skew = timedelta(seconds=61)
        answer = served.admins.put(NEW, b"new")
        served.engine.skew = timedelta()
    assert answer.status == 503
    assert "clock" in answer.detail


def test_a_fault_of_ours_tells_the_client_nothing(
    served: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    served.blobs.fail("open", RuntimeError("srk_secret /private/path"))
    answer = served.admins.get(FILE)
    assert answer.status == 500
    assert "srk_secret" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("size", [100, 100_000])
@pytest.mark.parametrize("change", [-60, 60])
def test_a_blob_of_another_size_than_its_record_is_not_sent(
    folder_stand: Stand, size: int, change: int
) -> None:
    folder_stand.repository("files")
    data = bytes(size)
    assert folder_stand.admins.put(NEW, data).status == 201
    [blob] = [
        path
        for path in (folder_stand.settings.data / "blobs").rglob("*")
        if path.is_file() and path.stat().st_size == size
    ]
    os.truncate(blob, size + change)
    answer = folder_stand.admins.get(NEW)
    assert answer.status == 500
    os.truncate(blob, size)
    assert folder_stand.admins.get(NEW).body == data
