"""Stands over every pair of stores; the servers behind them start once, when asked for."""

import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from storage.blobs import Blobs, open_blobs
from storage.blobs.memory import MemoryBlobs
from tests.engines.dynamodb_local import CREDENTIALS, dynamodb_local
from tests.engines.s3_server import s3_server
from tests.http.client import Client
from tests.http.stand import DOMAIN, Stand, settings_for, stand

MEBIBYTE = 1024 * 1024
_BUCKET = "files"


@pytest.fixture(scope="session")
def remote_urls() -> Iterator[tuple[str, str]]:
    """A real DynamoDB and a real S3: their addresses."""
    with dynamodb_local() as dynamodb, s3_server() as s3:
        client = boto3.client(
            "s3",
            endpoint_url=s3,
            region_name="us-east-1",
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )
        client.create_bucket(Bucket=_BUCKET)
        client.close()
        yield dynamodb, s3


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is one: syncing to a disk is most of a test's time."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        prefix="strongroom-http-", dir=memory if memory.is_dir() else None
    ) as folder:
        yield Path(folder)


@pytest.fixture
def memory_stand(quick_folder: Path) -> Iterator[Stand]:
    """SQLite, and blobs in memory: the quickest."""
    blobs = MemoryBlobs()
    settings = settings_for(quick_folder / "data", blobs="memory:", domain=DOMAIN)
    yield from _closing(stand(settings, lambda: blobs))


@pytest.fixture
def folder_stand(tmp_path: Path) -> Iterator[Stand]:
    """SQLite and a folder: what `make serve` has."""
    settings = settings_for(tmp_path / "data", domain=DOMAIN)
    yield from _closing(stand(settings, _opener(settings.blobs, settings.data)))


@pytest.fixture
def remote_stand(
    remote_urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stand]:
    """DynamoDB Local and a real S3 server."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    dynamodb, s3 = remote_urls
    here = secrets.token_hex(8)
    settings = settings_for(
        tmp_path / "data",
        domain=DOMAIN,
        metadata=f"dynamodb://http-{here}?region=us-east-1&endpoint={dynamodb}",
        blobs=f"s3://{_BUCKET}/{here}?region=us-east-1&endpoint={s3}&sse=off",
        secret_keys=(b"the secret key of all processes, 32 bytes",),
    )
    yield from _closing(stand(settings, _opener(settings.blobs, settings.data)))


@pytest.fixture(params=["memory", "folder", "remote"])
def any_stand(request: pytest.FixtureRequest) -> Stand:
    """Each pair of stores in turn."""
    found: Stand = request.getfixturevalue(f"{request.param}_stand")
    return found


@pytest.fixture
def admins(any_stand: Stand) -> Client:
    """An administrator's key, and a repository `files` that does not allow overwriting."""
    any_stand.repository("files")
    return any_stand.admins


def _opener(url: str, data: Path) -> Callable[[], Blobs]:
    return lambda: open_blobs(url, data, 64 * MEBIBYTE)


def _closing(made: Stand) -> Iterator[Stand]:
    yield made
    made.close()
