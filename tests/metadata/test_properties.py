"""Random sequences of commits do on every backend what they do to a plain dictionary."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.metadata import (
    Add,
    Check,
    ConditionFailed,
    Delete,
    Key,
    Metadata,
    Operation,
    Put,
)
from storage.metadata.engine import Engine

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AWAY = datetime(2099, 1, 1, 0, 0, 0, 5, tzinfo=UTC)

SORTS = ["a", "ä", "\uffff", "\U00010000"]
NAMES = ["x", "y"]

numbers = st.integers(-20, 20)
expiries = st.sampled_from([None, None, LONG_AGO, FAR_AWAY])
json_values = st.recursive(
    st.none()
    | st.booleans()
    | numbers
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
values = st.dictionaries(st.sampled_from([*NAMES, "t", ""]), json_values, max_size=3)
#: Which version an operation names: none, the one that is there, or another.
versions = st.sampled_from([None, None, "right", "wrong"])


@dataclass
class Row:
    value: dict[str, object]
    version: int
    expires: datetime | None


@dataclass
class Model:
    """What a store should hold: rows by sort key, the expired ones left out."""

    rows: dict[str, Row] = field(default_factory=dict)

    def version(self, sort: str, which: str | None) -> int | None:
        if which is None:
            return None
        there = self.rows[sort].version if sort in self.rows else 1
        return there if which == "right" else there + 1

    def fails(self, operation: Operation) -> bool:
        row = self.rows.get(operation.key.sort)
        at = getattr(operation, "at", None)
        if at is not None:
            return row is None or row.version != at
        match operation:
            case Put(absent=absent):
                return absent and row is not None
            case Check(absent=absent):
                return absent == (row is not None)
            case Add(create=create):
                if row is None and not create:
                    return True
                after = self.added(operation)
                return any(after[name] > most for name, most in operation.limits.items())
        return False

    def added(self, add: Add) -> dict[str, int]:
        row = self.rows.get(add.key.sort)
        before = row.value if row else {}
        return {
            name: (before[name] if type(before.get(name)) is int else 0) + amount  # type: ignore[operator]
            for name, amount in add.amounts.items()
        }

    def apply(self, operation: Operation, version: int) -> None:
        sort = operation.key.sort
        match operation:
            case Put(value=value, expires=expires):
                self.rows[sort] = Row(dict(value), version, expires)
            case Delete():
                self.rows.pop(sort, None)
            case Add(expires=expires):
                after = self.added(operation)
                row = self.rows.setdefault(sort, Row({}, version - 1, expires))
                row.value |= after
                row.version += 1
        row = self.rows.get(sort)
        if row is not None and row.expires == LONG_AGO:
            del self.rows[sort]


@st.composite
def operation(draw: st.DrawFn, sort: str) -> object:
    """An operation on a key, as a function of the model and the partition."""
    kind = draw(st.sampled_from(["put", "put", "delete", "add", "add", "check"]))
    which = draw(versions)
    absent = which is None and draw(st.booleans())
    expires = draw(expiries)
    value = draw(values)
    amounts = draw(st.dictionaries(st.sampled_from(NAMES), numbers, min_size=1))
    limits = {name: draw(numbers) for name in amounts if draw(st.booleans())}
    create = draw(st.booleans())

    def make(model: Model, partition: str) -> Operation:
        key, at = Key(partition, sort), model.version(sort, which)
        match kind:
            case "put":
                return Put(key, value, absent=absent, at=at, expires=expires)
            case "delete":
                return Delete(key, at=at)
            case "add":
                return Add(key, amounts, create=create, limits=limits, expires=expires)
        return Check(key, absent=absent, at=at)

    return make


@st.composite
def commits(draw: st.DrawFn) -> list[object]:
    sorts = draw(st.lists(st.sampled_from(SORTS), min_size=1, max_size=4, unique=True))
    return [draw(operation(sort)) for sort in sorts]


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(sequence=st.lists(commits(), min_size=1, max_size=8))
def test_a_store_does_what_a_dictionary_does(engine: Engine, sequence: list[list]) -> None:  # type: ignore[type-arg]
    store, model, partition = Metadata(engine), Model(), uuid4().hex
    keys = [Key(partition, sort) for sort in SORTS]
    for made in sequence:
        operations = [make(model, partition) for make in made]
        failing = {one.key for one in operations if model.fails(one)}
        if failing:
            with pytest.raises(ConditionFailed) as caught:
                store.commit(*operations)
            found = caught.value.found
            assert found.keys() == failing
            for key, record in found.items():
                row = model.rows.get(key.sort)
                there = (
                    None
                    if record is None
                    else Row(dict(record.value), record.version, record.expires)
                )
                assert there == row
        else:
            committed = store.commit(*operations)
            witness = Key(f"_#tokens#{committed.attempt.id}", "token")
            for one in operations:
                model.apply(one, committed.versions.get(one.key, committed.versions[witness]))
        read = store.get(*keys)
        assert {
            key.sort: Row(dict(record.value), record.version, record.expires)
            for key, record in read.items()
        } == model.rows
        ordered = [record.key.sort for record in store.query_all(partition)]
        assert ordered == sorted(model.rows, key=str.encode)
