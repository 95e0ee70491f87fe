"""How long to measure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """The measures of a run.

    Attributes:
        rounds: how often each side is measured, beside a first round that is thrown away.
        seconds: how long one measure of a rate lasts.
        large_bytes: the size of a large upload.
        fewer: where files are counted in tens of thousands, that many times fewer.
    """

    rounds: int = 5
    seconds: int = 4
    large_bytes: int = 2**30
    fewer: int = 1


#: Enough to see that everything runs; its figures mean nothing.
QUICK = Plan(rounds=1, seconds=1, large_bytes=32 * 2**20, fewer=50)
