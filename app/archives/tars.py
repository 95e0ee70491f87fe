"""Finds one file of a tar while the tar comes by.

A tar's headers are taken apart by `tarfile`; reading on in the stream, past what is not
needed, is done here, since `tarfile` pulls its bytes and holds each member that it has seen.
"""

import tarfile
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias

from app.archives.names import shown
from app.repositories.refused import Refused

#: How many headers are looked at before the search is given up.
HEADERS = 50_000
#: A long name, or what a pax header says besides. A file with more of it is passed over.
EXTENSION_BYTES = 64 * 1024
#: As much as that is read in all, before the search is given up.
EXTENSIONS_BYTES = 8 * 1024 * 1024

_BLOCK = 512
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
#: Where a sparse file's header, and a block after it, say that another block follows.
_SPARSE_MORE, _SPARSE_MORE_AFTER = 482, 504


class InvalidTar(Refused):
    """What can't be read as a tar of one folder; the message says why."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The tar's next bytes: to be handed on, or passed over."""

    length: int
    kept: bool = True


_Reading: TypeAlias = Generator[_Wanted, bytes, bytes | None]


@dataclass(slots=True)
class _Said:
    """What comes before a file's header and is said of it: None where it was not read."""

    name: str | None = ""
    size: int | None = None
    sparse: bool = False


class TarFinder:
    """Finds `TOP/NAME`, where TOP is the one folder at the tar's top.

    Of the tar no more is held than that file and one header. After `done` nothing is looked at
    any more: `found` is the file's content, or None where it was not found within the bounds.
    """

    def __init__(self, name: str, most_bytes: int) -> None:
        self.done = False
        self.found: bytes | None = None
        self._name = name
        self._most_bytes = most_bytes
        self._top = ""
        #: Whether the tar may end before the header that is read now.
        self._may_end = False
        self._kept = bytearray()
        self._reading = self._read()
        self._wanted = next(self._reading)
        self._left_bytes = self._wanted.length

    def feed(self, piece: bytes) -> None:
        """Take some more of the tar. Raises InvalidTar."""
        at = 0
        while at < len(piece) and not self.done:
            end = min(at + self._left_bytes, len(piece))
            if self._wanted.kept:
                self._kept += piece[at:end]
            self._left_bytes -= end - at
            at = end
            while not self._left_bytes and not self.done:
                self._go_on()

    def finish(self) -> None:
        """Take the end of the tar, where the file has not been found. Raises InvalidTar."""
        if not self.done:
            whole = self._may_end and not self._kept
            raise InvalidTar(self._missing() if whole else "the tar is cut short")

    def _go_on(self) -> None:
        kept, self._kept = bytes(self._kept), bytearray()
        try:
            self._wanted = self._reading.send(kept)
            self._left_bytes = self._wanted.length
        except StopIteration as end:
            self.done, self.found = True, end.value

    def _read(self) -> _Reading:
        said = _Said()
        said_bytes = 0
        for number in range(HEADERS):
            # A tar may end without the two empty blocks that it should end with.
            self._may_end = said == _Said() and number > 0
            block = yield _Wanted(_BLOCK)
            self._may_end = False
            if not block.strip(b"\0"):
                raise InvalidTar(self._missing())
            info = _header(block, number == 0)
            if info.type == tarfile.GNUTYPE_LONGNAME or info.type in _PAX:
                data = yield from _extension(info.size)
                said_bytes += len(data or b"")
                if said_bytes > EXTENSIONS_BYTES:
                    return None
                _take(said, info.type, data)
            elif info.type in (tarfile.GNUTYPE_LONGLINK, tarfile.XGLTYPE):
                yield _Wanted(_padded(info.size), kept=False)
            else:
                found = yield from self._file(info, said, block)
                if found is not None:
                    return found
                said = _Said()
        return None

    def _file(self, info: tarfile.TarInfo, said: _Said, block: bytes) -> _Reading:
        """The content of the file if it is the one; else it is passed over."""
        sparse = info.type == tarfile.GNUTYPE_SPARSE
        more = sparse and block[_SPARSE_MORE]
        while more:
            more = (yield _Wanted(_BLOCK))[_SPARSE_MORE_AFTER]
        size = info.size if said.size is None else said.size
        name = said.name if said.name is None else said.name or info.name
        if self._is_wanted(name) and info.isreg() and not sparse and not said.sparse:
            if size > self._most_bytes:
                raise InvalidTar(f"{self._name} takes more than {self._most_bytes:,} bytes")
            return (yield _Wanted(size))
        # Links, folders and devices have no data, whatever size they say.
        if info.isreg() or info.type not in tarfile.SUPPORTED_TYPES:
            yield _Wanted(_padded(size), kept=False)
        return None

    def _is_wanted(self, name: str | None) -> bool:
        segments = [segment for segment in (name or "").split("/") if segment not in ("", ".")]
        if not segments:
            return False
        self._top = self._top or segments[0]
        if segments[0] != self._top:
            raise InvalidTar(
                f"all is to lie in one folder, and there are {shown(self._top)} and"
                f" {shown(segments[0])}"
            )
        return segments == [self._top, self._name]

    def _missing(self) -> str:
        where = f" in its folder {shown(self._top)}" if self._top else ""
        return f"there is no {self._name}{where}"


def _header(block: bytes, first: bool) -> tarfile.TarInfo:
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.TarError as error:
        raise InvalidTar("there is no tar in it" if first else "the tar is broken") from error
    if info.size < 0:
        raise InvalidTar("the tar is broken: a file has a negative size")
    return info


def _extension(size: int) -> _Reading:
    """What is said of the next file, or None where that is too much to be read."""
    if size > EXTENSION_BYTES:
        yield _Wanted(_padded(size), kept=False)
        return None
    data = yield _Wanted(size)
    yield _Wanted(_padded(size) - size, kept=False)
    return data


def _take(said: _Said, kind: bytes, data: bytes | None) -> None:
    if data is None:
        said.name = None
    elif kind == tarfile.GNUTYPE_LONGNAME:
        said.name = _text(data.partition(b"\0")[0])
    else:
        _take_pax(said, data)


def _take_pax(said: _Said, data: bytes) -> None:
    """What a pax header says, as far as it matters: POSIX 1003.1, pax, extended header."""
    at = 0
    while at < len(data):
        length = data[at : at + 20].partition(b" ")[0]
        end = at + int(length) if length.isdigit() else 0
        key, equals, value = data[at + len(length) + 1 : end].partition(b"=")
        if not equals or end > len(data) or not value.endswith(b"\n"):
            raise InvalidTar("the tar is broken: a pax header can't be read")
        at = end
        value = value[:-1]
        if key == b"path":
            said.name = _text(value)
        elif key == b"size" and value.isdigit() and len(value) <= 20:
            said.size = int(value)
        elif key.startswith(b"GNU.sparse."):
            said.sparse = True


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
