"""An installation of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.auth.installation import Installation, Process


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    made.close()


@pytest.fixture
def process(installation: Installation) -> Process:
    return installation.process()
