"""An installation of its own for each test, or groups on a store of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.auth.installation import Installation, Process
from tests.auth.membership_office import Office
from tests.auth.signing_in import Person, SigningIn
from tests.engines.dynamodb_local import CREDENTIALS, dynamodb_local
from tests.metadata.backends import dynamodb, new_table, sqlite


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    made.close()


@pytest.fixture
def process(installation: Installation) -> Process:
    return installation.process()


@pytest.fixture
def at(process: Process) -> SigningIn:
    """Sessions and second factors, in that installation."""
    return SigningIn(process)


@pytest.fixture
def me(at: SigningIn) -> Person:
    """A developer who has signed in."""
    return at.person()


@pytest.fixture(scope="session")
def dynamodb_url() -> Iterator[str]:
    """A real DynamoDB, started when first asked for."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with dynamodb_local() as url:
            yield url


@pytest.fixture
def embedded_office(tmp_path: Path) -> Iterator[Office]:
    """Groups on SQLite: the quicker store, for long tables."""
    with sqlite(tmp_path / "strongroom.db") as engine:
        yield Office(engine, tmp_path)


@pytest.fixture
def remote_office(dynamodb_url: str, tmp_path: Path) -> Iterator[Office]:
    """Groups on DynamoDB Local."""
    with dynamodb(dynamodb_url, new_table()) as engine:
        yield Office(engine, tmp_path)


@pytest.fixture(params=["embedded", "remote"])
def office(request: pytest.FixtureRequest) -> Office:
    """Groups on each kind of store in turn."""
    found: Office = request.getfixturevalue(f"{request.param}_office")
    return found
