"""Importing from another index: its files come over as an upload brings them, and whatever it
says is held against what it sends."""

import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from app.computed import Views
from app.importing import Counts, IndexOrigin, Outcome
from app.importing.candidate import NotTaken
from app.importing.index import IndexFile, SimpleIndex
from app.importing.index_origin import GIVEN_UP as INDEX_GIVEN_UP
from app.importing.index_origin import REASON_CHARACTERS, require_trust
from app.importing.patience import LONGEST_PAUSE, PAUSES
from app.importing.remote import UNTOLD_BYTES, Arriving
from app.importing.run import GIVEN_UP
from app.importing.states import States
from app.installation import Installation
from app.outgoing import Client, FileStream, Url
from app.publishing.projects import State
from app.python.documents import ProjectStatus, Status
from app.python.layout import YANKED
from app.python.negotiation import Form
from app.python.paths import SIGNATURE_SUFFIX, page_at
from app.python.views import Index
from app.repositories import FolderPath, Format, Rules
from app.usage import Quota
from storage import keys
from storage.blobs import BlobsFull
from storage.events import SYSTEM
from tests.app.depot import ORG, Depot
from tests.app.test_importing_python import AT, SDIST, SIGNATURE, WHEEL
from tests.faults.metadata import throttled
from tests.outgoing.servers import Sent, Server, client, saying, serving
from tests.ports import free_port
from tests.python.building import sdist, wheel, zip_sdist

JSON = "application/vnd.pypi.simple.v1+json"
TYPE = {"Content-Type": JSON}


class Source:
    """An index at the loopback address: a table of what it says and of what it sends."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._projects: dict[str, list[dict[str, Any]]] = {}
        self._status: dict[str, Mapping[str, str]] = {}

    def add(self, filename: str, data: bytes, project: str = "foo", **said: Any) -> None:
        """A file, and what else is said of it than what is so."""
        entry = {
            "filename": filename,
            "url": f"/packages/{filename}",
            "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
            "size": len(data),
        }
        entry |= {name.replace("_", "-"): value for name, value in said.items()}
        self._projects.setdefault(project, []).append(entry)
        self.server.answers.setdefault(f"/packages/{filename}", Sent(data))
        self._write()

    def set_status(self, project: str, status: str, reason: str = "") -> None:
        self._projects.setdefault(project, [])
        self._status[project] = {"status": status, "reason": reason}
        self._write()

    def clear(self, project: str = "foo") -> None:
        self._projects.pop(project)

    @property
    def fetched(self) -> list[str]:
        """The files that it was asked for."""
        asked = [one.target for one in self.server.asked]
        return [target.removeprefix("/packages/") for target in asked if "/packages/" in target]

    def _write(self) -> None:
        meta = {"api-version": "1.4"}
        names = [{"name": name} for name in self._projects]
        self._answer("/simple/", {"meta": meta, "projects": names})
        for name, files in self._projects.items():
            page = {"meta": meta, "name": name, "files": files}
            if name in self._status:
                page["project-status"] = self._status[name]
            self._answer(f"/simple/{name}/", page)

    def _answer(self, path: str, document: Any) -> None:
        self.server.answers[path] = Sent(json.dumps(document).encode(), 200, TYPE)


class Mirror(Depot):
    """A repository that an index is imported into."""

    outgoing: Client
    source: Source

    def origin_of(self, *projects: str, url: str = "") -> IndexOrigin:
        root = Url.parse(url or self.source.server.url("/simple/"))
        states = States(self.metadata, self.at.journal, self.repository, SYSTEM)
        return IndexOrigin(self.outgoing, SimpleIndex(self.outgoing, root), states, projects)

    def take(self, *projects: str, jobs: int = 2, dry: bool = False) -> tuple[int, int, int]:
        return self.run(self.origin_of(*projects), jobs=jobs, dry=dry)

    def state(self, project: str = "foo") -> ProjectStatus:
        key = keys.project(ORG, self.repository.id, project)
        return State.read(self.metadata.get(key).get(key)).status


@pytest.fixture
def source() -> Iterator[Source]:
    with serving() as server:
        yield Source(server)


@pytest.fixture
def make(
    installation: Installation, tmp_path: Path, source: Source
) -> Iterator[Callable[..., Mirror]]:
    with client() as outgoing:

        def made(at: Installation = installation, **rules: Any) -> Mirror:
            mirror = Mirror(at, tmp_path, Rules(**rules), Format.PYTHON)
            mirror.outgoing, mirror.source = outgoing, source
            return mirror

        yield made


@pytest.fixture
def mirror(make: Callable[..., Mirror]) -> Mirror:
    return make()


def test_an_index_comes_in_on_both_stores(
    any_installation: Installation, make: Callable[..., Mirror], source: Source
) -> None:
    mirror = make(any_installation)
    source.add(WHEEL, wheel())
    source.add(SDIST, sdist())
    source.add("Bar-2.zip", zip_sdist("Bar", "2"), "bar")
    assert mirror.take() == (3, 0, 0)
    assert mirror.read(f"{AT}/{WHEEL}") == wheel()
    assert mirror.read("files/bar/Bar-2.zip") == zip_sdist("Bar", "2")
    assert mirror.tally.done == Counts(3, len(wheel() + sdist() + zip_sdist("Bar", "2")))


def test_what_is_there_is_not_fetched_again(mirror: Mirror, source: Source) -> None:
    source.add(WHEEL, wheel())
    assert mirror.take() == (1, 0, 0)
    source.add(SDIST, sdist())
    source.server.asked.clear()
    assert mirror.take() == (1, 1, 0)
    assert source.fetched == [SDIST]


def test_where_only_md5_is_told_that_says_what_is_there(mirror: Mirror, source: Source) -> None:
    source.add(SDIST, sdist(), hashes={"md5": hashlib.md5(sdist()).hexdigest()}, size=None)
    assert mirror.take() == (1, 0, 0)
    assert mirror.tally.done == Counts(1, len(sdist()))
    assert mirror.take() == (0, 1, 0)
    assert source.fetched == [SDIST]


def test_where_no_digest_is_told_it_is_fetched_and_compared(mirror: Mirror, source: Source) -> None:
    source.add(SDIST, sdist(), hashes={}, size=None)
    assert mirror.take() == (1, 0, 0)
    assert mirror.take() == (0, 1, 0)
    assert source.fetched == [SDIST, SDIST]
    source.server.answers[f"/packages/{SDIST}"] = Sent(sdist(text=b"other"))
    assert mirror.take() == (0, 0, 1)
    assert "other bytes are under this path" in mirror.reasons[f"foo/{SDIST}"]
    assert mirror.stored() == 2


def test_only_the_projects_that_are_named_come(mirror: Mirror, source: Source) -> None:
    for name in ("foo", "bar", "baz"):
        source.add(f"{name}-1.0.tar.gz", sdist(name), name)
    assert mirror.take("foo", "baz") == (2, 0, 0)
    assert mirror.read("files/bar/bar-1.0.tar.gz") is None
    assert "/simple/" not in [one.target for one in source.server.asked]


def test_a_project_that_is_not_there_is_told_and_the_others_come(
    mirror: Mirror, source: Source
) -> None:
    source.add(SDIST, sdist())
    assert mirror.take("nothing", "foo") == (1, 0, 1)
    assert "there is nothing at" in mirror.reasons["nothing/"]


def test_an_index_that_can_not_be_read_ends_it(mirror: Mirror) -> None:
    one = mirror.new()
    one.run(mirror.origin_of())
    assert one.stopped is not None
    assert "there is nothing at" in one.stopped


@pytest.mark.parametrize("projects", [(), ("foo", "bar")])
@pytest.mark.parametrize(
    "user, said", [("", "asks for credentials"), ("u:secret@", "refuses these credentials")]
)
def test_an_index_that_lets_nobody_in_ends_it_and_says_what_to_do(
    mirror: Mirror, source: Source, projects: tuple[str, ...], user: str, said: str
) -> None:
    for page in ("", "foo/", "bar/"):
        source.server.answers[f"/simple/{page}"] = Sent(status=401)
    one = mirror.new()
    one.run(mirror.origin_of(*projects, url=source.server.url("/simple/", user=user)))
    assert one.stopped is not None
    assert f"{said}: give them in a file, as USER:PASSWORD, by --credentials FILE" in one.stopped
    assert "secret" not in one.stopped


def test_yanked_files_are_yanked_in_the_moment_in_which_they_come(
    mirror: Mirror, source: Source
) -> None:
    source.add(SDIST, sdist(), yanked="it eats\nfiles " + "x" * 5000)
    source.add(WHEEL, wheel(more="Summary: other metadata than the sdist's\n"), yanked=True)
    source.add("foo-2.tar.gz", sdist(version="2"), yanked=False)
    mirror.put(f"{AT}/foo-0.tar.gz", sdist(version="0"))
    mirror.engine.made.clear()
    assert mirror.take(jobs=1) == (3, 0, 0)
    assert mirror.engine.made.count("transact") == 3, "one for each file"
    marks = {}
    for name in (SDIST, WHEEL, "foo-2.tar.gz"):
        found = mirror.artifact(f"{AT}/{name}")
        assert found is not None
        marks[name] = dict(found.marks)
    assert marks[SDIST][YANKED].startswith("it eats files xxx")
    assert len(marks[SDIST][YANKED]) == REASON_CHARACTERS
    assert (marks[WHEEL], marks["foo-2.tar.gz"]) == ({YANKED: ""}, {})
    index = Index(mirror.metadata, mirror.blobs, Views(mirror.metadata, 1 << 20))
    page = page_at(FolderPath(("simple", "foo")))
    assert page is not None
    shown = index.page(mirror.repository, page, Form.JSON)
    assert shown is not None
    told = {file["filename"]: file["yanked"] for file in json.loads(shown.body)["files"]}
    assert told[SDIST] == marks[SDIST][YANKED]
    assert (told[WHEEL], told["foo-2.tar.gz"]) == (True, False)


def test_the_status_of_a_project_is_taken_over_behind_its_files(
    mirror: Mirror, source: Source
) -> None:
    source.add(SDIST, sdist())
    source.add(WHEEL, wheel())
    source.set_status("foo", "archived", "nobody\nhas time")
    assert mirror.take(dry=True) == (2, 0, 0)
    assert mirror.state() == ProjectStatus()
    assert mirror.take() == (2, 0, 0)
    assert mirror.state() == ProjectStatus(Status.ARCHIVED, "nobody has time")
    assert mirror.take() == (0, 2, 0)


def test_no_project_is_closed_before_its_files_are_there(mirror: Mirror, source: Source) -> None:
    source.add(SDIST, sdist())
    source.add(WHEEL, wheel())
    source.set_status("foo", "archived")
    source.server.answers[f"/packages/{WHEEL}"] = Sent(status=404)
    assert mirror.take() == (1, 0, 2)
    assert "it would take no others" in mirror.reasons["foo/"]
    assert mirror.state() == ProjectStatus()
    source.server.answers[f"/packages/{WHEEL}"] = Sent(wheel())
    assert mirror.take() == (1, 1, 0)
    assert mirror.state().status is Status.ARCHIVED


def test_a_status_that_was_given_here_stays(mirror: Mirror, source: Source) -> None:
    source.add(SDIST, sdist())
    source.set_status("foo", "deprecated", "use bar")
    mirror.take()
    source.set_status("foo", "quarantined")
    mirror.take()
    assert mirror.state() == ProjectStatus(Status.DEPRECATED, "use bar")


@pytest.mark.parametrize("status", ["active", "quarantined", "unheard of"])
def test_a_project_without_files_gets_no_status(
    mirror: Mirror, source: Source, status: str
) -> None:
    source.set_status("foo", status)
    assert mirror.take() == (0, 0, 0)
    assert mirror.state() == ProjectStatus()


def test_a_signature_comes_along_with_its_file(mirror: Mirror, source: Source) -> None:
    source.add(SDIST, sdist(), gpg_sig=True)
    source.server.answers[f"/packages/{SDIST}.asc"] = Sent(SIGNATURE)
    assert mirror.take() == (1, 0, 0)
    found = mirror.artifact(f"{AT}/{SDIST}")
    assert found is not None
    held = found.attached[SIGNATURE_SUFFIX]
    assert b"".join(mirror.blobs.open(held.blob)) == SIGNATURE


@pytest.mark.parametrize("sent", [Sent(b"<html>"), Sent(status=404), Sent(SIGNATURE + b" " * 9000)])
def test_a_signature_that_is_none_is_told_and_the_file_comes(
    mirror: Mirror, source: Source, sent: Sent
) -> None:
    source.add(SDIST, sdist(), gpg_sig=True)
    source.server.answers[f"/packages/{SDIST}.asc"] = sent
    assert mirror.take() == (1, 0, 1)
    assert list(mirror.reasons) == [f"foo/{SDIST}.asc"]


@pytest.mark.parametrize(
    "said, said_of_it",
    [
        ({"hashes": {"sha256": "0" * 64}}, "the sha256 in the index is 000"),
        ({"hashes": {"md5": "0" * 32}}, "the md5 in the index is 000"),
        (
            {"hashes": {"sha256": hashlib.sha256(sdist()).hexdigest(), "sha384": "0" * 96}},
            "the sha384 in the index is 000",
        ),
        ({"size": 10}, f"the index says that it has 10 bytes, and {len(sdist())} come"),
        ({"size": 10_000_000}, "it has 10,000,000 bytes"),
    ],
)
def test_an_index_that_lies_is_found_out_and_nothing_is_stored(
    mirror: Mirror, source: Source, said: dict[str, Any], said_of_it: str
) -> None:
    source.add(SDIST, sdist(), **said)
    assert mirror.take() == (0, 0, 1)
    assert said_of_it in mirror.reasons[f"foo/{SDIST}"]
    assert mirror.stored() == 0
    assert mirror.pauses == []


def test_what_anybody_could_exchange_on_its_way_is_not_fetched() -> None:
    """A page that came encrypted names files that do not: then their digests have to hold."""
    index = Url.parse("https://a.test/simple/")
    far, near = Url.parse("http://a.test/a.zip"), Url.parse("https://a.test/a.zip")
    for file in (
        IndexFile("a-1.zip", near, {}),
        IndexFile("a-1.zip", far, {"sha256": "0" * 64, "md5": "0" * 32}),
    ):
        require_trust(index, file)
    require_trust(far, IndexFile("a-1.zip", far, {}))
    for hashes in ({}, {"md5": "0" * 32}, {"sha1": "0" * 40}):
        with pytest.raises(NotTaken, match="is not encrypted"):
            require_trust(index, IndexFile("a-1.zip", far, hashes))


def chunked(*pieces: bytes) -> Sent:
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))
    return Sent(body, 200, {"Content-Length": "", "Transfer-Encoding": "chunked"})


@pytest.mark.parametrize(
    "sent, come", [(sdist() + b"more", "more come"), (sdist()[:-1], f"{len(sdist()) - 1} come")]
)
def test_a_length_that_only_the_end_tells_is_compared(
    mirror: Mirror, source: Source, sent: bytes, come: str
) -> None:
    source.add(SDIST, sdist())
    source.server.answers[f"/packages/{SDIST}"] = chunked(sent[:100], sent[100:])
    assert mirror.take() == (0, 0, 1)
    assert come in mirror.reasons[f"foo/{SDIST}"]
    assert mirror.stored() == 0
    source.server.answers[f"/packages/{SDIST}"] = chunked(sdist())
    assert mirror.take() == (1, 0, 0)


def test_a_file_of_no_known_length_comes(mirror: Mirror, source: Source) -> None:
    source.add(SDIST, sdist(), size=None)
    source.server.answers[f"/packages/{SDIST}"] = chunked(sdist())
    assert mirror.take() == (1, 0, 0)
    assert mirror.tally.done == Counts(1, len(sdist()))


def cut(data: bytes) -> Sent:
    return Sent(data[:-5], 200, {"Content-Length": str(len(data)), "Connection": "close"})


def test_a_file_that_breaks_in_the_middle_is_tried_again(mirror: Mirror, source: Source) -> None:
    source.add(SDIST, sdist())
    source.server.answers[f"/packages/{SDIST}"] = cut(sdist())

    def mend() -> None:
        if len(source.fetched) == 2:
            source.server.answers[f"/packages/{SDIST}"] = Sent(sdist())

    mirror.meanwhile = mend
    assert mirror.take() == (1, 0, 0)
    assert source.fetched == [SDIST] * 3
    assert mirror.read(f"{AT}/{SDIST}") == sdist()
    assert mirror.stored() == 2


def test_a_file_that_breaks_again_and_again_is_told(mirror: Mirror, source: Source) -> None:
    source.add(SDIST, sdist())
    source.add(WHEEL, wheel())
    source.server.answers[f"/packages/{SDIST}"] = cut(sdist())
    assert mirror.take() == (1, 0, 1)
    assert "5 bytes before the end" in mirror.reasons[f"foo/{SDIST}"]
    assert mirror.pauses == list(PAUSES)
    assert mirror.stored() == 2, "the wheel and its metadata"


def test_a_server_that_asks_to_wait_is_waited_for(mirror: Mirror, source: Source) -> None:
    source.add(SDIST, sdist())
    source.server.answers[f"/packages/{SDIST}"] = Sent(
        b"", 429, {"Retry-After": "100000", "Connection": "close"}
    )
    assert mirror.take() == (0, 0, 1)
    assert mirror.pauses == [LONGEST_PAUSE] * len(PAUSES)


def test_a_server_that_is_away_is_given_up(mirror: Mirror, source: Source) -> None:
    port = free_port()
    for number in range(3 * GIVEN_UP):
        name = f"foo-{number}.tar.gz"
        source.add(name, sdist(version=str(number)), url=f"http://a.test:{port}/{name}")
    one = mirror.new(jobs=1)
    one.run(mirror.origin_of())
    assert one.stopped is not None
    assert one.stopped.startswith(f"{GIVEN_UP} files in a row did not come")
    assert mirror.told == (0, 0, GIVEN_UP)


@pytest.mark.parametrize(
    "sent", [Sent(b"", 503), Sent(b"cut", headers={"Content-Length": "9", "Connection": "close"})]
)
def test_a_server_that_gives_nothing_is_given_up(
    mirror: Mirror, source: Source, sent: Sent
) -> None:
    for number in range(3 * GIVEN_UP):
        name = f"foo-{number}.tar.gz"
        source.server.answers[f"/packages/{name}"] = sent
        source.add(name, b"123456789")
    one = mirror.new(jobs=1)
    one.run(mirror.origin_of())
    assert one.stopped is not None
    assert one.stopped.startswith(f"{GIVEN_UP} files in a row did not come")
    assert (mirror.told, one.again) == ((0, 0, GIVEN_UP), True)


def test_an_index_that_gives_no_page_is_given_up(mirror: Mirror, source: Source) -> None:
    names = [f"p{number}" for number in range(3 * INDEX_GIVEN_UP)]
    for name in names:
        source.server.answers[f"/simple/{name}/"] = Sent(b"", 503)
    one = mirror.new()
    one.run(mirror.origin_of(*names))
    assert one.stopped is not None
    assert "status 503" in one.stopped
    assert mirror.told == (0, 0, INDEX_GIVEN_UP - 1)


def test_a_page_that_does_not_come_is_not_waited_for_at_the_end(mirror: Mirror) -> None:
    asked, ended = threading.Event(), threading.Event()

    def hold(connection: socket.socket) -> None:
        asked.set()
        ended.wait(10)

    with saying(hold) as text, ThreadPoolExecutor(1) as threads:
        one = mirror.new()
        running = threads.submit(one.run, mirror.origin_of(url=text))
        assert asked.wait(10)
        one.stop("told to")
        running.result(5)
        mirror.outgoing.close()
        ended.set()
    assert (one.stopped, mirror.told) == ("told to", (0, 0, 0))


def test_a_name_without_a_page_keeps_no_other_from_coming(mirror: Mirror, source: Source) -> None:
    source.add("a", b"", project="a" * 9000)
    source.add(SDIST, sdist())
    assert mirror.take() == (1, 0, 1)
    [(path, reason)] = mirror.reasons.items()
    assert len(path) < 200
    assert "longer than" in reason


def test_a_project_that_is_named_and_has_no_files_is_told(mirror: Mirror, source: Source) -> None:
    source.set_status("foo", "active")
    assert mirror.take("foo") == (0, 0, 1)
    assert "names no files" in mirror.reasons["foo/"]
    assert mirror.take() == (0, 0, 0)


def test_why_it_ended_does_nothing_to_a_terminal(mirror: Mirror) -> None:
    one = mirror.new()
    one.stop("\x1b[2Jgone")
    assert one.stopped == "\\x1b[2Jgone"


@pytest.mark.parametrize("length", [UNTOLD_BYTES + 1, None])
def test_a_file_of_untold_size_has_an_end(length: int | None) -> None:
    class Endless:
        def __init__(self) -> None:
            self.length = length

        def readinto(self, view: memoryview) -> int:
            return len(view)

    memory = memoryview(bytearray(16 * 1024 * 1024))
    with pytest.raises(NotTaken, match="the index does not say how large it is"):
        arriving = Arriving(cast(FileStream, Endless()), None, lambda _: None)
        for _ in range(UNTOLD_BYTES // len(memory) + 1):
            arriving.readinto(memory)


def test_an_index_that_goes_away_is_given_up(mirror: Mirror) -> None:
    one = mirror.new()
    names = [f"p{number}" for number in range(100)]
    one.run(mirror.origin_of(*names, url=f"http://a.test:{free_port()}/simple/"))
    assert one.stopped is not None
    assert "no connection to a.test" in one.stopped


@pytest.mark.parametrize(
    "filename, data, said",
    [
        ("bar-1.0.tar.gz", sdist("bar"), "a file of the project bar, and on the page of foo"),
        ("foo-1.0-py2.7.egg", b"1", "an egg"),
        ("foo-1.0.exe", b"1", "an installer"),
        ("foo-1.0.tar.gz", b"no tar", "foo-1.0.tar.gz"),
        ("foo-x.tar.gz", sdist(), "no version by PEP 440"),
    ],
)
def test_what_an_upload_would_be_refused_is_refused(
    mirror: Mirror, source: Source, filename: str, data: bytes, said: str
) -> None:
    source.add(filename, data)
    source.add(WHEEL, wheel())
    assert mirror.take() == (1, 0, 1)
    assert said in mirror.reasons[f"foo/{filename}"]


@pytest.mark.parametrize("name", ["../../etc/passwd.whl", "..", "a\\b.whl", "a\nb.whl", ""])
def test_a_name_that_is_a_path_condemns_its_page(mirror: Mirror, source: Source, name: str) -> None:
    source.add(name, b"1")
    source.add("bar-1.0.tar.gz", sdist("bar"), "bar")
    assert mirror.take() == (1, 0, 1)
    assert list(mirror.reasons) == ["foo/"]
    assert source.fetched == ["bar-1.0.tar.gz"]


def test_other_things_on_a_page_are_left_out(mirror: Mirror, source: Source) -> None:
    source.add("README", b"1")
    assert mirror.take() == (0, 0, 0)
    assert mirror.tally.counts[Outcome.LEFT_OUT].files == 1
    assert source.fetched == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_of_two_files_of_one_name_the_first_counts(
    make: Callable[..., Mirror], source: Source, overwrite: bool
) -> None:
    mirror = make(overwrite=overwrite)
    source.add(SDIST, sdist())
    source.add(SDIST, sdist())
    source.add(SDIST, sdist(text=b"other"))
    assert mirror.take(jobs=8) == (1, 0, 1)
    assert "twice, with different digests" in mirror.reasons[f"foo/{SDIST}"]
    assert mirror.tally.counts[Outcome.LEFT_OUT].files == 1
    assert mirror.read(f"{AT}/{SDIST}") == sdist()


def test_other_bytes_than_those_that_are_there_are_not_fetched(
    mirror: Mirror, source: Source
) -> None:
    mirror.put(f"{AT}/{SDIST}", sdist(text=b"other"))
    source.add(SDIST, sdist())
    for dry in (True, False):
        assert mirror.take(dry=dry) == (0, 0, 1)
        assert "does not allow overwriting" in mirror.reasons[f"foo/{SDIST}"]
    assert source.fetched == []


def test_other_bytes_replace_where_that_is_allowed(
    make: Callable[..., Mirror], source: Source
) -> None:
    mirror = make(overwrite=True)
    mirror.put(f"{AT}/{SDIST}", sdist(text=b"other"))
    source.add(SDIST, sdist())
    assert mirror.take() == (1, 0, 0)
    assert mirror.read(f"{AT}/{SDIST}") == sdist()


def test_what_does_not_fit_a_quota_is_not_fetched(
    make: Callable[..., Mirror], source: Source
) -> None:
    mirror = make(quota=Quota(10))
    source.add(SDIST, sdist())
    assert mirror.take() == (0, 0, 1)
    assert "quota" in mirror.reasons[f"foo/{SDIST}"]
    assert source.fetched == []


def test_an_address_that_nobody_allowed_is_not_gone_to(mirror: Mirror, source: Source) -> None:
    source.add(SDIST, sdist(), url="http://inside.test/x")
    source.add("bar-1.0.tar.gz", sdist("bar"), "bar", url="file:///etc/passwd")
    inside = {"inside.test": ["10.0.0.1"]}
    with client(resolve=lambda host: inside.get(host, ["127.0.0.1"])) as mirror.outgoing:
        assert mirror.take() == (0, 0, 2)
    assert "10.0.0.1, which is no public address" in mirror.reasons[f"foo/{SDIST}"]
    assert "has to begin with https://" in mirror.reasons["bar/"]
    assert mirror.pauses == []


def test_a_dry_run_fetches_and_stores_nothing(mirror: Mirror, source: Source) -> None:
    source.add(SDIST, sdist(), gpg_sig=True)
    source.add("foo-1.0.egg", b"1")
    mirror.engine.made.clear()
    assert mirror.take(dry=True) == (1, 0, 1)
    assert "transact" not in mirror.engine.made
    assert source.fetched == []


def test_it_counts_all_that_there_is(mirror: Mirror, source: Source) -> None:
    source.add(SDIST, sdist())
    source.add("README", b"12")
    source.add("foo-1.0.egg", b"123")
    origin = mirror.origin_of("foo", "nothing")
    assert origin.total is None
    mirror.run(origin)
    assert origin.total == (mirror.tally.done.files, mirror.tally.done.bytes)


def test_a_full_disk_ends_it_and_the_next_run_goes_on(mirror: Mirror, source: Source) -> None:
    for number in range(10):
        source.add(f"foo-{number}.tar.gz", sdist(version=str(number)))
    mirror.blobs.fail("commit", BlobsFull("no room is left"), number=5)
    one = mirror.new(jobs=1)
    one.run(mirror.origin_of())
    assert one.stopped is not None
    assert "no room is left" in one.stopped
    imported = mirror.told[0]
    assert 0 < imported < 10
    assert mirror.take() == (10 - imported, imported, 0)


def test_it_stops_after_the_file_under_way(mirror: Mirror, source: Source) -> None:
    for number in range(60):
        source.add("README", b"1", f"empty-{number}")
    source.add(SDIST, sdist())
    for number in range(60):
        source.add("README", b"1", f"other-{number}")
    one = mirror.new(jobs=1)
    mirror.blobs.slow("create", lambda: one.stop("told to"))
    origin = mirror.origin_of()
    one.run(origin)
    assert (one.stopped, mirror.told, mirror.stored()) == ("told to", (1, 0, 0), 2)


def test_trouble_of_the_stores_that_passes_is_waited_for(mirror: Mirror, source: Source) -> None:
    source.add(SDIST, sdist())
    source.set_status("foo", "deprecated")
    mirror.engine.next("get", throttled, times=5)
    mirror.blobs.fail("create", times=2)
    assert mirror.take(jobs=1) == (1, 0, 0)
    assert mirror.state().status is Status.DEPRECATED


def test_a_large_file_is_never_held_whole(mirror: Mirror, source: Source) -> None:
    """A wheel is read from its end: that this is none is seen once all of it has come."""
    source.add(WHEEL, bytes(40 << 20))
    assert mirror.take() == (0, 0, 1)
    assert mirror.blobs.calls["filled"] >= 40
    assert mirror.stored() == 0
