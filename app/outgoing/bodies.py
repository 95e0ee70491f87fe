"""The body of an answer, framed as its head says (RFC 9112, section 6), and read strictly."""

import io
import re
from typing import Protocol

from app.outgoing.errors import BadAnswer, CutShort
from app.outgoing.heads import Head

_CHUNK_LINE_BYTES = 256
_TRAILER_BYTES = 16 * 1024
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


class Body(Protocol):
    """What comes behind a head.

    Attributes:
        length: in bytes, None where only its end will tell.
        framed: whether its end can be told from a connection that breaks off.
        ended: whether all of it was read, and the connection is at the next answer.
    """

    framed: bool
    length: int | None
    ended: bool

    def readinto(self, view: memoryview) -> int:
        """Fill a view; with less only at the end, and 0 from there on.

        Raises:
            CutShort: it ended too early.
            Unreachable: see `Connection`.
        """
        ...


class Counted:
    """A body of known length."""

    def __init__(self, file: io.BufferedReader, length: int, where: str) -> None:
        self.framed = True
        self.length: int | None = length
        self.ended = length == 0
        self._file = file
        self._left = length
        self._where = where

    def readinto(self, view: memoryview) -> int:
        view = view[: self._left]
        count = self._file.readinto(view) if view else 0
        self._left -= count
        if count < len(view):
            raise CutShort(
                f"{self._where} ended {self._left:,} bytes before the end of what it sends"
            )
        self.ended = self._left == 0
        return count


class Chunked:
    """A body in chunks (section 7.1); what they say beside their bytes is left out."""

    def __init__(self, file: io.BufferedReader, where: str) -> None:
        self.framed = True
        self.length: int | None = None
        self.ended = False
        self._file = file
        self._left = 0
        self._begun = False
        self._where = where

    def readinto(self, view: memoryview) -> int:
        filled = 0
        while filled < len(view) and not self.ended:
            if self._left == 0 and not self._next():
                break
            wanted = view[filled : filled + self._left]
            count = self._file.readinto(wanted)
            if count < len(wanted):
                raise CutShort(f"{self._where} ended in the middle of what it sends")
            filled += count
            self._left -= count
        return filled

    def _next(self) -> bool:
        """Go to the next chunk, where there is one."""
        if self._begun and self._line(_CHUNK_LINE_BYTES) not in (b"\r\n", b"\n"):
            raise BadAnswer(f"{self._where} sends a chunk that is longer than it says")
        self._begun = True
        found = _CHUNK.fullmatch(self._line(_CHUNK_LINE_BYTES))
        if found is None:
            raise BadAnswer(f"{self._where} sends a chunk without a length")
        self._left = int(found[1], 16)
        if self._left:
            return True
        trailer = _TRAILER_BYTES
        while (line := self._line(trailer)) not in (b"\r\n", b"\n"):
            trailer -= len(line)
        self.ended = True
        return False

    def _line(self, most: int) -> bytes:
        line = self._file.readline(most + 1)
        if len(line) > most:
            raise BadAnswer(f"{self._where} sends too much between its chunks")
        if not line.endswith(b"\n"):
            raise CutShort(f"{self._where} ended in the middle of what it sends")
        return line


class UntilClosed:
    """A body that ends with the connection, as of HTTP/1.0: nothing tells whether it is whole."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.framed = False
        self.length: int | None = None
        self.ended = False
        self._file = file

    def readinto(self, view: memoryview) -> int:
        return self._file.readinto(view)


def body_of(head: Head, file: io.BufferedReader, where: str) -> Body:
    """The body behind a head, as an answer to GET (section 6.3). Raises BadAnswer."""
    if head.status < 200 or head.status in (204, 304):
        return Counted(file, 0, where)
    coding = head.headers.get("transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked":
            raise BadAnswer(f"{where} sends a body in a transfer coding that was not asked for")
        return Chunked(file, where)
    length = head.headers.get("content-length")
    if length is None:
        return UntilClosed(file)
    # Said several times, it has to be the same (section 6.3, item 5).
    lengths = {text.strip() for text in length.split(",")}
    if len(lengths) != 1 or not _LENGTH.fullmatch(text := lengths.pop()):
        raise BadAnswer(f"{where} sends a body without a proper Content-Length")
    return Counted(file, int(text), where)
