"""Whether a jar is a Maven plugin, and by which prefix it is called.

A plugin has a descriptor in its jar. A zip's directory names its files in clear, so that while
a jar streams by it is known whether it can be one; only such a jar is looked into, once it is
complete, by a few ranges from its end. `zipfile` is not used for that: it reads what it likes,
and trusts the sizes that it finds.
"""

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from app.maven.documents import Buffer, Document, DocumentReader, InvalidDocument, Wanted
from app.maven.paths import quoted
from app.repositories.refused import Refused

DESCRIPTOR = b"META-INF/maven/plugin.xml"
#: What looking into a jar may take; the bounds below add up to less.
READS = 4
READ_BYTES = 2 * 1024 * 1024
#: The end of a zip with the longest comment, and with zip64's two records before it.
TAIL_BYTES = 22 + 65_535 + 20 + 56
#: Some 10,000 files. A jar of more is not looked into: it is stored, but its prefix is not known.
DIRECTORY_BYTES = 1024 * 1024
#: The descriptor as it lies in the zip, and inflated.
PACKED_BYTES = 768 * 1024
DESCRIPTOR_BYTES = 1024 * 1024
#: What a file's local header has beside its name, mostly. Where it has more, it is read again.
_EXTRA_BYTES = 1024
#: What is inflated, and what is searched, at a time.
_PIECE_BYTES = 64 * 1024

# What is read of the structures of a zip: APPNOTE 6.3, sections 4.3.7 to 4.3.16.
_LOCAL = struct.Struct("<4s22xHH")
_ENTRY = struct.Struct("<4s4xHH4xIIIHHH8xI")
_END = struct.Struct("<4s8xIIH")
_END_64 = struct.Struct("<4s36xQQ")
_LOCATOR_64 = struct.Struct("<4s16x")
_ENCRYPTED = 0x1
_STORED, _DEFLATED = 0, 8
_ELSEWHERE = 0xFFFFFFFF

_PREFIX = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_ID = re.compile(r"[A-Za-z0-9_.-]+")
_GOAL_PREFIX = ("plugin", "goalPrefix")
_GROUP = ("plugin", "groupId")
_ARTIFACT = ("plugin", "artifactId")
_NAME = ("plugin", "name")
_WANTED = Wanted(
    root="plugin",
    texts=frozenset({_GOAL_PREFIX, _GROUP, _ARTIFACT}),
    excerpts=frozenset({_NAME}),
)


class InvalidPlugin(Refused):
    """A jar with a plugin's descriptor that can't be read; the message says why."""


@dataclass(frozen=True, slots=True)
class PluginDescriptor:
    """What a plugin says of itself; the name is the artifact's where it has none."""

    prefix: str
    artifact: str
    name: str
    group: str


class Scanner:
    """Tells of bytes that stream by whether they name a plugin's descriptor anywhere."""

    def __init__(self) -> None:
        self.found = False
        self._overlap = b""

    def feed(self, piece: Buffer) -> None:
        """Look at some more; of it no more is kept than what the name could begin in."""
        with memoryview(piece).cast("B") as view:
            for start in range(0, 0 if self.found else len(view), _PIECE_BYTES):
                # Bytes are searched several times as fast as a view is, the copy included.
                part = self._overlap + bytes(view[start : start + _PIECE_BYTES])
                self._overlap = part[1 - len(DESCRIPTOR) :]
                if DESCRIPTOR in part:
                    self.found = True
                    return


def read_plugin(size: int, read: Callable[[int, int], bytes]) -> PluginDescriptor | None:
    """The descriptor in a complete jar of that size, or None where there is none, or where the
    jar's directory takes more than DIRECTORY_BYTES.

    Args:
        size: of the jar, in bytes.
        read: gives the bytes from a position on, as many as asked for. It is called at most
            READS times, for at most READ_BYTES in all, and what it raises is passed on.

    Raises:
        InvalidPlugin: it is no zip, its descriptor is broken or too large, or says no proper
            prefix, group or artifact.
    """
    zipped = _Zip(size, read)
    directory = zipped.directory()
    entry = None if directory is None else _entry(directory)
    if entry is None:
        return None
    return _descriptor(_inflated(zipped.packed(entry), entry))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file as a zip's directory has it."""

    method: int
    crc: int
    packed_bytes: int
    position: int


class _Zip:
    """A complete zip, whose last bytes are read at once."""

    def __init__(self, size: int, read: Callable[[int, int], bytes]) -> None:
        self._size = size
        self._read_range = read
        self._tail_start = max(0, size - TAIL_BYTES)
        self._tail = self._read(self._tail_start, size - self._tail_start)
        #: What was put before the zip, as in a jar that a shell can start: positions in the
        #: zip count from behind it.
        self._before = 0

    def directory(self) -> bytes | None:
        """The directory, or None where it is too large to be read."""
        end, length, position = self._end()
        start = end - length
        self._before = start - position
        if start < 0 or self._before < 0:
            raise InvalidPlugin("the zip's directory does not lie where its end says")
        if length > DIRECTORY_BYTES:
            return None
        split = max(start, self._tail_start)
        front = self._read(start, split - start)
        return front + self._tail[split - self._tail_start : end - self._tail_start]

    def packed(self, entry: _Entry) -> bytes:
        """A file as it lies in the zip."""
        if entry.packed_bytes > PACKED_BYTES:
            raise InvalidPlugin(f"plugin.xml takes more than {PACKED_BYTES:,} bytes in the jar")
        start = self._before + entry.position
        expected = _LOCAL.size + len(DESCRIPTOR) + _EXTRA_BYTES + entry.packed_bytes
        found = self._read(start, min(expected, max(self._size - start, 0)))
        if len(found) < _LOCAL.size:
            raise InvalidPlugin("plugin.xml does not lie where the zip's directory says")
        signature, name_bytes, extra_bytes = _LOCAL.unpack_from(found)
        name = found[_LOCAL.size : _LOCAL.size + name_bytes]
        if signature != b"PK\3\4" or name != DESCRIPTOR:
            raise InvalidPlugin("plugin.xml does not lie where the zip's directory says")
        data = _LOCAL.size + name_bytes + extra_bytes
        end = data + entry.packed_bytes
        if end > len(found):
            if start + end > self._size:
                raise InvalidPlugin("plugin.xml ends beyond the jar")
            found += self._read(start + len(found), end - len(found))
        return found[data:end]

    def _end(self) -> tuple[int, int, int]:
        """Where the directory ends, how long it is, and where the zip says that it begins."""
        tail = self._tail
        at = tail.rfind(b"PK\5\6")
        while at >= 0:
            if at + _END.size <= len(tail):
                _, length, position, comment = _END.unpack_from(tail, at)
                # A comment may have the signature in it, but then it does not end with the jar.
                if at + _END.size + comment == len(tail):
                    if _ELSEWHERE in (length, position):
                        return self._end_64(at)
                    return self._tail_start + at, length, position
            at = tail.rfind(b"PK\5\6", 0, at + 3)
        raise InvalidPlugin("the jar is no zip, or goes on after the zip's end")

    def _end_64(self, end: int) -> tuple[int, int, int]:
        locator = end - _LOCATOR_64.size
        record = locator - _END_64.size
        if record >= 0 and self._tail.startswith(b"PK\6\7", locator):
            signature, length, position = _END_64.unpack_from(self._tail, record)
            if signature == b"PK\6\6":
                return self._tail_start + record, length, position
        raise InvalidPlugin("the zip's end says that it is a zip64, and it is none")

    def _read(self, start: int, length: int) -> bytes:
        if not length:
            return b""
        found = self._read_range(start, length)
        if len(found) != length:
            raise InvalidPlugin("the jar is shorter than it should be")
        return found


def _entry(directory: bytes) -> _Entry | None:
    """The descriptor in a directory."""
    if DESCRIPTOR not in directory:
        return None
    found: _Entry | None = None
    at = 0
    while at + _ENTRY.size <= len(directory):
        (signature, flags, method, crc, packed, size, name, extra, comment, position) = (
            _ENTRY.unpack_from(directory, at)
        )
        if signature != b"PK\1\2":
            break
        name_at = at + _ENTRY.size
        extra_at = name_at + name
        at = extra_at + extra + comment
        if directory[name_at:extra_at] != DESCRIPTOR:
            continue
        if found is not None:
            raise InvalidPlugin("plugin.xml is in the jar twice")
        if flags & _ENCRYPTED or method not in (_STORED, _DEFLATED):
            raise InvalidPlugin("plugin.xml is encrypted, or compressed by other than deflate")
        large = _Large(directory[extra_at : extra_at + extra])
        large.number(size)
        found = _Entry(method, crc, large.number(packed), large.number(position))
    if at != len(directory):
        raise InvalidPlugin("the zip's directory is broken")
    return found


class _Large:
    """The numbers that do not fit into an entry: they lie in an extra field, in its order."""

    def __init__(self, extra: bytes) -> None:
        self._numbers = b""
        while len(extra) >= 4:
            kind, length = struct.unpack_from("<HH", extra)
            if kind == 1:
                self._numbers = extra[4 : 4 + length]
                return
            extra = extra[4 + length :]

    def number(self, short: int) -> int:
        """A number of the entry, or else the next of the field."""
        if short != _ELSEWHERE:
            return short
        if len(self._numbers) < 8:
            raise InvalidPlugin("the zip's directory is broken: a number of zip64 is missing")
        number = int.from_bytes(self._numbers[:8], "little")
        self._numbers = self._numbers[8:]
        return number


def _inflated(packed: bytes, entry: _Entry) -> Document:
    """The descriptor as a document: inflated piece by piece, so that no more than a piece is
    there beyond the bound, whatever size its header promises."""
    reader = DocumentReader(_WANTED, DESCRIPTOR_BYTES)
    crc = 0
    try:
        if entry.method == _STORED:
            reader.feed(packed)
            crc = zlib.crc32(packed)
        else:
            inflating = zlib.decompressobj(-zlib.MAX_WBITS)
            while not inflating.eof:
                piece = inflating.decompress(packed, _PIECE_BYTES)
                packed = inflating.unconsumed_tail
                if not piece and not inflating.eof:
                    raise InvalidPlugin("plugin.xml is compressed data without its end")
                reader.feed(piece)
                crc = zlib.crc32(piece, crc)
        if crc != entry.crc:
            raise InvalidPlugin("plugin.xml does not have the checksum that the zip says")
        return reader.finish()
    except zlib.error as error:
        raise InvalidPlugin("plugin.xml can't be inflated") from error
    except InvalidDocument as error:
        raise InvalidPlugin(f"plugin.xml: {error}") from error


def _descriptor(document: Document) -> PluginDescriptor:
    prefix = document.texts.get(_GOAL_PREFIX, "")
    if not _PREFIX.fullmatch(prefix):
        raise InvalidPlugin(
            f"plugin.xml: goalPrefix has 1 to 100 of A-Z, a-z, 0-9, '_', '.' and '-', and is"
            f" {quoted(prefix)}"
        )
    for path in (_GROUP, _ARTIFACT):
        if not _ID.fullmatch(document.texts.get(path, "")):
            raise InvalidPlugin(
                f"plugin.xml: {path[-1]} is of A-Z, a-z, 0-9, '_', '.' and '-', and is"
                f" {quoted(document.texts.get(path, ''))}"
            )
    artifact = document.texts[_ARTIFACT]
    return PluginDescriptor(
        prefix=prefix,
        artifact=artifact,
        name=document.texts.get(_NAME) or artifact,
        group=document.texts[_GROUP],
    )
