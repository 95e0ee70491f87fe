"""Servers and a certificate that several tests share; each is made once for a file."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"
