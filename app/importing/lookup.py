"""What is there already of some files, for little more than one read for a hundred of them.

A run over files that are all there makes hardly any other call. Who says by it that a file is
there says something of the last seconds, however long files are read and compared meanwhile.
"""

import threading
from collections.abc import Callable, Mapping, Sequence

from storage.metadata import Key, Metadata, Record

#: How old an answer may be: about as long as a client may wait for one.
FRESH_SECONDS = 5.0
_READ_AT_ONCE = 100  # as many records as one get reads


class LookUp:
    """The records of some files, read when they are first asked for. Safe for many threads."""

    def __init__(
        self, metadata: Metadata, wanted: Sequence[Key], clock: Callable[[], float]
    ) -> None:
        """`clock` gives seconds that never go back."""
        self._metadata = metadata
        self._wanted = wanted
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._records: Mapping[Key, Record] = {}

    def records(self) -> Mapping[Key, Record]:
        """Those that are there, by a read that began FRESH_SECONDS ago at most.

        Raises what the store raises; it may be asked again.
        """
        with self._lock:
            now = self._clock()
            if self._read_at is None or now - self._read_at > FRESH_SECONDS:
                self._records = self._read()
                self._read_at = now
            return self._records

    def _read(self) -> dict[Key, Record]:
        records: dict[Key, Record] = {}
        for start in range(0, len(self._wanted), _READ_AT_ONCE):
            records |= self._metadata.get(*self._wanted[start : start + _READ_AT_ONCE])
        return records
