"""Uploads of one large file to the folder store, beside the same work done by other tools."""

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.figures import Figure, by_turns, middle, spread
from benchmarks.peers import nginx
from benchmarks.plan import Plan
from benchmarks.processes import BenchmarkFailed
from benchmarks.service import Service, exchange, path_of, strongroom
from tests.parts import tool

_BLOCK = 2**20


def large_upload(plan: Plan, folder: Path) -> Iterator[Figure]:
    """PUT with SHA-256, SHA-1 and MD5; nginx's PUT, `sync`, and the digests side by side."""
    source = folder / "source"
    write_random(source, plan.large_bytes)
    files = folder / "files"
    with strongroom(folder / "ours") as service, nginx.nginx(folder / "nginx", files) as peer:
        ours, theirs = by_turns(
            plan.rounds,
            lambda: _ours(service, source),
            lambda: _theirs(peer.port, source, files),
        )
    size = f"{plan.large_bytes / 2**30:.2g} GiB"
    yield Figure(
        f"upload of {size} with SHA-256, SHA-1 and MD5, folder store",
        middle(ours),
        "nginx's PUT, then sync, then the three digests side by side",
        middle(theirs),
        "s",
        1.4,
        "less",
        spread(ours),
    )


def write_random(path: Path, count: int) -> None:
    """A file of `count` random bytes."""
    with path.open("wb") as file:
        for _ in range(count // _BLOCK):
            file.write(os.urandom(_BLOCK))
        file.flush()
        os.fsync(file.fileno())  # so that writing it back disturbs no measure


def renew(path: Path, *digests: str) -> dict[str, str]:
    """Change the file, and return the fields that announce its digests.

    A digest that is known already would let the service drop what it was sent.
    """
    with path.open("r+b") as file:
        file.write(os.urandom(64))
        os.fsync(file.fileno())
    sums = [hashlib.new(name) for name in digests]
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            for each in sums:
                each.update(block)
    return {f"X-Checksum-{each.name.capitalize()}": each.hexdigest() for each in sums}


def curl_put(port: int, path: str, source: Path, headers: Mapping[str, str]) -> float:
    """Upload `source`; the seconds until its answer."""
    command = [str(tool("curl")), "--silent", "--show-error", "--fail-with-body"]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    command += ["--upload-file", str(source), f"http://127.0.0.1:{port}{path}"]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise BenchmarkFailed(f"PUT {path}: {done.stdout}{done.stderr}")
    return seconds


def _ours(service: Service, source: Path) -> float:
    # Another name each time, and gone afterwards: overwriting is not what is measured.
    name = f"upload-{time.monotonic_ns()}"
    announced = renew(source, "sha256", "sha1", "md5")
    seconds = curl_put(service.port, path_of(name), source, {**service.key, **announced})
    status, answer = exchange(service.port, "DELETE", path_of(name), service.key, None)
    if status != 204:
        raise BenchmarkFailed(f"DELETE {name}: {status} {answer[:200]!r}")
    return seconds


def _theirs(port: int, source: Path, files: Path) -> float:
    seconds = curl_put(port, "/upload", source, nginx.HEADERS)
    stored = files / "upload"
    start = time.perf_counter()
    subprocess.run([tool("sync"), stored], check=True)
    sums = [
        subprocess.Popen([tool(name), stored], stdout=subprocess.DEVNULL)
        for name in ("sha256sum", "sha1sum", "md5sum")
    ]
    if any(each.wait() for each in sums):
        raise BenchmarkFailed("a digest could not be computed")
    seconds += time.perf_counter() - start
    stored.unlink()
    return seconds
