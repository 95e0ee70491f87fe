"""What a search looks for, and where in a repository's entries that lies.

One condition decides the order that is walked, and with it where to begin and to end; the
others are asked of each entry on the way. What a person types may be a file's name or a
project's: of a Python repository two orders are walked then, one after the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.publishing.entries import Entry, Order, folded, name_text, size_text
from app.publishing.layouts import LAYOUTS
from app.repositories import FolderPath, Format
from app.search.conditions import Digest
from app.search.coordinates import Coordinates
from app.search.releases import Release
from storage import keys
from storage.metadata import Page
from storage.metadata.operations import SORT_BYTES

_ROOT = FolderPath(())
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions that must all hold; None (or an empty name) is none.

    `name` is the beginning of a file's name, case aside. A file is in `folder` at any depth.
    `larger` and `smaller` are bytes, exclusive. `since` is inclusive, `before` exclusive;
    both are aware.

    Where the `name` may be a project's as well, `or_release` is that: a file of it fits too. A
    file of `but_release` does not.
    """

    name: str = ""
    folder: FolderPath = _ROOT
    digest: Digest | None = None
    coordinates: Coordinates | None = None
    release: Release | None = None
    or_release: Release | None = None
    but_release: Release | None = None
    larger: int | None = None
    smaller: int | None = None
    since: datetime | None = None
    before: datetime | None = None

    @property
    def order(self) -> Order:
        """What is walked: the order in which the fewest entries usually fit."""
        if self.digest is not None:
            return Order.DIGEST
        if self.coordinates is not None:
            return self.coordinates.order
        if self.release is not None:
            return Order.DISTRIBUTION
        if self.name:
            return Order.NAME
        if self.larger is not None or self.smaller is not None:
            return Order.SIZE
        if self.since is not None or self.before is not None:
            return Order.AGE
        return Order.NAME

    @property
    def prefix(self) -> str:
        """What all sort keys that are walked begin with, as much of it as a key can hold."""
        return self._beginning.encode()[:SORT_BYTES].decode(errors="ignore")

    @property
    def _beginning(self) -> str:
        if self.digest is not None:
            return f"{self.digest.text}/{self.folder}"
        if self.coordinates is not None:
            return self.coordinates.prefix
        if self.release is not None:
            return self.release.prefix
        return name_text(self.name) if self.order is Order.NAME else ""

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
        within = bool(self.folder.segments)
        match self.order:
            case Order.DIGEST:
                told = self.coordinates is not None or self.release is not None
                return bool(self.name) or timed or sized or told
            case Order.COORDINATES | Order.ARTIFACT:
                sifted = self.coordinates is not None and self.coordinates.sifts
                return sifted or bool(self.name) or within or timed or sized
            case Order.DISTRIBUTION:
                versioned = self.release is not None and self.release.version is not None
                return versioned or bool(self.name) or within or timed or sized
            case Order.NAME:
                return within or timed or sized or self.but_release is not None
            case Order.SIZE:
                return within or timed
            case Order.AGE:
                return within

    def parts(self, format_: Format) -> "tuple[Query, ...]":
        """What is walked in a repository of a format, one after the other: no two find the same
        file. Nothing where no file that fits can be there."""
        if not self._concerns(format_):
            return ()
        alone = replace(self, or_release=None)
        if self.or_release is None or format_ is not Format.PYTHON:
            return (alone,)
        return (
            replace(alone, name="", release=self.or_release),
            replace(alone, but_release=self.or_release),
        )

    def _concerns(self, format_: Format) -> bool:
        if self.coordinates is not None and format_ is not Format.MAVEN:
            return False
        if self.release is not None and format_ is not Format.PYTHON:
            return False
        found_by = ("sha256", *LAYOUTS[format_].found_by)
        return self.digest is None or self.digest.algorithm in found_by

    def fits(
        self, path: str, size: int, modified: datetime, digests: Mapping[str, str] | None = None
    ) -> bool:
        """Whether a file of a repository that has it among its parts is one that is looked for;
        `digests` is None where the order proves them."""
        return (
            (self.digest is None or digests is None or self.digest.is_among(digests))
            and (not self.name or _name(path).startswith(folded(self.name)))
            and path.startswith(str(self.folder))
            and (self.larger is None or size > self.larger)
            and (self.smaller is None or size < self.smaller)
            and (self.since is None or modified >= self.since)
            and (self.before is None or modified < self.before)
            and (self.coordinates is None or self.coordinates.fits(path))
            and (self.release is None or self.release.fits(path))
            and (self.but_release is None or not self.but_release.fits(path))
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
