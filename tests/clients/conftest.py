"""One server a test process for each store, started when first asked for, and empty homes."""

import secrets
from collections.abc import Iterator

import boto3
import pytest

from tests import certificates
from tests.clients.server import Repository, Server, started
from tests.engines.chromedriver import chromedriver
from tests.engines.dynamodb_local import CREDENTIALS, dynamodb_local
from tests.engines.s3_server import REGION, s3_server

_BUCKET = "clients"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Over a data folder with everything in it."""
    with started(tmp_path_factory.mktemp("folder") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Over an S3 server and DynamoDB Local."""
    with s3_server() as s3, dynamodb_local() as dynamodb, pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        client = boto3.client("s3", endpoint_url=s3, region_name=REGION)
        client.create_bucket(Bucket=_BUCKET)
        client.close()
        stores = {
            "BLOBS": f"s3://{_BUCKET}/all?region={REGION}&endpoint={s3}",
            "METADATA": f"dynamodb://clients?region={REGION}&endpoint={dynamodb}",
            "SECRET_KEY": secrets.token_urlsafe(32),
        }
        with started(tmp_path_factory.mktemp("aws") / "data", **stores) as server:
            yield server


@pytest.fixture(scope="session")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Over a data folder, and TLS."""
    place = tmp_path_factory.mktemp("encrypted")
    certificate, key = certificates.make(place, "127.0.0.1")
    with started(place / "data", TLS_CERT=str(certificate), TLS_KEY=str(key)) as server:
        yield server


@pytest.fixture(scope="session")
def driver() -> Iterator[int]:
    """What starts browsers: a port."""
    with chromedriver() as port:
        yield port


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    """The one that the test's parameter names: `folder`, which goes without saying, or `aws`."""
    found: Server = request.getfixturevalue(getattr(request, "param", "folder"))
    return found


@pytest.fixture
def releases(server: Server) -> Repository:
    return server.repository("release")


@pytest.fixture
def snapshots(server: Server) -> Repository:
    return server.repository("snapshot")
