"""A download whose bytes are in memory already: of a small file, or of the store in memory."""

from collections.abc import Iterator
from typing import Final

from storage.blobs.interface import OpenFile

_PIECE_BYTES: Final = 1024 * 1024


class HeldDownload:
    """See `Download`. Nothing is open, so closing it changes nothing."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def file(self) -> OpenFile | None:
        return None

    def __iter__(self) -> Iterator[bytes]:
        # One piece is the very bytes: a slice of all of them makes no copy.
        return (
            self._data[start : start + _PIECE_BYTES]
            for start in range(0, len(self._data), _PIECE_BYTES)
        )

    def close(self) -> None:
        """Nothing is open."""
