"""A file that may be published: where to, and how its bytes are had.

What the files of a folder and of another index have in common stands here; whoever takes a file
knows no more of it.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from app.publishing import Artifact, DigestMismatch
from app.publishing.expectations import Said
from app.publishing.place import Place
from app.publishing.receiving import Body
from app.repositories.layout import Reading

#: Told how many bytes of a file were read so far.
Moved: TypeAlias = Callable[[int], None]


class NotTaken(Exception):
    """A file that is refused; the message says why. The others are not concerned."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of bytes before they are read: digests that must hold, in lower-case
    hexadecimal, and what is to be attached to the file."""

    digests: tuple[tuple[str, str], ...] = ()
    attached: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def algorithms(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for name, _ in self.digests))


class Content(Protocol):
    """The bytes of a file, for one thread and one try."""

    @property
    def said(self) -> Said: ...

    @property
    def length(self) -> int | None: ...

    def is_as(self, known: Artifact) -> bool | None:
        """Whether they are the bytes that are there; None where publishing alone can tell.

        Raises:
            DigestMismatch: they are not those that they are said to be.
            NotTaken: they can't be read.
        """

    def body(self) -> AbstractContextManager[Body]:
        """The bytes from their beginning. Raises what keeps them from coming, as reading does."""

    def rehearse(self, reading: Reading | None) -> str | None:
        """Read the bytes as publishing would, as far as that costs nobody else anything; their
        SHA-256 where it is known then. Raises as `is_as`, and what `reading` does."""

    def differing(self, error: DigestMismatch) -> str:
        """Words for bytes that are not those that they are said to be."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be published.

    `name` is what the report calls it, and no two files' of an import; `size` is None where
    nobody knows it before its bytes come. `marks` are what is said of it where it is published.
    `beside` are the sizes of files that come and go with it, by their names.
    """

    name: str
    size: int | None
    place: Place
    open: Callable[[Moved], AbstractContextManager[Content]]
    marks: Mapping[str, Any] = field(default_factory=dict)
    beside: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """Files that one thread takes in turn, and what it does behind them: it is told whether all
    of them are there, and raises NotTaken where that can't be done."""

    candidates: Sequence[Candidate]
    behind: Callable[[bool], None] | None = None
    name: str = ""
