"""Erasing: all of one organization goes, 30 days after it was deleted, and nothing of another."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn

import pytest

from app.collection import Collection
from app.erasing import Erased, EraseDuty, Erasing
from app.work import Jobs
from app.work.duty import Schedule
from auth.errors import CorruptRecord, Missing
from auth.organizations import Deleted, Organizations
from auth.registrar import RESTORABLE_FOR
from storage import keys
from storage.metadata import Put
from tests.faults.locked import LockedBlobs
from tests.faults.metadata import passes
from tests.http.probes import SHARED, furnish, records_of
from tests.http.stand import Stand

FILE = f"/repositories/{SHARED}/own"
PAGE = 20  # so that little is much


@pytest.fixture(params=["memory", "folder", "remote"])
def any_pair(request: pytest.FixtureRequest) -> tuple[Stand, Stand]:
    return pair_of(request.getfixturevalue(f"{request.param}_stand"))


@pytest.fixture
def pair(memory_stand: Stand) -> tuple[Stand, Stand]:
    return pair_of(memory_stand)


def pair_of(whole: Stand) -> tuple[Stand, Stand]:
    """An organization that was deleted, with one of everything in it, and another one, whose
    keys come right before and behind it in some order."""
    kept, gone = whole.another_organization("kept"), whole.another_organization("gone")
    furnish(gone, kept)
    gone.registrar().delete("gone")
    return kept, gone


def later(stand: Stand, by: timedelta = RESTORABLE_FOR) -> datetime:
    return stand.process.installation.metadata.now() + by + timedelta(minutes=1)


def erasing(stand: Stand, by: timedelta = RESTORABLE_FOR) -> Erasing:
    """As a worker does it, by a clock that is so far ahead."""
    at = later(stand, by)
    return Erasing(stand.process.installation, lambda: at, PAGE)


def erase(stand: Stand) -> list[Erased | None]:
    work = erasing(stand)
    return [work.erase(deleted, lambda: None) for deleted in work.due()]


def deleted_of(stand: Stand) -> tuple[Deleted, ...]:
    return Organizations(stand.process.installation.recent).deleted()


def bytes_of(stand: Stand) -> list[str]:
    """The keys of the blobs and of the unfinished uploads of an organization."""
    blobs = stand.process.installation.blobs
    keys_ = [entry.key for entry in blobs.list().entries]
    keys_ += [upload.key for upload in blobs.uploads().uploads]
    return [key for key in keys_ if key.startswith(f"{stand.organization}/")]


def test_all_of_it_goes_and_nothing_of_another(any_pair: tuple[Stand, Stand]) -> None:
    kept, gone = any_pair
    before = records_of(kept), bytes_of(kept)
    assert records_of(gone)
    assert len(bytes_of(gone)) > 1
    (erased,) = erase(gone)
    assert erased is not None
    assert erased.records > 50
    assert erased.blobs > 1
    assert erased.bytes > 0
    assert (records_of(gone), bytes_of(gone), deleted_of(gone)) == ([], [], ())
    assert (records_of(kept), bytes_of(kept)) == before
    assert kept.admins.get(FILE).body == b"own bytes"
    assert erase(gone) == []


def test_before_its_time_nothing_goes(pair: tuple[Stand, Stand]) -> None:
    _, gone = pair
    early = erasing(gone, RESTORABLE_FOR - timedelta(minutes=3))
    assert list(early.due()) == []
    before = records_of(gone), bytes_of(gone)
    assert run_duty(gone) == [True]
    assert (records_of(gone), bytes_of(gone)) == before
    gone.registrar().restore("gone")
    assert gone.admins.get(FILE).status == 200


def test_collection_leaves_the_files_of_a_deleted_organization_alone(
    any_pair: tuple[Stand, Stand],
) -> None:
    """They are referred to still, and whoever restores it finds them."""
    _, gone = any_pair
    before = bytes_of(gone)
    blobs = {entry.key for entry in gone.process.installation.blobs.list().entries}
    ahead = later(gone, timedelta(days=3))
    report = Collection(gone.process.installation, clock=lambda: ahead).run()
    assert report.foreign == 0
    assert {key for key in before if key in blobs} <= set(bytes_of(gone))
    gone.registrar().restore("gone")
    assert gone.admins.get(f"/repositories/{SHARED}/a/first").status == 200


class Killed(BaseException):
    """Stands for SIGKILL."""


def kill(_: object) -> NoReturn:
    raise Killed


def times() -> Iterator[int]:
    yield from range(1_000)


def test_killed_before_any_write_another_goes_on(pair: tuple[Stand, Stand]) -> None:
    """Each attempt gets one write further than the last, and then is killed."""
    kept, gone = pair
    before = records_of(kept), bytes_of(kept)
    deaths = 0
    for allowed in times():
        line = gone.engine
        line.next("transact", *[passes] * (allowed % 3), kill)
        try:
            erase(gone)
        except Killed:
            deaths += 1
            if records_of(gone):
                with pytest.raises(Missing):  # it can't be restored half
                    restored_only_whole(gone)
            continue
        break
    assert deaths > 10
    assert (records_of(gone), bytes_of(gone), deleted_of(gone)) == ([], [], ())
    assert (records_of(kept), bytes_of(kept)) == before


def restored_only_whole(gone: Stand) -> None:
    (deleted,) = deleted_of(gone)
    if not deleted.erasing:
        raise Missing("nothing was done yet")
    gone.registrar().restore("gone")


def test_stopped_between_any_two_pieces_another_goes_on(pair: tuple[Stand, Stand]) -> None:
    kept, gone = pair
    before = records_of(kept), bytes_of(kept)
    for allowed in times():
        left = [allowed // 2 + 1]

        def go_on(left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Killed

        work = erasing(gone)
        try:
            for deleted in work.due():
                work.erase(deleted, go_on)
        except Killed:
            continue
        break
    assert (records_of(gone), bytes_of(gone), deleted_of(gone)) == ([], [], ())
    assert (records_of(kept), bytes_of(kept)) == before


def test_what_was_restored_between_is_left_alone(pair: tuple[Stand, Stand]) -> None:
    _, gone = pair
    work = erasing(gone)
    (due,) = work.due()
    gone.registrar().restore("gone")
    before = gone.dump()
    with pytest.raises(CorruptRecord):  # a name leads to it
        work.erase(due, lambda: None)
    gone.registrar().delete("gone")
    assert work.erase(due, lambda: None) is None  # another deletion, with days of its own
    assert gone.dump().blobs == before.blobs
    gone.registrar().restore("gone")
    assert gone.admins.get(FILE).status == 200


def test_an_organization_that_has_a_name_is_never_erased(pair: tuple[Stand, Stand]) -> None:
    """Whatever a record says: what is there is not touched, and neither is what has no id."""
    kept, gone = pair
    metadata = gone.process.installation.metadata
    (deleted,) = deleted_of(gone)
    before = records_of(kept), bytes_of(kept)
    for organization in (kept.organization, "", "#", "_", kept.organization[:4]):
        forged = deleted.value() | {"id": organization}
        metadata.commit(Put(deleted.key, forged))
        work = erasing(gone)
        for due in work.due():
            with pytest.raises(CorruptRecord):
                work.erase(due, lambda: None)
    assert (records_of(kept), bytes_of(kept)) == before


def test_a_name_that_was_taken_since_is_not_touched(pair: tuple[Stand, Stand]) -> None:
    _, gone = pair
    newer = gone.another_organization("gone")
    newer.repository(SHARED)
    assert newer.admins.put(FILE, b"newer").status == 201
    assert len(erase(gone)) == 1
    assert newer.admins.get(FILE).body == b"newer"
    assert (records_of(gone), bytes_of(gone)) == ([], [])


def test_bytes_that_came_after_the_deletion_go_too(pair: tuple[Stand, Stand]) -> None:
    """An upload that was under way then, and whose commit never came."""
    _, gone = pair
    with gone.process.installation.blobs.create(gone.organization, 3) as writer:
        writer.window()[:3] = b"abc"
        writer.filled(3)
        writer.commit()
    assert len(erase(gone)) == 1
    assert bytes_of(gone) == []


def run_duty(stand: Stand) -> list[bool]:
    """Run the duty as a worker does; whether it was done."""
    schedule = stand.process.background.schedule
    return [
        schedule.run(duty, record, "worker", lambda: False)
        for duty, record in schedule.due()
        if isinstance(duty, EraseDuty)
    ]


def end_their_time(stand: Stand) -> None:
    """Move all deletions into the past."""
    for deleted in deleted_of(stand):
        past = deleted.value() | {"until": deleted.value()["deleted"]}
        stand.process.installation.metadata.commit(Put(deleted.key, past, at=deleted.version))


def test_the_duty_erases_what_is_due_and_says_so(
    pair: tuple[Stand, Stand], caplog: pytest.LogCaptureFixture
) -> None:
    _, gone = pair
    end_their_time(gone)
    with caplog.at_level(logging.INFO, "strongroom.worker"):
        assert run_duty(gone) == [True]
    assert f"erased organization {gone.organization}" in caplog.text
    assert (records_of(gone), bytes_of(gone), deleted_of(gone)) == ([], [], ())


def test_one_that_cant_be_erased_keeps_no_other_waiting(
    folder_stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    """A live writer still holds an upload of the first."""
    _, gone = pair_of(folder_stand)
    second = gone.another_organization("second")
    second.registrar().delete("second")
    end_their_time(gone)
    with gone.process.installation.blobs.create(gone.organization, None) as writer:
        for _ in range(2):  # what fits one window is not stored yet
            writer.filled(len(writer.window()))
        assert run_duty(gone) == [True]
        assert f"{gone.organization} is not erased yet" in caplog.text
        assert [deleted.id for deleted in deleted_of(gone)] == [gone.organization]
        assert records_of(second) == []
        assert keys.organization(gone.organization) in {r.key for r in records_of(gone)}
    assert len(erase(gone)) == 1
    assert (records_of(gone), bytes_of(gone)) == ([], [])


def lock(stand: Stand, locked: set[str]) -> LockedBlobs:
    """Let the store of a process refuse to delete these, where nothing is locked yet."""
    blobs = LockedBlobs(stand.process.installation.blobs)
    blobs.locked = frozenset(locked)
    stand.process.installation = replace(stand.process.installation, blobs=blobs)
    return blobs


def run_duty_of(stand: Stand) -> bool:
    """The same as `run_duty`, over the store that the process has now."""
    at = stand.process.installation
    duty = EraseDuty(at)
    found = at.metadata.get(keys.duty(duty.name)).get(keys.duty(duty.name))
    jobs = Jobs(at.metadata, at.journal, ())
    return Schedule(at.metadata, jobs, (duty,), {}).run(duty, found, "worker", lambda: False)


def test_bytes_that_cant_be_deleted_keep_nothing_else_from_it(
    pair: tuple[Stand, Stand], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither other bytes and records of the organization nor another one; and it ends."""
    kept, gone = pair
    others = gone.another_organization("others")
    others.registrar().delete("others")
    end_their_time(gone)
    before = records_of(kept), bytes_of(kept)
    blobs = lock(gone, {min(bytes_of(gone))})
    assert not run_duty_of(gone)
    assert set(bytes_of(gone)) == blobs.locked
    assert [record.key for record in records_of(gone)] == [keys.organization(gone.organization)]
    assert [deleted.id for deleted in deleted_of(gone)] == [gone.organization]
    assert records_of(others) == []
    assert f"{gone.organization} is not erased yet: 1 of its blobs and uploads" in caplog.text
    assert next(iter(blobs.locked)) in caplog.text
    blobs.locked = frozenset()
    assert run_duty_of(gone)
    assert (records_of(gone), bytes_of(gone), deleted_of(gone)) == ([], [], ())
    assert (records_of(kept), bytes_of(kept)) == before


def test_an_organization_whose_erasing_fails_keeps_no_other_waiting(
    pair: tuple[Stand, Stand],
) -> None:
    _, gone = pair
    others = gone.another_organization("others")
    others.registrar().delete("others")
    end_their_time(gone)
    blobs = lock(gone, set())
    blobs.fail("list")
    assert not run_duty_of(gone)
    assert len(deleted_of(gone)) == 1
    assert run_duty_of(gone)
    assert (records_of(gone), records_of(others), deleted_of(gone)) == ([], [], ())
