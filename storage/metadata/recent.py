"""Metadata with a memory: records read within the last seconds, for who may do what.

Revocation is the reason for every rule here. A record is remembered for at most `seconds`,
absence is never remembered, and a commit forgets what it writes at once: a read that began
before the commit cannot bring the old record back.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from storage.metadata.operations import Operation, encode
from storage.metadata.records import Key, Page, Record
from storage.metadata.store import Committed, Metadata, Witness

SECONDS = 10.0  # the promise of revocation in other processes
MOST_RECORDS = 5_000
MOST_BYTES = 32 * 1024 * 1024  # of their values, as they are stored


class CacheObserver(Protocol):
    """Who is told about hits and misses."""

    def cache(self, name: str, hit: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class _Remembered:
    record: Record
    until: float  # monotonic seconds
    size: int  # of its value, in bytes


class Recent:
    """A `Metadata` whose `cached` answers from memory where it can.

    Safe for many threads; shared by everything in a process that reads or writes users,
    keys and repositories, so that a write is seen by all of them at once.
    """

    def __init__(
        self,
        metadata: Metadata,
        seconds: float = SECONDS,
        most: int = MOST_RECORDS,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
        observer: CacheObserver | None = None,
    ) -> None:
        self.metadata = metadata
        self._seconds = seconds
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._clock = clock
        self._observer = observer
        self._remembered: dict[Key, _Remembered] = {}
        self._forgotten = 0  # counts forgettings: a read older than the last is not kept
        self._lock = threading.Lock()

    def cached(self, *keys: Key) -> dict[Key, Record]:
        """Read records at most `seconds` old, with one `get` for those that are missing."""
        now = self._clock()
        found: dict[Key, Record] = {}
        missing = []
        for key in keys:
            remembered = self._remembered.get(key)
            if remembered is not None and remembered.until > now:
                found[key] = remembered.record
            else:
                missing.append(key)
        if self._observer is not None:
            self._observer.cache("records", not missing)
        if missing:
            found.update(self.remembering(*missing))
        return found

    def remembering(self, *keys: Key) -> dict[Key, Record]:
        """Read records afresh, in one `get`, and remember them for `cached`."""
        began, at = self._forgotten, self._clock()
        records = self.metadata.get(*keys)
        self._keep(records, keys, began, at)
        return records

    def fresh(self, remember: tuple[Key, ...], *others: Key) -> dict[Key, Record]:
        """Read records afresh, in one `get`, and remember the first ones alone."""
        began, at = self._forgotten, self._clock()
        records = self.metadata.get(*dict.fromkeys((*remember, *others)))
        self._keep(records, remember, began, at)
        return records

    def get(self, *keys: Key) -> dict[Key, Record]:
        """Read records afresh and remember nothing."""
        return self.metadata.get(*keys)

    def query(self, partition: str, prefix: str = "", after: str = "", limit: int = 1000) -> Page:
        """Read a page of a partition afresh."""
        return self.metadata.query(partition, prefix, after, limit)

    def query_all(self, partition: str, prefix: str = "") -> Iterator[Record]:
        """Read a partition afresh, page by page."""
        return self.metadata.query_all(partition, prefix)

    def count(self, partition: str, prefix: str = "", after: str = "") -> int:
        """Count the records of a partition afresh."""
        return self.metadata.count(partition, prefix, after)

    def skip(self, partition: str, count: int, prefix: str = "") -> str | None:
        """Find afresh where the records behind the first `count` of a partition begin."""
        return self.metadata.skip(partition, count, prefix)

    def commit(self, *operations: Operation, witness: Witness | None = None) -> Committed:
        """Commit, and forget every record named, however it went."""
        try:
            return self.metadata.commit(*operations, witness=witness)
        finally:
            self.forget(*(operation.key for operation in operations))

    def forget(self, *keys: Key) -> None:
        """Forget records at once; reads that are under way will not be remembered."""
        with self._lock:
            self._forgotten += 1
            for key in keys:
                self._drop(key)

    def _keep(
        self, records: Mapping[Key, Record], keys: tuple[Key, ...], began: int, at: float
    ) -> None:
        # The record is as old as the moment its read began, not as its answer.
        until = at + self._seconds
        with self._lock:
            if began != self._forgotten:
                return
            for key in keys:
                self._drop(key)  # put last again: the oldest are dropped first
                record = records.get(key)
                if record is not None:
                    size = len(encode(record.value))
                    self._remembered[key] = _Remembered(record, until, size)
                    self._bytes += size
            while len(self._remembered) > self._most or self._bytes > self._most_bytes:
                self._drop(next(iter(self._remembered)))

    def _drop(self, key: Key) -> None:
        dropped = self._remembered.pop(key, None)
        if dropped is not None:
            self._bytes -= dropped.size
