"""A file on a disk as a body: streamed, and refused where it changes meanwhile."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from app.importing.candidate import NotTaken
from app.importing.folder import Found
from app.maven.checks import ChecksumDiffers, parse_checksum
from app.maven.paths import quoted
from app.publishing.digests import new_hash

PIECE_BYTES = 1024 * 1024
_CHECKSUM_BYTES = 1024
#: A pipe put in a file's place is not waited for, and a link put there is not followed.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Unreadable(NotTaken):
    """A file that can't be read, or changed while it was; the message says why."""


class Source:
    """An open file, read by one thread; may be read again from its beginning."""

    def __init__(self, found: Found, moved: Callable[[int], None] = lambda _: None) -> None:
        """`moved` is told how many bytes were read. Raises Unreadable."""
        self._moved = moved
        with _errors():
            self._file = os.open(found.at, _FLAGS)
        try:
            with _errors():
                self._began = os.fstat(self._file)
            if not stat.S_ISREG(self._began.st_mode):
                raise Unreadable("it is no file any more")
        except BaseException:
            os.close(self._file)
            raise
        self.length = self._began.st_size
        self._offset = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def rewind(self) -> None:
        """Begin again."""
        self._offset = 0

    def readinto(self, view: memoryview) -> int:
        """Fill a view with what comes next, 0 at the end. Raises Unreadable."""
        wanted = min(len(view), self.length - self._offset, PIECE_BYTES)
        if wanted == 0:
            return 0
        with _errors():
            count = os.preadv(self._file, [view[:wanted]], self._offset)
        self._offset += count
        if count == 0 or (self._offset == self.length and self._has_changed()):
            raise Unreadable("it changed while it was read: run the import again")
        self._moved(self._offset)
        return count

    def read_at(self, start: int, length: int) -> bytes:
        """Bytes from anywhere. Raises Unreadable."""
        with _errors():
            return os.pread(self._file, length, start)

    def pieces(self) -> Iterator[memoryview]:
        """All of it, in pieces that are overwritten by the next."""
        self.rewind()
        memory = memoryview(bytearray(max(1, min(PIECE_BYTES, self.length))))
        while count := self.readinto(memory):
            yield memory[:count]

    def _has_changed(self) -> bool:
        with _errors():
            now = os.fstat(self._file)
        before = self._began
        return (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns)


def digests_of(
    source: Source,
    algorithms: Iterable[str],
    also: Callable[[memoryview], None] = lambda _: None,
) -> dict[str, str]:
    """The digests of a file, in hexadecimal; `also` is told its pieces. Raises Unreadable."""
    hashes = {name: new_hash(name) for name in algorithms}
    for piece in source.pieces():
        for digest in hashes.values():
            digest.update(piece)
        also(piece)
    return {name: digest.hexdigest() for name, digest in hashes.items()}


def read_checksum(found: Found, algorithm: str) -> str:
    """The digest in a checksum file. Raises Unreadable, whose message names the file."""
    try:
        if found.problem is not None:
            raise Unreadable(found.problem)
        if found.size > _CHECKSUM_BYTES:
            raise Unreadable(f"a checksum file takes at most {_CHECKSUM_BYTES} bytes")
        with Source(found) as source:
            return parse_checksum(found.path, algorithm, source.read_at(0, _CHECKSUM_BYTES))
    except (Unreadable, ChecksumDiffers) as error:
        raise Unreadable(f"its checksum file {quoted(found.name)}: {error}") from error


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unreadable(f"can't be read: {error.strerror}") from error
