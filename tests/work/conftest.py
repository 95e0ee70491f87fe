"""Stores for jobs and duties: SQLite in a folder, shared by as many workers as a test makes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.installation import Installation, open_installation
from app.settings import read_settings
from auth.organizations import founding
from storage.blobs import open_blobs

ORG = "org1"


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """An installation with one organization."""
    opened = open_installation(read_settings({"STRONGROOM_DATA": str(tmp_path / "data")}))
    opened.engine.prepare()
    now = opened.metadata.now().isoformat()
    opened.metadata.commit(*founding("default", ORG, now, []))
    yield replace(opened, blobs=open_blobs("memory:", tmp_path, 2**25))
    opened.close()
