"""Who of a process waits for a slow hash, and who is next.

There are few places, for each holds a thread, and not first come, first served: whoever guesses
passwords comes again and again, and would always be there first. The lowest rank is next, and
where no place is free, the highest rank is sent away for a lower one.

Those who failed before are guessers until they turn out right. They go one at a time, and after
each that fails comes a rest many times as long as its turn, which others use: so guesses have but
a small part of the machine, and somebody who mistypes again waits up to two seconds.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from auth.errors import Busy

RETRY_AFTER = timedelta(seconds=2)
#: The lowest rank of those who did not sign in here before.
STRANGERS = 2
#: The lowest rank of those who failed before.
GUESSES = 3
_RESTS = 31  # times as long as the turn: a process's guesses have a part in 32 of one processor
_REST_MOST_SECONDS = 2.0  # a turn may be long because other processes have the slots


class Place:
    """One thread's wait, and its turn when that has come; made by `WaitingRoom`.

    Attributes:
        rank: the lower, the sooner.
        kin: what those have in common of whom one at a time has a turn; None for nothing.
        deadline: until when (monotonic seconds) it waits.
        called: whether it has a turn.
        began: when (monotonic seconds) that began.
    """

    __slots__ = ("_bell", "_look", "_sent_away", "began", "called", "deadline", "kin", "rank")

    def __init__(self, rank: int, kin: bytes | None, deadline: float) -> None:
        self.rank = rank
        self.kin = kin
        self.deadline = deadline
        self.called = False
        self.began = 0.0
        self._look = self._sent_away = False
        self._bell = threading.Event()

    def wait(self) -> bool:
        """Wait for the turn: True with it. False when one of its kin has gone, to see whether
        a turn is still needed; it is, where this is called again.

        Raises:
            Busy: somebody of lower rank took the place, or it took too long.
        """
        while True:
            rung = self._bell.wait(max(0.0, self.deadline - time.monotonic()))
            self._bell.clear()
            if self.called:
                return True
            if self._sent_away or not rung:
                raise Busy(RETRY_AFTER)
            if self._look:
                self._look = False
                return False

    def call(self) -> None:
        """Give it a turn."""
        self.called, self.began = True, time.monotonic()
        self._bell.set()

    def look(self) -> None:
        """Have it see whether it needs one."""
        self._look = True
        self._bell.set()

    def send_away(self) -> None:
        """Have it wait no longer."""
        self._sent_away = True
        self._bell.set()


class WaitingRoom:
    """The places of a process. Safe for many threads.

    Args:
        turns: how many have a turn at once.
        seconds: how long one waits for it.
        most: how many wait or have a turn.
        most_with_kin: up to how many, for who has kin among them and may need no turn.
        rest: waits for so many seconds.
    """

    def __init__(
        self,
        turns: int,
        seconds: float,
        most: int,
        most_with_kin: int,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self._free = turns
        self._seconds = seconds
        self._most = most
        self._most_with_kin = max(most, most_with_kin)
        self._rest = rest
        self._lock = threading.Lock()
        self._places: dict[Place, None] = {}  # who came first is first
        self._guessing = False  # somebody who failed before has a turn, or rests after it
        self._inside = 0

    @property
    def inside(self) -> int:
        """How many threads wait, have a turn or rest after it."""
        return self._inside

    @contextmanager
    def enter(self, rank: int, kin: bytes | None = None) -> Iterator[Place]:
        """Take a place; the turn that may come with it ends with the block.

        Raises:
            Busy: there is no place, and nobody with a higher rank waits.
        """
        place = Place(rank, kin, time.monotonic() + self._seconds)
        with self._lock:
            self._make_room(place)
            self._places[place] = None
            self._inside += 1
            self._call()
        try:
            yield place
        except BaseException:
            rests = self._leave(place, failed=True)
            if rests:  # it waits for its answer, and nobody for it
                self._rest(rests)
                self._rested()
            raise
        else:
            self._leave(place, failed=False)
        finally:
            with self._lock:
                self._inside -= 1

    def _make_room(self, place: Place) -> None:
        has_kin = place.kin is not None and any(each.kin == place.kin for each in self._places)
        if len(self._places) < (self._most_with_kin if has_kin else self._most):
            return
        waiting = [each for each in self._places if not each.called]
        # Of several the last: who waits longest has most to lose.
        last = max(reversed(waiting), key=_rank, default=None)
        if last is None or last.rank <= place.rank:
            raise Busy(RETRY_AFTER)
        del self._places[last]
        last.send_away()

    def _leave(self, place: Place, *, failed: bool) -> float:
        """End a wait and its turn; for how many seconds it rests then."""
        with self._lock:
            self._places.pop(place, None)
            if not place.called:
                return 0.0
            self._free += 1
            guessed = place.rank >= GUESSES
            if guessed and not failed:
                self._guessing = False
            for each in self._places:
                if place.kin is not None and each.kin == place.kin:
                    each.look()
            self._call()
        if not (guessed and failed):
            return 0.0
        return min((time.monotonic() - place.began) * _RESTS, _REST_MOST_SECONDS)

    def _rested(self) -> None:
        with self._lock:
            self._guessing = False
            self._call()

    def _call(self) -> None:
        """Give turns, as far as there are any, to those of lowest rank who came first."""
        while self._free:
            place = min(filter(self._may_go, self._places), key=_rank, default=None)
            if place is None:
                return
            self._free -= 1
            self._guessing |= place.rank >= GUESSES
            place.call()

    def _may_go(self, place: Place) -> bool:
        if place.called or (self._guessing and place.rank >= GUESSES):
            return False
        return place.kin is None or not any(
            each.called and each.kin == place.kin for each in self._places
        )


def _rank(place: Place) -> int:
    return place.rank
