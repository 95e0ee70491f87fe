"""Collection: what nothing refers to goes, everything else stays."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.collection import Collection, Report
from app.installation import Installation
from storage import keys
from storage.blobs import BlobsUnavailable, open_blobs
from storage.metadata import Put
from tests.faults.locked import LockedBlobs

ORG = "org1"
TOMORROW = timedelta(days=1, minutes=1)


@pytest.fixture
def shelf(installation: Installation, tmp_path: Path) -> Installation:
    """With blobs in a folder, whose uploads survive their writer, and one organization."""
    installation.metadata.commit(Put(keys.organization(ORG), {"id": ORG}))
    return replace(installation, blobs=open_blobs(f"file:{tmp_path}/blobs", tmp_path, 2**25))


def write(at: Installation, data: bytes, *, referred: bool, organization: str = ORG) -> str:
    with at.blobs.create(organization, len(data)) as writer:
        writer.window()[: len(data)] = data
        writer.filled(len(data))
        writer.commit()
        key = writer.key
    if referred:
        at.metadata.commit(Put(keys.blob_bytes(organization, key), {"sha256": "0" * 64}))
    return key


def suspend(at: Installation, organization: str = ORG) -> str:
    writer = at.blobs.create(organization, None)
    writer.window()[:3] = b"abc"
    writer.filled(3)
    return writer.suspend()


def collect(at: Installation, after: timedelta = TOMORROW, **more: bool) -> Report:
    return Collection(at, clock=lambda: datetime.now(UTC) + after).run(**more)


def listed(at: Installation) -> set[str]:
    return {entry.key for entry in at.blobs.list().entries}


def test_an_unreferenced_blob_goes_a_day_later_and_a_referenced_one_stays(
    shelf: Installation,
) -> None:
    kept, lost = write(shelf, b"kept", referred=True), write(shelf, b"lost", referred=False)
    assert collect(shelf, timedelta(hours=23)) == Report(0, 0, 0, 0)
    assert listed(shelf) == {kept, lost}
    assert collect(shelf).blobs == 1
    assert listed(shelf) == {kept}


def test_an_unfinished_upload_goes_a_day_after_its_last_byte(shelf: Installation) -> None:
    suspend(shelf)
    assert collect(shelf, timedelta(hours=23)).uploads == 0
    assert collect(shelf).uploads == 1
    assert shelf.blobs.uploads().uploads == ()


def test_an_upload_of_a_live_writer_is_left_alone_however_old(shelf: Installation) -> None:
    with shelf.blobs.create(ORG, None) as writer:
        writer.window()[:3] = b"abc"
        writer.filled(3)
        assert collect(shelf).uploads == 0
        writer.commit()
    assert len(listed(shelf)) == 1


def test_a_lease_keeps_a_blob_and_an_upload(shelf: Installation) -> None:
    """A long upload's date may be its start: its lease says that it is alive."""
    blob, upload = write(shelf, b"long", referred=False), suspend(shelf)
    later = datetime.now(UTC) + timedelta(days=3)
    key = next(u.key for u in shelf.blobs.uploads().uploads)
    for leased in (blob, key):
        shelf.metadata.commit(Put(keys.upload(ORG, leased), {}, expires=later))
    assert collect(shelf) == Report(0, 0, 0, 0)
    shelf.blobs.abort(upload)


def test_a_dry_run_counts_and_removes_nothing(shelf: Installation) -> None:
    write(shelf, b"lost", referred=False)
    suspend(shelf)
    assert collect(shelf, dry=True) == Report(1, 1, 4, 0)
    assert len(listed(shelf)) == 1
    assert len(shelf.blobs.uploads().uploads) == 1


def test_blobs_of_an_organization_that_is_not_known_are_left_alone(shelf: Installation) -> None:
    """A lost, wrong or older metadata store must not cost the files."""
    lost = write(shelf, b"lost", referred=False)
    with shelf.blobs.create("stranger", 3) as writer:
        writer.window()[:3] = b"abc"
        writer.filled(3)
        writer.commit()
    assert collect(shelf) == Report(0, 1, 4, 0, foreign=1)
    assert lost not in listed(shelf)
    assert {key.partition("/")[0] for key in listed(shelf)} == {"stranger"}


def test_many_blobs_are_collected_in_batches(shelf: Installation) -> None:
    kept = {write(shelf, b"k", referred=True) for _ in range(60)}
    for _ in range(60):
        write(shelf, b"l", referred=False)
    looked: list[int] = []
    collection = Collection(shelf, clock=lambda: datetime.now(UTC) + TOMORROW)
    assert collection.run(progress=looked.append).blobs == 60
    assert listed(shelf) == kept
    assert looked == [50, 100, 120]


def test_expired_records_are_swept(shelf: Installation) -> None:
    now = datetime.now(UTC)
    shelf.metadata.commit(Put(keys.duty("x"), {}, expires=now - timedelta(seconds=1)))
    # Every commit without an event leaves a token for a day, so that is left here.
    assert collect(shelf).expired == 1


def test_a_failure_that_nobody_looks_at_is_raised_when_all_else_is_done(
    shelf: Installation,
) -> None:
    blobs = LockedBlobs(shelf.blobs)
    at = replace(shelf, blobs=blobs)
    suspend(at)
    (upload,) = blobs.uploads().uploads
    lost = [write(at, b"lost", referred=False) for _ in range(60)]
    blobs.locked = frozenset({upload.key, lost[0]})
    now = datetime.now(UTC)
    at.metadata.commit(Put(keys.duty("x"), {}, expires=now - timedelta(seconds=1)))
    with pytest.raises(BlobsUnavailable):
        collect(at)
    assert listed(at) == {lost[0]}
    assert at.metadata.sweep(1) == 0
