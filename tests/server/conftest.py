"""Servers and a certificate that several tests share; each is made once for a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import certificates
from tests.server.running import Server, running

#: Bounds so small that a test waits for them.
SMALL = {
    "head_seconds": 0.6,
    "idle_seconds": 1.0,
    "stall_seconds": 0.5,
    "drain_seconds": 1.0,
    "close_seconds": 0.5,
}


@pytest.fixture(scope="module")
def reader() -> Iterator[Server]:
    """Says what body it got."""
    with running("tests.server.samples:digest", threads=8) as server:
        yield server


@pytest.fixture(scope="module")
def impatient() -> Iterator[Server]:
    """The same, with small bounds."""
    with running("tests.server.samples:digest", threads=2, limits=SMALL) as server:
        yield server


@pytest.fixture(scope="module")
def refuser() -> Iterator[Server]:
    """Says 401, whatever is sent."""
    with running("tests.server.samples:refuse", threads=8) as server:
        yield server


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that nobody trusts, and its key."""
    return certificates.make(tmp_path_factory.mktemp("tls"), "localhost")
