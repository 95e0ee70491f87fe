"""From a setting to an engine, and the observer around one."""

import os
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
        "dynamodb://user:hush@table",
        "mysql://user:hush@x",
        "dynamodb://[x",
        "dynamodb://table?endpoint=foo",
        "dynamodb://table?endpoint=ftp://x",
        "dynamodb://table?endpoint=http://",
        "dynamodb://table?endpoint=http://[::1",
        "dynamodb://table?endpoint=http://127.0.0.1:99999",
        "dynamodb://table?endpoint=http://user:hush@a%20b",
        "dynamodb://table?region=us-east-1&endpoint=http://a%20b",
        "dynamodb://table?region=no%20region",
        "dynamodb://ab",
        "dynamodb://a table",
        "dynamodb://table?regoin=x",
        "dynamodb://table?region=x&region=y",
        "dynamodb://table?region",
        "dynamodb://table#x",
    ],
)
def test_a_setting_that_names_no_store_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownStore, match="STRONGROOM_METADATA") as refused:
        open_engine(url, tmp_path)
    assert "hush" not in str(refused.value)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A machine on which AWS's library finds nothing."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def test_a_table_nowhere_is_named_with_what_is_missing(
    bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(UnknownStore, match=r"STRONGROOM_METADATA.*region="):
        open_engine("dynamodb://table", tmp_path)
    bare.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UnknownStore, match=r"STRONGROOM_METADATA.*nobody"):
        open_engine("dynamodb://table?region=us-east-1", tmp_path)


def test_missing_credentials_are_named_before_anything_is_served(
    bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not where a machine's role is gone for a while: to a running process that is away."""
    url = "dynamodb://table?region=us-east-1&endpoint=http://127.0.0.1:1"
    said = "STRONGROOM_METADATA.*AWS_ACCESS_KEY_ID"
    engine = open_engine(url, tmp_path)
    with pytest.raises(UnknownStore, match=said):
        engine.prepare()
    for call in (
        lambda: engine.get([Key("p", "a")]),
        lambda: engine.transact([Put(Key("p", "a"), {})], 1 << 60, "t"),
    ):
        with pytest.raises(Unavailable, match=said) as caught:
            call()
        assert not isinstance(caught.value, OutcomeUnknown)
    engine.close()
    bare.setenv("AWS_ACCESS_KEY_ID", "half")
    with pytest.raises(UnknownStore, match=said):
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
        store.count("p")
        store.skip("p", 1)
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
        ("metadata", "count", "ok"),
        ("metadata", "count", "ok"),
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
