"""Whether the time of an answer tells that there is an account: distributions, and a test.

Accounts that are there, that are not and that are disabled are asked by turns, each from an
address of its own. Two samples are compared by ranks (Mann and Whitney), which asks for no form
of the distribution: how often an answer of one kind takes longer than one of the other.
"""

import itertools
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.callers import Answered, Client, expect, person
from benchmarks.figures import Fact
from benchmarks.plan import Plan
from benchmarks.service import Service, basic

ACCOUNTS = 60  # of each kind
TIMES = 4  # each is asked for, under the limits of an account
RESETS = 1  # of each: twice would now and then fill one of the shares of the organization's limit
#: One in a thousand comparisons of what is the same is further apart than this.
APART_MOST = 3.29
_KINDS = ("known", "unknown", "disabled")
_WRONG = "not the password at all"


@dataclass(frozen=True, slots=True)
class _Question:
    what: str
    status: int
    times: int
    ask: Callable[[Client, str, str], Answered]


def telling(plan: Plan, service: Service, path: str) -> Iterator[Fact]:
    """The times of answers to wrong passwords and forgotten ones, by kind of account."""
    count = max(5, ACCOUNTS // plan.fewer)
    emails = {kind: [f"{kind}-to-time-{n}" for n in range(count)] for kind in _KINDS}
    for kind in _KINDS:
        if kind != "unknown":
            for name in emails[kind]:
                person(service, name, active=kind == "known")
    addresses = itertools.count()
    for question in _questions(path):
        times = _times(service, question, emails, addresses)
        for kind in _KINDS[1:]:
            yield _verdict(question.what, kind, times)


def _questions(path: str) -> tuple[_Question, ...]:
    def by_basic(client: Client, email: str, address: str) -> Answered:
        return client.ask("GET", path, basic(email, _WRONG), address)

    def by_session(client: Client, email: str, address: str) -> Answered:
        value = {"email": email, "password": _WRONG}
        return client.ask("POST", "/auth/session", {}, address, value)

    def by_reset(client: Client, email: str, address: str) -> Answered:
        return client.ask("POST", "/auth/reset", {}, address, {"email": email})

    return (
        _Question("a wrong password by Basic", 401, TIMES, by_basic),
        _Question("a wrong password for a session", 401, TIMES, by_session),
        _Question("a reset", 202, RESETS, by_reset),
    )


def _times(
    service: Service,
    question: _Question,
    emails: Mapping[str, Sequence[str]],
    addresses: Iterator[int],
) -> dict[str, list[float]]:
    """Milliseconds by kind, asked in an order that is another one each time."""
    times: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    client = Client(service.port)
    try:
        for _ in range(question.times):
            order = [(kind, name) for kind in _KINDS for name in emails[kind]]
            random.shuffle(order)
            for kind, name in order:
                number = next(addresses)
                address = f"198.18.{number >> 8 & 255}.{number & 255}"
                answered = question.ask(client, f"{name}@bench.example", address)
                expect(answered, question.status, question.what)
                times[kind].append(answered.seconds * 1000)
    finally:
        client.close()
    return times


def _verdict(what: str, kind: str, times: Mapping[str, Sequence[float]]) -> Fact:
    known, other = times["known"], times[kind]
    longer, apart = compared(known, other)
    told = "; ".join(
        f"{name} {_quantiles(of)} ms" for name, of in (("known", known), (kind, other))
    )
    return Fact(
        f"{what}: time of the answer for a known account beside {kind}, {len(known)} of each,"
        " one in ten, middle, nine in ten",
        f"{told}; known took longer in {longer:.1%} of pairs, {apart:.1f} deviations from half",
        f"at most {APART_MOST} deviations",
        apart <= APART_MOST,
    )


def compared(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """How often a value of one sample is larger than one of another (ties count half), and by
    how many standard deviations that is away from a half (Mann and Whitney, 1947)."""
    ranked = sorted([(value, True) for value in one] + [(value, False) for value in other])
    total, at = 0.0, 0
    for _, tied in itertools.groupby(ranked, key=lambda pair: pair[0]):
        flags = [flag for _, flag in tied]
        total += sum(flags) * (at + (len(flags) + 1) / 2)
        at += len(flags)
    pairs = len(one) * len(other)
    larger = total - len(one) * (len(one) + 1) / 2
    deviation = math.sqrt(pairs * (len(one) + len(other) + 1) / 12)
    return larger / pairs, abs(larger - pairs / 2) / deviation


def _quantiles(values: Sequence[float]) -> str:
    ranked = sorted(values)
    return " ".join(f"{ranked[int(len(ranked) * part)]:.1f}" for part in (0.1, 0.5, 0.9))
