"""Who was last found to come with which credentials, so that his grants are put together once.

Somebody in many groups has grants by the ten thousand, and thousands of credentials are in use:
so what is remembered is bounded by its size, and not by how many it is about. It grants nothing:
a claim takes it only where the records that it is confirmed by are those that it was made from.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from auth.principals import Principal
from storage.metadata import Key, Record

#: Grants, records and groups; about 35 MB.
MOST = 100_000

#: Versions of the records that a decision was made by, and where they lie. A version is never
#: used twice for a key, so the same ones lead to the same decision.
Versions: TypeAlias = tuple[tuple[Key, int], ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A caller, and what he was made from. Of his groups, some may be `gone`: their ids are
    never used again, so that nobody needs to look for them. One that was never seen is not gone:
    it may have come with his record, in a commit of which half was seen."""

    versions: Versions
    principal: Principal
    groups: tuple[Key, ...]
    gone: frozenset[Key]

    @classmethod
    def of(
        cls,
        versions: Versions,
        principal: Principal,
        wanted: Sequence[Key],
        found: Sequence[Record],
        before: "Known | None",
    ) -> "Known":
        """Of the groups that he is in by his record, those of them that there are, and what was
        known of him before."""
        groups = tuple(record.key for record in found)
        seen = () if before is None else (*before.groups, *before.gone)
        gone = frozenset(wanted).intersection(seen).difference(groups)
        return cls(versions, principal, groups, gone)

    @property
    def size(self) -> int:
        """About how many entries it holds."""
        rights = (self.principal.permissions, self.principal.scopes)
        granted = sum(len(one.by_id) + len(one.by_pattern) for one in rights if one is not None)
        return granted + len(self.versions) + len(self.groups) + len(self.gone)


class KnownCallers:
    """A bounded memory of callers, by the record of a secret or of a user. Safe for many
    threads; one a process."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: dict[Key, Known] = {}
        self._size = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """How many entries are held."""
        return self._size

    def find(self, place: Key) -> Known | None:
        return self._known.get(place)

    def remember(self, place: Key, known: Known) -> None:
        with self._lock:
            self._drop(place)  # put last: the oldest are dropped first
            self._known[place] = known
            self._size += known.size
            while self._size > self._most:
                self._drop(next(iter(self._known)))

    def _drop(self, place: Key) -> None:
        dropped = self._known.pop(place, None)
        if dropped is not None:
            self._size -= dropped.size
