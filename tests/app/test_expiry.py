"""From the end of restorability to the last byte: expiry, lost references, erased repositories."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.installation import Installation
from app.publishing import ArtifactExists, Contended, NothingToRestore, walk
from app.publishing.erasure import Eraser, EraseRepositoriesDuty
from app.publishing.lost_references import LostReferences
from app.publishing.purging import PURGE
from app.publishing.removal import DELETE
from app.repositories import (
    Catalogue,
    DeletedRepositories,
    DeletedRepository,
    RepositoryMissing,
    RepositoryName,
    Rules,
)
from app.work import Jobs
from app.work.duty import Schedule
from storage import keys
from storage.blobs import BlobsUnavailable
from storage.metadata import Delete, MetadataError, Put
from tests.app.storeroom import ACTOR, ORG, Storeroom
from tests.faults.metadata import half_seen, lost_after_effect, passes, throttled

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
NAME = RepositoryName("files")


@pytest.fixture
def room(installation: Installation) -> Storeroom:
    return Storeroom(installation)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "PAGE", 3)
    monkeypatch.setattr(walk, "PIECE", 4)


def test_what_is_due_is_purged_and_nothing_else(any_installation: Installation) -> None:
    room = Storeroom(any_installation)
    for number in range(30):
        room.put(f"d/{number}")
        room.remove(f"d/{number}")
    room.put("d/back")
    room.remove("d/back")
    room.restore("d/back")
    room.wait(10 * DAY)
    room.put("d/later")
    room.remove("d/later")
    assert room.expire().purged == 0
    room.wait(4 * DAY + SECOND)
    assert room.expire().purged == 30
    assert room.expire().purged == 0
    assert [r.value["artifact"]["size"] for r in room.records("deleted")] == [len("d/later")]
    assert room.paths() == ["d/back"]
    room.check()


def test_what_is_due_before_it_is_seen_is_purged_later(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Storeroom(installation, restore_days=0)
    room.put("f")
    room.remove("f")
    room.wait(SECOND)
    (deleted,) = room.records("deleted")
    half_seen(monkeypatch, room.at.metadata, deleted.key.partition)
    assert room.expire().purged == 0
    assert room.expire().purged == 1
    room.check()


def test_what_is_kept_for_no_day_goes_at_once(installation: Installation) -> None:
    room = Storeroom(installation, restore_days=0)
    room.put("f")
    room.remove("f")
    with pytest.raises(NothingToRestore):
        room.restore("f")
    room.wait(SECOND)
    assert room.expire().purged == 1
    room.check()


@pytest.mark.parametrize("after", range(8))
def test_an_expiry_that_is_killed_goes_on(room: Storeroom, after: int) -> None:
    for number in range(40):
        room.put(f"{number}")
    room.run(DELETE)
    room.wait(15 * DAY)
    room.engine.next("transact", passes, times=after)
    room.engine.next("transact", throttled if after % 2 else lost_after_effect, times=12)
    for _ in range(20):
        try:
            room.expire()
            break
        except MetadataError:
            continue
    assert room.records("deleted") == room.records("due") == []
    room.check()


def test_bytes_go_a_day_after_their_last_reference_and_no_sooner(
    any_installation: Installation,
) -> None:
    room = Storeroom(any_installation)
    for path in ("one", "two", "kept"):
        room.put(path, b"kept" if path == "kept" else b"shared")
    room.run(DELETE, "")
    room.restore("kept")
    room.run(PURGE, "two")
    room.wait(DAY + SECOND)
    assert room.collect().blobs == 0  # `one` can still be restored
    room.run(PURGE, "one")
    room.wait(DAY - timedelta(minutes=1))
    assert room.collect().blobs == 0
    room.wait(timedelta(minutes=2))
    assert room.collect(dry=True).blobs == 1
    assert len(room.blobs()) == 2
    report = room.collect()
    assert (report.blobs, report.bytes) == (1, 6)
    assert len(room.blobs()) == 1
    assert room.records("unreferenced") == []
    assert room.read("kept") == b"kept"
    assert room.collect().blobs == 0
    room.check()


@pytest.mark.parametrize("call", ["transact", "get", "query"])
@pytest.mark.parametrize("after", range(6))
def test_a_collection_that_is_killed_anywhere_goes_on(
    room: Storeroom, call: str, after: int
) -> None:
    for number in range(60):
        room.put(f"{number}")
    room.put("kept", b"7")
    room.run(DELETE)
    room.restore("kept")
    room.run(PURGE)
    room.wait(2 * DAY)
    room.engine.next(call, passes, times=after)
    unknown = call == "transact" and after % 2
    room.engine.next(call, lost_after_effect if unknown else throttled, times=12)
    for _ in range(20):
        try:
            room.collect()
            break
        except MetadataError:
            continue
    room.engine.forget()
    assert len(room.blobs()) == 1
    assert room.read("kept") == b"7"
    assert room.records("unreferenced") == []
    assert len(room.records("blob")) == len(room.records("bytes")) == 1
    room.check()


def test_bytes_that_could_not_be_deleted_are_deleted_by_a_later_run(
    room: Storeroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their records are gone by then: the candidate still knows them."""
    room.put("f")
    room.run(DELETE)
    room.run(PURGE)
    room.wait(2 * DAY)

    def fail(_: object) -> None:
        raise BlobsUnavailable("injected")

    with monkeypatch.context() as patched:
        patched.setattr(room.at.blobs, "delete", fail)
        with pytest.raises(BlobsUnavailable):
            room.collect()
    assert room.records("blob") == []
    assert len(room.blobs()) == 1
    room.wait(2 * DAY)
    room.collect()
    assert room.blobs() == set()
    assert room.records("unreferenced") == []


def test_a_publisher_who_refers_to_the_bytes_meanwhile_keeps_them(room: Storeroom) -> None:
    """Between the look at the candidate and the commit that would drop its record."""
    room.put("f", b"wanted")
    room.put("g", b"unwanted")
    room.run(DELETE)
    room.run(PURGE)
    room.wait(2 * DAY)

    def again(call: Callable[[], Any]) -> Any:
        room.put("h", b"wanted")
        return call()

    room.engine.next("transact", again)
    assert room.collect().blobs == 1
    assert room.read("h") == b"wanted"
    room.check()


def test_a_blob_collected_and_sent_again_meanwhile_is_not_taken_for_the_old_one(
    room: Storeroom,
) -> None:
    """A publisher is told of a known blob; before he refers to it, it is collected, and
    somebody else has sent the same bytes."""
    room.put("f", b"wanted")
    room.run(DELETE)
    room.run(PURGE)
    room.wait(2 * DAY)

    lost = LostReferences(room.at.metadata, room.at.journal, room.at.blobs)

    def meanwhile(call: Callable[[], Any]) -> Any:
        assert [one.blobs for one in lost.run(ORG, room.at.metadata.now())] == [1]
        room.put("other", b"wanted")
        return call()

    room.engine.next("transact", passes, meanwhile)  # the first one is refused, and told
    room.put("h", b"wanted")
    assert room.read("h") == room.read("other") == b"wanted"
    assert len(room.blobs()) == 1
    room.check()


def test_no_bytes_are_lost_while_the_same_are_published_deleted_and_collected(
    any_installation: Installation,
) -> None:
    """Everybody at once at two digests, with no grace: the conditions alone have to hold."""
    room = Storeroom(any_installation, restore_days=0)
    ended = threading.Event()
    wrong: list[object] = []
    collected: list[int] = []

    def publish(number: int) -> None:
        for turn in range(12):
            path, data = f"{number}", f"digest {turn % 2}".encode()
            try:
                room.put(path, data)
                if room.read(path) != data:
                    wrong.append((path, data))
                room.remove(path)
                room.run(PURGE, path)
            except (MetadataError, Contended, ArtifactExists) as error:
                wrong.append(error)

    def collect() -> None:
        lost = LostReferences(room.at.metadata, room.at.journal, room.at.blobs)
        while not ended.is_set():
            collected.extend(batch.blobs for batch in lost.run(ORG, room.at.metadata.now()))

    publishers = [threading.Thread(target=publish, args=(n,)) for n in range(4)]
    collector = threading.Thread(target=collect)
    collector.start()
    for thread in publishers:
        thread.start()
    for thread in publishers:
        thread.join()
    ended.set()
    collector.join()
    assert wrong == []
    assert sum(collected) > 0
    room.check()


# Deleted repositories


def eraser(room: Storeroom) -> Eraser:
    deleted = DeletedRepositories(room.at.recent, room.at.journal)
    return Eraser(room.at.metadata, room.at.journal, deleted, room.bulk)


def planted(room: Storeroom) -> None:
    for path in ("a", "a/b", "a/b/c", "d/e/f", "g"):
        room.put(path)
        room.put(path, b"again " + path.encode())
    room.remove("a/b/c")
    repository = room.repository.id
    room.at.metadata.commit(Put(keys.retention(ORG, repository), {"rules": []}))
    for start in range(0, 250, 50):
        names = range(start, start + 50)
        downloads = [Put(keys.downloaded(ORG, repository, f"{name}"), {}) for name in names]
        room.at.metadata.commit(*downloads)
    room.catalogue.delete(ORG, ACTOR, NAME)


def test_a_deleted_repository_is_erased_whole_when_its_time_is_up(
    any_installation: Installation, small_steps: None
) -> None:
    room = Storeroom(any_installation)
    planted(room)
    room.wait(14 * DAY - SECOND)
    assert eraser(room).due(ORG, room.at.metadata.now()) == []
    room.wait(2 * SECOND)
    (deleted,) = eraser(room).due(ORG, room.at.metadata.now())
    erased = eraser(room).erase(deleted)
    assert erased is not None
    assert erased.files == 10
    nothing_left(room)


def nothing_left(room: Storeroom) -> None:
    words = ("folder", "deleted", "due", "deleted-repositories", "retention", "downloaded")
    for word in words:
        assert room.records(word) == [], word
    assert [r for r in room.records() if room.repository.id in r.key.partition] == []
    organization = [r.value for r in room.records("usage")]
    assert {sum(one.get("bytes", 0) + one.get("restorable_bytes", 0) for one in organization)} == {
        0
    }
    room.wait(2 * DAY)
    room.collect()
    assert room.blobs() == set()


def test_a_missing_record_of_bytes_keeps_nothing_else_from_being_erased(room: Storeroom) -> None:
    for number in range(30):
        room.put(f"d/{number}")
    room.at.metadata.commit(Delete(room.records("blob")[0].key))
    room.catalogue.delete(ORG, ACTOR, NAME)
    room.wait(15 * DAY)
    (deleted,) = eraser(room).due(ORG, room.at.metadata.now())
    erased = eraser(room).erase(deleted)
    assert erased is not None
    assert erased.files == 30
    assert room.records("folder") == []


def test_what_fails_in_one_repository_keeps_no_other_from_being_erased(
    room: Storeroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("aa", "bb", "cc"):
        room.catalogue.create(ORG, ACTOR, RepositoryName(name), Rules(restore_days=0))
        room.catalogue.delete(ORG, ACTOR, RepositoryName(name))
    room.wait(15 * DAY)
    at, every = eraser(room), eraser(room).erase

    def erase(deleted: DeletedRepository, go_on: Callable[[], None]) -> object:
        if deleted.repository.name == "aa":
            raise ValueError("a record that nobody can read")
        return every(deleted, go_on)

    monkeypatch.setattr(at, "erase", erase)
    duty = EraseRepositoriesDuty(room.at.metadata, at)
    schedule = Schedule(room.at.metadata, Jobs(room.at.metadata, room.at.journal, ()), (duty,), {})
    assert not schedule.run(duty, None, "worker", lambda: False)
    left = eraser(room).due(ORG, room.at.metadata.now())
    assert [one.repository.name for one in left] == ["aa"]


@pytest.mark.parametrize("after", range(10))
def test_an_erasure_that_is_killed_goes_on(room: Storeroom, small_steps: None, after: int) -> None:
    planted(room)
    room.wait(15 * DAY)
    room.engine.next("transact", passes, times=after)
    room.engine.next("transact", throttled if after % 2 else lost_after_effect, times=12)
    for _ in range(20):
        try:
            for deleted in eraser(room).due(ORG, room.at.metadata.now()):
                eraser(room).erase(deleted)
            break
        except MetadataError:
            continue
    nothing_left(room)


def test_what_was_restored_is_not_erased_nor_the_other_way_round(room: Storeroom) -> None:
    planted(room)
    deleted = DeletedRepositories(room.at.recent, room.at.journal)
    (one,) = deleted.list(ORG)
    deleted.restore(ORG, ACTOR, NAME)
    assert eraser(room).erase(one) is None
    assert room.read("g") == b"again g"
    room.catalogue.delete(ORG, ACTOR, NAME)
    (one,) = deleted.list(ORG)
    room.engine.next("transact", passes)
    room.engine.next("transact", throttled, times=12)
    with pytest.raises(MetadataError):
        eraser(room).erase(one)
    assert list(deleted.list(ORG)) == []
    with pytest.raises(RepositoryMissing):
        deleted.restore(ORG, ACTOR, NAME)


def test_even_what_is_kept_for_no_day_is_erased_when_nobody_publishes_there_any_more(
    installation: Installation,
) -> None:
    room = Storeroom(installation, restore_days=0)
    room.catalogue.delete(ORG, ACTOR, NAME)
    room.put("late")  # was under way
    room.wait(DAY)
    assert eraser(room).due(ORG, room.at.metadata.now()) == []
    room.wait(DAY + SECOND)
    for deleted in eraser(room).due(ORG, room.at.metadata.now()):
        eraser(room).erase(deleted)
    nothing_left(room)


def test_another_repository_is_not_touched(room: Storeroom) -> None:
    planted(room)
    catalogue = Catalogue(room.at.recent, room.at.journal)
    first, room.repository = room.repository, catalogue.create(ORG, ACTOR, NAME, Rules())
    room.put("a/b", b"of the other")
    room.wait(15 * DAY)
    for deleted in eraser(room).due(ORG, room.at.metadata.now()):
        assert deleted.repository.id == first.id
        eraser(room).erase(deleted)
    room.wait(2 * DAY)
    room.collect()
    assert room.paths() == ["a/b"]
    assert room.read("a/b") == b"of the other"
    assert room.at.metadata.query(keys.deleted_repositories(ORG)).records == ()
    room.check()
