"""The layers hold, and the contracts notice when they do not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parts import ROOT

LINT = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(LINT, cwd=tree, capture_output=True, text=True, check=False)


def test_imports_point_down() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "module, line, contract",
    [
        ("storage/intruder.py", "import auth", "Imports point down"),
        ("auth/intruder.py", "import middleware.intruded", "Imports point down"),
        ("middleware/intruder.py", "from app import ownership", "Imports point down"),
        ("auth/intruder.py", "import falcon", "know no HTTP"),
        ("storage/intruder.py", "from gunicorn import sock", "know no HTTP"),
        ("middleware/intruder.py", "import boto3", "Only storage knows AWS"),
        ("app/intruder.py", "from botocore import errorfactory", "Only storage knows AWS"),
        (
            "storage/blobs/intruder.py",
            "from storage.metadata import records",
            "do not know each other",
        ),
        ("app/publishing/intruder.py", "import falcon", "Publishing, repositories"),
        ("app/maven/views.py", "import falcon", "Publishing, repositories"),
        ("app/maven/paths.py", "import storage.keys", "What reads and writes formats"),
        ("app/server/pace.py", "from app.server import tls", "A conversation does not know"),
    ],
)
def test_an_import_that_points_up_is_found(
    tmp_path: Path, module: str, line: str, contract: str
) -> None:
    for package in ("app", "auth", "middleware", "storage"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    (tmp_path / "middleware" / "intruded.py").touch()
    with (tmp_path / module).open("a") as intruder:
        intruder.write(f"{line}\n")
    done = lint(tmp_path)
    broken = [row for row in done.stdout.splitlines() if row.endswith("BROKEN")]
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(contract in row for row in broken), broken
