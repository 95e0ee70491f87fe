"""The collection as duties: what each looks at, its reports, a scan that was broken off, and
what can't be deleted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from app import collecting
from app.collecting import CollectDuty, ScanDuty
from app.installation import Installation
from app.publishing.discarding import Discarding
from app.publishing.lost_references import LostReferences
from app.work import Jobs
from app.work.duty import Duty, Failures, Schedule
from app.work.job import Job
from storage import keys
from storage.blobs import open_blobs
from storage.metadata import Key, Put
from tests.app.test_collection import ORG, listed, suspend, write
from tests.faults.locked import LockedBlobs

FIRST = "aaa1"  # comes before ORG in every order
NO_GRACE = timedelta(seconds=-1)


@pytest.fixture
def shelf(installation: Installation, tmp_path: Path) -> Installation:
    """With blobs in a folder, and one organization."""
    installation.metadata.commit(Put(keys.organization(ORG), {"id": ORG}))
    return replace(installation, blobs=open_blobs(f"file:{tmp_path}/blobs", tmp_path, 2**25))


def run(at: Installation, duty: Duty, stopping: Callable[[], bool] = lambda: False) -> bool:
    schedule = Schedule(at.metadata, Jobs(at.metadata, at.journal, ()), (duty,), {})
    found = at.metadata.get(keys.duty(duty.name)).get(keys.duty(duty.name))
    return schedule.run(duty, found, "worker", stopping)


def reports(at: Installation, organization: str = ORG) -> list[Job]:
    return list(Jobs(at.metadata, at.journal, ()).list(organization, "", 100).jobs)


def test_collect_leaves_a_report_of_what_it_removed(shelf: Installation) -> None:
    suspend(shelf)
    write(shelf, b"lost", referred=False)
    assert run(shelf, CollectDuty(shelf, NO_GRACE))
    (report,) = reports(shelf)
    assert (report.kind, report.counts) == ("collect", {"uploads": 1, "blobs": 0, "bytes": 0})
    assert len(listed(shelf)) == 1, "what only a look at every blob can tell is the scan's"


def test_a_scan_leaves_a_report_of_what_it_removed(shelf: Installation) -> None:
    kept = write(shelf, b"kept", referred=True)
    write(shelf, b"lost", referred=False)
    suspend(shelf)
    assert run(shelf, ScanDuty(shelf, NO_GRACE))
    (report,) = reports(shelf)
    assert (report.kind, report.counts) == ("scan", {"uploads": 0, "blobs": 1, "bytes": 4})
    assert listed(shelf) == {kept}


def test_a_run_that_finds_nothing_leaves_no_report(shelf: Installation) -> None:
    write(shelf, b"kept", referred=True)
    assert run(shelf, CollectDuty(shelf, NO_GRACE))
    assert run(shelf, ScanDuty(shelf, NO_GRACE))
    assert reports(shelf) == []


def test_nothing_is_reported_to_an_organization_that_is_not_known(
    shelf: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    with shelf.blobs.create("stranger", 3) as writer:
        writer.window()[:3] = b"abc"
        writer.filled(3)
        writer.commit()
    assert run(shelf, ScanDuty(shelf, NO_GRACE))
    assert reports(shelf, "stranger") == []
    assert "1 blobs belong to no organization" in caplog.text


def test_a_scan_that_was_broken_off_goes_on_where_it_was(
    shelf: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reports what it did, and the next run looks at the rest alone."""
    monkeypatch.setattr(collecting, "_SAVED_EVERY", 50)
    for _ in range(160):
        write(shelf, b"lost", referred=False)
    asked = iter([False, False, True])
    assert not run(shelf, ScanDuty(shelf, NO_GRACE), lambda: next(asked))
    assert len(listed(shelf)) == 10
    saved = shelf.metadata.get(keys.SCAN)[keys.SCAN].value["after"]
    early = min(listed(shelf))
    assert early > saved
    behind = write(shelf, b"late", referred=False)
    while behind > saved:
        behind = write(shelf, b"late", referred=False)
    assert run(shelf, ScanDuty(shelf, NO_GRACE))
    assert behind in listed(shelf)
    assert early not in listed(shelf)
    assert keys.SCAN not in shelf.metadata.get(keys.SCAN), "the next one begins anew"
    assert [report.counts["blobs"] for report in reports(shelf)][-1] == 150


# What can't be deleted


@dataclass(frozen=True)
class Room:
    """An installation with two organizations, whose store refuses to delete what is locked."""

    at: Installation
    blobs: LockedBlobs

    def uploads(self) -> set[str]:
        return {upload.key for upload in self.blobs.uploads().uploads}

    def suspended(self, count: int, organization: str = ORG) -> set[str]:
        """Leave unfinished uploads behind: their keys."""
        before = self.uploads()
        for _ in range(count):
            suspend(self.at, organization)
        return self.uploads() - before

    def lost(self, count: int, organization: str = ORG) -> set[str]:
        """Leave blobs behind that lost their last reference: their keys."""
        found = set()
        for _ in range(count):
            key = write(self.at, b"lost", referred=False, organization=organization)
            digest = sha256(key.encode()).hexdigest()
            self.at.metadata.commit(
                Put(keys.blob(organization, digest), {"key": key, "size": 4, "references": 0}),
                Put(keys.blob_bytes(organization, key), {"sha256": digest}),
                Put(Key(keys.unreferenced(organization), key), {"sha256": digest}),
            )
            found.add(key)
        return found

    def expire(self) -> None:
        """Leave a record behind whose time is up."""
        past = self.at.metadata.now() - timedelta(seconds=1)
        self.at.metadata.commit(Put(keys.duty("x"), {}, expires=past))

    def is_swept(self) -> bool:
        """Whether no record is stored whose time is up."""
        return self.at.metadata.sweep(1000) == 0

    def candidates(self) -> set[str]:
        return {record.key.sort for record in self.at.metadata.query_all(keys.unreferenced(ORG))}


@pytest.fixture
def room(shelf: Installation) -> Room:
    shelf.metadata.commit(
        Put(keys.organization_by_name("first"), {"id": FIRST}),
        Put(keys.organization(FIRST), {"id": FIRST}),
        Put(keys.organization_by_name("second"), {"id": ORG}),
    )
    blobs = LockedBlobs(shelf.blobs)
    return Room(replace(shelf, blobs=blobs), blobs)


def test_what_cant_be_deleted_keeps_nothing_else_from_it(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    """An upload and a blob in the midst of others, of the organization that comes first."""
    uploads = sorted(room.suspended(5, FIRST))
    lost = sorted(room.lost(50, FIRST))
    room.blobs.locked = frozenset({uploads[1], lost[30]})
    room.suspended(1)
    room.lost(1)
    room.expire()
    assert not run(room.at, CollectDuty(room.at, NO_GRACE))
    assert (room.uploads(), listed(room.at)) == ({uploads[1]}, {lost[30]})
    assert room.is_swept()
    for key in room.blobs.locked:
        assert key in caplog.text
    (report,) = reports(room.at, FIRST)
    assert report.counts == {"uploads": 4, "blobs": 49, "bytes": 4 * 49}
    (report,) = reports(room.at)
    assert report.counts == {"uploads": 1, "blobs": 1, "bytes": 4}


def test_what_couldnt_be_deleted_is_deleted_once_it_can_be(room: Room) -> None:
    """Its records are gone, but not the candidate that leads to it."""
    (upload,) = room.suspended(1)
    room.blobs.locked = frozenset({upload, *room.lost(1)})
    assert not run(room.at, CollectDuty(room.at, NO_GRACE))
    assert room.candidates() == room.blobs.locked - {upload}
    room.blobs.locked = frozenset()
    assert run(room.at, CollectDuty(room.at, NO_GRACE))
    assert (room.uploads(), listed(room.at), room.candidates()) == (set(), set(), set())


def test_a_blob_that_is_referred_to_again_while_it_is_locked_is_another(room: Room) -> None:
    """Nothing that is referred to is ever deleted by a candidate that was left."""
    room.blobs.locked = frozenset(room.lost(1))
    assert not run(room.at, CollectDuty(room.at, NO_GRACE))
    kept = write(room.at, b"lost", referred=True)
    room.blobs.locked = frozenset()
    assert run(room.at, CollectDuty(room.at, NO_GRACE))
    assert listed(room.at) == {kept}


@pytest.mark.parametrize("away", [False, True])
def test_a_store_that_deletes_nothing_is_not_asked_for_all(
    room: Room, monkeypatch: pytest.MonkeyPatch, away: bool
) -> None:
    """What it deleted until then is reported, and expired records are swept all the same."""
    if not away:
        monkeypatch.setattr("app.publishing.discarding._PATIENCE", timedelta())
    uploads = sorted(room.suspended(100))
    room.blobs.locked = frozenset({*uploads[1:], *room.lost(100)})
    room.expire()
    if away:
        room.blobs.fail("check", times=1000)
    assert not run(room.at, CollectDuty(room.at, NO_GRACE))
    assert room.blobs.calls["abort"] + room.blobs.calls["delete"] <= 2
    (report,) = reports(room.at)
    assert report.counts == {"uploads": 1, "blobs": 0, "bytes": 0}
    assert room.is_swept()


def test_what_lies_behind_very_much_that_is_locked_is_come_to(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be deleted is put off for a day, and is in nobody's way until then."""
    monkeypatch.setattr("app.publishing.discarding._PATIENCE", timedelta(minutes=10))
    lost = sorted(room.lost(120))
    room.blobs.locked = frozenset(lost[:80])
    before = room.at.metadata.now()
    ticks = count()
    for _ in range(20):  # each call takes half a minute
        discarding = Discarding(room.blobs, Failures("collection"), lambda: 30.0 * next(ticks))
        found = LostReferences(room.at.metadata, room.at.journal, room.blobs, discarding)
        list(found.run(ORG, before))
    assert listed(room.at) == room.candidates() == room.blobs.locked
    room.blobs.locked = frozenset()
    list(found.run(ORG, room.at.metadata.now()))
    assert listed(room.at) == room.candidates() == set()


def test_an_organization_of_which_nothing_can_be_deleted_keeps_no_other_waiting(
    room: Room,
) -> None:
    kept = room.suspended(40, FIRST), room.lost(100, FIRST)
    room.blobs.locked = kept[0] | kept[1]
    room.suspended(3)
    room.lost(3)
    assert not run(room.at, CollectDuty(room.at, NO_GRACE))
    assert (room.uploads(), listed(room.at)) == kept


@pytest.mark.parametrize("each, most", [(timedelta(seconds=30), 20), (timedelta(0), 10_000)])
def test_how_long_a_store_may_refuse_is_a_matter_of_time(
    room: Room, each: timedelta, most: int
) -> None:
    """One that says so at once may be asked for all: what lies behind is come to."""
    lost = sorted(room.lost(200))
    room.blobs.locked = frozenset(lost[:150])
    ticks = count()
    discarding = Discarding(
        room.blobs, Failures("collection"), lambda: each.total_seconds() * next(ticks)
    )
    for key in lost:
        discarding.delete(ORG, [key])
    assert room.blobs.calls["delete"] <= most
    assert discarding.is_given_up(ORG) == (each > timedelta(0))
    assert (len(listed(room.at)) == 150) == (each == timedelta(0))


def test_organizations_of_which_nothing_can_be_deleted_keep_none_behind_them_waiting(
    room: Room,
) -> None:
    """Those that refuse cost little, once it is clear that they are many."""
    ticks = count()
    discarding = Discarding(room.blobs, Failures("collection"), lambda: 30.0 * next(ticks))
    calls = []
    for number in range(6):
        lost = room.lost(1, f"bbb{number}")
        room.blobs.locked |= lost
        before = room.blobs.calls["delete"]
        while not discarding.is_given_up(f"bbb{number}"):
            discarding.delete(f"bbb{number}", list(lost))
        calls.append(room.blobs.calls["delete"] - before)
    assert calls == [20, 20, 20, 1, 1, 1]
    healthy = room.lost(30)
    assert discarding.delete(ORG, sorted(healthy)) == healthy
    discarding.require_store()


def test_an_empty_folder_is_taken_back_a_day_after_it_was_made(room: Room) -> None:
    now = room.at.metadata.now()
    folder = keys.subfolder(ORG, "repo", "/", "a")
    made = keys.made(ORG, now, "repo", "/a/")
    room.at.metadata.commit(Put(folder, {}), Put(made, {}))
    assert run(room.at, CollectDuty(room.at, timedelta(days=1)))
    assert set(room.at.metadata.get(folder, made)) == {folder, made}
    assert run(room.at, CollectDuty(room.at, NO_GRACE))
    assert room.at.metadata.get(folder, made) == {}


def test_a_candidate_that_cant_be_read_keeps_no_other_organization_waiting(room: Room) -> None:
    room.at.metadata.commit(Put(Key(keys.unreferenced(FIRST), f"{FIRST}/x"), {}))
    room.lost(1)
    assert not run(room.at, CollectDuty(room.at, NO_GRACE))
    assert listed(room.at) == set()


def test_a_scan_passes_over_what_it_cant_delete_until_its_next_time(room: Room) -> None:
    """Looking at everything is dear: it is not done each minute for what is locked."""
    lost = sorted(write(room.at, b"lost", referred=False) for _ in range(120))
    room.blobs.locked = frozenset({lost[10], lost[70]})
    assert not run(room.at, ScanDuty(room.at, NO_GRACE))
    assert listed(room.at) == room.blobs.locked
    (report,) = reports(room.at)
    assert report.counts["blobs"] == 118
    duty = room.at.metadata.get(keys.duty("scan"))[keys.duty("scan")].value
    assert duty["outcome"] == "failed"
    until = datetime.fromisoformat(duty["until"])
    assert until > room.at.metadata.now() + timedelta(hours=23)
    room.blobs.locked = frozenset()
    assert run(room.at, ScanDuty(room.at, NO_GRACE))
    assert listed(room.at) == set()


def test_what_an_organization_was_given_up_with_counts_as_refused(room: Room) -> None:
    """Also where a single call with many took too long: the next run tries what is behind it."""
    lost = sorted(room.lost(5))
    room.blobs.locked = frozenset(lost)
    ticks = count()
    failures = Failures("collection")
    discarding = Discarding(room.blobs, failures, lambda: 900.0 * next(ticks))
    assert discarding.delete(ORG, lost) == set()
    assert (discarding.refused, failures.count) == (set(lost), 1)
    assert room.blobs.calls["delete"] == 1
