"""The entries of searches: in every order each file has one, and nothing else has."""

import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.installation import Installation, open_installation
from app.publishing import Artifact
from app.publishing.changes import GOING, Changes
from app.publishing.entries import NAME_BYTES, Entry, Order, entries, folded, name_text, size_text
from app.publishing.place import Place
from app.repositories import ArtifactPath, Format
from app.repositories.names import PATH_BYTES, SEGMENT_BYTES
from app.settings import read_settings
from app.usage import Ledger
from storage import keys
from storage.blobs import open_blobs
from storage.metadata import Record
from storage.metadata.operations import OPERATIONS, validate_key
from tests.app.conftest import MEBIBYTE
from tests.app.test_publishing import ORG, REPO, Shelf

ARTIFACT = Artifact(
    blob="blob", size=5, digests={"sha256": "ab" * 32}, modified=datetime.now(UTC), user="user1"
)
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\"))


#: Those that files of every format are found by.
RAW_ORDERS = (Order.NAME, Order.DIGEST, Order.AGE, Order.SIZE)


def place(path: str) -> Place:
    return Place(
        ORG, REPO, ArtifactPath.parse(path), overwrite=True, restore_days=14, format=Format.RAW
    )


def all_artifacts(at: Installation) -> dict[str, Artifact]:
    """Every artifact by its path, by a full scan of the store."""
    found: dict[str, Artifact] = {}
    after = ""
    while True:
        page = at.metadata.scan(0, 1, after)
        for record in page.records:
            kind, _, folder = record.key.partition.partition(f"#folder#{REPO}#/")
            if kind == ORG and not record.key.sort.endswith("/"):
                found[f"{folder}{record.key.sort}"] = Artifact.read(record)
        if page.next is None:
            return found
        after = page.next


def entries_in(at: Installation, order: Order) -> list[Record]:
    return list(at.metadata.query_all(keys.finding(ORG, REPO, order.value)))


def assert_exact(at: Installation) -> None:
    """Whatever order: the entries are those of the artifacts that are there, and no other."""
    artifacts = all_artifacts(at)
    for order in RAW_ORDERS:
        found = [Entry.read(record) for record in entries_in(at, order)]
        assert sorted(entry.path for entry in found) == sorted(artifacts)
        for entry in found:
            artifact = artifacts[entry.path]
            assert (entry.size, entry.modified) == (artifact.size, artifact.modified)
            assert keys.found(ORG, REPO, order.value, entry.position) in entries(
                place(entry.path), artifact
            )


PATHS = st.sampled_from(["a", "A", "d/a", "d/e/b.txt", "d/e/ß", "b.txt", "x/é", "x/e\u0301"])
PUTS = st.tuples(st.just("put"), PATHS, st.binary(max_size=3))
DELETES = st.tuples(st.just("delete"), PATHS, st.just(b""))


@contextmanager
def fresh_shelf() -> Iterator[Shelf]:
    with tempfile.TemporaryDirectory(prefix="strongroom-") as folder:
        at = open_installation(read_settings({"STRONGROOM_DATA": str(Path(folder) / "data")}))
        at.engine.prepare()
        try:
            yield Shelf(replace(at, blobs=open_blobs("memory:", Path(folder), 64 * MEBIBYTE)))
        finally:
            at.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PUTS | DELETES, max_size=25))
def test_after_any_operations_each_file_has_one_entry_in_every_order(
    steps: list[tuple[str, str, bytes]],
) -> None:
    with fresh_shelf() as shelf:
        for step, path, data in steps:
            if step == "put":
                shelf.put(path, data, overwrite=True)
            elif shelf.read(path) is not None:
                shelf.remove(path)
        assert_exact(shelf.at)


def test_an_order_is_that_of_what_it_is_named_for(installation: Installation) -> None:
    shelf = Shelf(installation)
    for path, data in (("z/B", b"22"), ("a/c", b"1"), ("y/a", b"4444"), ("x/a", b"333")):
        shelf.put(path, data)
    by = {order: [Entry.read(r).path for r in entries_in(installation, order)] for order in Order}
    assert by[Order.NAME] == ["x/a", "y/a", "z/B", "a/c"]
    assert by[Order.AGE] == ["z/B", "a/c", "y/a", "x/a"]
    assert by[Order.SIZE] == ["a/c", "z/B", "x/a", "y/a"]


@given(st.lists(TEXT.filter(lambda text: text not in ("", ".", "..")), min_size=1, max_size=4))
@example(["\u0390" * 127] * 3)  # two bytes that fold to six
@example(["\U0001d15e" * 63] * 3)  # four bytes that decompose to eight
def test_the_entries_of_every_valid_path_are_valid_records(segments: list[str]) -> None:
    cut = [segment.encode()[:SEGMENT_BYTES].decode(errors="ignore") for segment in segments]
    path = "/".join(cut).encode()[-PATH_BYTES:].decode(errors="ignore").strip("/")
    if not path or any(segment in ("", ".", "..") for segment in path.split("/")):
        return
    for key in entries(place(path), ARTIFACT):
        validate_key(key)
        assert Entry.read(Record(key, entries(place(path), ARTIFACT)[key], 1)).path == path


def test_the_longest_path_has_entries() -> None:
    path = "/".join(["\u00e9" * 127, "d" * 255, "d" * 255, "\u0390" * 66])
    assert len(path.encode()) == PATH_BYTES - 1
    for key in entries(place("x" + path[1:]), ARTIFACT):
        validate_key(key)


def test_no_character_folds_to_a_slash() -> None:
    """It would part a name from its path in a key at the wrong place."""
    surrogates = range(0xD800, 0xE000)
    for code in range(sys.maxunicode + 1):
        if code not in surrogates and chr(code) != "/":
            assert "/" not in folded(chr(code)), hex(code)


@given(TEXT, TEXT)
def test_the_beginning_of_a_name_is_found_by_the_beginning_of_its_key(
    beginning: str, rest: str
) -> None:
    name = beginning + rest
    if folded(name).startswith(folded(beginning)):
        assert name_text(name).startswith(name_text(beginning))
    assert folded(name) == folded(unicodedata.normalize("NFC", name))
    assert len(name_text(name).encode()) <= NAME_BYTES


@given(st.integers(0, 2**53), st.integers(0, 2**53))
def test_sizes_sort_as_numbers(one: int, other: int) -> None:
    assert (size_text(one) < size_text(other)) == (one < other)


def test_overwriting_removes_the_entries_of_what_was_there() -> None:
    old, now = replace(ARTIFACT, version=7), datetime.now(UTC) + timedelta(seconds=1)
    new = replace(ARTIFACT, size=9, digests={"sha256": "cd" * 32}, modified=now)
    changes = Changes()
    changes.appear(place("d/f"), new, over=old)
    operations = changes.operations()
    gone = entries(place("d/f"), old).keys() - entries(place("d/f"), new).keys()
    assert len(gone) == 3  # its name is the same
    assert gone < {operation.key for operation in operations}
    assert len({operation.key for operation in operations}) == len(operations)


def test_a_file_that_goes_costs_as_many_operations_as_is_said() -> None:
    """Whoever deletes many in one commit counts with it."""
    changes = Changes()
    for number in range(13):
        changes.disappear(place(f"d/{number}"), replace(ARTIFACT, version=1))
        changes.retire(place(f"d/{number}"), ARTIFACT, "user1", datetime.now(UTC))
    counters = {*Ledger(ORG, REPO).keys, *Ledger(ORG).keys}
    others = [op for op in changes.operations() if op.key not in counters]
    assert len(others) == 13 * GOING < OPERATIONS
