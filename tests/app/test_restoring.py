"""Restoring is exact: random histories, held against a model that remembers everything."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.installation import Installation
from app.publishing import NothingToRestore, PathTaken, walk
from app.publishing.artifact import MOST_SPANS, Artifact
from app.publishing.purging import PURGE
from app.publishing.removal import DELETE
from app.publishing.restoring import MARGIN, RESTORE, RESTORE_TO, TimeRestoring
from app.repositories import RepositoryName, Rules
from app.work.kind import Failed
from storage.metadata import MetadataError
from tests.app.storeroom import ACTOR, ORG, Storeroom
from tests.faults.metadata import lost_after_effect, lost_before_effect, passes, throttled

PATHS = ("a", "b", "d/a", "d/b", "d/d/a", "d.x")
MINUTE = timedelta(minutes=1)
FILES = RepositoryName("files")


@pytest.fixture
def room(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Storeroom:
    monkeypatch.setattr(walk, "PAGE", 3)
    monkeypatch.setattr(walk, "PIECE", 4)
    return Storeroom(installation)


@dataclass
class Model:
    """Every file at every moment, and what can be restored, in the plainest way."""

    now: dict[str, bytes] = field(default_factory=dict)
    kept: dict[str, list[bytes]] = field(default_factory=dict)  # the newest last
    history: list[tuple[datetime, dict[str, bytes]]] = field(default_factory=list)

    def retire(self, path: str) -> None:
        if path in self.now:
            self.kept.setdefault(path, []).append(self.now.pop(path))

    def put(self, path: str, data: bytes) -> None:
        if self.now.get(path) != data:
            self.retire(path)
            self.now[path] = data

    def bring_back(self, path: str, data: bytes) -> None:
        """The version with these bytes; no two of the same path have the same."""
        self.kept[path].remove(data)
        self.retire(path)
        self.now[path] = data

    def go_back(self, state: dict[str, bytes], folder: str) -> None:
        for path in {*self.now, *state}:
            if not path.startswith(folder) or self.now.get(path) == state.get(path):
                continue
            if path in state:
                self.bring_back(path, state[path])
            else:
                self.retire(path)


def state_of(room: Storeroom) -> dict[str, bytes]:
    return {path: room.read(path) or b"" for path in room.paths()}


def act(room: Storeroom, model: Model, chance: random.Random, number: int) -> str:
    """One random action on both; what it was."""
    path, folder = chance.choice(PATHS), chance.choice(("", "", "d/", "d/d/"))
    action = chance.choice(
        ("put", "put", "put", "delete", "empty", "restore", "over", "folder", "back")
    )
    if action == "put":
        data = f"{number} in {path}".encode()
        room.put(path, data)
        model.put(path, data)
    elif action == "delete" and path in model.now:
        room.remove(path)
        model.retire(path)
    elif action == "empty":
        room.run(DELETE, folder)
        for one in [one for one in model.now if one.startswith(folder)]:
            model.retire(one)
    elif action in ("restore", "over"):
        over = action == "over"
        if not model.kept.get(path):
            with pytest.raises(NothingToRestore):
                room.restore(path, overwrite=over)
        elif path in model.now and not over:
            with pytest.raises(PathTaken):
                room.restore(path)
        else:
            room.restore(path, overwrite=over)
            model.bring_back(path, model.kept[path][-1])
    elif action == "folder":
        room.run(RESTORE, folder)
        for one, versions in model.kept.items():
            if one.startswith(folder) and versions and one not in model.now:
                model.bring_back(one, versions[-1])
    elif action == "back" and model.history:
        moment, state = chance.choice(model.history)
        told = room.run(RESTORE_TO, folder, time=moment.isoformat(), dry_run=True)
        assert state_of(room) == model.now
        done = room.run(RESTORE_TO, folder, time=moment.isoformat(), dry_run=False)
        assert told.counts == done.counts
        model.go_back(state, folder)
    return f"{action} {path} {folder}"


@pytest.mark.parametrize("seed", range(12))
def test_any_history_can_be_gone_back_to_exactly(room: Storeroom, seed: int) -> None:
    chance, model, told = random.Random(seed), Model(), []
    for number in range(40):
        room.wait(MINUTE)
        told.append(act(room, model, chance, number))
        assert state_of(room) == model.now, told
        room.wait(MINUTE)
        model.history.append((room.at.metadata.now(), dict(model.now)))
    room.check()
    kept = sorted(data for versions in model.kept.values() for data in versions)
    assert len(room.records("deleted")) == len(kept)
    for moment, state in reversed(model.history):
        room.wait(MINUTE)
        room.run(RESTORE_TO, time=moment.isoformat(), dry_run=False)
        assert state_of(room) == state, told
    room.check()


@pytest.mark.parametrize("seed", range(4))
def test_whatever_fails_in_between_it_ends_where_it_was_to(room: Storeroom, seed: int) -> None:
    """Calls fail, and steps are done without being recorded, as where a process is killed."""
    chance, model = random.Random(seed), Model()
    for number in range(30):
        room.wait(MINUTE)
        act(room, model, chance, number)
        model.history.append((room.at.metadata.now(), dict(model.now)))
    for moment, state in chance.sample(model.history, 5):
        room.wait(MINUTE)
        job = room.job(RESTORE_TO, time=moment.isoformat(), dry_run=False)
        while not job.ended:
            fault = chance.choice((throttled, lost_after_effect, lost_before_effect))
            room.engine.next("transact", passes, times=chance.randint(0, 3))
            room.engine.next("transact", fault, times=chance.choice((1, 12)))
            try:
                after = room.step(job)
            except MetadataError:
                continue
            job = after if chance.random() < 0.7 else job
        assert state_of(room) == state
        room.check()


def test_what_others_do_after_the_request_stays_as_they_leave_it(room: Storeroom) -> None:
    for path in ("over", "gone", "new/file", "kept"):
        room.put(path, b"then")
    room.wait(MINUTE)
    moment = room.at.metadata.now()
    room.wait(MINUTE)
    for path in ("over", "kept"):
        room.put(path, b"later")
    room.remove("gone")
    room.put("extra", b"later")
    job = room.job(RESTORE_TO, time=moment.isoformat(), dry_run=False)
    room.wait(MINUTE)
    room.put("over", b"after")
    room.put("gone", b"after")
    room.put("brand new", b"after")
    room.remove("new/file")
    job = room.finish(job)
    assert state_of(room) == {
        "over": b"after", "gone": b"after", "brand new": b"after", "kept": b"then"
    }  # fmt: skip
    assert job.counts["left"] == 4
    room.check()


def test_a_folder_is_restored_as_far_as_nobody_was_quicker(room: Storeroom) -> None:
    for path in PATHS:
        room.put(path, b"old")
        room.remove(path)
    room.put("d/a", b"taken")
    job = room.job(RESTORE)
    room.wait(MINUTE)
    room.put("b", b"came")
    room.remove("b")  # after it was asked for
    job = room.finish(job)
    assert (job.counts["restored"], job.counts["left"]) == (4, 2)
    assert state_of(room) == dict.fromkeys(("a", "d/b", "d/d/a", "d.x"), b"old") | {"d/a": b"taken"}
    room.check()


def test_many_versions_of_one_file_are_one_file(room: Storeroom) -> None:
    """More than a page of them: the newest is found behind all of them."""
    for number in range(10):
        room.put("f", f"{number}".encode())
        room.put("g", f"{number}".encode())
    room.run(DELETE)
    assert room.run(RESTORE).counts["restored"] == 2
    assert state_of(room) == {"f": b"9", "g": b"9"}


def test_nothing_is_restored_whose_time_is_up(room: Storeroom) -> None:
    room.put("f", b"old")
    room.remove("f")
    room.wait(timedelta(days=14, seconds=1))
    assert room.run(RESTORE).counts["restored"] == 0
    with pytest.raises(NothingToRestore):
        room.restore("f")


def test_a_file_restored_very_often_loses_no_time_at_which_it_was_there() -> None:
    start, days = datetime.fromisoformat("2026-11-23T12:00:00Z"), timedelta(days=14)
    artifact = Artifact(None, 0, {"sha256": "0"}, start, None)
    for hour in range(1, 2 * MOST_SPANS):
        gone = start + timedelta(hours=hour, minutes=30)
        artifact = artifact.again(gone, start + timedelta(hours=hour + 1), days)
    assert len(artifact.spans) == MOST_SPANS
    assert all(artifact.was_there(start + timedelta(hours=hour)) for hour in range(2 * MOST_SPANS))


def test_what_ended_too_long_ago_to_go_back_to_is_forgotten() -> None:
    start, days = datetime.fromisoformat("2026-11-23T12:00:00Z"), timedelta(days=14)
    artifact = Artifact(None, 0, {"sha256": "0"}, start, None)
    hour = timedelta(hours=1)
    artifact = artifact.again(start + hour, start + 2 * hour, days)
    artifact = artifact.again(start + 2 * days, start + 2 * days + hour, days)
    assert artifact.spans == ((start + 2 * hour, start + 2 * days),)
    assert Artifact.parse(artifact.value()) == artifact


def test_going_back_ends_where_others_purge_what_it_needs(room: Storeroom) -> None:
    for path in PATHS:
        room.put(path)
    moment = room.at.metadata.now()
    room.run(DELETE)
    job = room.step(room.job(RESTORE_TO, time=moment.isoformat(), dry_run=False))
    room.run(PURGE)
    back = room.paths()
    with pytest.raises(Failed, match="Files have been purged"):
        room.step(job)
    assert room.paths() == back
    room.check()


def test_a_purge_within_a_step_takes_no_file_with_it(room: Storeroom) -> None:
    """What was to come back and did not is told of as left, and what is there stays."""
    room.put("a", b"then")
    moment = room.at.metadata.now()
    room.wait(MINUTE)
    room.put("a", b"later")
    restore = room.restorer.restore

    class Late:
        """Restores once somebody has purged what it is to restore."""

        current, versions = room.restorer.current, room.restorer.versions
        holders = room.restorer.holders

        def restore(self, *arguments: Any) -> Any:
            room.run(PURGE)
            return restore(*arguments)

    kind = TimeRestoring(room.at.metadata, room.catalogue, Late(), room.bulk)  # type: ignore[arg-type]
    step = kind.step(room.job(RESTORE_TO, time=moment.isoformat(), dry_run=False))
    assert step.done
    assert {name: count for name, count in step.counts.items() if count} == {"left": 1}
    assert room.read("a") == b"later"


@pytest.mark.parametrize("waited", [timedelta(days=3), timedelta(days=8)])
def test_more_days_hold_for_what_goes_after_they_were_set(
    installation: Installation, waited: timedelta
) -> None:
    """What was overwritten before is gone sooner: nobody is taken back to before that."""
    room = Storeroom(installation, restore_days=5)
    room.put("a", b"first")
    before = room.at.metadata.now()
    room.wait(MINUTE)
    room.put("a", b"second")
    room.wait(timedelta(days=1))
    room.repository = room.catalogue.update(ORG, ACTOR, FILES, Rules(restore_days=30))
    room.wait(timedelta(hours=3))
    after = room.at.metadata.now()
    room.wait(MINUTE)
    room.put("a", b"third")
    room.wait(waited)
    room.expire()
    now = room.at.metadata.now()
    whole = room.repository.goes_back_to(now + MARGIN) <= before
    assert whole == (waited < timedelta(days=4))
    if whole:
        room.run(RESTORE_TO, time=before.isoformat(), dry_run=False)
        assert room.read("a") == b"first"
    else:
        with pytest.raises(Failed):
            room.run(RESTORE_TO, time=before.isoformat(), dry_run=False)
        assert room.read("a") == b"third"
    room.run(RESTORE_TO, time=after.isoformat(), dry_run=False)
    assert room.read("a") == b"second"


def test_a_job_that_begins_too_late_takes_nothing_away(room: Storeroom) -> None:
    room.put("a", b"then")
    moment = room.at.metadata.now()
    room.wait(MINUTE)
    room.put("a", b"later")
    room.wait(timedelta(days=14) - 2 * MINUTE)
    job = room.job(RESTORE_TO, time=moment.isoformat(), dry_run=False)
    room.wait(2 * MINUTE)
    with pytest.raises(Failed, match="their time was up"):
        room.step(job)
    assert room.read("a") == b"later"


def test_a_purge_tells_of_what_went_after_it_was_asked_for(room: Storeroom) -> None:
    """As where the clock of who deleted it was ahead: nobody may take it for gone."""
    room.put("a")
    room.remove("a")
    room.wait(-timedelta(seconds=58))
    job = room.run(PURGE)
    assert (job.counts["purged"], job.counts["left"]) == (0, 1)
    assert len(list(room.restorer.versions(room.place("a")))) == 1


@pytest.mark.parametrize("kind", [PURGE, RESTORE])
def test_a_clock_that_is_a_second_behind_knows_of_what_went_just_now(
    room: Storeroom, kind: str
) -> None:
    """The delete was told by another process, whose answer of the store was newer."""
    room.put("a")
    room.remove("a")
    room.wait(-timedelta(seconds=0.9))
    job = room.run(kind, **({"dry_run": False} if kind == RESTORE else {}))
    assert list(room.restorer.versions(room.place("a"))) == []
    assert job.counts["purged" if kind == PURGE else "restored"] == 1
