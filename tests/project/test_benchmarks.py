"""The benchmarks' arithmetic, and what they write; never a time."""

from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import indexes, python
from benchmarks.figures import Fact, Figure, by_turns, middle, spread, table
from benchmarks.memory import stated_bytes
from benchmarks.processes import BenchmarkFailed, free_port, serving
from tests.parts import ROOT


def test_sides_take_turns_at_being_first_and_the_first_round_does_not_count() -> None:
    calls: list[str] = []

    def side(name: str) -> float:
        calls.append(name)
        return len(calls)

    ours, theirs = by_turns(2, lambda: side("ours"), lambda: side("theirs"))
    assert calls == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert (ours, theirs) == ([4, 5], [3, 6])


def test_the_middle_is_the_median_and_the_spread_a_share_of_it() -> None:
    assert middle([1, 100, 3]) == 3
    assert spread([2, 4, 5]) == 0.75


@pytest.mark.parametrize(
    "ours, better, holds",
    [(90, "more", True), (89, "more", False), (90, "less", True), (91, "less", False)],
)
def test_a_figure_is_held_against_its_ratio(ours: float, better: str, holds: bool) -> None:
    figure = Figure("what", ours, "peer", 100, "MB/s", 0.9, better)  # type: ignore[arg-type]
    assert figure.holds is holds
    assert ("**missed**" in table([figure])) is not holds


def test_a_fact_that_does_not_hold_is_marked() -> None:
    rows = table([Fact("a", "b", "c", holds=True), Fact("d", "e", "f", holds=False)]).splitlines()
    assert rows[2:] == ["| a | b | | | c |", "| d | e | | | f **missed** |"]


def test_the_table_goes_between_its_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{bench.BEGIN}old\n{bench.END}\nafter\n")
    monkeypatch.setattr(bench, "README", readme)
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.md")
    bench._write("new\n")
    assert readme.read_text() == f"before\n{bench.BEGIN}new\n{bench.END}\nafter\n"
    assert "new" in (tmp_path / "results.md").read_text()


@pytest.mark.parametrize("name", ["README.md", "benchmarks/results.md"])
def test_every_row_of_the_table_is_held_against_a_measure(name: str) -> None:
    text = (ROOT / name).read_text()
    text = text.partition(bench.BEGIN)[2].partition(bench.END)[0] or text
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 10
    assert [row for row in rows if not row.rpartition(" |")[0].rpartition("| ")[2].strip()] == []


def test_a_bare_handler_is_no_less_a_measure_under_the_services_worker() -> None:
    """What the service costs is seen there; under gunicorn's own worker both are slower."""
    rows = [line.split("|") for line in (ROOT / "README.md").read_text().splitlines()]
    measures = [
        (row[1].strip(), row[5].split("**")[0].strip())
        for row in rows
        if len(row) == 7 and ("bare Falcon handler" in row[3] or "service's worker" in row[3])
    ]
    assert len(measures) == 6
    assert len(set(measures)) == 3, "each measure stands for both workers"


@pytest.mark.parametrize(
    "pattern", [r"On a folder it is about ([\d,]+) MiB", r"Total\s+([\d,]+) MiB"]
)
def test_the_memory_budgets_are_stated(pattern: str) -> None:
    assert stated_bytes(pattern) > 100 * 2**20


def test_a_server_that_ends_is_told_with_its_words(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo no such file >&2; exit 1"]
    with (
        pytest.raises(BenchmarkFailed, match="no such file"),
        serving(command, free_port(), tmp_path / "log"),
    ):
        pass


def test_the_sections_without_peers_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Quickly: what is measured goes on existing, and is still asked for as it has to be."""
    words = ["bench", "--quick", "--only", "idle", "sweep", "--folder", str(tmp_path / "bench")]
    monkeypatch.setattr("sys.argv", words)
    assert bench.main() == 0, caplog.text


def test_wheels_are_uploaded_and_found_and_their_page_is_known(tmp_path: Path) -> None:
    """The service's side of the sections about Python, whose peers no test has."""
    files = indexes.wheels_of((python.LARGE, f"1.{number}") for number in range(3))
    index = indexes.ours(tmp_path / "ours", files[:2])
    with index.serve() as server:
        assert indexes.upload(server, index, files[2:], 2) > 0
        assert indexes.find(server, index, files[2]).endswith(f"/{files[2].name}")
        side = python._Running(index, server)
        for form in (indexes.HTML, indexes.JSON, indexes.PIP):
            assert python._page(form, len(files), side) is not None
        assert python._same_page(len(files), side) is not None
        with pytest.raises(BenchmarkFailed, match="answers wrongly"):
            python._page(indexes.HTML, 4, side)
        assert server.resident_bytes() > 2**20


def test_each_peer_has_a_row_beside_the_first() -> None:
    names = ("ours", "one", "other")
    sides = [
        indexes.Index(name, lambda: None, "/", "/", {}, {})  # type: ignore[arg-type,return-value]
        for name in names
    ]
    rows = list(python._rows("w", [(side, [6, 2, 4]) for side in sides], "s", 0.5, "less"))
    assert [(row.peer_name, row.ours, row.ratio) for row in rows] == [
        ("one", 4, 1),
        ("other", 4, 1),
    ]
