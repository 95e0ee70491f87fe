"""A request's body, from the connection straight into the application's own memory.

`recv_into` fills the caller's view, so that a part of an upload is received where it will be
sent from, with no copy between. What the parser had read ahead comes first, and what comes
behind the body goes back to the parser: it is the next request, never part of this body.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from app.server.chunks import BadChunk, Chunks
from app.server.connection import Connection, ConnectionLost
from app.server.limits import KIB
from app.server.pace import Pace, TooSlow
from middleware.body import BodyIncomplete, BodyMalformed, BodyTooSlow

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PIECE_BYTES = 64 * KIB


def socket_body(connection: Connection, length: int | None, expects_continue: bool) -> "SocketBody":
    """The body of the request whose head was just taken off `connection`; None is chunked."""
    if length is None:
        return ChunkedBody(connection, expects_continue)
    return LengthBody(connection, expects_continue, length)


class SocketBody(ABC):
    """The body of one request; a `middleware.body.Body`, and a `wsgi.input` (PEP 3333).

    Attributes:
        received: How many bytes of it were given out.
    """

    __slots__ = ("_connection", "_continue", "_over", "_pace", "received")

    def __init__(self, connection: Connection, expects_continue: bool) -> None:
        self._connection = connection
        self._continue = expects_continue
        self._pace: Pace | None = None
        self._over = False  # it failed, or its answer began
        self.received = 0

    @property
    @abstractmethod
    def length(self) -> int | None:
        """The declared length, 0 without a body, None where it is chunked."""

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether it was read to its end."""

    @property
    def left(self) -> int | None:
        """How many bytes of it are still to be read; None where nobody can know."""
        return None if self.length is None else self.length - self.received

    def readinto(self, view: memoryview, /) -> int:
        """Fill `view`; fewer bytes than fit, down to 0, only at the body's end.

        The first call sends `100 Continue` to a client that waits for it (RFC 9110 section
        10.1.1): one that is refused before never begins to send.

        Raises:
            BodyIncomplete, BodyMalformed, BodyTooSlow: nothing more can be read.
        """
        if self.complete or not len(view):
            return 0
        if self._over:
            raise BodyIncomplete("the body is read no further: its answer began, or it failed")
        self._over = True  # unless all goes well
        try:
            if self._continue:
                self._continue = False
                self._connection.send([CONTINUE], self._clock())
            count = self._fill(view)
        except ConnectionLost as error:
            raise BodyIncomplete("the connection broke in the middle of the body") from error
        except TooSlow as error:
            raise BodyTooSlow(f"the body came too slowly: {error}") from error
        except BadChunk as error:
            raise BodyMalformed(str(error)) from error
        self._over = False
        return count

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes, to the end without one; fewer only at the body's end.

        Memory grows with what arrives, not with `size`. Raises as `readinto`.
        """
        wanted = -1 if size is None or size < 0 else size
        pieces = []
        while wanted:
            piece = bytearray(PIECE_BYTES if wanted < 0 else min(wanted, PIECE_BYTES))
            count = self.readinto(memoryview(piece))
            pieces.append(piece[:count])
            if count < len(piece):
                break
            wanted -= count if wanted > 0 else 0
        return b"".join(pieces)

    def readline(self, size: int = -1) -> bytes:
        """The next line, its LF included, of up to `size` bytes. Slow, byte by byte: PEP 3333
        asks for it, and nothing here reads bodies by lines."""
        line = bytearray()
        while len(line) != size:
            byte = self.read(1)
            line += byte
            if byte in (b"", b"\n"):
                break
        return bytes(line)

    def readlines(self, _hint: int = -1) -> list[bytes]:
        """All lines; PEP 3333 lets the hint be ignored."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def close(self, settle: bool) -> bool:
        """Read no further, and say whether the connection can carry another request.

        It can where the body was read to its end; or where little of it is left, all of
        that is here already, and `settle` asks for it to be thrown away.
        """
        if self.complete:
            return True
        failed, self._over = self._over, True
        left = self.left
        if not settle or failed or self._continue or left is None:
            return False
        return left <= self._connection.limits.settle_bytes and self._settle(left)

    @abstractmethod
    def _fill(self, view: memoryview) -> int:
        """As `readinto`. Raises its errors, and the connection's, the pace's and the chunks'."""

    def _receive(self, view: memoryview) -> int:
        """What was read ahead, or else from the connection; 0 at the client's end."""
        pending = self._connection.pending
        if not pending:
            return self._connection.receive(view, self._clock())
        count = min(len(view), len(pending))
        view[:count] = pending[:count]
        self._connection.pending = pending[count:]
        return count

    def _settle(self, left: int) -> bool:
        connection = self._connection
        while left > len(connection.pending):
            try:
                piece = connection.peek_now(left - len(connection.pending))
            except ConnectionLost:
                return False
            if not piece:
                return False
            connection.pending += piece
        connection.pending = connection.pending[left:]
        return True

    def _clock(self) -> Pace:
        if self._pace is None:
            self._pace = Pace(self._connection.limits)
        return self._pace


class LengthBody(SocketBody):
    """A body of a declared length, 0 included."""

    __slots__ = ("_length",)

    def __init__(self, connection: Connection, expects_continue: bool, length: int) -> None:
        super().__init__(connection, expects_continue)
        self._length = length

    @property
    def length(self) -> int:
        return self._length

    @property
    def complete(self) -> bool:
        return self.received == self._length

    def _fill(self, view: memoryview) -> int:
        wanted = min(len(view), self._length - self.received)
        filled = 0
        while filled < wanted:
            count = self._receive(view[filled:wanted])
            if not count:
                raise BodyIncomplete(f"the body ended {self._length - self.received} bytes early")
            filled += count
            self.received += count
        return filled


class ChunkedBody(SocketBody):
    """A chunked body. Framing and small chunks pass through a buffer, large ones do not."""

    __slots__ = ("_buffer", "_chunks", "_end", "_start")

    length = None

    def __init__(self, connection: Connection, expects_continue: bool) -> None:
        super().__init__(connection, expects_continue)
        self._chunks = Chunks()
        # Read ahead: received, between start and end, and not yet given out.
        self._buffer = bytearray()
        self._start = self._end = 0

    @property
    def complete(self) -> bool:
        return self._chunks.ended

    def _fill(self, view: memoryview) -> int:
        filled = 0
        while filled < len(view) and self._at_data():
            wanted = min(len(view) - filled, self._chunks.left)
            count = min(wanted, self._end - self._start)
            if count:
                read_ahead = memoryview(self._buffer)[self._start : self._start + count]
                view[filled : filled + count] = read_ahead
                self._start += count
            else:
                count = self._expect(view[filled : filled + wanted])
            self._chunks.took(count)
            self.received += count
            filled += count
        return filled

    def _at_data(self) -> bool:
        """Read framing up to the next byte of data; False at the body's end."""
        while not self._chunks.left:
            self._start = self._chunks.advance(self._buffer, self._start, self._end)
            if self._chunks.ended:
                rest = bytes(self._buffer[self._start : self._end])
                self._connection.pending = rest + self._connection.pending
                return False
            if not self._chunks.left:
                self._read_ahead()
        return True

    def _read_ahead(self) -> None:
        """Receive more behind what is read ahead; at most a line of that is kept."""
        kept = self._buffer[self._start : self._end]
        if not self._buffer:
            self._buffer = bytearray(PIECE_BYTES)
        self._buffer[: len(kept)] = kept
        self._start, self._end = 0, len(kept)
        self._end += self._expect(memoryview(self._buffer)[self._end :])

    def _expect(self, view: memoryview) -> int:
        count = self._receive(view)
        if not count:
            raise BodyIncomplete("the body ended before its last chunk")
        return count
