"""What a benchmark finds: figures beside those of a peer, and the table of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table: ours beside a peer's, or beside a budget.

    `ours` and `peer` are medians in `unit`. `wanted` is what the ratio of the two should be:
    at least that where `better` is "more", at most that where it is "less"; None where nothing
    is demanded.
    """

    what: str
    ours: float
    peer_name: str
    peer: float
    unit: str
    wanted: float | None
    better: Literal["more", "less"]
    spread: float = 0.0
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.ours / self.peer

    @property
    def holds(self) -> bool:
        if self.wanted is None:
            return True
        return self.ratio >= self.wanted if self.better == "more" else self.ratio <= self.wanted


@dataclass(frozen=True, slots=True)
class Fact:
    """A row that has no peer: what was counted, in words."""

    what: str
    found: str
    wanted: str
    holds: bool


Finding = Figure | Fact


def by_turns(
    rounds: int, *sides: Callable[[], float], warm_up: bool = True
) -> tuple[list[float], ...]:
    """The measures of each side, in `rounds` rounds that begin with another side each time.

    With `warm_up` a first round is thrown away.
    """
    measures: tuple[list[float], ...] = tuple([] for _ in sides)
    order = list(range(len(sides)))
    for number in range(rounds + warm_up):
        for index in order:
            measure = sides[index]()
            if number >= warm_up:
                measures[index].append(measure)
        order.append(order.pop(0))
    return measures


def middle(measures: Sequence[float]) -> float:
    """The median."""
    return float(median(measures))


def spread(measures: Sequence[float]) -> float:
    """How far the measures of a side lie apart, as a share of their median."""
    return (max(measures) - min(measures)) / middle(measures)


def table(findings: Sequence[Finding]) -> str:
    """The findings as a table in Markdown."""
    lines = ["| what | Strongroom | beside | ratio | wanted |", "| --- | --- | --- | --- | --- |"]
    lines += [_row(finding) for finding in findings]
    return "\n".join(lines)


def _row(finding: Finding) -> str:
    if isinstance(finding, Fact):
        mark = "" if finding.holds else " **missed**"
        return f"| {finding.what} | {finding.found} | | | {finding.wanted}{mark} |"
    word = "at least" if finding.better == "more" else "at most"
    mark = "" if finding.holds else " **missed**"
    wanted = "" if finding.wanted is None else f"{word} {finding.wanted:g}{mark}"
    ours, peer = _number(finding.ours, finding.unit), _number(finding.peer, finding.unit)
    what = f"{finding.what}; {finding.note}" if finding.note else finding.what
    return f"| {what} | {ours} | {peer}, {finding.peer_name} | {finding.ratio:.2f} | {wanted} |"


def _number(value: float, unit: str) -> str:
    if value >= 1000:
        return f"{value:,.0f} {unit}"
    return f"{value:.3g} {unit}" if value < 100 else f"{value:.0f} {unit}"
