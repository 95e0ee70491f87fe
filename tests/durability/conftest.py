"""The grounds that the tests run on: a folder with SQLite, and a real S3 server with DynamoDB
Local, each started once in a test process when first asked for."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.durability.installations import ADMIN
from tests.durability.machines import Ground
from tests.engines.dynamodb_local import CREDENTIALS, dynamodb_local
from tests.engines.s3_server import REGION, s3_server

_BUCKET = "durability"


@pytest.fixture(scope="session")
def real_s3() -> Iterator[str]:
    with s3_server() as url:
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )
        client.create_bucket(Bucket=_BUCKET)
        client.close()
        yield url


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[str]:
    with dynamodb_local() as url:
        yield url


@pytest.fixture
def embedded(tmp_path: Path) -> Ground:
    """A data folder with everything in it, which all machines share."""
    return Ground("embedded", tmp_path / "ground")


@pytest.fixture
def remote(tmp_path: Path, real_s3: str, dynamodb: str, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """A bucket's prefix and a table; each machine has a data folder of its own."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)  # for what the tests open themselves
    place = secrets.token_hex(6)
    settings = {
        "BLOBS": f"s3://{_BUCKET}/{place}?region={REGION}&endpoint={real_s3}",
        "METADATA": f"dynamodb://durability-{place}?region={REGION}&endpoint={dynamodb}",
        "SECRET_KEY": secrets.token_urlsafe(32),
        "ADMIN_EMAIL": ADMIN,
        "ADMIN_PASSWORD": secrets.token_urlsafe(16),
    }
    return Ground("remote", tmp_path / "ground", None, settings, CREDENTIALS)


@pytest.fixture(params=["embedded", "remote"])
def ground(request: pytest.FixtureRequest) -> Ground:
    """Each of them in turn."""
    found: Ground = request.getfixturevalue(request.param)
    return found
