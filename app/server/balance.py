"""How many connections each process of the service holds, for them to share new ones evenly.

Whoever is woken first accepts, and with clients that keep their connections a lucky process
would serve most of them for good, on one core, while another idles. The numbers lie in memory
that all processes share, a place to each; a number is one aligned store, so there is no lock.
"""

import mmap

_MOST = 64
_BYTES = 4


class Place:
    """One process's number, and a look at the others'."""

    __slots__ = ("_held", "_mine")

    def __init__(self, held: "memoryview[int]", mine: int) -> None:
        self._held = held
        self._mine = mine

    def hold(self, connections: int) -> None:
        """Say how many this process holds, and that it accepts more."""
        self._held[self._mine] = connections + 1

    def leave(self) -> None:
        """Say that new ones are not for this process: it is full, or ends, or has ended."""
        self._held[self._mine] = 0

    def another_has_fewer(self) -> bool:
        """Whether a process that accepts holds fewer than this one does. 2 µs."""
        mine = self._held[self._mine]
        return any(0 < held < mine for held in self._held)


class Balance:
    """The places; made in the master, before it forks, and used there alone."""

    def __init__(self) -> None:
        held = memoryview(mmap.mmap(-1, _MOST * _BYTES)).cast("i")
        self._free = [Place(held, number) for number in reversed(range(_MOST))]

    def take(self) -> Place:
        """A place for a process that is about to begin. Beyond 64 it is one with no others
        in sight: such a process accepts without regard to them."""
        return self._free.pop() if self._free else Place(memoryview(bytearray(4)).cast("i"), 0)

    def give_back(self, place: Place) -> None:
        """The process that had `place` has ended, however it did."""
        place.leave()
        self._free.append(place)
