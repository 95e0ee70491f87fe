"""What a search looks for, and where in a repository's entries that lies.

One condition decides the order that is walked, and with it where to begin and to end; the
others are asked of each entry on the way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.publishing.entries import Entry, Order, folded, name_text, size_text
from app.repositories import FolderPath
from storage import keys
from storage.metadata import Page

_ROOT = FolderPath(())
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions that must all hold; None (or an empty name) is none.

    `name` is the beginning of a file's name, case aside. A file is in `folder` at any depth.
    `larger` and `smaller` are bytes, exclusive. `since` is inclusive, `before` exclusive;
    both are aware.
    """

    name: str = ""
    folder: FolderPath = _ROOT
    sha256: str | None = None
    larger: int | None = None
    smaller: int | None = None
    since: datetime | None = None
    before: datetime | None = None

    @property
    def order(self) -> Order:
        """What is walked: the order in which the fewest entries usually fit."""
        if self.sha256 is not None:
            return Order.DIGEST
        if self.name:
            return Order.NAME
        if self.larger is not None or self.smaller is not None:
            return Order.SIZE
        if self.since is not None or self.before is not None:
            return Order.AGE
        return Order.NAME

    @property
    def prefix(self) -> str:
        """What all sort keys that are walked begin with."""
        match self.order:
            case Order.DIGEST:
                return f"{self.sha256}/{self.folder}"
            case Order.NAME:
                return name_text(self.name)
            case _:
                return ""

    @property
    def start(self) -> str:
        """The sort key to begin behind, or nothing."""
        match self.order:
            case Order.SIZE if self.larger is not None:
                return size_text(self.larger + 1)
            case Order.AGE if self.since is not None:
                return _time_text(self.since)
            case _:
                return ""

    @property
    def end(self) -> str | None:
        """The sort key to end before, or None."""
        match self.order:
            case Order.SIZE if self.smaller is not None:
                return size_text(self.smaller)
            case Order.AGE if self.before is not None:
                return _time_text(self.before)
            case _:
                return None

    @property
    def sifts(self) -> bool:
        """Whether entries within the bounds may still not fit."""
        timed = self.since is not None or self.before is not None
        sized = self.larger is not None or self.smaller is not None
        match self.order:
            case Order.DIGEST:
                return bool(self.name) or timed or sized
            case Order.NAME:
                return bool(self.folder.segments) or timed or sized
            case Order.SIZE:
                return bool(self.folder.segments) or timed
            case Order.AGE:
                return bool(self.folder.segments)

    def fits(self, path: str, size: int, modified: datetime, sha256: str | None = None) -> bool:
        """Whether a file is one that is looked for; `sha256` None where the order proves it."""
        return (
            (self.sha256 is None or sha256 is None or sha256 == self.sha256)
            and (not self.name or _name(path).startswith(folded(self.name)))
            and path.startswith(str(self.folder))
            and (self.larger is None or size > self.larger)
            and (self.smaller is None or size < self.smaller)
            and (self.since is None or modified >= self.since)
            and (self.before is None or modified < self.before)
        )

    def sift(self, page: Page, most: int) -> tuple[Sequence[Entry], str | None]:
        """The first entries of a page that fit, at most so many, and the sort key behind
        which to go on, None where the repository has no more."""
        fitting: list[Entry] = []
        for record in page.records:
            if self.end is not None and record.key.sort >= self.end:
                return fitting, None
            entry = Entry.read(record)
            if self.fits(entry.path, entry.size, entry.modified):
                fitting.append(entry)
                if len(fitting) == most:
                    last = record is page.records[-1] and page.next is None
                    return fitting, None if last else entry.position
        return fitting, page.next


def _name(path: str) -> str:
    return folded(path.rpartition("/")[2])


def _time_text(moment: datetime) -> str:
    # Before 1970 there are no files, and years of fewer than four digits do not sort.
    return keys.time(max(moment, _EPOCH))
