"""How much each process of the service has to do, for them to share new connections evenly.

Whoever is woken first accepts, and with clients that keep their connections a lucky process
would serve most of them for good, on one core, while another idles. The numbers lie in memory
that all processes share, a place to each; a number is one aligned store, so there is no lock.
"""

import mmap

_MOST = 128  # of 64 processes, and as many that take their place at a reload
_BYTES = 4
_MOST_CONNECTIONS = 1 << 16


class Place:
    """One process's number, and a look at the others'."""

    __slots__ = ("_held", "_mine")

    def __init__(self, held: "memoryview[int]", mine: int) -> None:
        self._held = held
        self._mine = mine

    def hold(self, active: int, connections: int) -> None:
        """Say that this process accepts more, how many requests it has now, and how many
        connections; the latter decide where the former are as many."""
        busy = min(active, _MOST_CONNECTIONS // 4) * _MOST_CONNECTIONS
        self._held[self._mine] = busy + min(connections, _MOST_CONNECTIONS - 2) + 1

    def leave(self) -> None:
        """Say that new ones are not for this process: it is full, or ends, or has ended."""
        self._held[self._mine] = 0

    def another_has_less(self) -> bool:
        """Whether a process that accepts has less to do than this one. 5 µs."""
        mine = self._held[self._mine]
        return any(0 < held < mine for held in self._held)

    def is_among(self, held: "memoryview[int]") -> bool:
        """Whether this is a place of those that others see."""
        return self._held is held


class Balance:
    """The places; made in the master, before it forks, and used there alone."""

    def __init__(self) -> None:
        self._held = memoryview(mmap.mmap(-1, _MOST * _BYTES)).cast("i")
        self._free = [Place(self._held, number) for number in reversed(range(_MOST))]

    def take(self) -> Place:
        """A place for a process that is about to begin. Beyond 128 it is one with no others
        in sight: such a process accepts without regard to them."""
        return self._free.pop() if self._free else _alone()

    def give_back(self, place: Place) -> None:
        """The process that had `place` has ended, however it did."""
        place.leave()
        if place.is_among(self._held):
            self._free.append(place)


def _alone() -> Place:
    return Place(memoryview(bytearray(_BYTES)).cast("i"), 0)
