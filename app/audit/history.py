"""Reads the events of an organization in order of time, from either end, a bounded piece at once.

Events lie by hour and in 16 stripes, which a store reads forwards alone. So the newest come by
looking at an hour whole, and where that is too much for a page at its minutes, from the last
on, then at seconds, then at tenths of one. Each step says from where another reading goes on.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage import keys
from storage.metadata import Metadata, Page, Record

STRIPES = tuple(f"{stripe:x}" for stripe in range(keys.STRIPES))
HOUR = timedelta(hours=1)
_PAGE = 100  # records of a stripe in one query
_HOUR_CHARACTERS = len("20261123T11")
_SECOND_CHARACTERS = len("20261123T115800")


@dataclass(frozen=True, slots=True)
class Step:
    """A record, or None where a piece of time was looked through, and the position behind it:
    what lies between is read, and is not read again by who goes on from there."""

    position: str
    record: Record | None


@dataclass(slots=True)
class Work:
    """How many queries were made: who reads for a request ends when they are many."""

    queries: int = 0


class History:
    """The records of events of one organization."""

    def __init__(self, metadata: Metadata, organization: str, work: Work | None = None) -> None:
        self._metadata = metadata
        self._organization = organization
        self._work = work or Work()

    def oldest_first(self, start: str, end: str) -> Iterator[Step]:
        """The events whose sort keys lie behind `start` and before `end`, in order."""
        hour = hour_of(start)
        while keys.time(hour) < end:
            for record in self._merged(hour, start):
                if record.key.sort >= end:
                    break
                yield Step(record.key.sort, record)
            hour += HOUR
            yield Step(keys.time(hour), None)

    def newest_first(self, start: str, end: str) -> Iterator[Step]:
        """The same from the last on: a position is the `end` of who goes on."""
        hour = hour_of(end)
        while keys.time(hour + HOUR) > start:
            yield from self._block(hour, keys.hour(hour), start, end)
            yield Step(keys.time(hour), None)
            hour -= HOUR

    def hour(self, hour: datetime) -> Iterator[Record]:
        """All records of an hour in the order of their sort keys, whatever these are."""
        return self._merged(hour, "")

    def _merged(self, hour: datetime, after: str) -> Iterator[Record]:
        stripes = (self._stripe(hour, digit, after) for digit in STRIPES)
        return heapq.merge(*stripes, key=lambda record: record.key.sort)

    def _stripe(self, hour: datetime, digit: str, after: str, prefix: str = "") -> Iterator[Record]:
        position: str | None = after
        while position is not None:
            page = self._query(hour, digit, prefix, position)
            yield from page.records
            position = page.next

    def _block(self, hour: datetime, prefix: str, start: str, end: str) -> Iterator[Step]:
        """What begins with `prefix`, from the last on."""
        pages = [self._query(hour, digit, prefix, start) for digit in STRIPES]
        if all(page.next is None or page.next >= end for page in pages):
            yield from _backwards([record for page in pages for record in page.records], end)
        elif len(prefix) > _SECOND_CHARACTERS:  # a tenth of a second is read whole
            stripes = (self._stripe(hour, digit, start, prefix) for digit in STRIPES)
            yield from _backwards([record for stripe in stripes for record in stripe], end)
        else:
            for inner in _parts(prefix):
                if inner < end and f"{inner}~" > start:
                    yield from self._block(hour, inner, start, end)
                    yield Step(inner, None)

    def _query(self, hour: datetime, digit: str, prefix: str, after: str) -> Page:
        self._work.queries += 1
        partition = keys.events(self._organization, hour, digit)
        return self._metadata.query(partition, prefix, after, _PAGE)


def hour_of(position: str) -> datetime:
    """The hour that a position lies in."""
    text = position[:_HOUR_CHARACTERS]
    return datetime.strptime(text, "%Y%m%dT%H").replace(tzinfo=UTC)


def _parts(prefix: str) -> tuple[str, ...]:
    """The pieces of an hour, a minute or a second, the last first."""
    if len(prefix) == _SECOND_CHARACTERS:
        return tuple(f"{prefix}.{tenth}" for tenth in reversed(range(10)))
    return tuple(f"{prefix}{number:02}" for number in reversed(range(60)))


def _backwards(records: list[Record], end: str) -> Iterator[Step]:
    found = [record for record in records if record.key.sort < end]
    for record in sorted(found, key=lambda record: record.key.sort, reverse=True):
        yield Step(record.key.sort, record)
