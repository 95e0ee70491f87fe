"""Goes through a repository folder by folder and says which files its rules take.

A folder is done before those in it, so that its newest files are told apart once. A position
means the same after files have come or gone: the work can be left and gone on with anywhere.
What it says of the newest files, though, is held against the records before anything is taken.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from app.repositories import FolderPath, Repository
from app.retention.builds import Builds, may_be_in, rest_of_last
from app.retention.deciding import Deciding, Going
from app.retention.newest import Newest
from app.retention.patience import asking
from app.retention.patterns import Entered
from app.retention.rules import RuleSet
from storage import keys
from storage.metadata import Metadata, Page, Record

PAGE = 300  # records that are decided about in a step

#: Where to go on, as JSON; empty at the beginning.
Position: TypeAlias = Mapping[str, Any]


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

    def look(self, position: Position, page: int = PAGE, most: int | None = None) -> Look:
        """Look at the next records of a folder, as many as are said and the rest of the build
        that the last one is of, or until `most` go.

        Raises what `go_on` does.
        """
        folder = FolderPath.parse(position.get("folder", "/")[1:])
        patterns = self._patterns.enter(folder.key[1:])
        kept = self._newest(folder, position, patterns)
        found = self._page(folder, position.get("after", ""), page)
        files = [record for record in found.records if not record.key.sort.endswith("/")]
        children = (one.key.sort for one in found.records if one.key.sort.endswith("/"))
        child: str | None = position.get("child") or next(children, None)
        builds = Builds(folder, files if self._about_builds(folder) else (), self._reader(folder))
        deciding = Deciding(self._metadata, self._repository, self._rules, self._now)
        going = tuple(deciding.going(folder, files, builds, patterns, kept))
        if most is not None and len(going) > most:
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

    def _page(self, folder: FolderPath, after: str, limit: int) -> Page:
        """The next records of a folder. Where builds go, none is left for the next step to
        decide about the rest of it, which may be hours later."""
        page = self._metadata.query(self._partition(folder), "", after, limit)
        if not self._about_builds(folder):
            return page
        rest = rest_of_last(folder, page, self._reader(folder))
        return Page((*page.records, *rest), rest[-1].key.sort) if rest else page

    def _about_builds(self, folder: FolderPath) -> bool:
        return self._rules.keep_snapshots and may_be_in(folder)

    def _reader(self, folder: FolderPath) -> Callable[[str], Iterable[Record]]:
        """Gives the records of a folder whose names begin in some way, while one may go on."""
        partition = self._partition(folder)
        return lambda prefix: asking(self._metadata.query_all(partition, prefix), self.go_on)

    def _newest(self, folder: FolderPath, position: Position, patterns: Entered) -> Newest:
        """What the rules keep in a folder: as the position says, or by going through it all."""
        partition = self._partition(folder)
        if position.get("version") == self._rules.version:
            known = Newest.read(position)
            trusted = not self._taking
            if known is not None and (trusted or known.stands(self._metadata, partition)):
                return known
        records = self._metadata.query_all(partition)
        return Newest.told_apart(folder, records, self._rules, patterns, self.go_on)

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
