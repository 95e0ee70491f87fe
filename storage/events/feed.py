"""Reads events: each reader keeps a cursor, and gets every event exactly once.

A writer's clock may lag and its commit may take a while, so an event can appear behind one
that was already read. A reader therefore acts on what it sees at once, but its cursor
stays three minutes behind the clock, and remembers the ids that it took within them. The
clock is the store's, as it is for writers: with one of its own that is minutes ahead, a
reader would pass events that are yet to come.

A cursor has to fit into a record, whatever happens in three minutes. It remembers so many
ids and no more; whoever writes more than that is read three minutes later, when an event
needs no remembering.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage import keys
from storage.events.event import Event, read_event
from storage.events.journal import Journal
from storage.metadata import Metadata, Record

LAG = timedelta(minutes=3)  # 30 s for an attempt, 60 s of skew on each side, and some
REMEMBERED = 1_000  # ids in each stripe: a cursor of 175 kB at most
_MARK_BYTES = 8  # of an id's 16, all random
_STRIPE_DIGITS = tuple(f"{stripe:x}" for stripe in range(keys.STRIPES))
_PAGE = 500
_HOURS = 24  # that are looked through in a reading: a reader that slept for months reads in many
_HOUR = timedelta(hours=1)


class InvalidCursor(ValueError):
    """A text that is not the cursor of a feed."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a reader is: a time for each stripe, and what it took behind those times.

    `taken` holds for each stripe the marks (the last 16 digits) of the ids of events.
    """

    positions: tuple[datetime, ...]
    taken: tuple[frozenset[str], ...]

    def encode(self) -> str:
        """The cursor as text, to be kept in a record between two readings."""
        positions = [keys.time(position) for position in self.positions]
        return json.dumps({"positions": positions, "taken": [_pack(marks) for marks in self.taken]})

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """The cursor that `encode` wrote. Raises InvalidCursor."""
        try:
            value = json.loads(text)
            positions = tuple(_parse_time(position) for position in value["positions"])
            taken = tuple(_unpack(packed) for packed in value["taken"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidCursor("this is not the cursor of a feed") from error
        if not len(positions) == len(taken) == keys.STRIPES:
            raise InvalidCursor("a feed's cursor has a position for each stripe")
        return cls(positions, taken)


@dataclass(frozen=True, slots=True)
class Batch:
    """New events, in order of time within each stripe, and the cursor that follows them.

    `more` says that there is more to read at once.
    """

    events: tuple[Event, ...]
    cursor: Cursor
    more: bool


class Feed:
    """The events of one organization."""

    def __init__(
        self,
        metadata: Metadata,
        journal: Journal,
        organization: str,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """`clock` stands for the store's time; without it the store is asked."""
        self._metadata = metadata
        self._journal = journal
        self._organization = organization
        self._clock = metadata.agreed_time if clock is None else clock

    def start(self, at: datetime) -> Cursor:
        """A cursor before every event from `at` on (the organization's making, or now)."""
        return Cursor((at.astimezone(UTC),) * keys.STRIPES, (frozenset(),) * keys.STRIPES)

    def read(self, cursor: Cursor, most: int = 1000) -> Batch:
        """Read up to about `most` events that the cursor has not passed.

        Reading again with the same cursor gives the same events (and newer ones): whoever
        acts on them keeps the new cursor together with what he did.

        Raises:
            ClockSkewed: this machine's clock is over 60 s from the store's: nothing is read.
            Unavailable: the store is away.
        """
        now = self._clock()
        share = max(1, most // keys.STRIPES)
        stripes: list[_Stripe] = []
        for digit, position, taken in zip(
            _STRIPE_DIGITS, cursor.positions, cursor.taken, strict=True
        ):
            stripe = _Stripe(self, digit, position, now, taken, share)
            stripe.read()
            stripes.append(stripe)
        positions = tuple(stripe.position for stripe in stripes)
        taken_now = tuple(stripe.taken() for stripe in stripes)
        return Batch(
            tuple(event for stripe in stripes for event in stripe.events),
            Cursor(positions, taken_now),
            any(stripe.more for stripe in stripes),
        )


class _Stripe:
    """One reading of one stripe, from its position towards now, hour by hour."""

    def __init__(
        self,
        feed: Feed,
        digit: str,
        position: datetime,
        now: datetime,
        taken: Set[str],
        most: int,
    ) -> None:
        self._feed, self._digit, self._now = feed, digit, now
        self._before = taken
        self._most = most
        self._settled = now - LAG  # nothing new appears before this
        self._seen: dict[str, datetime] = {}  # by mark, in order of time
        self._young = len(taken)  # what has to be remembered, at most
        self._full = False
        self.position = position
        self.events: list[Event] = []
        self.more = False

    def taken(self) -> frozenset[str]:
        """What was taken, now or before, of the time in which events may still appear."""
        passed = {mark for mark, at in self._seen.items() if at < self.position}
        return frozenset((self._before | self._seen.keys()) - passed)

    def read(self) -> None:
        start = self.position
        hour = start.replace(minute=0, second=0, microsecond=0)
        last = hour + _HOURS * _HOUR
        # A writer's clock may be ahead of ours: look a little into the future.
        while hour <= self._now + LAG and not self.more and not self._full:
            if hour == last:
                self.more = True
                self._advance(hour)
                return
            self._read_hour(hour, start)
            hour += _HOUR
        if not self.more:
            self._advance(self._now)

    def _read_hour(self, hour: datetime, start: datetime) -> None:
        partition = keys.events(self._feed._organization, hour, self._digit)
        # Keys at exactly `start` carry an id behind the time, so they lie after it.
        after = keys.time(start) if start > hour else ""
        while True:
            page = self._feed._metadata.query(partition, "", after, _PAGE)
            for record in page.records:
                self._take(record)
                self.more = len(self.events) >= self._most
                if self.more or self._full:
                    return
            if page.next is None:
                return
            after = page.next

    def _take(self, record: Record) -> None:
        time, _, event_id = record.key.sort.partition("#")
        at, mark = _parse_time(time), event_id[-2 * _MARK_BYTES :]
        if mark not in self._before:
            if at > self._settled:
                self._full = self._young >= REMEMBERED
                if self._full:
                    return
                self._young += 1
            genuine = self._feed._journal.genuine(record)
            self.events.append(read_event(self._feed._organization, record, genuine))
        self._seen[mark] = at
        self._advance(at)

    def _advance(self, to: datetime) -> None:
        """Move on to `to`, but not into the time in which events may still appear."""
        self.position = max(self.position, min(to, self._settled))


def _parse_time(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)


def _pack(marks: Set[str]) -> str:
    return b64encode(bytes.fromhex("".join(sorted(marks)))).decode()


def _unpack(text: str) -> frozenset[str]:
    packed = b64decode(text, validate=True).hex()
    digits = 2 * _MARK_BYTES
    return frozenset(packed[at : at + digits] for at in range(0, len(packed), digits))
