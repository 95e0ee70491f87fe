"""Where indexes led to last, so that what they lead to is read together with them.

It is a guess and nothing rests on it: the index itself is read afresh each time, and decides. Where
it leads elsewhere by now, that is one read more.
"""

from collections.abc import Mapping

from storage.metadata import Key, Record
from storage.metadata.recent import Recent

#: Of some 400 bytes each; then it begins anew.
MOST = 20_000


class IndexMemory:
    """The memory of one process. Safe for many threads."""

    def __init__(self, recent: Recent) -> None:
        self._recent = recent
        self._led: dict[Key, tuple[Key, ...]] = {}

    def needs(self, index: Key) -> tuple[Key, ...]:
        """What is to be read: the index, and what it led to last."""
        return (index, *self._led.get(index, ()))

    def follow(
        self, index: Key, leads_to: tuple[Key, ...], records: Mapping[Key, Record]
    ) -> Mapping[Key, Record]:
        """The records that an index leads to, the first of which tells that it is there: from
        those that were read for `needs`, or by one more read."""
        if leads_to[0] in records:
            return records
        if len(self._led) >= MOST:
            self._led.clear()
        self._led[index] = leads_to
        return self._recent.get(*leads_to)
