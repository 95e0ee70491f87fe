"""An installation for commands: set up as the first start does it."""

from pathlib import Path

import pytest

from app.first_start import prepare
from app.settings import read_settings
from tests.cli.here import Here


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of an installation with its first administrator and a repository."""
    folder = tmp_path / "data"
    assert prepare(read_settings({"STRONGROOM_DATA": str(folder)})) is not None
    return folder


@pytest.fixture
def strongroom(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Here:
    return Here(data, capsys, monkeypatch)
