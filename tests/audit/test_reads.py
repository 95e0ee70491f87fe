"""Reads: an event for each download where it is wanted, behind the answer, in few commits."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from app.audit import Reads
from app.audit.history import History
from app.behind import Behind
from app.installation import Installation
from app.repositories import ArtifactPath, Catalogue, Repository, RepositoryName
from storage import keys
from storage.events.event import read_event
from storage.metadata import OutcomeUnknown, StoreFull
from tests.audit.room import ACTOR, ORG, Room
from tests.faults.metadata import full, lost_after_effect, lost_before_effect, throttled


class Process:
    """The reads of one process."""

    def __init__(self, room: Room, most: int = 1_000) -> None:
        self.room = room
        catalogue = Catalogue(room.at.recent, room.at.journal)
        name = RepositoryName("files")
        found = catalogue.named(ORG, [name]).get(name)
        self.repository: Repository = replace(
            found or catalogue.create(ORG, ACTOR, name), audit_reads=True
        )
        self.reads = Reads(room.at.metadata, room.at.journal, lambda: room.engine.moment, most=most)

    def get(self, path: str, repository: Repository | None = None) -> None:
        self.reads.note(repository or self.repository, ArtifactPath.parse(path), "0" * 64, 7, ACTOR)

    def paths(self) -> list[str]:
        """What is in the history, in order of paths."""
        records = History(self.room.at.metadata, ORG).hour(self.room.now.replace(minute=0))
        events = [read_event(ORG, one, self.room.at.journal.genuine(one)) for one in records]
        assert all(event.genuine for event in events)
        read = [event for event in events if event.action == "artifact.read"]
        assert {event.details["size"] for event in read} <= {7}
        assert {event.actor.user for event in read} <= {ACTOR.user}
        return sorted(event.details["path"] for event in read)


@pytest.fixture
def room(installation: Installation) -> Room:
    return Room(installation)


def commits(room: Room, work: Callable[[], object]) -> int:
    before = len(room.engine.made)
    work()
    return room.engine.made[before:].count("transact")


def test_each_read_is_an_event_and_many_are_a_commit(any_installation: Installation) -> None:
    room = Room(any_installation)
    process = Process(room)
    before = len(room.engine.made)
    for _ in range(50):
        process.get("a/b")
        process.get("a/c")
    assert len(room.engine.made) == before, "a download waits for none of it"
    assert commits(room, process.reads.flush) == 3
    assert process.paths() == ["a/b"] * 50 + ["a/c"] * 50
    sides = [
        record
        for digit in "0123456789abcdef"
        for record in room.at.metadata.query_all(keys.who(ORG, room.now, digit))
    ]
    assert {record.value["address"] for record in sides if record.value["address"]} == {
        ACTOR.address
    }
    assert process.reads.flush() == 0


def test_where_it_is_not_wanted_nothing_is_written(room: Room) -> None:
    process = Process(room)
    process.get("a", replace(process.repository, audit_reads=False))
    assert process.reads.flush() == 0


def test_it_is_sealed_like_any_other_event(room: Room) -> None:
    process = Process(room)
    process.get("a")
    process.reads.flush()
    room.wait(minutes=5)
    room.seal()
    assert room.problems() == set()


@pytest.mark.parametrize("fault, times", [(throttled, 4), (full, 1), (lost_after_effect, 1)])
def test_what_could_not_be_written_waits(
    room: Room, fault: Callable[..., object], times: int
) -> None:
    process = Process(room)
    for number in range(100):
        process.get(f"f{number:02}")
    room.engine.next("transact", fault, times=times)
    Behind((process.reads,)).stop()  # which tries, and says what it could not write
    process.reads.flush()
    assert process.paths() == [f"f{number:02}" for number in range(100)]


def test_a_commit_whose_outcome_is_unknown_is_made_again(room: Room) -> None:
    process = Process(room)
    process.get("a")
    room.engine.next("transact", lost_before_effect, times=20)
    with pytest.raises(OutcomeUnknown):
        process.reads.flush()
    room.engine.forget()
    assert process.reads.flush() == 1
    assert process.paths() == ["a"]


def test_where_too_much_waits_a_download_writes_first_and_fails_where_it_can_not(
    room: Room,
) -> None:
    process = Process(room, most=10)
    for number in range(25):
        process.get(f"f{number:02}")
    assert len(process.paths()) == 20
    for number in range(25, 30):
        process.get(f"f{number}")
    room.engine.next("transact", full)
    with pytest.raises(StoreFull):
        process.get("late")
    process.reads.flush()
    assert len(process.paths()) == 30, "none is lost, and what failed was not read"


def test_organizations_are_written_apart(room: Room) -> None:
    process = Process(room)
    other = replace(process.repository, organization="org2")
    for number in range(3):
        process.get(f"f{number}")
        process.get(f"g{number}", other)
    assert commits(room, process.reads.flush) == 2
    assert process.paths() == ["f0", "f1", "f2"]


def test_stopping_writes_what_waits(room: Room) -> None:
    process = Process(room)
    behind = Behind((process.reads,))
    behind.start()
    process.get("a")
    behind.stop()
    assert process.paths() == ["a"]


def test_many_threads_lose_nothing(room: Room) -> None:
    process = Process(room, most=50)

    def fetch(start: int) -> None:
        for number in range(100):
            process.get(f"f{start:02}-{number:02}")

    threads = [threading.Thread(target=fetch, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    process.reads.flush()
    assert process.paths() == [f"f{s:02}-{n:02}" for s in range(4) for n in range(100)]
