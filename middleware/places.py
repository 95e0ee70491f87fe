"""The places among the threads of a process: who has how many, and who waits for one.

While threads are free nobody is limited: a lone build farm may use them all. Once over three
quarters are busy, whoever holds more than a quarter waits for a place to come free. Readers
without a name never hold more than half.

Waiting holds no thread. Who waits is given a turn, and is called when a place is his: it was
taken for him by whoever gave it back, so nobody who comes later can be faster.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

#: Seconds that a request waits for a place.
PATIENCE_SECONDS = 10.0

_NOBODY: Mapping[bool, int] = MappingProxyType({True: 0, False: 0})


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers of threads of one process."""

    threads: int

    @property
    def ample(self) -> int:
        """Up to so many busy threads nobody is limited."""
        return self.threads * 3 // 4

    @property
    def share(self) -> int:
        """What each address and principal may hold when threads are scarce."""
        return max(1, self.threads // 4)

    @property
    def anonymous(self) -> int:
        """What all readers without a name may hold together."""
        return max(1, self.threads // 2)

    @property
    def waiting(self) -> int:
        """How many may wait at a time, of those with a name and of those without each.

        A connection each, and no thread; more could hardly all be served in time.
        """
        return self.threads * 4


class Turn:
    """One request's wait for a place, and the place when it has come; made by `Places`.

    Attributes:
        holders, anonymous: Whose it is, as `Places.take` has it.
        began, deadline: When (monotonic) the wait began, and until when it lasts.
        granted: Whether the place is there.
        over: Whether it was left.
    """

    __slots__ = (
        "_places",
        "anonymous",
        "began",
        "bell",
        "deadline",
        "granted",
        "holders",
        "over",
    )

    def __init__(
        self, places: "Places", holders: tuple[str, ...], anonymous: bool, seconds: float
    ) -> None:
        self._places = places
        self.holders = holders
        self.anonymous = anonymous
        self.began = time.monotonic()
        self.deadline = self.began + seconds
        self.granted = False
        self.over = False
        self.bell: Callable[[], None] = _silent

    def when_granted(self, bell: Callable[[], None]) -> None:
        """Have `bell()` called when the place is there: at once if it is, or else by the thread
        that gives one back."""
        self._places.listen(self, bell)

    def leave(self) -> None:
        """Wait no longer, or give the place back; harmless when repeated."""
        self._places.leave(self)


def _silent() -> None:
    """Nobody listens yet."""


class Places:
    """The places among the threads of a process, and who holds them. Safe for threads."""

    def __init__(self, limits: Limits, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._limits = limits
        self._patience_seconds = patience_seconds
        self._lock = threading.Lock()
        self._busy = 0
        self._anonymous = 0
        self._held: dict[str, int] = {}  # by holder; as many entries as are busy, at most
        self._line: dict[Turn, None] = {}  # who came first is first
        self._waiting = {True: 0, False: 0}  # by whether they are anonymous

    def take(self, holders: tuple[str, ...], anonymous: bool) -> bool:
        """Take a place, or say that there is none.

        Args:
            holders: whose place it is: an address, a principal or both; distinct.
            anonymous: nobody has said who they are.
        """
        with self._lock:
            # Who comes now stands behind those who wait already.
            if not self._fits(holders, anonymous, self._waiting):
                return False
            self._hold(holders, anonymous)
            return True

    def release(self, holders: tuple[str, ...], anonymous: bool) -> None:
        """Give back what `take` took with the same arguments."""
        with self._lock:
            called = self._give_back(holders, anonymous)
        for turn in called:
            turn.bell()

    def line_up(self, holders: tuple[str, ...], anonymous: bool) -> Turn | None:
        """Wait for a place, without a thread; None where too many wait already."""
        with self._lock:
            if self._waiting[anonymous] >= self._limits.waiting:
                return None
            turn = Turn(self, holders, anonymous, self._patience_seconds)
            self._line[turn] = None
            self._waiting[anonymous] += 1
            self._call()  # One may have come free since `take`; nobody listens to this one yet.
            return turn

    def listen(self, turn: Turn, bell: Callable[[], None]) -> None:
        """See `Turn.when_granted`."""
        with self._lock:
            turn.bell = bell
            granted = turn.granted
        if granted:
            bell()

    def leave(self, turn: Turn) -> None:
        """See `Turn.leave`."""
        with self._lock:
            if turn.over:
                return
            turn.over = True
            if not turn.granted:
                self._leave_line(turn)
                return
            called = self._give_back(turn.holders, turn.anonymous)
        for each in called:
            each.bell()

    @property
    def busy(self) -> int:
        """How many places are taken."""
        return self._busy

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return len(self._line)

    def _fits(
        self, holders: tuple[str, ...], anonymous: bool, ahead: Mapping[bool, int] = _NOBODY
    ) -> bool:
        limits = self._limits
        if anonymous and self._anonymous + ahead[True] >= limits.anonymous:
            return False
        if self._busy + ahead[anonymous] < limits.ample:
            return True
        return all(self._held.get(holder, 0) < limits.share for holder in holders)

    def _hold(self, holders: tuple[str, ...], anonymous: bool) -> None:
        self._busy += 1
        self._anonymous += anonymous
        held = self._held
        for holder in holders:
            held[holder] = held.get(holder, 0) + 1

    def _give_back(self, holders: tuple[str, ...], anonymous: bool) -> list[Turn]:
        """Undo `_hold`; whose turn it is then."""
        self._busy -= 1
        self._anonymous -= anonymous
        held = self._held
        for holder in holders:
            left = held[holder] - 1
            if left:
                held[holder] = left
            else:
                del held[holder]
        return self._call() if self._line else []

    def _call(self) -> list[Turn]:
        """Take the places that are free for those who wait; whose bell is to be rung for it,
        which is not done under the lock."""
        called = [turn for turn in self._line if self._grant(turn)]
        for turn in called:
            self._leave_line(turn)
        return called

    def _grant(self, turn: Turn) -> bool:
        if self._fits(turn.holders, turn.anonymous):
            self._hold(turn.holders, turn.anonymous)
            turn.granted = True
        return turn.granted

    def _leave_line(self, turn: Turn) -> None:
        del self._line[turn]
        self._waiting[turn.anonymous] -= 1
