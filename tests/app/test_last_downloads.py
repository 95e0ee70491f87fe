"""The last download of a file: a record a file and day, written beside the downloads."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.behind import EVERY, Behind
from app.installation import Installation
from app.repositories import ArtifactPath
from app.retention import LastDownloads
from storage import keys
from storage.metadata import StoreFull
from tests.app.storeroom import ORG, Storeroom
from tests.faults.metadata import full, lost_after_effect, throttled

NOON = datetime(2100, 3, 1, 12, tzinfo=UTC)  # to come: records of the past have expired


class Process:
    """The downloads of one process, with a clock of their own."""

    def __init__(self, room: Storeroom, most: int = 1_000) -> None:
        self.now = NOON
        self.room = room
        self.last = LastDownloads(room.at.metadata, lambda: self.now, most=most)

    def get(self, path: str, days: int | None = 30) -> None:
        repository = replace(self.room.repository, downloads_days=days)
        self.last.note(repository, ArtifactPath.parse(path))

    def days(self) -> dict[str, str]:
        partition = keys.downloaded(ORG, self.room.repository.id, "-").partition
        records = self.room.at.metadata.query_all(partition)
        return {record.key.sort: record.value["day"] for record in records}


@pytest.fixture
def room(installation: Installation) -> Storeroom:
    return Storeroom(installation)


def commits(room: Storeroom, work: Callable[[], object]) -> int:
    before = len(room.engine.made)
    work()
    return room.engine.made[before:].count("transact")


def test_a_file_is_written_once_a_day_however_often_it_is_fetched(room: Storeroom) -> None:
    process = Process(room)
    before = len(room.engine.made)
    for _ in range(50):
        process.get("a/b")
    assert len(room.engine.made) == before, "a download touches no store"
    assert process.last.flush() == 1
    process.get("a/b")
    assert process.last.flush() == 0
    assert process.days() == {"a/b": "2100-03-01"}
    process.now += timedelta(days=1)
    process.get("a/b")
    assert process.last.flush() == 1
    assert process.days() == {"a/b": "2100-03-02"}


def test_where_no_rule_asks_nothing_is_written(room: Storeroom) -> None:
    process = Process(room)
    process.get("a", days=None)
    assert process.last.flush() == 0


def test_many_are_written_with_few_commits(any_installation: Installation) -> None:
    room = Storeroom(any_installation)
    process = Process(room)
    for number in range(250):
        process.get(f"f{number}")
    assert commits(room, process.last.flush) == 3
    assert len(process.days()) == 250


def test_a_record_outlives_the_days_that_are_asked_for(room: Storeroom) -> None:
    process = Process(room)
    process.now = room.at.metadata.now()
    process.get("a", days=30)
    process.last.flush()
    room.wait(timedelta(days=31))
    assert room.at.metadata.get(keys.downloaded(ORG, room.repository.id, "a"))
    (record,) = room.records("downloaded")
    assert record.expires is not None
    assert timedelta(days=31) < record.expires - process.now < timedelta(days=33)


@pytest.mark.parametrize("fault, times", [(throttled, 4), (full, 1), (lost_after_effect, 1)])
def test_what_could_not_be_written_waits(
    room: Storeroom, fault: Callable[..., object], times: int
) -> None:
    process = Process(room)
    for number in range(150):
        process.get(f"f{number}")
    room.engine.next("transact", fault, times=times)
    Behind((process.last,)).stop()  # which tries, and says what it could not write
    process.last.flush()
    assert len(process.days()) == 150


def test_after_a_day_away_it_is_the_later_day_that_counts(room: Storeroom) -> None:
    process = Process(room)
    process.get("a")
    room.engine.next("transact", full)
    with pytest.raises(StoreFull):
        process.last.flush()
    process.now += timedelta(days=1)
    process.last.flush()
    assert process.days() == {"a": "2100-03-02"}


def test_a_process_that_is_behind_puts_nothing_back(room: Storeroom) -> None:
    """Noted before midnight, written after it, and after another process."""
    one, other = Process(room), Process(room)
    one.get("a")
    for process in (one, other):
        process.now += timedelta(hours=12)
    other.get("a")
    other.last.flush()
    one.last.flush()
    assert one.days() == {"a": "2100-03-02"}


def test_where_a_rule_asks_for_longer_it_is_written_again(room: Storeroom) -> None:
    """What is written already would expire too early."""
    process = Process(room)
    process.get("a", days=5)
    assert process.last.flush() == 1
    process.get("a", days=60)
    process.get("a", days=5)
    assert process.last.flush() == 1
    (record,) = room.records("downloaded")
    assert record.expires is not None
    assert record.expires - process.now > timedelta(days=60)


def test_what_waits_is_bounded(room: Storeroom) -> None:
    process = Process(room, most=10)
    for number in range(20):
        process.get(f"f{number}")
    assert process.last.flush() == 10
    process.get("f15")
    assert process.last.flush() == 1, "what found no room is noted when it is fetched again"


def test_what_is_known_is_bounded(room: Storeroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.retention.downloads.MOST_NOTED", 5)
    process = Process(room)
    for number in range(20):
        process.get(f"f{number}")
        process.last.flush()
    assert len(process.last._noted) <= 5
    assert len(process.days()) == 20


def test_stopping_writes_what_waits(room: Storeroom) -> None:
    process = Process(room)
    behind = Behind((process.last,))
    behind.start()
    process.get("a")
    behind.stop()
    assert process.days() == {"a": "2100-03-01"}
    assert timedelta(seconds=30) >= EVERY


def test_many_threads_lose_nothing(room: Storeroom) -> None:
    process = Process(room)

    def fetch(start: int) -> None:
        for number in range(100):
            process.get(f"f{(start + number) % 120}")
            if number % 25 == 0:
                process.last.flush()

    threads = [threading.Thread(target=fetch, args=(start,)) for start in range(0, 40, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    process.last.flush()
    assert len(process.days()) == 120
