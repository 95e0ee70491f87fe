"""An installation in a folder, for tests of use cases and routes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.installation import Installation, open_installation
from app.settings import read_settings
from storage.blobs import open_blobs

MEBIBYTE = 1024 * 1024


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    settings = read_settings({"STRONGROOM_DATA": str(tmp_path / "data")})
    opened = open_installation(settings)
    opened.engine.prepare()
    yield replace(opened, blobs=open_blobs("memory:", tmp_path, 64 * MEBIBYTE))
    opened.close()
