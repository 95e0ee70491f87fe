"""What the format of a repository makes of its files, as publishing asks for it.

A layout refuses what may not lie at a path, reads in the bytes what the format has to know of
them, and says by which records a file is found besides those that every format has. All of
it is pure, so that whoever changes files (a publish, a restore, a rule) has it done alike.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from app.repositories.names import ArtifactPath
from app.repositories.repository import Policy

if TYPE_CHECKING:
    from app.publishing.artifact import Artifact

#: Gives so many bytes of a complete blob, from an offset on.
Read: TypeAlias = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Understood:
    """What was read in a file: `facts` are kept with it, JSON of the format's own; `attached` is
    stored beside it, and found under its name with a suffix, by that."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    attached: Mapping[str, bytes] = field(default_factory=dict)


NOTHING = Understood()


class Reading(Protocol):
    """Reads a file's bytes for what its format has to know of them. Used once."""

    def feed(self, piece: memoryview) -> None:
        """Take the next bytes. Raises Refused."""

    def finish(self, size: int, read: Read) -> Understood:
        """What was read, once the blob is complete. Raises Refused."""


class Layout(Protocol):
    """What a format makes of its files."""

    #: Digests that are computed of every file, besides SHA-256.
    algorithms: tuple[str, ...]

    #: Those of them that a file is found by.
    found_by: tuple[str, ...]

    #: The folders, as record keys hold them, whose list of folders is a computed document.
    listed: tuple[str, ...]

    #: Whether digests may be sent before their file (`app/publishing/announced.py`).
    announces: bool

    def check(self, path: ArtifactPath, policy: Policy | None, size: int | None = None) -> None:
        """Return where a file may be published there, of that size where it is known yet.
        Raises Refused."""

    def claim(self, path: ArtifactPath) -> str | None:
        """What a file there has in common with those that must not be beside it, if anything."""

    def twice(self, path: ArtifactPath, first: str) -> str:
        """Words for one that claims what another path has claimed."""

    def project(self, path: ArtifactPath) -> str | None:
        """The project that a file there is of, where those of the format have a state."""

    def changes(self, path: ArtifactPath) -> bool:
        """Whether other bytes may come to the path whatever the repository's rule is."""

    def reading(self, path: ArtifactPath) -> Reading | None:
        """What reads the bytes that are published there, where something does."""

    def entries(
        self, path: ArtifactPath, artifact: "Artifact"
    ) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
        """By what the file is found: the order, the sort key in it, and more of its value."""

    def documents(self, path: ArtifactPath, artifact: "Artifact") -> Iterable[str]:
        """The folders of the computed documents that tell of the file, as record keys hold
        them."""


class Unclaimed:
    """What formats share whose files claim nothing and are of no project with a state."""

    listed: tuple[str, ...] = ()

    def claim(self, path: ArtifactPath) -> str | None:
        return None

    def twice(self, path: ArtifactPath, first: str) -> str:
        raise LookupError("files of this format claim nothing")

    def project(self, path: ArtifactPath) -> str | None:
        return None
