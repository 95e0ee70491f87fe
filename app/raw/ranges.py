"""The Range header of RFC 9110, section 14. Text in, a range or None out."""

import re
from dataclasses import dataclass

from app.publishing.artifact import Artifact

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,19})-(\d{0,19})", re.ASCII | re.IGNORECASE)


class RangeNotSatisfiable(Exception):
    """The range lies past the end of the file."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the file has {size} bytes")
        self.size = size


@dataclass(frozen=True, slots=True)
class ByteRange:
    """`length` bytes from byte `start` on."""

    start: int
    length: int

    def header(self, size: int) -> str:
        """The Content-Range of a 206."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def parse_range(text: str | None, if_range: str | None, artifact: Artifact) -> ByteRange | None:
    """The one range that is asked for, or None where the whole file is the answer.

    Several ranges, other units and nonsense are answered with the whole file, as section
    14.2 allows; so is a range whose If-Range names another file.

    Raises:
        RangeNotSatisfiable: the range lies past the end.
    """
    found = _RANGE.fullmatch(text.strip()) if text else None
    if found is None or not _holds(if_range, artifact):
        return None
    first, last = found[1], found[2]
    size = artifact.size
    if not first:
        if not last:
            return None
        length = min(int(last), size)
        if length == 0:
            raise RangeNotSatisfiable(size)
        return ByteRange(size - length, length)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable(size)
    end = min(int(last), size - 1) if last else size - 1
    return ByteRange(start, end - start + 1)


def _holds(if_range: str | None, artifact: Artifact) -> bool:
    """If-Range (section 13.1.5), by the tag alone: two files can be of the same second, so a
    date never proves that the rest belongs to what the client has."""
    return not if_range or if_range.strip() == artifact.etag
