"""Leaves an event for each file that was fetched, where its repository wants that.

A download waits for none of it: its event is written within seconds, many in a commit, and when
the process stops. What a process that was killed had not written yet is lost. Nothing else is:
where more waits than memory is given for, a download writes first, and fails where it can't.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from app.repositories import ArtifactPath, Repository
from storage.events import Actor, Happened, Journal
from storage.metadata import Metadata

ACTION = "artifact.read"
EVERY = timedelta(seconds=3)  # by `app.behind`
MOST_WAITING = 10_000  # some 5 MB
_BATCH = 45  # of 100 records in a commit each has two, itself and its side record


def _machine_time() -> datetime:
    return datetime.now(UTC)


class Reads:
    """The reads of one process. Safe for many threads."""

    def __init__(
        self,
        metadata: Metadata,
        journal: Journal,
        clock: Callable[[], datetime] = _machine_time,
        most: int = MOST_WAITING,
    ) -> None:
        self._metadata = metadata
        self._journal = journal
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._waiting: defaultdict[str, deque[Happened]] = defaultdict(deque)
        self._count = 0

    def note(
        self, repository: Repository, path: ArtifactPath, sha256: str, size: int, actor: Actor
    ) -> None:
        """Have it written that so many bytes of a file are sent now, if its repository asks.

        Raises what a commit raises, where too much waits and can't be written.
        """
        if not repository.audit_reads:
            return
        details = {
            "repository": repository.id,
            "path": str(path),
            "sha256": sha256,
            "size": size,
            # The time of an event is that of its writing, a little later.
            "at": self._clock().astimezone(UTC).isoformat(timespec="milliseconds"),
        }
        if self._count >= self._most:
            self.flush()
        with self._lock:
            self._waiting[repository.organization].append(Happened(actor, ACTION, details))
            self._count += 1

    def flush(self) -> int:
        """Write what waits; how many events. What the store raises leaves the rest waiting."""
        written = 0
        with self._flushing:
            while True:
                organization, batch = self._next()
                if not batch:
                    return written
                self._metadata.commit(witness=self._journal.several(organization, batch))
                written += len(batch)
                self._drop(organization, len(batch))

    def _next(self) -> tuple[str, list[Happened]]:
        with self._lock:
            for organization, waiting in self._waiting.items():
                return organization, [waiting[at] for at in range(min(_BATCH, len(waiting)))]
        return "", []

    def _drop(self, organization: str, count: int) -> None:
        """Forget what was written: it lies first, since others are only put behind it."""
        with self._lock:
            waiting = self._waiting[organization]
            for _ in range(count):
                waiting.popleft()
            self._count -= count
            if not waiting:
                del self._waiting[organization]
