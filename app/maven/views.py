"""Documents that are computed of a Maven repository's records, each under a revision.

Every change of a file raises a counter of the folders whose documents tell of it, in the same
commit. What the counters of a folder say is the revision of its document: it is read first, and
where it is that of a document in memory, that is the answer. Else the document is computed, and
the counters are read again: a document that was computed while files came and went is computed
anew.

DynamoDB shows the records of a commit one by one, within moments, so that a counter may be seen
before the entry that it tells of. So a document is remembered only if its revision had been seen
for a while when it was computed; until then it is given to those alone who were waiting for it.
"""

import hashlib
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import islice
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
from storage.metadata import Metadata, Record, Unavailable
from storage.metadata.operations import moment

#: Of rendered documents that are remembered in a process.
MOST_BYTES = 32 * 1024 * 1024
#: For how long a revision has to be seen before its document is taken for final.
SETTLED_SECONDS = 2.0
_TURNS = 64
_TURN_SECONDS = 10.0
_ENTRIES = 20_000  # at once: a page ends at a megabyte, and all of it is needed
_ROOTS = 20  # folders at the root that the list of prefixes looks into
_MOST_BENEATH = 1_000

Document: TypeAlias = MetadataDocument | ArchetypeCatalog | Prefixes
_Where: TypeAlias = tuple[str, str]  # a repository's id, and the folder of a document


@dataclass(frozen=True)
class Rendered:
    """A document as it is sent. `revision` tells it from what it was and will be.

    `newest` are the names of the newest files of a snapshot version, by their classifier and
    extension; of other documents there are none.
    """

    body: bytes
    revision: str
    modified: datetime
    newest: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @cached_property
    def etag(self) -> str:
        """The strong entity tag, quotes included. It has the body's digest too: what was
        computed a moment too early has another one."""
        said = hashlib.blake2b(self.body, digest_size=8).hexdigest()
        return f'"revision:{self.revision}{said}"'

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


@dataclass(frozen=True, slots=True)
class _Known:
    """A document in memory. `seen` is when its revision was seen first, `began` when it began to
    be computed, by a clock that never goes back."""

    revision: str
    seen: float
    began: float
    rendered: Rendered | None

    def serves(self, revision: str, arrived: float) -> bool:
        """Whether it is the answer to who came then: begun since, or of the revision that he
        has read, where that is final."""
        settled = self.began - self.seen >= SETTLED_SECONDS
        return self.began >= arrived or (settled and self.revision == revision)


class Documents:
    """Finds and remembers documents. Safe for many threads."""

    def __init__(self, metadata: Metadata, most_bytes: int = MOST_BYTES) -> None:
        self._metadata = metadata
        self._most_bytes = most_bytes
        self._bytes = 0
        self._lock = threading.Lock()
        self._remembered: OrderedDict[_Where, _Known] = OrderedDict()
        # Whoever computes a document holds one of these: others wait, and have it too.
        self._turns = tuple(threading.Lock() for _ in range(_TURNS))

    def find(self, repository: Repository, document: Document) -> Rendered | None:
        """A document as it is now, or None where there is nothing to say."""
        arrived = time.monotonic()
        if isinstance(document, Prefixes):
            return self._prefixes(repository)
        segments = document.segments if isinstance(document, MetadataDocument) else ()
        where = repository.id, FolderPath(segments).key
        revision = self._revision(repository, where[1])
        if not revision and isinstance(document, MetadataDocument):
            return None  # nothing has ever been there
        known = self._known(where)
        if known is None or not known.serves(revision, arrived):
            with self._turn(where):
                known = self._known(where)
                if known is None or not known.serves(revision, arrived):
                    known = self._renew(repository, document, where, revision)
        return known.rendered

    @contextmanager
    def _turn(self, where: _Where) -> Iterator[None]:
        """Within it nobody else computes the document. Raises Unavailable after a while: then the
        store is ill, and those who wait for it must not fail one after the other."""
        turn = self._turns[hash(where) % _TURNS]
        if not turn.acquire(timeout=_TURN_SECONDS):
            raise Unavailable("a document is being computed for longer than anybody can wait")
        try:
            yield
        finally:
            turn.release()

    def newest(self, repository: Repository, wanted: MavenFile) -> ArtifactPath | None:
        """The file that is the newest of a snapshot version's, for its name without a
        timestamp: the path it lies at, or None where there is none."""
        folder = wanted.path.folder
        rendered = self.find(repository, MetadataDocument(folder.segments))
        if rendered is None:
            return None
        name = rendered.newest.get((wanted.classifier, wanted.extension))
        return None if name is None else ArtifactPath(folder, name)

    def _renew(
        self, repository: Repository, document: Document, where: _Where, revision: str
    ) -> _Known:
        """Compute a document, once more where it changed meanwhile."""
        made, revision = self._made(repository, document, where, revision)
        if made.revision != revision:
            made, _ = self._made(repository, document, where, revision)
        # Also where it changed again: those who wait came before it was begun, and counters only
        # rise, so that nobody will read the revision of one that is outdated.
        self._remember(where, made)
        return made

    def _made(
        self, repository: Repository, document: Document, where: _Where, revision: str
    ) -> tuple[_Known, str]:
        """A document under a revision that was read, and the revision behind that."""
        known, began = self._known(where), time.monotonic()
        seen = known.seen if known is not None and known.revision == revision else began
        made = _Known(revision, seen, began, self._render(repository, document, revision))
        return made, self._revision(repository, where[1])

    def _revision(self, repository: Repository, folder: str) -> str:
        """What the counters of a folder say, or nothing where there are none."""
        partition = keys.revisions(repository.organization, repository.id)
        page = self._metadata.query(partition, f"{folder}:")  # a few at most
        if not page.records:
            return ""
        said = ",".join(f"{one.key.sort[-1]}{one.value['revision']}" for one in page.records)
        return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()

    def _render(self, repository: Repository, document: Document, revision: str) -> Rendered | None:
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
        return None if body is None else Rendered(body, revision or "0", now, newest_files)

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

    def _known(self, where: _Where) -> _Known | None:
        with self._lock:
            known = self._remembered.get(where)
            if known is not None:
                self._remembered.move_to_end(where)
            return known

    def _remember(self, where: _Where, known: _Known) -> None:
        with self._lock:
            self._forget(where)
            self._remembered[where] = known
            self._bytes += _weight(where, known)
            while self._bytes > self._most_bytes:
                self._forget(next(iter(self._remembered)))

    def _forget(self, where: _Where) -> None:
        known = self._remembered.pop(where, None)
        if known is not None:
            self._bytes -= _weight(where, known)


def _weight(where: _Where, known: _Known) -> int:
    """About what is held of a document, with what it is found by."""
    rendered = known.rendered
    body = 0 if rendered is None else len(rendered.body) * (2 if rendered.newest else 1)
    return 1_000 + sum(map(len, where)) + body


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
