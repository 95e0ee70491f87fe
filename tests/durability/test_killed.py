"""Machines, workers and clients are killed at work, and a checker with a diary of its own finds
every acknowledged file byte for byte, and nothing that was not."""

import logging
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from app.collection import Collection
from app.installation import Installation as Opened
from app.installation import opened
from app.settings import read_settings
from storage.events import Cursor, Feed
from tests.durability.diary import Deed
from tests.durability.history import read_feed, wrong_events, wrong_orders, wrong_replay
from tests.durability.installations import Installation, installed
from tests.durability.machines import Ground
from tests.durability.reading import listed, read_back
from tests.durability.records import (
    Found,
    look,
    wrong_blobs,
    wrong_counters,
    wrong_references,
)
from tests.durability.trial import Trial
from tests.durability.verdict import possible, wrongs

_log = logging.getLogger(__name__)

MIB = 1024 * 1024


def test_what_was_acknowledged_outlives_deaths(ground: Ground) -> None:
    """The short trial: 400 files, and one death of each kind."""
    _try(ground, files=400, deaths=3, seconds=90)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_thousand_files_outlive_deaths(ground: Ground) -> None:
    """The whole trial: 10,000 files on each ground."""
    _try(ground, files=10_000, deaths=24, seconds=900)


def _try(ground: Ground, files: int, deaths: int, seconds: float) -> None:
    with installed(ground, ["--workers", "2"], ["--workers", "1"]) as installation:
        # Over 8 MiB an upload to S3 has parts, so that some are left unfinished.
        largest = (3 if ground.shared else 12) * MIB
        trial = Trial(installation, files, deaths, largest, seconds)
        with opened(read_settings(ground.variables(0))) as at:
            follower = Follower(at, look(at).organization)
            began = time.monotonic()
            deeds = trial.run(follower.look)
            seconds = time.monotonic() - began
            installation.stop()
            follower.look(at_once=True)
            _check(trial, deeds, look(at), at, follower)
            report = Collection(at, grace=timedelta(0)).run()
            assert wrong_blobs(at, look(at), collected=True) == []
        installation.machines[1].start()
        _check_what_is_served(installation, deeds)
        installation.stop()
    statuses = Counter(deed.status for deed in deeds)
    _log.info("%.0f s: %s, killed %s, %s", seconds, statuses, trial.killed, report)


class Follower:
    """A reader of the feed who follows it while it is written, and keeps his cursor as text."""

    def __init__(self, at: Opened, organization: str) -> None:
        self._feed = Feed(at.metadata, at.journal, organization)
        self._cursor = self._feed.start(datetime.now(UTC) - timedelta(minutes=5)).encode()
        self._due = 0.0
        self.read: Counter[str] = Counter()

    def look(self, *, at_once: bool = False) -> None:
        """Read what is new, unless it is too early: a reading takes three minutes' events."""
        began = time.monotonic()
        if began < self._due and not at_once:
            return
        more = True
        while more:
            batch = self._feed.read(Cursor.decode(self._cursor))
            self.read.update(event.id for event in batch.events)
            self._cursor = batch.cursor.encode()
            more = batch.more
        now = time.monotonic()
        self._due = now + max(2.0, 10 * (now - began))


def _check(trial: Trial, deeds: list[Deed], found: Found, at: Opened, follower: Follower) -> None:
    """All that can be told from records, events and blobs, before anything is collected."""
    (repository,) = {repository for repository, _ in found.artifacts}
    events = read_feed(at, found.organization)
    wrong = [
        *(fault for machine in trial.installation.machines for fault in machine.faults()),
        *wrong_counters(found),
        *wrong_references(found),
        *wrong_blobs(at, found, collected=False),
        *wrong_replay(found, events),
        *wrong_events(deeds, events, repository, found.organization),
        *wrong_orders(deeds, events),
    ]
    assert wrong == [], f"seed {trial.seed}, killed {trial.killed}"
    assert follower.read == Counter(event.id for event in events)


def _check_what_is_served(installation: Installation, deeds: list[Deed]) -> None:
    address = installation.machines[1].address
    found = read_back(installation, address, possible(deeds))
    assert wrongs(found, deeds) == []
    shown = listed(installation, address)
    assert shown == {
        path: (content.size, content.sha256)
        for path, content in found.items()
        if content is not None
    }
