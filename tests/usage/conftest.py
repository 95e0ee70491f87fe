"""Stores for quotas: SQLite in a folder, and DynamoDB Local."""

import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.installation import Installation, open_installation
from app.settings import read_settings
from storage.blobs import open_blobs
from tests.engines.dynamodb_local import CREDENTIALS, dynamodb_local

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[str]:
    with dynamodb_local() as url:
        yield url


@pytest.fixture(scope="module")
def embedded() -> Iterator[Installation]:
    """SQLite, and blobs in memory; organizations of a module's tests lie side by side."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        prefix="strongroom-usage-", dir=memory if memory.is_dir() else None
    ) as folder:
        yield from _opened(
            {"STRONGROOM_DATA": f"{folder}/data", "STRONGROOM_THREADS": "64"}, Path(folder)
        )


@pytest.fixture(params=["embedded", "remote"])
def installation(request: pytest.FixtureRequest) -> Installation:
    """Each metadata store in turn."""
    found: Installation = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def remote(
    dynamodb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """DynamoDB Local, and blobs in memory."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    table = f"usage-{secrets.token_hex(6)}"
    yield from _opened(
        {
            "STRONGROOM_DATA": str(tmp_path / "data"),
            "STRONGROOM_METADATA": f"dynamodb://{table}?region=us-east-1&endpoint={dynamodb}",
            "STRONGROOM_SECRET_KEY": secrets.token_urlsafe(32),
            "STRONGROOM_THREADS": "64",
        },
        tmp_path,
    )


def _opened(environment: dict[str, str], folder: Path) -> Iterator[Installation]:
    at = open_installation(read_settings(environment))
    at.engine.prepare()
    yield replace(at, blobs=open_blobs("memory:", folder, 64 * MEBIBYTE))
    at.close()
