"""One writer at a time, of all processes of the machine: threads by a lock, processes by `flock`.

SQLite allows one writer anyway, but lets a checkpoint of one connection run beside a commit of
another. Up to version 3.51.2 the two can, in a rare race, mark pages of the log as copied that
were not (the WAL-reset bug of sqlite.org/wal.html), which damages the file. A checkpoint runs at
the end of the commit that filled the log, so where commits take turns, neither meets the other.
"""

import fcntl
import os
import random
import threading
import time
from pathlib import Path

POLL_SECONDS = 0.002  # about what a commit takes


class WriteTurns:
    """Turns at writing one file. The kernel ends the turn of a process that dies."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}-writing")
        self._threads = threading.Lock()
        self._file: int | None = None

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
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._threads.release()

    def _take_file(self, deadline: float) -> bool:
        if self._file is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o600)
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(POLL_SECONDS * random.uniform(0.5, 1.5))
            else:
                return True

    def hold_for_fork(self, seconds: float) -> bool:
        """Keep the threads of this process from writing; whether that was done."""
        return self._threads.acquire(timeout=seconds)

    def go_on(self) -> None:
        """Undo `hold_for_fork`, in the parent."""
        self._threads.release()

    def start_anew(self) -> None:
        """In a forked child: let go of the parent's file, whose lock the two would share."""
        self._threads = threading.Lock()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def close(self) -> None:
        """Let go of the file; a later `take` opens it anew."""
        with self._threads:
            if self._file is not None:
                os.close(self._file)
                self._file = None
