"""What is counted and skipped of a partition is what a query of it brings, on every backend."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.metadata import InvalidOperation, Key, Metadata, Put, Unavailable
from storage.metadata.engine import Engine
from tests.faults.metadata import Faults, throttled

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AWAY = datetime(2099, 1, 1, tzinfo=UTC)

SORTS = ["a", "B", "aa", "a\x00", "a/", "a/b", "a/\U0010ffff", "a0", "\ud7ff", "\ue000", "\uffff"]
PLACES = [*SORTS, "\U00010000", "\U0010ffff", "b"]
PREFIXES = ["", "a", "a/", "c", "\ud7ff", "\uffff", "\U0010ffff"]
EXPIRIES = [None, None, LONG_AGO, FAR_AWAY]


def fill(metadata: Metadata, partition: str, *sorts: str, expires: datetime | None = None) -> None:
    for start in range(0, len(sorts), 90):
        some = sorts[start : start + 90]
        metadata.commit(*(Put(Key(partition, sort), {}, expires=expires) for sort in some))


def behind(metadata: Metadata, partition: str, prefix: str, place: str | None) -> list[str]:
    """The sort keys that a query reads from a place on."""
    read = []
    while place is not None:
        page = metadata.query(partition, prefix, place)
        read += [record.key.sort for record in page.records]
        place = page.next
    return read


class TestCount:
    def test_what_a_partition_holds_is_counted(self, metadata: Metadata, partition: str) -> None:
        fill(metadata, partition, *map(str, range(250)))
        fill(metadata, f"{partition}0", "a")
        fill(metadata, partition[:-1], "a")
        assert metadata.count(partition) == 250

    def test_a_partition_without_records_holds_none(
        self, metadata: Metadata, partition: str
    ) -> None:
        assert metadata.count(partition) == 0

    def test_a_prefix_and_nothing_else_is_counted(self, metadata: Metadata, partition: str) -> None:
        fill(metadata, partition, *SORTS)
        counted = {prefix: metadata.count(partition, prefix) for prefix in PREFIXES}
        assert counted == {
            prefix: sum(sort.startswith(prefix) for sort in SORTS) for prefix in PREFIXES
        }

    @pytest.mark.parametrize(
        "after, expected", [("", 3), ("a", 3), ("m", 3), ("m1", 2), ("m15", 2), ("m3", 0), ("z", 0)]
    )
    def test_what_lies_behind_a_key_is_counted_also_outside_of_the_prefix(
        self, metadata: Metadata, partition: str, after: str, expected: int
    ) -> None:
        fill(metadata, partition, "a1", "m1", "m2", "m3", "z1")
        assert metadata.count(partition, "m", after) == expected

    def test_expired_records_are_not_counted(self, metadata: Metadata, partition: str) -> None:
        fill(metadata, partition, "a", "c", "e", expires=LONG_AGO)
        fill(metadata, partition, "b", expires=FAR_AWAY)
        fill(metadata, partition, "d")
        assert metadata.count(partition) == 2

    def test_a_count_goes_on_over_a_megabyte(
        self, metadata: Metadata, faults: Faults, partition: str
    ) -> None:
        for start in (0, 10):
            keys = [Key(partition, f"{number:02}") for number in range(start, start + 10)]
            metadata.commit(*(Put(key, {"t": "x" * 300_000}) for key in keys))
        faults.made.clear()
        assert metadata.count(partition) == 20
        assert metadata.count(partition, after="06") == 13
        assert set(faults.made) == {"count"}
        assert behind(metadata, partition, "", metadata.skip(partition, 17)) == ["17", "18", "19"]

    def test_a_throttled_count_is_repeated_and_then_given_up(
        self, metadata: Metadata, faults: Faults, partition: str
    ) -> None:
        fill(metadata, partition, "a", "b")
        faults.next("count", throttled, times=3)
        assert metadata.count(partition) == 2
        faults.next("count", throttled, times=3)
        assert metadata.skip(partition, 1) == "a"
        faults.next("count", throttled, times=4)
        with pytest.raises(Unavailable):
            metadata.count(partition)

    @pytest.mark.parametrize("text", ["x" * 1025, "\U0001f600" * 257, "\ud800"])
    def test_what_no_key_can_have_is_refused(
        self, metadata: Metadata, faults: Faults, partition: str, text: str
    ) -> None:
        with pytest.raises(InvalidOperation):
            metadata.count(partition, prefix=text)
        with pytest.raises(InvalidOperation):
            metadata.count(partition, after=text)
        with pytest.raises(InvalidOperation):
            metadata.skip(partition, 0, prefix=text)
        with pytest.raises(InvalidOperation):
            metadata.count("")
        assert faults.made == []


class TestSkip:
    def test_what_is_read_from_there_is_the_rest(self, metadata: Metadata, partition: str) -> None:
        sorts = [f"{number:03}" for number in range(120)]
        fill(metadata, partition, *sorts)
        for skipped in (1, 50, 119):
            place = metadata.skip(partition, skipped)
            assert place == sorts[skipped - 1]
            assert behind(metadata, partition, "", place) == sorts[skipped:]

    def test_nothing_is_skipped_without_a_call(
        self, metadata: Metadata, faults: Faults, partition: str
    ) -> None:
        assert metadata.skip(partition, 0) == ""
        assert faults.made == []

    def test_behind_the_last_there_is_nothing(self, metadata: Metadata, partition: str) -> None:
        fill(metadata, partition, "a", "b")
        assert behind(metadata, partition, "", metadata.skip(partition, 2)) == []

    @pytest.mark.parametrize("skipped", [3, 2**31, 2**63, 10**30])
    def test_there_is_no_place_behind_more_than_there_are(
        self, metadata: Metadata, partition: str, skipped: int
    ) -> None:
        fill(metadata, partition, "a", "b")
        assert metadata.skip(partition, skipped) is None
        assert metadata.skip(partition, skipped, prefix="a") is None

    def test_less_than_nothing_is_refused(self, metadata: Metadata, partition: str) -> None:
        with pytest.raises(InvalidOperation):
            metadata.skip(partition, -1)

    def test_many_expired_records_do_not_cost_a_call_each(
        self, metadata: Metadata, faults: Faults, partition: str
    ) -> None:
        expired = [f"{start}{number:02}" for start in ("e", "xa") for number in range(40)]
        fill(metadata, partition, *expired, expires=LONG_AGO)
        fill(metadata, partition, "xa", "xb", "xc")
        for skipped, rest in [(1, ["xb", "xc"]), (2, ["xc"]), (3, []), (4, [])]:
            faults.made.clear()
            place = metadata.skip(partition, skipped)
            assert len(faults.made) <= 3
            assert behind(metadata, partition, "", place) == rest


class TestEngine:
    @pytest.mark.parametrize("limit, left", [(1, 4), (3, 2), (4, 1)])
    def test_a_limit_that_is_reached_tells_a_place(
        self, engine: Engine, metadata: Metadata, partition: str, limit: int, left: int
    ) -> None:
        fill(metadata, partition, *"abcde")
        counted = engine.count(partition, "", "", limit)
        assert (counted.number, counted.next, counted.passed) == (limit, "abcde"[limit - 1], 0)
        assert engine.count(partition, "", counted.next or "", 9).number == left

    def test_no_more_than_the_limit_are_counted_among_expired_ones(
        self, engine: Engine, metadata: Metadata, partition: str
    ) -> None:
        fill(metadata, partition, *"aceg", expires=LONG_AGO)
        fill(metadata, partition, *"bdfh")
        number, place = 0, ""
        while True:
            counted = engine.count(partition, "", place, 2)
            assert counted.number + counted.passed <= 2
            number += counted.number
            if counted.next is None:
                break
            place = counted.next
            assert number == sum(sort <= place for sort in "bdfh")
        assert number == 4


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(
    rows=st.dictionaries(st.sampled_from(SORTS), st.sampled_from(EXPIRIES)),
    prefix=st.sampled_from(PREFIXES),
    after=st.sampled_from(["", *PLACES]),
    skipped=st.integers(0, len(SORTS) + 1),
)
def test_counts_and_places_are_those_of_a_sorted_list(
    engine: Engine,
    rows: dict[str, datetime | None],
    prefix: str,
    after: str,
    skipped: int,
) -> None:
    metadata, partition = Metadata(engine), uuid4().hex
    metadata.commit(
        Put(Key(f"{partition}0", "a"), {}),
        *(Put(Key(partition, sort), {}, expires=expires) for sort, expires in rows.items()),
    )
    alive = sorted(
        (sort for sort, at in rows.items() if at != LONG_AGO and sort.startswith(prefix)),
        key=str.encode,
    )
    from_there = [sort for sort in alive if sort.encode() > after.encode()]
    assert metadata.count(partition, prefix) == len(alive)
    assert metadata.count(partition, prefix, after) == len(from_there)
    place = metadata.skip(partition, skipped, prefix)
    assert behind(metadata, partition, prefix, place) == alive[skipped:]
    if place is not None:
        assert metadata.count(partition, prefix, place) == len(alive[skipped:])
    if skipped > len(alive):
        assert place is None
