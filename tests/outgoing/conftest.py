"""A server that behaves, for each test, and a certificate that nobody trusts."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import certificates
from tests.outgoing.servers import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for a.test, and its key."""
    return certificates.make(tmp_path_factory.mktemp("tls"), "a.test")


@pytest.fixture
def secure(certificate: tuple[Path, Path]) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with serving(context) as running:
        yield running
