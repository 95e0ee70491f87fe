"""The records of events in order of time, taken up to a moment at a time."""

from collections.abc import Callable, Iterator
from datetime import datetime

from app.audit.history import HOUR, History
from app.audit.problems import Problem
from storage import keys
from storage.events.seals import minute_of, minute_text, parse_minute
from storage.metadata import Record


class Ahead:
    """Reads on from `start` as far as it is asked."""

    def __init__(self, tell: Callable[[Problem], None], history: History, start: datetime) -> None:
        self._tell = tell
        self._history = history
        self._hour = start.replace(minute=0, second=0, microsecond=0)
        self._start = keys.time(start)
        self._run: Iterator[Record] = iter(())
        self._next: Record | None = None

    def until(self, end: datetime) -> Iterator[Record]:
        """The records before a moment that were not taken yet."""
        limit = keys.time(end)
        while True:
            if self._next is None:
                self._next = next(self._run, None)
            if self._next is None:
                if self._hour >= end:
                    return
                self._run = self._of_hour(self._hour)
                self._hour += HOUR
            elif self._next.key.sort < limit:
                taken, self._next = self._next, None
                yield taken
            else:
                return

    def _of_hour(self, hour: datetime) -> Iterator[Record]:
        """What lies in the hour; a key that is none of its moments was put there by others."""
        for record in self._history.hour(hour):
            if not _is_moment(record.key.sort, keys.hour(hour)):
                self._tell(Problem("event-forged", record=record.key))
            elif record.key.sort > self._start:
                yield record


def _is_moment(sort: str, hour: str) -> bool:
    """Whether a sort key begins with a minute of that hour."""
    minute = minute_of(sort)
    try:
        return minute_text(parse_minute(minute)) == minute and minute.startswith(hour)
    except ValueError:
        return False
