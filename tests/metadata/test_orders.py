"""Whatever goes wrong in whatever order: who is told of a failure has written nothing.

All orders of up to four troubles, in front of a store that is well afterwards, or that
stays away; on SQLite, whose engine keeps no token, so that the witness alone decides.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from storage.metadata import (
    Add,
    Check,
    ConditionFailed,
    Conflict,
    Corrupted,
    Key,
    Metadata,
    MetadataError,
    Operation,
    OutcomeUnknown,
    Put,
    StoreFull,
    Unavailable,
)
from storage.metadata.sqlite import SqliteEngine
from tests.faults.metadata import (
    Fault,
    Faults,
    conflict,
    full,
    lost_after_effect,
    lost_before_effect,
    passes,
    throttled,
)
from tests.metadata.backends import sqlite

LATE = "late"  # the answer is lost, and the effect comes with the next call

TROUBLES: dict[str, Fault] = {
    "conflict": conflict,
    "throttled": throttled,
    "full": full,
    "lost after": lost_after_effect,
    "lost before": lost_before_effect,
}
ORDERS = [order for length in range(5) for order in product([*TROUBLES, LATE], repeat=length)]


def damaged(call: Callable[[], Any]) -> Any:
    """The store is found to be damaged; nothing happens."""
    raise Corrupted("injected")


#: How the reads of the witness go.
READS: dict[str, Sequence[Fault]] = {
    "well": (),
    "away": (throttled,) * 100,
    "damaged": (damaged,) * 100,
    "back soon": (throttled, throttled),
}
#: How the store goes on once an order is over.
ENDS: dict[str, Sequence[Fault]] = {
    "well": (),
    "lost": (lost_before_effect,) * 100,
    "away": (throttled,) * 100,
    "torn": (conflict, lost_before_effect, throttled) * 30,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteEngine]:
    with sqlite(tmp_path_factory.mktemp("orders") / "records.db") as engine:
        # What is tested is no power cut: a commit need not reach the disk.
        connection = engine._connections.take()
        connection.execute("PRAGMA synchronous=OFF")
        engine._connections.give_back(connection)
        yield engine


@dataclass
class Trial:
    """One commit on records of its own, through a store with troubles."""

    engine: SqliteEngine
    refused: bool
    slow: bool

    def __post_init__(self) -> None:
        self.partition = f"test#{uuid4().hex}"
        self.counter = Key(self.partition, "counter")
        self.faults = Faults(self.engine)
        Metadata(self.engine).commit(Put(self.counter, {"x": 0}))

    def line_up(self, order: Sequence[str], end: str, reads: str) -> None:
        late = self.faults.lost_and_late
        troubles = [late if each == LATE else TROUBLES[each] for each in order]
        self.faults.next("transact", *troubles, *ENDS[end])
        self.faults.next("get", *READS[reads])

    def operations(self) -> list[Operation]:
        """They count; and with `refused` one of them meets a condition that does not hold."""
        put = Put(Key(self.partition, "new"), {}, absent=True)
        guard = [Check(self.counter, at=1)] if self.refused else [Add(self.counter, {"x": 1})]
        return [put, Add(Key(self.partition, "also"), {"x": 1}, create=True), *guard]

    def run(self) -> MetadataError | None:
        def sleep(seconds: float) -> None:
            self.faults.skew += timedelta(seconds=seconds * (4 if self.slow else 1))

        metadata = Metadata(self.faults, clock=self.faults.now, sleep=sleep)
        try:
            metadata.commit(*self.operations())
        except MetadataError as error:
            return error
        return None

    def effects(self) -> int:
        """How often the commit took effect; what was on its way has arrived by then."""
        self.faults.next("scan", passes)
        self.faults.scan(0, 1, "", 1)
        names = ("counter", "new", "also")
        keys = {name: Key(self.partition, name) for name in names}
        found = self.engine.get(list(keys.values()))
        new, also = found.get(keys["new"]), found.get(keys["also"])
        counted = 0 if also is None else also.value["x"]
        assert (new is not None) == bool(counted)
        assert self.refused or found[keys["counter"]].value["x"] == counted
        assert isinstance(counted, int)
        return counted


@pytest.mark.parametrize("refused", [False, True], ids=["holds", "does not hold"])
@pytest.mark.parametrize("end", ENDS)
def test_in_every_order_of_troubles_the_outcome_is_told_rightly(
    store: SqliteEngine, end: str, refused: bool
) -> None:
    """It returns: once. It raises: not at all, unless it says that it does not know."""
    chosen = random.Random(f"{end} {refused}")
    met = set()
    for order in ORDERS:
        reads = chosen.choice(list(READS))
        trial = Trial(store, refused, slow=chosen.random() < 0.3)
        trial.line_up(order, end, reads)
        error, effects = trial.run(), trial.effects()
        about = f"{order} then {end}, reads {reads}: {error!r}, took effect {effects} times"
        if error is None:
            assert effects == 1, about
        elif isinstance(error, OutcomeUnknown):
            assert effects <= 1, about
            assert any(each in (LATE, "lost after", "lost before") for each in order) or (
                end in ("lost", "torn")
            ), about
        else:
            assert effects == 0, about
            assert isinstance(error, ConditionFailed | Conflict | StoreFull | Unavailable), about
        met.add(type(error))
    assert len(met) > 1


def test_damage_that_is_found_after_a_lost_answer_leaves_the_outcome_unknown(
    store: SqliteEngine,
) -> None:
    trial = Trial(store, refused=False, slow=False)
    trial.faults.next("transact", lost_after_effect, *[lost_before_effect] * 10)
    trial.faults.next("get", damaged)
    assert isinstance(trial.run(), OutcomeUnknown)
    assert trial.effects() == 1
