"""Decides whether something fits: by the stripes of its path, and where these are spent by all.

What is decided before the commit is a courtesy to the client, who need not send what would be
refused. What holds is what the commit itself demands of the counters that it adds to.
"""

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from app.usage.allotment import allot
from app.usage.errors import QuotaExceeded
from app.usage.ledger import DIGITS, Balance, Counters, Limit, Stripe, balances_of
from storage.events import SYSTEM, Journal
from storage.metadata import ConditionFailed, Key, Metadata, Record


@dataclass(frozen=True, slots=True)
class Funding:
    """What a commit demands of the stripes that grow by it, and takes over from others.

    Attributes:
        limits: of stripes that have a quota; of all others it demands that they have none.
        transfers: allowance that changes hands in the same commit: what each stripe gives,
            negative for the one that gets it, zero in sum.
    """

    limits: Mapping[Key, Limit] = field(default_factory=dict)
    transfers: Mapping[Key, int] = field(default_factory=dict)

    def demands(self, key: Key) -> Mapping[str, int]:
        """The most that counters of a stripe that grows may be afterwards."""
        if self.limits.get(key, Limit.NONE) is Limit.NONE:
            return {"limit": Limit.NONE}
        return {"limit": Limit.OWN, "over": 0}


UNFUNDED = Funding()


class Quotas:
    """The quotas of repositories and organizations, asked by whoever publishes."""

    def __init__(self, metadata: Metadata, journal: Journal) -> None:
        self._metadata = metadata
        self._journal = journal

    def admit(self, counters: Counters, size: int, records: Mapping[Key, Record]) -> None:
        """Refuse what does not fit, by the path's own stripes among `records`, or else by all.

        Raises QuotaExceeded.
        """
        if not all(Stripe.read(records.get(key)).fits(size) for key in counters.keys):
            self._room(counters, size)

    def gauge(
        self, counters: Counters, records: Mapping[Key, Record], known: int = 0
    ) -> Callable[[int], None]:
        """What to tell the size of a body while it grows: it raises QuotaExceeded.

        It asks anew each time when the room that it knows of is passed. `known` bytes are
        let pass: they may be those that are there already.
        """
        own = [Stripe.read(records.get(key)) for key in counters.keys]
        rooms = [stripe.room for stripe in own if stripe.limit is not Limit.NONE]
        return _Gauge(self, counters, max(min(rooms), known) if rooms else None)

    def own_funding(self, counters: Counters, records: Mapping[Key, Record]) -> Funding:
        """What to demand where the path's own stripes are all that is known."""
        own = {key: Stripe.read(records.get(key)).limit for key in counters.keys}
        return Funding(own)

    def anew(
        self, counters: Counters, size: int, funding: Funding, found: Collection[Key]
    ) -> Funding:
        """What to demand after conditions on the keys `found` did not hold: the same where no
        counter is among them. Raises QuotaExceeded."""
        asked = (*counters.keys, *funding.transfers)
        return self.fund(counters, size) if any(key in found for key in asked) else funding

    def fund(self, counters: Counters, size: int) -> Funding:
        """What to demand after own stripes refused, and which others to take allowance from.

        The allowance is taken in the very commit that needs it. In one of its own it would
        be there for others to take away again: with room for one file left, two who want it
        could go on forever.

        Raises:
            QuotaExceeded: all stripes together have no room for it.
        """
        balances = self._fitting(counters, size)
        cut = [balance for balance in balances if balance.limit is Limit.ALL]
        if cut:
            for balance in cut:
                self.even_out(balance)
            balances = self._fitting(counters, size)
        limits: dict[Key, Limit] = {}
        transfers: dict[Key, int] = {}
        for balance in balances:
            limits |= dict.fromkeys(balance.ledger.keys, balance.limit)
            transfers |= _transfers(balance, counters.digit, size)
        return Funding(limits, transfers)

    def even_out(self, balance: Balance) -> bool:
        """Divide the room that is left evenly; whether it came to be.

        It does not where others changed the counters meanwhile: read them anew.
        """
        operations = allot(balance, balance.quota).operations(balance)
        ledger = balance.ledger
        try:
            self._metadata.commit(
                *operations,
                witness=self._journal.event(
                    ledger.organization, SYSTEM, "quota.even", repository=ledger.repository
                ),
            )
        except ConditionFailed:
            return False
        return True

    def _room(self, counters: Counters, size: int) -> int | None:
        """The room that all stripes have for something of a size; None: without end."""
        rooms = [
            balance.room
            for balance in self._fitting(counters, size)
            if balance.limit is not Limit.NONE
        ]
        return min(rooms, default=None)

    def _fitting(self, counters: Counters, size: int) -> tuple[Balance, ...]:
        """All stripes, where so many bytes fit. Raises QuotaExceeded."""
        balances = balances_of(self._metadata, *counters.ledgers)
        if not all(balance.fits(size) for balance in balances):
            # The stripes are not read at one moment: allowance that changed hands between
            # two of them was seen in neither. Twice in a row that is as good as never, and
            # refuses early what would leave hardly any room.
            balances = balances_of(self._metadata, *counters.ledgers)
        for balance in balances:
            if not balance.fits(size):
                raise QuotaExceeded(balance)
        return balances


class _Gauge:
    """A body's size held against the room that was last known."""

    def __init__(self, quotas: Quotas, counters: Counters, room: int | None) -> None:
        self._quotas, self._counters, self._room = quotas, counters, room

    def __call__(self, size: int) -> None:
        if self._room is not None and size > self._room:
            self._room = self._quotas._room(self._counters, size)


def _transfers(balance: Balance, digit: str, size: int) -> dict[Key, int]:
    """Who gives how much, so that a stripe takes `size` and keeps its share of the rest.

    The richest give first, and none more than what leaves it its share: so few records are
    in the commit, and together they always have enough.
    """
    own = balance.stripe(digit)
    if own.fits(size):
        return {}
    share = (balance.room - size) // len(DIGITS)
    needed = size + share - own.room
    transfers = {balance.ledger.key(digit): -needed}
    others = [
        (stripe.room, at) for at, stripe in zip(DIGITS, balance.stripes, strict=True) if at != digit
    ]
    random.shuffle(others)  # who comes at the same moment takes from another as rich
    for room, at in sorted(others, key=lambda other: -other[0]):
        given = min(needed, room - share)
        if given <= 0:
            break
        transfers[balance.ledger.key(at)] = given
        needed -= given
    return transfers
