"""Divides a quota over the stripes: when it is set, and again when uploads made it uneven.

What is divided is the room that is left, so that all stripes can take the same. The amounts
are computed from records that were read a moment ago, and are right all the same: a stripe's
record holds what it counts and what it is over together, and what uploads add to both between
the reading and the commit stays added.
"""

from dataclasses import dataclass

from app.usage.ledger import Balance, Limit
from storage.metadata import Add, Operation

MOST_QUOTA_BYTES = 2**60  # 1 EiB: sums of it stay far within the integers of a record


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota that is to be set, in bytes, or None where it is to be taken away."""

    bytes: int | None


@dataclass(frozen=True, slots=True)
class Allotment:
    """How a quota is to lie over the stripes of a ledger, and the commit that brings it there."""

    limit: Limit
    over: tuple[int, ...]

    def operations(self, balance: Balance) -> tuple[Operation, ...]:
        """What to commit over stripes as they were read.

        Their conditions fail where a quota was allotted since (also where that commit was
        seen in part), and where an upload took more meanwhile than it leaves to a stripe.
        """
        return tuple(
            Add(
                balance.ledger.key(f"{index:x}"),
                {
                    "over": over - stripe.over,
                    "limit": self.limit - stripe.limit,
                    "epoch": 1,
                },
                create=True,
                limits={"epoch": stripe.epoch + 1}
                | ({"over": 0} if self.limit is Limit.OWN else {}),
            )
            for index, (over, stripe) in enumerate(zip(self.over, balance.stripes, strict=True))
        )


def allot(balance: Balance, quota: int | None) -> Allotment:
    """Divide a quota in bytes, or take it away where it is None.

    Where more is held than the quota, no stripe may take anything on its own: space that is
    freed in one of them makes up for the others first.
    """
    if quota is None:
        return Allotment(Limit.NONE, tuple(stripe.usage.held for stripe in balance.stripes))
    excess = balance.usage.held - quota
    limit = Limit.OWN if excess <= 0 else Limit.ALL
    return Allotment(limit, _even(excess, len(balance.stripes)))


def _even(amount: int, shares: int) -> tuple[int, ...]:
    """An amount in shares that differ by one at the most, all of its sign."""
    sign = -1 if amount < 0 else 1
    share, rest = divmod(abs(amount), shares)
    return tuple(sign * (share + (index < rest)) for index in range(shares))
