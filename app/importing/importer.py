"""Takes one file: compares it with what is there, and publishes it where that is needed.

All of a file is decided by what is read right before it, the repository's rules included, as
where a client sends it.
"""

import time
from collections.abc import Callable, Iterable, Mapping

from app.importing.candidate import Candidate, Content, Moved, NotTaken
from app.importing.lookup import LookUp
from app.importing.report import Outcome
from app.publishing import (
    ArtifactExists,
    Contended,
    DigestMismatch,
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
        self._clock = clock
        self.dry = dry

    def place(self, path: str, size: int | None) -> Place:
        """Where a file of that size, if it is known, may be published. Raises NotTaken."""
        try:
            place = Place.at(self._repository, ArtifactPath.parse(path))
            place.check(size)
        except (InvalidName, Refused) as error:
            raise NotTaken(str(error)) from error
        return place

    def look_up(self, candidates: Iterable[Candidate]) -> LookUp:
        """What is there of them already, read when the first of them is taken."""
        return LookUp(self._metadata, [one.place.key for one in candidates], self._clock)

    def take(self, candidate: Candidate, there: LookUp, moved: Moved = lambda _: None) -> Outcome:
        """Take a file. `there` is a `look_up` it was in; `moved` is told how far it is read.

        Raises:
            NotTaken: nothing is stored of it.
            RepositoryMissing: it was deleted meanwhile.
            What the stores raise, and Contended and TooLate: it may be taken again.
            OutgoingError: its bytes did not come; where that `passes`, too.
        """
        try:
            with candidate.open(moved) as content:
                return self._take(candidate, content, there)
        except ArtifactExists as error:
            raise NotTaken(
                "other bytes are under this path already, and the repository does not allow"
                " overwriting"
            ) from error
        except PreconditionFailed as error:
            raise Contended("another file came under this path meanwhile") from error
        except (Refused, QuotaExceeded, UploadTooLarge) as error:
            raise NotTaken(str(error)) from error

    def _take(self, candidate: Candidate, content: Content, there: LookUp) -> Outcome:
        place = candidate.place
        try:
            known = place.artifact_in(there.records(place.key))
            if known is not None and content.is_as(known):
                # Asked again, because a large file is compared for longer than an answer holds.
                now = place.artifact_in(there.records(place.key))
                if now is not None and now.sha256 == known.sha256:
                    return Outcome.THERE
            return self._publish(candidate, content)
        except DigestMismatch as error:
            if (error.algorithm, error.expected) not in content.said.digests:
                raise NotTaken(str(error)) from error  # a client announced another file
            raise NotTaken(content.differing(error)) from error

    def _publish(self, candidate: Candidate, content: Content) -> Outcome:
        """Publish a file, unless the same is there."""
        repository, records = self._read(candidate.place.path)
        place = Place.at(repository, candidate.place.path)
        known = place.artifact_in(records)
        if known is not None:
            same = content.is_as(known)
            if same:
                return Outcome.THERE
            if same is False and not repository.overwrite:
                raise ArtifactExists(str(place))  # before its bytes are stored for nothing
        # The format lets a client write a snapshot over and over; what lies in a folder may be
        # older than what was deployed since.
        terms = _NEW if place.overwrite and not repository.overwrite else NO_PRECONDITION
        publication = Publication(place, self._actor, content.said, terms, marks=candidate.marks)
        self._publisher.foresee(publication, content.length, records)  # before a body is fetched
        if self.dry:
            sha256 = content.rehearse(place.layout.reading(place.path))
            same = known is not None and known.sha256 == sha256
            return Outcome.THERE if same else Outcome.IMPORTED
        with content.body() as body:
            published = self._publisher.publish(publication, body, records)
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
