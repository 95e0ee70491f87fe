"""The index: what each file says in JSON, that HTML says the same, and that nothing breaks out."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from app.python.documents import IndexFile, ProjectStatus, Status
from app.python.html_documents import project_html, projects_html
from app.python.json_documents import project_json, projects_json

NOON = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
ACTIVE = ProjectStatus()
AT = "../files/a/"


def file(
    version: str,
    ending: str = "-py3-none-any.whl",
    *,
    uploaded: datetime = NOON,
    requires_python: str | None = None,
    yanked: str | None = None,
    core_metadata: str | None = None,
    signed: bool | None = None,
) -> IndexFile:
    return IndexFile(
        f"a-{version}{ending}",
        version,
        "ab" * 32,
        123,
        uploaded,
        requires_python,
        yanked,
        core_metadata,
        signed,
    )


FULL = file(
    "1.0+local.1", requires_python=">=3.9,<4", yanked="broken", core_metadata="cd" * 32, signed=True
)


class Page(HTMLParser):
    """What a tool sees of a page: meta elements, and links with the texts in them."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.meta: dict[str | None, str | None] = {}
        self.links: list[tuple[str, dict[str, str | None]]] = []
        self._link: dict[str, str | None] | None = None
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "a":
            self._link = found
        elif tag == "meta" and "name" in found:
            self.meta[found["name"]] = found["content"]

    def handle_data(self, data: str) -> None:
        if self._link is not None:
            self.links.append((data, self._link))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._link = None


def read(
    *files: IndexFile, status: ProjectStatus = ACTIVE, files_at: str = AT
) -> tuple[dict[str, Any], Page]:
    """Both forms of a project's page."""
    return (
        json.loads(project_json("a", files, status, files_at)),
        Page(project_html("a", files, status, files_at)),
    )


# Whole documents


def test_the_json_of_a_project_is_this() -> None:
    assert read(FULL, file("0.9", ".tar.gz"))[0] == {
        "meta": {"api-version": "1.4"},
        "name": "a",
        "project-status": {"status": "active"},
        "versions": ["0.9", "1.0+local.1"],
        "files": [
            {
                "filename": "a-0.9.tar.gz",
                "url": "../files/a/a-0.9.tar.gz",
                "hashes": {"sha256": "ab" * 32},
                "requires-python": None,
                "size": 123,
                "upload-time": "2026-11-25T12:00:00.000000Z",
                "yanked": False,
                "core-metadata": False,
                "data-dist-info-metadata": False,
            },
            {
                "filename": "a-1.0+local.1-py3-none-any.whl",
                "url": "../files/a/a-1.0%2Blocal.1-py3-none-any.whl",
                "hashes": {"sha256": "ab" * 32},
                "requires-python": ">=3.9,<4",
                "size": 123,
                "upload-time": "2026-11-25T12:00:00.000000Z",
                "yanked": "broken",
                "core-metadata": {"sha256": "cd" * 32},
                "data-dist-info-metadata": {"sha256": "cd" * 32},
                "gpg-sig": True,
            },
        ],
    }


PAGE = f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="pypi:repository-version" content="1.4">
<meta name="pypi:project-status" content="deprecated">
<meta name="pypi:project-status-reason" content="use &lt;b&gt;">
<title>Files of a</title>
</head>
<body>
<h1>Files of a</h1>
<p>This project is deprecated: <bdi>use &lt;b&gt;</bdi></p>
<a href="../files/a/a-0.9.tar.gz#sha256={"ab" * 32}">a-0.9.tar.gz</a><br>
<a href="../files/a/a-1.0%2Blocal.1-py3-none-any.whl#sha256={"ab" * 32}"\
 data-requires-python="&gt;=3.9,&lt;4" data-yanked="broken"\
 data-core-metadata="sha256={"cd" * 32}" data-dist-info-metadata="sha256={"cd" * 32}"\
 data-gpg-sig="true">a-1.0+local.1-py3-none-any.whl</a> yanked: <bdi>broken</bdi><br>
</body>
</html>
"""


def test_the_html_of_a_project_is_this() -> None:
    status = ProjectStatus(Status.DEPRECATED, "use <b>")
    assert project_html("a", [FULL, file("0.9", ".tar.gz")], status, AT).decode() == PAGE


def test_a_project_without_files_has_a_page() -> None:
    document, page = read()
    assert (document["versions"], document["files"], page.links) == ([], [], [])


def test_the_list_of_projects_is_in_order_and_links_to_their_pages() -> None:
    names = ["zope-interface", "a", "m2crypto"]
    assert json.loads(projects_json(names)) == {
        "meta": {"api-version": "1.4"},
        "projects": [{"name": "a"}, {"name": "m2crypto"}, {"name": "zope-interface"}],
    }
    page = Page(projects_html(names))
    assert page.meta["pypi:repository-version"] == "1.4"
    assert page.links == [(name, {"href": f"{name}/"}) for name in sorted(names)]
    below = Page(projects_html(["files"], "simple/"))
    assert below.links == [("files", {"href": "simple/files/"})]


# Each field


@pytest.mark.parametrize(
    "reason, in_json, in_html",
    [(None, False, None), ("", True, ""), ('it\'s <bad> & "old"', ..., ...)],
)
def test_a_yanked_file_says_so_with_and_without_a_reason(
    reason: str | None, in_json: object, in_html: object
) -> None:
    document, page = read(file("1", yanked=reason))
    assert document["files"][0]["yanked"] == (reason if in_json is ... else in_json)
    # A tool looks for the attribute, and pip for a value of it too.
    assert page.links[0][1].get("data-yanked") == (reason if in_html is ... else in_html)


@pytest.mark.parametrize("signed", [None, False, True])
def test_a_signature_is_told_of_where_it_is_known(signed: bool | None) -> None:
    document, page = read(file("1", signed=signed))
    assert document["files"][0].get("gpg-sig") is signed
    said = {None: None, False: "false", True: "true"}[signed]
    assert page.links[0][1].get("data-gpg-sig") == said


@pytest.mark.parametrize(
    "uploaded, text",
    [
        (NOON, "2026-11-25T12:00:00.000000Z"),
        (NOON.replace(microsecond=1200), "2026-11-25T12:00:00.001200Z"),
        (NOON.astimezone(timezone(timedelta(hours=-9))), "2026-11-25T12:00:00.000000Z"),
    ],
)
def test_a_file_was_uploaded_at_a_moment_in_utc(uploaded: datetime, text: str) -> None:
    assert read(file("1", uploaded=uploaded))[0]["files"][0]["upload-time"] == text


def test_the_url_of_a_file_is_that_of_its_folder_and_its_name_encoded() -> None:
    document, page = read(file("1!2+a", ".tar.gz"), files_at="../../files/a&b/")
    assert document["files"][0]["url"] == "../../files/a&b/a-1%212%2Ba.tar.gz"
    text, link = page.links[0]
    assert link["href"] == f"../../files/a&b/a-1%212%2Ba.tar.gz#sha256={'ab' * 32}"
    assert text == "a-1!2+a.tar.gz"


def test_an_empty_requirement_is_none() -> None:
    document, page = read(file("1", requires_python=""))
    assert document["files"][0]["requires-python"] is None
    assert "data-requires-python" not in page.links[0][1]


# The project's status


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("reason", [None, "", "see b"])
def test_each_form_tells_the_status_and_the_reason_if_there_is_one(
    status: Status, reason: str | None
) -> None:
    document, page = read(file("1"), status=ProjectStatus(status, reason))
    told = {"status": str(status)} | ({"reason": reason} if reason else {})
    assert document["project-status"] == told
    assert page.meta["pypi:project-status"] == str(status)
    assert page.meta.get("pypi:project-status-reason") == (reason or None)


def test_a_project_in_quarantine_has_its_versions_and_offers_no_file() -> None:
    quarantined = ProjectStatus(Status.QUARANTINED, "haunted")
    document, page = read(file("1"), FULL, status=quarantined)
    assert (document["versions"], document["files"]) == (["1", "1.0+local.1"], [])
    assert page.links == []
    assert "a-1" not in project_html("a", [file("1"), FULL], quarantined, AT).decode()


# Order


def test_files_are_in_the_order_of_versions_and_then_of_names() -> None:
    order = ["1.0.dev1", "1.0a1", "1.0rc1", "1.0", "1.0+local", "1.0.post1", "1.9", "1.10", "1!0.1"]
    files = [file(version, end) for version in sorted(order) for end in (".tar.gz", "-a-b-c.whl")]
    document, page = read(*files)
    assert document["versions"] == order
    names = [f"a-{version}{end}" for version in order for end in ("-a-b-c.whl", ".tar.gz")]
    assert [one["filename"] for one in document["files"]] == names
    assert [text for text, _ in page.links] == names


def test_equal_versions_in_two_spellings_are_one() -> None:
    files = [file("1.0.0", ".tar.gz"), file("1.0"), file("1.0.1"), file("1.0.0")]
    document, _ = read(*files)
    assert document["versions"] == ["1.0", "1.0.1"]
    names = ["a-1.0-py3-none-any.whl", "a-1.0.0-py3-none-any.whl", "a-1.0.0.tar.gz"]
    assert [one["filename"] for one in document["files"]][:3] == names


VERSIONS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "1!"]),
    st.lists(st.integers(0, 11).map(str), min_size=1, max_size=3).map(".".join),
    st.sampled_from(["", "a1", "rc2", ".post1", ".dev3"]),
    st.sampled_from(["", "+x.1"]),
).map(lambda text: str(Version(text)))


@given(st.lists(VERSIONS, unique=True, max_size=8).flatmap(st.permutations))
def test_the_order_of_files_that_come_in_is_nowhere_seen(versions: Sequence[str]) -> None:
    files = [file(version) for version in versions]
    again = sorted(files, key=lambda one: one.filename)
    for render in (project_json, project_html):
        assert render("a", files, ACTIVE, AT) == render("a", again, ACTIVE, AT)
    document, _ = read(*files)
    listed = [Version(version) for version in document["versions"]]
    assert listed == sorted({Version(version) for version in versions})


# Free text


@given(st.text(), st.text())
def test_any_text_comes_out_as_it_went_in(reason: str, other: str) -> None:
    status = ProjectStatus(Status.ARCHIVED, other)
    document, page = read(file("1", yanked=reason, requires_python=other), file("2"), status=status)
    assert document["project-status"].get("reason", "") == other
    assert document["files"][0]["yanked"] == (reason or True)
    assert document["files"][0]["requires-python"] == (other or None)
    assert [text for text, _ in page.links] == [one["filename"] for one in document["files"]]
    assert page.links[0][1]["data-yanked"] == reason
    assert page.links[0][1].get("data-requires-python", "") == other
    assert page.meta.get("pypi:project-status-reason", "") == other


def test_half_a_surrogate_pair_breaks_no_document() -> None:
    document, page = read(file("1", yanked="a\ud800b"))
    assert document["files"][0]["yanked"] == "a?b"
    assert page.links[0][1]["data-yanked"] == "a?b"


def test_markup_in_a_reason_stays_text() -> None:
    hostile = '"><script>alert(1)</script><a href="//evil/a-9.tar.gz">a-9.tar.gz</a>'
    status = ProjectStatus(Status.DEPRECATED, hostile)
    page = project_html("a", [file("1", yanked=hostile)], status, AT)
    assert b"<script" not in page
    assert [text for text, _ in Page(page).links] == ["a-1-py3-none-any.whl"]
