"""The store that reports its calls, over one that fails as scripted."""

import pytest

from storage.blobs import BlobMissing, BlobsUnavailable, Observed
from storage.blobs.memory import MemoryBlobs
from tests.blobs.stores import nothing_left, read, store, write
from tests.faults.blobs import FaultyBlobs


class Notes:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def storage_call(self, store: str, call: str, seconds: float, outcome: str) -> None:
        assert store == "blobs"
        assert seconds == 1
        self.calls.append((call, outcome))


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def faults() -> FaultyBlobs:
    return FaultyBlobs(MemoryBlobs())


@pytest.fixture
def blobs(notes: Notes, faults: FaultyBlobs) -> Observed:
    ticks = iter(range(10_000))
    return Observed(faults, notes, clock=lambda: float(next(ticks)))


def test_calls_are_reported_with_their_time_and_outcome(blobs: Observed, notes: Notes) -> None:
    key = store(blobs, b"bytes")
    assert read(blobs, key) == b"bytes"
    blobs.delete([key])
    with pytest.raises(BlobMissing):
        blobs.open(key)
    assert notes.calls == [
        ("create", "ok"),
        ("commit", "ok"),
        ("open", "ok"),
        ("delete", "ok"),
        ("open", "missing"),
    ]


@pytest.mark.parametrize("call", ["window", "filled", "commit"])
def test_a_failure_in_an_upload_is_reported_and_passed_on(
    blobs: Observed, notes: Notes, faults: FaultyBlobs, call: str
) -> None:
    faults.fail(call)
    with nothing_left(blobs), pytest.raises(BlobsUnavailable):
        store(blobs, b"bytes")
    assert ("commit" if call == "commit" else "window", "unavailable") in notes.calls


def test_a_download_that_breaks_off_is_reported(
    blobs: Observed, notes: Notes, faults: FaultyBlobs
) -> None:
    key = store(blobs, bytes(3 << 20))
    faults.fail("read", number=2)
    with pytest.raises(BlobsUnavailable):
        read(blobs, key)
    assert notes.calls[-1] == ("read", "unavailable")


def test_an_unknown_outcome_is_an_error_whose_blob_is_there(
    blobs: Observed, faults: FaultyBlobs
) -> None:
    faults.fail("commit", after=True)
    with pytest.raises(BlobsUnavailable), blobs.create("acme") as writer:
        write(writer, b"bytes")
        writer.commit()
    assert read(blobs, writer.key) == b"bytes"


def test_a_fault_meets_the_call_it_was_written_for(blobs: Observed, faults: FaultyBlobs) -> None:
    waited = []
    faults.slow("create", lambda: waited.append(1), number=2)
    faults.fail("create", ValueError("scripted"), number=3)
    store(blobs, b"1")
    assert waited == []
    store(blobs, b"2")
    assert waited == [1]
    with pytest.raises(ValueError, match="scripted"):
        store(blobs, b"3")
    store(blobs, b"4")
    assert faults.calls["create"] == 4
