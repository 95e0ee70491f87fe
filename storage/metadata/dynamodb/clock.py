"""The store's own time, from the `Date` of its answers, without a call for it.

A `Date` holds whole seconds, so each answer says only that the store's clock lay within a
second at some time between sending and receiving. What all of them say together is kept as
an interval, which narrows; the earliest time within it is the store's time.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Lock


class StoreClock:
    """How far the store's clock is before the process's steady one. Safe in threads."""

    def __init__(self, steady: Callable[[], float], machine: Callable[[], datetime]) -> None:
        self._steady = steady
        self._machine = machine
        self._lock = Lock()
        self._earliest: float | None = None  # seconds from the steady clock to the store's
        self._latest = 0.0

    def hear(self, date: str, sent: float, received: float) -> None:
        """Take in the `Date` of an answer; the times are the steady clock's.

        One that is no date says nothing, and changes nothing.
        """
        try:
            seconds = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        earliest, latest = seconds - received, seconds + 1 - sent
        with self._lock:
            if self._earliest is None or earliest > self._latest or latest < self._earliest:
                self._earliest, self._latest = earliest, latest  # a clock was set
            else:
                self._earliest = max(self._earliest, earliest)
                self._latest = min(self._latest, latest)

    @property
    def heard(self) -> bool:
        """Whether any answer told the time so far."""
        return self._earliest is not None

    def now(self) -> datetime:
        """The store's time, aware; the machine's before the first answer."""
        earliest = self._earliest
        if earliest is None:
            return self._machine()
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=earliest + self._steady())
