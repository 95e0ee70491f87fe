"""Provisioning: a page of many users, the two look-ups of each day, one member more or less.

Beside the service runs scim2-server, which keeps all in the memory of one process.
"""

import http.client
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.figures import Fact, Figure, Finding, by_turns, middle, spread
from benchmarks.peers import scim as peer
from benchmarks.plan import Plan
from benchmarks.processes import BenchmarkFailed
from benchmarks.service import Service, exchange, strongroom

USERS = 10_000
SMALL = 1_000  # members of the smaller group
PAGE = 100
_TIMES = 20  # requests, or changes, that one measure is the middle of
_CHANGES = 3  # the same, where the peer takes seconds
_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_CALLS = "strongroom_storage_call_seconds_count"


@dataclass(frozen=True, slots=True)
class Side:
    """A server that was provisioned, over a connection that is kept; ids in the order of users."""

    base: str
    headers: Mapping[str, str]
    connection: http.client.HTTPConnection
    users: list[str]

    def ask(self, method: str, path: str, value: object = None) -> Any:
        """One request; its JSON, None where there is none. Raises BenchmarkFailed."""
        body = None if value is None else json.dumps(value).encode()
        fields = {"Content-Type": "application/scim+json", **self.headers}
        self.connection.request(method, f"{self.base}{path}", body=body, headers=fields)
        answer = self.connection.getresponse()
        text = answer.read()
        if not 200 <= answer.status < 300:
            raise BenchmarkFailed(f"{method} {path}: {answer.status} {text[:500]!r}")
        return json.loads(text) if text else None

    def group(self, members: int) -> str:
        """A new group of the first so many users: its id."""
        listed = [{"value": one} for one in self.users[:members]]
        made = {"schemas": [_GROUP], "displayName": f"of {members}", "members": listed}
        return str(self.ask("POST", "/Groups", made)["id"])


def scim(plan: Plan, folder: Path) -> Iterator[Finding]:
    """Pages, look-ups and memberships, of 10,000 users."""
    count = USERS // plan.fewer
    with (
        strongroom(folder / "ours") as service,
        peer.scim2_server(folder / "peer") as other,
        _side(service.port, "/scim/v2", _token(service)) as ours,
        _side(other.port, peer.BASE, peer.HEADERS) as theirs,
    ):
        for side in (ours, theirs):
            _provision(side, count)
        yield from _pages(plan, count, ours, theirs)
        yield from _lookups(plan, count, service, ours, theirs)
        for members in (SMALL // plan.fewer, count - 1):
            yield from _memberships(plan, members, service, ours, theirs)


def _token(service: Service) -> dict[str, str]:
    made = service.call("POST", "/api/scim-tokens", {"name": "bench"})
    return {"Authorization": f"Bearer {made['secret']}"}


@contextmanager
def _side(port: int, base: str, headers: Mapping[str, str]) -> Iterator[Side]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        yield Side(base, headers, connection, [])
    finally:
        connection.close()


def _provision(side: Side, count: int) -> None:
    for number in range(count):
        address = f"user.{number}@bench.example"
        user = {
            "schemas": [_USER],
            "userName": address,
            "externalId": f"external-{number}",
            "displayName": f"User {number}",
            "name": {"givenName": "User", "familyName": str(number)},
            "emails": [{"value": address, "type": "work", "primary": True}],
            "active": True,
        }
        side.users.append(side.ask("POST", "/Users", user)["id"])


def _pages(plan: Plan, count: int, ours: Side, theirs: Side) -> Iterator[Figure]:
    for which, start in (("first", 1), ("middle", count // 2), ("last", count - PAGE + 1)):
        path = f"/Users?startIndex={start}&count={PAGE}"

        def read(side: Side, path: str = path) -> None:
            _page(side, path, count)

        yield _beside(plan, f"SCIM: the {which} {PAGE} of {count:,} users", ours, theirs, read)


def _page(side: Side, path: str, count: int) -> None:
    page = side.ask("GET", path)
    found = len(page["Resources"]), page["totalResults"]
    # The service counts its administrator and the developer, whom no provider made.
    if found[0] != min(PAGE, count) or not count <= found[1] <= count + 2:
        raise BenchmarkFailed(f"{path}: {found[0]} users of {found[1]}")


def _lookups(
    plan: Plan, count: int, service: Service, ours: Side, theirs: Side
) -> Iterator[Finding]:
    numbers = [number * count // _TIMES for number in range(_TIMES)]
    for name, text in (("userName", "user.{}@bench.example"), ("externalId", "external-{}")):
        paths = [_query(name, text.format(number)) for number in numbers]
        what = f"SCIM: {name} eq, of {count:,} users"

        def look(side: Side, paths: Sequence[str] = paths) -> None:
            for path in paths:
                if side.ask("GET", path)["totalResults"] != 1:
                    raise BenchmarkFailed(f"{path} finds another number than one")

        yield _beside(plan, what, ours, theirs, look, len(paths), 1)
        each = _counted(service, look, ours, 1, len(paths))
        # The token, the index and whom it led to last in one round trip; one more where the
        # process has not met him.
        yield Fact(what, _told(each), "at most 3 calls", sum(each.values()) < 3.5)


def _query(name: str, value: str) -> str:
    return "/Users?filter=" + quote(f'{name} eq "{value}"')


def _memberships(
    plan: Plan, members: int, service: Service, ours: Side, theirs: Side
) -> Iterator[Finding]:
    groups = {}
    for side in (ours, theirs):
        side.connection.close()
        groups[side.base] = side.group(members)

    def change(side: Side) -> None:
        """The last user comes and goes."""
        at, last = f"/Groups/{groups[side.base]}", side.users[-1]
        for operation in (
            {"op": "add", "path": "members", "value": [{"value": last}]},
            {"op": "remove", "path": f'members[value eq "{last}"]'},
        ):
            side.ask("PATCH", at, {"schemas": [_PATCH], "Operations": [operation]})

    what = f"SCIM: one member more, and one less, of {members:,}"
    yield _beside(plan, what, ours, theirs, change, 2, _CHANGES)
    each = _counted(service, change, ours, _TIMES, 2)
    # "transact" is what an engine calls a commit; one that met another is tried again.
    yield Fact(what, _told(each), "one commit", 0.5 < each.get("transact", 0) < 1.5)


def _beside(
    plan: Plan,
    what: str,
    ours: Side,
    theirs: Side,
    work: Callable[[Side], None],
    requests: int = 1,
    times: int = _TIMES,
) -> Figure:
    """How long each of so many requests takes either of them: the middle of several times."""

    def measure(side: Side) -> float:
        side.connection.close()  # it may have ended while the other was measured
        taken = []
        for _ in range(times):
            began = time.monotonic()
            work(side)
            taken.append((time.monotonic() - began) / requests * 1000)
        return middle(taken)

    mine, beside = by_turns(plan.rounds, lambda: measure(ours), lambda: measure(theirs))
    name = "scim2-server, in memory"
    return Figure(what, middle(mine), name, middle(beside), "ms", 1, "less", spread(mine))


def _counted(
    service: Service, work: Callable[[Side], None], ours: Side, times: int, requests: int
) -> dict[str, float]:
    """How many calls of each kind the metadata store gets for a request.

    `work` is done so many times, and sends so many requests each time.
    """
    ours.connection.close()
    before = _calls(service)
    for _ in range(times):
        work(ours)
    after = _calls(service)
    return {call: (after[call] - before.get(call, 0)) / times / requests for call in after}


def _calls(service: Service) -> dict[str, float]:
    """The calls to the metadata store so far, by their kind, whatever came of them."""
    status, text = exchange(service.port, "GET", "/metrics", service.key, None)
    found: dict[str, float] = {}
    for labels, number in re.findall(rf"{_CALLS}{{(.*?)}} (\S+)", text.decode()):
        named = dict(re.findall(r'(\w+)="(.*?)"', labels))
        if named["store"] == "metadata":
            found[named["call"]] = found.get(named["call"], 0) + float(number)
    if status != 200 or not found:
        raise BenchmarkFailed(f"/metrics: {status}, without {_CALLS}")
    return found


def _told(calls: Mapping[str, float]) -> str:
    found = [f"{number:.1f} of {call}" for call, number in sorted(calls.items()) if number >= 0.05]
    return f"calls to SQLite for each request: {', '.join(found)}"
