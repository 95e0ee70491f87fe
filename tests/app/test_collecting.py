"""The collection as duties: what each looks at, its reports, and a scan that was broken off."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app import collecting
from app.collecting import CollectDuty, ScanDuty
from app.installation import Installation
from app.work import Jobs
from app.work.duty import Duty, Schedule
from app.work.job import Job
from storage import keys
from storage.blobs import open_blobs
from storage.metadata import Put
from tests.app.test_collection import ORG, listed, suspend, write

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
