"""The counters of a repository and of an organization: 16 stripes each, as they were read.

A stripe counts what its paths hold, and in `over` how much that is past its allowance. Every
change adds to both alike, whether or not there is a quota, so that over all stripes `over` is
at any time what is held less the quota (less nothing, where there is none).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import reduce
from typing import Self

from storage import keys
from storage.metadata import Conflict, Key, Metadata, Record

_READS = 10  # allowance changes hands some times a second at the most
DIGITS = tuple(f"{stripe:x}" for stripe in range(keys.STRIPES))


class Limit(IntEnum):
    """What a stripe says of growing; kept as a counter, so that a commit can demand it.

    A commit demands it as an upper bound: an upload that was begun without a quota does not
    pass one that was set meanwhile, nor one within its allowance a quota that was cut.
    """

    NONE = 0  # there is no quota
    OWN = 1  # as far as the stripe's own allowance goes: no stripe is past its own
    ALL = 2  # not before all stripes were asked: more may be held than the quota


@dataclass(frozen=True, slots=True)
class Usage:
    """Files that are there, files that can be restored, and the bytes of both."""

    files: int = 0
    bytes: int = 0
    restorable_files: int = 0
    restorable_bytes: int = 0

    @property
    def held(self) -> int:
        """What counts against a quota, in bytes."""
        return self.bytes + self.restorable_bytes

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.files + other.files,
            self.bytes + other.bytes,
            self.restorable_files + other.restorable_files,
            self.restorable_bytes + other.restorable_bytes,
        )


@dataclass(frozen=True, slots=True)
class Stripe:
    """One stripe: what it counts, how much of that is past its allowance (below zero where
    there is room), what it says of growing, and how often quotas were allotted to it."""

    usage: Usage = Usage()
    over: int = 0
    limit: Limit = Limit.NONE
    epoch: int = 0

    @classmethod
    def read(cls, record: Record | None) -> Self:
        """The stripe that a record holds; one that is not there has counted nothing."""
        if record is None:
            return cls()
        count = record.value.get
        usage = Usage(
            count("files", 0),
            count("bytes", 0),
            count("restorable_files", 0),
            count("restorable_bytes", 0),
        )
        return cls(usage, count("over", 0), Limit(count("limit", 0)), count("epoch", 0))

    @property
    def room(self) -> int:
        """How many bytes the allowance still has, below zero where it is passed."""
        return -self.over

    def fits(self, size: int) -> bool:
        """Whether it takes so many bytes more without any other being asked."""
        if size == 0 or self.limit is Limit.NONE:
            return True
        return self.limit is Limit.OWN and size <= self.room


@dataclass(frozen=True, slots=True)
class Ledger:
    """The counters of a repository, by its id, or without one those of the organization."""

    organization: str
    repository: str | None = None

    @classmethod
    def of(cls, key: Key) -> Self | None:
        """The ledger that a record is a stripe of, or None where it is none."""
        match key.partition.split("#"):
            case [organization, "usage", digit] if digit in DIGITS:
                return cls(organization)
            case [organization, "usage", repository, digit] if digit in DIGITS:
                return cls(organization, repository)
        return None

    @property
    def name(self) -> str:
        """What its quota is said to be of."""
        return "organization" if self.repository is None else "repository"

    def key(self, digit: str) -> Key:
        """The record of a stripe."""
        if self.repository is None:
            return keys.organization_usage(self.organization, digit)
        return keys.usage(self.organization, self.repository, digit)

    @property
    def keys(self) -> tuple[Key, ...]:
        """The records of all stripes."""
        return tuple(self.key(digit) for digit in DIGITS)


@dataclass(frozen=True, slots=True)
class Counters:
    """Where a path is counted: in one stripe of its repository and one of its organization."""

    organization: str
    repository: str
    digit: str

    @property
    def ledgers(self) -> tuple[Ledger, Ledger]:
        return Ledger(self.organization, self.repository), Ledger(self.organization)

    @property
    def keys(self) -> tuple[Key, Key]:
        """The records of both stripes."""
        repository, organization = self.ledgers
        return repository.key(self.digit), organization.key(self.digit)


@dataclass(frozen=True, slots=True)
class Balance:
    """All stripes of a ledger, in the order of their digits."""

    ledger: Ledger
    stripes: tuple[Stripe, ...]

    @classmethod
    def read(cls, ledger: Ledger, records: Mapping[Key, Record]) -> Self:
        """The ledger among records that were read of its keys."""
        return cls(ledger, tuple(Stripe.read(records.get(key)) for key in ledger.keys))

    @property
    def usage(self) -> Usage:
        """What all stripes count together."""
        return reduce(Usage.__add__, (stripe.usage for stripe in self.stripes))

    @property
    def limit(self) -> Limit:
        return max(stripe.limit for stripe in self.stripes)

    @property
    def room(self) -> int:
        """How many bytes still fit in all; of meaning only under a quota."""
        return sum(stripe.room for stripe in self.stripes)

    @property
    def quota(self) -> int | None:
        """The quota in bytes, or None where there is none."""
        return None if self.limit is Limit.NONE else self.usage.held + self.room

    def fits(self, size: int) -> bool:
        """Whether so many bytes more fit, wherever they go."""
        return size == 0 or self.limit is Limit.NONE or size <= self.room

    def stripe(self, digit: str) -> Stripe:
        return self.stripes[DIGITS.index(digit)]


def balances_of(metadata: Metadata, *ledgers: Ledger) -> tuple[Balance, ...]:
    """Read up to six ledgers, in one call. Raises as `Metadata.get` does."""
    records = metadata.get(*(key for ledger in ledgers for key in ledger.keys))
    return tuple(Balance.read(ledger, records) for ledger in ledgers)


def settled_balance(metadata: Metadata, ledger: Ledger) -> Balance:
    """A ledger as it was at one moment: its stripes are read at several, between which allowance
    may change hands, and then the quota comes out wrong. What two readings agree on was not
    changing, and without a quota nothing does.

    Raises Conflict: they never agreed; and as `Metadata.get` does.
    """
    (balance,) = balances_of(metadata, ledger)
    for _ in range(_READS):
        if balance.quota is None:
            return balance
        before = balance.quota
        (balance,) = balances_of(metadata, ledger)
        if balance.quota == before:
            return balance
    raise Conflict("allowance changes hands all the time")
