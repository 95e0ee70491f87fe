"""Projects, releases and files of Python repositories through `/api`: yanked, deleted, restored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from app.repositories import Format
from storage import keys
from storage.events import Feed
from tests.http.client import Answer, Client
from tests.http.stand import Stand
from tests.python.building import FORM_TYPE, fields, form, sdist, wheel, zip_sdist

AT = "/repositories/pypi/"
PROJECTS = "/api/repositories/pypi/projects"
FOO = f"{PROJECTS}/foo"
WHEEL, SDIST = "foo-1.0-py3-none-any.whl", "foo-1.0.tar.gz"
OTHER = "foo-1.0.0-py2-none-any.whl"  # of the same release, spelled otherwise
TAKEN = (200, 201)
NEWER = "foo-2.0-py3-none-any.whl"
JSON = [("Accept", "application/vnd.pypi.simple.v1+json")]


@dataclass
class Pypi:
    """A Python repository, and an administrator's client."""

    stand: Stand
    id: str
    admins: Client

    def upload(self, filename: str, content: bytes, name: str, version: str) -> Answer:
        body = form(filename, content, fields(filename, content, name, version))
        return self.admins.ask("POST", AT, body=body, headers=[("Content-Type", FORM_TYPE)])

    def furnish(self) -> None:
        """The project foo: three files of 1.0, one of 2.0."""
        for filename, content, version in (
            (WHEEL, wheel(), "1.0"),
            (OTHER, wheel(version="1.0.0", tag="py2-none-any"), "1.0.0"),
            (SDIST, sdist(), "1.0"),
            (NEWER, wheel(version="2.0"), "2.0"),
        ):
            assert self.upload(filename, content, "foo", version).status in TAKEN

    def index(self) -> Mapping[str, Any]:
        """What the index tells of each file of foo."""
        answer = self.admins.get(f"{AT}simple/foo/", headers=JSON)
        return {} if answer.status == 404 else {f["filename"]: f for f in answer.json["files"]}

    def yanked(self) -> Mapping[str, Any]:
        return {name: file["yanked"] for name, file in self.index().items()}

    def as_(self, *actions: str) -> Client:
        """Somebody who may do these in the repository."""
        return self.stand.client.as_(self.stand.person(grants={self.id: actions}).by_key)

    def events(self, *actions: str) -> list[Mapping[str, Any]]:
        """The details of the events of these actions."""
        at = self.stand.process.installation
        feed = Feed(at.metadata, at.journal, self.stand.organization)
        found = feed.read(feed.start(at.metadata.now() - timedelta(minutes=5))).events
        assert all(event.genuine for event in found)
        found = tuple(event for event in found if event.action in actions)
        return [event.details for event in sorted(found, key=lambda event: event.at)]


def _pypi(stand: Stand, **rules: Any) -> Pypi:
    made = stand.repository("pypi", Format.PYTHON, **rules)
    return Pypi(stand, made.id, stand.admins)


@pytest.fixture
def pypi(memory_stand: Stand) -> Pypi:
    made = _pypi(memory_stand)
    made.furnish()
    return made


@pytest.fixture
def everywhere(any_stand: Stand) -> Pypi:
    made = _pypi(any_stand)
    made.furnish()
    return made


# What there is


def test_projects_are_listed_with_their_status(everywhere: Pypi) -> None:
    pypi = everywhere
    for name in ("bar", "baz"):
        content = wheel(name)
        assert pypi.upload(f"{name}-1.0-py3-none-any.whl", content, name, "1.0").status in TAKEN
    assert (
        pypi.admins.patch(f"{PROJECTS}/bar", {"status": "archived", "reason": "no"}).status == 200
    )
    found, after = [], ""
    while after is not None:
        page = pypi.admins.get(f"{PROJECTS}?limit=2&after={after}").json
        found += page["projects"]
        after = page["next"]
    assert found == [
        {"name": "bar", "status": "archived", "reason": "no"},
        {"name": "baz", "status": "active", "reason": None},
        {"name": "foo", "status": "active", "reason": None},
    ]


def test_a_project_is_shown_with_its_releases_the_newest_first(pypi: Pypi) -> None:
    page = pypi.admins.get(FOO).json
    assert (page["name"], page["status"], page["reason"], page["next"]) == (
        "foo", "active", None, None
    )  # fmt: skip
    assert [release["version"] for release in page["releases"]] == ["2.0", "1.0"]
    files = page["releases"][1]["files"]
    assert [file["filename"] for file in files] == sorted([WHEEL, OTHER, SDIST])
    told = pypi.index()[WHEEL]
    (shown,) = [file for file in files if file["filename"] == WHEEL]
    assert shown["sha256"] == told["hashes"]["sha256"]
    assert (shown["size"], shown["yanked"], shown["reason"]) == (told["size"], False, None)
    assert pypi.admins.get(f"{PROJECTS}/FOO").json == page, "in any spelling"


def test_releases_come_in_pages_of_which_none_is_told_twice(pypi: Pypi) -> None:
    found, after = [], ""
    while after is not None:
        page = pypi.admins.get(f"{FOO}?limit=1&after={after}").json
        found += [release["version"] for release in page["releases"]]
        after = page["next"]
    assert found == ["2.0", "1.0"]


def test_there_are_projects_in_python_repositories_alone(memory_stand: Stand) -> None:
    memory_stand.repository("pypi", Format.RAW)
    for method, target, body in _requests():
        answer = memory_stand.admins.ask(method, target, json=body)
        assert answer.status == 404
        assert "raw repository" in answer.detail, (method, target)


@pytest.mark.parametrize("part", ["bar", "bar/releases/1.0", f"bar/files/{WHEEL}",
                                  "foo/releases/3.0", "foo/files/foo-3.0.tar.gz"])  # fmt: skip
def test_what_is_not_there_is_404_and_nothing_is_written(pypi: Pypi, part: str) -> None:
    before = pypi.stand.dump()
    at = f"{PROJECTS}/{part}"
    change = {"yanked": True} if "/" in part else {"status": "archived"}
    assert pypi.admins.patch(at, change).status == 404
    assert pypi.admins.delete(at).status == 404
    assert pypi.admins.ask("POST", f"{at}/restore").status == 404
    assert pypi.stand.dump() == before


@pytest.mark.parametrize("part", ["f%20o", "-", "foo/releases/x", "foo/files/foo.txt", "x" * 101])
def test_what_can_be_no_name_is_400_in_words(pypi: Pypi, part: str) -> None:
    answer = pypi.admins.delete(f"{PROJECTS}/{part}")
    assert answer.status == 400
    assert len(answer.detail) > 40


# Yanking


def test_a_release_is_yanked_with_all_its_files_however_they_are_spelled(
    everywhere: Pypi,
) -> None:
    pypi = everywhere
    etag = pypi.admins.get(f"{AT}simple/foo/", headers=JSON).headers["etag"]
    answer = pypi.admins.patch(f"{FOO}/releases/1.0.0.0", {"yanked": True, "reason": " <b>bad "})
    assert answer.status == 200
    assert (answer.json["yanked"], answer.json["reason"]) == (True, "<b>bad")
    assert len(answer.json["files"]) == 3
    assert pypi.yanked() == {WHEEL: "<b>bad", OTHER: "<b>bad", SDIST: "<b>bad", NEWER: False}
    page = pypi.admins.get(f"{AT}simple/foo/")
    assert page.headers["etag"] != etag
    assert 'data-yanked="&lt;b&gt;bad"' in page.text
    assert pypi.admins.get(f"{AT}files/foo/{WHEEL}").body == wheel(), "it is there still"
    assert [e["reason"] for e in pypi.events("artifact.yank")] == ["<b>bad"] * len(
        pypi.events("artifact.yank")
    )
    assert sum(event.get("files", 1) for event in pypi.events("artifact.yank")) == 3
    back = pypi.admins.patch(f"{FOO}/releases/1.0", {"yanked": False, "reason": "it was not"})
    assert (back.json["yanked"], back.json["reason"]) == (False, None)
    assert set(pypi.yanked().values()) == {False}
    assert pypi.events("artifact.unyank")[0]["reason"] == "it was not"


def test_a_file_is_yanked_alone_and_the_release_is_not(pypi: Pypi) -> None:
    answer = pypi.admins.patch(f"{FOO}/files/{WHEEL}", {"yanked": True})
    assert (answer.json["yanked"], answer.json["reason"]) == (True, None)
    assert pypi.yanked() == {WHEEL: True, OTHER: False, SDIST: False, NEWER: False}
    assert pypi.admins.get(FOO).json["releases"][1]["yanked"] is False
    assert "reason" not in pypi.events("artifact.yank")[0]


def test_what_is_so_already_is_200_and_writes_nothing(pypi: Pypi) -> None:
    said = {"yanked": True, "reason": "bad"}
    pypi.admins.patch(f"{FOO}/releases/1.0", said)
    pypi.admins.patch(FOO, {"status": "archived"})
    before = pypi.stand.dump()
    assert pypi.admins.patch(f"{FOO}/releases/1.0", said).json["reason"] == "bad"
    assert pypi.admins.patch(FOO, {"status": "archived"}).status == 200
    assert pypi.stand.dump() == before
    assert pypi.admins.patch(f"{FOO}/releases/1.0", {"yanked": True}).json["reason"] is None


def test_a_yanked_file_comes_back_yanked(pypi: Pypi) -> None:
    at = f"{FOO}/files/{WHEEL}"
    pypi.admins.patch(at, {"yanked": True, "reason": "bad"})
    assert pypi.admins.delete(at).status == 200
    assert pypi.admins.ask("POST", f"{at}/restore").status == 200
    assert pypi.yanked()[WHEEL] == "bad"


# Status


@pytest.mark.parametrize("status", ["archived", "quarantined", "deprecated"])
def test_a_status_is_in_the_index_and_back_again(everywhere: Pypi, status: str) -> None:
    pypi = everywhere
    before = dict(_states(pypi))
    pypi.admins.get(f"{AT}simple/foo/", headers=JSON)
    answer = pypi.admins.patch(FOO, {"status": status, "reason": 'use "bar" & co'})
    assert answer.json == {"name": "foo", "status": status, "reason": 'use "bar" & co'}
    page = pypi.admins.get(f"{AT}simple/foo/", headers=JSON).json
    assert page["project-status"] == {"status": status, "reason": 'use "bar" & co'}
    assert bool(page["files"]) is (status != "quarantined")
    fetched = pypi.admins.get(f"{AT}files/foo/{WHEEL}").status
    assert fetched == (403 if status == "quarantined" else 200)
    more = pypi.upload("foo-3.0-py3-none-any.whl", wheel(version="3.0"), "foo", "3.0")
    assert (more.status in TAKEN) is (status == "deprecated")
    assert len(pypi.admins.get(FOO).json["releases"]) >= 2, "whoever decides sees all of it"
    assert pypi.admins.patch(FOO, {"status": "active"}).json["reason"] is None
    page = pypi.admins.get(f"{AT}simple/foo/", headers=JSON).json
    assert page["project-status"] == {"status": "active"}
    assert dict(_states(pypi)) == before == {}
    assert [(e["project"], e["status"], e["reason"]) for e in pypi.events("project.status")] == [
        ("foo", status, 'use "bar" & co'),
        ("foo", "active", None),
    ]


def _states(pypi: Pypi) -> Iterable[tuple[str, int]]:
    partition = keys.projects(pypi.stand.organization, pypi.id)
    records = pypi.stand.process.installation.metadata.query(partition).records
    return [(record.key.sort, record.version) for record in records]


def test_quarantine_is_begun_and_ended_by_who_may_delete_there(pypi: Pypi) -> None:
    writer, all_ = pypi.as_("read", "write"), pypi.as_("read", "write", "delete")
    assert writer.patch(FOO, {"status": "quarantined"}).status == 403
    assert writer.patch(FOO, {"status": "archived"}).status == 200
    assert all_.patch(FOO, {"status": "quarantined", "reason": "malware"}).status == 200
    for status in ("active", "archived", "quarantined"):
        assert writer.patch(FOO, {"status": status}).status == 403
    assert pypi.admins.get(FOO).json["reason"] == "malware"
    assert all_.patch(FOO, {"status": "active"}).status == 200


def test_a_status_outlives_the_files_and_can_be_taken_back(pypi: Pypi) -> None:
    pypi.admins.patch(FOO, {"status": "quarantined", "reason": "malware"})
    assert pypi.admins.delete(FOO).json["deleted"] == 4
    content = wheel(version="3.0")
    assert pypi.upload("foo-3.0-py3-none-any.whl", content, "foo", "3.0").status == 400
    page = pypi.admins.get(FOO).json
    assert (page["status"], page["releases"]) == ("quarantined", [])
    assert pypi.admins.patch(FOO, {"status": "active"}).status == 200
    assert pypi.admins.get(FOO).status == 404
    assert pypi.admins.patch(FOO, {"status": "archived"}).status == 404
    assert pypi.upload("foo-3.0-py3-none-any.whl", content, "foo", "3.0").status in TAKEN


def test_an_active_project_may_have_a_reason(pypi: Pypi) -> None:
    assert pypi.admins.patch(FOO, {"status": "active", "reason": "again"}).status == 200
    page = pypi.admins.get(f"{AT}simple/foo/", headers=JSON).json
    assert page["project-status"] == {"status": "active", "reason": "again"}


# Deleting and restoring


@pytest.mark.parametrize("part, gone", [
    ("", [WHEEL, OTHER, SDIST, NEWER]),
    ("/releases/1.0", [WHEEL, OTHER, SDIST]),
    ("/releases/2", [NEWER]),
    (f"/files/{WHEEL}", [WHEEL]),
])  # fmt: skip
def test_what_is_deleted_comes_back_whole(everywhere: Pypi, part: str, gone: list[str]) -> None:
    pypi = everywhere
    whole = pypi.index()
    answer = pypi.admins.delete(f"{FOO}{part}?reason=not%20ours")
    assert (answer.status, answer.json["deleted"]) == (200, len(gone))
    assert pypi.index().keys() == whole.keys() - set(gone)
    assert pypi.admins.get(f"{AT}files/foo/{gone[0]}.metadata").status == 404
    assert _files_of(pypi.events("artifact.delete"), "not ours") == len(gone)
    again = pypi.admins.delete(f"{FOO}{part}")
    assert again.status == 404
    back = pypi.admins.post(f"{FOO}{part}/restore", {"reason": "ours"})
    assert (back.status, back.json["restored"], back.json["left"]) == (200, len(gone), 0)
    assert {one["path"] for one in back.json["files"]} == {f"files/foo/{name}" for name in gone}
    assert back.json["bytes"] == answer.json["bytes"]
    assert pypi.index() == whole
    assert pypi.admins.get(f"{AT}files/foo/{gone[0]}.metadata").status == 200
    assert _files_of(pypi.events("artifact.restore"), "ours") == len(gone)


def _files_of(events: list[Mapping[str, Any]], reason: str) -> int:
    """How many files the events tell of, all of them with that reason."""
    assert {event["reason"] for event in events} == {reason}
    return sum(event.get("files", 1) for event in events)


def test_the_name_of_a_deleted_file_is_not_used_again(pypi: Pypi) -> None:
    pypi.admins.delete(f"{FOO}/releases/1.0")
    assert pypi.upload(WHEEL, wheel(more="Summary: other\n"), "foo", "1.0").status == 400
    assert pypi.upload("foo-1.0.zip", zip_sdist(), "foo", "1.0").status == 400


def test_a_file_that_is_there_is_not_restored(pypi: Pypi) -> None:
    pypi.admins.delete(f"{FOO}/files/{WHEEL}")
    assert pypi.admins.ask("POST", f"{FOO}/files/{WHEEL}/restore").status == 200
    assert pypi.admins.ask("POST", f"{FOO}/files/{WHEEL}/restore").status == 404
    assert pypi.admins.ask("POST", f"{FOO}/releases/1.0/restore").status == 404


def test_where_files_are_overwritten_the_newest_comes_back(memory_stand: Stand) -> None:
    pypi = _pypi(memory_stand, overwrite=True)
    for number in range(3):
        pypi.upload(WHEEL, wheel(more=f"Summary: {number}\n"), "foo", "1.0")
    answer = pypi.admins.ask("POST", f"{FOO}/files/{WHEEL}/restore")
    assert answer.status == 409, "there is one"
    answer = pypi.admins.ask("POST", f"{FOO}/releases/1.0/restore")
    assert (answer.json["restored"], answer.json["left"]) == (0, 1)
    pypi.admins.delete(f"{FOO}/releases/1.0")
    assert pypi.admins.ask("POST", f"{FOO}/releases/1.0/restore").json["restored"] == 1
    assert pypi.admins.get(f"{AT}files/foo/{WHEEL}").body == wheel(more="Summary: 2\n")


@pytest.mark.parametrize("part", ["", "/releases/1.0"])
def test_of_two_that_may_not_be_beside_each_other_one_comes_back(
    memory_stand: Stand, part: str
) -> None:
    pypi = _pypi(memory_stand, overwrite=True)
    for filename, content in ((SDIST, sdist()), ("foo-1.0.zip", zip_sdist())):
        assert pypi.upload(filename, content, "foo", "1.0").status in TAKEN
        assert pypi.admins.delete(f"{FOO}/files/{filename}").status == 200
    answer = pypi.admins.ask("POST", f"{FOO}{part}/restore")
    assert (answer.json["restored"], answer.json["left"]) == (1, 1)
    assert pypi.index().keys() == {"foo-1.0.zip"}, "which went last"
    answer = pypi.admins.ask("POST", f"{FOO}/files/{SDIST}/restore")
    assert (answer.status, "foo-1.0.zip" in answer.detail) == (409, True)
    answer = pypi.admins.post("/api/repositories/pypi/restore", {"path": f"files/foo/{SDIST}"})
    assert answer.status == 409
    assert pypi.admins.ask("POST", f"{FOO}{part}/restore").json["restored"] == 0
    assert pypi.admins.delete(f"{FOO}/files/foo-1.0.zip").status == 200
    assert pypi.admins.ask("POST", f"{FOO}/files/{SDIST}/restore").status == 200
    assert pypi.upload("foo-1.0.zip", zip_sdist(), "foo", "1.0").status == 400


def test_a_release_with_too_many_files_is_409(pypi: Pypi, monkeypatch: pytest.MonkeyPatch) -> None:
    pypi.admins.delete(f"{FOO}/releases/2.0")
    monkeypatch.setattr("app.python.changing.MOST_FILES", 2)
    before = pypi.stand.dump()
    assert pypi.admins.patch(f"{FOO}/releases/1.0", {"yanked": True}).status == 409
    answer = pypi.admins.delete(f"{FOO}/releases/1.0")
    assert (answer.status, "one by one" in answer.detail) == (409, True)
    assert pypi.stand.dump() == before
    monkeypatch.setattr("app.python.changing.MOST_RESTORABLE", 0)
    assert pypi.admins.ask("POST", f"{FOO}/releases/2.0/restore").status == 409


def test_a_large_project_goes_by_a_job_that_keeps_the_reason(
    pypi: Pypi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.publishing.walk.PIECE", 1)
    monkeypatch.setattr(pypi.stand.process.background.jobs, "_at_once", 1)
    answer = pypi.admins.delete(f"{FOO}?reason=old")
    assert answer.status == 202
    pypi.stand.process.work()
    job = pypi.admins.get(answer.headers["location"]).json
    assert (job["state"], job["counts"]["deleted"]) == ("done", 4)
    assert _files_of(pypi.events("artifact.delete"), "old") == 4
    assert pypi.index() == {}


# What is refused


@pytest.mark.parametrize(
    "reason", ["x" * 501, "two\nlines", "\x1b[2J", "\u202egnp.exe", "a\u2028b"]
)
def test_a_reason_is_one_short_line(pypi: Pypi, reason: str) -> None:
    before = pypi.stand.dump()
    for method, at, body in (
        ("PATCH", FOO, {"status": "archived", "reason": reason}),
        ("PATCH", f"{FOO}/releases/1.0", {"yanked": True, "reason": reason}),
        ("PATCH", f"{FOO}/files/{WHEEL}", {"yanked": True, "reason": reason}),
        ("POST", f"{FOO}/restore", {"reason": reason}),
        ("POST", f"{FOO}/releases/1.0/restore", {"reason": reason}),
    ):
        answer = pypi.admins.ask(method, at, json=body)
        assert (answer.status, answer.json["field"]) == (422, "reason"), (method, at)
    assert pypi.stand.dump() == before


def test_a_reason_may_be_of_five_hundred_letters_of_any_script(pypi: Pypi) -> None:
    reason = "ж" * 499 + "🦊"
    assert (
        pypi.admins.patch(f"{FOO}/releases/1.0", {"yanked": True, "reason": reason}).status == 200
    )
    assert pypi.yanked()[WHEEL] == reason


@pytest.mark.parametrize("body", [{}, {"yanked": None}, {"yanked": "true"}, {"yanked": 1}])
def test_yanking_says_whether(pypi: Pypi, body: dict[str, Any]) -> None:
    answer = pypi.admins.patch(f"{FOO}/releases/1.0", body)
    assert (answer.status, answer.json["field"]) == (422, "yanked")


def _requests() -> Iterable[tuple[str, str, Any]]:
    """Every request that there is of foo."""
    yield "GET", PROJECTS, None
    yield "GET", FOO, None
    yield "PATCH", FOO, {"status": "archived"}
    for part in ("", "/releases/1.0", f"/files/{WHEEL}"):
        if part:
            yield "PATCH", f"{FOO}{part}", {"yanked": True}
        yield "DELETE", f"{FOO}{part}", None
        yield "POST", f"{FOO}{part}/restore", {}


@pytest.mark.parametrize("actions, statuses", [
    (["read"], {"GET": 200, "PATCH": 403, "DELETE": 403, "POST": 403}),
    (["write"], {"GET": 403, "PATCH": 403, "DELETE": 403, "POST": 403}),
    (["delete"], {"GET": 403, "PATCH": 403, "DELETE": 404, "POST": 403}),
    ([], {"GET": 404, "PATCH": 404, "DELETE": 404, "POST": 404}),
])  # fmt: skip
def test_who_may_not_is_told_as_much_of_what_is_there_as_of_what_is_not(
    pypi: Pypi, actions: list[str], statuses: Mapping[str, int]
) -> None:
    """Who may delete learns of what he names whether it was there, as everywhere."""
    somebody = pypi.as_(*actions)
    for method, target, body in _requests():
        if method == "GET" and "read" in actions:
            continue
        absent = target.replace("foo", "none")
        there, not_there = (
            None if method == "DELETE" and "delete" in actions else
            somebody.ask(method, one, json=body) for one in (target, absent)
        )  # fmt: skip
        if there is not None and not_there is not None:
            assert (there.status, there.detail) == (not_there.status, not_there.detail)
            assert there.status == statuses[method], (method, target)


def test_a_yank_and_a_delete_at_once_leave_no_trace_of_each_other(pypi: Pypi) -> None:
    """The file goes between the reading and the commit: the yank finds nothing left to do."""

    def deleted(call: Any) -> Any:
        pypi.admins.delete(f"{AT}files/foo/{WHEEL}")
        return call()

    pypi.admins.get(FOO)
    pypi.stand.engine.next("transact", deleted)
    answer = pypi.admins.patch(f"{FOO}/files/{WHEEL}", {"yanked": True})
    assert answer.status == 404
    assert WHEEL not in pypi.index()
    assert not pypi.events("artifact.yank")
