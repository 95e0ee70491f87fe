"""Who gets a thread when there are few left.

While threads are free nobody is limited: a lone build farm may use them all. Once over three
quarters are busy, whoever holds more than a quarter waits for one to come free, up to ten
seconds, and is then told to come back. Readers without a name never hold more than half.

Waiting holds a thread too, so only an eighth of them may wait; the next is told to come back
at once. Without that bound one client could fill the process with its own queue.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from falcon import Request, Response

from middleware.context import context_of
from middleware.declarations import Access
from middleware.problems import Problem

#: Seconds that a request waits for a place.
PATIENCE_SECONDS = 10.0

#: What a refused client is asked to wait, in seconds: about what large transfers take.
RETRY_AFTER_SECONDS = 5

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
        """How many may wait at a time, of those with a name and of those without each."""
        return max(1, self.threads // 8)


class Places:
    """The places among the threads of a process, and who holds them. Safe for threads."""

    def __init__(
        self,
        limits: Limits,
        patience_seconds: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._changed = threading.Condition(threading.Lock())
        self._busy = 0
        self._anonymous = 0
        self._waiting = {True: 0, False: 0}  # by whether they are anonymous
        self._held: dict[str, int] = {}  # by holder; as many entries as are busy, at most

    def take(self, holders: tuple[str, ...], anonymous: bool) -> bool:
        """Take a place, or say that there is none.

        Args:
            holders: whose place it is: an address, a principal or both; distinct.
            anonymous: nobody has said who they are.

        Returns:
            False where none came free in time, or too many wait already.
        """
        with self._changed:
            # Who comes now stands behind those who wait already.
            fits = self._fits(holders, anonymous, self._waiting)
            if not fits and not self._wait(holders, anonymous):
                return False
            self._busy += 1
            self._anonymous += anonymous
            held = self._held
            for holder in holders:
                held[holder] = held.get(holder, 0) + 1
            return True

    def release(self, holders: tuple[str, ...], anonymous: bool) -> None:
        """Give back what `take` took with the same arguments."""
        with self._changed:
            self._busy -= 1
            self._anonymous -= anonymous
            held = self._held
            for holder in holders:
                left = held[holder] - 1
                if left:
                    held[holder] = left
                else:
                    del held[holder]
            if self._waiting[True] or self._waiting[False]:
                self._changed.notify_all()

    @property
    def busy(self) -> int:
        """How many places are taken."""
        return self._busy

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return self._waiting[True] + self._waiting[False]

    def _fits(
        self, holders: tuple[str, ...], anonymous: bool, ahead: Mapping[bool, int] = _NOBODY
    ) -> bool:
        limits = self._limits
        if anonymous and self._anonymous + ahead[True] >= limits.anonymous:
            return False
        if self._busy + ahead[anonymous] < limits.ample:
            return True
        return all(self._held.get(holder, 0) < limits.share for holder in holders)

    def _wait(self, holders: tuple[str, ...], anonymous: bool) -> bool:
        if self._waiting[anonymous] >= self._limits.waiting:
            return False
        deadline = self._clock() + self._patience_seconds
        self._waiting[anonymous] += 1
        try:
            while not self._fits(holders, anonymous):
                left = deadline - self._clock()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return True
        finally:
            self._waiting[anonymous] -= 1


class Admission:
    """Takes a place for every routed request; it is given back when the answer was sent."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def process_resource(
        self, req: Request, _resp: Response, _resource: object, _params: dict[str, Any]
    ) -> None:
        context = context_of(req)
        if context.access is Access.HEALTH:
            return
        anonymous = context.claim is None
        holders: tuple[str, ...] = (f"address {context.network}",)
        if context.holder is not None:
            holders = (*holders, f"principal {context.holder}")
        places = self._places
        if not places.take(holders, anonymous):
            raise busy()
        context.on_finish(lambda: places.release(holders, anonymous))


def busy(retry_after_seconds: float = RETRY_AFTER_SECONDS) -> Problem:
    """What is answered to those who have to come back."""
    return Problem(
        503,
        "Service Unavailable",
        "Too many requests of yours, or of anonymous readers, are under way at once."
        " Try again in a few seconds, with fewer in parallel.",
        {"Retry-After": str(max(1, math.ceil(retry_after_seconds)))},
    )
