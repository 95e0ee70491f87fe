"""What the format of a repository makes of its files: one page for all formats.

A layout refuses what may not lie at a path, reads in the bytes what the format has to know of
them, and says by which records a file is found besides those that every format has. All of
it is pure, so that whoever changes files (a publish, a restore, a rule) has it done alike.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from app.maven.layout import MavenLayout
from app.repositories.names import ArtifactPath
from app.repositories.repository import Format, Policy

if TYPE_CHECKING:
    from app.publishing.artifact import Artifact

#: Gives so many bytes of a complete blob, from an offset on.
Read: TypeAlias = Callable[[int, int], bytes]


class Reading(Protocol):
    """Reads a file's bytes for what its format has to know of them. Used once."""

    def feed(self, piece: memoryview) -> None:
        """Take the next bytes. Raises Refused."""

    def finish(self, size: int, read: Read) -> Mapping[str, Any]:
        """The facts, once the blob is complete. Raises Refused."""


class Layout(Protocol):
    """What a format makes of its files."""

    #: Digests that are computed of every file, besides SHA-256.
    algorithms: tuple[str, ...]

    #: Whether digests may be sent before their file (`app/publishing/announced.py`).
    announces: bool

    def check(self, path: ArtifactPath, policy: Policy | None, size: int | None = None) -> None:
        """Return where a file may be published there, of that size where it is known yet.
        Raises Refused."""

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


class RawLayout:
    """Files under paths, and nothing else."""

    algorithms: tuple[str, ...] = ()
    announces = False

    def check(self, path: ArtifactPath, policy: Policy | None, size: int | None = None) -> None:
        return None

    def changes(self, path: ArtifactPath) -> bool:
        return False

    def reading(self, path: ArtifactPath) -> Reading | None:
        return None

    def entries(
        self, path: ArtifactPath, artifact: "Artifact"
    ) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
        return ()

    def documents(self, path: ArtifactPath, artifact: "Artifact") -> Iterable[str]:
        return ()


LAYOUTS: Mapping[Format, Layout] = {Format.RAW: RawLayout(), Format.MAVEN: MavenLayout()}
