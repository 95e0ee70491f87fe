"""How many slow hashes run at once: on the whole machine, whatever the number of processes.

A slot is a file under an exclusive `flock`: every process of the machine sees it, and the
kernel lets go of it when its holder dies, however it dies. `flock` cannot wait for a while,
so the first few threads of a process poll, and the others wait in the process for those. A process
whose slot comes free would have it again before another looks; so strangers wait for a look first.

What runs in a slot stands back for everyone else on the machine who needs a processor: guesses
are slow for who guesses, and not for those who have signed in.
"""

import fcntl
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

from auth.errors import Busy
from auth.waiting_room import RETRY_AFTER, STRANGERS, Place, WaitingRoom
from storage.pools import pool

WAIT = timedelta(seconds=5)  # a hundred hashes of 60 ms; clients wait longer for an answer
# Half of the default 32 threads: sign-ins never keep all threads from everyone else.
WAITING_MOST = 16
# Three quarters, for those with the same password: most of them will not need a slot. A build
# gets no more threads than that at once (`middleware.places`).
WITH_KIN_MOST = 24
#: The rank of who has proved already who he is; of guesses each has a higher one.
FIRST = 0
# Half of what each other thread gets that wants the same processor (sched(7)). With a tenth, and
# six of them, a hash took two seconds.
_NICENESS = 3
_POLL_SECONDS = 0.005  # a twelfth of what is waited for
_POLL_MOST = 1.5  # times as long, at the most

P = ParamSpec("P")
T = TypeVar("T")


def half_the_cores() -> int:
    """Half of the cores that this process may run on, and at least one."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


class SlowHashes:
    """Slots for slow hashes, shared by all processes that name the same folder.

    Args:
        folder: where the slot files lie, on a local file system; made if it is not there.
        slots: how many hashes run at once on the machine.
        wait: how long a thread waits for a slot.
        waiting_most: how many threads of this process wait or hash at once, beside kin.
        rest: waits for so many seconds, after a guess that failed.
    """

    def __init__(
        self,
        folder: Path,
        slots: int | None = None,
        wait: timedelta = WAIT,
        waiting_most: int = WAITING_MOST,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self._slots = half_the_cores() if slots is None else slots
        if self._slots < 1:
            raise ValueError("at least one slow hash runs at once")
        self._paths = tuple(folder / f"slow-hash-{slot}.lock" for slot in range(self._slots))
        seconds = wait.total_seconds()
        self._room = WaitingRoom(self._slots, seconds, waiting_most, WITH_KIN_MOST, rest)
        self._processors = pool(self._slots, "slow-hash", _stand_back)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._paths:  # what is wrong with the folder shows at the start
            os.close(_open(path))

    @property
    def inside(self) -> int:
        """How many threads of this process are here: to wait, to hash or to rest after it. None
        of them wants a processor that somebody else could use."""
        return self._room.inside

    def enter(self, rank: int, kin: bytes | None = None) -> AbstractContextManager[Place]:
        """Come in to wait for a slot; see `WaitingRoom.enter`."""
        return self._room.enter(rank, kin)

    @contextmanager
    def slot(self, place: Place | None = None) -> Iterator[None]:
        """Hold one of the slots: with a place whose turn it is, or else as one of the first.

        Raises:
            Busy: none came free in time, or too many threads are waiting already.
        """
        if place is not None:
            if place.rank >= STRANGERS:  # who is known, at another process, looks meanwhile
                time.sleep(_POLL_SECONDS * _POLL_MOST)
            with self._locked(place.deadline):
                yield
            return
        with self._room.enter(FIRST) as own:
            own.wait()
            with self._locked(own.deadline):
                yield

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that keeps a processor busy, by a thread that stands back; within a
        slot."""
        return self._processors.submit(function, *args, **kwargs).result()

    @contextmanager
    def _locked(self, deadline: float) -> Iterator[None]:
        descriptor = self._lock(deadline)
        try:
            yield
        finally:
            os.close(descriptor)  # which lets go of the lock

    def _lock(self, deadline: float) -> int:
        """Lock one of the files, and return its descriptor."""
        while True:
            for path in random.sample(self._paths, len(self._paths)):
                descriptor = self._try(path)
                if descriptor is not None:
                    return descriptor
            left = deadline - time.monotonic()
            if left <= 0:
                raise Busy(RETRY_AFTER)
            time.sleep(min(left, _POLL_SECONDS * random.uniform(0.5, _POLL_MOST)))

    @staticmethod
    def _try(path: Path) -> int | None:
        try:
            # Opened anew each time: a descriptor that is inherited shares its lock.
            descriptor = _open(path)
        except OSError as error:  # no descriptor left: as good as no slot
            raise Busy(RETRY_AFTER) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        return descriptor


def _stand_back() -> None:
    """Give this thread a lower priority for good: there is no way back without privileges."""
    thread = threading.get_native_id()
    niceness = os.getpriority(os.PRIO_PROCESS, thread)
    os.setpriority(os.PRIO_PROCESS, thread, min(19, niceness + _NICENESS))


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(path, flags, 0o600)
