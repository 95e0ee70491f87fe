"""How many slow hashes run at once: on the whole machine, whatever the number of processes.

A slot is a file under an exclusive `flock`: every process of the machine sees it, and the
kernel lets go of it when its holder dies, however it dies. `flock` cannot wait for a while,
so the first few threads of a process poll, and the others wait in the process for those.
"""

import fcntl
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from auth.errors import Busy

WAIT = timedelta(seconds=5)  # a hundred hashes of 60 ms; clients wait longer for an answer
# Half of the default 32 threads: sign-ins never keep all threads from everyone else.
WAITING_MOST = 16
_RETRY_AFTER = timedelta(seconds=2)
_POLL_SECONDS = 0.005  # a twelfth of what is waited for


def half_the_cores() -> int:
    """Half of the cores that this process may run on, and at least one."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


class SlowHashes:
    """Slots for slow hashes, shared by all processes that name the same folder.

    Args:
        folder: where the slot files lie, on a local file system; made if it is not there.
        slots: how many hashes run at once on the machine.
        wait: how long a thread waits for a slot.
        waiting_most: how many threads of this process wait or hash at once.
    """

    def __init__(
        self,
        folder: Path,
        slots: int | None = None,
        wait: timedelta = WAIT,
        waiting_most: int = WAITING_MOST,
    ) -> None:
        self._slots = half_the_cores() if slots is None else slots
        if self._slots < 1:
            raise ValueError("at least one slow hash runs at once")
        self._paths = tuple(folder / f"slow-hash-{slot}.lock" for slot in range(self._slots))
        self._wait_seconds = wait.total_seconds()
        self._room = threading.BoundedSemaphore(waiting_most)
        self._turns = threading.BoundedSemaphore(self._slots)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._paths:  # what is wrong with the folder shows at the start
            os.close(_open(path))

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the slots.

        Raises:
            Busy: none came free in time, or too many threads are waiting already.
        """
        deadline = time.monotonic() + self._wait_seconds
        if not self._room.acquire(blocking=False):
            raise Busy(_RETRY_AFTER)
        try:
            if not self._turns.acquire(timeout=self._wait_seconds):
                raise Busy(_RETRY_AFTER)
            try:
                descriptor = self._lock(deadline)
                try:
                    yield
                finally:
                    os.close(descriptor)  # which lets go of the lock
            finally:
                self._turns.release()
        finally:
            self._room.release()

    def _lock(self, deadline: float) -> int:
        """Lock one of the files, and return its descriptor."""
        while True:
            for path in random.sample(self._paths, len(self._paths)):
                descriptor = self._try(path)
                if descriptor is not None:
                    return descriptor
            left = deadline - time.monotonic()
            if left <= 0:
                raise Busy(_RETRY_AFTER)
            time.sleep(min(left, _POLL_SECONDS * random.uniform(0.5, 1.5)))

    @staticmethod
    def _try(path: Path) -> int | None:
        try:
            # Opened anew each time: a descriptor that is inherited shares its lock.
            descriptor = _open(path)
        except OSError as error:  # no descriptor left: as good as no slot
            raise Busy(_RETRY_AFTER) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        return descriptor


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(path, flags, 0o600)
