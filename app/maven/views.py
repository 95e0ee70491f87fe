"""Documents that are computed of a Maven repository's records (`app/computed`)."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import TypeAlias

from app.computed import Rendered, View, Views
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

_ENTRIES = 20_000  # at once: a page ends at a megabyte, and all of it is needed
_ROOTS = 20  # folders at the root that the list of prefixes looks into
_MOST_BENEATH = 1_000

Document: TypeAlias = MetadataDocument | ArchetypeCatalog | Prefixes


@dataclass(frozen=True)
class MavenRendered(Rendered):
    """A document with its digests.

    `newest` are the names of the newest files of a snapshot version, by their classifier and
    extension; of other documents there are none.
    """

    newest: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """About how many bytes of memory it takes."""
        return len(self.body) * (2 if self.newest else 1)

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """Those that tell the digests, names in lower case."""
        return {f"x-checksum-{name}": digest for name, digest in self.digests.items()}

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """Of the document itself, in hexadecimal, by algorithm."""
        return {
            name: hashlib.new(name, self.body, usedforsecurity=False).hexdigest()
            for name in ALGORITHMS
        }


class Documents:
    """Finds and remembers documents. Safe for many threads."""

    def __init__(self, metadata: Metadata, views: Views) -> None:
        self._metadata = metadata
        self._views = views

    def find(self, repository: Repository, document: Document) -> MavenRendered | None:
        """A document as it is now, or None where there is nothing to say."""
        if isinstance(document, Prefixes):
            return self._prefixes(repository)
        named = isinstance(document, MetadataDocument)
        segments = document.segments if isinstance(document, MetadataDocument) else ()
        rendered = self._views.find(
            View(repository, FolderPath(segments).key),
            lambda revision: self._render(repository, document, revision),
            unwritten=not named,
        )
        return rendered if isinstance(rendered, MavenRendered) else None

    def newest(self, repository: Repository, wanted: MavenFile) -> ArtifactPath | None:
        """The file that is the newest of a snapshot version's, for its name without a
        timestamp: the path it lies at, or None where there is none."""
        folder = wanted.path.folder
        rendered = self.find(repository, MetadataDocument(folder.segments))
        if rendered is None:
            return None
        name = rendered.newest.get((wanted.classifier, wanted.extension))
        return None if name is None else ArtifactPath(folder, name)

    def _render(
        self, repository: Repository, document: Document, revision: str
    ) -> MavenRendered | None:
        now = self._metadata.now()
        newest_files: Mapping[tuple[str, str], str] = {}
        match document:
            case MetadataDocument() if document.snapshot is not None:
                files = list(self._files(repository, *document.snapshot))
                body = render_snapshots(*document.snapshot, files)
                newest_files = _newest_files(files)
            case MetadataDocument():
                body = self._metadata_of(repository, document)
            case _:
                body = archetype_catalog(list(self._archetypes(repository)))
        return None if body is None else MavenRendered(body, revision, now, newest_files)

    def _metadata_of(self, repository: Repository, document: MetadataDocument) -> bytes | None:
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

    def _prefixes(self, repository: Repository) -> MavenRendered:
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
        return MavenRendered(body, revision, self._metadata.now())

    def _folders(self, repository: Repository, segments: tuple[str, ...]) -> list[str]:
        """The names of the folders in a folder, the first of many."""
        partition = keys.folder(repository.organization, repository.id, FolderPath(segments).key)
        names = (
            record.key.sort.removesuffix("/")
            for record in self._metadata.query_all(partition)
            if record.key.sort.endswith("/") and is_listed(record)
        )
        return list(islice(names, _MOST_BENEATH + 1))

    def _is_group(self, repository: Repository, name: str) -> bool:
        partition = keys.finding(repository.organization, repository.id, COORDINATES)
        return bool(self._metadata.query(partition, f"{name}:", "", 1).records)


def _newest_files(files: Iterable[VersionFile]) -> dict[tuple[str, str], str]:
    """The names of the newest files, by classifier and extension."""
    kinds: defaultdict[tuple[str, str], list[VersionFile]] = defaultdict(list)
    for file in files:
        kinds[file.classifier, file.extension].append(file)
    found = {kind: newest(some, *kind) for kind, some in kinds.items()}
    return {kind: file.name for kind, file in found.items() if file is not None}


def _parsed(record: Record) -> MavenFile | None:
    """The file that an entry by coordinates leads to."""
    group, artifact, version, name = record.key.sort.split(":")
    return file_at(ArtifactPath(FolderPath((*group.split("."), artifact, version)), name))


def _modified(record: Record) -> datetime:
    return moment(record.value["modified"])
