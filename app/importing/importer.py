"""Takes one file: compares it with what is there, and publishes it where that is needed.

All of a file is decided by what is read right before it, the repository's rules included, as
where a client sends it.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.importing.folder import Found
from app.importing.lookup import LookUp
from app.importing.report import Outcome
from app.importing.source import Source, Unreadable, digests_of, read_checksum
from app.publishing import (
    Artifact,
    ArtifactExists,
    Contended,
    DigestMismatch,
    Expectations,
    PreconditionFailed,
    Publication,
    Publisher,
)
from app.publishing.expectations import NO_PRECONDITION, Precondition
from app.publishing.place import Place
from app.repositories import ArtifactPath, InvalidName, Refused, Repository, RepositoryMissing
from app.usage import QuotaExceeded
from storage import keys
from storage.blobs import UploadTooLarge
from storage.events import Actor
from storage.metadata import Key, Metadata, Record

#: Nothing may be there.
_NEW = Precondition(none_match=("*",))


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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` gives seconds that never go back."""
        self._metadata = metadata
        self._publisher = publisher
        self._repository = repository
        self._actor = actor
        self._dry = dry
        self._clock = clock

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

    def look_up(self, candidates: Iterable[Candidate]) -> LookUp:
        """What is there of them already, read when the first of them is taken."""
        return LookUp(self._metadata, [one.place.key for one in candidates], self._clock)

    def take(
        self,
        candidate: Candidate,
        there: LookUp,
        moved: Callable[[int], None] = lambda _: None,
    ) -> Outcome:
        """Take a file. `there` is a `look_up` it was in; `moved` is told how far it is read.

        Raises:
            NotTaken: nothing is stored of it.
            RepositoryMissing: it was deleted meanwhile.
            What the stores raise, and Contended and TooLate: it may be taken again.
        """
        expectations = Expectations()
        try:
            expectations = _expectations(candidate)
            with Source(candidate.found, moved) as source:
                known = candidate.place.artifact_in(there.records(candidate.place.key))
                sha256 = None if known is None else _compared(source, known, expectations)
                # Asked again, because a large file is compared for longer than an answer holds.
                if sha256 is not None and _is_there(
                    sha256, candidate.place, there.records(candidate.place.key)
                ):
                    return Outcome.THERE
                return self._publish(candidate.place.path, source, expectations, sha256)
        except DigestMismatch as error:
            raise NotTaken(_differing(error, expectations)) from error
        except ArtifactExists as error:
            raise NotTaken(
                "other bytes are under this path already, and the repository does not allow"
                " overwriting"
            ) from error
        except PreconditionFailed as error:
            raise Contended("another file came under this path meanwhile") from error
        except (Unreadable, Refused, QuotaExceeded, UploadTooLarge) as error:
            raise NotTaken(str(error)) from error

    def _publish(
        self, path: ArtifactPath, source: Source, expectations: Expectations, sha256: str | None
    ) -> Outcome:
        """Publish a file, whose digest may be known already, unless something is there."""
        repository, records = self._read(path)
        place = Place.at(repository, path)
        known = place.artifact_in(records)
        if known is not None and not repository.overwrite:
            sha256 = sha256 or _compared(source, known, expectations)
            if sha256 != known.sha256:
                raise ArtifactExists(str(place))  # before its bytes are stored for nothing
            return Outcome.THERE
        # The format lets a client write a snapshot over and over; what lies in a folder may be
        # older than what was deployed since.
        terms = _NEW if place.overwrite and not repository.overwrite else NO_PRECONDITION
        publication = Publication(place, self._actor, expectations, terms)
        source.rewind()
        if self._dry:
            return self._rehearse(publication, source, known, records)
        published = self._publisher.publish(publication, source, records)
        # The same bytes may have come from somebody else meanwhile: another import, say.
        before = published.artifact.sha256 if known is None else known.sha256
        changed = published.created or before != published.artifact.sha256
        return Outcome.IMPORTED if changed else Outcome.THERE

    def _read(self, path: ArtifactPath) -> tuple[Repository, Mapping[Key, Record]]:
        """The repository with the rules that count now, and what decides on a file: one read.

        Raises RepositoryMissing: into one that is gone nothing may come.
        """
        known = self._repository
        named = keys.repository(known.organization, known.name)
        records = self._metadata.get(named, *Place.at(known, path).keys())
        record = records.get(named)
        if record is None or record.value["id"] != known.id:
            raise RepositoryMissing(known.name)
        return Repository.read(known.organization, record), records

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
        return Outcome.IMPORTED


def _expectations(candidate: Candidate) -> Expectations:
    """What the checksum files beside a file say of it. Raises Unreadable."""
    return Expectations(
        tuple((name, read_checksum(found, name)) for name, found in candidate.checksums)
    )


def _is_there(sha256: str, place: Place, records: Mapping[Key, Record]) -> bool:
    known = place.artifact_in(records)
    return known is not None and known.sha256 == sha256


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
