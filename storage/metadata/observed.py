"""An engine that tells an observer of every call: how long it took, and how it ended."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from storage.metadata.engine import Engine
from storage.metadata.errors import (
    ConditionFailed,
    Conflict,
    MetadataError,
    OutcomeUnknown,
    StoreFull,
    Unavailable,
)
from storage.metadata.operations import Operation
from storage.metadata.records import Counted, Key, Page, Record, ScanPage

T = TypeVar("T")


class StorageObserver(Protocol):
    """Who is told of the calls of a store."""

    def storage_call(self, store: str, call: str, seconds: float, outcome: str) -> None: ...


class Observed:
    """An `Engine` around another; `store` is "metadata" to the observer.

    The outcomes are `ok`, `condition`, `conflict`, `unknown`, `unavailable`, `full` and
    `error`.
    """

    def __init__(
        self,
        engine: Engine,
        observer: StorageObserver,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._engine = engine
        self._observer = observer
        self._clock = clock

    def prepare(self) -> None:
        self._engine.prepare()

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        # The read of every download: without a closure.
        started = self._clock()
        try:
            found = self._engine.get(keys)
        except MetadataError as error:
            seconds = self._clock() - started
            self._observer.storage_call("metadata", "get", seconds, _outcome(error))
            raise
        self._observer.storage_call("metadata", "get", self._clock() - started, "ok")
        return found

    def query(self, partition: str, prefix: str, after: str, limit: int) -> Page:
        return self._told("query", lambda: self._engine.query(partition, prefix, after, limit))

    def count(self, partition: str, prefix: str, after: str, limit: int) -> Counted:
        return self._told("count", lambda: self._engine.count(partition, prefix, after, limit))

    def scan(self, segment: int, segments: int, after: str, limit: int) -> ScanPage:
        return self._told("scan", lambda: self._engine.scan(segment, segments, after, limit))

    def transact(self, operations: Sequence[Operation], fresh: int, token: str) -> None:
        self._told("transact", lambda: self._engine.transact(operations, fresh, token))

    def sweep(self, limit: int) -> int:
        return self._told("sweep", lambda: self._engine.sweep(limit))

    def now(self) -> datetime:
        return self._engine.now()

    def close(self) -> None:
        self._engine.close()

    def _told(self, call: str, made: Callable[[], T]) -> T:
        started = self._clock()
        outcome = "error"
        try:
            result = made()
            outcome = "ok"
            return result
        except MetadataError as error:
            outcome = _outcome(error)
            raise
        finally:
            self._observer.storage_call("metadata", call, self._clock() - started, outcome)


def _outcome(error: MetadataError) -> str:
    match error:
        case ConditionFailed():
            return "condition"
        case Conflict():
            return "conflict"
        case OutcomeUnknown():
            return "unknown"
        case Unavailable():
            return "unavailable"
        case StoreFull():
            return "full"
    return "error"
