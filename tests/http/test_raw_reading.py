"""GET and HEAD of files: headers, conditions, ranges, and that nothing stored runs here."""

import base64
import hashlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from tests.http.client import Answer, Client
from tests.http.stand import Stand

FILE = "/repositories/files/a/b.txt"
DATA = bytes(range(256)) * 4
ETAG = f'"sha256:{hashlib.sha256(DATA).hexdigest()}"'
LONG_AGO, FAR_AHEAD = "Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 31 Dec 2100 23:59:59 GMT"


@pytest.fixture
def reader(memory_stand: Stand) -> Client:
    """An administrator's key, and the file, in memory."""
    memory_stand.repository("files")
    memory_stand.admins.put(FILE, DATA)
    return memory_stand.admins


def test_a_file_comes_with_all_that_is_known_of_it(admins: Client) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    digest = hashlib.sha256(DATA)
    admins.put(FILE, DATA, headers={"X-Checksum-Md5": hashlib.md5(DATA).hexdigest()})
    answer = admins.get(FILE)
    headers = answer.headers
    assert (answer.status, answer.body) == (200, DATA)
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["content-length"] == str(len(DATA))
    assert headers["etag"] == ETAG
    assert headers["accept-ranges"] == "bytes"
    assert headers["x-checksum-sha256"] == digest.hexdigest()
    assert headers["x-checksum-md5"] == hashlib.md5(DATA).hexdigest()
    assert headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert "private" in headers["cache-control"]
    assert began <= parsedate_to_datetime(headers["last-modified"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    "target",
    [
        FILE,
        "/repositories/files/a",
        "/repositories/files/a/",
        "/repositories/files/none",
        "/repositories/none/a",
        "/",
        "/healthz",
        "/readyz",
        "/public/repositories/files/a/b.txt",
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"If-None-Match": ETAG},
        {"If-Match": '"x"'},
        {"Accept": "text/html"},
        {"Range": "bytes=1-2"},
    ],
    ids=["plain", "not-modified", "failed", "html", "range"],
)
def test_head_is_get_without_its_body(reader: Client, target: str, headers: dict[str, str]) -> None:
    get, head = reader.get(target, headers=headers), reader.head(target, headers=headers)
    if get.status == 206:  # RFC 9110, section 14.2: Range is of GET alone
        get = reader.get(target)
    assert head.status == get.status
    apart = {"x-request-id"}
    if get.status >= 400 or target == "/readyz":
        apart.add("content-length")  # a problem holds the request's id, of any length
    ours = {name: value for name, value in head.headers.items() if name not in apart}
    assert ours == {name: value for name, value in get.headers.items() if name not in apart}


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"If-None-Match": ETAG}, 304),
        ({"If-None-Match": f"W/{ETAG}"}, 304),
        ({"If-None-Match": f'"x", {ETAG}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-Modified-Since": FAR_AHEAD}, 304),
        ({"If-Modified-Since": LONG_AGO}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-None-Match": '"x"', "If-Modified-Since": FAR_AHEAD}, 200),
        ({"If-Match": ETAG}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"x"'}, 412),
        ({"If-Match": f"W/{ETAG}"}, 412),
        ({"If-Unmodified-Since": LONG_AGO}, 412),
        ({"If-Unmodified-Since": FAR_AHEAD}, 200),
        ({"If-Match": ETAG, "If-None-Match": ETAG}, 304),
        ({"If-None-Match": "sha256"}, 400),
        # Dates that lie outside the calendar once their zone is taken off.
        ({"If-Modified-Since": "Fri, 31 Dec 9999 23:59:59 -1200"}, 200),
        ({"If-Modified-Since": "Mon, 99 Foo 2026 99:99:99 GMT"}, 200),
    ],
)
def test_a_read_is_answered_as_its_conditions_say(
    reader: Client, headers: dict[str, str], status: int
) -> None:
    answer = reader.get(FILE, headers=headers)
    assert answer.status == status
    if status == 304:
        assert answer.headers["etag"] == ETAG
        assert "content-type" not in answer.headers
        assert "content-length" not in answer.headers


SIZE = len(DATA)


@pytest.mark.parametrize(
    "header, first, last",
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=1000-", 1000, SIZE - 1),
        ("bytes=-24", SIZE - 24, SIZE - 1),
        ("bytes=-99999", 0, SIZE - 1),
        ("bytes=10-99999", 10, SIZE - 1),
        ("bytes = 10-20", 10, 20),
        ("BYTES=10-20", 10, 20),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
    ],
)
@pytest.mark.parametrize("sendfile", [False, True], ids=["iterated", "sendfile"])
def test_one_range_is_206(
    folder_stand: Stand, header: str, first: int, last: int, sendfile: bool
) -> None:
    folder_stand.repository("files")
    folder_stand.admins.put(FILE, DATA)
    answer = folder_stand.admins.get(FILE, headers={"Range": header}, sendfile=sendfile)
    assert answer.status == 206
    assert answer.body == DATA[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["content-length"] == str(last - first + 1)
    assert answer.headers["etag"] == ETAG


@pytest.mark.parametrize(
    "header",
    ["bytes=0-1,3-4", "items=0-1", "bytes=5-2", "bytes=-", "bytes", "", "bytes=0-1-2", "bytes=a-"],
)
def test_several_ranges_and_nonsense_are_the_whole_file(reader: Client, header: str) -> None:
    answer = reader.get(FILE, headers={"Range": header})
    assert (answer.status, answer.body) == (200, DATA)
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("header", [f"bytes={SIZE}-", "bytes=99999-", "bytes=-0"])
def test_a_range_past_the_end_is_416(reader: Client, header: str) -> None:
    answer = reader.get(FILE, headers={"Range": header})
    assert answer.status == 416
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


def test_no_range_lies_within_an_empty_file(reader: Client) -> None:
    reader.put("/repositories/files/empty", b"")
    for header in ("bytes=0-", "bytes=-5", "bytes=0-0"):
        answer = reader.get("/repositories/files/empty", headers={"Range": header})
        assert answer.status == 416
        assert answer.headers["content-range"] == "bytes */0"


@pytest.mark.parametrize(
    "if_range, status",
    [
        (ETAG, 206),
        ('"other"', 200),
        (f"W/{ETAG}", 200),
        (LONG_AGO, 200),
        (FAR_AHEAD, 200),
        ("nonsense", 200),
        ("Fri, 31 Dec 9999 23:59:59 -1200", 200),
    ],
)
def test_a_range_of_another_file_is_the_whole_file(
    reader: Client, if_range: str, status: int
) -> None:
    headers = {"Range": "bytes=0-4", "If-Range": if_range}
    assert reader.get(FILE, headers=headers).status == status


def test_if_range_with_a_date_gets_the_whole_file(reader: Client) -> None:
    """Two files can be of one second: a date proves nothing of what the client has."""
    given = reader.get(FILE).headers["last-modified"]
    answer = reader.get(FILE, headers={"Range": "bytes=0-4", "If-Range": given})
    assert (answer.status, answer.body) == (200, DATA)


def test_conditions_come_before_the_range(reader: Client) -> None:
    headers = {"Range": "bytes=0-4", "If-None-Match": ETAG}
    assert reader.get(FILE, headers=headers).status == 304
    assert reader.get(FILE, headers={**headers, "If-Match": '"x"'}).status == 412


ACTIVE = [
    "page.html",
    "page.HTM",
    "image.svg",
    "image.svgz",
    "data.xml",
    "paper.pdf",
    "a.xhtml",
    "a.xht",
    "a.xsl",
    "code.js",
    "code.mjs",
    "style.css",
    "artifact.pom",
    "none",
    "a.swf",
    "a.hta",
    "a.html.",
    ".html",
    "archive.mht",
    "README.md",
]


@pytest.mark.parametrize("name", ACTIVE)
def test_what_a_browser_could_run_is_an_attachment_in_a_sandbox(reader: Client, name: str) -> None:
    """HTML, SVG, XML and PDF above all; a stored file never runs in this origin."""
    target = f"/repositories/files/{name}"
    reader.put(target, b"<script>alert(1)</script>")
    _is_harmless(reader.get(target))
    _is_harmless(reader.head(target))
    _is_harmless(reader.get(target, headers={"Range": "bytes=0-7"}))


def _is_harmless(answer: Answer) -> None:
    headers = answer.headers
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox")
    assert "allow-" not in headers["content-security-policy"]


def test_a_name_cant_break_out_of_its_header(reader: Client) -> None:
    name = "a%22;%20filename=evil.exe%E2%80%AE%C3%BC.html"
    target = f"/repositories/files/{name}"
    assert reader.put(target, b"x").status == 201
    disposition = reader.get(target).headers["content-disposition"]
    assert disposition.isascii()
    assert disposition.count(";") == 1
    assert '"' not in disposition
    assert disposition == (
        "attachment; filename*=UTF-8''a%22%3B%20filename%3Devil.exe%E2%80%AE%C3%BC.html"
    )


def test_a_plain_name_is_told_plainly(reader: Client) -> None:
    """Pip takes the extended form of a name for a part of it."""
    target = "/repositories/files/foo-1.0+local.tar.gz"
    assert reader.put(target, b"x").status == 201
    disposition = reader.get(target).headers["content-disposition"]
    assert disposition == 'attachment; filename="foo-1.0+local.tar.gz"'


def test_a_public_file_is_read_without_a_name_and_without_a_users(memory_stand: Stand) -> None:
    memory_stand.repository("files", public=True)
    memory_stand.admins.put(FILE, DATA)
    answer = memory_stand.client.get(f"/public{FILE}")
    assert (answer.status, answer.body) == (200, DATA)
    assert "public" in answer.headers["cache-control"]
    listing = memory_stand.client.get("/public/repositories/files/a/")
    assert memory_stand.admin.id not in listing.text
    # Not even for an administrator: under /public nobody has a name.
    again = memory_stand.admins.get("/public/repositories/files/a/")
    assert memory_stand.admin.id not in again.text
    assert memory_stand.admin.id in memory_stand.admins.get("/repositories/files/a/").text


def test_a_folder_without_its_slash_is_301(reader: Client) -> None:
    answer = reader.get("/repositories/files/a?limit=1")
    assert answer.status == 301
    assert answer.headers["location"] == "/repositories/files/a/?limit=1"
    reader.put("/repositories/files/with%20blank/%C3%BC/x", b"")
    answer = reader.get("/repositories/files/with%20blank/%C3%BC")
    assert answer.headers["location"] == "/repositories/files/with%20blank/%C3%BC/"


def test_a_repository_without_its_slash_is_301(memory_stand: Stand) -> None:
    memory_stand.repository("files", public=True)
    for client, prefix in ((memory_stand.admins, ""), (memory_stand.client, "/public")):
        answer = client.get(f"{prefix}/repositories/files?limit=3")
        assert answer.status == 301
        assert answer.headers["location"] == f"{prefix}/repositories/files/?limit=3"
    assert memory_stand.client.get("/repositories/files").status == 401
    assert memory_stand.admins.put("/repositories/files", b"x").status == 405


def test_a_redirect_never_leaves_this_host(reader: Client) -> None:
    """`//HOST/` in a Location would be another host."""
    for target in ("//repositories/files/a", "///repositories/files/a", "//evil.example/%2e%2e/a"):
        answer = reader.get(target)
        assert answer.status in (400, 404)
        assert "location" not in answer.headers


@pytest.mark.parametrize("target", ["a/none", "none", "none/", "a/none/", "a/b.txt/"])
def test_what_is_not_there_is_404(reader: Client, target: str) -> None:
    assert reader.get(f"/repositories/files/{target}").status == 404
