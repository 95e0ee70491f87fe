"""What SQLite's errors mean to a caller, in one table."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.metadata.errors import (
    Corrupted,
    MetadataError,
    OutcomeUnknown,
    StoreFull,
    Unavailable,
)


@contextmanager
def translated(path: Path, *, committing: bool = False) -> Iterator[None]:
    """Translate what SQLite raises about the file; `committing`, it may have been done."""
    try:
        yield
    except sqlite3.Error as error:
        raise _meaning(path, error, committing) from error


def lock_trouble(path: Path, error: OSError) -> MetadataError:
    """What it means that the file beside it, by which writers take turns, can't be used."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"no room beside {path}: {error.strerror}")
    return Unavailable(f"no turn can be taken at writing {path}: {error.strerror}")


def _meaning(path: Path, error: sqlite3.Error, committing: bool) -> MetadataError:
    # The low byte is the primary result code (sqlite.org/rescode.html).
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Unavailable(f"{path} is busy: {error}")
        case sqlite3.SQLITE_FULL:
            return StoreFull(f"no room for {path}: {error}")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return Corrupted(f"{path} is damaged, restore it from a backup: {error}")
        case sqlite3.SQLITE_IOERR if committing:
            return OutcomeUnknown(f"{path} could not be synced: {error}")
    return Unavailable(f"{path} can't be used: {error}")
