"""From a setting to an engine, and the observer around one."""

from pathlib import Path

import pytest

from storage.metadata import (
    ConditionFailed,
    Conflict,
    Key,
    Metadata,
    OutcomeUnknown,
    Put,
    StoreFull,
    Unavailable,
    UnknownStore,
)
from storage.metadata.dynamodb import DynamoDBEngine
from storage.metadata.observed import Observed
from storage.metadata.opening import open_engine
from storage.metadata.sqlite import SqliteEngine
from tests.faults.metadata import Faults, conflict, full, lost_before_effect, throttled
from tests.metadata.backends import sqlite


def test_a_path_may_begin_with_the_folder_of_data(tmp_path: Path) -> None:
    engine = open_engine("sqlite:DATA/strongroom.db", tmp_path)
    assert isinstance(engine, SqliteEngine)
    engine.prepare()
    assert (tmp_path / "strongroom.db").exists()


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "what?region=x #%20"
    open_engine(f"sqlite:{path}", Path("/nowhere")).prepare()
    assert path.exists()


def test_a_table_is_opened_without_a_call(credentials: None, tmp_path: Path) -> None:
    url = "dynamodb://Table.Name?region=eu-central-1&endpoint=http://127.0.0.1:1"
    engine = open_engine(url, tmp_path, connections=3)
    assert isinstance(engine, DynamoDBEngine)
    engine.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite:",
        "mysql://x",
        "strongroom.db",
        "dynamodb://",
        "dynamodb://?region=x",
        "dynamodb://table/path",
        "dynamodb://user:password@table",
        "dynamodb://ab",
        "dynamodb://a table",
        "dynamodb://table?regoin=x",
        "dynamodb://table?region=x&region=y",
        "dynamodb://table?region",
        "dynamodb://table#x",
    ],
)
def test_a_setting_that_names_no_store_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownStore):
        open_engine(url, tmp_path)


def test_an_observer_is_told_of_every_call_and_its_outcome(tmp_path: Path) -> None:
    told: list[tuple[str, str, str]] = []

    class Observer:
        def storage_call(self, store: str, call: str, seconds: float, outcome: str) -> None:
            assert seconds == 1.0
            told.append((store, call, outcome))

    ticks = iter(range(1000))
    with sqlite(tmp_path / "store.db") as embedded:
        faults = Faults(embedded)
        store = Metadata(
            Observed(faults, Observer(), clock=lambda: float(next(ticks))), sleep=lambda _: None
        )
        key = Key("p", "a")
        store.commit(Put(key, {}))
        store.get(key)
        store.query("p")
        store.scan(0, 1)
        store.sweep()
        faults.next("transact", conflict, throttled, lost_before_effect)
        store.commit(Put(key, {}))
        with pytest.raises(ConditionFailed):
            store.commit(Put(key, {}, absent=True))
        faults.next("transact", full)
        with pytest.raises(StoreFull):
            store.commit(Put(key, {}))
    assert told == [
        ("metadata", "transact", "ok"),
        ("metadata", "get", "ok"),
        ("metadata", "query", "ok"),
        ("metadata", "scan", "ok"),
        ("metadata", "sweep", "ok"),
        ("metadata", "transact", "conflict"),
        ("metadata", "transact", "unavailable"),
        ("metadata", "transact", "unknown"),
        ("metadata", "transact", "ok"),
        ("metadata", "transact", "condition"),
        ("metadata", "transact", "full"),
    ]


def test_every_unknown_outcome_is_also_unavailable() -> None:
    """Who answers 503 to the one answers it to the other."""
    assert issubclass(OutcomeUnknown, Unavailable)
    assert not issubclass(Conflict, Unavailable)
