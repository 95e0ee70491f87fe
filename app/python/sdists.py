"""What is read in an sdist: its PKG-INFO.

A `.tar.gz` has no directory and can't be read from its end, so that it is looked into while it
streams by, up to a bound: an installer builds an sdist and asks it then what it is, and
nothing in an index depends on its PKG-INFO. A `.zip` is read like a wheel.
"""

import zlib
from collections.abc import Callable

from app.archives.names import shown
from app.archives.strict import open_strictly
from app.archives.tars import InvalidTar, TarFinder
from app.archives.zips import InvalidZip
from app.maven.paths import shortened
from app.python.metadata import METADATA_BYTES
from app.repositories.refused import Refused

PKG_INFO = "PKG-INFO"
#: How much is inflated in search of it. Some tools put it last, and nearly all sdists are less.
INFLATED_BYTES = 256 * 1024 * 1024
#: A gzip may be several after each other, but an sdist is one.
GZIPS = 1000

#: What is inflated at a time.
_PIECE_BYTES = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class InvalidSdist(Refused):
    """A file that is no sdist; the message says why."""


class TarScanner:
    """Finds PKG-INFO in a `.tar.gz` that streams by, holding no more of it than that."""

    def __init__(self, filename: str) -> None:
        self._where = shortened(filename)
        self._finder = TarFinder(PKG_INFO, METADATA_BYTES)
        self._inflating = zlib.decompressobj(_GZIP)
        self._inflated_bytes = 0
        self._gzips = 1
        self._given_up = False

    def feed(self, piece: memoryview) -> None:
        """Take some more of it; once PKG-INFO is found, nothing is done. Raises InvalidSdist."""
        with piece.cast("B") as view:
            for start in range(0, len(view), _PIECE_BYTES):
                if self._is_over:
                    return
                self._inflate(bytes(view[start : start + _PIECE_BYTES]))

    def finish(self) -> bytes | None:
        """PKG-INFO, or None where it does not lie within INFLATED_BYTES and was given up.

        Raises:
            InvalidSdist: the file ends before its gzip or its tar does, or it has no PKG-INFO.
        """
        if self._given_up:
            return None
        try:
            if not self._finder.done and not self._inflating.eof:
                raise InvalidTar("the gzip is cut short")
            self._finder.finish()
        except InvalidTar as error:
            raise InvalidSdist(f"{self._where}: {error}") from error
        return self._finder.found

    @property
    def _is_over(self) -> bool:
        return self._given_up or self._finder.done

    def _inflate(self, packed: bytes) -> None:
        more = True
        while more and not self._is_over:
            if self._inflating.eof and not self._begin_another(packed := packed.lstrip(b"\0")):
                return
            try:
                piece = self._inflating.decompress(packed, _PIECE_BYTES)
                self._finder.feed(piece)
            except zlib.error as error:
                raise InvalidSdist(f"{self._where}: it is no gzip, or a damaged one") from error
            except InvalidTar as error:
                raise InvalidSdist(f"{self._where}: {error}") from error
            self._inflated_bytes += len(piece)
            self._given_up = not self._finder.done and self._inflated_bytes > INFLATED_BYTES
            ended = self._inflating.eof
            packed = self._inflating.unused_data if ended else self._inflating.unconsumed_tail
            # All may be taken, and some of what it inflates to still be kept back.
            more = bool(packed) or (len(piece) == _PIECE_BYTES and not ended)

    def _begin_another(self, packed: bytes) -> bool:
        """Begin a gzip that follows on another, if there is one: zeros may follow, too."""
        if not packed:
            return False
        self._gzips += 1
        self._given_up = self._gzips > GZIPS
        self._inflating = zlib.decompressobj(_GZIP)
        return not self._given_up


def read_zip_sdist(filename: str, size: int, read: Callable[[int, int], bytes]) -> bytes | None:
    """PKG-INFO of a complete `.zip` of that size, or None where the zip's directory is too large.

    Args:
        filename: for messages.
        size: in bytes.
        read: gives the bytes from a position on, as many as asked for. It is called at most
            `strict.READS` times, for at most `strict.READ_BYTES` in all, and what it raises is
            passed on.

    Raises:
        InvalidSdist: no zip, or one that not every reader reads alike, or no PKG-INFO in it.
    """
    try:
        zipped = open_strictly(size, read, "sdist")
        if zipped is None:
            return None
        tops = sorted({name.partition("/")[0] for name in zipped.names})
        if len(tops) != 1:
            found = " and ".join(shown(top) for top in tops[:2]) or "none"
            raise InvalidZip(f"all is to lie in one folder, and there are {found}")
        name = f"{tops[0]}/{PKG_INFO}"
        if name not in zipped.names:
            raise InvalidZip(f"there is no {PKG_INFO} in its folder {shown(tops[0])}")
        return zipped.read({name: METADATA_BYTES})[0]
    except InvalidZip as error:
        raise InvalidSdist(f"{shortened(filename)}: {error}") from error
