"""Completes a session: the pieces become a blob, its digests are known, it is made visible.

Each step may be repeated, by any process, because each leaves something that the next one
finds: a blob under the session's key, digests in its record, and the result, which is written
in the commit that makes the file visible. So a crash in between neither loses nor doubles it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from app.publishing.attaching import attach
from app.publishing.digests import Digester
from app.publishing.errors import DigestMismatch
from app.publishing.expectations import NO_EXPECTATIONS, NO_PRECONDITION, Expectations, Said
from app.publishing.publication import Publication, Published
from app.publishing.publisher import Publisher
from app.publishing.receiving import COMMITTED_WITHIN, Demands, Received, reader
from app.publishing.session import Session, SessionBroken, SessionConflict
from app.publishing.sessions import Sessions
from app.publishing.sessions_claim import Hold
from app.repositories import Refused
from app.repositories.layout import Reading
from storage.blobs import BlobCorrupt, BlobMissing, Blobs, UploadBusy
from storage.metadata import ConditionFailed, Key, Operation, OutcomeUnknown, Record


class TakesLong(Exception):
    """It takes longer than whoever asked can wait; `session` is how it stands now."""

    def __init__(self, session: Session) -> None:
        super().__init__("making the file takes longer than its client can be left waiting")
        self.session = session


class Completion:
    """Makes files of sessions."""

    def __init__(
        self,
        sessions: Sessions,
        blobs: Blobs,
        digester: Digester,
        publisher: Publisher,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._blobs = blobs
        self._digester = digester
        self._publisher = publisher
        self._monotonic = monotonic

    def complete(
        self,
        session: Session,
        publication: Publication,
        records: Mapping[Key, Record],
        most: timedelta | None = None,
    ) -> Published:
        """Publish a session whose bytes are all there; the same again where that was done.

        Args:
            session: where it stands.
            publication: to its path; what is expected there counts besides what was expected
                at the beginning, and its precondition, where there is one, instead.
            records: what was read of `place.keys()`, no older than the request.
            most: for how long digests may be read back.

        Raises:
            SessionConflict: bytes are missing, or somebody else is at it.
            TakesLong: reading digests back took longer than `most`.
            DigestMismatch: the bytes are dropped, and the session is over.
            SessionBroken: the bytes are lost, and the session is over.
            PreconditionFailed, ArtifactExists, Contended: nothing is visible, and the session
                is still there. So it is with RepositoryMissing: it was deleted meanwhile.
        """
        if session.result is not None:
            _compare(publication.expectations, session.result.artifact.digests)
            return session.result
        read = self._publisher.clock()
        publication = self.prepare(session, publication, records)
        with self._sessions.hold(session) as hold:
            demands = Demands.of(publication.place, publication.expectations)
            received = self._finish(hold, demands, most)
            try:
                publication, records = self._publisher.afresh(publication, records, read)
                published = self._publish(hold, publication, received, records)
            except OutcomeUnknown:
                raise  # what is attached may be in use
            except BaseException:
                self._publisher.drop([held.blob for held in received.attached.values()])
                raise
        self._publisher.drop_unused(received, published)
        return published

    def prepare(
        self, session: Session, publication: Publication, records: Mapping[Key, Record]
    ) -> Publication:
        """What `complete` will publish, with all that is expected of it, from what was said at
        the beginning and now. Raises as it does, where that can be told by records alone."""
        self._require_whole(session)
        said = (*session.expectations.digests, *publication.expectations.digests)
        publication = replace(publication, expectations=Expectations(tuple(dict.fromkeys(said))))
        if publication.precondition == NO_PRECONDITION:
            publication = replace(publication, precondition=session.precondition)
        self._publisher.foresee(publication, session.length, records)
        return publication

    def _require_whole(self, session: Session) -> None:
        if session.length is None:
            raise SessionConflict(
                session.offset,
                "the length of this upload is not known: send an empty PATCH with Content-Range:"
                " bytes */LENGTH",
            )
        self._sessions.require_free(session)
        if session.offset != session.length:
            raise SessionConflict(
                session.offset,
                f"this upload has {session.offset} of its {session.length} bytes: send the rest",
            )

    def _finish(self, hold: Hold, demands: Demands, most: timedelta | None) -> Received:
        """Make a blob of the pieces, and hold it against what is demanded."""
        session = hold.session
        if session.length:
            self._make_blob(hold)
        else:
            self._blobs.abort(session.token)
        known = session.digests or {}
        if demands.reading is not None or not {"sha256", *demands.algorithms} <= known.keys():
            known = self._read(hold, demands, most)
        blob = session.blob if session.length else None
        received = Received(blob, session.length or 0, dict(known))
        try:
            _compare(demands.expectations, known)
            hold.progress(replace(session, digests=known))
            if demands.reading is not None:
                received = self._understood(session.organization, received, demands.reading)
        except (DigestMismatch, Refused):
            self._sessions.abandon(hold)  # it will never be what it has to be
            raise
        return received

    def _understood(self, organization: str, received: Received, reading: Reading) -> Received:
        """What the format makes of the blob, with what belongs to it stored: the session keeps
        the blob from collection, but not that."""
        understood = reading.finish(received.size, reader(self._blobs, received.blob))
        attached = attach(self._blobs, organization, understood.attached)
        until = self._publisher.clock() + COMMITTED_WITHIN if attached else None
        return replace(received, facts=understood.facts, attached=attached, until=until)

    def _make_blob(self, hold: Hold) -> None:
        session = hold.session
        hold.require_safe()
        try:
            with self._blobs.resume(session.token, session.length) as writer:
                try:
                    writer.commit()
                except BaseException:
                    writer.let_go()  # nothing is dropped: what came of it is looked for next time
                    raise
            return
        except UploadBusy as error:
            raise SessionConflict(
                session.offset, "a piece of this upload is still being received"
            ) from error
        except BlobMissing:
            pass  # it was committed before, and whoever did it came no further
        except BlobCorrupt as error:
            raise self._broken(hold) from error
        try:
            size = self._blobs.settle(session.blob)
        except BlobMissing as error:
            raise self._broken(hold) from error
        if size != session.length:
            raise self._broken(hold)

    def _broken(self, hold: Hold) -> SessionBroken:
        self._sessions.abandon(hold)
        return SessionBroken("the bytes of this upload are lost: begin it anew")

    def _read(self, hold: Hold, demands: Demands, most: timedelta | None) -> Mapping[str, str]:
        """Compute the digests of the blob, holding no more of it than a piece."""
        due = None if most is None else self._monotonic() + most.total_seconds()
        digesting = self._digester.start(demands.algorithms)
        if not hold.session.length:
            return digesting.finish(NO_EXPECTATIONS)
        download = self._blobs.open(hold.session.blob)
        try:
            if download.size != hold.session.length:
                raise self._broken(hold)
            for piece in download:
                digesting.update(memoryview(piece))
                self._feed(hold, demands, piece)
                hold.keep()
                if due is not None and self._monotonic() > due:
                    # Whoever leaves it to a job has to find it, in its last minute as well.
                    raise TakesLong(hold.give_up(hold.session.held(self._publisher.clock())))
        finally:
            download.close()
        return digesting.finish(NO_EXPECTATIONS)

    def _feed(self, hold: Hold, demands: Demands, piece: bytes) -> None:
        """Have a piece read for what the format has to know. Raises what refuses the file."""
        if demands.reading is None:
            return
        try:
            demands.reading.feed(memoryview(piece))
        except Refused:
            self._sessions.abandon(hold)
            raise

    def _publish(
        self,
        hold: Hold,
        publication: Publication,
        received: Received,
        records: Mapping[Key, Record],
    ) -> Published:
        recording = _Recording(hold)
        recorded = replace(publication, besides=recording)
        try:
            published = self._publisher.commit(recorded, received, records)
        except ConditionFailed as error:
            hold.adopt(error)
            published = self._publisher.commit(recorded, received, records)
        if recording.written is published:
            hold.ended()
        else:
            hold.end(published)  # the same bytes were there already: nothing was committed
        return published


@dataclass(slots=True)
class _Recording:
    """Writes a session's result along with what is published, and remembers what that was."""

    hold: Hold
    written: Published | None = None

    def __call__(self, published: Published) -> Sequence[Operation]:
        self.written = published
        return self.hold.ending(published)


def _compare(expectations: Said, digests: Mapping[str, str]) -> None:
    """Raise DigestMismatch for the first expectation about a known digest that fails."""
    for name, expected in expectations.digests:
        if digests.get(name, expected) != expected:
            raise DigestMismatch(name, expected, digests[name])
