"""`strongroom import python`: a folder of distributions, and another index."""

import hashlib
import io
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli.output import Output
from app.installation import existing
from app.repositories import Catalogue, Format, RepositoryName, Rules
from app.settings import read_settings
from auth.organizations import Organizations
from storage.events import SYSTEM
from tests.cli.command import COMMAND, START_SECONDS, environment, run
from tests.cli.here import Here
from tests.outgoing.servers import Sent, Server, serving
from tests.python.building import sdist, wheel

MANY = 150  # enough of them that an import can be met in its middle
PASSWORD = "pass:wörd"


@pytest.fixture(autouse=True)
def pypi(data: Path) -> str:
    """The repository `pypi`."""
    with existing(read_settings({"STRONGROOM_DATA": str(data)})) as at:
        organization = Organizations(at.recent).named("default").id
        catalogue = Catalogue(at.recent, at.journal)
        name = RepositoryName("pypi")
        return catalogue.create(organization, SYSTEM, name, Rules(), Format.PYTHON).name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "dist"
    made.mkdir()
    (made / "foo-1.0.tar.gz").write_bytes(sdist())
    (made / "foo-1.0-py3-none-any.whl").write_bytes(wheel())
    (made / "index.html").write_bytes(b"<a>")
    return made


@pytest.fixture
def index() -> Iterator[Server]:
    """An index in HTML, of the project foo with many releases."""
    with serving() as server:
        links = []
        for number in range(MANY):
            name, content = f"foo-{number}.tar.gz", sdist(version=str(number))
            digest = hashlib.sha256(content).hexdigest()
            server.answers[f"/files/{name}"] = Sent(content)
            links.append(f'<a href="../../files/{name}#sha256={digest}">{name}</a>')
        html = {"Content-Type": "text/html"}
        server.answers["/simple/"] = Sent(b'<a href="foo/">foo</a>', 200, html)
        server.answers["/simple/foo/"] = Sent("\n".join(links).encode(), 200, html)
        yield server


def url(index: Server) -> str:
    return index.url("/simple/", host="127.0.0.1")


LOCAL = ("--allow-network", "127.0.0.0/8")


def files(told: Any) -> dict[str, int]:
    return {name: value["files"] for name, value in told.items() if isinstance(value, dict)}


def test_a_folder_and_its_report(strongroom: Here, folder: Path) -> None:
    status, out, err = strongroom("import", "python", "pypi", str(folder))
    assert (status, err) == (0, "")
    assert [row.split("  ")[0] for row in out.splitlines()] == [
        "imported",
        "there already",
        "left out",
        "checksum files, compared",
        "refused",
    ]
    done = strongroom.json("import", "python", "pypi", str(folder))
    assert files(done)["there_already"] == 2
    assert (done["folder"], "from" in done) == (str(folder), False)


def test_an_index_and_its_report(strongroom: Here, index: Server) -> None:
    done = strongroom.json("import", "python", "pypi", "--from", url(index), *LOCAL)
    assert files(done)["imported"] == MANY
    assert (done["from"], done["stopped"], "folder" in done) == (url(index), None, False)
    done = strongroom.json(
        "import", "python", "pypi", "--from", url(index), *LOCAL, "--project", "Foo"
    )
    assert files(done)["there_already"] == MANY


def test_what_was_refused_is_named_and_ends_with_1(
    strongroom: Here, index: Server, tmp_path: Path
) -> None:
    index.answers["/files/foo-7.tar.gz"] = Sent(sdist(version="7", text=b"exchanged"))
    report = tmp_path / "refused.jsonl"
    status, out, _ = strongroom(
        "import", "python", "pypi", "--from", url(index), *LOCAL, "--report", str(report)
    )
    assert status == 1
    assert "foo/foo-7.tar.gz: the sha256 in the index is" in out
    assert json.loads(report.read_text())["path"] == "foo/foo-7.tar.gz"


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("pypi",), "a folder, or an index with --from URL"),
        (("pypi", "FOLDER", "--from", "http://a.test/"), "a folder, or an index with --from URL"),
        (("pypi", "nowhere"), "there is no folder 'nowhere'"),
        (("nothing", "FOLDER"), "there is no repository 'nothing'"),
        (("files", "FOLDER"), "'files' is no hosted Python repository"),
        (("pypi", "FOLDER", "--project", "foo"), "--project is for --from URL alone"),
        (("pypi", "FOLDER", *LOCAL), "--allow-network is for --from URL alone"),
        (("pypi", "--from", "ftp://a.test/"), "has to begin with https://"),
        (("pypi", "--from", "http://a.test/", "--project", "-"), "can be no project's name"),
        (("pypi", "--from", "http://a.test/", "--allow-network", "10.0.0.1/8"), "mean 10.0.0.0/8?"),
        (("pypi", "--from", "http://a.test/", "--allow-network", "inside"), "is no network, such"),
        (("pypi", "--from", "https://u:secret@a.test/"), "--credentials FILE"),
        (("pypi", "--from", "http://a.test/", "--credentials", "x"), "over https:// alone"),
    ],
)
def test_wrong_usage_is_named_and_ends_with_2(
    strongroom: Here, folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    given = [str(folder) if argument == "FOLDER" else argument for argument in arguments]
    status, out, err = strongroom("import", "python", *given)
    assert (status, out) == (2, "")
    assert said in err
    assert "secret" not in err


def test_an_address_inside_needs_to_be_allowed(strongroom: Here, index: Server) -> None:
    status, out, _ = strongroom("import", "python", "pypi", "--from", url(index))
    assert status == 1
    assert "--allow-network 127.0.0.1/32" in out.splitlines()[-1]


@pytest.mark.parametrize("typed", [False, True])
def test_credentials_are_sent_and_never_shown(
    strongroom: Here, index: Server, tmp_path: Path, typed: bool
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"ci:{PASSWORD}\n")
    index.answers["/files/foo-7.tar.gz"] = Sent(status=403)
    report = tmp_path / "refused.jsonl"
    flags = ("--from", url(index), *LOCAL, "--report", str(report))
    status, out, err = strongroom.on(
        _typed(secret.read_bytes()),
        *("import", "python", "pypi", *flags, "--credentials", "-" if typed else str(secret)),
    )
    assert status == 1
    assert all(one.headers["Authorization"].startswith("Basic ") for one in index.asked)
    for text in (out, err, report.read_text()):
        assert "ci" not in text.split()
        assert PASSWORD not in text


@pytest.mark.parametrize(
    "content",
    [b"", b"user", b"a:b\nc:d", b"\xff:a", b"a:" + b"b" * 5000, b"a:" + "ä".encode() * 2500],
    ids=range(6),
)
def test_a_file_without_credentials_is_named_and_not_shown(
    strongroom: Here, tmp_path: Path, content: bytes
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(content)
    status, out, err = strongroom(
        *("import", "python", "pypi", "--from", "https://a.test/", "--credentials", str(secret))
    )
    assert (status, out) == (1, "")
    assert str(secret) in err
    assert "bbb" not in err


def _typed(data: bytes) -> io.TextIOWrapper:
    """A standard input in a locale of ASCII."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="ascii")


def test_what_is_no_credentials_on_standard_input_is_not_shown(strongroom: Here) -> None:
    status, out, err = strongroom.on(
        _typed(b"user:hunter2\xff"),
        *("import", "python", "pypi", "--from", "https://a.test/", "--credentials", "-"),
    )
    assert (status, out) == (1, "")
    assert "--credentials: - is not in UTF-8" in err
    assert "hunter2" not in err


def test_a_mark_before_credentials_is_none_of_them(
    strongroom: Here, index: Server, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("u:p\n", encoding="utf-8-sig")
    flags = ("--from", url(index), *LOCAL, "--credentials", str(secret), "--dry-run")
    strongroom.json("import", "python", "pypi", *flags)
    assert {one.headers["Authorization"] for one in index.asked} == {"Basic dTpw"}


def test_a_folder_may_stand_behind_flags(strongroom: Here, folder: Path) -> None:
    for given in (("pypi", "--jobs", "8", str(folder)), ("--jobs", "8", "pypi", str(folder))):
        assert strongroom("import", "python", *given)[0] == 0
    status, _, err = strongroom("import", "python", "pypi", str(folder), "more")
    assert (status, "unrecognized arguments: more" in err) == (2, True)


def test_a_report_is_not_emptied_where_nothing_is_imported(
    strongroom: Here, folder: Path, tmp_path: Path
) -> None:
    report = tmp_path / "refused.jsonl"
    report.write_text("before")
    flags = (str(folder), "--report", str(report))
    assert strongroom("import", "python", "nothing", *flags)[0] == 2
    assert report.read_text() == "before"


@pytest.mark.parametrize("report", ["/dev/full", "/proc/none/refused"])
def test_a_report_that_can_not_be_written_is_named(
    strongroom: Here, folder: Path, report: str
) -> None:
    (folder / "foo-2.0.exe").write_bytes(b"1")
    status, _, err = strongroom("import", "python", "pypi", str(folder), "--report", report)
    assert (status, f"--report: {report} can't be written: " in err) == (1, True)


def test_a_report_says_what_nobody_told(strongroom: Here, index: Server) -> None:
    flags = ("--from", url(index), *LOCAL, "--dry-run")
    _, out, _ = strongroom("import", "python", "pypi", *flags)
    assert f"{MANY} files  size not told" in out


def test_running_it_again_is_said_where_that_helps(strongroom: Here, index: Server) -> None:
    index.answers["/simple/"] = Sent(status=404)
    _, out, _ = strongroom("import", "python", "pypi", "--from", url(index), *LOCAL)
    assert out.splitlines()[-1] == f"stopped: there is nothing at {url(index)}"


def test_a_file_that_needs_credentials_says_how_they_are_given(
    strongroom: Here, index: Server
) -> None:
    index.answers["/files/foo-7.tar.gz"] = Sent(status=401)
    _, out, _ = strongroom("import", "python", "pypi", "--from", url(index), *LOCAL)
    assert "--credentials FILE" in out
    assert "https://USER" not in out


def test_an_index_that_sends_on_to_where_it_asks_for_credentials_says_where(
    strongroom: Here, index: Server
) -> None:
    with serving() as other:
        other.answers["/simple/"] = Sent(status=401)
        to = other.url("/simple/", host="127.0.0.1")
        index.redirect("/simple/", to)
        _, out, _ = strongroom("import", "python", "pypi", "--from", url(index), *LOCAL)
    assert f"redirects to {to}, which asks for credentials" in out


def test_a_report_can_be_printed_in_ascii() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    output = Output(stream, as_json=False)
    output.result({}, "ä")
    output.table("names", [{"name": "ö"}], ["name"])
    output.note("ü")
    stream.flush()
    assert stream.buffer.getvalue() == b"\\xe4\nNAME\n\\xf6\n\\xfc\n"


@pytest.mark.parametrize("flag", ["--credentials", "--cafile"])
def test_a_file_that_is_missing_is_named(strongroom: Here, tmp_path: Path, flag: str) -> None:
    missing = str(tmp_path / "missing")
    status, _, err = strongroom(
        "import", "python", "pypi", "--from", "https://a.test/", flag, missing
    )
    assert (status, missing in err) == (1, True)


def test_a_file_of_other_things_than_certificates_is_named(strongroom: Here, folder: Path) -> None:
    no_certificates = str(folder / "index.html")
    status, _, err = strongroom(
        "import", "python", "pypi", "--from", "https://a.test/", "--cafile", no_certificates
    )
    assert (status, no_certificates in err) == (1, True)


def test_the_command_has_help(strongroom: Here) -> None:
    status, out, _ = strongroom("import", "python", "--help")
    assert status == 0
    assert out.startswith("usage: strongroom import python")


def begin(data: Path, index: Server, *flags: str) -> "subprocess.Popen[str]":
    """The command in a process of its own, met in its middle."""
    process = subprocess.Popen(
        [COMMAND, "import", "python", "pypi", "--from", url(index), *LOCAL, "--json", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(data),
        cwd=data.parent,
    )
    deadline = time.monotonic() + START_SECONDS
    while sum("/files/" in one.target for one in index.asked) < 10:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def again(data: Path, index: Server) -> dict[str, int]:
    done = run(data, "import", "python", "pypi", "--from", url(index), *LOCAL, "--json")
    assert (done.status, done.err) == (0, "")
    return files(done.json)


def test_an_import_that_is_killed_is_gone_on_with(data: Path, index: Server) -> None:
    process = begin(data, index)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was met in its middle"
    index.asked.clear()
    told = again(data, index)
    assert told["imported"] + told["there_already"] == MANY
    assert told["there_already"] > 0
    fetched = [one.target for one in index.asked if "/files/" in one.target]
    assert len(fetched) == told["imported"], "what is there is not fetched again"
    assert again(data, index)["there_already"] == MANY


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_report(data: Path, index: Server, told: signal.Signals) -> None:
    process = begin(data, index)
    process.send_signal(told)
    out, err = process.communicate(timeout=START_SECONDS)
    report = json.loads(out)
    assert process.returncode == 128 + told, err
    assert report["stopped"] == f"told to by {told.name}"
    assert 0 < files(report)["imported"] < MANY
    assert again(data, index)["there_already"] == files(report)["imported"]
