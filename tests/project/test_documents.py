"""The documents are true and whole: what they name exists, and what exists they name.

Make targets, settings, routes, commands and their flags, promises and their proofs.
"""

import argparse
import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli import _parser
from app.settings import NAMES, PREFIX
from storage.blobs.memory import MemoryBlobs
from tests.http.stand import settings_for, stand
from tests.parts import ROOT

README = (ROOT / "README.md").read_text()
DEVELOPMENT = (ROOT / "docs" / "development.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
COMMAND = (ROOT / "docs" / "command.md").read_text()
ADDRESSES = "".join(
    (ROOT / "docs" / f"{name}.md").read_text()
    for name in ("api", "raw-files", "operations", "passwords", "signing-in")
)
PRACTICES = (ROOT / "docs" / "security-practices.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PROMISES = [f"S{number}" for number in range(1, 26)]
KEPT = [f"S{number}" for number in (1, 2, 3, 4, 5, 7, 8, 12, 13, 14, 15, 18, 20, 21, 23)]
PROOF = re.compile(r"`(tests/[\w/.-]+\.py)::(\w+)`")


@functools.cache
def claims_of(path: Path) -> frozenset[str]:
    """The functions of a file whose names begin with `test_`."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return frozenset(
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def promises() -> dict[str, str]:
    """The rows of the table of promises, by their number."""
    rows = re.findall(r"^\| (S\d+) \|(.*)\|$", PRACTICES, re.MULTILINE)
    assert [number for number, _ in rows] == PROMISES
    return dict(rows)


def make_targets() -> dict[str, bool]:
    """The targets of the Makefile, and whether `make` alone lists them."""
    makefile = (ROOT / "Makefile").read_text()
    return {
        name: bool(shown)
        for name, shown in re.findall(r"^([a-z][a-z-]*):(?:.*(## ))?", makefile, re.MULTILINE)
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    """`make foo` in code marks, or at the start of a line of a listing."""
    text = document.read_text()
    named = re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text, re.MULTILINE)
    assert set(named) <= make_targets().keys()


def test_every_make_target_that_is_listed_is_documented() -> None:
    listed = {name for name, shown in make_targets().items() if shown} - {"help", "clean", "format"}
    text = README + DEVELOPMENT
    assert [name for name in sorted(listed) if f"make {name}" not in text] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"`{PREFIX}{name}`" in README


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_a_setting_that_is_none(document: Path) -> None:
    known = {f"{PREFIX}{name}" for name in NAMES} | {f"{PREFIX}REQUIRE"}
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", document.read_text()))
    assert {name for name in named - known if not name.startswith(f"{PREFIX}TEST_")} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    """Files in code marks, as paths from the root."""
    pattern = (
        r"`((?:app|auth|middleware|storage|tests|docs|deploy|benchmarks|\.ci)/[\w./-]+)(?:::\w+)?`"
    )
    named = re.findall(pattern, document.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("promise", PROMISES)
def test_every_promise_is_kept_by_tests_that_exist_or_says_when(promise: str) -> None:
    row = promises()[promise]
    proofs = PROOF.findall(row)
    assert proofs or "Not yet" in row
    assert (promise not in KEPT) or proofs
    for file, name in proofs:
        assert name in claims_of(ROOT / file), f"{promise} names {file}::{name}"


@pytest.fixture
def served(tmp_path: Path) -> set[tuple[str, str]]:
    """What the router serves: methods, with paths as documents write them."""
    made = stand(settings_for(tmp_path / "data", blobs="memory:"), MemoryBlobs)
    try:
        declared = made.process.routes.declared.values()
        return {
            (method, re.sub(r"\{(\w+)(:path)?\}", "ANY", route.template))
            for route in declared
            for method in route.methods
        }
    finally:
        made.close()


def test_the_api_is_documented_as_it_is_served(served: set[tuple[str, str]]) -> None:
    """Every request has a row of its own in the table, and every row is served."""
    rows = re.findall(r"^\| `([A-Z]+) (/api/\S*)` \|", API, re.MULTILINE)
    documented = [(method, re.sub(r"\b[A-Z]+\b", "ANY", path)) for method, path in rows]
    assert sorted(documented) == sorted(row for row in served if row[1].startswith("/api/"))


def test_every_other_address_is_documented(served: set[tuple[str, str]]) -> None:
    """In code marks, in one of the documents that tell addresses."""
    named = {re.sub(r"\b[A-Z]+\b", "ANY", path) for path in re.findall(r"`(/[^`\s]*)`", ADDRESSES)}
    addresses = {path for _, path in served if not path.startswith("/api/")}
    assert addresses - named == set()


def commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, frozenset[str]]]:
    """The commands that can be run, and their flags."""
    choices = [a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for deeper in choices:
        for command in deeper.values():
            yield from commands(command)
    if not choices:
        options = {option for action in parser._actions for option in action.option_strings}
        yield parser.prog, frozenset(option for option in options if option.startswith("--"))


SHARED = {"--help", "--data", "--json"}


def test_every_command_and_flag_is_documented_and_nothing_else() -> None:
    rows = re.findall(
        r"^\| `(strongroom [a-z -]+?)(?: [A-Z ]+)?` \|([^|]*)\|", COMMAND, re.MULTILINE
    )
    documented = {name: frozenset(re.findall(r"`(--[a-z-]+)`", flags)) for name, flags in rows}
    assert len(documented) == len(rows)
    assert documented == {name: flags - SHARED for name, flags in commands(_parser())}
    for name, flags in commands(_parser()):
        assert flags >= SHARED, name
    before = COMMAND.partition("| command |")[0]
    for flag in (*SHARED, "--version"):
        assert f"`{flag}" in before


def test_the_readme_carries_the_table_of_the_benchmarks() -> None:
    """The figures of the README are those of the last run, and the place for them is there."""
    table = README.split("<!-- bench: begin -->\n")[1].split("<!-- bench: end -->")[0]
    results = ROOT / "benchmarks" / "results.md"
    if results.exists():
        assert table.strip() in results.read_text()
