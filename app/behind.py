"""What is written behind the answers: kept in memory by each process, and written in batches.

No request waits for it. Who keeps something there (`auth.key_uses`, `app.distribution`,
`app.retention`, `app.audit`) says what is lost with a process that is killed.
"""

import logging
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from storage.metadata import MetadataError

EVERY = timedelta(seconds=30)

_log = logging.getLogger(__name__)


class Waiting(Protocol):
    """Something that keeps records in memory until they are written."""

    def flush(self) -> int:
        """Write what waits; how many records. What the store raises leaves the rest waiting."""


class Behind:
    """Has what waits written from time to time, by a thread of its own."""

    def __init__(self, waiting: Sequence[Waiting], every: timedelta = EVERY) -> None:
        self._waiting = waiting
        self._every = every
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write, in the background."""
        self._thread = threading.Thread(target=self._run, name="behind", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._flush()

    def _run(self) -> None:
        while not self._stopping.wait(self._every.total_seconds()):
            self._flush()

    def _flush(self) -> None:
        for each in self._waiting:
            try:
                each.flush()
            except MetadataError as error:
                _log.warning("%s is not written yet: %s", type(each).__name__, error)
