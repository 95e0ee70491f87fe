"""One server a test process for each pair of stores, and a provider that may all.

Tests that need no server take no fixture from here, and start none.
"""

from collections.abc import Iterator

import pytest

from tests.clients.server import Server
from tests.scim.served import Provider, provider, started_on


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Over a data folder with everything in it."""
    with started_on("folder", tmp_path_factory.mktemp("folder")) as server:
        yield server


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Over an S3 server and DynamoDB Local."""
    with started_on("aws", tmp_path_factory.mktemp("aws")) as server:
        yield server


@pytest.fixture(params=["folder", pytest.param("aws", marks=pytest.mark.slow)])
def provisioned(request: pytest.FixtureRequest) -> Server:
    """A server on each pair of stores in turn: in the gate the folder alone."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def scim(provisioned: Server) -> Provider:
    """A provider whose token may make administrators."""
    return provider(provisioned)
