"""What the formats make of a folder: which of its files are to be published, and which not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.importing.folder import Found
from app.importing.report import Outcome


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be published at `path`, with the checksum files beside it, by their algorithms.

    `signature` is a file that comes along under the file's name and `.asc`, with what is in it.
    `before` is the one of the same path that was met before it.
    """

    found: Found
    path: str
    checksums: tuple[tuple[str, Found], ...] = ()
    signature: tuple[Found, bytes] | None = None
    before: "Wanted | None" = None


@dataclass(slots=True)
class Sorted:
    """The files of a folder: `units` of them are taken in turn each, `ended` have come to their
    outcome, and `refused` are told with the reason."""

    units: list[list[Wanted]] = field(default_factory=list)
    ended: list[tuple[Found, Outcome]] = field(default_factory=list)
    refused: list[tuple[Found, str]] = field(default_factory=list)


class Sorting(Protocol):
    """Sorts the folders of one import, by one thread."""

    def sort(self, files: Sequence[Found]) -> Sorted:
        """Sort the files of one folder."""
