"""Digests of a stream, computed beside the thread that receives it.

hashlib lets go of the interpreter's lock for large pieces, so each digest of a large body
runs on a thread of a shared pool while the next megabyte is received.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, TypeAlias

from app.publishing.errors import DigestMismatch
from app.publishing.expectations import Said
from storage.pools import pool

#: Digests by algorithm (`md5`, `sha1`, `sha256`, `sha512`), in hexadecimal.
Digests: TypeAlias = Mapping[str, str]

BESIDE_BYTES = 256 * 1024  # a smaller piece costs more to hand over than to compute


def new_hash(algorithm: str) -> Any:
    """What computes a digest, by the names that records and clients use."""
    if algorithm == "blake2b-256":
        return hashlib.blake2b(digest_size=32)
    # MD5 and SHA-1 are what clients still send; they protect nothing here.
    return hashlib.new(algorithm, usedforsecurity=False)


class Digester:
    """Starts digests for many uploads on one pool of threads; made once a process."""

    def __init__(self, threads: int | None = None) -> None:
        self._pool = pool(threads or max(2, os.cpu_count() or 2), "digest")

    def start(self, algorithms: Iterable[str]) -> "Digesting":
        """Begin the digests of one stream; SHA-256 is always among them."""
        return Digesting(self._pool.submit, dict.fromkeys(("sha256", *algorithms)))

    def close(self) -> None:
        self._pool.shutdown(wait=False)


class Digesting:
    """The digests of one stream. At most one piece is being computed at a time."""

    def __init__(self, submit: Callable[..., Future[None]], algorithms: Iterable[str]) -> None:
        self._submit = submit
        self._hashes: dict[str, Any] = {name: new_hash(name) for name in algorithms}
        self._running: list[Future[None]] = []

    def update(self, piece: memoryview) -> None:
        """Take the next piece; its memory must stay as it is until the next call returns."""
        self._wait()
        if len(piece) < BESIDE_BYTES:
            for digest in self._hashes.values():
                digest.update(piece)
        else:
            self._running = [self._submit(digest.update, piece) for digest in self._hashes.values()]

    def finish(self, expectations: Said) -> dict[str, str]:
        """The digests in hexadecimal, once all was taken and every expectation holds.

        Raises:
            DigestMismatch: for the first expectation that does not hold.
        """
        self._wait()
        computed = {name: digest.hexdigest() for name, digest in self._hashes.items()}
        for name, expected in expectations.digests:
            if computed[name] != expected:
                raise DigestMismatch(name, expected, computed[name])
        return computed

    def _wait(self) -> None:
        running, self._running = self._running, []
        for future in running:
            future.result()
