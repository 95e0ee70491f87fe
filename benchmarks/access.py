"""Who gets in, how quickly, and what happens to them while others guess passwords.

Every kind of credential beside a public file without one; then the same, and right passwords
that were not used lately, while 200 wrong ones a second come in.
"""

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from benchmarks import load
from benchmarks.attackers import A_SECOND, KNOWN, Attack, From, attack, known_account
from benchmarks.callers import (
    GROUPS,
    SETTINGS,
    Client,
    Person,
    allow,
    by_groups,
    by_pattern,
    by_session,
    expect,
    person,
    put_file,
)
from benchmarks.figures import Fact, Figure, Finding, by_turns, middle, spread
from benchmarks.plan import Plan
from benchmarks.service import Service, strongroom
from benchmarks.telling import telling

SMALL_BYTES = 2**10
COLD = 40  # right passwords that were not used lately, for each kind of attack
WITHIN_SECONDS = 2.0
_KEPT = 0.8  # of the rate, under attack
_PAIRS = 3  # of measures, in each round
_AS_A_KEY = 0.9

_Headers = Mapping[str, str]


def access(plan: Plan, folder: Path) -> Iterator[Finding]:
    """Rates by credential; the same under attack; cold passwords; whether times tell."""
    with strongroom(folder / "ours", settings=SETTINGS) as service:
        path, public = put_file(service, os.urandom(SMALL_BYTES))
        session = by_session(service)
        yield from _rates(plan, service, path, public, session)
        for number in range(KNOWN):
            person(service, known_account(number).partition("@")[0])
        yield from _under_attack(plan, service, path, session)
        yield from _cold(plan, service, path)
        yield from telling(plan, service, path)


def _rates(
    plan: Plan, service: Service, path: str, public: str, session: _Headers
) -> Iterator[Figure]:
    callers: dict[str, _Headers] = {
        "an API key": service.key,
        "a password": service.password,
        "a session": session,
        f"a key of a member of {GROUPS} groups": by_groups(service),
        "a key that reads by a pattern": by_pattern(service),
    }
    asked = [(path, headers) for headers in callers.values()] + [(public, {})]

    def rate(ask: tuple[str, _Headers]) -> float:
        return load.get(service.port, *ask, plan.seconds).requests

    measures = by_turns(plan.rounds, *(partial(rate, ask) for ask in asked))
    *named, nobody = map(middle, measures)
    what = "verified requests for 1 KiB with"
    for who, found, apart in zip(callers, named, measures, strict=False):
        each = f"{what} {who}"
        yield Figure(each, found, "of anybody", nobody, "/s", None, "more", spread(apart))
        if who != "an API key":
            yield Figure(
                each, found, "with an API key", named[0], "/s", _AS_A_KEY, "more", spread(apart)
            )


def _under_attack(plan: Plan, service: Service, path: str, session: _Headers) -> Iterator[Figure]:
    """The rates of those who are in already, beside the same without the attack: each measure
    under it has one right beside it in a pause, for rates change with the minutes."""
    callers = {
        "an API key": service.key,
        "a password": service.password,
        "a session": session,
    }

    def rate(who: str) -> float:
        return load.get(service.port, path, callers[who], max(1, plan.seconds // 2)).requests

    pairs = plan.rounds * max(1, _PAIRS // plan.fewer)
    for source in From:
        alone: dict[str, list[float]] = {who: [] for who in callers}
        beside: dict[str, list[float]] = {who: [] for who in callers}
        with attack(service.port, path, source) as going:
            for _, who in itertools.product(range(pairs), callers):
                beside[who].append(rate(who))
                with going.pause():
                    alone[who].append(rate(who))
        for who in callers:
            yield Figure(
                f"requests with {who}, under {A_SECOND} wrong passwords a second from"
                f" {source.value}",
                middle(beside[who]),
                "without them",
                middle(alone[who]),
                "/s",
                _KEPT,
                "more",
                spread(beside[who]),
            )


def _cold(plan: Plan, service: Service, path: str) -> Iterator[Fact]:
    """Right passwords from quiet addresses. Under guesses from a new address each, those are
    known that somebody signed in from before: no others could be told from guesses."""
    count = max(4, COLD // plan.fewer)
    names = itertools.count()
    for source, loaded in itertools.product(From, (False, True)):
        people = [person(service, f"cold-{next(names)}") for _ in range(count)]
        for each in people:
            allow(service, each)
        if source is From.NEW:
            _sign_in(service, path, people)
            for each in people:  # what was verified is cold after any change of a user
                service.call("PATCH", f"/api/users/{each.id}", {"name": "changed"})
        busy = load.going_on(service.port, path, service.key) if loaded else nullcontext()
        with attack(service.port, path, source) as found, busy:
            times = _sign_in(service, path, people)
        yield _fact(source, loaded, times, found)


def _sign_in(service: Service, path: str, people: Sequence[Person]) -> list[float | None]:
    """The seconds that each of them waited, None for who was sent away."""
    times: list[float | None] = []
    for number, who in enumerate(people):
        client = Client(service.port)
        try:
            # Each from an address of its own: TEST-NET-3 (RFC 5737).
            answered = client.ask("GET", path, who.password, f"203.0.113.{number + 1}")
        finally:
            client.close()
        if answered.status == 503:
            times.append(None)
        else:
            times.append(expect(answered, 200, "a right password").seconds)
    return times


def _fact(source: From, loaded: bool, times: Sequence[float | None], found: Attack) -> Fact:
    answered = sorted(each for each in times if each is not None)
    refused = len(times) - len(answered)
    said = f"{refused} of {len(times)} sent away"
    if answered:
        middling, late = middle(answered), answered[len(answered) * 9 // 10]
        said = f"{middling:.2f} s, of ten nine {late:.2f} s, all {answered[-1]:.2f} s; {said}"
    hashed = found.statuses.get("401", 0) / found.seconds
    where = "an address known from before" if source is From.NEW else "a quiet address"
    what = f"a right password, not used lately, from {where}, under {A_SECOND} wrong ones a"
    what += f" second from {source.value}"
    if loaded:
        what += ", beside all that a key can ask for"
    holds = not refused and answered[-1] <= WITHIN_SECONDS
    return Fact(
        f"{what} ({hashed:.0f} of them hashed)",
        said,
        f"each answered within {WITHIN_SECONDS:.0f} s",
        holds,
    )
