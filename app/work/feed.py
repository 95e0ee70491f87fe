"""The duty that reads the feed: readers act on what has happened, each event once or again.

All readers of the house share one cursor, so that the feed is read once for all of them. It is
kept after they have acted: a reader that was killed in between is told the same again.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from app.work.duty import Shift
from storage import keys
from storage.events import Cursor, Event, Feed, Journal
from storage.events.feed import LAG
from storage.metadata import Metadata

EVERY = timedelta(minutes=1)
_NAME = "feed"
_EVENTS = 200  # at once: one of a bulk change names a hundred records, and holds 40 KB
_BEFORE = timedelta(days=2)  # where an organization is older than its reader

_log = logging.getLogger(__name__)


class Reader(Protocol):
    """Acts on events; what it does may be done twice."""

    def take(self, organization: str, events: Sequence[Event]) -> None:
        """Act on a batch, in order of time within each stripe. Every event is genuine."""


class FeedDuty:
    """Reads what is new in every organization, and hands it to the readers."""

    name = _NAME
    every = EVERY

    def __init__(self, metadata: Metadata, journal: Journal, readers: Sequence[Reader]) -> None:
        self._metadata = metadata
        self._journal = journal
        self._readers = readers

    def run(self, shift: Shift) -> None:
        for organization in shift.organizations():
            with shift.part(organization):
                self._read(organization, shift)

    def _read(self, organization: str, shift: Shift) -> None:
        feed = Feed(self._metadata, self._journal, organization)
        key = keys.reader(organization, _NAME)
        record = self._metadata.get(key).get(key)
        version = None if record is None else record.version
        if record is None:
            before = feed.start(self._since(organization))
        else:
            before = Cursor.decode(record.value["cursor"])
        more = True
        while more:
            shift.go_on()
            batch = feed.read(before, _EVENTS)
            genuine = tuple(event for event in batch.events if event.genuine)
            if len(genuine) < len(batch.events):
                _log.error(
                    "%d events of the organization %s are not as this installation wrote them:"
                    " they are passed over",
                    len(batch.events) - len(genuine),
                    organization,
                )
            for reader in self._readers:
                reader.take(organization, genuine)
            more = batch.more
            if batch.cursor != before:
                version = shift.keep(key, {"cursor": batch.cursor.encode()}, version)
            before = batch.cursor

    def _since(self, organization: str) -> datetime:
        key = keys.organization(organization)
        record = self._metadata.get(key).get(key)
        earliest = self._metadata.now() - _BEFORE
        if record is None:
            return earliest
        # By the clock of a machine, which may be ahead of the store's, as events have it.
        return max(earliest, datetime.fromisoformat(record.value["created"]) - LAG)
