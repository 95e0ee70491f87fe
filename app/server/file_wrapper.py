"""`wsgi.file_wrapper` (PEP 3333): how an application hands over a file to be sent."""

from collections.abc import Callable
from typing import Protocol

from app.server.limits import KIB


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class FileWrapper:
    """`wsgi.file_wrapper`: an open file, sent from where it stands."""

    __slots__ = ("close", "file")

    def __init__(self, file: Readable, _block_bytes: int = 0) -> None:
        self.file = file
        self.close: Callable[[], None] = getattr(file, "close", _nothing)

    def __iter__(self) -> "FileWrapper":
        return self

    def __next__(self) -> bytes:
        piece = self.file.read(256 * KIB)
        if not piece:
            raise StopIteration
        return piece


def _nothing() -> None:
    """A file that can't be closed needs no closing."""
