"""What a POM and a `maven-metadata.xml` say of themselves, held against the path they are put to.

Both are read as they stream, and both are checked alone: a repository computes its metadata,
and takes its coordinates from paths.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.maven.documents import Buffer, Document, DocumentReader, InvalidDocument, Wanted
from app.maven.paths import MavenFile, MetadataDocument, quoted, shortened
from app.repositories.refused import Refused

#: A managed dependency takes some 200 bytes, so that this is a bill of materials of 10,000.
POM_BYTES = 2 * 1024 * 1024
#: A version takes some 40 bytes in metadata, so that this is an artifact of 200,000.
METADATA_BYTES = 8 * 1024 * 1024

_GROUP = ("project", "groupId")
_ARTIFACT = ("project", "artifactId")
_VERSION = ("project", "version")
_PARENT_GROUP = ("project", "parent", "groupId")
_PARENT_VERSION = ("project", "parent", "version")
_PACKAGING = ("project", "packaging")
_NAME = ("project", "name")
_DESCRIPTION = ("project", "description")
_POM = Wanted(
    root="project",
    namespace=re.compile(r"https?://maven\.apache\.org/POM/4\.[0-9.]+"),
    texts=frozenset({_GROUP, _ARTIFACT, _VERSION, _PARENT_GROUP, _PARENT_VERSION, _PACKAGING}),
    excerpts=frozenset({_NAME, _DESCRIPTION}),
)

_METADATA_GROUP = ("metadata", "groupId")
_METADATA_ARTIFACT = ("metadata", "artifactId")
_METADATA_VERSION = ("metadata", "version")
_METADATA = Wanted(
    root="metadata",
    texts=frozenset({_METADATA_GROUP, _METADATA_ARTIFACT, _METADATA_VERSION}),
)


class InvalidPom(Refused):
    """A POM that can't be read or belongs elsewhere; the message says why."""


class InvalidMetadata(Refused):
    """Metadata that can't be read or belongs elsewhere; the message says why."""


@dataclass(frozen=True, slots=True)
class Pom:
    """What a POM says, expressions such as `${revision}` as they are; "" for what is not there.

    Group and version are the parent's where the project has none of its own. Name and
    description may be cut.
    """

    group: str
    artifact: str
    version: str
    packaging: str
    name: str
    description: str


class PomReader:
    """Reads the POM that is put to a path."""

    def __init__(self, file: MavenFile) -> None:
        self._file = file
        self._where = shortened(file.coordinates)
        self._reader = DocumentReader(_POM, POM_BYTES)

    def feed(self, piece: Buffer) -> None:
        """Take some more of it. Raises InvalidPom."""
        with _raised(InvalidPom, self._where):
            self._reader.feed(piece)

    def finish(self) -> Pom:
        """The POM, whose coordinates are the path's as far as can be told without its parents.

        Raises:
            InvalidPom: not well-formed, or coordinates that are missing or not the path's.
        """
        with _raised(InvalidPom, self._where):
            pom = _pom(self._reader.finish())
        file = self._file
        versions = dict.fromkeys((file.version, file.full_version))
        self._check("groupId", pom.group, [file.group])
        self._check("artifactId", pom.artifact, [file.artifact])
        self._check("version", pom.version, [*versions])
        return pom

    def _check(self, name: str, said: str, right: list[str]) -> None:
        if not said:
            raise InvalidPom(f"{self._where}: the POM has no {name}, of its own or from its parent")
        if "${" not in said and said not in right:
            raise InvalidPom(
                f"{self._where}: the POM's {name} is {quoted(said)}, and the path says"
                f" {' or '.join(quoted(text) for text in right)}"
            )


class MetadataReader:
    """Reads the metadata that a client puts into a folder."""

    def __init__(self, document: MetadataDocument) -> None:
        self._document = document
        self._where = shortened(str(document.path))
        self._reader = DocumentReader(_METADATA, METADATA_BYTES)

    def feed(self, piece: Buffer) -> None:
        """Take some more of it. Raises InvalidMetadata."""
        with _raised(InvalidMetadata, self._where):
            self._reader.feed(piece)

    def finish(self) -> None:
        """Refuse metadata of something else than the folder; what it leaves out it does not say.

        Raises:
            InvalidMetadata: not well-formed, or coordinates that are not the folder's.
        """
        with _raised(InvalidMetadata, self._where):
            texts = self._reader.finish().texts
        group = texts.get(_METADATA_GROUP, "")
        artifact = texts.get(_METADATA_ARTIFACT, "")
        version = texts.get(_METADATA_VERSION, "")
        if snapshot := self._document.snapshot:
            self._check("groupId", group, snapshot[0])
            self._check("artifactId", artifact, snapshot[1])
            self._check("version", version, snapshot[2])
        elif artifact:
            # Beside an artifact Maven 2 names one of its versions: the folder says nothing of it.
            folder = self._document.artifact or ("", "")
            self._check("groupId", group, folder[0])
            self._check("artifactId", artifact, folder[1])
        else:
            self._check("groupId", group, self._document.group or "")

    def _check(self, name: str, said: str, right: str) -> None:
        if said and said != right:
            raise InvalidMetadata(
                f"{self._where}: the metadata's {name} is {quoted(said)}, and in this folder it"
                f" can be {quoted(right) if right else 'none'}"
            )


def require_room(path: str, length: int | None, most_bytes: int) -> None:
    """Return where a document of that length is read at all, or it is not known yet.

    Raises InvalidMetadata.
    """
    if length is not None and length > most_bytes:
        raise InvalidMetadata(
            f"{shortened(path)}: the document takes {length:,} bytes, and may take {most_bytes:,}"
        )


@contextmanager
def _raised(refusal: type[InvalidPom | InvalidMetadata], where: str) -> Iterator[None]:
    """What is wrong with a document as a refusal that says which."""
    try:
        yield
    except InvalidDocument as error:
        raise refusal(f"{where}: {error}") from error


def _pom(document: Document) -> Pom:
    def text(path: tuple[str, ...]) -> str:
        return document.texts.get(path, "")

    return Pom(
        group=text(_GROUP) or text(_PARENT_GROUP),
        artifact=text(_ARTIFACT),
        version=text(_VERSION) or text(_PARENT_VERSION),
        packaging=text(_PACKAGING) or "jar",
        name=text(_NAME),
        description=text(_DESCRIPTION),
    )
