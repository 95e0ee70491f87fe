"""Counts what subscribers download, behind the answers.

Each process adds up in memory what was sent, a counter for each subscriber, day and repository,
and adds that to the records within half a minute and when it stops. What a process that was
killed had not written is lost, and so is what the store may have taken, but said nothing of:
a download is never counted twice.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from storage import keys
from storage.metadata import Add, Key, Metadata
from storage.metadata.errors import OutcomeUnknown
from storage.metadata.operations import OPERATIONS

KEPT_DAYS = 400  # a year, and what it takes to look at it
MOST_WAITING = 20_000  # counters; some 8 MB
_BATCH = OPERATIONS - 1  # beside the commit's token

_log = logging.getLogger(__name__)


def _machine_time() -> datetime:
    return datetime.now(UTC)


class SubscriberDownloads:
    """The downloads of subscribers from one process. Safe for many threads."""

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
        self._waiting: dict[Key, tuple[int, int]] = {}  # downloads and bytes

    def count(
        self, organization: str, subscriber_id: str, repository_id: str, size: int, *, whole: bool
    ) -> None:
        """Add what was sent of a file; touches no store.

        Args:
            organization: its id.
            subscriber_id: who got it.
            repository_id: from where.
            size: the bytes that were sent.
            whole: whether it is a download; a part of a file behind its first byte goes on
                with one that was counted.
        """
        today = keys.day(self._clock())
        key = keys.subscriber_downloads(organization, subscriber_id, today, repository_id)
        with self._lock:
            downloads, bytes_ = self._waiting.get(key, (0, 0))
            if key not in self._waiting and len(self._waiting) >= self._most:
                return  # the store has been away for long: what comes now is not counted
            self._waiting[key] = downloads + int(whole), bytes_ + size

    def flush(self) -> int:
        """Write what waits; how many records. What the store raises leaves the rest waiting."""
        written = 0
        with self._flushing:
            while True:
                batch = self._take()
                if not batch:
                    return written
                expires = self._metadata.now() + timedelta(days=KEPT_DAYS)
                try:
                    self._metadata.commit(
                        *(
                            Add(
                                key,
                                {"downloads": downloads, "bytes": bytes_},
                                create=True,
                                expires=expires,
                            )
                            for key, (downloads, bytes_) in batch.items()
                        )
                    )
                except OutcomeUnknown:
                    _log.warning("downloads of subscribers may be lost: %d counters", len(batch))
                    raise
                except BaseException:
                    self._give_back(batch)
                    raise
                written += len(batch)

    def _take(self) -> dict[Key, tuple[int, int]]:
        with self._lock:
            batch = dict(list(self._waiting.items())[:_BATCH])
            for key in batch:
                del self._waiting[key]
            return batch

    def _give_back(self, batch: dict[Key, tuple[int, int]]) -> None:
        with self._lock:
            for key, (downloads, bytes_) in batch.items():
                more = self._waiting.get(key, (0, 0))
                self._waiting[key] = downloads + more[0], bytes_ + more[1]
