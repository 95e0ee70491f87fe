"""Sessions: begun, found again by whoever began them, claimed, and dropped."""

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.publishing.expectations import (
    NO_EXPECTATIONS,
    NO_PRECONDITION,
    Expectations,
    Precondition,
)
from app.publishing.place import Place
from app.publishing.session import (
    LEFT,
    MOST_OPEN,
    Session,
    SessionConflict,
    SessionMissing,
    TooManySessions,
    new_id,
)
from app.publishing.sessions_claim import Hold
from storage import keys
from storage.blobs import BlobError, Blobs
from storage.metadata import (
    ConditionFailed,
    Delete,
    Key,
    Metadata,
    MetadataError,
    OutcomeUnknown,
    Record,
)
from storage.metadata.operations import OPERATIONS

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)

_AT_ONCE = OPERATIONS - 1  # notes that are dropped in a commit: it has a record of its own

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a client says when it begins: the length in bytes, if it knows it, and what must
    hold when the file is made visible."""

    length: int | None = None
    expectations: Expectations = NO_EXPECTATIONS
    precondition: Precondition = NO_PRECONDITION


@dataclass(frozen=True, slots=True)
class Ticket:
    """How a client names its session: by its id, at the place that it leads to.

    All of it must fit: an id that was overheard is of no use to anybody else.
    """

    id: str
    place: Place
    user: str


def session_keys(organization: str, text: str) -> tuple[Key, ...]:
    """The record of a session by its id as a client sent it: none where it can be no id."""
    return (keys.session(organization, text),) if _ID.fullmatch(text) else ()


class Sessions:
    """The sessions of an installation. Safe for threads; any number of processes have one."""

    def __init__(
        self,
        blobs: Blobs,
        metadata: Metadata,
        clock: Callable[[], datetime] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` is the store's own by default: processes compare what they read by it."""
        self._blobs = blobs
        self._metadata = metadata
        self._clock = clock or metadata.now
        self._monotonic = monotonic

    def begin(self, place: Place, user: str, terms: Terms) -> Session:
        """Begin a session. Raises TooManySessions, and what the stores raise; nothing is
        begun then."""
        self._require_room(place.organization, user)
        now = self._clock()
        with self._blobs.create(place.organization, terms.length) as writer:
            token = writer.suspend()
        session = Session(
            organization=place.organization,
            id=new_id(),
            repository=place.repository,
            path=str(place.path),
            user=user,
            token=token,
            blob=writer.key,
            piece_bytes=writer.piece_bytes,
            begun=now,
            expires=now,
            length=terms.length,
            expectations=terms.expectations,
            precondition=terms.precondition,
        ).living(now)
        try:
            done = self._metadata.commit(*session.writing(at=None))
        except OutcomeUnknown:
            raise  # it may be there, and its client does not know it: it expires
        except MetadataError:
            self._drop_bytes(session)
            raise
        return replace(session, version=done.versions[session.key])

    def find(self, ticket: Ticket, records: Mapping[Key, Record]) -> Session:
        """The session of a ticket, among the records read. Raises SessionMissing."""
        place = ticket.place
        wanted = session_keys(place.organization, ticket.id)
        record = next((records[key] for key in wanted if key in records), None)
        if record is None:
            raise SessionMissing
        session = Session.read(place.organization, record)
        found = (session.repository, session.path, session.user)
        if found != (place.repository, str(place.path), ticket.user):
            raise SessionMissing
        if session.expires <= self._clock():
            raise SessionMissing
        return session

    def require_free(self, session: Session) -> None:
        """Return where nobody writes to it. Raises SessionConflict."""
        session.require_free(self._clock())

    def restate(self, session: Session) -> Session:
        """Record what is said of a session that nobody writes to, over the version read.

        Raises SessionConflict where it has changed since, SessionMissing where it is over, and
        what commits raise.
        """
        stated = replace(session, claim=None).living(self._clock())
        try:
            done = self._metadata.commit(*stated.writing(at=session.version))
        except ConditionFailed as error:
            raise _changed(session, error) from error
        return replace(stated, version=done.versions[session.key])

    def wait_for(self, session: Session, job: str) -> Session:
        """The session, known to be left to a job, and with days before it. Raises as `restate`."""
        if session.job == job and session.expires > self._clock() + LEFT / 2:
            return session
        self.require_free(session)
        return self.restate(replace(session, job=job))

    def note_job(self, session: Session, job: str) -> None:
        """Record which job completes a session; a job that has begun does so by itself."""
        try:
            self.wait_for(session, job)
        except (SessionConflict, SessionMissing):
            _log.info("job %s has begun to complete its upload already", job)

    def hold(self, session: Session) -> Hold:
        """A claim on the session, to be entered."""
        return Hold(self._metadata, session, self._clock, self._monotonic)

    def drop(self, session: Session) -> None:
        """End a session, and drop what there is of its bytes.

        Raises SessionConflict where it is complete, or a piece is being received.
        """
        if session.result is not None:
            raise SessionConflict(
                session.offset, "this upload is complete: to be rid of the file, delete the file"
            )
        self.require_free(session)
        try:
            self._metadata.commit(*session.deleting())
        except ConditionFailed as error:
            raise _changed(session, error) from error
        self._drop_bytes(session)

    def abandon(self, hold: Hold) -> None:
        """End a session that is held, and drop its bytes. Raises what `Hold.drop` raises."""
        hold.drop()
        self._drop_bytes(hold.session)

    def _require_room(self, organization: str, user: str) -> None:
        """Return where a user may begin one more: it is one query, unless there seem to be as
        many as there may be. Raises TooManySessions.

        Those who begin at the same moment may come to a few more.
        """
        partition = keys.open_sessions(organization)
        noted = self._metadata.query(partition, f"{user}/", limit=MOST_OPEN).records
        if len(noted) < MOST_OPEN:
            return
        over = 0
        for start in range(0, len(noted), _AT_ONCE):
            over += self._tidy(organization, noted[start : start + _AT_ONCE])
        if not over:
            raise TooManySessions

    def _tidy(self, organization: str, noted: Sequence[Record]) -> int:
        """Drop the notes of sessions that are over; the number of them."""
        ids = {note.key: note.key.sort.rpartition("/")[2] for note in noted}
        found = self._metadata.get(*(keys.session(organization, one) for one in ids.values()))
        now = self._clock()
        live = {
            session.id
            for session in (Session.read(organization, record) for record in found.values())
            if session.result is None and session.expires > now
        }
        over = [Delete(key) for key, one in ids.items() if one not in live]
        if over:
            self._metadata.commit(*over)
        return len(over)

    def _drop_bytes(self, session: Session) -> None:
        """Drop bytes that no record leads to any more. Where that fails, collection finds them."""
        try:
            self._blobs.abort(session.token)
            if session.offset == session.length:  # then it may have been made a blob
                self._blobs.delete([session.blob])
        except BlobError as error:
            _log.warning("the bytes of an upload are left to collection: %s", error)


def _changed(session: Session, error: ConditionFailed) -> Exception:
    """What to say where the session is no longer what was read."""
    record = error.found.get(session.key)
    if record is None:
        return SessionMissing()
    found = Session.read(session.organization, record)
    message = "another request has changed this upload at the same time"
    return SessionConflict(found.offset, message, timedelta(seconds=1))
