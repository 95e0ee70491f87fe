"""One writer at a time, of all processes of the machine: threads by a lock, processes by `flock`.

SQLite allows one writer anyway, but lets a checkpoint of one connection run beside a commit of
another. Up to version 3.51.2 the two can, in a rare race, mark pages of the log as copied that
were not (the WAL-reset bug of sqlite.org/wal.html), which damages the file. A checkpoint runs at
the end of the commit that filled the log, so where commits take turns, neither meets the other.

A process that waits looks again and again, and would never find the file free where the threads of
another follow each other closely. So who waits says so, by a lock that he shares with others who
do, and a process that sees it for a while lets one turn pass.
"""

import fcntl
import os
import random
import threading
import time
from pathlib import Path

POLL_SECONDS = 0.002  # about what a commit takes
#: For how long a process goes on while others wait, and then leaves the file alone: longer than
#: any of them sleeps between two looks.
TURN_SECONDS = 0.02
PAUSE_SECONDS = 2 * POLL_SECONDS


class WriteTurns:
    """Turns at writing one file. The kernel ends the turn of a process that dies."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}-writing")
        self._waiting_path = path.with_name(f"{path.name}-waiting")
        self._threads = threading.Lock()
        self._file: int | None = None
        self._waiting: int | None = None
        self._waited_since: float | None = None  # others, while this process had its turns

    def take(self, seconds: float) -> bool:
        """Wait for a turn; False where there was none in time. Raises OSError."""
        deadline = time.monotonic() + seconds
        if not self._threads.acquire(timeout=seconds):
            return False
        try:
            taken = self._take_file(deadline)
        except BaseException:
            self._threads.release()
            raise
        if not taken:
            self._threads.release()
        return taken

    def give_back(self) -> None:
        """End the turn."""
        try:
            if self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)
                self._look_for_others()
        finally:
            self._threads.release()

    def _take_file(self, deadline: float) -> bool:
        file, waiting = self._opened()
        since = self._waited_since
        if since is not None and time.monotonic() - since > TURN_SECONDS:
            self._waited_since = None
            time.sleep(PAUSE_SECONDS)
        if _locked(file, fcntl.LOCK_EX):
            return True
        self._waited_since = None  # another has it: it is his turn
        try:
            while time.monotonic() <= deadline:
                _locked(waiting, fcntl.LOCK_SH)  # unless somebody looks for it just now
                time.sleep(POLL_SECONDS * random.uniform(0.5, 1.5))
                if _locked(file, fcntl.LOCK_EX):
                    return True
            return False
        finally:
            fcntl.flock(waiting, fcntl.LOCK_UN)

    def _look_for_others(self) -> None:
        """Note since when others wait while this process takes its turns."""
        _, waiting = self._opened()
        if _locked(waiting, fcntl.LOCK_EX):
            fcntl.flock(waiting, fcntl.LOCK_UN)
            self._waited_since = None
        elif self._waited_since is None:
            self._waited_since = time.monotonic()

    def _opened(self) -> tuple[int, int]:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        if self._file is None:
            self._file = os.open(self._path, flags, 0o600)
        if self._waiting is None:
            self._waiting = os.open(self._waiting_path, flags, 0o600)
        return self._file, self._waiting

    def hold_for_fork(self, seconds: float) -> bool:
        """Keep the threads of this process from writing; whether that was done."""
        return self._threads.acquire(timeout=seconds)

    def go_on(self) -> None:
        """Undo `hold_for_fork`, in the parent."""
        self._threads.release()

    def start_anew(self) -> None:
        """In a forked child: let go of the parent's file, whose lock the two would share."""
        self._threads = threading.Lock()
        self._close()

    def close(self) -> None:
        """Let go of the file; a later `take` opens it anew."""
        with self._threads:
            self._close()

    def _close(self) -> None:
        for file in (self._file, self._waiting):
            if file is not None:
                os.close(file)
        self._file = self._waiting = self._waited_since = None


def _locked(file: int, kind: int) -> bool:
    """Lock a file, unless somebody else has it."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
