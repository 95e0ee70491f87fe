"""Builds of Maven snapshots: the files of one timestamp and build number, which go together.

The names of a build's files begin alike, so they lie side by side in the order of a folder, and a
build that a page of records cuts is read whole with one query.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple, TypeAlias

from app.maven.layout import file_at
from app.maven.paths import SNAPSHOT
from app.publishing import Artifact
from app.repositories import ArtifactPath, FolderPath
from storage.metadata import Page, Record

#: What a step takes up beyond its page, so that it ends where a build does. Builds have dozens of
#: files; one that has more than this is decided about in parts, each by all of its files.
MOST_BEYOND = 1_000

#: Gives the records of a folder whose names begin so, in order.
Read: TypeAlias = Callable[[str], Iterable[Record]]


#: The classifier and the extension of a file, such as `sources` and `jar`.
Kind: TypeAlias = tuple[str, str]


class Build(NamedTuple):
    """Which build of a snapshot a file is of, as its name says; the later one is greater."""

    timestamp: str
    number: int


class Belonging(NamedTuple):
    """Of which build a file is, how the names of all files of that build begin, and its kind."""

    build: Build
    beginning: str
    kind: Kind


def may_be_in(folder: FolderPath) -> bool:
    """Whether builds may lie in a folder: whether it is that of a snapshot version."""
    return bool(folder.segments) and folder.segments[-1].endswith(SNAPSHOT)


def belonging(folder: FolderPath, name: str) -> Belonging | None:
    """The build of a file; None for a release, and for a snapshot without a timestamp."""
    file = file_at(ArtifactPath(folder, name))
    if file is None or file.stamp is None:
        return None
    return Belonging(
        Build(*file.stamp),
        f"{file.artifact}-{file.full_version}",
        (file.classifier, file.extension),
    )


def rest_of_last(folder: FolderPath, page: Page, read: Read) -> list[Record]:
    """The records behind a page among which the rest of its last build lies."""
    files = [record for record in page.records if not record.key.sort.endswith("/")]
    found = belonging(folder, files[-1].key.sort) if files else None
    if found is None or page.next is None:
        return []
    behind = (one for one in _span(found, read) if one.key.sort > (page.next or ""))
    return list(islice(behind, MOST_BEYOND))


class Builds:
    """The builds that files of one folder are of, as old as the youngest of all their files.

    The first and the last build of the files may have more than these: so they are read whole,
    once somebody asks how old they are.
    """

    def __init__(self, folder: FolderPath, files: Iterable[Record], read: Read) -> None:
        self._folder = folder
        self._read = read
        self._of: dict[str, Belonging] = {}
        self._since: dict[Build, dict[str, datetime]] = {}
        self._cut: dict[Build, Belonging] = {}
        last: Belonging | None = None
        for record in files if may_be_in(folder) else ():
            found = belonging(folder, record.key.sort)
            if found is None:
                continue
            if last is None:
                self._cut[found.build] = found
            self._add(found, record)
            last = found
        if last is not None:
            self._cut[last.build] = last

    def of(self, name: str) -> Belonging | None:
        """Of which build one of the files is."""
        return self._of.get(name)

    def since(self, build: Build) -> datetime:
        """Since when all files of a build are there."""
        return max(self._files(build).values())

    def paths(self, build: Build) -> Sequence[str]:
        """Where all files of a build lie."""
        return [f"{self._folder}{name}" for name in self._files(build)]

    def _add(self, file: Belonging, record: Record) -> None:
        name = record.key.sort
        self._of[name] = file
        self._since.setdefault(file.build, {})[name] = Artifact.read(record).since

    def _files(self, build: Build) -> dict[str, datetime]:
        cut = self._cut.pop(build, None)
        if cut is not None:
            for record in _span(cut, self._read):
                found = belonging(self._folder, record.key.sort)
                if found is not None and found.build == build:
                    self._add(found, record)
        return self._since[build]


def _span(wanted: Belonging, read: Read) -> Iterator[Record]:
    """The records among which the files of a build lie: the names of its tenth begin as those
    of its first do."""
    beginnings = (f"{wanted.beginning}-", f"{wanted.beginning}.")
    return (one for one in read(wanted.beginning) if one.key.sort.startswith(beginnings))
