"""What is made of an answer: a document, whole and decoded, or a file, read in pieces."""

import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self

from app.outgoing.bodies import Body
from app.outgoing.connection import Connection
from app.outgoing.errors import BadAnswer, Declined, OutgoingError
from app.outgoing.heads import Head
from app.outgoing.pool import Pool
from app.outgoing.urls import Url

_PIECE_BYTES = 64 * 1024
#: The rest of an unwanted answer is read rather than a new connection made, up to so much.
_DRAINED_BYTES = 64 * 1024
_GZIP = ("gzip", "x-gzip")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/(?:[0-9]{1,18}|\*)", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """A document.

    Attributes:
        status: 200, where a document was asked for.
        headers: by their names in lower case.
        body: decoded.
        url: where it was found in the end.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: Url


class Reply:
    """An answer whose body is still to be read; a context that gives up its connection.

    `pool` takes its connection back; `advice` says how credentials are given.
    """

    def __init__(
        self,
        url: Url,
        head: Head,
        body: Body,
        connection: Connection,
        pool: Pool,
        advice: str,
    ) -> None:
        self.url = url
        self.head = head
        self.body = body
        self._connection = connection
        self._pool = pool
        self._advice = advice

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Also where the answer was no good, so long as it was read to its end.
        if self.body.ended and self.head.keeps_open and self.head.status >= HTTPStatus.OK:
            self._pool.put(self._connection)
        else:
            self._pool.drop(self._connection)

    def drain(self) -> None:
        """Read to the end what nobody wants, where it is short and comes at all."""
        if self.body.framed and (self.body.length or 0) < _DRAINED_BYTES:
            with suppress(OutgoingError):
                self.body.readinto(memoryview(bytearray(_DRAINED_BYTES)))

    def expect(self, status: int) -> None:
        """Raise Declined for any other status."""
        if self.head.status != status:
            self.drain()
            raise self.declined()

    def declined(self) -> Declined:
        """The error for a status that is not what was hoped for."""
        return _declined(self.url, self.head, self._advice)


class FileStream:
    """A file, read by one thread.

    Attributes:
        url: where it was found in the end.
        length: how many bytes come from the offset on, None where only its end will tell.
    """

    def __init__(self, reply: Reply, offset: int) -> None:
        """Begins at `offset`, whether or not the server can. Raises BadAnswer."""
        self.url = reply.url
        self.length = reply.body.length
        self._body = reply.body
        if reply.head.status == HTTPStatus.PARTIAL_CONTENT:
            found = _CONTENT_RANGE.fullmatch(reply.head.headers.get("content-range", ""))
            if found is None or int(found[1]) != offset:
                raise BadAnswer(f"{self.url} answers with another range than it was asked for")
        elif offset:
            self._skip(offset)

    def readinto(self, view: memoryview) -> int:
        """Fill a view with what comes next; with less only at the end, and 0 from there on.

        Raises:
            CutShort: the file ended too early.
            BadAnswer, Unreachable: it can't be read on.
        """
        return self._body.readinto(view)

    def _skip(self, count: int) -> None:
        """Read what is known already: this server sends no ranges of this file."""
        if self.length is not None:
            self.length = max(0, self.length - count)
        memory = memoryview(bytearray(min(count, _PIECE_BYTES)))
        while count:
            skipped = self._body.readinto(memory[: min(count, _PIECE_BYTES)])
            if skipped == 0:
                raise BadAnswer(f"{self.url} is shorter than what was read of it before")
            count -= skipped


def document(reply: Reply, limit: int) -> bytes:
    """All of a body, decoded, of at most `limit` bytes both as it comes and as it is.

    Raises:
        BadAnswer: it is larger, or in a coding that was not asked for, or damaged.
        Unreachable: it did not come through.
    """
    coding = reply.head.headers.get("content-encoding", "identity").lower()
    if coding in _GZIP:
        return _gunzipped(reply, limit)
    if coding not in ("identity", ""):
        raise BadAnswer(f"{reply.url} sends a content coding that was not asked for")
    if (reply.body.length or 0) > limit:
        raise _too_large(reply.url, limit)
    return bytes(_received(reply, limit))


def _declined(url: Url, head: Head, advice: str) -> Declined:
    status = head.status
    asked = _SECONDS.fullmatch(head.headers.get("retry-after", ""))
    known = "the credentials that were sent" if url.credentials else "a request without credentials"
    if status == HTTPStatus.UNAUTHORIZED:
        text = f"{url} refuses {known}: {advice}"
    elif status == HTTPStatus.FORBIDDEN:
        text = f"{url} forbids {known} to read there"
    elif status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        text = f"there is nothing at {url}"
    elif status == HTTPStatus.TOO_MANY_REQUESTS:
        text = f"{url} is asked too often"
    else:
        text = f"{url} answers with the status {status}"
    return Declined(text, status, url, int(asked[0]) if asked else None)


def _received(reply: Reply, limit: int) -> bytearray:
    received = bytearray()
    memory = memoryview(bytearray(_PIECE_BYTES))
    while count := reply.body.readinto(memory):
        if len(received) + count > limit:
            raise _too_large(reply.url, limit)
        received += memory[:count]
    return received


def _gunzipped(reply: Reply, limit: int) -> bytes:
    """Decoded as it comes, with one byte more than may be: a bomb is never unpacked."""
    decoder = zlib.decompressobj(wbits=31)
    try:
        decoded = decoder.decompress(_received(reply, limit), limit + 1)
    except zlib.error as error:
        raise BadAnswer(f"{reply.url} sends damaged gzip") from error
    if len(decoded) > limit:
        raise _too_large(reply.url, limit)
    if not decoder.eof or decoder.unused_data:
        raise BadAnswer(f"{reply.url} sends gzip that does not end where its answer does")
    return decoded


def _too_large(url: Url, limit: int) -> BadAnswer:
    return BadAnswer(f"{url} is larger than {limit:,} bytes, which is the most that is read of it")
