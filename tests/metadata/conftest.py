"""The servers, each started once in a test process when first asked for, and the stores."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from storage.metadata import Metadata
from storage.metadata.engine import Engine
from tests.engines.dynamodb_local import CREDENTIALS, dynamodb_local
from tests.engines.moto_server import moto_server
from tests.faults.metadata import Faults
from tests.metadata.backends import ALL, ENDPOINT, dynamodb, new_table, sqlite


@pytest.fixture(scope="session")
def credentials() -> Iterator[None]:
    """Something to sign with, where the machine has nothing."""
    with pytest.MonkeyPatch.context() as patch:
        if not ENDPOINT:
            for name, value in CREDENTIALS.items():
                patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def dynamodb_local_url(credentials: None) -> Iterator[str]:
    with dynamodb_local() as url:
        yield url


@pytest.fixture(scope="session")
def moto_url(credentials: None) -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(scope="session")
def location(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the backend named by the parameter keeps the tests' records (`reopened`)."""
    match request.param:
        case "sqlite":
            return f"sqlite:{tmp_path_factory.mktemp('metadata') / 'records.db'}"
        case "dynamodb-local":
            return f"{new_table()} at {request.getfixturevalue('dynamodb_local_url')}"
        case "moto":
            return f"{new_table()} at {request.getfixturevalue('moto_url')}"
        case _:
            request.getfixturevalue("credentials")
            return f"{new_table()} at {ENDPOINT}"


@pytest.fixture(scope="session")
def engine(location: str) -> Iterator[Engine]:
    """One store for all tests of a process: each test keeps to partitions of its own."""
    if location.startswith("sqlite:"):
        with sqlite(Path(location.removeprefix("sqlite:"))) as embedded:
            yield embedded
    else:
        table, _, url = location.partition(" at ")
        with dynamodb(url, table) as remote:
            yield remote


@pytest.fixture
def faults(engine: Engine) -> Faults:
    return Faults(engine)


@pytest.fixture
def naps() -> list[float]:
    """How long the store under test slept, in seconds; it does not really."""
    return []


@pytest.fixture
def metadata(faults: Faults, naps: list[float]) -> Metadata:
    return Metadata(faults, sleep=naps.append)


@pytest.fixture
def partition() -> str:
    return f"test#{uuid4().hex}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever asks for a store on every backend, unless it names its own."""
    if "location" in metafunc.fixturenames and not any(
        mark.name == "parametrize" and "location" in str(mark.args[0])
        for mark in metafunc.definition.iter_markers()
    ):
        metafunc.parametrize("location", ALL, indirect=True, scope="session")
