"""Remembers on which day a file was last downloaded, where a rule asks for it.

A download waits for none of that: each process keeps what was downloaded today in memory, and
writes one record a file and day, many in a commit, within a minute and when it stops. What a
process that was killed had not written yet is lost; rules count in days.
"""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from app.repositories import ArtifactPath, Repository
from storage import keys
from storage.metadata import Key, Metadata, Put
from storage.metadata.operations import OPERATIONS

MOST_NOTED = 50_000  # files that a process knows to be written today; some 15 MB
MOST_WAITING = 50_000
_BATCH = OPERATIONS - 1  # beside the commit's token
_SPARE = timedelta(days=2)  # a record outlives the days that it is asked for


def _machine_time() -> datetime:
    return datetime.now(UTC)


class LastDownloads:
    """The downloads of one process. Safe for many threads."""

    def __init__(
        self,
        metadata: Metadata,
        clock: Callable[[], datetime] = _machine_time,
        most: int = MOST_WAITING,
    ) -> None:
        self._metadata = metadata
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._today = date.min
        # For how many days they matter: those that are known today, and those to be written.
        self._noted: dict[Key, int] = {}
        self._waiting: dict[Key, int] = {}

    def note(self, repository: Repository, path: ArtifactPath) -> None:
        """Remember that a file was downloaded now; touches no store."""
        days = repository.downloads_days
        if days is None:
            return
        key = keys.downloaded(repository.organization, repository.id, str(path))
        with self._lock:
            self._turn()
            if self._noted.get(key, 0) >= days:
                return
            if len(self._waiting) >= self._most:
                return  # the store has been away for long; the file is noted when next asked for
            self._noted[key] = self._waiting[key] = days

    def flush(self) -> int:
        """Write what waits; how many records. What the store raises leaves the rest waiting."""
        written = 0
        with self._flushing:
            while True:
                with self._lock:
                    batch = dict(list(self._waiting.items())[:_BATCH])
                if not batch:
                    return written
                # The day of the writing, by whichever clock is ahead: later than that of the
                # download, if it differs, and a record of another process, whose clock is not
                # behind the store's either, is not put back to an earlier day.
                now = max(self._clock(), self._metadata.now()).astimezone(UTC)
                value = {"day": now.date().isoformat()}
                self._metadata.commit(
                    *(
                        Put(key, value, expires=now + timedelta(days=days) + _SPARE)
                        for key, days in batch.items()
                    )
                )
                written += len(batch)
                with self._lock:
                    for key, days in batch.items():
                        if self._waiting.get(key) == days:  # and not for longer by now
                            del self._waiting[key]

    def _turn(self) -> None:
        """Begin a new day, or anew where too many files are known."""
        today = self._clock().astimezone(UTC).date()
        if today != self._today or len(self._noted) >= MOST_NOTED:
            self._today = today
            self._noted = dict(self._waiting)
