"""Publishes: receives the bytes, then makes them visible in one commit, or not at all.

The commit is decided with what was read before the body. Where a record changed since, the
failed condition carries it, and the decision is made anew with that, a few times at most.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from app.publishing.afresh import afresh
from app.publishing.artifact import Artifact
from app.publishing.changes import Changes
from app.publishing.demanded import Demanded
from app.publishing.errors import ArtifactExists, Contended, PublishingError
from app.publishing.place import Place
from app.publishing.publication import Publication, Published
from app.publishing.receiving import Body, Demands, Received, Receiver
from app.repositories import Refused, RepositoryMissing
from app.usage import Funding, QuotaExceeded, Quotas
from storage import keys
from storage.blobs import BlobError
from storage.events import Journal
from storage.metadata import (
    ConditionFailed,
    Key,
    Metadata,
    MetadataError,
    Operation,
    OutcomeUnknown,
    Record,
)

_log = logging.getLogger(__name__)

#: Others changed the artifact, or its blob, or took the room for it, in between as many times.
DECISIONS = 24


class Publisher:
    """The one way in which a file comes into a repository."""

    def __init__(
        self,
        receiver: Receiver,
        metadata: Metadata,
        journal: Journal,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """`clock` stands for the store's time, by which the times of files can be compared."""
        self._receiver = receiver
        self._metadata = metadata
        self._journal = journal
        self.clock = clock or metadata.now
        self._quotas = Quotas(metadata, journal)

    def publish(
        self, publication: Publication, body: Body, records: Mapping[Key, Record]
    ) -> Published:
        """Publish a body.

        Args:
            publication: where it goes and what must hold.
            body: its bytes; its length where the client announced one.
            records: what was read of `place.keys()`, no older than the request.

        Raises:
            PreconditionFailed, ArtifactExists, DigestMismatch, QuotaExceeded, Contended:
                nothing is stored. So it is with RepositoryMissing: it was deleted meanwhile;
                and with what the layout raises.
        """
        place = publication.place
        began = self.clock()
        self.foresee(publication, body.length, records)
        received = self._receiver.receive(
            place.organization,
            body,
            Demands.of(place, publication.expectations),
            self._gauge(place, body.length, records),
        )
        try:
            publication, records = self.afresh(publication, records, began)
            published = self.commit(publication, received, records)
        except OutcomeUnknown:
            raise  # the bytes may be in use; if they are not, collection finds them
        except (PublishingError, Refused, RepositoryMissing, QuotaExceeded, MetadataError):
            self.drop(received.blobs)
            raise
        self.drop_unused(received, published)
        return published

    def afresh(
        self, publication: Publication, records: Mapping[Key, Record], read: datetime
    ) -> tuple[Publication, Mapping[Key, Record]]:
        """What is published, by the rules that count now, and the records that decide on it:
        those that were read at that time (of `clock`), unless that was long ago.

        Raises RepositoryMissing.
        """
        place, records = afresh(self._metadata, publication.place, records, self.clock() - read)
        return replace(publication, place=place), records

    def foresee(
        self, publication: Publication, length: int | None, records: Mapping[Key, Record]
    ) -> None:
        """Refuse before the body what would be refused behind it; raises as `publish` does."""
        place = publication.place
        place.check(length)
        demanded = Demanded.at(place, records)
        known = self._known(place, demanded, records)
        demanded.foresee(place, known)
        publication.precondition.check(known)
        if known is not None and not place.overwrite and length not in (None, known.size):
            raise ArtifactExists(str(place))  # it can't be the same bytes
        if length is not None and (known is None or length != known.size):
            self._quotas.admit(place.counters, length, records)

    def foresee_growth(self, place: Place, size: int, records: Mapping[Key, Record]) -> None:
        """Refuse what is `size` bytes long so far, of a length that nobody knows yet, where
        even that does not fit. Raises QuotaExceeded."""
        known = place.artifact_in(records)
        if known is None or size > known.size:  # else it may be the same bytes
            self._quotas.admit(place.counters, size, records)

    def commit(
        self, publication: Publication, received: Received, records: Mapping[Key, Record]
    ) -> Published:
        """Make bytes that are complete in the blob store visible.

        They stay the caller's where it raises, and where the artifact refers to others:
        then the same are known already, and these are of no use.

        Raises:
            PreconditionFailed, ArtifactExists, QuotaExceeded, Contended: nothing is visible.
            ConditionFailed: of what `publication.besides` gave; nothing is visible.
        """
        place = publication.place
        place.check(received.size)
        demanded = Demanded.at(place, records)
        known = self._known(place, demanded, records)
        demanded.check(place, received.digests, known)
        self._make_folders(place, records)
        funding = self._quotas.own_funding(place.counters, records)
        return self._decide(publication, received, known, funding, demanded)

    def _gauge(
        self, place: Place, length: int | None, records: Mapping[Key, Record]
    ) -> Callable[[int], None]:
        """What tells a body that came without its length that it grows past a quota."""
        if length is not None:
            return lambda _: None  # it was foreseen
        known = place.artifact_in(records)
        return self._quotas.gauge(place.counters, records, 0 if known is None else known.size)

    def _make_folders(self, place: Place, records: Mapping[Key, Record]) -> None:
        """Make folders known to listings before there is a file in them, and after the body
        was found good: what is refused leaves no record."""
        missing = place.missing_folders(records, self.clock())
        if missing:
            self._metadata.commit(*missing)

    def _decide(
        self,
        publication: Publication,
        received: Received,
        known: Artifact | None,
        funding: Funding,
        demanded: Demanded,
    ) -> Published:
        blobs: dict[str, Record] = {}  # those of the same bytes that are known, by SHA-256
        current = False  # whether `known` was read behind the body
        for _ in range(DECISIONS):
            self._receiver.require_timely(received)
            publication.precondition.check(known)
            if known is not None and known.sha256 == received.digests["sha256"]:
                if current:
                    return Published(known, created=False)
                # No commit tells whether it is still there, and who is told so relies on it.
                known, current = self._look(publication.place), True
                continue
            if known is not None and not publication.place.overwrite:
                raise ArtifactExists(str(publication.place))
            artifact = self._artifact(publication, received, known, blobs)
            published = Published(artifact, created=known is None)
            besides = publication.besides(published)
            operations = self._operations(publication, artifact, known, blobs, funding)
            try:
                self._metadata.commit(
                    *operations,
                    *demanded.operations(publication.place),
                    *besides,
                    witness=self._journal.event(
                        publication.place.organization,
                        publication.actor,
                        "artifact.put",
                        repository=publication.place.repository,
                        size=artifact.stored,
                        sha256=artifact.sha256,
                    ),
                )
                return published
            except ConditionFailed as error:
                if any(operation.key in error.found for operation in besides):
                    raise
                demanded = demanded.anew(error.found)
                known = _known_anew(publication.place, error, known)
                blobs = _blobs_anew(publication.place, artifact, error, blobs)
                demanded.check(publication.place, received.digests, known)
                current = current or publication.place.key in error.found
                if publication.place.key not in error.found:
                    counters = publication.place.counters
                    funding = self._quotas.anew(counters, artifact.stored, funding, error.found)
        raise Contended("the file is being changed by others")

    def _known(
        self, place: Place, demanded: Demanded, records: Mapping[Key, Record]
    ) -> Artifact | None:
        """What is at a place. Records are not read at one moment: beside its claim a file may be
        missing that came with it, and would be taken for one that was deleted."""
        known = place.artifact_in(records)
        if known is None and demanded.claimed.path == str(place):
            return self._look(place)
        return known

    def _look(self, place: Place) -> Artifact | None:
        return place.artifact_in(self._metadata.get(place.key))

    def _artifact(
        self,
        publication: Publication,
        received: Received,
        known: Artifact | None,
        blobs: Mapping[str, Record],
    ) -> Artifact:
        now = self.clock()
        return Artifact(
            blob=received.blob and _blob(received.blob, received.digests["sha256"], blobs),
            size=received.size,
            digests=received.digests,
            # Never before what it replaces: clocks of processes differ by a little.
            modified=now if known is None else max(now, known.since),
            user=publication.actor.user,
            facts=received.facts,
            marks=publication.marks,
            attached={
                suffix: replace(held, blob=_blob(held.blob, held.sha256, blobs))
                for suffix, held in received.attached.items()
            },
        )

    def _operations(
        self,
        publication: Publication,
        artifact: Artifact,
        known: Artifact | None,
        blobs: Mapping[str, Record],
        funding: Funding,
    ) -> list[Operation]:
        place = publication.place
        changes = Changes(funding)
        changes.appear(place, artifact, over=known)
        if known is not None:
            changes.retire(place, known, publication.actor.user, artifact.modified)
        changes.reference(place.organization, artifact, blobs)
        return changes.operations()

    def drop_unused(self, received: Received, published: Published) -> None:
        """Drop what was received and is known under other keys."""
        used = {held.blob for held in published.artifact.held}
        self.drop([blob for blob in received.blobs if blob not in used])

    def drop(self, blobs: Sequence[str]) -> None:
        """Drop bytes that nothing refers to. Where that fails, collection finds them."""
        try:
            self._receiver.drop(blobs)
        except BlobError:
            _log.warning("unreferenced bytes could not be dropped; they are left to collection")


def _blob(received: str, sha256: str, known: Mapping[str, Record]) -> str:
    """The key of the blob that is referred to: of the one that is known, else the new one's."""
    return known[sha256].value["key"] if sha256 in known else received


def _known_anew(place: Place, error: ConditionFailed, known: Artifact | None) -> Artifact | None:
    """What is at a place, after a condition did not hold."""
    if place.key not in error.found:
        return known
    found = error.found[place.key]
    return None if found is None else Artifact.read(found)


def _blobs_anew(
    place: Place, artifact: Artifact, error: ConditionFailed, blobs: Mapping[str, Record]
) -> dict[str, Record]:
    """The blobs of the same bytes that are known, after a condition did not hold for what was to
    be published."""
    known = dict(blobs)
    for held in artifact.held:
        key = keys.blob(place.organization, held.sha256)
        if key in error.found:
            known.pop(held.sha256, None)
            if (found := error.found[key]) is not None:
                known[held.sha256] = found
        elif keys.blob_bytes(place.organization, held.blob) in error.found:
            known.pop(held.sha256, None)  # collected, and the record of its digest is another's
    return known
