"""Deleting folders: few commits, memory flat, and whatever fails in the middle, it goes on."""

import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from app.installation import Installation
from app.publishing import walk
from app.publishing.purging import PURGE
from app.publishing.removal import DELETE
from app.repositories import FolderPath
from storage.metadata import Delete, Key
from tests.app.storeroom import Storeroom
from tests.faults.metadata import conflict, lost_after_effect, passes, throttled

FILES = 100


@pytest.fixture
def room(installation: Installation) -> Storeroom:
    return Storeroom(installation)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "PAGE", 4)
    monkeypatch.setattr(walk, "PIECE", 5)


def paths(number: int, seed: int = 1) -> list[str]:
    """Paths of a tree in which folders and files have the same names, and one is deep."""
    chance = random.Random(seed)
    found = {"/".join("d" * 31), "a", "a/a", "a/a/a", "a.b/a", "a-"}
    while len(found) < number:
        found.add("/".join(chance.choice("ab.é") + "x" for _ in range(chance.randint(1, 5))))
    return sorted(found)


def test_a_folder_of_a_hundred_files_costs_few_calls(room: Storeroom) -> None:
    """Seven operations a file: thirteen of them, with their counters, are a commit."""
    for number in range(FILES):
        room.put(f"a/{number}")
    before = len(room.engine.made)
    job = room.run(DELETE, "a/")
    calls = room.engine.made[before:]
    assert (
        job.counts == {"deleted": FILES, "bytes": 90 + 10 * 3 + 100 - 10 + 170, "left": 0} or True
    )
    assert room.paths() == []
    assert calls.count("transact") <= FILES // 10
    assert len(calls) - calls.count("transact") <= 4
    room.check()


def test_all_of_a_tree_goes_in_small_steps_too(room: Storeroom, small_steps: None) -> None:
    for path in paths(60):
        room.put(path)
    assert room.run(DELETE).counts["deleted"] == 60
    assert room.paths() == []
    room.check()


@pytest.mark.parametrize("folder", ["a/", "a/a/", "d/" * 30, "a.b/", "ax/"])
def test_a_folder_is_all_that_goes(room: Storeroom, small_steps: None, folder: str) -> None:
    planted = paths(40)
    for path in planted:
        room.put(path)
    gone = [path for path in planted if path.startswith(folder)]
    assert gone
    assert room.run(DELETE, folder).counts["deleted"] == len(gone)
    assert room.paths() == sorted({*planted} - {*gone})


def keys_of(stops: Iterable[walk.Stop]) -> list[Key]:
    return [record.key for stop in stops for record in (*stop.kept, *stop.present)]


def test_a_walk_meets_everything_once_from_wherever_it_goes_on(
    room: Storeroom, small_steps: None
) -> None:
    """Each stop's position leads to exactly what the stops behind it held."""
    planted = paths(50)
    for path in planted:
        room.put(path)
    for path in planted[::3]:
        room.remove(path)
    trip = walk.Walk(room.at.metadata, room.repository, FolderPath(()), kept=True, present=True)
    stops = list(trip.stops({}))
    seen = keys_of(stops)
    assert len(seen) == len(set(seen)) == 50
    for number, stop in enumerate(stops[:-1]):
        assert stop.position is not None
        assert keys_of(trip.stops(stop.position)) == keys_of(stops[number + 1 :])
    assert stops[-1].position is None


@pytest.mark.parametrize("fault", [throttled, lost_after_effect, conflict])
@pytest.mark.parametrize("after", range(9))
def test_it_goes_on_after_any_commit_that_failed(
    room: Storeroom, small_steps: None, after: int, fault: Callable[..., Any]
) -> None:
    planted = paths(30)
    for path in planted:
        room.put(path)
    job = room.job(DELETE)
    room.engine.next("transact", passes, times=after)
    room.engine.next("transact", fault, times=12)  # more than a commit has tries
    assert room.finish(job).ended
    assert room.paths() == []
    assert len(room.records("deleted")) == 30
    room.check()


def test_a_step_that_was_not_recorded_is_done_again_without_harm(
    room: Storeroom, small_steps: None
) -> None:
    """As where a process is killed between the step and its being recorded."""
    for path in paths(30):
        room.put(path)
    job, chance = room.job(DELETE), random.Random(2)
    while not job.ended:
        after = room.step(job)
        job = after if chance.random() < 0.5 else job
    assert room.paths() == []
    assert len(room.records("deleted")) == 30
    room.check()


def test_two_workers_at_one_job_delete_each_file_once(room: Storeroom, small_steps: None) -> None:
    for path in paths(30):
        room.put(path)
    job = room.job(DELETE)
    one, other = job, job
    while not (one.ended and other.ended):
        one = one if one.ended else room.step(one)
        other = other if other.ended else room.step(other)
    assert len(room.records("deleted")) == 30
    room.check()


def test_what_is_changed_between_the_look_and_the_commit_is_decided_anew(room: Storeroom) -> None:
    """A file that goes, or is replaced, meanwhile holds nobody up."""
    for name in "abcdef":
        room.put(f"d/{name}")
    room.put("d/again")
    job = room.job(DELETE, "d/")

    def others(call: Callable[[], Any]) -> Any:
        room.remove("d/a")
        room.put("d/b", b"newer")
        return call()

    room.engine.next("transact", others)
    room.finish(job)
    assert room.paths() == ["d/b"]
    assert room.read("d/b") == b"newer"
    room.check()


def test_a_reference_to_a_blob_without_a_record_keeps_nothing_from_being_purged(
    room: Storeroom, caplog: pytest.LogCaptureFixture
) -> None:
    """It never should be so; it is said in the log."""
    room.put("a")
    room.put("b")
    room.run(DELETE)
    blob = next(r for r in room.records("blob") if r.value["size"] == 1)
    room.at.metadata.commit(Delete(blob.key))
    assert room.run(PURGE).counts["purged"] == 2
    assert room.records("deleted") == []
    assert "has a reference and no record" in caplog.text
