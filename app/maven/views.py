"""Documents that are computed of a Maven repository's records, each under a revision.

Every change of a file raises a counter of the folders whose documents tell of it, in the same
commit. What the counters of a folder say is the revision of its document: it is read first, and
where it is that of a document in memory, that is the answer. Else the document is computed, and
the counters are read again: a document that was computed while files came and went is computed
anew, so that one revision has one document, in every process.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypeAlias

from app.maven.layout import ARCHETYPES, COORDINATES, PLUGINS, file_at
from app.maven.metadata import (
    Archetype,
    ArtifactView,
    Plugin,
    VersionFile,
    archetype_catalog,
    newest,
    prefixes,
    render,
    render_snapshots,
)
from app.maven.paths import (
    ALGORITHMS,
    ArchetypeCatalog,
    MavenFile,
    MetadataDocument,
    Prefixes,
)
from app.maven.versions import version_key
from app.publishing.place import is_listed
from app.repositories import ArtifactPath, FolderPath, Repository
from storage import keys
from storage.metadata import Metadata, Record
from storage.metadata.operations import moment

#: Of rendered documents that are remembered in a process.
MOST_BYTES = 32 * 1024 * 1024
_LOOKS = 5  # at a document that changes while it is computed
_ENTRIES = 20_000  # at once: a page ends at a megabyte, and all of it is needed
_ROOTS = 20  # folders at the root that the list of prefixes looks into
_MOST_BENEATH = 1_000

Document: TypeAlias = MetadataDocument | ArchetypeCatalog | Prefixes
_Where: TypeAlias = tuple[str, str]  # a repository's id, and the folder of a document


@dataclass(frozen=True)
class Rendered:
    """A document as it is sent. `revision` tells it from what it was and will be."""

    body: bytes
    revision: str
    modified: datetime

    @property
    def etag(self) -> str:
        """The strong entity tag, quotes included."""
        return f'"revision:{self.revision}"'

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """Of the document itself, in hexadecimal, by algorithm."""
        return {
            name: hashlib.new(name, self.body, usedforsecurity=False).hexdigest()
            for name in ALGORITHMS
        }


class Documents:
    """Finds and remembers documents. Safe for many threads."""

    def __init__(self, metadata: Metadata, most_bytes: int = MOST_BYTES) -> None:
        self._metadata = metadata
        self._most_bytes = most_bytes
        self._bytes = 0
        self._lock = threading.Lock()
        self._remembered: OrderedDict[_Where, tuple[str, Rendered | None]] = OrderedDict()

    def find(self, repository: Repository, document: Document) -> Rendered | None:
        """A document as it is now, or None where there is nothing to say."""
        if isinstance(document, Prefixes):
            return self._prefixes(repository)
        segments = document.segments if isinstance(document, MetadataDocument) else ()
        folder = FolderPath(segments).key
        revision = self._revision(repository, folder)
        if not revision and isinstance(document, MetadataDocument):
            return None  # nothing has ever been there
        with self._lock:
            known = self._remembered.get((repository.id, folder))
            if known is not None and known[0] == revision:
                self._remembered.move_to_end((repository.id, folder))
                return known[1]
        for _ in range(_LOOKS):
            rendered = self._render(repository, document, revision)
            before, revision = revision, self._revision(repository, folder)
            if revision == before:
                self._remember((repository.id, folder), revision, rendered)
                return rendered
        return self._render(repository, document, revision)

    def newest(self, repository: Repository, wanted: MavenFile) -> ArtifactPath | None:
        """The file that is the newest of a snapshot version's, for its name without a
        timestamp: the path it lies at, or None where there is none."""
        found = newest(
            list(self._files(repository, wanted.group, wanted.artifact, wanted.version)),
            wanted.classifier,
            wanted.extension,
        )
        return None if found is None else ArtifactPath(wanted.path.folder, found.name)

    def _revision(self, repository: Repository, folder: str) -> str:
        """What the counters of a folder say, or nothing where there are none."""
        partition = keys.revisions(repository.organization, repository.id)
        page = self._metadata.query(partition, f"{folder}:")  # sixteen at most
        if not page.records:
            return ""
        said = ",".join(f"{one.key.sort[-1]}{one.value['revision']}" for one in page.records)
        return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()

    def _render(self, repository: Repository, document: Document, revision: str) -> Rendered | None:
        body, now = self._compute(repository, document), self._metadata.now()
        return None if body is None else Rendered(body, revision or "0", now)

    def _compute(self, repository: Repository, document: Document) -> bytes | None:
        match document:
            case MetadataDocument():
                return self._metadata_of(repository, document)
            case ArchetypeCatalog():
                return archetype_catalog(list(self._archetypes(repository)))
        raise LookupError("the list of prefixes has no revision")

    def _metadata_of(self, repository: Repository, document: MetadataDocument) -> bytes | None:
        if document.snapshot is not None:
            return render_snapshots(
                *document.snapshot, list(self._files(repository, *document.snapshot))
            )
        artifact = None
        if document.artifact is not None:
            files = list(self._versions(repository, *document.artifact))
            artifact = ArtifactView(*document.artifact, files) if files else None
        plugins = [] if document.group is None else self._plugins(repository, document.group)
        return render(artifact, plugins)

    def _files(
        self, repository: Repository, group: str, artifact: str, version: str
    ) -> Iterator[VersionFile]:
        """The files of a version."""
        for record in self._entries(repository, COORDINATES, group, artifact, version):
            file = _parsed(record)
            if file is not None:
                yield VersionFile(
                    file.version,
                    file.name,
                    file.stamp,
                    file.classifier,
                    file.extension,
                    _modified(record),
                )

    def _versions(self, repository: Repository, group: str, artifact: str) -> Iterator[VersionFile]:
        """The files of an artifact. What matters of each is its version, and whether it is a
        POM: the names of others are not taken apart."""
        for record in self._entries(repository, COORDINATES, group, artifact):
            _, _, version, name = record.key.sort.split(":")
            file = _parsed(record) if name.endswith(".pom") else None
            extension = "pom" if file is not None and file.is_pom else ""
            yield VersionFile(version, name, None, "", extension, _modified(record))

    def _plugins(self, repository: Repository, group: str) -> Sequence[Plugin]:
        """The plugins of a group, each as its highest version tells of itself."""
        found: dict[str, tuple[str, Plugin]] = {}
        for record in self._entries(repository, PLUGINS, group):
            _, artifact, version, _ = record.key.sort.split(":")
            known = found.get(artifact)
            if known is None or version_key(version) >= version_key(known[0]):
                value = record.value
                found[artifact] = version, Plugin(artifact, value["prefix"], value["name"])
        return [plugin for _, plugin in found.values()]

    def _archetypes(self, repository: Repository) -> Iterator[Archetype]:
        for record in self._entries(repository, ARCHETYPES):
            group, artifact, version, _ = record.key.sort.split(":")
            yield Archetype(group, artifact, version, record.value["description"])

    def _entries(self, repository: Repository, order: str, *coordinates: str) -> Iterator[Record]:
        prefix = "".join(f"{part}:" for part in coordinates)
        partition = keys.finding(repository.organization, repository.id, order)
        return self._metadata.query_all(partition, prefix, _ENTRIES)

    def _prefixes(self, repository: Repository) -> Rendered:
        """The folders in which there are files, two deep: they have a record before a file is
        in them, so that no file that is there is ever kept from being asked for."""
        roots = self._folders(repository, ())
        found = []
        for root in roots:
            beneath = [] if len(roots) > _ROOTS else self._folders(repository, (root,))
            # A group of one part has its metadata in the folder itself.
            whole = not beneath or len(beneath) > _MOST_BENEATH or self._is_group(repository, root)
            found += [f"/{root}"] if whole else [f"/{root}/{name}" for name in beneath]
        body = prefixes(found)
        revision = hashlib.blake2b(body, digest_size=16).hexdigest()
        return Rendered(body, revision, self._metadata.now())

    def _folders(self, repository: Repository, segments: tuple[str, ...]) -> list[str]:
        """The names of the folders in a folder."""
        partition = keys.folder(repository.organization, repository.id, FolderPath(segments).key)
        return [
            record.key.sort.removesuffix("/")
            for record in self._metadata.query_all(partition)
            if record.key.sort.endswith("/") and is_listed(record)
        ]

    def _is_group(self, repository: Repository, name: str) -> bool:
        partition = keys.finding(repository.organization, repository.id, COORDINATES)
        return bool(self._metadata.query(partition, f"{name}:", "", 1).records)

    def _remember(self, where: _Where, revision: str, rendered: Rendered | None) -> None:
        with self._lock:
            self._forget(where)
            self._remembered[where] = revision, rendered
            self._bytes += _weight(where, rendered)
            while self._bytes > self._most_bytes:
                self._forget(next(iter(self._remembered)))

    def _forget(self, where: _Where) -> None:
        known = self._remembered.pop(where, None)
        if known is not None:
            self._bytes -= _weight(where, known[1])


def _weight(where: _Where, rendered: Rendered | None) -> int:
    """About what is held of a document, with what it is found by."""
    return 1_000 + sum(map(len, where)) + (0 if rendered is None else len(rendered.body))


def _parsed(record: Record) -> MavenFile | None:
    """The file that an entry by coordinates leads to."""
    group, artifact, version, name = record.key.sort.split(":")
    return file_at(ArtifactPath(FolderPath((*group.split("."), artifact, version)), name))


def _modified(record: Record) -> datetime:
    return moment(record.value["modified"])
