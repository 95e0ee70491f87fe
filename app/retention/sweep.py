"""Goes through a repository folder by folder and says which files its rules take.

A folder is done before those in it, so that its newest files are told apart once. A position
means the same after files have come or gone: the work can be left and gone on with anywhere.
What it says of the newest files, though, is held against the records before anything is taken.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

from app.publishing import Artifact
from app.repositories import ArtifactPath, FolderPath, Repository
from app.retention.newest import Newest
from app.retention.patterns import Entered
from app.retention.rules import RuleSet
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


def _patiently() -> None:
    """Go on for as long as it takes."""


class Sweep:
    """One set of rules, held against one repository at one moment."""

    def __init__(
        self,
        metadata: Metadata,
        repository: Repository,
        rules: RuleSet,
        now: datetime,
        *,
        taking: bool = False,
        go_on: Callable[[], None] = _patiently,
    ) -> None:
        """What goes is `taking` where it is deleted then: nothing that is kept may have gone
        since a position was made. `go_on` is asked while a folder is gone through.
        """
        self._metadata = metadata
        self._repository = repository
        self._rules = rules
        self._patterns = rules.patterns
        self._now = now
        self._taking = taking
        self.go_on = go_on

    def look(self, position: Position, page: int = PAGE, most: int = PAGE) -> Look:
        """Look at the next records of a folder, as many as are said, or until `most` go.

        Raises what `go_on` does.
        """
        folder = FolderPath.parse(position.get("folder", "/")[1:])
        patterns = self._patterns.enter(folder.key[1:])
        kept = self._newest(folder, position, patterns)
        found = self._metadata.query(self._partition(folder), "", position.get("after", ""), page)
        files: list[Record] = []
        child: str | None = position.get("child")
        for record in found.records:
            if not record.key.sort.endswith("/"):
                files.append(record)
            elif child is None:
                child = record.key.sort
        going = tuple(self._decide(folder, files, patterns, kept))
        if len(going) > most:
            last = going[most - 1].path.name
            return Look(going[:most], most, self._position(folder, last, child, kept))
        if found.next is not None:
            return Look(going, len(files), self._position(folder, found.next, child, kept))
        behind = self._following(folder, child)
        if behind is None:
            return Look(going, len(files), None)
        following = {"folder": behind.key, "version": self._rules.version}
        return Look(going, len(files), following)

    def all(self) -> Iterator[Look]:
        """Everything, from the beginning."""
        position: Position | None = {}
        while position is not None:
            look = self.look(position)
            yield look
            position = look.position

    def _decide(
        self, folder: FolderPath, files: Sequence[Record], patterns: Entered, kept: Newest
    ) -> Iterator[Going]:
        """What goes, by the first rule that takes it."""
        candidates: list[tuple[ArtifactPath, Artifact, list[int]]] = []
        for record in files:
            path, artifact = ArtifactPath(folder, record.key.sort), Artifact.read(record)
            taking = [
                number
                for number, rule in enumerate(self._rules.rules)
                if rule.takes_by_age(artifact, self._now)
                and rule.takes_by_number(path.name, artifact, kept.thresholds[number])
            ]
            fitting = patterns.fitting(path.name) if taking else ()
            taking = [number for number in taking if number in fitting]
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

    def _newest(self, folder: FolderPath, position: Position, patterns: Entered) -> Newest:
        """What the rules keep in a folder: as the position says, or by going through it all."""
        partition = self._partition(folder)
        if position.get("version") == self._rules.version:
            known = Newest.read(position)
            trusted = not self._taking
            if known is not None and (trusted or known.stands(self._metadata, partition)):
                return known
        records = self._metadata.query_all(partition)
        return Newest.told_apart(records, self._rules, patterns, self.go_on)

    def _position(
        self,
        folder: FolderPath,
        after: str,
        child: str | None,
        kept: Newest,
    ) -> Position:
        return {
            "folder": folder.key,
            "after": after,
            "child": child,
            "version": self._rules.version,
            **kept.value(),
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
