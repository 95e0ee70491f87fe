"""The locks: every package pinned, with hashes, without an address, and true to setup.cfg."""

import configparser
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.parts import ROOT

SERVES = ROOT / "deploy" / "requirements.txt"
TESTS = ROOT / ".ci" / "requirements.txt"
BOTH = pytest.mark.parametrize("lock", [SERVES, TESTS], ids=["serves", "tests"])


def entries(lock: Path) -> list[str]:
    """The requirements of a lock, each in one line with its hashes."""
    text = re.sub(r"^\s*#.*\n?", "", lock.read_text(), flags=re.MULTILINE)
    return [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def pins(lock: Path) -> dict[str, set[str]]:
    """The versions that a lock pins, by name; more than one where markers tell them apart."""
    pinned: dict[str, set[str]] = {}
    for entry in entries(lock):
        name, _, version = entry.split(" ")[0].partition("==")
        pinned.setdefault(canonicalize_name(name), set()).add(version)
    return pinned


@BOTH
def test_every_entry_is_an_exact_version_with_hashes(lock: Path) -> None:
    for entry in entries(lock):
        assert re.match(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+( ;|\s+--hash)", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry


@BOTH
def test_no_entry_says_where_from(lock: Path) -> None:
    """Where packages come from is the machine's to say: no index, link, path or option."""
    for entry in entries(lock):
        assert not entry.startswith("-")
        assert "://" not in entry
        assert " @ " not in entry


@BOTH
def test_what_setup_asks_for_is_what_the_lock_pins(lock: Path) -> None:
    """A dependency that changed without `make lock` is found here, not in production."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    wanted = [line for line in setup["options"]["install_requires"].splitlines() if line.strip()]
    backend = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    pinned = pins(lock)
    for requirement in map(Requirement, (*wanted, *backend)):
        (version,) = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


def test_the_tests_run_with_the_versions_that_serve() -> None:
    tests = pins(TESTS)
    assert {name: tests.get(name) for name in pins(SERVES)} == pins(SERVES)


def test_the_parser_in_c_is_pinned_with_the_server() -> None:
    """Without gunicorn_h1c, gunicorn parses in Python without a word, at two thirds the rate."""
    assert "gunicorn-h1c" in pins(SERVES)
