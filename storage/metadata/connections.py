"""SQLite connections, shared by the threads of a process and by no two processes.

SQLite keeps its file locks in memory of the process, so that a connection that is open when
a process forks makes every later one of the child unsafe, even a new one. Hence the pool
closes what it holds before a fork: parent and child both open anew.
"""

import os
import sqlite3
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from storage.metadata.write_turns import WriteTurns

FORK_SECONDS = 10.0  # that a fork waits for calls under way
LOG_BYTES = 64 * 1024 * 1024  # what the write-ahead log keeps of the disk after a large write


class Connections:
    """The open connections to one file. May be used from many threads."""

    def __init__(self, path: Path, busy_seconds: float) -> None:
        self._uri = f"file:{quote(str(path))}?mode=rw"  # rw: a store that vanished is an error
        self._busy_seconds = busy_seconds
        self._idle: deque[sqlite3.Connection] = deque()  # its ends are atomic
        self._open: set[sqlite3.Connection] = set()  # idle or lent
        self._stranded: set[sqlite3.Connection] = set()
        self._gate = threading.Lock()
        self._held_for_fork = False
        self.writing = WriteTurns(path)
        _before_fork(self)

    def take(self) -> sqlite3.Connection:
        """Lend a connection, which must be given back or dropped.

        Raises:
            sqlite3.Error: it could not be opened.
        """
        try:
            return self._idle.pop()
        except IndexError:
            with self._gate:
                return self._connect()

    def give_back(self, connection: sqlite3.Connection) -> None:
        """Take back a connection that is in no transaction."""
        self._idle.append(connection)

    def drop(self, connection: sqlite3.Connection) -> None:
        """Close a connection that nobody should use again."""
        connection.close()
        self._open.discard(connection)

    def close(self) -> None:
        """Close the connections that are idle; a later `take` opens anew."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return
            self.drop(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._uri,
            uri=True,
            timeout=self._busy_seconds,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,  # one text for each number of keys in a get, and the rest
        )
        # FULL: a commit is on the disk before it is acknowledged, also in WAL mode.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute(f"PRAGMA journal_size_limit={LOG_BYTES}")
        self._open.add(connection)
        return connection

    def hold_for_fork(self) -> None:
        """Let nobody open a connection, and close them all as they come back."""
        self._held_for_fork = self.writing.hold_for_fork(FORK_SECONDS)
        self._gate.acquire()
        deadline = time.monotonic() + FORK_SECONDS
        self.close()
        while self._open and time.monotonic() < deadline:
            time.sleep(0.001)
            self.close()

    def go_on(self) -> None:
        """Undo `hold_for_fork`, in the parent."""
        self._gate.release()
        if self._held_for_fork:
            self.writing.go_on()

    def start_anew(self) -> None:
        """Undo `hold_for_fork`, in the child, whose one thread holds nothing."""
        self._gate = threading.Lock()
        self.writing.start_anew()
        # What a thread of the parent did not give back in time is the parent's: not even
        # closed here, because closing writes.
        self._stranded |= self._open
        self._open = set()


def _before_fork(connections: Connections) -> None:
    """Have the pool told of forks for as long as it lives (a hook can't be taken back)."""
    reference = weakref.ref(connections)

    def tell(what: Callable[[Connections], None]) -> Callable[[], None]:
        def hook() -> None:
            alive = reference()
            if alive is not None:
                what(alive)

        return hook

    os.register_at_fork(
        before=tell(Connections.hold_for_fork),
        after_in_parent=tell(Connections.go_on),
        after_in_child=tell(Connections.start_anew),
    )
