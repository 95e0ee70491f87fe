"""How Maven repositories answer: files as raw ones do, and what is computed beside them.

Checksums and metadata are no files here. They are computed when they are asked for, and what a
client sends of them is compared.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache

from falcon import HTTP_201, Request, Response

from app.api.answers import time_text
from app.computed import Views
from app.maven.checks import Checks, ChecksumDiffers, parse_checksum
from app.maven.paths import (
    ALGORITHMS,
    ArchetypeCatalog,
    Checked,
    ChecksumFile,
    InvalidLayout,
    MavenFile,
    MavenPath,
    MetadataDocument,
    Prefixes,
    admit,
    parse,
)
from app.maven.pom import METADATA_BYTES, MetadataReader, require_room
from app.maven.views import Document, Documents, MavenRendered
from app.publishing import Artifact, DigestMismatch, Expectations
from app.publishing.expectations import NO_PRECONDITION, Precondition
from app.publishing.place import Place
from app.raw.computed import Computed, send
from app.raw.dialect import RawDialect
from app.raw.downloads import Downloads
from app.raw.terms import named
from app.repositories import ArtifactPath, FolderPath, Opened, Policy, Repository
from auth.principals import Action
from middleware.body import Body, open_body
from middleware.problems import Problem
from middleware.response_headers import put_headers
from storage.metadata import Key
from storage.metadata.recent import Recent

#: Of a 404. Maven Resolver (1.9.27, 2.0.13) takes a problem document for a transfer that failed,
#: whatever its status is, and then gives up where nothing is there yet: the first deploy of a
#: snapshot, a file that another repository has.
MISSING_TYPE = "application/json"
_CHECKSUM_BYTES = 1024
_PIECE_BYTES = 64 * 1024
_LOOKS = 3


class MavenDialect:
    """Answers for Maven repositories."""

    def __init__(self, recent: Recent, views: Views, raw: RawDialect, downloads: Downloads) -> None:
        self._recent = recent
        self._raw = raw
        self._downloads = downloads
        self._documents = Documents(recent.metadata, views)
        self._checks = Checks(recent.metadata)

    def needs(self, repository: Repository, path: ArtifactPath) -> tuple[Key, ...]:
        """The record of the file, or of the one that a checksum is of."""
        match _meaning(path):
            case ChecksumFile(of=MavenFile() as file):
                return self._raw.needs(repository, file.path)
            case ChecksumFile() | MetadataDocument() | ArchetypeCatalog() | Prefixes():
                return ()
        return self._raw.needs(repository, path)

    def get(self, req: Request, resp: Response, opened: Opened, path: ArtifactPath) -> None:
        """Send a file, a checksum or a document; a snapshot's plain name is its newest file."""
        match _meaning(path):
            case ChecksumFile() as checksum:
                self._send_checksum(req, resp, opened, path, checksum)
            case MetadataDocument() | ArchetypeCatalog() | Prefixes() as document:
                self._send_document(req, resp, opened.repository, document)
            case MavenFile(is_snapshot=True, stamp=None) as file:
                found = self._newest(opened, file)
                if found is None:
                    raise self._raw.missing()
                where, artifact = found
                # Also where it is the file of that very name: a newer one may have been there.
                self._downloads.answer(req, resp, opened.repository, where, artifact, alias=True)
            case _:
                self._raw.get(req, resp, opened, path)

    def get_folder(self, req: Request, resp: Response, opened: Opened, folder: FolderPath) -> None:
        """List a folder."""
        self._raw.get_folder(req, resp, opened, folder)

    def needs_to_write(self, repository: Repository, path: ArtifactPath) -> tuple[Key, ...]:
        """What decides on the file, or on the one that a checksum is of."""
        match _meaning(path):
            case ChecksumFile(of=MavenFile() as file):
                place = Place.at(repository, file.path)
                return (place.key, *(() if place.announced is None else (place.announced,)))
            case ChecksumFile() | MetadataDocument() | ArchetypeCatalog() | Prefixes():
                return ()
        return self._raw.needs_to_write(repository, path)

    def put(
        self,
        req: Request,
        resp: Response,
        opened: Opened,
        path: ArtifactPath,
        terms: tuple[Expectations, Precondition],
    ) -> None:
        """Publish a file; compare a checksum; check metadata. Raises Refused."""
        meaning = parse(path)
        admit(opened.repository.policy or Policy.MIXED, meaning)
        expectations, precondition = terms
        match meaning:
            case ChecksumFile(of=of, algorithm=algorithm):
                precondition.check(None)
                sent = _read_checksum(path, open_body(req.env))
                digests, size = _digests_of(sent), len(sent)
                _hold(expectations, digests)
                self._compare(opened, of, algorithm, parse_checksum(str(of.path), algorithm, sent))
            case MetadataDocument():
                if precondition != NO_PRECONDITION:
                    precondition.check(self._documents.find(opened.repository, meaning))
                digests, size = _take(meaning, open_body(req.env))
                _hold(expectations, digests)
                self._checks.remember(opened.repository, str(path), digests)
            case _:
                self._raw.put(req, resp, opened, path, terms)
                return
        resp.status = HTTP_201
        resp.media = {
            "path": str(path),
            "size": size,
            "modified": time_text(self._recent.metadata.now()),
            "digests": digests,
        }

    def delete(
        self,
        req: Request,
        resp: Response,
        opened: Opened,
        path: ArtifactPath,
        precondition: Precondition,
    ) -> None:
        """Delete a file. What is computed goes with the files that it tells of."""
        meaning = _meaning(path)
        if meaning is not None and not isinstance(meaning, MavenFile):
            raise Problem(
                405,
                "Method Not Allowed",
                "This is computed here, and goes with the files that it tells of: delete those.",
                {"Allow": "GET, HEAD, PUT"},
            )
        self._raw.delete(req, resp, opened, path, precondition)

    def _newest(self, opened: Opened, file: MavenFile) -> tuple[ArtifactPath, Artifact] | None:
        """What the plain name of a snapshot stands for, and where it lies."""
        for _ in range(_LOOKS):
            path = self._documents.newest(opened.repository, file)
            if path is None:
                return None
            (key,) = self._raw.needs(opened.repository, path)
            record = opened.records.get(key) or self._recent.get(key).get(key)
            if record is not None:
                return path, Artifact.read(record)
        return None  # deleted each time between the two

    def _send_checksum(
        self,
        req: Request,
        resp: Response,
        opened: Opened,
        path: ArtifactPath,
        checksum: ChecksumFile,
    ) -> None:
        algorithm = checksum.algorithm
        found = self._find(opened, checksum.of)
        if found is None or algorithm not in found.digests:
            raise self._raw.missing()
        digest = found.digests[algorithm]
        etag = f'"{algorithm}:{digest}"'
        computed = Computed(path.name, digest.encode(), etag, found.modified)
        send(req, resp, opened.repository, computed)

    def _find(self, opened: Opened, of: Checked) -> Artifact | MavenRendered | None:
        """A file or document, None where there is none."""
        match of:
            case MavenFile(is_snapshot=True, stamp=None):
                found = self._newest(opened, of)
                return None if found is None else found[1]
            case MavenFile():
                for record in opened.records.values():
                    return Artifact.read(record)
                return None
        return self._documents.find(opened.repository, of)

    def _send_document(
        self, req: Request, resp: Response, repository: Repository, document: Document
    ) -> None:
        found = self._documents.find(repository, document)
        if found is None:
            raise self._raw.missing()
        put_headers(resp, found.headers)
        name = document.path.name
        send(req, resp, repository, Computed(name, found.body, found.etag, found.modified))

    def _compare(self, opened: Opened, of: Checked, algorithm: str, digest: str) -> None:
        repository = opened.repository
        match of:
            case MavenFile():
                place = Place.at(repository, of.path)
                reads = named(opened).may(repository, Action.READ)
                self._checks.of_file(place, opened.records, (algorithm, digest), reads=reads)
            case MetadataDocument():

                def served() -> str | None:
                    rendered = self._documents.find(repository, of)
                    return None if rendered is None else rendered.digests[algorithm]

                self._checks.of_document(repository, str(of.path), (algorithm, digest), served)
            case _:
                raise InvalidLayout(f"'{of.path}' is computed here, and so are its checksums")


@lru_cache(maxsize=4096)  # each request asks it twice, and builds ask for the same again and again
def _meaning(path: ArtifactPath) -> MavenPath | None:
    """What a path means, None where nothing can be there but a folder."""
    try:
        return parse(path)
    except InvalidLayout:
        return None


def _read_checksum(path: ArtifactPath, body: Body) -> bytes:
    """A checksum file, bounded."""
    memory = bytearray(_CHECKSUM_BYTES + 1)
    count = body.readinto(memoryview(memory))
    if count > _CHECKSUM_BYTES:
        raise ChecksumDiffers(f"{path}: a checksum file takes at most {_CHECKSUM_BYTES} bytes")
    return bytes(memory[:count])


def _take(document: MetadataDocument, body: Body) -> tuple[dict[str, str], int]:
    """Check a document as it comes, and hold no more than a piece of it: its digests and size.

    Raises InvalidMetadata.
    """
    require_room(str(document.path), body.length, METADATA_BYTES)
    reader = MetadataReader(document)
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in ALGORITHMS}
    size, view = 0, memoryview(bytearray(_PIECE_BYTES))
    while count := body.readinto(view):
        reader.feed(view[:count])
        size += count
        for digest in hashes.values():
            digest.update(view[:count])
    reader.finish()
    return {name: digest.hexdigest() for name, digest in hashes.items()}, size


def _digests_of(data: bytes) -> dict[str, str]:
    return {name: hashlib.new(name, data, usedforsecurity=False).hexdigest() for name in ALGORITHMS}


def _hold(expectations: Expectations, digests: Mapping[str, str]) -> None:
    """Raise DigestMismatch where what was announced of a body does not hold."""
    for name, expected in expectations.digests:
        if digests[name] != expected:
            raise DigestMismatch(name, expected, digests[name])
