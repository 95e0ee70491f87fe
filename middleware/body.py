"""A request's body as the application reads it: filled buffers, and never a silent end.

Every handler reads bodies through `open_body`. On this project's server `wsgi.input` already
is such a body, and bytes go from the connection straight into the caller's memory; under any
other WSGI server (WebTest, wsgiref) a thin wrapper gives the same promises.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast, runtime_checkable

PIECE_BYTES = 64 * 1024


class BodyError(Exception):
    """The root of what can be wrong with a body; the connection is of no use afterwards."""


class BodyIncomplete(BodyError):
    """The body ended before its declared length, or before its last chunk."""


class BodyMalformed(BodyError):
    """The body's framing is wrong: a bad chunk, or a length that is not a number."""


class BodyTooSlow(BodyError):
    """The client stalled, or stayed below the least rate."""


@runtime_checkable
class Body(Protocol):
    """The bytes of one request, read once, by one thread at a time."""

    @property
    def length(self) -> int | None:
        """The declared length in bytes, 0 without a body, None where it is chunked."""

    def readinto(self, view: memoryview, /) -> int:
        """Fill `view` with the next bytes and return how many; fewer than fit, down to 0,
        only at the body's end.

        Raises:
            BodyIncomplete, BodyMalformed, BodyTooSlow: nothing more can be read.
        """


class StreamBody:
    """A body over any `read`, for servers whose input keeps no promise about its end."""

    __slots__ = ("_left", "_read", "length")

    def __init__(self, read: Callable[[int], bytes], length: int | None) -> None:
        self._read = read
        self._left = length
        self.length = length

    def readinto(self, view: memoryview, /) -> int:
        """See `Body.readinto`."""
        filled = 0
        while filled < len(view):
            wanted = min(len(view) - filled, PIECE_BYTES)
            if self._left is not None:
                wanted = min(wanted, self._left)
            piece = self._next(wanted)
            if not piece:
                break
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
        return filled

    def _next(self, wanted: int) -> bytes:
        if wanted == 0:
            return b""
        try:
            piece = self._read(wanted)
        except OSError as error:
            raise BodyIncomplete("the connection broke in the middle of the body") from error
        if self._left is not None:
            if not piece:
                raise BodyIncomplete(f"the body ended {self._left} bytes early")
            self._left -= len(piece)
        return piece


def open_body(environ: Mapping[str, Any]) -> Body:
    """The body of the request that `environ` (PEP 3333) describes.

    Without `CONTENT_LENGTH` the body is empty, unless the server says that its input ends
    by itself (`wsgi.input_terminated`), which is how it says that it decodes chunks.

    Raises:
        BodyMalformed: the length is not a plain decimal number (RFC 9110 section 8.6), or
            the server leaves chunks as they are, which would read as an empty body.
    """
    source = environ["wsgi.input"]
    if isinstance(source, Body):
        return source
    declared = environ.get("CONTENT_LENGTH", "")
    read = cast("Callable[[int], bytes]", source.read)
    if not declared and environ.get("wsgi.input_terminated"):
        return StreamBody(read, None)
    if "HTTP_TRANSFER_ENCODING" in environ:
        raise BodyMalformed("this server does not decode transfer codings")
    if not declared:
        return StreamBody(read, 0)
    if not (declared.isascii() and declared.isdigit()):
        raise BodyMalformed("Content-Length is not a number")
    return StreamBody(read, int(declared))
