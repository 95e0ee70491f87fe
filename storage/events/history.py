"""Reads history hour by hour, from a moment on: for who looks back, and keeps no cursor.

A reader of the feed takes each event once; who asks what somebody did last spring, or removes
what told from where, walks through the hours and may come again. An hour has 16 partitions,
most of them empty, so their first pages are asked for side by side where the store is remote.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from storage import keys
from storage.events.event import Event, read_event
from storage.events.feed import LAG
from storage.events.journal import Journal
from storage.metadata import Key, Metadata, Page, Record
from storage.metadata.operations import KEYS_PER_GET

HOUR = timedelta(hours=1)
AT_ONCE = 8  # calls of a remote store, each some milliseconds long
_DIGITS = tuple(f"{stripe:x}" for stripe in range(keys.STRIPES))


def hours(since: datetime, until: datetime) -> Iterator[datetime]:
    """The hours that hold what happened from a moment until another, in order.

    A writer's clock may be off, so both ends reach as far beyond as one can be.
    """
    at = (since - LAG).replace(minute=0, second=0, microsecond=0)
    while at <= until + LAG:
        yield at
        at += HOUR


class History:
    """The past of one organization. A context manager, where it asks several at once."""

    def __init__(
        self, metadata: Metadata, journal: Journal, organization: str, at_once: int = 1
    ) -> None:
        self._metadata = metadata
        self._journal = journal
        self._organization = organization
        self._pool = ThreadPoolExecutor(at_once, "history") if at_once > 1 else None

    def events(self, hour: datetime) -> Iterator[Event]:
        """The events of an hour, in order of time. What is no event at all is left out."""
        stripes = self._stripes(hour, keys.events)
        for record in heapq.merge(*stripes, key=lambda record: record.key.sort):
            event = self._read(record)
            if event is not None:
                yield event

    def sides(self, hour: datetime) -> Iterator[Record]:
        """The side records of an hour: who, from where, with what."""
        for stripe in self._stripes(hour, keys.who):
            yield from stripe

    def sides_of(self, events: Sequence[Event]) -> dict[str, Record]:
        """The side records of events that have one, by the events' ids."""
        wanted = {self._side(event): event.id for event in events}
        found: dict[str, Record] = {}
        places = list(wanted)
        for start in range(0, len(places), KEYS_PER_GET):
            read = self._metadata.get(*places[start : start + KEYS_PER_GET])
            found |= {wanted[key]: record for key, record in read.items()}
        return found

    def events_of(self, sides: Sequence[Record]) -> dict[Key, Event]:
        """The events that side records belong to, by the keys of these: one read for 100."""
        wanted = {
            Key(side.key.partition.replace("#who#", "#events#", 1), side.key.sort): side.key
            for side in sides
        }
        found: dict[Key, Event] = {}
        places = list(wanted)
        for start in range(0, len(places), KEYS_PER_GET):
            read = self._metadata.get(*places[start : start + KEYS_PER_GET])
            for key, record in read.items():
                event = self._read(record)
                if event is not None:
                    found[wanted[key]] = event
        return found

    def _stripes(
        self, hour: datetime, partition: Callable[[str, datetime, str], str]
    ) -> list[Iterator[Record]]:
        """The records of each stripe, in order; no more than a page of each is held."""
        partitions = [partition(self._organization, hour, digit) for digit in _DIGITS]
        ask = map if self._pool is None else self._pool.map
        firsts = ask(self._metadata.query, partitions)
        return [self._rest(*first) for first in zip(partitions, firsts, strict=True)]

    def _rest(self, partition: str, page: Page) -> Iterator[Record]:
        yield from page.records
        while page.next is not None:
            page = self._metadata.query(partition, "", page.next)
            yield from page.records

    def _read(self, record: Record) -> Event | None:
        try:
            return read_event(self._organization, record, self._journal.genuine(record))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None  # somebody else put it there

    def _side(self, event: Event) -> Key:
        stripe = keys.stripe(event.id)
        partition = keys.who(self._organization, event.at, stripe)
        return Key(partition, f"{keys.time(event.at)}#{event.id}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
