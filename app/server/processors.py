"""Which processor each process of the service keeps to.

Of the threads of a process one at a time runs Python. The kernel does not know that, and has them
wake up on whatever processor is free: what they all use then moves from one processor's cache to
the other's with each hand-over. Threads that keep to one processor find it there. Those that need
no Python don't (`storage.pools`).
"""

from collections import Counter
from collections.abc import Collection


class Processors:
    """Deals processors out; made in the master, before it forks, and used there alone."""

    def __init__(self) -> None:
        self._held: Counter[int] = Counter()

    def take(self, processes: int, allowed: Collection[int]) -> int | None:
        """The one that fewest keep to, of those that the service may use now, for one of so many
        processes. None where they can't be shared evenly: then the kernel does better."""
        if processes % len(allowed):
            return None
        processor = min(sorted(allowed), key=self._held.__getitem__)
        self._held[processor] += 1
        return processor

    def give_back(self, processor: int | None) -> None:
        """The process that kept to it has ended, however it did."""
        if processor is not None:
            self._held[processor] -= 1
