"""What is committed names no package registry and no path of a machine."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.parts import ROOT, require

# Put together here so that this file holds none of them itself.
PUBLIC = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "registry." + "npmjs",
    "crates" + ".io/api",
    "repo." + "maven",
    "repo1." + "maven",
    "proxy." + "golang",
    "deb." + "debian",
    "security." + "debian",
]
OPTIONS = re.compile("--(extra-)?index" + r"-url[= ]+\S|index-url\s*=|--find" + r"-links[= ]+\S")
#: `/Users/ID` is an address of SCIM as well; a home on a Mac is told from it by what lies there.
HOMES = re.compile(
    r"(?<![\w./*-])/(?:(?:home|work|root)" + r"/[\w.-]|Users" + r"/(?!\.)[\w.-]{2,}/[\w.-])"
)
SETTINGS = re.compile(
    r"^(PIP|UV|NPM_CONFIG|CARGO|GO|MAVEN)\w*(URL|INDEX|LINKS|REGISTRY|PROXY)\w*$", re.IGNORECASE
)
URL = re.compile(r"https?://[^\s\"'<>,|]+")


def committed() -> list[Path]:
    """The files of the tree that git knows, or would take."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        require("git", "which files are committed can't be told without it")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def lines() -> Iterator[tuple[str, str]]:
    for path in committed():
        text = path.read_bytes().decode(errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


def machine_hosts() -> set[str]:
    """The hosts that this machine fetches packages from, as far as its settings tell."""
    home = Path.home()
    files = (
        Path("/etc/pip.conf"),
        Path("/etc/apt/sources.list"),
        home / ".config" / "pip" / "pip.conf",
        home / ".pip" / "pip.conf",
        home / ".config" / "uv" / "uv.toml",
        home / ".npmrc",
        home / ".cargo" / "config.toml",
        home / ".m2" / "settings.xml",
    )
    texts = [value for name, value in os.environ.items() if SETTINGS.match(name)]
    texts += [path.read_text(errors="replace") for path in files if os.access(path, os.R_OK)]
    hosts = {urlsplit(url).hostname or "" for text in texts for url in URL.findall(text)}
    # The schemas that a settings file of Maven names are no registry.
    return {host for host in hosts if "." in host and "apache.org" not in host and "w3" not in host}


def test_no_file_names_a_registry() -> None:
    hosts = {*PUBLIC, *machine_hosts()} - {"127.0.0.1"}
    named = [
        place
        for place, line in lines()
        if any(host in line for host in hosts) or OPTIONS.search(line)
    ]
    assert named == []


def test_no_file_names_a_path_of_a_machine() -> None:
    own = str(ROOT) + os.sep if len(ROOT.parts) > 2 else "\0"
    assert [place for place, line in lines() if HOMES.search(line) or own in line] == []


def test_what_is_made_is_not_committed() -> None:
    made = re.compile(r"(^|/)(\.venv|\.cache|__pycache__|data|build|dist|.*\.egg-info)/")
    names = (path.relative_to(ROOT).as_posix() for path in committed())
    assert [name for name in names if made.search(name)] == []


@pytest.mark.parametrize(
    "line",
    [
        "see /home/" + "jane/src",
        "at=/root/" + ".cache",
        "'/work/" + "x'",
        "in /Users/" + "jane/src",
        '"/Users/' + 'jane.doe/.cache"',
    ],
)
def test_a_path_of_a_machine_would_be_found(line: str) -> None:
    assert HOMES.search(line)


@pytest.mark.parametrize("line", ["/Users/2819c223", "'/Users/.search'", "https://a.org/Users/x/y"])
def test_an_address_of_scim_is_no_path_of_a_machine(line: str) -> None:
    assert not HOMES.search(line)
