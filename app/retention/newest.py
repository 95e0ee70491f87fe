"""The newest files of a folder, which the rules with `keep_newest` keep.

They are told apart in one pass over the folder. What was found goes on with a sweep's position,
together with the files that it stands on: as long as each of them is what it was, at least as
many as are kept are newer than whatever goes, and no second pass is needed.
"""

import heapq
import json
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from app.publishing import Artifact
from app.retention.patterns import Entered
from app.retention.rules import RuleSet, Threshold, newness
from storage.metadata import Key, Metadata, Record
from storage.metadata.operations import KEYS_PER_GET

#: Of the files in a position: most of what a record can hold. A thousand names fit as a rule.
FILES_BYTES = 300_000
_PATIENCE_FILES = 100  # between two questions whether to go on

#: A file of a folder as the newest are told apart: its time, its name and its record's version.
_Ranked: TypeAlias = tuple[datetime, str, int]


@dataclass(frozen=True, slots=True)
class Newest:
    """What is kept in a folder.

    `thresholds` are, for each rule, the oldest of the files that it keeps, None where it keeps
    all. `files` are the versions of those that are kept, by their names; None where a position
    had no room for them.
    """

    thresholds: tuple[Threshold | None, ...]
    files: Mapping[str, int] | None

    @classmethod
    def told_apart(
        cls,
        records: Iterable[Record],
        rules: RuleSet,
        patterns: Entered,
        go_on: Callable[[], None],
    ) -> "Newest":
        """What is kept of all records of a folder. Raises what `go_on` does, asked in between."""
        possible = patterns.possible()
        heaps: dict[int, list[_Ranked]] = {
            number: []
            for number, rule in enumerate(rules.rules)
            if rule.keep_newest is not None and number in possible
        }
        most = {number: rules.rules[number].keep_newest or 0 for number in heaps}
        if heaps:
            for number, record in enumerate(records):
                if number % _PATIENCE_FILES == 0:
                    go_on()
                if not record.key.sort.endswith("/"):
                    _rank(record, patterns, heaps, most)
        full = {number: heap for number, heap in heaps.items() if len(heap) == most[number]}
        return cls(
            tuple(
                full[number][0][:2] if number in full else None
                for number in range(len(rules.rules))
            ),
            {name: version for heap in full.values() for _, name, version in heap},
        )

    @classmethod
    def read(cls, position: Mapping[str, Any]) -> "Newest | None":
        """What a position says is kept, None where it does not."""
        kept = position.get("kept")
        if kept is None:
            return None
        thresholds = (one and (datetime.fromisoformat(one[0]), one[1]) for one in kept)
        return cls(tuple(thresholds), position.get("files"))

    @staticmethod
    def without(position: Mapping[str, Any], names: Set[str]) -> Mapping[str, Any]:
        """A position that does not stand on some files any more: another rule has taken them,
        which the line that is drawn did not count with and does not depend on."""
        files = position.get("files")
        if files is None:
            return position
        left = {name: version for name, version in files.items() if name not in names}
        return {**position, "files": left}

    def value(self) -> dict[str, Any]:
        """What is kept as a position says it."""
        kept = [one and [one[0].isoformat(), one[1]] for one in self.thresholds]
        if self.files is None or _size(self.files) > FILES_BYTES:
            return {"kept": kept}
        return {"kept": kept, "files": self.files}

    def stands(self, metadata: Metadata, partition: str) -> bool:
        """Whether all that is kept is there and no older: one read for a hundred files.

        It is not known where a position had no room for them.
        """
        if self.files is None:
            return False
        names = list(self.files)
        for start in range(0, len(names), KEYS_PER_GET):
            wanted = [Key(partition, name) for name in names[start : start + KEYS_PER_GET]]
            found = metadata.get(*wanted)
            if not all(key in found and self._counts(found[key]) for key in wanted):
                return False
        return True

    def _counts(self, record: Record) -> bool:
        """Whether a file that was kept is what it was, or newer than it needs to be."""
        name = record.key.sort
        if self.files is not None and record.version == self.files[name]:
            return True
        return newness(name, Artifact.read(record)) >= max(filter(None, self.thresholds))


def _rank(
    record: Record,
    patterns: Entered,
    heaps: Mapping[int, list[_Ranked]],
    most: Mapping[int, int],
) -> None:
    name, artifact = record.key.sort, Artifact.read(record)
    file = (*newness(name, artifact), record.version)
    # That something is older than all that are kept is told without its name: in a folder of
    # many files that is nearly all of them.
    open_to_it = [
        number for number, heap in heaps.items() if len(heap) < most[number] or file > heap[0]
    ]
    fitting = patterns.fitting(name) if open_to_it else ()
    for number in open_to_it:
        if number in fitting:
            heapq.heappush(heaps[number], file)
            if len(heaps[number]) > most[number]:
                heapq.heappop(heaps[number])


def _size(files: Mapping[str, int]) -> int:
    return len(json.dumps(files, ensure_ascii=False).encode())
