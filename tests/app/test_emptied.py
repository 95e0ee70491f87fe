"""Folders whose files are all gone leave the listings, and no file is ever hidden by that."""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from app.installation import Installation
from app.publishing import walk
from app.publishing.emptied import REMEMBERED, EmptiedFolders
from app.publishing.place import is_listed
from app.publishing.purging import PURGE
from app.publishing.removal import DELETE
from app.publishing.restoring import RESTORE
from app.publishing.walk import Walk
from app.repositories import FolderPath, Format
from storage import keys
from storage.events import Cursor, Event, Feed
from storage.metadata import MetadataError
from tests.app.storeroom import ORG, Storeroom
from tests.faults.metadata import lost_after_effect, passes, throttled


def _raw(_organization: str, _repository: str) -> Format:
    return Format.RAW


class Reading:
    """A room, and the reader of its feed, which keeps its cursor."""

    def __init__(self, room: Storeroom) -> None:
        self.room = room
        self._feed = Feed(room.at.metadata, room.at.journal, ORG, room.at.metadata.now)
        self._cursor: Cursor = self._feed.start(room.repository.created)
        self._reader = EmptiedFolders(room.at.metadata, _raw)

    def read(self, *, keep: bool = True) -> None:
        """Act on what is new; without `keep` as one who is killed before his cursor is."""
        more = True
        cursor = self._cursor
        while more:
            batch = self._feed.read(cursor)
            self._reader.take(ORG, batch.events)
            cursor, more = batch.cursor, batch.more
        if keep:
            self._cursor = cursor

    def new(self) -> Sequence[Event]:
        """What has happened since, for who acts on it late."""
        return self._feed.read(self._cursor).events

    def listed(self) -> set[str]:
        """The folders that listings show, from the root on."""
        found: set[str] = set()
        self._list("/", found)
        return found

    def found(self) -> set[str]:
        """The restorable files that a walk comes by."""
        walk = Walk(self.room.at.metadata, self.room.repository, FolderPath(()), kept=True)
        return {
            f"{stop.folder.key[1:]}{record.key.sort.rpartition('/')[0]}"
            for stop in walk.stops({})
            for record in stop.kept
        }

    def _list(self, folder: str, found: set[str]) -> None:
        partition = keys.folder(ORG, self.room.repository.id, folder)
        for record in self.room.at.metadata.query_all(partition):
            if record.key.sort.endswith("/") and is_listed(record):
                found.add(f"{folder[1:]}{record.key.sort}")
                self._list(f"{folder}{record.key.sort}", found)


def restorable(room: Storeroom) -> set[str]:
    """The restorable files that there are."""
    return {
        f"{record.key.partition.split('#', 3)[3][1:]}{record.key.sort.rpartition('/')[0]}"
        for record in room.records("deleted")
    }


def folders_of(paths: list[str]) -> set[str]:
    found = set()
    for path in paths:
        parts = path.split("/")[:-1]
        found |= {
            "".join(f"{part}/" for part in parts[:depth]) for depth in range(1, len(parts) + 1)
        }
    return found


@pytest.fixture
def reading(installation: Installation) -> Reading:
    return Reading(Storeroom(installation))


def test_an_emptied_folder_goes_with_those_above_that_held_nothing_else(reading: Reading) -> None:
    room = reading.room
    for path in ("a/b/c/1", "a/b/c/2", "a/x"):
        room.put(path)
    room.remove("a/b/c/1")
    reading.read()
    assert reading.listed() == {"a/", "a/b/", "a/b/c/"}
    room.remove("a/b/c/2")
    reading.read()
    assert reading.listed() == {"a/"}
    room.remove("a/x")
    reading.read()
    assert reading.listed() == set()


def test_what_lies_in_folders_that_are_gone_is_found_and_comes_back(reading: Reading) -> None:
    room = reading.room
    for path in ("a/b/c/1", "a/2"):
        room.put(path)
    room.run(DELETE)
    reading.read()
    assert reading.listed() == set()
    assert room.run(RESTORE).counts["restored"] == 2
    assert reading.listed() == {"a/", "a/b/", "a/b/c/"}
    reading.read()
    assert reading.listed() == {"a/", "a/b/", "a/b/c/"}


def test_no_record_is_left_when_nothing_can_be_restored_any_more(reading: Reading) -> None:
    room = reading.room
    for path in ("a/b/c/1", "a/2", "d/1"):
        room.put(path)
    room.run(DELETE)
    reading.read()
    assert room.records("folder")
    room.run(PURGE)
    reading.read()
    assert room.records("folder") == []
    ends = [record.expires for record in room.records("emptied")]
    assert len(ends) == 4
    assert all(end is not None and end <= room.at.metadata.now() + REMEMBERED for end in ends)


@pytest.mark.parametrize("after", range(6))
def test_a_publisher_who_read_the_folder_before_it_was_taken_back_is_listed(
    reading: Reading, after: int
) -> None:
    """He commits at any moment between the reader's look and its last write, or after it."""
    room = reading.room
    room.put("a/b/1")
    room.remove("a/b/1")
    place = room.place("a/b/2")
    records = room.at.metadata.get(*place.keys())
    done: list[bool] = []

    def publish(call: Callable[[], Any]) -> Any:
        if not done:
            done.append(True)
            room.put("a/b/2", records=records)
        return call()

    room.engine.next("transact" if after < 3 else "query", *[passes] * (after % 3), publish)
    reading.read()
    if not done:
        room.put("a/b/2", records=records)
    room.engine.forget()
    reading.read()
    reading.read()
    assert reading.listed() == {"a/", "a/b/"}


@pytest.mark.parametrize("batches", ["one", "two", "looking"])
def test_what_came_late_and_was_deleted_at_once_is_found(reading: Reading, batches: str) -> None:
    """Its folder was read before its record was taken back: it is restorable all the same."""
    room = reading.room
    room.put("a/b/1")
    room.put("a/b/c/1")
    records = room.at.metadata.get(*room.place("a/b/c/2").keys())
    room.run(DELETE)
    room.run(PURGE)

    def come_and_go() -> None:
        room.put("a/b/c/2", records=records)
        room.remove("a/b/c/2")

    if batches == "looking":  # at what is in the folder, before its record is taken back

        def meanwhile(call: Callable[[], Any]) -> Any:
            come_and_go()
            return call()

        room.engine.next("transact", meanwhile)
    reading.read()
    if batches == "one":
        come_and_go()
    elif batches == "two":
        room.put("a/b/c/2", records=records)
        reading.read()
        room.remove("a/b/c/2")
    reading.read()
    assert reading.listed() == set()
    assert reading.found() == {"a/b/c/2"}
    assert room.run(RESTORE).counts["restored"] == 1
    assert reading.listed() == {"a/", "a/b/", "a/b/c/"}
    room.run(DELETE)
    room.run(PURGE)
    reading.read()
    assert room.records("folder") == []


@pytest.mark.parametrize("seed", range(12))
def test_at_rest_exactly_the_folders_with_files_are_listed(
    reading: Reading, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files come and go, publishers commit by what they read long ago, the reader is killed."""
    monkeypatch.setattr(walk, "PAGE", 3)
    room, chance = reading.room, random.Random(seed)
    paths = [f"{a}/{b}{c}" for a in "xy" for b in ("", "z/", "z/z/") for c in "12"]
    old: list[Any] = []
    for _ in range(60):
        path = chance.choice(paths)
        match chance.choice(
            ("put", "late", "remove", "empty", "restore", "purge", "read", "killed")
        ):
            case "put":
                room.put(path)
            case "late":  # read now, committed in a while
                old.append((path, room.at.metadata.get(*room.place(path).folder_keys())))
                if len(old) > 2:
                    late, records = old.pop(0)
                    room.put(
                        late, records={**room.at.metadata.get(room.place(late).key), **records}
                    )
            case "remove" if path in room.paths():
                room.remove(path)
            case "empty":
                room.run(DELETE, chance.choice(("x/", "y/z/", "")))
            case "restore":
                room.run(RESTORE, chance.choice(("x/", "y/z/", "")))
            case "purge":
                room.run(PURGE, chance.choice(("x/", "y/z/", "")))
            case "read":
                reading.read()
            case "killed":
                fault = chance.choice((throttled, lost_after_effect))
                room.engine.next("transact", *[passes] * chance.randint(0, 2), *[fault] * 12)
                with suppress(MetadataError):
                    reading.read(keep=False)
                room.engine.forget()
        room.wait(timedelta(seconds=30))
    reading.read()
    assert reading.listed() == folders_of(room.paths())
    assert reading.found() == restorable(room)
    room.run(DELETE)
    room.run(PURGE)
    reading.read()
    assert room.records("folder") == []
    room.check()


def look_again(reading: Reading, age: timedelta = timedelta(0)) -> int:
    """Look at the folders that were made so long ago; their number."""
    metadata = reading.room.at.metadata
    return EmptiedFolders(metadata, _raw).look_again(ORG, metadata.now() - age)


def die_before(room: Storeroom, path: str) -> None:
    """Be killed between the folders of a file and its commit: no event tells of it."""
    place = room.place(path)
    now = room.at.metadata.now()
    room.at.metadata.commit(*place.missing_folders(room.at.metadata.get(*place.folder_keys()), now))


def test_a_folder_that_was_made_for_a_file_that_never_came_goes_a_day_later(
    reading: Reading,
) -> None:
    room = reading.room
    room.put("a/f")
    die_before(room, "a/b/c/f")
    die_before(room, "a/d/f")
    room.remove("a/f")
    reading.read()
    assert reading.listed() == {"a/", "a/b/", "a/b/c/", "a/d/"}
    room.wait(timedelta(hours=1))
    assert look_again(reading, timedelta(days=1)) == 0
    assert look_again(reading) == 3
    assert reading.listed() == set()
    assert reading.found() == {"a/f"}
    look_again(reading)
    assert room.records("made") == []


def test_a_folder_with_a_file_stays_whoever_made_it_again(reading: Reading) -> None:
    """As one who read before that there was none, and comes with the same bytes."""
    room = reading.room
    records = room.at.metadata.get(*room.place("a/b/f").keys())
    room.put("a/b/f", b"x")
    reading.read()
    room.put("a/b/f", b"x", records=records)
    room.wait(timedelta(days=60))
    reading.read()
    assert look_again(reading)
    assert reading.listed() == {"a/", "a/b/"}


def test_what_can_be_restored_is_found_whoever_died_beside_it(reading: Reading) -> None:
    room = reading.room
    room.put("a/b/f")
    room.remove("a/b/f")
    die_before(room, "a/c/f")
    reading.read()
    die_before(room, "a/b/g")
    room.wait(timedelta(days=60))
    look_again(reading)
    assert reading.listed() == set()
    assert reading.found() == {"a/b/f"}


def test_many_notes_are_looked_at_some_at_a_time(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.publishing.emptied._NOTES", 50)
    room = reading.room
    for number in range(120):
        die_before(room, f"a/{number}/f")
    room.put("a/7/f")
    asked: list[None] = []
    now = room.at.metadata.now()
    looked = EmptiedFolders(room.at.metadata, _raw).look_again(ORG, now, lambda: asked.append(None))
    assert looked == 120
    assert len(asked) >= 120
    assert reading.listed() == {"a/", "a/7/"}


@pytest.mark.parametrize("killed", range(4))
@pytest.mark.parametrize("level", ["a/b/", "a/"])
def test_a_file_that_came_while_its_folder_was_taken_back_is_listed_whoever_died(
    reading: Reading, killed: int, level: str
) -> None:
    """The feed has told of it before the folder's record went; who took that is killed then."""
    room = reading.room
    die_before(room, "a/b/f")
    records = room.at.metadata.get(*room.place("a/b/g").keys())

    def meanwhile(call: Callable[[], Any]) -> Any:
        room.put("a/b/g", records=records)
        reading.read()
        room.engine.next("get", *[passes] * killed, *[throttled] * 12)
        return call()

    room.engine.next("transact", *[passes] * (0 if level == "a/b/" else 1), meanwhile)
    with suppress(MetadataError):
        look_again(reading)
    room.engine.forget()
    look_again(reading)
    reading.read()
    assert reading.listed() == {"a/", "a/b/"}


@pytest.mark.parametrize("who", ["reader", "collection"])
@pytest.mark.parametrize("stays", [True, False])
def test_who_stood_still_and_died_behind_his_drop_hides_nothing_for_good(
    reading: Reading, who: str, stays: bool
) -> None:
    """His successor has read of all that came meanwhile, and has seen the folder in use."""
    room = reading.room
    if who == "reader":
        room.put("a/f")
        room.remove("a/f")
        room.run(PURGE)
    else:
        die_before(room, "a/f")
    records = room.at.metadata.get(*room.place("a/z").keys())

    def meanwhile(call: Callable[[], Any]) -> Any:
        room.put("a/z", records=records)
        if not stays:
            room.remove("a/z")
        Reading(room).read()
        look_again(reading)
        result = call()
        room.engine.next("get", *[throttled] * 12)
        return result

    room.engine.next("transact", meanwhile)
    with suppress(MetadataError):
        if who == "reader":
            reading.read()
        else:
            look_again(reading)
    room.engine.forget()
    for _ in range(3):  # days later; the feed has nothing new
        room.wait(timedelta(days=1))
        look_again(reading)
    assert reading.listed() == ({"a/"} if stays else set())
    assert reading.found() == (set() if stays else {"a/z"})
    assert room.records("made") == []


def test_who_stood_still_lists_no_folder_for_good_whose_files_are_gone(
    reading: Reading,
) -> None:
    """He was to act on what came, and his successor has acted on that and on all behind it."""
    room = reading.room
    room.put("a/f")
    records = room.at.metadata.get(*room.place("a/g").keys())
    room.remove("a/f")
    room.run(PURGE)
    reading.read()
    room.put("a/g", records=records)
    came = [event for event in reading.new() if any(key.sort == "g" for key, _ in event.puts)]

    def meanwhile(call: Callable[[], Any]) -> Any:
        room.remove("a/g")
        room.run(PURGE, "a/")
        reading.read()
        return call()

    room.engine.next("transact", meanwhile)
    EmptiedFolders(room.at.metadata, _raw).take(ORG, came)
    assert reading.listed() == {"a/"}
    look_again(reading)
    assert reading.listed() == set()


def test_the_folder_above_many_is_looked_at_once(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the records of those in it stay, until nothing can be restored any more."""
    room = reading.room
    for number in range(60):
        room.put(f"a/v{number}/f")
    asked: list[str] = []
    query = type(room.at.metadata).query

    def counted(self: Any, partition: str, *more: Any) -> Any:
        asked.append(partition)
        return query(self, partition, *more)

    above = keys.folder(ORG, room.repository.id, "/a/")
    for kind in (DELETE, PURGE):
        room.run(kind)
        with monkeypatch.context() as patched:
            patched.setattr(type(room.at.metadata), "query", counted)
            reading.read()
        assert reading.listed() == set()
        # It is looked at for files, and for what can be restored; a page may have a next.
        assert 0 < asked.count(above) <= 6
        asked.clear()
    assert room.records("folder") == []
