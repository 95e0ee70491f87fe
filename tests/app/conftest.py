"""An installation in a folder, for tests of use cases and routes."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.installation import Installation, open_installation
from app.settings import read_settings
from storage.blobs import open_blobs
from tests.engines.dynamodb_local import CREDENTIALS, dynamodb_local

MEBIBYTE = 1024 * 1024


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    settings = read_settings({"STRONGROOM_DATA": str(tmp_path / "data")})
    opened = open_installation(settings)
    opened.engine.prepare()
    yield replace(opened, blobs=open_blobs("memory:", tmp_path, 64 * MEBIBYTE))
    opened.close()


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[str]:
    with dynamodb_local() as url:
        yield url


@pytest.fixture
def remote_installation(
    tmp_path: Path, dynamodb: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """Records in DynamoDB Local."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    table = f"dynamodb://app-{secrets.token_hex(6)}?region=us-east-1&endpoint={dynamodb}"
    settings = read_settings(
        {
            "STRONGROOM_DATA": str(tmp_path / "remote"),
            "STRONGROOM_METADATA": table,
            "STRONGROOM_SECRET_KEY": secrets.token_urlsafe(32),
        }
    )
    opened = open_installation(settings)
    opened.engine.prepare()
    yield replace(opened, blobs=open_blobs("memory:", tmp_path, 64 * MEBIBYTE))
    opened.close()


@pytest.fixture(params=["embedded", "remote"])
def any_installation(request: pytest.FixtureRequest) -> Installation:
    """Records on each of the stores in turn."""
    name = "installation" if request.param == "embedded" else "remote_installation"
    found: Installation = request.getfixturevalue(name)
    return found
