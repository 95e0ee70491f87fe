"""Another repository's simple index: in JSON or HTML, and nothing in it is taken on trust."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.importing.index import BadPage, IndexFile, SimpleIndex
from app.importing.index_links import MOST_LINKS, MOST_TAGS
from app.importing.index_pages import (
    MOST_BYTES,
    MOST_FILES,
    MOST_NESTS,
    MOST_VALUES,
    project_of,
    projects_of,
)
from app.outgoing import Answer, Declined, Url
from app.python.documents import ProjectStatus, Status
from tests.outgoing.servers import Sent, client, serving

JSON = "application/vnd.pypi.simple.v1+json"
SHA256 = "ab" * 32
PAGE = Url.parse("https://u:p@index.test/simple/some-thing/")


def _html(body: str, kind: str = "text/html; charset=UTF-8") -> Answer:
    return Answer(200, {"content-type": kind}, body.encode(), PAGE)


def _json(kind: str = JSON, version: object = "1.1", **document: Any) -> Answer:
    document = {name.replace("_", "-"): value for name, value in document.items()}
    text = json.dumps({"meta": {"api-version": version}, **document})
    return Answer(200, {"content-type": kind}, text.encode(), PAGE)


def _entry(**others: Any) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in others.items()}
    return {"filename": "a-1.zip", "url": "a-1.zip", "hashes": {}} | named


def files_of(page: Answer) -> list[IndexFile]:
    return list(project_of(page).files)


def _url(text: str) -> Url:
    return PAGE.join(text)


@pytest.mark.parametrize(
    "page",
    [
        _json(projects=[{"name": "Some.Thing"}, {"name": "b"}, {"name": "some_thing"}]),
        _html("<a href='../'>../</a><a href='some-thing/'>Some.Th..&gt;</a> <a href='/s/b/'>B</a>"),
        _html(
            "\ufeff<!DOCTYPE html><html><head><title>a</title></head><body>"
            '<A HREF="https://cdn.test/x/some_thing?a/b#c/d">Some</A><br><a name="c">'
            "<a href=b>b</a>",
            "application/vnd.pypi.simple.v1+html",
        ),
    ],
)
def test_projects_are_named_once_and_normalized(page: Answer) -> None:
    assert projects_of(page) == ["some-thing", "b"]


def test_a_file_in_json_has_all_that_is_said_of_it() -> None:
    entry = _entry(
        filename="a-1-py3-none-any.whl",
        url="https://files.test/a/a-1-py3-none-any.whl",
        hashes={"sha256": SHA256.upper(), "shake": "what", "md5": "0" * 32},
        requires_python=">=3.8",
        yanked="broken",
        size=12345,
        core_metadata={"sha256": SHA256},
        upload_time="2024-01-01T00:00:00Z",
    )
    assert files_of(_json(files=[entry])) == [
        IndexFile(
            "a-1-py3-none-any.whl",
            Url.parse("https://files.test/a/a-1-py3-none-any.whl"),
            {"sha256": SHA256, "md5": "0" * 32},
            ">=3.8",
            "broken",
            12345,
            True,
        )
    ]


def test_a_file_in_html_has_all_that_is_said_of_it() -> None:
    page = _html(
        f'<a href="../../f/a-1%2B2-py3-none-any.whl?x=1#sha256={SHA256}&amp;egg=a"'
        ' data-requires-python="&gt;=3.8" data-yanked="so &amp; so"'
        ' data-core-metadata="sha256=ab">a</a>'
    )
    assert files_of(page) == [
        IndexFile(
            "a-1+2-py3-none-any.whl",
            _url("/f/a-1%2B2-py3-none-any.whl?x=1"),
            {"sha256": SHA256},
            ">=3.8",
            "so & so",
            None,
            True,
        )
    ]


@pytest.mark.parametrize(
    "status, reason, told",
    [
        ("archived", "no time", ProjectStatus(Status.ARCHIVED, "no time")),
        ("quarantined", "", ProjectStatus(Status.QUARANTINED)),
        ("deprecated", None, ProjectStatus(Status.DEPRECATED)),
        ("active", None, ProjectStatus()),
        ("unheard of", "x", ProjectStatus()),
    ],
)
def test_a_project_has_the_status_that_is_told(
    status: str, reason: str | None, told: ProjectStatus
) -> None:
    marker = {"status": status} if reason is None else {"status": status, "reason": reason}
    assert project_of(_json(files=[], project_status=marker)).status == told
    meta = f'<meta name="pypi:project-status" content="{status}">'
    if reason is not None:
        meta += f'<META name="pypi:project-status-reason" content="{reason}">'
    assert project_of(_html(f"<head>{meta}</head>")).status == told


@pytest.mark.parametrize("marker", [None, "archived", ["archived"], {"status": ["archived"]}])
def test_a_status_in_another_form_is_none(marker: Any) -> None:
    assert project_of(_json(files=[], project_status=marker)).status == ProjectStatus()


@pytest.mark.parametrize(
    "html, given_json, signed",
    [
        ("", {}, False),
        ("data-gpg-sig=true", {"gpg_sig": True}, True),
        ("data-gpg-sig=false", {"gpg_sig": False}, False),
    ],
)
def test_it_is_told_whether_a_file_has_a_signature(
    html: str, given_json: dict[str, Any], signed: bool
) -> None:
    assert files_of(_html(f"<a href=a-1.zip {html}>a</a>"))[0].signed is signed
    assert files_of(_json(files=[_entry(**given_json)]))[0].signed is signed


@pytest.mark.parametrize(
    "html, given_json, yanked",
    [
        ("", {}, None),
        ("data-yanked", {"yanked": True}, ""),
        ("data-yanked=''", {"yanked": ""}, ""),
        ("data-yanked='x'", {"yanked": "x"}, "x"),
        ("", {"yanked": False}, None),
        ("", {"yanked": None}, None),
    ],
)
def test_a_file_is_yanked_with_a_reason_or_without(
    html: str, given_json: Mapping[str, Any], yanked: str | None
) -> None:
    assert files_of(_html(f"<a href=a-1.zip {html}>a</a>"))[0].yanked == yanked
    assert files_of(_json(files=[_entry(**given_json)]))[0].yanked == yanked


@pytest.mark.parametrize(
    "said, has",
    [
        ({}, False),
        ({"core-metadata": True}, True),
        ({"core-metadata": False, "dist-info-metadata": True}, False),
        ({"dist-info-metadata": {"sha256": SHA256}}, True),
    ],
)
def test_metadata_is_there_by_its_newer_name_first(said: Mapping[str, Any], has: bool) -> None:
    assert files_of(_json(files=[_entry(**said)]))[0].has_metadata is has
    attributes = " ".join(f"data-{name}='{str(value).lower()}'" for name, value in said.items())
    assert files_of(_html(f"<a href=a-1.zip {attributes}>a</a>"))[0].has_metadata is has


def test_links_are_relative_to_the_first_base() -> None:
    page = _html("<a href=a-1.zip>a</a><base target=x><base href='//f.test/d/'><base href=/z/>")
    assert files_of(page)[0].url.full == "https://f.test/d/a-1.zip"


def test_credentials_go_along_to_the_origin_of_the_index_alone() -> None:
    page = _html("<a href=/f/a-1.zip>a</a><a href=https://q:r@files.test/b-1.zip>b</a>")
    here, there = files_of(page)
    assert here.url.credentials == PAGE.credentials
    assert there.url.credentials is None


def test_links_that_are_no_files_are_left_out() -> None:
    page = _html(
        "<a href='?C=N;O=D'>by name</a><a href=../>up</a><a href='..'>up</a><a href='#top'>top</a>"
        "<a href=mailto:me@a.test>me</a><a href=https://a.test>home</a><a>none</a><a href=''>no</a>"
        "<a href=' \n a-1.\nzip\t'>file</a><!-- <a href=b-1.zip>b</a> -->"
    )
    assert [file.filename for file in files_of(page)] == ["a-1.zip"]


@pytest.mark.parametrize(
    "page, why",
    [
        (_html("", "application/json"), "application/json"),
        (_html("", "application/vnd.pypi.simple.v2+json"), "no page of a simple index"),
        (_html("", ""), "no page of a simple index"),
        (_html("", "\x1b[2J"), "no page of a simple index"),
        (Answer(200, {}, b"", PAGE), "no page of a simple index"),
        (Answer(200, {"content-type": "text/html"}, b"<a href='\xff'>", PAGE), "UTF-8"),
        (_html("<a href=a-1.zip>a</a><a href=b-1"), "middle of a tag"),
        (_html("<![what[<a href=a-1.zip>"), "no HTML|middle of a tag"),
        (_html("<a href='http://[/a-1.zip'>a</a>"), "leads nowhere"),
        (_html("<a href='%2e%2e%2fa-1.zip'>a</a>"), "no name of a file"),
        (_html("<a href='a%0A-1.zip'>a</a>"), "control characters"),
        (_html("<a href='a-1.zip#sha256=12'>a</a>"), "sha256 of 'a-1.zip'"),
        (_html("<base href='file:///'><a href=a-1.zip>a</a>"), "'its base' leads nowhere"),
        (Answer(200, {"content-type": JSON}, b"[" * 100_000, PAGE), "no JSON"),
        (Answer(200, {"content-type": JSON}, b"{} and", PAGE), "no JSON"),
        (Answer(200, {"content-type": JSON}, b"[]", PAGE), "version 1"),
        (Answer(200, {"content-type": JSON}, b'{"files": [], "meta": 1}', PAGE), "version 1"),
        (_json(version="2.0", files=[]), "version 1"),
        (_json(version=1.0, files=[]), "version 1"),
        (_json(), "'files'"),
        (_json(files={}), "'files'"),
        (_json(files=["a-1.zip"]), "'files'"),
        (_json(files=[{}]), "'filename'"),
        (_json(files=[_entry(filename="../a-1.zip")]), "no name of a file"),
        (_json(files=[_entry(filename="a\\b")]), "no name of a file"),
        (_json(files=[_entry(filename="..")]), "no name of a file"),
        (_json(files=[_entry(filename="\ud800")]), "'filename'"),
        (_json(files=[_entry(url=None)]), "'url'"),
        (_json(files=[_entry(url="file:///etc/passwd")]), "leads nowhere"),
        (_json(files=[_entry(hashes=None)]), "hashes"),
        (_json(files=[_entry(hashes={"sha256": 1})]), "sha256"),
        (_json(files=[_entry(hashes={"sha256": "g" * 64})]), "sha256"),
        (_json(files=[_entry(size=-1)]), "size"),
        (_json(files=[_entry(size=True)]), "size"),
        (_json(files=[_entry(size=MOST_BYTES + 1)]), "size"),
        (_json(files=[_entry(size=10**400)]), "size"),
        (_json(files=[_entry(filename="ä" * 128)]), "too long for a name"),
        (_json(files=[_entry(size="1")]), "size"),
        (_json(files=[_entry(requires_python=3)]), "requires-python"),
    ],
)
def test_a_page_that_is_none_is_refused_by_its_name(page: Answer, why: str) -> None:
    with pytest.raises(BadPage, match=why) as raised:
        files_of(page)
    assert "https://index.test/simple/some-thing/" in str(raised.value)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    "page",
    [
        _html("<a href='../'>up</a> Welcome!"),
        _json(projects=[{"name": "a b"}]),
        _json(projects=[{"name": "\u017fa"}]),
        _json(files=[]),
    ],
)
def test_a_root_that_is_none_is_refused_by_its_name(page: Answer) -> None:
    with pytest.raises(BadPage, match=r"^https://index\.test/simple/some-thing/ "):
        projects_of(page)


def test_texts_of_a_page_can_be_stored() -> None:
    file = files_of(_json(files=[_entry(yanked="\ud800", requires_python="\udfff")]))[0]
    assert (file.yanked, file.requires_python) == ("?", "?")


def test_a_page_made_of_beginnings_is_read_in_one_go() -> None:
    """Each of them seems to lack its end, which is not looked for again and again."""
    with pytest.raises(BadPage, match="middle of a tag"):
        files_of(_html("<a " * 1_000_000))
    with pytest.raises(BadPage, match="middle of a tag"):
        files_of(_html("<!--" * 1_000_000))


@given(
    st.lists(st.sampled_from(["<", ">", "a", " href=", "'", '"', "/", "b-1.zip", "#", "&", "!"]))
)
def test_whatever_html_it_is_there_are_files_or_an_error_in_words(pieces: list[str]) -> None:
    for page in (_html("".join(pieces)), _html(f"<a href={''.join(pieces)}>x</a>")):
        try:
            files = files_of(page)
        except BadPage:
            continue
        assert all(file.filename and "/" not in file.filename for file in files)


@pytest.mark.parametrize("root", ["/simple", "/simple/", "/simple?x=1"])
def test_an_index_is_read_over_the_wire(root: str) -> None:
    with serving() as server, client() as fetching:
        project = {"meta": {"api-version": "1.0"}, "files": [_entry(url="/files/a-1.zip")]}
        page = json.dumps(project).encode()
        server.answers |= {
            "/simple/": Sent(b"<a href=Some.Thing/>x</a>", headers={"Content-Type": "text/html"}),
            "/simple/some-thing/": Sent(page, headers={"Content-Type": JSON}),
        }
        index = SimpleIndex(fetching, Url.parse(server.url(root, user="u:p@")))
        assert index.projects() == ["some-thing"]
        [file] = index.project("Some_Thing").files
        with pytest.raises(Declined) as raised:
            index.project("other")
    assert file.url.full == server.url("/files/a-1.zip")
    assert file.url.credentials is not None
    assert raised.value.status == 404
    assert {asked.headers["Accept"] for asked in server.asked} == {
        f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
    }
    assert {asked.headers["Authorization"] for asked in server.asked} == {"Basic dTpw"}


def test_links_are_relative_to_where_a_page_was_found_in_the_end() -> None:
    with serving() as server, client() as fetching:
        server.redirect("/simple/a/", server.url("/moved/a/"))
        page = Sent(b"<a href=a-1.zip>a</a>", headers={"Content-Type": "text/html"})
        server.answers["/moved/a/"] = page
        index = SimpleIndex(fetching, Url.parse(server.url("/simple", user="u:p@")))
        [file] = index.project("a").files
    assert file.url == Url.parse(server.url("/moved/a/a-1.zip", user="u:p@"))


def test_a_page_of_another_index_is_not_read() -> None:
    """A name that is free outside is anybody's."""
    with serving() as server, client() as fetching:
        server.redirect("/simple/a/", server.url("/simple/a/", "b.test"))
        page = Sent(b"<a href=a-1.zip>a</a>", headers={"Content-Type": "text/html"})
        server.answers["/simple/a/"], there = page, server.answers["/simple/a/"]
        assert SimpleIndex(fetching, Url.parse(server.url("/simple/"))).project("a").files
        server.answers["/simple/b/"] = there
        index = SimpleIndex(fetching, Url.parse(server.url("/simple/")))
        with pytest.raises(BadPage, match=r"redirects to another index, http://b\.test:[0-9]+:"):
            index.project("b")


def test_a_name_for_which_there_can_be_no_page_is_refused() -> None:
    with client() as fetching, pytest.raises(BadPage, match="has no page for 'aaa") as raised:
        SimpleIndex(fetching, Url.parse("http://a.test/")).project("a" * 9000)
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize(
    "page, why",
    [
        (_html("<a href=a>" * (MOST_LINKS + 1)), "more than 200,000 links"),
        (_html(f"<a href=a {'b ' * 40_000}>"), "a tag of more than 65,536 characters"),
        (_html("<b>" * (MOST_TAGS + 1)), "more than 2,000,000 tags"),
        (_html("<a href=a-1.zip>" * (MOST_FILES + 1)), "more than 50,000 files"),
        (_json(files=[_entry()] * (MOST_FILES + 1)), "more than 50,000 files"),
        (_json(files=[], x=[{}] * MOST_NESTS), "more than 400,000 objects and lists"),
        (_json(files=[], x=[[]] * MOST_NESTS), "more than 400,000 objects and lists"),
        (_json(files=[], x=[1] * (MOST_VALUES + 1)), "more than 2,000,000 values"),
    ],
    ids=range(8),
)
def test_what_would_become_many_times_its_size_is_refused(page: Answer, why: str) -> None:
    with pytest.raises(BadPage, match=why):
        files_of(page)


@pytest.mark.parametrize(
    "page",
    [
        _html("<a href=a-1.tar.gz>a</a><a href='a-1-py3-none-any.whl#sha256=1'>a</a>"),
        _json(files=[]),
    ],
)
def test_the_page_of_a_project_is_no_root(page: Answer) -> None:
    with pytest.raises(BadPage, match="is the page of one project: name the one above it"):
        projects_of(page)
