"""What every metadata store does, one behaviour a test, on every backend."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from storage.metadata import (
    Add,
    Check,
    ConditionFailed,
    Delete,
    InvalidOperation,
    Key,
    Metadata,
    Operation,
    Put,
    Record,
)
from storage.metadata.engine import Engine
from storage.metadata.operations import microseconds
from tests.faults.metadata import Faults

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AWAY = datetime(2099, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def value_at(metadata: Metadata, key: Key) -> dict[str, object] | None:
    record = metadata.get(key).get(key)
    return None if record is None else dict(record.value)


def version_at(metadata: Metadata, key: Key) -> int:
    return metadata.get(key)[key].version


def refused(metadata: Metadata, *operations: Operation) -> dict[Key, Record | None]:
    with pytest.raises(ConditionFailed) as caught:
        metadata.commit(*operations)
    return caught.value.found


class TestPut:
    def test_what_was_put_is_read(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        value = {
            "text": "Grüße \U0001f600 \x00 \"'",
            "number": -(2**63) + 1,
            "large": 2**63 - 1,
            "nought": 0,
            "yes": True,
            "no": False,
            "none": None,
            "float": 0.1,
            "list": [1, [2, {"deep": 3}]],
            "object": {"n.x": 1, "": 2**70},
            "": "empty name",
            "pk": "no key",
            "n.count": 7,
        }
        metadata.commit(Put(key, value))
        record = metadata.get(key)[key]
        assert record.value == value
        assert record.value["yes"] is True
        assert record.key == key
        assert record.expires is None

    def test_a_put_replaces_the_whole_record(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"x": 1, "y": "old"}, expires=FAR_AWAY))
        metadata.commit(Put(key, {"z": 2}))
        record = metadata.get(key)[key]
        assert (record.value, record.expires) == ({"z": 2}, None)

    def test_an_empty_value_is_a_record(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {}))
        assert value_at(metadata, key) == {}

    def test_put_if_absent_holds_where_there_is_none(
        self, metadata: Metadata, partition: str
    ) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"x": 1}, absent=True))
        assert value_at(metadata, key) == {"x": 1}

    def test_put_if_absent_fails_with_the_record_found(
        self, metadata: Metadata, partition: str
    ) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"x": 1, "t": "first"}))
        there = metadata.get(key)[key]
        assert refused(metadata, Put(key, {"x": 2}, absent=True)) == {key: there}
        assert value_at(metadata, key) == {"x": 1, "t": "first"}

    def test_put_at_the_version_holds_and_raises_it(
        self, metadata: Metadata, partition: str
    ) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"x": 1}))
        version = version_at(metadata, key)
        committed = metadata.commit(Put(key, {"x": 2}, at=version))
        assert version_at(metadata, key) == version + 1 == committed.versions[key]

    def test_put_at_another_version_fails(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"x": 1}))
        there = metadata.get(key)[key]
        assert refused(metadata, Put(key, {"x": 2}, at=there.version - 1)) == {key: there}

    def test_put_at_a_version_fails_where_there_is_none(
        self, metadata: Metadata, partition: str
    ) -> None:
        key = Key(partition, "a")
        assert refused(metadata, Put(key, {"x": 2}, at=5)) == {key: None}
        assert value_at(metadata, key) is None

    def test_every_put_changes_the_version(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        versions = [metadata.commit(Put(key, {"x": 1})).versions[key] for _ in range(5)]
        assert len(set(versions)) == 5
        assert versions[-1] == version_at(metadata, key)

    def test_a_version_is_never_used_again_after_deletion(
        self, metadata: Metadata, partition: str
    ) -> None:
        key = Key(partition, "a")
        seen = set()
        for _ in range(5):
            metadata.commit(Put(key, {"x": 1}, absent=True))
            seen.add(version_at(metadata, key))
            metadata.commit(Add(key, {"x": 1}))
            seen.add(version_at(metadata, key))
            metadata.commit(Delete(key))
        assert len(seen) == 10


class TestDelete:
    def test_what_was_deleted_is_absent(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"x": 1}))
        metadata.commit(Delete(key))
        assert value_at(metadata, key) is None

    def test_deleting_what_is_absent_is_no_error(self, metadata: Metadata, partition: str) -> None:
        metadata.commit(Delete(Key(partition, "a")))

    def test_delete_at_the_version_holds(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"x": 1}))
        metadata.commit(Delete(key, at=version_at(metadata, key)))
        assert value_at(metadata, key) is None

    def test_delete_at_another_version_fails(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"x": 1}))
        there = metadata.get(key)[key]
        assert refused(metadata, Delete(key, at=there.version + 1)) == {key: there}
        assert metadata.get(key)[key] == there

    def test_delete_at_a_version_fails_where_there_is_none(
        self, metadata: Metadata, partition: str
    ) -> None:
        key = Key(partition, "a")
        assert refused(metadata, Delete(key, at=1)) == {key: None}


class TestAdd:
    def test_add_changes_counters_alone_and_raises_the_version(
        self, metadata: Metadata, partition: str
    ) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"x": 1, "y": 10, "t": "text"}, expires=FAR_AWAY))
        before = metadata.get(key)[key]
        metadata.commit(Add(key, {"x": 5, "y": -20, "new": 3}))
        after = metadata.get(key)[key]
        assert after.value == {"x": 6, "y": -10, "new": 3, "t": "text"}
        assert after.version == before.version + 1
        assert after.expires == FAR_AWAY

    def test_add_fails_where_there_is_none(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        assert refused(metadata, Add(key, {"x": 1})) == {key: None}
        assert value_at(metadata, key) is None

    def test_add_with_create_makes_the_record(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        metadata.commit(Add(key, {"x": 1}, create=True, expires=FAR_AWAY))
        record = metadata.get(key)[key]
        assert (record.value, record.expires) == ({"x": 1}, FAR_AWAY)

    def test_a_record_that_add_made_has_the_fresh_version(
        self, metadata: Metadata, partition: str
    ) -> None:
        made, put = Key(partition, "a"), Key(partition, "b")
        committed = metadata.commit(Add(made, {"x": 1}, create=True), Put(put, {}))
        assert version_at(metadata, made) == committed.versions[put]

    def test_add_with_create_adds_to_what_is_there(
        self, metadata: Metadata, partition: str
    ) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"x": 1, "t": "text"}))
        before = metadata.get(key)[key]
        metadata.commit(Add(key, {"x": 1}, create=True, expires=FAR_AWAY))
        after = metadata.get(key)[key]
        assert after.value == {"x": 2, "t": "text"}
        assert (after.version, after.expires) == (before.version + 1, None)

    def test_add_reaches_its_limit_and_not_past_it(
        self, metadata: Metadata, partition: str
    ) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"x": 7}))
        metadata.commit(Add(key, {"x": 3}, limits={"x": 10}))
        there = metadata.get(key)[key]
        assert refused(metadata, Add(key, {"x": 1}, limits={"x": 10})) == {key: there}
        assert value_at(metadata, key) == {"x": 10}

    def test_a_counter_that_is_missing_counts_as_nought_for_its_limit(
        self, metadata: Metadata, partition: str
    ) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"t": "text"}))
        assert key in refused(metadata, Add(key, {"x": 11}, limits={"x": 10}))
        metadata.commit(Add(key, {"x": 10}, limits={"x": 10}))
        assert value_at(metadata, key) == {"t": "text", "x": 10}

    def test_a_limit_holds_for_a_record_made_anew(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        found = refused(metadata, Add(key, {"x": 11}, create=True, limits={"x": 10}))
        assert found == {key: None}
        metadata.commit(Add(key, {"x": 10}, create=True, limits={"x": 10}))
        assert value_at(metadata, key) == {"x": 10}

    def test_a_limit_holds_for_each_counter_by_itself(
        self, metadata: Metadata, partition: str
    ) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"x": 1, "y": 1}))
        both = {"x": 1, "y": 1}
        assert key in refused(metadata, Add(key, both, limits={"x": 2, "y": 1}))
        metadata.commit(Add(key, both, limits={"x": 2}))
        assert value_at(metadata, key) == {"x": 2, "y": 2}

    def test_a_limit_may_be_negative(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        metadata.commit(Add(key, {"x": -5}, create=True, limits={"x": -5}))
        assert key in refused(metadata, Add(key, {"x": 1}, limits={"x": -5}))

    def test_what_is_no_integer_counts_as_nought_and_becomes_one(
        self, metadata: Metadata, partition: str
    ) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"x": "text", "y": True}))
        metadata.commit(Add(key, {"x": 1, "y": 1}))
        assert value_at(metadata, key) == {"x": 1, "y": 1}

    def test_a_record_may_not_grow_without_end(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"t": "x" * 399_000}))
        with pytest.raises(InvalidOperation):
            metadata.commit(Add(key, {f"{number:02}{'c' * 900}": 1 for number in range(20)}))
        record = metadata.get(key)[key]
        assert record.value.keys() == {"t"}


class TestCheck:
    def test_checks_that_hold_let_the_commit_through(
        self, metadata: Metadata, partition: str
    ) -> None:
        there, gone, target = (Key(partition, name) for name in "abc")
        metadata.commit(Put(there, {"x": 1}))
        version = version_at(metadata, there)
        metadata.commit(Check(there), Check(gone, absent=True), Put(target, {}))
        metadata.commit(Check(there, at=version), Delete(target))
        assert version_at(metadata, there) == version

    @pytest.mark.parametrize("check", ["there", "absent", "at", "at none"])
    def test_a_check_that_fails_stops_the_whole_commit(
        self, metadata: Metadata, partition: str, check: str
    ) -> None:
        there, gone, target = (Key(partition, name) for name in "abc")
        metadata.commit(Put(there, {"x": 1}))
        record = metadata.get(there)[there]
        operation, found = {
            "there": (Check(gone), {gone: None}),
            "absent": (Check(there, absent=True), {there: record}),
            "at": (Check(there, at=record.version + 1), {there: record}),
            "at none": (Check(gone, at=1), {gone: None}),
        }[check]
        assert refused(metadata, Put(target, {}), operation) == found
        assert value_at(metadata, target) is None


class TestCommit:
    def test_a_commit_is_there_whole_or_not_at_all(
        self, metadata: Metadata, partition: str
    ) -> None:
        keys = [Key(partition, f"{number:02}") for number in range(10)]
        metadata.commit(Put(keys[9], {"x": 1}))
        metadata.commit(Put(keys[8], {"x": 1}))
        refused(
            metadata,
            *(Put(key, {}) for key in keys[:7]),
            Add(keys[8], {"x": 1}),
            Delete(keys[9], at=1),
        )
        found = metadata.get(*keys)
        assert {key.sort: record.value for key, record in found.items()} == {
            "08": {"x": 1},
            "09": {"x": 1},
        }

    def test_an_error_names_every_condition_that_failed(
        self, metadata: Metadata, partition: str
    ) -> None:
        keys = [Key(partition, name) for name in "abcd"]
        metadata.commit(Put(keys[0], {"x": 1}), Put(keys[3], {"x": 9}))
        there = metadata.get(*keys)
        found = refused(
            metadata,
            Put(keys[0], {}, absent=True),
            Put(keys[1], {}, absent=True),
            Check(keys[2]),
            Add(keys[3], {"x": 1}, limits={"x": 9}),
        )
        assert found == {keys[0]: there[keys[0]], keys[2]: None, keys[3]: there[keys[3]]}

    def test_a_commit_leaves_its_witness(self, metadata: Metadata, partition: str) -> None:
        committed = metadata.commit(Put(Key(partition, "a"), {}))
        key = Key(f"_#tokens#{committed.attempt.id}", "token")
        witness = metadata.get(key)[key]
        assert witness.expires == committed.attempt.at + timedelta(days=1)
        assert committed.versions[key] == witness.version

    def test_a_refused_commit_leaves_no_witness(
        self, metadata: Metadata, engine: Engine, partition: str
    ) -> None:
        ids = []

        class Named:
            def puts(self, attempt, operations, fresh):  # type: ignore[no-untyped-def]
                ids.append(attempt.id)
                return (Put(Key(partition, attempt.id), {}),)

        with pytest.raises(ConditionFailed):
            metadata.commit(Check(Key(partition, "a")), witness=Named())
        assert len(ids) == 1
        assert not engine.get([Key(partition, ids[0])])

    def test_a_hundred_operations_go_in_one_commit(
        self, metadata: Metadata, partition: str
    ) -> None:
        keys = [Key(partition, f"{number:03}") for number in range(99)]
        metadata.commit(*(Put(key, {"n": number}) for number, key in enumerate(keys)))
        assert len(metadata.query(partition).records) == 99

    def test_four_megabytes_go_in_one_commit(self, metadata: Metadata, partition: str) -> None:
        keys = [Key(partition, f"{number:02}") for number in range(10)]
        metadata.commit(*(Put(key, {"t": "x" * 399_500}) for key in keys))
        found = metadata.get(*keys)
        assert sorted(len(record.value["t"]) for record in found.values()) == [399_500] * 10


TOO_MUCH: dict[str, Callable[[str], list[Operation]]] = {
    "nothing at all": lambda p: [],
    "101 operations": lambda p: [Delete(Key(p, str(number))) for number in range(101)],
    "100 and the witness": lambda p: [Delete(Key(p, str(number))) for number in range(100)],
    "a key twice": lambda p: [Put(Key(p, "a"), {}), Check(Key(p, "a"))],
    "over 4 MB": lambda p: [Put(Key(p, str(n)), {"t": "x" * 399_900}) for n in range(11)],
    "over 400 KB": lambda p: [Put(Key(p, "a"), {"t": "x" * 400_000})],
    "over 400 KB in bytes": lambda p: [Put(Key(p, "a"), {"t": "ü" * 200_001})],
    "an empty partition": lambda p: [Put(Key("", "a"), {})],
    "an empty sort": lambda p: [Put(Key(p, ""), {})],
    "a partition too long": lambda p: [Put(Key("x" * 2049, "a"), {})],
    "a partition too long in bytes": lambda p: [Put(Key("ü" * 1025, "a"), {})],
    "a sort too long": lambda p: [Put(Key(p, "x" * 1025), {})],
    "a sort too long in bytes": lambda p: [Put(Key(p, "\U0001f600" * 257), {})],
    "half a surrogate in a key": lambda p: [Put(Key(p, "\ud800"), {})],
    "half a surrogate in a value": lambda p: [Put(Key(p, "a"), {"t": "\ud800"})],
    "an integer of 64 bits": lambda p: [Put(Key(p, "a"), {"x": 2**63})],
    "an amount of 64 bits": lambda p: [Add(Key(p, "a"), {"x": -(2**63)}, create=True)],
    "no amount": lambda p: [Add(Key(p, "a"), {}, create=True)],
    "21 amounts": lambda p: [Add(Key(p, "a"), dict.fromkeys(map(str, range(21)), 1), create=True)],
    "an amount that is none": lambda p: [Add(Key(p, "a"), {"x": 1.5}, create=True)],  # type: ignore[dict-item]
    "a limit of nothing": lambda p: [Add(Key(p, "a"), {"x": 1}, create=True, limits={"y": 1})],
    "what is no JSON": lambda p: [Put(Key(p, "a"), {"x": object()})],
    "not a number": lambda p: [Put(Key(p, "a"), {"x": float("nan")})],
    "a name that is no text": lambda p: [Put(Key(p, "a"), {1: "x"})],  # type: ignore[dict-item]
    "absent and at": lambda p: [Put(Key(p, "a"), {}, absent=True, at=1)],
    "a check absent and at": lambda p: [Check(Key(p, "a"), absent=True, at=1)],
    "an expiry without a zone": lambda p: [Put(Key(p, "a"), {}, expires=datetime(2099, 1, 1))],  # noqa: DTZ001
}


class TestLimits:
    @pytest.mark.parametrize("what", TOO_MUCH)
    def test_what_any_backend_would_refuse_is_never_sent(
        self, metadata: Metadata, faults: Faults, partition: str, what: str
    ) -> None:
        with pytest.raises(InvalidOperation):
            metadata.commit(*TOO_MUCH[what](partition))
        assert "transact" not in faults.made

    @pytest.mark.parametrize("letter", ["x", "ü", "€", "\U0001f600"])
    def test_keys_of_the_full_size_work(
        self, metadata: Metadata, partition: str, letter: str
    ) -> None:
        size = len(letter.encode())
        filled = partition + "-" * ((2048 - len(partition)) % size)
        key = Key(filled + letter * ((2048 - len(filled)) // size), letter * (1024 // size))
        metadata.commit(Put(key, {"x": 1}))
        assert value_at(metadata, key) == {"x": 1}
        assert metadata.query(key.partition, key.sort).records[0].key == key

    def test_a_record_of_the_full_size_works(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        text = "x" * (400_000 - len(partition) - 1 - len('{"t":""}'))
        metadata.commit(Put(key, {"t": text}))
        assert value_at(metadata, key) == {"t": text}
        with pytest.raises(InvalidOperation):
            metadata.commit(Put(key, {"t": text + "x"}))

    def test_many_counters_fit_in_a_record(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        value = {f"c{number}": number for number in range(3000)}
        metadata.commit(Put(key, value))
        assert value_at(metadata, key) == value

    def test_an_add_of_twenty_counters_with_limits_works(
        self, metadata: Metadata, partition: str
    ) -> None:
        key = Key(partition, "a")
        amounts = {f"{'counter' * 30}{number}": number for number in range(20)}
        metadata.commit(Add(key, amounts, create=True, limits=amounts, expires=FAR_AWAY))
        assert value_at(metadata, key) == amounts


class TestGet:
    def test_what_is_absent_is_left_out(self, metadata: Metadata, partition: str) -> None:
        there, gone = Key(partition, "a"), Key(partition, "b")
        metadata.commit(Put(there, {"x": 1}))
        assert metadata.get(there, gone).keys() == {there}
        assert metadata.get(gone) == {}

    def test_no_key_is_no_call(self, metadata: Metadata, faults: Faults) -> None:
        assert metadata.get() == {}
        assert faults.made == []

    def test_a_key_named_twice_is_read_once(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {"x": 1}))
        assert metadata.get(key, key, Key(partition, "b")).keys() == {key}

    def test_a_hundred_keys_are_one_call(
        self, metadata: Metadata, faults: Faults, partition: str
    ) -> None:
        keys = [Key(f"{partition}#{number}", "a") for number in range(100)]
        metadata.commit(*(Put(key, {"k": key.partition}) for key in keys[:60]))
        faults.made.clear()
        found = metadata.get(*keys)
        assert {key: record.value["k"] for key, record in found.items()} == {
            key: key.partition for key in keys[:60]
        }
        assert faults.made == ["get"]

    def test_over_a_hundred_keys_are_refused(self, metadata: Metadata, partition: str) -> None:
        with pytest.raises(InvalidOperation):
            metadata.get(*(Key(partition, str(number)) for number in range(101)))

    def test_a_key_that_none_can_have_is_refused(self, metadata: Metadata) -> None:
        with pytest.raises(InvalidOperation):
            metadata.get(Key("", "a"))

    def test_more_than_one_answer_can_hold_is_read_whole(
        self, metadata: Metadata, partition: str
    ) -> None:
        """DynamoDB answers 16 MB at a time."""
        keys = [Key(partition, f"{number:03}") for number in range(50)]
        for start in range(0, 50, 10):
            ten = keys[start : start + 10]
            metadata.commit(*(Put(key, {"t": "x" * 399_000}) for key in ten))
        assert metadata.get(*keys).keys() == set(keys)


class TestQuery:
    def test_records_come_in_the_order_of_utf8(self, metadata: Metadata, partition: str) -> None:
        sorts = ["a", "B", "aa", "a\x00", "é", "z", "\uffff", "\U00010000", "\ud7ff", "\ue000", "/"]
        metadata.commit(*(Put(Key(partition, sort), {}) for sort in sorts))
        read = [record.key.sort for record in metadata.query_all(partition)]
        assert read == sorted(sorts, key=lambda sort: sort.encode())

    def test_a_prefix_and_nothing_else_is_read(self, metadata: Metadata, partition: str) -> None:
        sorts = ["a", "a/", "a/b", "a/\U0010ffff", "a0", "b", "\U0010ffff", "\U0010ffffx", "\ud7ff"]
        metadata.commit(*(Put(Key(partition, sort), {}) for sort in sorts))
        for prefix in ["", "a", "a/", "a/b", "c", "\U0010ffff", "\ud7ff", "a/\U0010ffff"]:
            read = [record.key.sort for record in metadata.query(partition, prefix).records]
            expected = [sort for sort in sorts if sort.startswith(prefix)]
            assert read == sorted(expected, key=lambda sort: sort.encode()), repr(prefix)

    def test_wildcards_in_a_prefix_mean_themselves(
        self, metadata: Metadata, partition: str
    ) -> None:
        metadata.commit(*(Put(Key(partition, sort), {}) for sort in ["%", "a%b", "axb", "a_", "A"]))
        read = [record.key.sort for record in metadata.query(partition, "a%").records]
        assert read == ["a%b"]

    def test_after_starts_behind_a_key_that_need_not_be_there(
        self, metadata: Metadata, partition: str
    ) -> None:
        metadata.commit(*(Put(Key(partition, sort), {}) for sort in ["b", "d", "f"]))
        for after, expected in [("", "bdf"), ("a", "bdf"), ("b", "df"), ("c", "df"), ("f", "")]:
            read = [record.key.sort for record in metadata.query(partition, after=after).records]
            assert read == list(expected)

    @pytest.mark.parametrize(
        "after, expected",
        [
            ("a", ["m1", "m2", "m3"]),
            ("m", ["m1", "m2", "m3"]),
            ("m2", ["m3"]),
            ("n", []),
            ("z", []),
        ],
    )
    def test_after_may_lie_outside_of_the_prefix(
        self, metadata: Metadata, partition: str, after: str, expected: list[str]
    ) -> None:
        sorts = ["a1", "m1", "m2", "m3", "z1"]
        metadata.commit(*(Put(Key(partition, sort), {}) for sort in sorts))
        page = metadata.query(partition, "m", after)
        assert [record.key.sort for record in page.records] == expected

    def test_pages_of_a_limit_join_without_gap_or_repetition(
        self, metadata: Metadata, partition: str
    ) -> None:
        sorts = [f"{number:03}" for number in range(25)]
        metadata.commit(*(Put(Key(partition, sort), {}) for sort in sorts))
        read, after, pages = [], "", 0
        while True:
            page = metadata.query(partition, after=after, limit=10)
            assert len(page.records) <= 10
            read += [record.key.sort for record in page.records]
            pages += 1
            if page.next is None:
                break
            after = page.next
        assert read == sorts
        assert pages >= 3

    def test_a_page_ends_at_about_a_megabyte(self, metadata: Metadata, partition: str) -> None:
        for start in (0, 10):
            sorts = [f"{number:02}" for number in range(start, start + 10)]
            metadata.commit(*(Put(Key(partition, sort), {"t": "x" * 300_000}) for sort in sorts))
        page = metadata.query(partition)
        assert page.next is not None
        assert 1 <= len(page.records) <= 5
        assert [record.key.sort for record in metadata.query_all(partition)] == [
            f"{number:02}" for number in range(20)
        ]

    def test_partitions_are_apart(self, metadata: Metadata, partition: str) -> None:
        for name in (partition, f"{partition}0", partition[:-1]):
            metadata.commit(Put(Key(name, "a"), {"p": name}))
        assert [record.value for record in metadata.query_all(partition)] == [{"p": partition}]

    def test_a_partition_without_records_is_empty(self, metadata: Metadata, partition: str) -> None:
        page = metadata.query(partition)
        assert (page.records, page.next) == ((), None)

    @pytest.mark.parametrize("text", ["x" * 1025, "\U0001f600" * 257, "\ud800"])
    def test_a_prefix_or_start_that_no_key_can_have_is_refused(
        self, metadata: Metadata, partition: str, text: str
    ) -> None:
        with pytest.raises(InvalidOperation):
            metadata.query(partition, prefix=text)
        with pytest.raises(InvalidOperation):
            metadata.query(partition, after=text)

    @pytest.mark.parametrize("limit", [0, -1])
    def test_a_limit_below_one_is_refused(
        self, metadata: Metadata, partition: str, limit: int
    ) -> None:
        with pytest.raises(InvalidOperation):
            metadata.query(partition, limit=limit)
        with pytest.raises(InvalidOperation):
            metadata.scan(0, 1, limit=limit)


class TestScan:
    @pytest.mark.parametrize("segments", [1, 3])
    def test_the_segments_together_hold_everything_once(
        self, metadata: Metadata, partition: str, segments: int
    ) -> None:
        keys = {Key(f"{partition}#{number}", "a") for number in range(40)}
        metadata.commit(*(Put(key, {}) for key in keys))
        read: list[Key] = []
        for segment in range(segments):
            after = ""
            while True:
                page = metadata.scan(segment, segments, after, limit=50)
                read += [one.key for one in page.records if one.key.partition.startswith(partition)]
                if page.next is None:
                    break
                after = page.next
        assert len(read) == 40
        assert set(read) == keys

    @pytest.mark.parametrize("segment, segments", [(1, 1), (-1, 2), (0, 0)])
    def test_a_segment_that_is_none_is_refused(
        self, metadata: Metadata, segment: int, segments: int
    ) -> None:
        with pytest.raises(InvalidOperation):
            metadata.scan(segment, segments)


class TestExpiry:
    @pytest.fixture
    def expired(self, metadata: Metadata, partition: str) -> Key:
        """A record that has expired, and was not swept."""
        key = Key(partition, "expired")
        metadata.commit(Put(key, {"x": 100, "t": "old"}, expires=LONG_AGO))
        return key

    def test_an_expiry_is_kept_to_the_microsecond(self, metadata: Metadata, partition: str) -> None:
        key = Key(partition, "a")
        metadata.commit(Put(key, {}, expires=FAR_AWAY))
        assert metadata.get(key)[key].expires == FAR_AWAY

    def test_an_expiry_holds_to_the_second(self, metadata: Metadata, partition: str) -> None:
        before, after = Key(partition, "a"), Key(partition, "b")
        now = metadata.now()
        metadata.commit(
            Put(before, {}, expires=now - timedelta(microseconds=1)),
            Put(after, {}, expires=now + timedelta(minutes=5)),
        )
        assert metadata.get(before, after).keys() == {after}

    def test_expired_records_are_absent_everywhere(self, metadata: Metadata, expired: Key) -> None:
        there = Key(expired.partition, "there")
        metadata.commit(Put(there, {}))
        assert metadata.get(expired) == {}
        assert metadata.get(expired, there).keys() == {there}
        assert [record.key for record in metadata.query_all(expired.partition)] == [there]

    def test_put_if_absent_works_over_an_expired_record(
        self, metadata: Metadata, expired: Key
    ) -> None:
        metadata.commit(Put(expired, {"y": 1}, absent=True))
        assert value_at(metadata, expired) == {"y": 1}

    def test_put_works_over_an_expired_record(self, metadata: Metadata, expired: Key) -> None:
        metadata.commit(Put(expired, {"y": 1}))
        assert value_at(metadata, expired) == {"y": 1}

    def test_nothing_is_at_the_version_of_an_expired_record(
        self, metadata: Metadata, partition: str
    ) -> None:
        key = Key(partition, "a")
        version = metadata.commit(Put(key, {"x": 1}, expires=LONG_AGO)).versions[key]
        assert refused(metadata, Put(key, {}, at=version)) == {key: None}
        assert refused(metadata, Delete(key, at=version)) == {key: None}
        assert refused(metadata, Check(key, at=version)) == {key: None}

    def test_delete_works_over_an_expired_record(self, metadata: Metadata, expired: Key) -> None:
        metadata.commit(Delete(expired))
        assert metadata.get(expired) == {}

    def test_a_check_takes_an_expired_record_for_absent(
        self, metadata: Metadata, expired: Key
    ) -> None:
        metadata.commit(Check(expired, absent=True), Put(Key(expired.partition, "a"), {}))
        assert refused(metadata, Check(expired)) == {expired: None}

    def test_add_fails_on_an_expired_record(self, metadata: Metadata, expired: Key) -> None:
        assert refused(metadata, Add(expired, {"x": 1})) == {expired: None}

    def test_add_with_create_starts_an_expired_record_anew(
        self, metadata: Metadata, expired: Key
    ) -> None:
        other = Key(expired.partition, "other")
        committed = metadata.commit(
            Add(expired, {"y": 1}, create=True, limits={"y": 1}, expires=FAR_AWAY), Put(other, {})
        )
        record = metadata.get(expired)[expired]
        assert (record.value, record.expires) == ({"y": 1}, FAR_AWAY)
        assert record.version == committed.versions[other]
        assert metadata.get(other)

    def test_a_limit_holds_when_an_expired_record_starts_anew(
        self, metadata: Metadata, expired: Key
    ) -> None:
        found = refused(metadata, Add(expired, {"x": 2}, create=True, limits={"x": 1}))
        assert found == {expired: None}
        metadata.commit(Add(expired, {"x": 1}, create=True, limits={"x": 1}))
        assert value_at(metadata, expired) == {"x": 1}

    def test_starting_anew_does_not_hide_another_condition(
        self, metadata: Metadata, expired: Key
    ) -> None:
        gone = Key(expired.partition, "gone")
        assert refused(metadata, Add(expired, {"x": 1}, create=True), Check(gone)) == {gone: None}
        assert metadata.get(expired) == {}


class TestTokens:
    def test_a_repeated_call_takes_effect_once(self, engine: Engine, partition: str) -> None:
        """It succeeds again, or names the operation that put the witness."""
        counter, witness = Key(partition, "counter"), Key(partition, "witness")
        fresh = microseconds(engine.now()) << 10
        call = (Add(counter, {"x": 1}, create=True), Put(witness, {}, absent=True))
        token = partition[5:]
        engine.transact(call, fresh, token)
        for _ in range(2):
            try:
                engine.transact(call, fresh, token)
            except ConditionFailed as error:
                assert error.found[witness] is not None  # noqa: PT017
        assert engine.get([counter])[counter].value == {"x": 1}

    def test_a_repeated_call_over_an_expired_record_takes_effect_once(
        self, engine: Engine, partition: str
    ) -> None:
        counter, witness = Key(partition, "counter"), Key(partition, "witness")
        fresh = microseconds(engine.now()) << 10
        token = partition[5:]
        engine.transact([Put(counter, {"x": 7}, expires=LONG_AGO)], fresh, "other" + token[5:])
        call = (Add(counter, {"x": 1}, create=True), Put(witness, {}, absent=True))
        engine.transact(call, fresh + 1, token)
        try:
            engine.transact(call, fresh + 1, token)
        except ConditionFailed as error:
            assert error.found[witness] is not None  # noqa: PT017
        assert engine.get([counter])[counter].value == {"x": 1}


class TestStore:
    def test_prepare_may_be_repeated(self, engine: Engine, partition: str) -> None:
        key = Key(partition, "a")
        Metadata(engine).commit(Put(key, {"x": 1}))
        engine.prepare()
        assert engine.get([key])

    def test_the_stores_time_is_about_the_machines(self, engine: Engine) -> None:
        assert abs(engine.now() - datetime.now(UTC)) < timedelta(seconds=3)

    def test_the_stores_time_is_aware(self, engine: Engine) -> None:
        assert engine.now().utcoffset() == timedelta()
