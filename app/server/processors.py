"""Which processor each process of the service keeps to.

Of the threads of a process one at a time runs Python. The kernel does not know that, and has them
wake up on whatever processor is free: what they all use then moves from one processor's cache to
the other's with each hand-over. Threads that keep to one processor find it there. What needs no
Python and would have a processor for itself, a slow hash or a digest, runs in threads that don't.
"""

from collections import Counter
from collections.abc import Collection


class Processors:
    """Deals processors out; made in the master, before it forks, and used there alone."""

    def __init__(self, allowed: Collection[int]) -> None:
        self._held = Counter(dict.fromkeys(sorted(allowed), 0))

    def take(self, processes: int) -> int | None:
        """The one that fewest keep to, for one of so many processes. None where they can't be
        shared evenly: then the kernel does better."""
        if processes % len(self._held):
            return None
        processor = min(self._held, key=self._held.__getitem__)
        self._held[processor] += 1
        return processor

    def give_back(self, processor: int | None) -> None:
        """The process that kept to it has ended, however it did."""
        if processor is not None:
            self._held[processor] -= 1
