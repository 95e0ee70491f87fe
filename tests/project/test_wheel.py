"""The wheel: built without a network, four packages and nothing else at its top."""

import configparser
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.parts import ROOT

PACKAGES = ("app", "auth", "middleware", "storage")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the tree, since a build writes beside its sources."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "gunicorn.conf.py"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, tree)
    for name in (*PACKAGES, "tests", "benchmarks", "docs", "deploy"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    out = tmp_path_factory.mktemp("wheel")
    run = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), "."]
    built = subprocess.run(run, cwd=tree, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel was installed into, without what it needs."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True)
    return target


def run_installed(installed: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the installed packages in front of those of the tree."""
    environment = {"PYTHONPATH": str(installed), "PATH": os.environ["PATH"]}
    return subprocess.run(
        command, env=environment, cwd=installed.parent, capture_output=True, text=True, check=False
    )


def test_the_top_holds_the_four_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
    (record,) = (name for name in top if name.endswith(".dist-info"))
    assert top - {record} == set(PACKAGES)
    assert record.startswith("strongroom-")


def test_every_module_of_the_tree_is_in_the_wheel(wheel: Path) -> None:
    """A folder without `__init__.py` would be left out silently."""
    modules = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    with zipfile.ZipFile(wheel) as archive:
        assert modules <= set(archive.namelist())


def test_every_data_file_of_the_tree_is_in_the_wheel(wheel: Path) -> None:
    """A template that `package_data` misses is found in a checkout, and in no installation."""
    data = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and path.name[0] != "."
    }
    with zipfile.ZipFile(wheel) as archive:
        assert data <= set(archive.namelist())


def test_the_wheel_carries_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (licence,) = (name for name in archive.namelist() if name.endswith("/LICENSE"))
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()


def test_the_command_works_as_installed(installed: Path) -> None:
    done = run_installed(installed, str(installed / "bin" / "strongroom"), "--version")
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert done.returncode == 0, done.stderr
    assert setup["metadata"]["version"] in done.stdout


def test_the_installed_packages_are_those_of_the_wheel(installed: Path) -> None:
    script = "import app, auth, middleware, storage as s; print(app.__file__, s.__file__)"
    done = run_installed(installed, sys.executable, "-c", script)
    assert done.stdout.split() == [
        str(installed / "app" / "__init__.py"),
        str(installed / "storage" / "__init__.py"),
    ]
