"""Counting what subscribers download: added up in memory, added to records in batches."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.distribution import SubscriberDownloads
from app.installation import Installation
from storage import keys
from storage.metadata import StoreFull
from storage.metadata.errors import OutcomeUnknown
from tests.app.storeroom import ORG, Storeroom
from tests.faults.metadata import full

NOON = datetime(2100, 3, 1, 12, tzinfo=UTC)
WHO = "a" * 16


class Counted:
    """The downloads of one process, with a clock of their own."""

    def __init__(self, room: Storeroom, most: int = 1_000) -> None:
        self.now, self.room = NOON, room
        self.downloads = SubscriberDownloads(room.at.metadata, lambda: self.now, most)

    def get(self, repository: str = "r", size: int = 10, *, whole: bool = True) -> None:
        self.downloads.count(ORG, WHO, repository, size, whole=whole)

    def found(self) -> dict[str, tuple[int, int]]:
        records = self.room.at.metadata.query_all(keys.subscriber_usage(ORG, WHO))
        return {r.key.sort: (r.value["downloads"], r.value["bytes"]) for r in records}


@pytest.fixture
def room(installation: Installation) -> Storeroom:
    return Storeroom(installation)


def test_counters_of_a_day_are_added_up(any_installation: Installation) -> None:
    room = Storeroom(any_installation)
    one, other = Counted(room), Counted(room)
    before = len(room.engine.made)
    for _ in range(3):
        one.get()
        other.get()
    one.get(size=5, whole=False)
    assert len(room.engine.made) == before, "a download touches no store"
    assert (one.downloads.flush(), other.downloads.flush()) == (1, 1)
    assert one.found() == {"21000301#r": (6, 65)}
    one.now += timedelta(days=1)
    one.get()
    one.downloads.flush()
    assert one.found() == {"21000301#r": (6, 65), "21000302#r": (1, 10)}


def test_many_counters_are_few_commits(room: Storeroom) -> None:
    counted = Counted(room)
    for number in range(250):
        counted.get(f"r{number}")
    before = len(room.engine.made)
    assert counted.downloads.flush() == 250
    assert room.engine.made[before:].count("transact") == 3


def test_memory_is_bounded_and_what_is_counted_already_goes_on(room: Storeroom) -> None:
    counted = Counted(room, most=2)
    for repository in ("a", "b", "c", "a"):
        counted.get(repository)
    counted.downloads.flush()
    assert counted.found() == {"21000301#a": (2, 20), "21000301#b": (1, 10)}


def test_what_the_store_did_not_take_is_counted_later(room: Storeroom) -> None:
    counted = Counted(room)
    counted.get()
    room.engine.next("transact", full)
    with pytest.raises(StoreFull):
        counted.downloads.flush()
    counted.get()
    counted.downloads.flush()
    assert counted.found() == {"21000301#r": (2, 20)}


def test_what_the_store_may_have_taken_is_never_counted_twice(
    room: Storeroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(room)
    counted.get()
    commit = room.at.metadata.commit

    def lost(*operations: object, **more: object) -> None:
        commit(*operations, **more)
        raise OutcomeUnknown("the answer was lost")

    monkeypatch.setattr(room.at.metadata, "commit", lost)
    with pytest.raises(OutcomeUnknown):
        counted.downloads.flush()
    monkeypatch.undo()
    assert counted.downloads.flush() == 0
    assert counted.found() == {"21000301#r": (1, 10)}


def test_many_threads_lose_nothing(room: Storeroom) -> None:
    counted = Counted(room)
    work: list[Callable[[], object]] = [counted.get] * 400 + [counted.downloads.flush] * 4
    threads = [
        threading.Thread(target=lambda some: [one() for one in some], args=(work[start::4],))
        for start in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    counted.downloads.flush()
    assert counted.found() == {"21000301#r": (400, 4000)}


def test_usage_is_kept_for_four_hundred_days(any_installation: Installation) -> None:
    room = Storeroom(any_installation)
    counted = Counted(room)
    counted.get()
    counted.downloads.flush()
    (record,) = room.records("subscriber-usage")
    assert record.expires is not None
    assert abs(record.expires - room.at.metadata.now() - timedelta(days=400)) < timedelta(hours=1)
