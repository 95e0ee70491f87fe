"""An installation as it is found some time later: its stores say so, and records expire."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.background import background
from app.installation import Installation
from storage import keys
from storage.metadata import Key, Metadata, Operation, Record
from storage.metadata.engine import Engine
from storage.metadata.recent import Recent
from storage.metadata.records import Counted, Page, ScanPage

#: Longer than any claim of who was killed, and than a job rests whose step failed.
CLAIMED = timedelta(hours=2)


def later(at: Installation, by: timedelta) -> Installation:
    """The same stores, `by` later for whoever works with this value."""
    engine = _Later(at.engine, by)
    metadata = Metadata(engine, clock=clock_later(by))
    return replace(at, engine=engine, metadata=metadata, recent=Recent(metadata))


def keep_house(at: Installation) -> None:
    """Do the jobs that wait, and all duties that are due."""
    background(at).worker().run_due()
    assert at.metadata.query(keys.JOBS).records == ()


def clock_later(by: timedelta) -> Callable[[], datetime]:
    """The machine's clock, so much later."""
    return lambda: datetime.now(UTC) + by


class _Later:
    """An `Engine` around another."""

    def __init__(self, engine: Engine, by: timedelta) -> None:
        self._engine = engine
        self._by = by

    def prepare(self) -> None:
        self._engine.prepare()

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        found = self._engine.get(keys)
        return {key: record for key, record in found.items() if self._is_alive(record)}

    def query(self, partition: str, prefix: str, after: str, limit: int) -> Page:
        page = self._engine.query(partition, prefix, after, limit)
        return replace(page, records=tuple(filter(self._is_alive, page.records)))

    def count(self, partition: str, prefix: str, after: str, limit: int) -> Counted:
        read = self._engine.query(partition, prefix, after, limit)
        alive = sum(map(self._is_alive, read.records))
        return Counted(alive, read.next, len(read.records) - alive)

    def scan(self, segment: int, segments: int, after: str, limit: int) -> ScanPage:
        page = self._engine.scan(segment, segments, after, limit)
        return replace(page, records=tuple(filter(self._is_alive, page.records)))

    def transact(self, operations: Sequence[Operation], fresh: int, token: str) -> None:
        self._engine.transact(operations, fresh, token)

    def sweep(self, limit: int) -> int:
        return self._engine.sweep(limit)

    def now(self) -> datetime:
        return self._engine.now() + self._by

    def close(self) -> None:
        self._engine.close()

    def _is_alive(self, record: Record) -> bool:
        return record.expires is None or record.expires > self.now()
