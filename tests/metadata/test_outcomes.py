"""What `commit` makes of conflicts, throttling and lost answers, on every backend."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage.metadata import (
    Add,
    ClockSkewed,
    ConditionFailed,
    Conflict,
    Key,
    Metadata,
    OutcomeUnknown,
    Put,
    StoreFull,
    Unavailable,
)
from storage.metadata.engine import Engine
from tests.faults.metadata import (
    Faults,
    conflict,
    full,
    lost_after_effect,
    lost_before_effect,
    throttled,
)


@pytest.fixture
def counter(metadata: Metadata, faults: Faults, partition: str) -> Key:
    """A counter at 0, and nothing counted of the commit that made it."""
    key = Key(partition, "counter")
    metadata.commit(Put(key, {"x": 0}))
    faults.made.clear()
    faults.tokens.clear()
    return key


def count(engine: Engine, key: Key) -> int:
    counted = engine.get([key])[key].value["x"]
    assert isinstance(counted, int)
    return counted


class TestConflicts:
    def test_ten_conflicts_are_retried_each_as_a_new_attempt(
        self, metadata: Metadata, faults: Faults, counter: Key, naps: list[float], engine: Engine
    ) -> None:
        faults.next("transact", conflict, times=10)
        committed = metadata.commit(Add(counter, {"x": 1}))
        assert committed.conflicts == 10
        assert len(set(faults.tokens)) == 11
        assert committed.attempt.id == faults.tokens[-1]
        assert len(naps) == 10
        assert sum(naps) < 10
        assert count(engine, counter) == 1

    def test_an_eleventh_is_raised(
        self, metadata: Metadata, faults: Faults, counter: Key, engine: Engine
    ) -> None:
        faults.next("transact", conflict, times=11)
        with pytest.raises(Conflict):
            metadata.commit(Add(counter, {"x": 1}))
        assert len(faults.made) == 11
        assert count(engine, counter) == 0

    def test_conflicts_are_told_to_the_observer(self, faults: Faults, counter: Key) -> None:
        told = []

        class Observer:
            def conflicts(self, count: int) -> None:
                told.append(count)

        metadata = Metadata(faults, sleep=lambda seconds: None, observer=Observer())
        metadata.commit(Add(counter, {"x": 1}))
        faults.next("transact", conflict, times=3)
        metadata.commit(Add(counter, {"x": 1}))
        faults.next("transact", conflict, times=11)
        with pytest.raises(Conflict):
            metadata.commit(Add(counter, {"x": 1}))
        assert told == [3, 11]

    def test_a_condition_that_fails_is_not_retried(
        self, metadata: Metadata, faults: Faults, counter: Key
    ) -> None:
        with pytest.raises(ConditionFailed):
            metadata.commit(Put(counter, {}, absent=True))
        assert faults.made == ["transact"]


class TestThrottling:
    def test_a_throttled_read_is_retried_and_then_given_up(
        self, metadata: Metadata, faults: Faults, counter: Key, naps: list[float]
    ) -> None:
        faults.next("get", throttled, times=3)
        assert metadata.get(counter)
        faults.next("get", throttled, times=4)
        with pytest.raises(Unavailable):
            metadata.get(counter)
        assert faults.made == ["get"] * 8
        assert sum(naps) < 5

    def test_a_throttled_query_and_scan_are_retried(
        self, metadata: Metadata, faults: Faults, counter: Key
    ) -> None:
        faults.next("query", throttled)
        faults.next("scan", throttled)
        assert metadata.query(counter.partition).records
        metadata.scan(0, 1, limit=1)
        assert faults.made == ["query"] * 2 + ["scan"] * 2

    def test_a_throttled_commit_is_retried_as_the_same_attempt(
        self, metadata: Metadata, faults: Faults, counter: Key, engine: Engine
    ) -> None:
        faults.next("transact", throttled, times=3)
        metadata.commit(Add(counter, {"x": 1}))
        assert len(faults.tokens) == 4
        assert len(set(faults.tokens)) == 1
        assert count(engine, counter) == 1

    def test_a_commit_that_is_throttled_throughout_did_nothing(
        self, metadata: Metadata, faults: Faults, counter: Key, engine: Engine
    ) -> None:
        faults.next("transact", throttled, times=4)
        with pytest.raises(Unavailable) as caught:
            metadata.commit(Add(counter, {"x": 1}))
        assert not isinstance(caught.value, OutcomeUnknown)
        assert count(engine, counter) == 0

    def test_patience_ends_when_each_call_takes_long(self, engine: Engine, partition: str) -> None:
        faults = Faults(engine)
        now = [engine.now()]

        def pass_time(seconds: float) -> None:
            now[0] += timedelta(seconds=seconds)

        def slowly_throttled(call: Callable[[], Any]) -> Any:
            pass_time(3)
            return throttled(call)

        faults.next("get", slowly_throttled, times=4)
        metadata = Metadata(faults, clock=lambda: now[0], sleep=pass_time)
        with pytest.raises(Unavailable):
            metadata.get(Key(partition, "a"))
        assert len(faults.made) < 4

    def test_a_full_store_is_said_at_once(
        self, metadata: Metadata, faults: Faults, counter: Key
    ) -> None:
        faults.next("transact", full)
        with pytest.raises(StoreFull):
            metadata.commit(Add(counter, {"x": 1}))
        assert faults.made == ["transact"]


class TestLostAnswers:
    @pytest.mark.parametrize("times", [1, 3])
    @pytest.mark.parametrize("fault", [lost_after_effect, lost_before_effect])
    def test_a_commit_whose_answer_was_lost_takes_effect_once(
        self,
        metadata: Metadata,
        faults: Faults,
        counter: Key,
        engine: Engine,
        fault,
        times: int,
    ) -> None:
        faults.next("transact", fault, times=times)
        committed = metadata.commit(Add(counter, {"x": 1}))
        assert len(set(faults.tokens)) == 1
        assert len(faults.tokens) == times + 1
        assert committed.conflicts == 0
        assert count(engine, counter) == 1

    def test_a_late_effect_is_not_doubled(
        self, metadata: Metadata, faults: Faults, counter: Key, engine: Engine
    ) -> None:
        faults.next("transact", faults.lost_and_late)
        metadata.commit(Add(counter, {"x": 1}))
        assert count(engine, counter) == 1

    @pytest.mark.parametrize("second", [conflict, throttled, full])
    @pytest.mark.parametrize("first", [lost_after_effect, lost_before_effect])
    def test_after_a_lost_answer_no_other_trouble_starts_a_new_attempt(
        self, metadata: Metadata, faults: Faults, counter: Key, engine: Engine, first, second
    ) -> None:
        """A conflict may be one with the earlier sending of this very commit."""
        faults.next("transact", first, second, second)
        metadata.commit(Add(counter, {"x": 1}))
        assert len(set(faults.tokens)) == 1
        assert count(engine, counter) == 1

    def test_a_commit_whose_every_answer_was_lost_is_decided_by_its_witness(
        self, metadata: Metadata, faults: Faults, counter: Key, engine: Engine
    ) -> None:
        faults.next("transact", lost_after_effect)
        faults.next("transact", lost_before_effect, times=10)
        metadata.commit(Add(counter, {"x": 1}))
        assert faults.made == ["transact"] * 11 + ["get"]
        assert count(engine, counter) == 1

    def test_without_a_witness_the_outcome_stays_unknown(
        self, metadata: Metadata, faults: Faults, counter: Key, engine: Engine
    ) -> None:
        faults.next("transact", lost_before_effect, times=11)
        with pytest.raises(OutcomeUnknown):
            metadata.commit(Add(counter, {"x": 1}))
        assert faults.made == ["transact"] * 11 + ["get"]
        assert count(engine, counter) == 0

    def test_a_witness_that_cannot_be_read_leaves_the_outcome_unknown(
        self, metadata: Metadata, faults: Faults, counter: Key
    ) -> None:
        faults.next("transact", lost_after_effect)
        faults.next("transact", lost_before_effect, times=10)
        faults.next("get", throttled, times=4)
        with pytest.raises(OutcomeUnknown):
            metadata.commit(Add(counter, {"x": 1}))

    def test_a_condition_that_fails_after_a_lost_answer_is_the_callers(
        self, metadata: Metadata, faults: Faults, counter: Key
    ) -> None:
        faults.next("transact", lost_before_effect)
        with pytest.raises(ConditionFailed) as caught:
            metadata.commit(Put(counter, {}, absent=True))
        assert caught.value.found.keys() == {counter}

    def test_a_condition_of_its_own_making_is_no_failure(
        self, metadata: Metadata, faults: Faults, counter: Key
    ) -> None:
        """An error that names other records than the witness is held against the witness."""
        key = Key(counter.partition, "new")

        def another_named(call):  # type: ignore[no-untyped-def]
            raise ConditionFailed({key: metadata.get(key)[key]})

        faults.next("transact", lost_after_effect, another_named)
        metadata.commit(Put(key, {"x": 1}, absent=True))

    def test_an_attempt_is_given_up_thirty_seconds_after_its_time(
        self, engine: Engine, faults: Faults, counter: Key
    ) -> None:
        sent: list[timedelta] = []
        start = faults.now()

        def lost(call):  # type: ignore[no-untyped-def]
            sent.append(faults.now() - start)
            faults.skew += timedelta(seconds=4)
            raise OutcomeUnknown("injected")

        def sleep(seconds: float) -> None:
            faults.skew += timedelta(seconds=seconds)

        faults.next("transact", lost, times=50)
        metadata = Metadata(faults, clock=faults.now, sleep=sleep)
        with pytest.raises(OutcomeUnknown):
            metadata.commit(Add(counter, {"x": 1}))
        assert sent[-1] <= timedelta(seconds=30.5)
        assert len(sent) >= 5


class TestClock:
    @pytest.mark.parametrize("skew", [timedelta(seconds=90), timedelta(seconds=-90)])
    def test_a_process_whose_clock_is_off_refuses_to_write(
        self, metadata: Metadata, faults: Faults, counter: Key, skew: timedelta
    ) -> None:
        faults.skew = skew
        with pytest.raises(ClockSkewed):
            metadata.commit(Add(counter, {"x": 1}))
        assert faults.made == []
        assert metadata.get(counter)

    def test_a_clock_that_is_a_little_off_writes_with_the_stores_time(
        self, metadata: Metadata, faults: Faults, counter: Key
    ) -> None:
        faults.skew = timedelta(seconds=50)
        committed = metadata.commit(Add(counter, {"x": 1}))
        assert committed.attempt.at - datetime.now(UTC) > timedelta(seconds=45)

    def test_versions_rise_where_the_clock_stands_still(
        self, engine: Engine, partition: str
    ) -> None:
        class Stopped(Faults):
            def now(self) -> datetime:
                return standing

        standing = engine.now()
        metadata = Metadata(Stopped(engine), clock=lambda: standing)
        key = Key(partition, "a")
        versions = [metadata.commit(Put(key, {})).versions[key] for _ in range(20)]
        assert versions == sorted(set(versions))


class TestWitness:
    def test_every_attempt_has_puts_of_its_own(
        self, metadata: Metadata, faults: Faults, partition: str
    ) -> None:
        made = []

        class Event:
            def puts(self, attempt, operations, fresh):  # type: ignore[no-untyped-def]
                made.append((attempt, operations, fresh))
                return (
                    Put(Key(partition, f"event#{attempt.id}"), {"n": len(operations)}),
                    Put(Key(partition, f"side#{attempt.id}"), {}, expires=attempt.at),
                )

        faults.next("transact", conflict)
        put = Put(Key(partition, "a"), {})
        committed = metadata.commit(put, witness=Event())
        assert [operations for _, operations, _ in made] == [(put,), (put,)]
        assert committed.attempt == made[1][0]
        event = Key(partition, f"event#{committed.attempt.id}")
        assert committed.versions[event] == made[1][2]
        sorts = [record.key.sort for record in metadata.query_all(partition)]
        assert sorts == ["a", event.sort]

    def test_an_event_may_be_all_of_a_commit(self, metadata: Metadata, partition: str) -> None:
        class Event:
            def puts(self, attempt, operations, fresh):  # type: ignore[no-untyped-def]
                return (Put(Key(partition, attempt.id), {}),)

        committed = metadata.commit(witness=Event())
        assert metadata.get(Key(partition, committed.attempt.id))
