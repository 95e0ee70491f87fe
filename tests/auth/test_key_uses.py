"""When a key was used last: to the hour, in batches, behind the requests."""

from datetime import UTC, datetime

import pytest

from auth import CorruptRecord
from auth.key_uses import KeyUses
from auth.records import ApiKey
from storage import keys
from storage.metadata import Put, StoreFull
from tests.auth.installation import Process
from tests.faults.metadata import Faults, full

NOON = datetime(2100, 3, 1, 12, 30, tzinfo=UTC).timestamp()
HOUR = 3600


class Seconds:
    """A clock in seconds since 1970."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def uses(process: Process, clock: Seconds) -> KeyUses:
    return KeyUses(process.metadata, clock)


def hours(process: Process) -> dict[str, str]:
    found = process.metadata.query_all(keys.used_keys(process.organization))
    return {record.key.sort: record.value["hour"] for record in found}


def test_a_key_is_written_once_an_hour_however_often_it_is_used(
    process: Process, uses: KeyUses, clock: Seconds
) -> None:
    before = process.spent()
    for _ in range(50):
        uses.note(process.organization, "key")
    assert process.spent() == before, "a use touches no store"
    assert uses.flush() == 1
    uses.note(process.organization, "key")
    assert uses.flush() == 0
    assert hours(process) == {"key": "2100-03-01T12:00:00.000000Z"}
    clock.now += HOUR
    uses.note(process.organization, "key")
    assert uses.flush() == 1
    assert hours(process) == {"key": "2100-03-01T13:00:00.000000Z"}


def test_who_writes_late_does_not_put_a_key_back(
    process: Process, uses: KeyUses, clock: Seconds
) -> None:
    uses.note(process.organization, "key")
    clock.now += HOUR
    other = KeyUses(process.metadata, clock)
    other.note(process.organization, "key")
    other.flush()
    uses.flush()
    assert hours(process) == {"key": "2100-03-01T13:00:00.000000Z"}


def test_many_keys_are_few_commits(process: Process, uses: KeyUses) -> None:
    for number in range(250):
        uses.note(process.organization, f"key{number}")
    before = process.spent()
    assert uses.flush() == 250
    assert process.spent()[1] - before[1] == 3


def test_memory_is_bounded(process: Process, clock: Seconds) -> None:
    uses = KeyUses(process.metadata, clock, most=10)
    for number in range(100):
        uses.note(process.organization, f"key{number}")
    assert uses.flush() == 10
    uses.note(process.organization, "key99")
    assert uses.flush() == 1


def test_what_the_store_did_not_take_waits(process: Process, clock: Seconds) -> None:
    engine = Faults(process.engine)
    process.metadata._engine = engine
    uses = KeyUses(process.metadata, clock)
    uses.note(process.organization, "key")
    engine.next("transact", full)
    with pytest.raises(StoreFull):
        uses.flush()
    assert hours(process) == {}
    assert uses.flush() == 1
    assert list(hours(process)) == ["key"]


def test_a_listing_tells_the_hour_or_nothing(process: Process, uses: KeyUses) -> None:
    user = process.user()
    made = [process.keys.create(process.operator, name="ci", user_id=user.id) for _ in range(3)]
    uses.note(process.organization, made[0].key.id)
    uses.flush()

    def told(found: tuple[ApiKey, ...]) -> set[str]:
        assert {one.last_used.isoformat() for one in found if one.last_used} == {
            "2100-03-01T12:00:00+00:00"
        }
        return {one.id for one in found if one.last_used}

    for items in (
        process.keys.list(process.operator, user.id).items,
        process.keys.list(process.operator).items,
        (process.keys.get(process.operator, made[0].key.id),),
    ):
        assert told(items) == {made[0].key.id}


def test_a_use_that_cannot_be_read_is_said_to_be_broken(process: Process) -> None:
    user = process.user()
    made = process.keys.create(process.operator, name="ci", user_id=user.id)
    use = keys.used_key(process.organization, made.key.id)
    process.metadata.commit(Put(use, {"hour": "noon"}))
    with pytest.raises(CorruptRecord):
        process.keys.get(process.operator, made.key.id)
