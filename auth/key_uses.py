"""In which hour each key was used last, so that keys that nobody needs are found.

A request waits for none of that: each process keeps which keys were used this hour in memory,
and writes one record a key and hour, many in a commit, within half a minute and when it stops.
What a process that was killed had not written yet is lost: such a key seems unused for the
hour, until it is used again.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from auth.records import time_text
from storage import keys
from storage.metadata import Key, Metadata, Put
from storage.metadata.operations import OPERATIONS

MOST_NOTED = 50_000  # keys that a process knows to be written this hour; some 10 MB
_BATCH = OPERATIONS - 1  # beside the commit's token
_HOUR_SECONDS = 3600


class KeyUses:
    """The uses of keys that one process has seen. Safe for many threads."""

    def __init__(
        self,
        metadata: Metadata,
        clock: Callable[[], float] = time.time,
        most: int = MOST_NOTED,
    ) -> None:
        """`clock` tells seconds since 1970."""
        self._metadata = metadata
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        # The hour in which a key was noted last: a key's id is as unique as its secret.
        self._noted: dict[str, int] = {}
        self._waiting: dict[Key, int] = {}

    def note(self, organization: str, key_id: str) -> None:
        """Remember that a key was used now; one look into a dict, but once an hour."""
        hour = int(self._clock() // _HOUR_SECONDS)
        if self._noted.get(key_id) == hour:
            return
        with self._lock:
            if len(self._noted) >= self._most:
                self._noted.clear()
            if len(self._waiting) >= self._most:
                return  # the store has been away for long; it is noted when next used
            self._noted[key_id] = hour
            self._waiting[keys.used_key(organization, key_id)] = hour

    def flush(self) -> int:
        """Write what waits; how many records. What the store raises leaves the rest waiting."""
        written = 0
        with self._flushing:
            while True:
                with self._lock:
                    batch = dict(list(self._waiting.items())[:_BATCH])
                if not batch:
                    return written
                # The hour of the writing, by whichever clock is ahead: so that a process that
                # writes later never puts a record back to an earlier hour.
                now = max(self._clock(), self._metadata.now().timestamp())
                hour = datetime.fromtimestamp(now // _HOUR_SECONDS * _HOUR_SECONDS, UTC)
                value = {"hour": time_text(hour)}
                self._metadata.commit(*(Put(key, value) for key in batch))
                written += len(batch)
                with self._lock:
                    for key, noted in batch.items():
                        if self._waiting.get(key) == noted:  # and not used in a later hour
                            del self._waiting[key]
