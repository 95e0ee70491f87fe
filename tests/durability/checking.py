"""What has to hold at rest, whatever a trial went through."""

import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from app.installation import Installation as Opened
from storage.events import Cursor, Feed
from tests.durability.claims import wrong_claims, wrong_revisions
from tests.durability.diary import Content, Deed
from tests.durability.history import (
    read_feed,
    settled_clock,
    wrong_events,
    wrong_orders,
    wrong_replay,
)
from tests.durability.installations import Installation
from tests.durability.reading import listed, read_back
from tests.durability.records import (
    Found,
    wrong_allowances,
    wrong_blobs,
    wrong_counters,
    wrong_entries,
    wrong_references,
    wrong_sessions,
)
from tests.durability.verdict import possible, wrongs
from tests.durability.wire import Address


class Follower:
    """A reader of the feed who follows it while it is written, and keeps his cursor as text."""

    def __init__(self, at: Opened, organization: str) -> None:
        self._at, self._organization = at, organization
        self._feed = Feed(at.metadata, at.journal, organization)
        self._cursor = self._feed.start(datetime.now(UTC) - timedelta(minutes=5)).encode()
        self._due = 0.0
        self.read: Counter[str] = Counter()

    def look(self) -> None:
        """Read what is new, unless it is too early: a reading takes three minutes' events."""
        began = time.monotonic()
        if began < self._due:
            return
        self._read(self._feed)
        now = time.monotonic()
        self._due = now + max(2.0, 10 * (now - began))

    def finish(self) -> None:
        """Read all that there is still."""
        at = self._at
        self._read(Feed(at.metadata, at.journal, self._organization, settled_clock))

    def _read(self, feed: Feed) -> None:
        more = True
        while more:
            batch = feed.read(Cursor.decode(self._cursor))
            self.read.update(event.id for event in batch.events)
            self._cursor = batch.cursor.encode()
            more = batch.more


def wrong_at_rest(
    at: Opened, found: Found, deeds: Sequence[Deed], repository: str, follower: Follower
) -> list[str]:
    """All that can be told from records, events and blobs, before anything is collected."""
    events = read_feed(at, found.organization)
    wrong = [
        *wrong_counters(found),
        *wrong_allowances(found),
        *wrong_references(found),
        *wrong_entries(found),
        *wrong_claims(found),
        *wrong_revisions(found),
        *wrong_sessions(found),
        *wrong_blobs(at, found, collected=False),
        *wrong_replay(found, events),
        *wrong_events(list(deeds), events, repository, found.organization),
        *wrong_orders(list(deeds), events),
    ]
    if follower.read != Counter(event.id for event in events):
        wrong.append("who followed the feed has read other events than there are")
    return wrong


def check_what_is_served(
    installation: Installation, address: Address, deeds: Sequence[Deed], folder: str = ""
) -> dict[str, Content]:
    """What is under each path, and what the listings from a folder on show, is what the diaries
    allow. Returns what is there."""
    found = read_back(installation, address, possible(deeds))
    wrong = wrongs(found, list(deeds))
    assert not wrong, "\n".join(wrong[:20])
    there = {path: content for path, content in found.items() if content is not None}
    shown = listed(installation, address, folder)
    assert shown == {path: (content.size, content.sha256) for path, content in there.items()}
    return there
