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
        self._clock = clock
        self._lock = threading.Lock()
        parts = (
            tuple(wanted[start : start + _READ_AT_ONCE])
            for start in range(0, len(wanted), _READ_AT_ONCE)
        )
        #: The keys that are read together with a key.
        self._parts = {key: part for part in parts for key in part}
        self._read: dict[tuple[Key, ...], tuple[float, Mapping[Key, Record]]] = {}

    def records(self, key: Key) -> Mapping[Key, Record]:
        """That of a key and some around it, those that are there, by a read that began
        FRESH_SECONDS ago at most.

        Raises what the store raises; it may be asked again.
        """
        part = self._parts[key]
        with self._lock:
            now = self._clock()
            read_at, records = self._read.get(part, (-FRESH_SECONDS, {}))
            if part not in self._read or now - read_at > FRESH_SECONDS:
                records = self._metadata.get(*part)
                self._read[part] = now, records
            return records
