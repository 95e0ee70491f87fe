"""What is kept in a folder by number: the newest files, and of a snapshot the newest builds and
the newest file of each kind.

They are told apart in one pass over the folder. What was found goes on with a sweep's position,
together with the files that it stands on: as long as each of them is what it was, at least as
many as are kept are newer than whatever goes, and no second pass is needed.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.publishing import Artifact
from app.repositories import FolderPath
from app.retention.builds import Build, belonging, may_be_in
from app.retention.kinds import Kinds, KindsSeen
from app.retention.patience import asking
from app.retention.patterns import Entered
from app.retention.ranking import Ranking, Seen, ranking
from app.retention.rules import Line, RuleSet, newness
from storage.metadata import Key, Metadata, Record
from storage.metadata.operations import KEYS_PER_GET

#: Of what is kept, in a position: most of what a record can hold. A thousand names fit as a rule.
KEPT_BYTES = 300_000


@dataclass(frozen=True, slots=True)
class Newest:
    """What is kept in a folder.

    `lines` are, for each rule, the last file or build that it keeps, None where it keeps all.
    `kinds` are what stays of a snapshot besides, where builds go. `files` are those that all
    this stands on, by their names: the version of each, or None where one stands for its build
    or is the newest of its kind, and has only to be there. `files` is None where a position had
    no room for them.
    """

    lines: tuple[Line, ...]
    kinds: Kinds
    files: Mapping[str, int | None] | None

    @classmethod
    def told_apart(
        cls,
        folder: FolderPath,
        records: Iterable[Record],
        rules: RuleSet,
        patterns: Entered,
        go_on: Callable[[], None],
    ) -> "Newest":
        """What is kept of all records of a folder. Raises what `go_on` does, asked in between."""
        rankings = _rankings(folder, rules, patterns)
        builds = any(rules.rules[number].keep_snapshots is not None for number in rankings)
        seen = KindsSeen()
        for record in asking(records, go_on) if rankings else ():
            name = record.key.sort
            if not name.endswith("/"):
                found = belonging(folder, name) if builds else None
                build = None if found is None else found.build
                if found is not None:
                    seen.take(found, name)
                since = Artifact.read(record).since
                _rank(Seen(since, name, record.version, build), patterns, rankings)
        files: dict[str, int | None] = {}
        for one in rankings.values():
            # Where a file is kept and stands for its build as well, it has to be what it was.
            files |= {name: version or files.get(name) for name, version in one.standing().items()}
        lines = tuple(
            rankings[number].line() if number in rankings else None
            for number in range(len(rules.rules))
        )
        if not _builds_go(lines):
            return cls(lines, Kinds(), files)
        return cls(lines, seen.kinds(), dict.fromkeys(seen.names()) | files)

    @classmethod
    def read(cls, position: Mapping[str, Any]) -> "Newest | None":
        """What a position says is kept, None where it does not."""
        kept, kinds = position.get("kept"), position.get("kinds")
        if kept is None:
            return None
        lines = tuple(one and _read_line(*one) for one in kept)
        if kinds is None and _builds_go(lines):
            return None  # a position of before kinds were kept
        return cls(lines, Kinds.read(kinds or ()), position.get("files"))

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
        """What is kept as a position says it; nothing where it has no room for that."""
        kept: dict[str, Any] = {"kept": [one and _line_value(one) for one in self.lines]}
        if _builds_go(self.lines):
            kept["kinds"] = self.kinds.value()
        with_files = {**kept, "files": self.files}
        if self.files is not None and _size(with_files) <= KEPT_BYTES:
            return with_files
        return kept if _size(kept) <= KEPT_BYTES else {}

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
        if self.files is None or self.files[name] in (None, record.version):
            return True
        times = (one for one in self.lines if one is not None and not isinstance(one, Build))
        return newness(name, Artifact.read(record)) >= max(times)


def _rankings(folder: FolderPath, rules: RuleSet, patterns: Entered) -> dict[int, Ranking]:
    """What ranks the files of a folder for each rule that may keep some of them by number."""
    found: dict[int, Ranking] = {}
    for number in patterns.possible():
        rule = rules.rules[number]
        ranks = ranking(rule)
        if ranks is not None and (rule.keep_snapshots is None or may_be_in(folder)):
            found[number] = ranks
    return found


def _rank(file: Seen, patterns: Entered, rankings: Mapping[int, Ranking]) -> None:
    # That something is older than all that are kept is told without its name: in a folder of
    # many files that is nearly all of them.
    wanting = [number for number, ranks in rankings.items() if ranks.wants(file)]
    fitting = patterns.fitting(file.name) if wanting else ()
    for number in wanting:
        if number in fitting:
            rankings[number].take(file)


def _builds_go(lines: Iterable[Line]) -> bool:
    return any(isinstance(line, Build) for line in lines)


def _read_line(first: str, second: str | int) -> Line:
    if isinstance(second, int):
        return Build(first, second)
    return datetime.fromisoformat(first), second


def _line_value(line: Line) -> list[str | int] | None:
    match line:
        case None:
            return None
        case Build():
            return [line.timestamp, line.number]
    return [line[0].isoformat(), line[1]]


def _size(kept: Mapping[str, Any]) -> int:
    return len(json.dumps(kept, ensure_ascii=False).encode())
