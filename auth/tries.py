"""How often each address tried a password lately without success, as one process knows it.

It decides nothing but who waits behind whom (`waiting_room`): who tried least is first. So a
bounded memory will do, which forgets, and neither tells nor depends on which accounts there are.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SECONDS = 300.0  # each try counts for that long, and at most twice
MOST = 20_000  # addresses, twice; about 5 MB


class Tries:
    """Counts tries by address, those under way too. Safe for many threads."""

    def __init__(
        self,
        seconds: float = SECONDS,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._counts: dict[str, int] = {}
        self._before: dict[str, int] = {}  # those of the time before

    @contextmanager
    def trying(self, network: str) -> Iterator[int]:
        """A try from an address of the network, which counts unless the block ends without an
        error; yields how many there were before it."""
        with self._lock:
            self._turn_over()
            counts = self._counts
            count = counts.get(network, 0)
            before = count + self._before.get(network, 0)
            counts[network] = count + 1
        yield before
        with self._lock:  # not after an error
            left = counts[network] - 1
            if left:
                counts[network] = left
            else:
                del counts[network]

    @property
    def remembered(self) -> int:
        """How many addresses are remembered, those of both times."""
        return len(self._counts) + len(self._before)

    def _turn_over(self) -> None:
        now = self._clock()
        passed = now - self._began
        if passed < self._seconds and len(self._counts) < self._most:
            return
        self._before = self._counts if passed < 2 * self._seconds else {}
        self._counts, self._began = {}, now
