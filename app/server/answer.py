"""One answer on its way out: the head and a small body in one system call, files by `sendfile`.

The framing is decided when the first bytes are there, and never trusts the application: what
is longer than its Content-Length is not sent, and what is shorter cuts the connection, so
that no client takes a part for the whole.
"""

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from app.server.body import SocketBody
from app.server.connection import Buffer, Connection, FileShort
from app.server.dates import Dates
from app.server.file_wrapper import FileWrapper
from app.server.head import Head
from app.server.limits import KIB
from app.server.pace import Pace

SMALL_BYTES = 64 * KIB
_MOST_NAMES = 1000

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110 section 5.5
_STATUS = re.compile(r"[2-5][0-9]{2} [\t\x20-\x7e]*")
# What is about this connection (RFC 9110 section 7.6.1) or framing is the server's business.
_OWN = frozenset(
    (
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


class WrongAnswer(Exception):
    """The application broke PEP 3333, or its answer is not what its head said."""


class _Names(dict[str, bool]):
    """Whether a field of that name is sent as it comes; raises WrongAnswer for what is no name.

    A dictionary, because every answer asks it some fifteen times.
    """

    def __missing__(self, name: str) -> bool:
        if not _TOKEN.fullmatch(name):
            raise WrongAnswer(f"the field {name!r} can't be sent")
        if len(self) >= _MOST_NAMES:
            self.clear()
        self[name] = name.lower() not in _OWN
        return name.lower() not in _OWN


_ORDINARY = _Names()


class Answer:
    """The answer to one request; `start` is its `start_response`.

    Attributes:
        status: The status line's code and reason, as the application gave it.
        sent: How many bytes of body went out.
        begun: Whether the head was sent, so that no other answer can be.
        done: Whether all of it was sent.
        close: Whether the connection ends with this answer.
        drain: Whether there is a body that was refused and is still being sent.
    """

    __slots__ = (
        "_body",
        "_bodyless",
        "_chunked",
        "_connection",
        "_dates",
        "_head",
        "_length",
        "_lines",
        "_pace",
        "_serving",
        "begun",
        "close",
        "done",
        "drain",
        "sent",
        "status",
    )

    def __init__(
        self,
        connection: Connection,
        head: Head,
        body: SocketBody,
        dates: Dates,
        serving: Callable[[], bool],
    ) -> None:
        self._connection = connection
        self._head = head
        self._body = body
        self._dates = dates
        self._lines: list[str] = []
        self._length: int | None = None
        self._bodyless = False
        self._chunked = False
        self._pace = Pace(connection.limits)
        self.status = ""
        self.sent = 0
        self.begun = False
        self._serving = serving
        self.close = not head.keep
        self.done = False
        self.drain = False

    def start(
        self, status: str, headers: list[tuple[str, str]], error: Any = None, /
    ) -> Callable[[bytes], None]:
        """PEP 3333's `start_response`. Raises WrongAnswer for what can't be sent."""
        if error is not None and self.begun:
            raise error[1].with_traceback(error[2])
        if error is None and self.status:
            raise WrongAnswer("the answer was started twice")
        if not _STATUS.fullmatch(status):
            raise WrongAnswer(f"{status!r} is no status")
        self.status = status
        # RFC 9112 section 6.3: what never has a body, whatever its head says.
        method = self._head.environ["REQUEST_METHOD"]
        self._bodyless = method == "HEAD" or status[:3] in ("204", "304")
        self._length = None
        self._lines = [f"HTTP/1.1 {status}\r\n", self._dates.line()]
        # Fifteen fields are usual: all values are checked at once, and names are looked up.
        if _CONTROL.search("".join([value for _, value in headers])):
            raise WrongAnswer("a field that holds a control character can't be sent")
        self._lines += [f"{name}: {value}\r\n" for name, value in headers if _ORDINARY[name]]
        for name, value in headers:
            if not _ORDINARY[name]:
                self._own(name.lower(), value)
        return self._write

    def _own(self, lower: str, value: str) -> None:
        """A field that is the server's business: what the application says of it."""
        if lower == "content-length":
            if not (value.isascii() and value.isdigit()):
                raise WrongAnswer(f"{value!r} is no length")
            self._length = int(value)
        elif lower == "connection" and value.lower() == "close":
            self.close = True

    @property
    def unread(self) -> int | None:
        """How much of the request's body was not read; None where nobody can know."""
        return self._body.left

    def send(self, result: Iterable[bytes]) -> None:
        """Send the whole answer; `done` is true afterwards.

        Raises:
            ConnectionLost, TooSlow: the client's doing.
            WrongAnswer, FileShort, or anything that `result` raises: the application's. With
                `begun` the connection must be cut.
        """
        if self.status and self._bodyless:
            self._begin(())
        elif not (isinstance(result, FileWrapper) and self._send_file(result)):
            self._send_pieces(result)
        self.done = True

    def _send_pieces(self, result: Iterable[bytes]) -> None:
        if isinstance(result, list | tuple) and len(result) < 2 and self._length is None:
            self._length = sum(map(len, result))
        for piece in result:
            if self._bodyless:
                break  # A generator starts its answer no sooner than here.
            if piece:
                self._write(piece)
        if not self.begun:
            self._begin(())
        if self._chunked:
            self._connection.send([b"0\r\n\r\n"], self._pace)
        elif not self._bodyless and self._length is not None and self.sent < self._length:
            raise WrongAnswer(f"the body ended {self._length - self.sent} bytes early")

    def _write(self, piece: bytes) -> None:
        if not isinstance(piece, bytes):
            raise WrongAnswer("a body is made of bytes")
        if self._bodyless:
            return
        if not self.begun:
            self._begin((piece,))
            return
        room = None if self._length is None else self._length - self.sent
        if room is not None and len(piece) > room:
            raise WrongAnswer("the body is longer than its Content-Length")
        self._connection.send(self._framed((piece,)), self._pace)
        self.sent += len(piece)

    def _send_file(self, wrapper: FileWrapper) -> bool:
        """Send a file that the system knows, without its bytes coming here, unless they are few."""
        try:
            descriptor: int = wrapper.file.fileno()  # type: ignore[attr-defined]  # or it is none
            start: int = wrapper.file.tell()  # type: ignore[attr-defined]
        except (AttributeError, OSError):
            return False
        length = self._length
        if length is None:
            length = self._length = max(os.fstat(descriptor).st_size - start, 0)
        if length <= SMALL_BYTES:
            data = os.pread(descriptor, length, start)
            if len(data) < length:
                raise FileShort(f"the file ended {length - len(data)} bytes early")
            self._begin((data,))
            return True
        self._begin((), more=True)
        self._connection.send_file(descriptor, start, length, self._pace)
        self.sent = length
        return True

    def _begin(self, parts: tuple[bytes, ...], more: bool = False) -> None:
        """Send the head, and `parts` of the body with it."""
        count = sum(map(len, parts))
        head = self._render()
        if self._length is not None and count > self._length and not self._bodyless:
            raise WrongAnswer("the body is longer than its Content-Length")
        self.begun = True
        self._connection.send([head, *self._framed(parts)], self._pace, more)
        self.sent = count

    def _framed(self, parts: tuple[bytes, ...]) -> list[Buffer]:
        if not self._chunked or not parts:
            return list(parts)
        return [b"%x\r\n" % sum(map(len, parts)), *parts, b"\r\n"]

    def _render(self) -> bytes:
        """The head as bytes; decides the framing."""
        if not self.status:
            raise WrongAnswer("a body came before the answer was started")
        # The server may have been told to stop while the application was at work.
        self.close = self.close or not self._serving()
        if not self._body.close(settle=not self.close):
            self.close = self.drain = True
        lines = self._lines
        if self._length is not None:
            # RFC 9110 section 8.6: a 204 has none, a 304 and an answer to HEAD may.
            if not self.status.startswith("204"):
                lines.append(f"Content-Length: {self._length}\r\n")
        elif not self._bodyless:
            self._chunked = not self._head.http10
            self.close = self.close or self._head.http10
            lines.append("Transfer-Encoding: chunked\r\n" if self._chunked else "")
        if self.close:
            lines.append("Connection: close\r\n\r\n")
        else:
            lines.append("Connection: keep-alive\r\n\r\n" if self._head.http10 else "\r\n")
        try:
            return "".join(lines).encode("latin-1")
        except UnicodeEncodeError as error:
            raise WrongAnswer("a field holds what is not Latin-1") from error
