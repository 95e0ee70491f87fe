"""An engine in which things go wrong when a test says so, over any other engine.

A fault is a function around one call: it decides whether the call is made, and what its
caller gets to know of it. A test lines faults up for a call by its name; when they are used
up, calls go through.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeAlias, TypeVar

import pytest

from storage.metadata import Metadata
from storage.metadata.engine import Engine
from storage.metadata.errors import (
    Conflict,
    MetadataError,
    OutcomeUnknown,
    StoreFull,
    Unavailable,
)
from storage.metadata.operations import Operation
from storage.metadata.records import Counted, Key, Page, Record, ScanPage

T = TypeVar("T")
Fault: TypeAlias = Callable[[Callable[[], Any]], Any]


def passes(call: Callable[[], T]) -> T:
    """No fault: one call that goes through, between others that do not."""
    return call()


def conflict(call: Callable[[], Any]) -> Any:
    """Another transaction is in the way; nothing happens."""
    raise Conflict("injected")


def throttled(call: Callable[[], Any]) -> Any:
    """The store is throttled or away; nothing happens."""
    raise Unavailable("injected")


def full(call: Callable[[], Any]) -> Any:
    """The device is full; nothing happens."""
    raise StoreFull("injected")


def lost_after_effect(call: Callable[[], Any]) -> Any:
    """The call is carried out, and its answer is lost, whatever it was."""
    with suppress(MetadataError):
        call()
    raise OutcomeUnknown("injected, after the effect")


def lost_before_effect(call: Callable[[], Any]) -> Any:
    """The connection is cut on the way there: nothing happens, and nobody knows."""
    raise OutcomeUnknown("injected, before the effect")


def slow(seconds: float, sleep: Callable[[float], None] = time.sleep) -> Fault:
    """The call takes so much longer, and goes through."""

    def fault(call: Callable[[], Any]) -> Any:
        sleep(seconds)
        return call()

    return fault


def half_seen(patch: pytest.MonkeyPatch, metadata: Metadata, partition: str) -> None:
    """The next `get` with a key of a partition sees none of its records: as where a commit is
    carried out that others of its records were seen of already."""
    get = metadata.get

    def once(*which: Key) -> dict[Key, Record]:
        found = get(*which)
        if all(key.partition != partition for key in which):
            return found
        patch.setattr(metadata, "get", get)
        return {key: record for key, record in found.items() if key.partition != partition}

    patch.setattr(metadata, "get", once)


class Faults:
    """An `Engine` around another that suffers the faults lined up for it.

    `made` lists the names of the calls that reached it, in order; `tokens` those of the
    transactions. `skew` is added to the store's time. What is not lined up for suffers what
    `otherwise` says for the name of the call.
    """

    def __init__(
        self, engine: Engine, otherwise: Callable[[str], Fault] = lambda _: passes
    ) -> None:
        self._engine = engine
        self._otherwise = otherwise
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._delayed: list[Callable[[], Any]] = []
        self._lock = threading.Lock()
        self.made: list[str] = []
        self.tokens: list[str] = []
        self.skew = timedelta()

    def next(self, name: str, *faults: Fault, times: int = 1) -> None:
        """Line faults up, the whole line `times` times, for calls of `name`: `get`, `query`,
        `count`, `scan`, `transact`, `sweep` or `prepare`."""
        with self._lock:
            self._faults[name].extend(faults * times)

    def forget(self) -> None:
        """Drop the faults that are still lined up."""
        with self._lock:
            self._faults.clear()

    def lost_and_late(self, call: Callable[[], Any]) -> Any:
        """A fault: the answer is lost, and the effect comes when the next call arrives."""
        with self._lock:
            self._delayed.append(call)
        raise OutcomeUnknown("injected, before a late effect")

    def prepare(self) -> None:
        self._suffer("prepare", self._engine.prepare)

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        return self._suffer("get", lambda: self._engine.get(keys))

    def query(self, partition: str, prefix: str, after: str, limit: int) -> Page:
        return self._suffer("query", lambda: self._engine.query(partition, prefix, after, limit))

    def count(self, partition: str, prefix: str, after: str, limit: int) -> Counted:
        return self._suffer("count", lambda: self._engine.count(partition, prefix, after, limit))

    def scan(self, segment: int, segments: int, after: str, limit: int) -> ScanPage:
        return self._suffer("scan", lambda: self._engine.scan(segment, segments, after, limit))

    def transact(self, operations: Sequence[Operation], fresh: int, token: str) -> None:
        self.tokens.append(token)
        self._suffer("transact", lambda: self._engine.transact(operations, fresh, token))

    def sweep(self, limit: int) -> int:
        return self._suffer("sweep", lambda: self._engine.sweep(limit))

    def now(self) -> datetime:
        return self._engine.now() + self.skew

    def close(self) -> None:
        self._engine.close()

    def _suffer(self, name: str, call: Callable[[], T]) -> T:
        with self._lock:
            self.made.append(name)
            late, self._delayed = self._delayed, []
            line = self._faults[name]
            fault = line.popleft() if line else self._otherwise(name)
        for effect in late:
            effect()
        result: T = fault(call)
        return result
