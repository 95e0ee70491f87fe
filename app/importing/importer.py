"""Takes one file: compares it with what is there, and publishes it where that is needed.

All of a file is decided by what is read right before it, the repository's rules included, as
where a client sends it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.importing.folder import Found
from app.importing.report import Outcome
from app.importing.source import Source, Unreadable, digests_of, read_checksum
from app.publishing import (
    Artifact,
    ArtifactExists,
    DigestMismatch,
    Expectations,
    Publication,
    Publisher,
)
from app.publishing.place import Place
from app.repositories import ArtifactPath, InvalidName, Refused, Repository, RepositoryMissing
from app.usage import QuotaExceeded
from storage import keys
from storage.blobs import UploadTooLarge
from storage.events import Actor
from storage.metadata import Key, Metadata, Record

_READ_AT_ONCE = 100  # as many records as one get reads


class NotTaken(Exception):
    """A file that is refused; the message says why. The others are not concerned."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be published, where to, and its checksum files with their algorithms."""

    found: Found
    place: Place
    checksums: tuple[tuple[str, Found], ...]


class Importer:
    """Takes files into one repository. Safe for many threads.

    With `dry` it does the same up to where something would be stored.
    """

    def __init__(
        self,
        metadata: Metadata,
        publisher: Publisher,
        repository: Repository,
        actor: Actor,
        *,
        dry: bool = False,
    ) -> None:
        self._metadata = metadata
        self._publisher = publisher
        self._repository = repository
        self._actor = actor
        self._dry = dry

    def candidate(self, found: Found, checksums: Iterable[tuple[str, Found]]) -> Candidate:
        """A file that was found as one that may be published. Raises NotTaken."""
        if found.problem is not None:
            raise NotTaken(found.problem)
        try:
            place = Place.at(self._repository, ArtifactPath.parse(found.path))
            place.check(found.size)
        except (InvalidName, Refused) as error:
            raise NotTaken(str(error)) from error
        return Candidate(found, place, tuple(checksums))

    def look_up(self, candidates: Iterable[Candidate]) -> Mapping[Key, Record]:
        """What is there of them already: one read for 100."""
        wanted = [one.place.key for one in candidates]
        records: dict[Key, Record] = {}
        for start in range(0, len(wanted), _READ_AT_ONCE):
            records |= self._metadata.get(*wanted[start : start + _READ_AT_ONCE])
        return records

    def take(
        self,
        candidate: Candidate,
        records: Mapping[Key, Record],
        moved: Callable[[int], None] = lambda _: None,
    ) -> Outcome:
        """Take a file. `records` are those of `look_up`; `moved` is told how far it is read.

        Raises:
            NotTaken: nothing is stored of it.
            RepositoryMissing: it was deleted meanwhile.
            What the stores raise, and Contended and TooLate: it may be taken again.
        """
        expectations = Expectations()
        try:
            expectations = _expectations(candidate)
            with Source(candidate.found, moved) as source:
                known = candidate.place.artifact_in(records)
                sha256 = None if known is None else _compared(source, known, expectations)
                if known is not None and sha256 == known.sha256:
                    return Outcome.THERE
                source.rewind()
                return self._publish(candidate.place.path, source, expectations, sha256)
        except DigestMismatch as error:
            raise NotTaken(_differing(error, expectations)) from error
        except ArtifactExists as error:
            raise NotTaken(
                "other bytes are under this path already, and the repository does not allow"
                " overwriting"
            ) from error
        except (Unreadable, Refused, QuotaExceeded, UploadTooLarge) as error:
            raise NotTaken(str(error)) from error

    def _publish(
        self, path: ArtifactPath, source: Source, expectations: Expectations, sha256: str | None
    ) -> Outcome:
        """Publish a file, whose digest may be known already."""
        place, records = self._read(path)
        known = place.artifact_in(records)
        if known is not None and not place.overwrite and sha256 not in (None, known.sha256):
            raise ArtifactExists(str(place))  # before its bytes are stored for nothing
        publication = Publication(place, self._actor, expectations)
        if self._dry:
            return self._rehearse(publication, source, known, records)
        published = self._publisher.publish(publication, source, records)
        # The same bytes may have come from somebody else meanwhile: another import, say.
        before = published.artifact.sha256 if known is None else known.sha256
        new = published.created or before != published.artifact.sha256
        return Outcome.IMPORTED if new else Outcome.THERE

    def _read(self, path: ArtifactPath) -> tuple[Place, Mapping[Key, Record]]:
        """Where the file goes by the rules that count now, and what decides on it: one read.

        Raises RepositoryMissing: into one that is gone nothing may come.
        """
        known = self._repository
        named = keys.repository(known.organization, known.name)
        records = self._metadata.get(named, *Place.at(known, path).keys())
        record = records.get(named)
        if record is None or record.value["id"] != known.id:
            raise RepositoryMissing(known.name)
        return Place.at(Repository.read(known.organization, record), path), records

    def _rehearse(
        self,
        publication: Publication,
        source: Source,
        known: Artifact | None,
        records: Mapping[Key, Record],
    ) -> Outcome:
        """What publishing would come to, as far as it can be told without it."""
        place = publication.place
        self._publisher.foresee(publication, source.length, records)
        reading = place.layout.reading(place.path)
        digests = digests_of(
            source,
            ("sha256", *publication.expectations.algorithms),
            (lambda _: None) if reading is None else reading.feed,
        )
        _hold(publication.expectations, digests)
        if reading is not None:
            reading.finish(source.length, source.read_at)
        if known is not None and known.sha256 == digests["sha256"]:
            return Outcome.THERE
        if known is not None and not place.overwrite:
            raise ArtifactExists(str(place))
        return Outcome.IMPORTED


def _expectations(candidate: Candidate) -> Expectations:
    """What the checksum files beside a file say of it. Raises Unreadable."""
    return Expectations(
        tuple((name, read_checksum(found, name)) for name, found in candidate.checksums)
    )


def _compared(source: Source, known: Artifact, expectations: Expectations) -> str | None:
    """The digest of a file that may be the one that is there, None where the sizes tell that it
    is not. Raises DigestMismatch, Unreadable."""
    if known.size != source.length:
        return None
    digests = digests_of(source, ("sha256", *expectations.algorithms))
    _hold(expectations, digests)
    return digests["sha256"]


def _hold(expectations: Expectations, digests: Mapping[str, str]) -> None:
    for name, expected in expectations.digests:
        if digests[name] != expected:
            raise DigestMismatch(name, expected, digests[name])


def _differing(error: DigestMismatch, expectations: Expectations) -> str:
    if (error.algorithm, error.expected) not in expectations.digests:
        return str(error)  # a client announced another file, within the last hour
    return (
        f"its .{error.algorithm} file says {error.expected}, and its bytes have {error.computed}:"
        " one of the two is damaged"
    )
