"""A zip that is complete, read by a few ranges from its end.

`zipfile` is not used for that: it reads what it likes, and trusts the sizes that it finds. What
is read here is bounded before it is read, and what is inflated comes piece by piece. Nothing is
asked of a zip beyond what has to hold for it to be read; `app.archives.strict` asks for more.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.repositories.refused import Refused

#: The end of a zip with the longest comment, and with zip64's two records before it.
TAIL_BYTES = 22 + 65_535 + 20 + 56
#: What is inflated at a time.
PIECE_BYTES = 64 * 1024
#: Bits of a file's flags: APPNOTE 6.3, section 4.4.4.
ENCRYPTED = 0x1
STORED, DEFLATED = 0, 8

# The structures of a zip: APPNOTE 6.3, sections 4.3.7 to 4.3.16.
LOCAL = struct.Struct("<4s2xHH4xIIIHH")
_ENTRY = struct.Struct("<4s2xBxHH4xIIIHHH8xI")
_END = struct.Struct("<4sHHHHIIH")
_END_64 = struct.Struct("<4sQ4xIIQQQQ")
_LOCATOR_64 = struct.Struct("<4sIQI")
_ELSEWHERE = 0xFFFFFFFF
_LARGE = 1  # the extra field of zip64


class InvalidZip(Refused):
    """What can't be read as a zip; the message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as a zip's directory has it; the position is that of its local header.

    `needed_version` is that of APPNOTE which a reader has to know, as 63 for 6.3.
    """

    name: bytes
    needed_version: int
    flags: int
    method: int
    crc: int
    packed_bytes: int
    inflated_bytes: int
    position: int
    extra: bytes
    comment_bytes: int


@dataclass(frozen=True, slots=True)
class Local:
    """The header in front of a file, as it is; the data begins `data` bytes after its start."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed_bytes: int
    inflated_bytes: int
    extra: bytes
    data: int


@dataclass(frozen=True, slots=True)
class End:
    """Where the directory ends, and where and how long it is by the zip's own words.

    `sound` is whether the records at the end agree with each other, so that every reader finds
    the same directory: there is one end, on one disk, and that of a zip64 says the same.
    """

    position: int
    directory_bytes: int
    directory_position: int
    entries: int
    sound: bool


class Zip:
    """A complete zip, whose last bytes are read at once.

    Args:
        size: of the zip, in bytes.
        read: gives the bytes from a position on, as many as asked for. It is called for
            `most_bytes` in all at most, and what it raises is passed on.
        called: what the zip is, in messages: a jar, a wheel.
    """

    def __init__(
        self, size: int, read: Callable[[int, int], bytes], called: str, most_bytes: int
    ) -> None:
        self.size = size
        self._called = called
        self._read_range = read
        self._most_bytes = self._left_bytes = most_bytes
        self._tail_start = max(0, size - TAIL_BYTES)
        self._tail = self.read(self._tail_start, size - self._tail_start)
        self.end = self._end()
        self.directory_start = self.end.position - self.end.directory_bytes
        #: What was put before the zip, as in a jar that a shell can start: positions in the
        #: zip count from behind it.
        self.before = self.directory_start - self.end.directory_position
        if self.directory_start < 0 or self.before < 0:
            raise InvalidZip("the zip's directory does not lie where its end says")

    def directory(self, most_bytes: int) -> bytes | None:
        """The directory, or None where it is too large to be read."""
        if self.end.directory_bytes > most_bytes:
            return None
        split = max(self.directory_start, self._tail_start)
        front = self.read(self.directory_start, split - self.directory_start)
        return front + self._tail[split - self._tail_start : self.end.position - self._tail_start]

    def read(self, start: int, length: int) -> bytes:
        """A range of the zip."""
        if not length:
            return b""
        if length > self._left_bytes:
            raise InvalidZip(
                f"more than {self._most_bytes:,} bytes of the {self._called} would have to be read"
            )
        self._left_bytes -= length
        found = self._read_range(start, length)
        if len(found) != length:
            raise InvalidZip(f"the {self._called} is shorter than it should be")
        return found

    def held(self, start: int, length: int) -> bytes:
        """A range of the zip, without a read where it lies in the zip's last bytes."""
        if start < self._tail_start:
            return self.read(start, length)
        return self._tail[start - self._tail_start :][:length]

    def _end(self) -> End:
        tail = self._tail
        at = last = tail.rfind(b"PK\5\6")
        while at >= 0:
            if at + _END.size <= len(tail):
                _, disk, first_disk, here, entries, length, position, comment = _END.unpack_from(
                    tail, at
                )
                # A comment may have the signature in it, but then it does not end with the zip.
                if at + _END.size + comment == len(tail):
                    sound = at == last and disk == first_disk == 0 and here == entries
                    short = End(self._tail_start + at, length, position, entries, sound)
                    return self._end_64(at, short)
            at = tail.rfind(b"PK\5\6", 0, at + 3)
        raise InvalidZip(f"the {self._called} is no zip, or goes on after the zip's end")

    def _end_64(self, at: int, short: End) -> End:
        """What zip64's records before the end say, or else the end itself."""
        locator = at - _LOCATOR_64.size
        record = locator - _END_64.size
        located = locator >= 0 and self._tail.startswith(b"PK\6\7", locator)
        # They may be there where the end could have said all: zipfile writes so from 2 GiB on.
        if located and record >= 0 and self._tail.startswith(b"PK\6\6", record):
            _, rest, disk, first_disk, here, entries, length, position = _END_64.unpack_from(
                self._tail, record
            )
            _, place_disk, place, disks = _LOCATOR_64.unpack_from(self._tail, locator)
            start = self._tail_start + record
            sound = (
                short.sound
                and (disk, first_disk, place_disk, disks) == (0, 0, 0, 1)
                and (rest, here, place) == (_END_64.size - 12, entries, start)
                and short.directory_bytes in (length, _ELSEWHERE)
                and short.directory_position in (position, _ELSEWHERE)
                and short.entries in (entries, 0xFFFF)
            )
            return End(start, length, position, entries, sound)
        if _ELSEWHERE in (short.directory_bytes, short.directory_position):
            raise InvalidZip("the zip's end says that it is a zip64, and it is none")
        sound = short.sound and not located
        return End(
            short.position, short.directory_bytes, short.directory_position, short.entries, sound
        )


def entries(directory: bytes, named: bytes | None = None) -> Iterator[Entry]:
    """What is in a directory, or in it under that name, in its order. Raises InvalidZip."""
    at = 0
    while at + _ENTRY.size <= len(directory):
        (signature, needed, flags, method, crc, packed, size, name, extra, comment, position) = (
            _ENTRY.unpack_from(directory, at)
        )
        if signature != b"PK\1\2":
            break
        name_at = at + _ENTRY.size
        extra_at = name_at + name
        at = extra_at + extra + comment
        if named is None or directory[name_at:extra_at] == named:
            fields = directory[extra_at : extra_at + extra]
            size, packed, position = numbers(fields, size, packed, position)
            numbered = (needed, flags, method, crc, packed, size, position)
            yield Entry(directory[name_at:extra_at], *numbered, fields, comment)
    if at != len(directory):
        raise InvalidZip("the zip's directory is broken")


def local_header(found: bytes) -> Local | None:
    """The header that bytes begin with, or None; it may go on after them."""
    if len(found) < LOCAL.size or not found.startswith(b"PK\3\4"):
        return None
    _, flags, method, crc, packed, size, name, extra = LOCAL.unpack_from(found)
    extra_at = LOCAL.size + name
    data = extra_at + extra
    fields = found[extra_at:data]
    return Local(found[LOCAL.size : extra_at], flags, method, crc, packed, size, fields, data)


def extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Fields of an extra field and their kinds; the last may be cut, or a rest of no kind (-1)."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        yield kind, extra[4 : 4 + length]
        if 4 + length > len(extra):
            yield -1, b""
        extra = extra[4 + length :]
    if extra:
        yield -1, extra


def numbers(extra: bytes, *short: int) -> list[int]:
    """Numbers of a header, of which those that do not fit into it lie in an extra field, in the
    order size, packed size, position. Raises InvalidZip."""
    if _ELSEWHERE not in short:
        return [*short]
    large = next((field for kind, field in extra_fields(extra) if kind == _LARGE), b"")
    found = [*short]
    for place, number in enumerate(short):
        if number == _ELSEWHERE:
            if len(large) < 8:
                raise InvalidZip("the zip's directory is broken: a number of zip64 is missing")
            found[place] = int.from_bytes(large[:8], "little")
            large = large[8:]
    return found


def inflated(packed: bytes, entry: Entry, called: str) -> Iterator[bytes]:
    """A file from its data, piece by piece: no more than a piece is there at a time, whatever
    size its header promises. Raises InvalidZip."""
    crc = 0
    if entry.method == STORED:
        yield packed
        crc = zlib.crc32(packed)
    else:
        inflating = zlib.decompressobj(-zlib.MAX_WBITS)
        while not inflating.eof:
            try:
                piece = inflating.decompress(packed, PIECE_BYTES)
            except zlib.error as error:
                raise InvalidZip(f"{called} can't be inflated") from error
            packed = inflating.unconsumed_tail
            if not piece and not inflating.eof:
                raise InvalidZip(f"{called} is compressed data without its end")
            crc = zlib.crc32(piece, crc)
            yield piece
    if crc != entry.crc:
        raise InvalidZip(f"{called} does not have the checksum that the zip says")
