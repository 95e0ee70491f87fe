"""Both stores with an organization, and one whose clock a test moves."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.installation import Installation
from auth.organizations import founding
from storage.metadata import Metadata
from storage.metadata.sqlite import SqliteEngine
from tests.app.conftest import any_installation, dynamodb, installation, remote_installation
from tests.auth.installation import Clock
from tests.mail.posting import ORG, Post

__all__ = ["any_installation", "dynamodb", "installation", "remote_installation"]


@pytest.fixture
def post(any_installation: Installation) -> Post:
    """Mail on each of the stores in turn."""
    found(any_installation.metadata)
    return Post(any_installation)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def moved(installation: Installation, tmp_path: Path, clock: Clock) -> Iterator[Post]:
    """Mail on a store whose time is the clock's."""
    engine = SqliteEngine(tmp_path / "moved.db", clock=clock)
    engine.prepare()
    metadata = Metadata(engine, clock=clock)
    found(metadata)
    yield Post(replace(installation, metadata=metadata), clock)
    metadata.close()


def found(metadata: Metadata) -> None:
    metadata.commit(*founding("default", ORG, metadata.now().isoformat(), []))
