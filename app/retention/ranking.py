"""Finds the newest of a folder for one rule, in one pass and in memory that holds no more."""

import heapq
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from app.retention.builds import Build
from app.retention.rules import Line, Rule

#: A file's time, its name, and its record's version.
_Ranked: TypeAlias = tuple[datetime, str, int]


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it is ranked; `build` is None where it is of none, or no rule asks."""

    since: datetime
    name: str
    version: int
    build: Build | None


class Ranking(Protocol):
    """What one rule keeps of the files that fit it."""

    def wants(self, file: Seen) -> bool:
        """Whether the file would be among what is kept, or bring something there."""

    def take(self, file: Seen) -> None:
        """Take a file that is wanted, and fits."""

    def line(self) -> Line:
        """The last of what is kept, None where that is all."""

    def standing(self) -> dict[str, int | None]:
        """The files that the line stands on: each with its version, or with None where it has
        to be there and no more."""


def ranking(rule: Rule) -> Ranking | None:
    """What ranks files for a rule, None where it keeps nothing by number."""
    if rule.keep_snapshots is not None:
        return _NewestBuilds(rule.keep_snapshots)
    return None if rule.keep_newest is None else _NewestFiles(rule.keep_newest)


class _NewestFiles:
    """So many of the newest files."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[_Ranked] = []

    def wants(self, file: Seen) -> bool:
        ranked = (file.since, file.name, file.version)
        return len(self._heap) < self._most or ranked > self._heap[0]

    def take(self, file: Seen) -> None:
        heapq.heappush(self._heap, (file.since, file.name, file.version))
        if len(self._heap) > self._most:
            heapq.heappop(self._heap)

    def line(self) -> Line:
        return self._heap[0][:2] if len(self._heap) == self._most else None

    def standing(self) -> dict[str, int | None]:
        if self.line() is None:
            return {}
        return {name: version for _, name, version in self._heap}


class _NewestBuilds:
    """So many of the newest builds, each with the first of its files that was seen: as long as
    that is there, so is the build, whatever its bytes are."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[Build] = []
        self._names: dict[Build, str] = {}

    def wants(self, file: Seen) -> bool:
        build = file.build
        if build is None or build in self._names:
            return False
        return len(self._heap) < self._most or build > self._heap[0]

    def take(self, file: Seen) -> None:
        if file.build is None:
            return
        self._names[file.build] = file.name
        heapq.heappush(self._heap, file.build)
        if len(self._heap) > self._most:
            del self._names[heapq.heappop(self._heap)]

    def line(self) -> Line:
        return self._heap[0] if len(self._heap) == self._most else None

    def standing(self) -> dict[str, int | None]:
        return {} if self.line() is None else dict.fromkeys(self._names.values())
