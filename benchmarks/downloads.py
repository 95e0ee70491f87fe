"""Downloads from a folder: large files beside nginx, small ones beside Falcon and pypiserver."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks import load
from benchmarks.figures import Figure, by_turns, middle, spread
from benchmarks.peers import handlers, nginx, pypi
from benchmarks.peers.bare import OURS, bare
from benchmarks.plan import Plan
from benchmarks.processes import BenchmarkFailed, answer
from benchmarks.service import path_of, strongroom

LARGE_BYTES = 10 * 2**20
SMALL_BYTES = 2**10


def large(plan: Plan, folder: Path) -> Iterator[Figure]:
    """10 MiB from the folder store, beside nginx sending the same file."""
    content = os.urandom(LARGE_BYTES)
    files = folder / "files"
    with strongroom(folder / "ours") as service, nginx.nginx(folder / "nginx", files) as peer:
        (files / "large").write_bytes(content)
        service.put("large", content)
        _expect(service.port, path_of("large"), service.key, content)
        _expect(peer.port, "/large", nginx.HEADERS, content)
        ours, theirs = by_turns(
            plan.rounds,
            lambda: load.get(service.port, path_of("large"), service.key, plan.seconds).bytes,
            lambda: load.get(peer.port, "/large", nginx.HEADERS, plan.seconds).bytes,
        )
    yield Figure(
        "download of 10 MiB files, folder store",
        middle(ours) / 1e6,
        "nginx",
        middle(theirs) / 1e6,
        "MB/s",
        0.9,
        "more",
        spread(ours),
    )


def small(plan: Plan, folder: Path) -> Iterator[Figure]:
    """1 KiB with a key and with a password, beside a bare handler and beside pypiserver."""
    content = os.urandom(SMALL_BYTES)
    handlers.prepare(folder / "handlers", content)
    packages = folder / "packages"
    packages.mkdir()
    (packages / "bench-1.0.tar.gz").write_bytes(content)
    with (
        strongroom(folder / "ours") as service,
        bare(folder / "handlers") as handler,
        bare(folder / "handlers", OURS) as quick,
        pypi.pypiserver(packages, folder / "pypiserver") as python,
    ):
        service.put("small", content)
        ours, package = path_of("small"), "/packages/bench-1.0.tar.gz"
        _expect(service.port, ours, service.key, content)
        _expect(service.port, ours, service.password, content)
        _expect(handler.port, "/file", handlers.HEADERS, content)
        _expect(python.port, package, pypi.HEADERS, content)
        rates = by_turns(
            plan.rounds,
            lambda: load.get(service.port, ours, service.key, plan.seconds).requests,
            lambda: load.get(handler.port, "/file", handlers.HEADERS, plan.seconds).requests,
            lambda: load.get(service.port, ours, service.password, plan.seconds).requests,
            lambda: load.get(python.port, package, pypi.HEADERS, plan.seconds).requests,
            lambda: load.get(quick.port, "/file", handlers.HEADERS, plan.seconds).requests,
        )
    key, plain, password, other, quickest = map(middle, rates)
    what = "download of 1 KiB files with"
    a_key, apart = f"{what} an API key", spread(rates[0])
    yield Figure(a_key, key, "bare Falcon handler", plain, "/s", 0.6, "more", apart)
    peer = "the same under the service's worker"
    yield Figure(a_key, key, peer, quickest, "/s", 0.6, "more", apart)
    yield Figure(
        f"{what} a password", password, "with an API key", key, "/s", 0.8, "more", spread(rates[2])
    )
    yield Figure(a_key, key, "pypiserver", other, "/s", 3, "more", apart)


def _expect(port: int, path: str, headers: Mapping[str, str], content: bytes) -> None:
    """What is measured is the right file, and is not given to just anybody."""
    status, body = answer(port, "GET", path, headers)
    if status != 200 or body != content:
        raise BenchmarkFailed(f"GET {path} on {port}: {status}, {len(body)} bytes")
    status, _ = answer(port, "GET", path, {})
    if status != 401:
        raise BenchmarkFailed(f"GET {path} on {port} without credentials: {status}")
