"""The headers of an upload in pieces: text in, values out.

`Content-Range` (RFC 9110, section 14.4) says where a piece lies; `Upload-Length` is the name
that both the IETF's draft of resumable uploads and tus give the length of the whole.
"""

import re

from app.publishing.expectations import Expectations
from app.publishing.sessions_pieces import Piece

_RANGE = re.compile(
    r"bytes[ \t]+(?:([0-9]{1,16})-([0-9]{1,16})|(\*))/(?:([0-9]{1,16})|(\*))",
    re.ASCII | re.IGNORECASE,
)
_LENGTH = re.compile(r"[0-9]{1,16}", re.ASCII)


class InvalidUpload(Exception):
    """A header of an upload that can't be read, or is missing; the message says what to send."""


def parse_piece(text: str | None, expectations: Expectations) -> Piece:
    """Where a piece lies, by its Content-Range. Raises InvalidUpload."""
    if text is None:
        raise InvalidUpload(
            "say where the piece lies: Content-Range: bytes FIRST-LAST/LENGTH, with * for a"
            " length that is not known yet"
        )
    found = _RANGE.fullmatch(text.strip())
    if found is None or (found[3] and found[5]):
        raise InvalidUpload(
            "Content-Range is bytes FIRST-LAST/LENGTH, bytes FIRST-LAST/* or bytes */LENGTH"
        )
    total = None if found[5] else int(found[4])
    if found[3]:
        return Piece(0, 0, total, expectations)
    first, last = int(found[1]), int(found[2])
    if last < first:
        raise InvalidUpload("Content-Range ends before it begins: its last byte is included")
    if total is not None and last >= total:
        raise InvalidUpload("Content-Range goes past the length that it tells")
    return Piece(first, last - first + 1, total, expectations)


def parse_length(text: str | None) -> int | None:
    """The length of the file by `Upload-Length`, None without it. Raises InvalidUpload."""
    if text is None:
        return None
    if not _LENGTH.fullmatch(text.strip()):
        raise InvalidUpload("Upload-Length is the number of bytes of the file")
    return int(text)
