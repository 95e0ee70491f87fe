"""The feed: every event once, whatever the clocks of its writers said."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage import keys
from storage.events import SYSTEM, Actor, Cursor, Feed, InvalidCursor, Journal
from storage.events.feed import REMEMBERED
from storage.metadata import Add, ClockSkewed, Delete, Key, Metadata, Page, Put
from storage.metadata.opening import open_engine
from tests.faults.metadata import Faults

START = datetime(2026, 11, 23, 11, 58, tzinfo=UTC)
SECRET = b"a secret key of thirty-two bytes"
ORG = "org1"


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@pytest.fixture
def metadata(tmp_path: Path) -> Iterator[Metadata]:
    engine = open_engine(f"sqlite:{tmp_path}/db", tmp_path)
    engine.prepare()
    yield Metadata(engine)
    engine.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Writer:
    """Writes events at any time, as a process with a clock of its own would."""

    def __init__(self, metadata: Metadata) -> None:
        self.metadata, self.journal, self.count = metadata, Journal(SECRET), 0

    def write(self, at: datetime) -> str:
        from storage.metadata.store import Attempt

        self.count += 1
        attempt = Attempt(at, f"{self.count:032x}")
        witness = self.journal.event(ORG, SYSTEM, "test", number=self.count)
        self.metadata.commit(*(replace(put, absent=False) for put in witness.puts(attempt, (), 1)))
        return attempt.id


def read_all(feed: Feed, cursor: Cursor, most: int = 1000) -> tuple[list[str], Cursor]:
    found: list[str] = []
    while True:
        batch = feed.read(cursor, most)
        cursor = Cursor.decode(batch.cursor.encode())
        found += [event.id for event in batch.events]
        if not batch.more:
            return found, cursor


def test_every_event_is_read_once_across_hours_and_restarts(
    metadata: Metadata, clock: Clock
) -> None:
    writer, feed = Writer(metadata), Feed(metadata, Journal(SECRET), ORG, clock)
    cursor, read, written = feed.start(START), [], []
    for _ in range(30):
        clock.advance(minutes=2.5)
        written += [writer.write(clock.now - timedelta(seconds=s)) for s in range(3)]
        found, cursor = read_all(feed, cursor)
        read += found
    assert sorted(read) == sorted(written)
    assert sum(map(len, cursor.taken)) < len(written)


def test_an_event_of_a_slow_or_skewed_writer_is_neither_lost_nor_taken_twice(
    metadata: Metadata, clock: Clock
) -> None:
    writer, feed = Writer(metadata), Feed(metadata, Journal(SECRET), ORG, clock)
    clock.advance(minutes=10)
    ahead = writer.write(clock.now + timedelta(seconds=60))
    prompt = writer.write(clock.now)
    first, cursor = read_all(feed, feed.start(START))
    assert set(first) == {ahead, prompt}
    late = writer.write(clock.now - timedelta(seconds=90))
    second, cursor = read_all(feed, cursor)
    assert second == [late]
    clock.advance(minutes=10)
    assert read_all(feed, cursor)[0] == []


def test_a_cursor_fits_into_a_record_however_much_is_written(
    metadata: Metadata, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be remembered is not read yet; it is when it needs no remembering."""
    monkeypatch.setattr("storage.events.feed.REMEMBERED", 10)
    writer, feed = Writer(metadata), Feed(metadata, Journal(SECRET), ORG, clock)
    clock.advance(minutes=10)
    written = [writer.write(clock.now + timedelta(milliseconds=i)) for i in range(500)]
    read, cursor = read_all(feed, feed.start(START))
    assert all(len(marks) <= 10 for marks in cursor.taken)
    assert sum(map(len, cursor.taken)) == len(read) < 500
    for _ in range(5):
        clock.advance(minutes=1)
        found, cursor = read_all(feed, cursor)
        read += found
        assert all(len(marks) <= 10 for marks in cursor.taken)
    assert sorted(read) == sorted(written)


def test_a_reader_that_slept_for_a_month_reads_a_day_at_a_time(
    metadata: Metadata, clock: Clock
) -> None:
    """So a reading is a bounded number of queries, and its reader can stop between two."""
    writer, journal = Writer(metadata), Journal(SECRET)
    written = [writer.write(START + timedelta(days=day)) for day in (0, 3, 29)]
    clock.advance(days=30)
    queries = []

    class Counted(Metadata):
        def query(self, *arguments: object, **options: object) -> Page:
            queries.append(arguments)
            return super().query(*arguments, **options)  # type: ignore[arg-type]

    feed, read, most = Feed(Counted(metadata._engine), journal, ORG, clock), [], 0
    batch = feed.read(feed.start(START))
    while True:
        read += [event.id for event in batch.events]
        most, queries[:] = max(most, len(queries)), []
        if not batch.more:
            break
        batch = feed.read(batch.cursor)
    assert read == written
    assert most <= 24 * keys.STRIPES
    assert min(batch.cursor.positions) == clock.now - timedelta(minutes=3)


def test_a_full_cursor_is_well_below_what_a_record_takes() -> None:
    marks = frozenset(f"{number:016x}" for number in range(REMEMBERED))
    cursor = Cursor((START,) * keys.STRIPES, (marks,) * keys.STRIPES)
    assert len(cursor.encode()) < 200_000
    assert Cursor.decode(cursor.encode()) == cursor


@pytest.mark.parametrize("ahead", [timedelta(minutes=5), timedelta(minutes=-5)])
def test_a_reader_whose_clock_is_off_reads_nothing_and_loses_nothing(
    tmp_path: Path, ahead: timedelta
) -> None:
    """Its cursor would pass events that writers with the right time have yet to commit."""
    clock = Clock()
    engine = open_engine(f"sqlite:{tmp_path}/db", tmp_path, clock=clock)
    engine.prepare()
    off = [ahead]
    reader = Metadata(engine, clock=lambda: clock.now + off[0], sleep=lambda seconds: None)
    writer = Writer(Metadata(engine, clock=clock))
    feed = Feed(reader, Journal(SECRET), ORG)
    cursor, written = feed.start(START), []
    clock.advance(minutes=4)
    for _ in range(10):
        clock.advance(seconds=30)
        with pytest.raises(ClockSkewed):
            feed.read(cursor)
        written.append(writer.write(clock.now - timedelta(seconds=90)))
    off[0] = timedelta(seconds=59)
    assert sorted(read_all(feed, cursor)[0]) == sorted(written)
    engine.close()


def test_a_reader_goes_by_the_time_of_the_store(metadata: Metadata, clock: Clock) -> None:
    """A machine that is a little ahead, as one may be, settles nothing any earlier."""
    engine = Faults(metadata._engine)
    engine.skew = timedelta(seconds=-55)
    reader = Metadata(engine)
    feed = Feed(reader, Journal(SECRET), ORG)
    cursor = feed.read(feed.start(START)).cursor
    assert max(cursor.positions) <= reader.now() - timedelta(minutes=3)


def test_small_batches_give_what_large_ones_give(metadata: Metadata, clock: Clock) -> None:
    writer, feed = Writer(metadata), Feed(metadata, Journal(SECRET), ORG, clock)
    clock.advance(minutes=5)
    written = [writer.write(clock.now - timedelta(seconds=s % 7)) for s in range(60)]
    seen, cursor = read_all(feed, feed.start(START), most=16)
    written.append(writer.write(clock.now - timedelta(seconds=3)))
    more, _ = read_all(feed, cursor, most=16)
    assert sorted(seen + more) == sorted(written)


def test_an_event_tells_what_was_written_and_by_whom(metadata: Metadata, clock: Clock) -> None:
    """Later readers replay the commit from its event: keys, versions, amounts, who."""
    journal = Journal(SECRET)
    kept, gone, counter = Key("org1#x", "kept"), Key("org1#x", "gone"), Key("org1#n", "n")
    metadata.commit(Put(gone, {}))
    actor = Actor("user1", "key1", "request1", "192.0.2.7", "curl/8")
    done = metadata.commit(
        Put(kept, {"a": "b"}),
        Delete(gone),
        Add(counter, {"files": 2}, create=True),
        witness=journal.event(ORG, actor, "artifact.put", repository="repo1"),
    )
    clock.now = datetime.now(UTC)
    feed = Feed(metadata, journal, ORG, clock)
    (event,) = feed.read(feed.start(clock.now - timedelta(minutes=1))).events
    assert event.puts == ((kept, done.versions[kept]),)
    assert event.deletes == ((gone, None),)
    assert event.adds == ((counter, {"files": 2}),)
    assert event.action == "artifact.put"
    assert event.details == {"repository": "repo1"}
    assert (event.actor.user, event.actor.credential, event.actor.request) == (
        "user1",
        "key1",
        "request1",
    )
    assert event.genuine
    assert metadata.get(kept)[kept].version == done.versions[kept]


def test_an_event_holds_no_address_and_its_side_record_does(
    metadata: Metadata, clock: Clock
) -> None:
    actor = Actor("user1", "key1", "request1", "192.0.2.7", "curl/8")
    done = metadata.commit(
        Put(Key("org1#x", "y"), {}), witness=Journal(SECRET).event(ORG, actor, "test")
    )
    event = keys.events(ORG, done.attempt.at, keys.stripe(done.attempt.id))
    side = keys.who(ORG, done.attempt.at, keys.stripe(done.attempt.id))
    assert "192.0.2.7" not in json.dumps([r.value for r in metadata.query_all(event)])
    assert [r.value["address"] for r in metadata.query_all(side)] == ["192.0.2.7"]


def test_a_forged_or_changed_event_is_not_genuine(metadata: Metadata, clock: Clock) -> None:
    writer = Writer(metadata)
    clock.advance(minutes=1)
    writer.write(clock.now)
    feed = Feed(metadata, Journal(b"another secret key, as long as that"), ORG, clock)
    (event,) = feed.read(feed.start(START)).events
    assert not event.genuine


def test_any_of_the_secret_keys_opens_and_the_first_seals(metadata: Metadata, clock: Clock) -> None:
    Writer(metadata).write(clock.now)
    feed = Feed(metadata, Journal(b"another secret key, as long as that", SECRET), ORG, clock)
    (event,) = feed.read(feed.start(START)).events
    assert event.genuine


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"positions": [], "taken": []}',
        '{"positions": ["x"], "taken": []}',
        json.dumps({"positions": ["20261123T115800.000000Z"] * 16, "taken": ["AAA"] * 16}),
        json.dumps({"positions": ["20261123T115800.000000Z"] * 16, "taken": [7] * 16}),
        json.dumps({"positions": ["20261123T115800.000000Z"] * 16, "taken": [""] * 15}),
    ],
)
def test_a_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursor.decode(text)


@pytest.mark.parametrize("family", ["attempts", "seen#u", "mail", "resets", "reset-of"])
def test_keys_that_hold_hashes_of_addresses_or_tokens_are_not_in_history(
    metadata: Metadata, family: str
) -> None:
    """History is kept for longer than these records are."""
    journal, kept = Journal(SECRET), Key("org1#users", "u")
    put, gone, counter = (Key(f"org1#{family}", f"hash{number}") for number in range(3))
    metadata.commit(
        Put(kept, {}),
        Put(put, {}),
        Put(Key("_#mail", "time#mail"), {}),
        Delete(gone),
        Add(counter, {"failures": 1}, create=True),
        witness=journal.event(ORG, SYSTEM, "test"),
    )
    now = datetime.now(UTC)
    feed = Feed(metadata, journal, ORG, lambda: now)
    (event,) = feed.read(feed.start(now - timedelta(minutes=1))).events
    assert [key for key, _ in event.puts] == [kept]
    assert (event.deletes, event.adds, event.genuine) == ((), (), True)
