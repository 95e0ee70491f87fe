"""`strongroom import maven`: what it prints, ends with, and survives."""

import hashlib
import io
import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.cli.imports import _told_by_signals
from app.importing import Counts, Progress
from app.installation import existing
from app.repositories import Catalogue, Format, RepositoryName, Rules
from app.settings import read_settings
from auth.organizations import Organizations
from storage.events import SYSTEM
from tests.cli.command import COMMAND, START_SECONDS, environment, run
from tests.cli.here import Here

MANY = 400  # enough of them that an import can be met in its middle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two releases, of two files each, and their checksums."""
    made = tmp_path / "m2"
    lay(made, {"com/example/lib/maven-metadata.xml": b"<metadata/>"})
    for version in ("1.0", "1.1"):
        lay(made, release(version))
    return made


@pytest.fixture(autouse=True)
def libs(data: Path) -> str:
    """The repository `libs`."""
    with existing(read_settings({"STRONGROOM_DATA": str(data)})) as at:
        organization = Organizations(at.recent).named("default").id
        catalogue = Catalogue(at.recent, at.journal)
        made = catalogue.create(organization, SYSTEM, RepositoryName("libs"), Rules(), Format.MAVEN)
    return made.name


def release(version: str) -> dict[str, bytes]:
    at, jar = f"com/example/lib/{version}/lib-{version}", version.encode()
    pom = (
        "<project><groupId>com.example</groupId><artifactId>lib</artifactId>"
        f"<version>{version}</version></project>"
    )
    return {
        f"{at}.jar": jar,
        f"{at}.jar.sha1": hashlib.sha1(jar).hexdigest().encode(),
        f"{at}.pom": pom.encode(),
    }


def lay(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def begin(data: Path, folder: Path, *flags: str) -> "subprocess.Popen[str]":
    """The command in a process of its own."""
    return subprocess.Popen(
        [COMMAND, "import", "maven", "libs", str(folder), "--json", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(data),
        cwd=data.parent,
    )


def until_under_way(data: Path, process: "subprocess.Popen[str]") -> None:
    """Wait until some files are there, and not all."""
    deadline = time.monotonic() + START_SECONDS
    while sum(path.is_file() for path in (data / "blobs").rglob("*")) < 5:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    made = tmp_path / "many"
    for number in range(MANY // 2):
        lay(made, release(f"1.{number}"))
    return made


def files(told: Any) -> dict[str, int]:
    return {name: value["files"] for name, value in told.items() if isinstance(value, dict)}


def test_the_report_for_people(strongroom: Here, folder: Path) -> None:
    status, out, err = strongroom("import", "maven", "libs", str(folder))
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "imported                          4 files  204 bytes",
        "there already                     0 files  0 bytes",
        "left out                          1 file   11 bytes",
        "checksum files, compared          2 files  80 bytes",
        "refused                           0 files  0 bytes",
    ]
    assert strongroom("usage", "--check")[0] == 0


def test_the_report_as_json(strongroom: Here, folder: Path) -> None:
    done = strongroom.json("import", "maven", "libs", str(folder))
    assert done["imported"] == {"files": 4, "bytes": 204}
    assert (done["refusals"], done["stopped"], done["dry_run"]) == ([], None, False)
    done = strongroom.json("import", "maven", "libs", str(folder), "--jobs", "1")
    assert files(done) == {
        "imported": 0, "there_already": 4, "left_out": 1, "checksums": 2, "refused": 0,
    }  # fmt: skip


def test_a_dry_run_says_what_would_be(strongroom: Here, folder: Path) -> None:
    status, out, _ = strongroom("import", "maven", "libs", str(folder), "--dry-run")
    assert (status, out.splitlines()[0].split()[:4]) == (0, ["would", "be", "imported", "4"])
    assert files(strongroom.json("import", "maven", "libs", str(folder)))["imported"] == 4


def test_what_was_refused_is_named(strongroom: Here, folder: Path, tmp_path: Path) -> None:
    for number in range(25):
        lay(folder, {f"wrong-{number:02}\x1b[1m.jar": b"1"})
    report = tmp_path / "refused.jsonl"
    flags = ("import", "maven", "libs", str(folder))
    status, out, err = strongroom(*flags, "--report", str(report))
    assert (status, err) == (1, "")
    named = [row for row in out.splitlines() if row.startswith("wrong-")]
    assert len(named) == 20
    assert named[0].startswith(r"wrong-00\x1b[1m.jar: ")
    assert out.splitlines()[-1] == f"5 more were refused, which are in {report}"
    rows = [json.loads(row) for row in report.read_text().splitlines()]
    assert sorted(row["path"] for row in rows)[24] == r"wrong-24\x1b[1m.jar"
    status, out, _ = strongroom(*flags, "--json")
    assert (status, len(json.loads(out)["refusals"])) == (1, 25)
    assert strongroom(*flags)[1].splitlines()[-1].endswith("by --report FILE")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("libs", "nowhere"), "there is no folder 'nowhere'"),
        (("libs", "FILE"), "is no folder"),
        (("nothing", "FOLDER"), "there is no repository 'nothing'"),
        (("NOTHING", "FOLDER"), "there is no repository 'NOTHING'"),
        (("files", "FOLDER"), "'files' is no hosted Maven repository"),
        (("libs", "FOLDER", "--jobs", "0"), "from 1 to 64"),
    ],
)
def test_wrong_usage_is_named_and_ends_with_2(
    strongroom: Here, folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    file = folder / "com/example/lib/1.0/lib-1.0.jar"
    paths = {"FOLDER": str(folder), "FILE": str(file)}
    given = [paths.get(argument, argument) for argument in arguments]
    status, out, err = strongroom("import", "maven", *given)
    assert (status, out) == (2, "")
    assert said in err
    status, _, err = strongroom("import", "maven", *given, "--json")
    assert status == 2
    assert said in (json.loads(err)["error"] if err.startswith("{") else err)


def test_no_such_organization_is_named(strongroom: Here, folder: Path) -> None:
    status, _, err = strongroom("import", "maven", "libs", str(folder), "--org", "nobody")
    assert (status, "no organization 'nobody'" in err) == (1, True)


def test_a_report_that_can_not_be_written_is_named(strongroom: Here, folder: Path) -> None:
    where = str(folder / "nowhere" / "report")
    status, _, err = strongroom("import", "maven", "libs", str(folder), "--report", where)
    assert (status, where in err) == (1, True)


@pytest.mark.parametrize("command", [("import",), ("import", "maven")], ids=" ".join)
def test_each_command_has_help(strongroom: Here, command: tuple[str, ...]) -> None:
    status, out, _ = strongroom(*command, "--help")
    assert status == 0
    assert out.startswith(f"usage: strongroom {' '.join(command)}")


def test_an_import_that_is_killed_is_gone_on_with(data: Path, many: Path) -> None:
    process = begin(data, many)
    until_under_way(data, process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was met in its middle"
    done = run(data, "import", "maven", "libs", str(many), "--json")
    assert (done.status, done.err) == (0, "")
    told = files(done.json)
    assert told["imported"] + told["there_already"] == MANY
    assert told["imported"] > 0
    assert run(data, "usage", "--check").status == 0
    again = files(run(data, "import", "maven", "libs", str(many), "--json").json)
    assert (again["imported"], again["there_already"]) == (0, MANY)


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_report(data: Path, many: Path, told: signal.Signals) -> None:
    process = begin(data, many)
    until_under_way(data, process)
    process.send_signal(told)
    out, err = process.communicate(timeout=START_SECONDS)
    report = json.loads(out)
    assert process.returncode == 128 + told, err
    assert report["stopped"] == f"told to by {told.name}"
    assert 0 < files(report)["imported"] < MANY
    done = files(run(data, "import", "maven", "libs", str(many), "--json").json)
    assert done["there_already"] == files(report)["imported"]
    assert done["imported"] + done["there_already"] == MANY


def test_a_second_signal_ends_the_process() -> None:
    before = signal.getsignal(signal.SIGINT)
    why: list[str] = []
    with _told_by_signals(why.append) as told:
        signal.raise_signal(signal.SIGINT)
        assert (told, why) == ([signal.SIGINT], ["told to by SIGINT"])
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is before


def test_two_at_once_bring_each_file_once(data: Path, many: Path) -> None:
    both = [begin(data, many) for _ in range(2)]
    reports = []
    for process in both:
        out, err = process.communicate(timeout=2 * START_SECONDS)
        assert process.returncode == 0, err
        reports.append(files(json.loads(out)))
    assert sum(report["imported"] for report in reports) == MANY
    assert sum(report["there_already"] for report in reports) == MANY
    assert run(data, "usage", "--check").status == 0


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> Iterator[Callable[..., Progress]]:
    def make(stream: Any, ending: bool = False, **environment: str) -> Progress:
        done = Counts(1, 1024)
        return Progress(stream, environment, lambda: done, lambda: (2, 2048), lambda: ending, clock)

    return make


def test_a_terminal_has_a_bar_that_ends_with_its_line(
    progress: Callable[..., Progress],
) -> None:
    terminal = Terminal()
    with progress(terminal, TERM="xterm", NO_COLOR="1"):
        pass
    written = terminal.getvalue()
    assert written.startswith("\r[##########----------] 50 %, 1 of 2 files")
    assert written.endswith("\x1b[K\n")
    assert all(len(row) < 80 + len("\x1b[K") for row in written.strip().split("\r"))


@pytest.mark.parametrize("stream, term", [(io.StringIO, "xterm"), (Terminal, "dumb")])
def test_elsewhere_there_is_a_line_each_half_minute(
    progress: Callable[..., Progress], clock: Clock, stream: type[io.StringIO], term: str
) -> None:
    written = stream()
    shown = progress(written, TERM=term)
    for clock.now in (0.0, 10.0, 29.9, 30.0, 31.0, 59.0, 60.0):
        shown.draw()
    rows = written.getvalue().splitlines()
    assert len(rows) == 2
    assert all(row.isprintable() for row in rows)


def test_that_it_ends_is_said_once(progress: Callable[..., Progress]) -> None:
    written = io.StringIO()
    shown = progress(written, ending=True)
    shown.draw()
    shown.draw()
    assert written.getvalue().count("ending after the files under way") == 1


def test_on_a_terminal_the_bar_goes_to_stderr_and_the_report_to_stdout(
    data: Path, folder: Path
) -> None:
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [COMMAND, "import", "maven", "libs", str(folder), "--json"],
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=environment(data) | {"TERM": "xterm"},
            cwd=data.parent,
            timeout=START_SECONDS,
            check=False,
        )
        shown = os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0
    assert files(json.loads(done.stdout))["imported"] == 4
    assert "100 %, 7 of 7 files" in shown
    assert shown.endswith("\x1b[K\r\n")
