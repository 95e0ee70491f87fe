"""Seals: one unbroken chain over every minute, whoever makes it and whenever it dies."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from app.audit import ChainTaken
from app.audit.copies import Copies
from app.installation import Installation
from storage import keys
from storage.blobs import BlobsUnavailable
from storage.events import Happened
from storage.events.seals import Notary, Seal, minute_text
from storage.metadata.operations import RECORD_BYTES
from tests.audit.room import ACTOR, START, Room
from tests.faults.blobs import FaultyBlobs
from tests.faults.metadata import passes


@pytest.fixture
def room(installation: Installation) -> Room:
    return Room(installation)


def chain_of(room: Room) -> list[Seal]:
    return [Seal.read(record.value) for record in room.seals()]


def test_each_closed_minute_with_events_has_a_seal_and_idle_ones_share_one(
    any_installation: Installation,
) -> None:
    room = Room(any_installation)
    for minute in (1, 1, 2, 30):
        room.write(START + timedelta(minutes=minute, seconds=5))
    room.wait(hours=3)
    done = room.seal()
    first, second, third, idle = chain_of(room)
    assert (done.seals, done.events) == (4, 4)
    assert [seal.count for seal in (first, second, third, idle)] == [2, 1, 1, 0]
    assert first.minute == minute_text(START + timedelta(minutes=1))
    assert idle.end == room.now - timedelta(minutes=3)
    for before, after in zip((first, second, third), (second, third, idle), strict=True):
        assert (after.start, after.previous) == (before.end, before.hash)
        assert after.number == before.number + 1
    assert room.problems() == set()


def test_a_minute_is_sealed_when_no_event_can_appear_in_it_any_more(room: Room) -> None:
    room.write(START + timedelta(seconds=59))
    room.wait(minutes=3, seconds=59)
    assert room.seal().seals == 0
    room.wait(seconds=1)
    assert room.seal().seals == 1
    assert room.seal().seals == 0


def test_an_idle_hour_is_sealed_and_no_idle_minute(room: Room) -> None:
    room.wait(minutes=10)
    room.write()
    made = []
    for _ in range(180):
        room.wait(minutes=1)
        made.append(room.seal().seals)
    assert sum(made) <= 4


def test_years_that_nobody_sealed_are_sealed_a_day_at_a_time(room: Room) -> None:
    room.write(START + timedelta(days=20))
    room.wait(days=30)
    room.seal()
    seals = chain_of(room)
    assert len(seals) <= 32
    assert sum(seal.count for seal in seals) == 1
    assert room.problems() == set()


def test_of_two_workers_at_once_one_makes_the_chain(any_installation: Installation) -> None:
    room = Room(any_installation)
    for minute in range(5):
        room.write(START + timedelta(minutes=minute))
    room.wait(minutes=20)
    first, second = room.chain(), room.chain()
    first.go_on(lambda: None)
    with pytest.raises(ChainTaken):
        second.go_on(lambda: None)
    assert [seal.number for seal in chain_of(room)] == [1, 2, 3, 4, 5]
    assert room.problems() == set()


def test_whoever_is_killed_between_any_two_writes_is_gone_on_with(room: Room) -> None:
    for minute in range(90):
        room.write(START + timedelta(minutes=minute))
    room.wait(hours=2)
    for writes in itertools.count():
        room.engine.next("transact", passes, times=writes)
        room.engine.next("transact", _dies)
        try:
            room.seal()
            break
        except InterruptedError:
            room.engine.forget()
            assert {kind for kind, _ in room.problems()} <= {"head-missing", "sealing-late"}
    room.engine.forget()
    assert writes > 2
    assert sum(seal.count for seal in chain_of(room)) == 90
    assert room.problems() == set()


def _dies(_: object) -> None:
    raise InterruptedError


def test_seals_are_copied_within_ten_minutes_of_their_events(room: Room) -> None:
    for _ in range(30):
        room.write()
        room.wait(minutes=1)
        room.seal()
    assert len(room.copies()) == 3
    assert room.seals()[-1].value["number"] - _copied(room) < 10
    room.wait(minutes=10)
    room.seal()
    assert room.seals()[-1].value["number"] == _copied(room)
    assert room.problems() == set()


def _copied(room: Room) -> int:
    """Up to which number seals are in copies."""
    copies = Copies(room.at.blobs, Notary(*room.at.secrets), room.organization)
    return max(copies.look(None, lambda: None).hashes)


def test_idle_seals_are_copied_once_a_day(room: Room) -> None:
    for _ in range(48):
        room.wait(hours=1)
        room.seal()
    assert len(room.copies()) <= 2


def test_one_that_died_between_seal_and_copy_is_copied_by_the_next(room: Room) -> None:
    room.write()
    room.wait(minutes=20)
    blobs = FaultyBlobs(room.at.blobs)
    blobs.fail("create", BlobsUnavailable("injected"))
    with pytest.raises(BlobsUnavailable):
        room.seal(replace(room.at, blobs=blobs))
    assert (len(room.seals()), room.copies()) == (1, [])
    assert room.problems() == set()
    room.seal()
    assert len(room.copies()) == 1
    assert room.problems() == set()


def test_one_that_died_between_copy_and_seal_leaves_a_copy_that_fits(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a minute with so many events that their hashes are in the copy alone."""
    monkeypatch.setattr("app.audit.copies.Copies.most_leaves", 3)
    gone = [room.write(START + timedelta(seconds=s)) for s in range(10)][4]
    room.wait(minutes=5)
    chain = room.chain()
    monkeypatch.setattr(chain, "_commit", lambda *_: (_ for _ in ()).throw(InterruptedError()))
    with pytest.raises(InterruptedError):
        chain.go_on(lambda: None)
    assert (len(room.copies()), room.seals()) == (1, [])
    room.seal()
    assert room.problems() == set()
    room.delete(gone)
    assert room.problems() == {("event-removed", gone)}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hundred_thousand_events_of_a_minute_fit_into_the_records(room: Room) -> None:
    """One is changed, and named."""
    written = []
    for number in range(2_100):
        at = START + timedelta(milliseconds=number * 25)
        happened = [Happened(ACTOR, "test", {"n": n}) for n in range(48)]
        written += room.write_all(at, happened)
    assert len(written) > 100_000
    room.wait(minutes=5)
    room.seal()
    (record,) = room.seals()
    assert record.value["count"] == len(written)
    assert len(str(record.value)) < RECORD_BYTES / 100
    room.change(written[50_000], action="other")
    assert room.problems() == {("event-changed", written[50_000])}


def test_the_largest_seal_that_is_kept_in_a_record_fits(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(0, 2_000, 40):
        room.write_all(START + timedelta(milliseconds=at), [Happened(ACTOR, "t", {})] * 40)
    room.wait(minutes=5)
    room.seal()
    (record,) = room.seals()
    assert len(record.value["leaves"]) == 2_000
    assert len(str(record.value)) < RECORD_BYTES / 2
    assert room.problems() == set()


def test_a_head_that_was_put_back_or_is_gone_stops_no_sealing(room: Room) -> None:
    key = keys.seal_head(room.organization)
    room.write()
    room.wait(minutes=5)
    room.seal()
    old = room.record(key).value
    for tampered in (lambda: room.put(key, old), lambda: room.delete(key)):
        room.write()
        room.wait(minutes=20)
        room.seal()
        tampered()
        room.write()
        room.wait(minutes=20)
        room.seal()
        assert room.problems() == set()
    numbers = [seal.number for seal in chain_of(room)]
    assert numbers == sorted(set(numbers))
