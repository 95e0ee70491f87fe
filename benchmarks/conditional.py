"""Answers without a body: 304 and HEAD beside a handler with one read of SQLite."""

import http.client
import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks import load
from benchmarks.figures import Figure, by_turns, middle, spread
from benchmarks.peers import handlers
from benchmarks.peers.bare import OURS, bare
from benchmarks.plan import Plan
from benchmarks.processes import BenchmarkFailed, answer
from benchmarks.service import path_of, strongroom


def conditional(plan: Plan, folder: Path) -> Iterator[Figure]:
    """304 to If-None-Match, and HEAD."""
    content = os.urandom(1024)
    handlers.prepare(folder / "handlers", content)
    with (
        strongroom(folder / "ours") as service,
        bare(folder / "handlers") as handler,
        bare(folder / "handlers", OURS) as quick,
    ):
        service.put("small", content)
        path, key = path_of("small"), dict(service.key)
        matching = key | {"If-None-Match": _tag(service.port, path, key)}
        theirs = handlers.HEADERS | {"If-None-Match": handlers.ETAG}
        for port, where, headers in (
            (service.port, path, matching),
            (handler.port, "/record", theirs),
            (quick.port, "/record", theirs),
        ):
            status, _ = answer(port, "GET", where, headers)
            if status != 304:
                raise BenchmarkFailed(f"GET {where} with the tag of the file: {status}")
        rates = by_turns(
            plan.rounds,
            lambda: load.get(service.port, path, matching, plan.seconds).requests,
            lambda: load.get(handler.port, "/record", theirs, plan.seconds).requests,
            lambda: load.head(service.port, path, key, plan.seconds).requests,
            lambda: load.head(handler.port, "/record", handlers.HEADERS, plan.seconds).requests,
            lambda: load.get(quick.port, "/record", theirs, plan.seconds).requests,
            lambda: load.head(quick.port, "/record", handlers.HEADERS, plan.seconds).requests,
        )
    same, bare_same, head, bare_head, quick_same, quick_head = map(middle, rates)
    peer = "bare Falcon handler with one SQLite read"
    yield Figure("304", same, peer, bare_same, "/s", 0.5, "more", spread(rates[0]))
    yield Figure("HEAD", head, peer, bare_head, "/s", 0.5, "more", spread(rates[2]))
    peer = "the same under the service's worker"
    yield Figure("304", same, peer, quick_same, "/s", 0.5, "more", spread(rates[0]))
    yield Figure("HEAD", head, peer, quick_head, "/s", 0.5, "more", spread(rates[2]))


def _tag(port: int, path: str, headers: dict[str, str]) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("HEAD", path, headers=headers)
        response = connection.getresponse()
        response.read()
        tag = response.getheader("ETag")
    finally:
        connection.close()
    if tag is None:
        raise BenchmarkFailed(f"HEAD {path}: {response.status}, without an ETag")
    return tag
