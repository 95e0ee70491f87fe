"""The places that the suite runs against: every store, and S3 by each engine there is."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from storage.blobs import Blobs
from tests.blobs.stores import PLACES, Place
from tests.engines.dynamodb_local import CREDENTIALS
from tests.engines.moto_server import moto_server
from tests.engines.s3_server import s3_server

_BUCKET = "blobs"


@pytest.fixture(scope="session")
def moto_s3() -> Iterator[str]:
    with moto_server() as url:
        _make_bucket(url)
        yield url


@pytest.fixture(scope="session")
def real_s3() -> Iterator[str]:
    with s3_server() as url:
        _make_bucket(url)
        yield url


def _make_bucket(url: str) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_bucket(Bucket=_BUCKET)
    client.close()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the engines of the tests take, where boto3 looks for it."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def moto_place(moto_s3: str, credentials: None) -> Place:
    return Place(_s3_url(moto_s3), real=False)


@pytest.fixture
def real_place(real_s3: str, credentials: None) -> Place:
    return Place(_s3_url(real_s3))


def _s3_url(endpoint: str) -> str:
    """A place of its own for each test, in a bucket that they share."""
    return f"s3://{_BUCKET}/{secrets.token_hex(8)}?region=us-east-1&endpoint={endpoint}"


def _endpoint() -> Place:
    """`s3://BUCKET/PREFIX?…` of any engine; credentials come from where boto3 looks."""
    url = os.environ.get("STRONGROOM_TEST_S3_URL", "")
    before, mark, options = url.partition("?")
    return Place(f"{before.rstrip('/')}/{secrets.token_hex(8)}{mark}{options}")


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    match request.param:
        case "folder":
            return Place(f"file:{tmp_path / 'blobs'}")
        case "memory":
            return Place("memory:")
        case "endpoint":
            return _endpoint()
    found: Place = request.getfixturevalue(
        {"moto": "moto_place", "s3": "real_place"}[request.param]
    )
    return found


@pytest.fixture
def blobs(place: Place) -> Iterator[Blobs]:
    opened = place.open()
    yield opened
    opened.close()
