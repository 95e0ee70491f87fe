"""What came of the files of an import: counted, and each that was refused with its reason."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.outgoing import printable


class Outcome(StrEnum):
    """What came of a file."""

    IMPORTED = "imported"
    THERE = "there_already"
    LEFT_OUT = "left_out"
    CHECKSUM = "checksums"  # compared, and not published
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Counts:
    """So many files, and their bytes but for those of `untold` size."""

    files: int = 0
    bytes: int = 0
    untold: int = 0

    def plus(self, size: int | None) -> "Counts":
        """With one more."""
        return Counts(self.files + 1, self.bytes + (size or 0), self.untold + (size is None))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was refused, by its path in the folder."""

    path: str
    reason: str


class Tally:
    """Counts files as they end, and tells who wants to know of each that is refused.

    Safe for many threads; `refused` is called by one at a time.
    """

    def __init__(self, refused: Callable[[Refusal], None] = lambda _: None) -> None:
        self._refused = refused
        self._counts = dict.fromkeys(Outcome, Counts())
        self._under_way: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def counts(self) -> Mapping[Outcome, Counts]:
        """What came of the files so far."""
        with self._lock:
            return dict(self._counts)

    @property
    def done(self) -> Counts:
        """All files that ended, and the bytes that were dealt with, those under way included."""
        with self._lock:
            ended = self._counts.values()
            size = sum(one.bytes for one in ended) + sum(self._under_way.values())
            return Counts(sum(one.files for one in ended), size)

    def moved(self, path: str, count: int) -> None:
        """So many bytes of a file were read."""
        with self._lock:
            # A file that was compared before it is published is read twice and counted once.
            self._under_way[path] = max(count, self._under_way.get(path, 0))

    def give_up(self, path: str) -> None:
        """A file did not end: it is left to the next run."""
        with self._lock:
            self._under_way.pop(path, None)

    def end(self, path: str, size: int | None, outcome: Outcome) -> None:
        """A file ended. Where nobody knows its size, it has as many bytes as were read."""
        with self._lock:
            read = self._under_way.pop(path, None)
            self._counts[outcome] = self._counts[outcome].plus(read if size is None else size)

    def refuse(self, path: str, size: int | None, reason: str) -> None:
        """A file ended so."""
        self.end(path, size, Outcome.REFUSED)
        with self._lock:
            self._refused(Refusal(printable(path), printable(reason)))
