"""Receives pieces of a file: behind the bytes that are durable, and nowhere else.

A piece that breaks leaves what came of it and is durable; one whose announced digest does not
hold leaves nothing. Progress is recorded along with every renewal of the claim, so that a
process that is killed in a large piece costs its client some seconds of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from app.publishing.digests import Digester, Digesting
from app.publishing.expectations import NO_EXPECTATIONS, Expectations
from app.publishing.receiving import Body
from app.publishing.session import InvalidPiece, Session, SessionBroken, SessionConflict
from app.publishing.sessions import Sessions
from app.publishing.sessions_claim import Hold
from storage.blobs import BlobCorrupt, BlobMissing, Blobs, UploadBusy, Writer

#: Read at once: little enough that a client at the least rate (8 KiB/s) lets the claim be
#: renewed in time, and as much as digests want for a thread of their own.
SLICE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """What a client announces: `count` bytes from byte `first` on, and the length of the
    whole file where it knows it. Without bytes it tells the length alone.

    `expectations` are of the piece.
    """

    first: int
    count: int
    total: int | None
    expectations: Expectations = NO_EXPECTATIONS

    @property
    def end(self) -> int:
        return self.first + self.count


class Pieces:
    """Takes pieces into the blob store."""

    def __init__(
        self,
        sessions: Sessions,
        blobs: Blobs,
        digester: Digester,
        in_flight: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._sessions = sessions
        self._blobs = blobs
        self._digester = digester
        self._in_flight = in_flight  # told +1 and -1

    def append(self, session: Session, piece: Piece, body: Body) -> Session:
        """Take a piece, and return the session as it is then.

        Raises:
            SessionConflict: with the true offset; nothing of the piece was read.
            InvalidPiece: it can't be part of the file. Where its body is not as long as it
                was announced, what came and fits is kept.
            DigestMismatch: nothing of the piece is kept.
            SessionMissing, SessionBroken: the session is over.
            Whatever the body raises: what came before and is durable is kept. Whatever the
            stores raise: what was recorded is kept.
        """
        length = self._fit(session, piece)
        if body.length not in (None, piece.count):
            raise InvalidPiece("Content-Range tells of another number of bytes than were sent")
        if not piece.count:
            if length is None or length == session.length:
                return session
            return self._sessions.restate(replace(session, length=length))
        self._in_flight(1)
        try:
            with self._sessions.hold(replace(session, length=length)) as hold:
                return self._take(hold, piece, body)
        finally:
            self._in_flight(-1)

    def _fit(self, session: Session, piece: Piece) -> int | None:
        """The length of the file, if it is known with this piece; raises what `append` does."""
        if session.result is not None:
            raise SessionConflict(session.offset, "this upload is complete")
        self._sessions.require_free(session)
        length = session.length if session.length is not None else piece.total
        if piece.total is not None and piece.total != length:
            raise SessionConflict(
                session.offset, f"the length of this upload was told before: {length} bytes"
            )
        if length is not None and max(piece.end, session.offset) > length:
            raise InvalidPiece(f"the piece does not lie within the {length} bytes of the file")
        if piece.count and piece.first != session.offset:
            raise SessionConflict(
                session.offset, f"this upload goes on at byte {session.offset}: send from there on"
            )
        if 0 < piece.count < session.piece_bytes and piece.end != length:
            raise InvalidPiece(
                f"a piece of this upload has at least {session.piece_bytes} bytes, unless it is"
                " the last one: then its Content-Range tells the length of the file"
            )
        return length

    def _take(self, hold: Hold, piece: Piece, body: Body) -> Session:
        with self._resume(hold) as writer:
            try:
                # No earlier: however long that took, a store that locks an upload lets nobody
                # else write to it from here on, and has cut nothing off yet.
                hold.ensure_safe()
                taken = self._receive(hold, piece, body, writer)
            except BaseException:
                writer.let_go()  # and the upload stays as it was recorded last
                raise
        done = hold.give_up(taken.session)
        if taken.failure is not None:
            raise taken.failure
        return done

    def _resume(self, hold: Hold) -> Writer:
        session = hold.session
        try:
            return self._blobs.resume(session.token, session.length)
        except UploadBusy as error:
            # A writer of this machine whose claim ran out is not dead yet.
            message = "another piece of this upload is still being received"
            raise SessionConflict(session.offset, message, timedelta(seconds=2)) from error
        except (BlobMissing, BlobCorrupt) as error:
            self._sessions.abandon(hold)
            raise SessionBroken("the bytes of this upload are lost: begin it anew") from error

    def _receive(self, hold: Hold, piece: Piece, body: Body, writer: Writer) -> "_Taken":
        whole = (piece.first, piece.count) == (0, hold.session.length)
        verified = bool(piece.expectations.digests)
        digesting = None
        if whole or verified:
            wanted = hold.session.expectations.algorithms if whole else ()
            digesting = self._digester.start((*wanted, *piece.expectations.algorithms))

        def progress() -> Session:
            hold.ensure_safe()
            token, offset = writer.checkpoint()
            return replace(hold.session, token=token, offset=offset)

        # Until its digest holds, nothing of a piece that has one counts.
        failure = _fill(hold, piece, body, writer, digesting, None if verified else progress)
        if failure is not None and verified:
            raise failure
        digests = None
        if failure is None and digesting is not None:
            digests = digesting.finish(piece.expectations)
        hold.ensure_safe()  # the last read may have taken long, and what came before it stays
        token = writer.suspend()
        session = replace(
            hold.session,
            token=token,
            offset=writer.offset,
            piece_bytes=writer.piece_bytes,
            digests=digests if whole else None,
        )
        return _Taken(session, failure)


@dataclass(frozen=True, slots=True)
class _Taken:
    """How far a piece brought its session, and why it went no further."""

    session: Session
    failure: Exception | None


def _fill(
    hold: Hold,
    piece: Piece,
    body: Body,
    writer: Writer,
    digesting: Digesting | None,
    progress: Callable[[], Session] | None,
) -> Exception | None:
    """Fill the piece in; what the body raises is returned, because what came before stays."""
    left = piece.count
    while left:
        view = writer.window()[: min(SLICE_BYTES, left)]
        try:
            count = body.readinto(view)
        except Exception as error:  # noqa: BLE001 - raised again once what came is recorded
            return error
        hold.require_safe()
        if digesting is not None:
            digesting.update(view[:count])
        writer.filled(count)
        left -= count
        if count < len(view):
            return InvalidPiece(f"the body ended {left} bytes before its Content-Range does")
        hold.keep(progress)
    try:
        surplus = 0 if body.length is not None else body.readinto(memoryview(bytearray(1)))
    except Exception as error:  # noqa: BLE001 - as above
        return error
    return InvalidPiece("the body goes on behind its Content-Range") if surplus else None
