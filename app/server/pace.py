"""Whether a client keeps up: the rule on stalls and trickles, apart from any socket.

Only time spent waiting for the client counts. An application that is slow itself (a store
that hangs, a hash that takes its time) never makes its client look slow.
"""

from app.server.limits import Limits


class TooSlow(Exception):
    """The client stalled, or stayed below the least rate."""


class Pace:
    """The pace of one body or one answer; used by one thread."""

    __slots__ = ("_idle", "_limits", "_moved", "_waited")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._idle = 0.0
        self._waited = 0.0
        self._moved = 0

    def waited(self, seconds: float, count: int) -> None:
        """Take note of one wait of `seconds` in which `count` bytes moved.

        Raises:
            TooSlow: nothing moved for `stall_seconds`, or less than `slow_bytes_per_second`
                over a window of `slow_seconds`. What `count` says did move.
        """
        limits = self._limits
        if count:
            self._idle = 0.0
        else:
            self._idle += seconds
            if self._idle >= limits.stall_seconds:
                raise TooSlow(f"nothing moved for {limits.stall_seconds:g} s")
        self._waited += seconds
        self._moved += count
        if self._waited >= limits.slow_seconds:
            if self._moved < limits.slow_bytes_per_second * limits.slow_seconds:
                rate = limits.slow_bytes_per_second
                raise TooSlow(f"below {rate} bytes a second for {limits.slow_seconds:g} s")
            self._waited = 0.0
            self._moved = 0
