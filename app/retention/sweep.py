"""Goes through a repository folder by folder and says which files its rules take.

A folder is done before those in it, so that its newest files are told apart once. A position
is small, and means the same after files before it have come or gone: the work can be left and
gone on with anywhere.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

from app.publishing import Artifact
from app.repositories import ArtifactPath, FolderPath, Repository
from app.retention.rules import Rule, RuleSet, Threshold, newness
from storage import keys
from storage.metadata import Metadata, Record
from storage.metadata.operations import KEYS_PER_GET

PAGE = 300  # records that are decided about in a step

#: Where to go on, as JSON; empty at the beginning.
Position: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Going:
    """A file that a rule takes; rules are counted from 1."""

    path: ArtifactPath
    artifact: Artifact
    rule: int


@dataclass(frozen=True, slots=True)
class Look:
    """What a step found: the files that go, how many it looked at, and where the next begins
    (None at the end)."""

    going: tuple[Going, ...]
    files: int
    position: Position | None


class Sweep:
    """One set of rules, held against one repository at one moment."""

    def __init__(
        self, metadata: Metadata, repository: Repository, rules: RuleSet, now: datetime
    ) -> None:
        self._metadata = metadata
        self._repository = repository
        self._rules = rules
        self._now = now

    def look(self, position: Position, page: int = PAGE, most: int = PAGE) -> Look:
        """Look at the next records of a folder, as many as are said, or until `most` go."""
        folder = FolderPath.parse(position.get("folder", "/")[1:])
        kept = self._kept(folder, position)
        found = self._metadata.query(self._partition(folder), "", position.get("after", ""), page)
        files: list[Record] = []
        child: str | None = position.get("child")
        for record in found.records:
            if not record.key.sort.endswith("/"):
                files.append(record)
            elif child is None:
                child = record.key.sort
        going = tuple(self._decide(folder, files, kept))
        if len(going) > most:
            last = going[most - 1].path.name
            return Look(going[:most], most, self._position(folder, last, child, kept))
        if found.next is not None:
            return Look(going, len(files), self._position(folder, found.next, child, kept))
        behind = self._following(folder, child)
        return Look(going, len(files), None if behind is None else {"folder": behind.key})

    def all(self) -> Iterator[Look]:
        """Everything, from the beginning."""
        position: Position | None = {}
        while position is not None:
            look = self.look(position)
            yield look
            position = look.position

    def _decide(
        self, folder: FolderPath, files: Sequence[Record], kept: Sequence[Threshold | None]
    ) -> Iterator[Going]:
        """What goes, by the first rule that takes it."""
        candidates: list[tuple[ArtifactPath, Artifact, list[int]]] = []
        for record in files:
            path, artifact = ArtifactPath(folder, record.key.sort), Artifact.read(record)
            taking = [
                number
                for number, rule in enumerate(self._rules.rules)
                if rule.takes_by_age(str(path), artifact, self._now)
                and rule.takes_by_number(path.name, artifact, kept[number])
            ]
            if taking:
                candidates.append((path, artifact, taking))
        last = self._last_downloads(candidates)
        for path, artifact, taking in candidates:
            for number in taking:
                if self._rules.rules[number].takes_by_downloads(
                    artifact, last.get(str(path)), self._rules.remembered, self._now
                ):
                    yield Going(path, artifact, number + 1)
                    break

    def _last_downloads(
        self, candidates: Sequence[tuple[ArtifactPath, Artifact, list[int]]]
    ) -> dict[str, date]:
        """The days on which files were last downloaded, of those where it matters."""
        wanted = [
            keys.downloaded(self._repository.organization, self._repository.id, str(path))
            for path, _, taking in candidates
            if any(self._rules.rules[number].not_downloaded_days for number in taking)
        ]
        days: dict[str, date] = {}
        for start in range(0, len(wanted), KEYS_PER_GET):
            found = self._metadata.get(*wanted[start : start + KEYS_PER_GET])
            days |= {
                key.sort: date.fromisoformat(record.value["day"]) for key, record in found.items()
            }
        return days

    def _kept(self, folder: FolderPath, position: Position) -> list[Threshold | None]:
        """For each rule, the oldest of the newest files that it keeps in a folder: those of
        the position, or by looking at all files of the folder."""
        known = position.get("kept")
        if known is not None and position.get("version") == self._rules.version:
            return [one and (datetime.fromisoformat(one[0]), one[1]) for one in known]
        newest: dict[int, list[Threshold]] = {
            number: []
            for number, rule in enumerate(self._rules.rules)
            if rule.keep_newest is not None
        }
        if newest:
            for record in self._metadata.query_all(self._partition(folder)):
                if not record.key.sort.endswith("/"):
                    self._rank(folder, record, newest)
        rules = self._rules.rules
        return [_threshold(rule, newest.get(number, [])) for number, rule in enumerate(rules)]

    def _rank(
        self, folder: FolderPath, record: Record, newest: Mapping[int, list[Threshold]]
    ) -> None:
        path, artifact = ArtifactPath(folder, record.key.sort), Artifact.read(record)
        for number, heap in newest.items():
            rule = self._rules.rules[number]
            if rule.match.fits(str(path)):
                heapq.heappush(heap, newness(path.name, artifact))
                if len(heap) > (rule.keep_newest or 0):
                    heapq.heappop(heap)

    def _position(
        self,
        folder: FolderPath,
        after: str,
        child: str | None,
        kept: Sequence[Threshold | None],
    ) -> Position:
        return {
            "folder": folder.key,
            "after": after,
            "child": child,
            "kept": [one and [one[0].isoformat(), one[1]] for one in kept],
            "version": self._rules.version,
        }

    def _following(self, folder: FolderPath, child: str | None) -> FolderPath | None:
        """The folder behind one: its first child, or else the next beside it or above."""
        if child is not None:
            return FolderPath((*folder.segments, child[:-1]))
        while folder.segments:
            above = FolderPath(folder.segments[:-1])
            after: str | None = f"{folder.segments[-1]}/"
            while after is not None:
                page = self._metadata.query(self._partition(above), "", after)
                for record in page.records:
                    if record.key.sort.endswith("/"):
                        return FolderPath((*above.segments, record.key.sort[:-1]))
                after = page.next
            folder = above
        return None

    def _partition(self, folder: FolderPath) -> str:
        return keys.folder(self._repository.organization, self._repository.id, folder.key)


def _threshold(rule: Rule, newest: Sequence[Threshold]) -> Threshold | None:
    if rule.keep_newest is None or len(newest) < rule.keep_newest:
        return None  # all of them are kept
    return newest[0]
