"""How the SQLite file of the embedded store is made, and how it is told from another."""

import contextlib
import os
import sqlite3
import time
from pathlib import Path

from storage.metadata.errors import Unavailable, UnknownStore

APPLICATION = 0x5374726D  # "Strm": marks the file as one of ours
LAYOUT = 1

_TABLE = """
CREATE TABLE records (
    partition TEXT NOT NULL,
    sort TEXT NOT NULL,
    body TEXT NOT NULL,       -- the value, JSON
    version INTEGER NOT NULL,
    expires INTEGER,          -- microseconds since 1970, or NULL for never
    PRIMARY KEY (partition, sort)
) WITHOUT ROWID
"""
_BY_EXPIRY = "CREATE INDEX records_by_expiry ON records (expires) WHERE expires IS NOT NULL"


def prepare(path: Path, busy_seconds: float) -> None:
    """Make file and table where they are missing; several processes may do so at once.

    Raises:
        UnknownStore: the file is something else, or of a newer version.
        Unavailable: the folder can't be used, or the file is busy.
        sqlite3.Error: anything else.
    """
    try:
        _make_file(path)
    except OSError as error:
        raise Unavailable(f"{path} can't be opened: {error.strerror}") from error
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)
    try:
        _turn_on_log(connection, path, busy_seconds)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            _make_table(connection, path)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
    finally:
        connection.close()


def _make_file(path: Path) -> None:
    """Make the file, empty where it is new, and its name as durable as what goes into it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # It holds the hashes of passwords: for nobody else to read. The log files that SQLite
    # puts beside it take over its mode.
    # One that is there is never opened here: closing it would let go of the locks that other
    # connections of this process have on it (POSIX), and two of them could write at once.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _turn_on_log(connection: sqlite3.Connection, path: Path, busy_seconds: float) -> None:
    """Switch to WAL. The switch takes no heed of SQLite's own waiting, so it waits here."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
            continue
        if mode != "wal":
            raise UnknownStore(f"{path} lies where SQLite can't share memory (a network disk?)")
        return


def _make_table(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables == 0:
        connection.execute(_TABLE)
        connection.execute(_BY_EXPIRY)
        connection.execute(f"PRAGMA application_id={APPLICATION}")
        connection.execute(f"PRAGMA user_version={LAYOUT}")
    elif application != APPLICATION:
        raise UnknownStore(f"{path} is an SQLite file of another program")
    elif layout != LAYOUT:
        raise UnknownStore(f"{path} has layout {layout}; this version knows {LAYOUT}")
