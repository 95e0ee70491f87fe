"""The chunked coding (RFC 9112 section 7.1), read strictly, without any I/O of its own.

What proxies read differently from each other is refused, whatever it might mean: sizes that
are not plain hexadecimal digits, bare CR or LF, anything but CRLF behind a chunk's data.
Extensions and trailers are bounded, checked for control characters, and thrown away.
"""

import re

#: 16 digits would be 2**64 - 1; 15 are more bytes than any store holds.
SIZE_DIGITS = 15
LINE_BYTES = 1024
TRAILER_BYTES = 8 * 1024

# chunk-size [ chunk-ext ]: digits, then nothing, or (behind optional blanks) a semicolon and
# printable text. Quoted strings may hold any of it, so no more of its grammar is asked for.
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,%d})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?" % SIZE_DIGITS)
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")


class BadChunk(Exception):
    """The bytes are no chunked body."""


class Chunks:
    """A decoder of framing: it is fed what lies between the data, and says how much data follows.

    The caller copies or receives data where it belongs; `left` is how much of the current
    chunk is outstanding. While `left` is 0 and `ended` is false, `advance` wants bytes.
    """

    __slots__ = ("_after_data", "_in_trailers", "_trailer_bytes", "ended", "left")

    def __init__(self) -> None:
        self.left = 0
        self.ended = False
        self._after_data = False
        self._in_trailers = False
        self._trailer_bytes = 0

    def took(self, count: int) -> None:
        """Say that `count` bytes of the current chunk's data were taken."""
        self.left -= count
        self._after_data = self.left == 0

    def advance(self, buffer: bytearray, start: int, end: int) -> int:
        """Read framing from `buffer[start:end]` and return where it stopped.

        It stops at the first byte of data, behind the end of the body, or where more bytes
        are needed: then what is returned must be offered again, with more behind it. No more
        than `LINE_BYTES` (a line of a trailer: `TRAILER_BYTES`) and 2 are ever needed.

        Raises:
            BadChunk: the framing is wrong, or a line or the trailers are too long.
        """
        while not self.ended and self.left == 0:
            if self._after_data:
                if end - start < 2:
                    if end > start and buffer[start] != 0x0D:
                        raise BadChunk("a chunk's data is not followed by CRLF")
                    return start
                if buffer[start : start + 2] != b"\r\n":
                    raise BadChunk("a chunk's data is not followed by CRLF")
                start += 2
                self._after_data = False
            stop = self._line_end(buffer, start, end)
            if stop < 0:
                return start
            line = bytes(buffer[start:stop])
            start = stop + 2
            if self._in_trailers:
                self._trailer(line)
            else:
                self._size(line)
        return start

    def _line_end(self, buffer: bytearray, start: int, end: int) -> int:
        most = TRAILER_BYTES - self._trailer_bytes if self._in_trailers else LINE_BYTES
        stop = buffer.find(b"\r\n", start, min(end, start + most + 2))
        if stop < 0:
            if end - start > most + 1:
                raise BadChunk("a line between chunks is too long")
            # Whatever comes, a lone LF, or a CR before anything but LF, stays wrong.
            if buffer.find(b"\n", start, end) >= 0:
                raise BadChunk("a line between chunks does not end with CRLF")
            lone = buffer.find(b"\r", start, end)
            if 0 <= lone < end - 1:
                raise BadChunk("a bare CR between chunks")
        return stop

    def _size(self, line: bytes) -> None:
        found = _SIZE_LINE.fullmatch(line)
        if found is None:
            raise BadChunk("a chunk's size is not a hexadecimal number")
        self.left = int(found[1], 16)
        self._in_trailers = self.left == 0

    def _trailer(self, line: bytes) -> None:
        if not line:
            self.ended = True
            return
        self._trailer_bytes += len(line) + 2
        if self._trailer_bytes > TRAILER_BYTES:
            raise BadChunk("the trailers are too long")
        if _TRAILER.fullmatch(line) is None:
            raise BadChunk("a trailer is no field")
