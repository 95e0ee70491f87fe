"""Listings of folders: JSON and HTML, escaped, paged by cursors that only their caller can use."""

import json
import string
from html.parser import HTMLParser
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest

from tests.http.client import Client
from tests.http.stand import Stand

AT = "/repositories/files/"
HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


class Page(HTMLParser):
    """What a browser would make of a listing."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: dict[str, str] = {}
        self._link: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "a":
            self._link = dict(attrs).get("href")

    def handle_data(self, data: str) -> None:
        if self._link is not None:
            self.links[data] = self._link

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._link = None


@pytest.fixture
def lister(memory_stand: Stand) -> Client:
    memory_stand.repository("files")
    return memory_stand.admins


def test_json_names_files_with_size_digest_and_time_and_folders(admins: Client) -> None:
    for path in ("b.txt", "a/deep/x", "c.txt"):
        admins.put(AT + path, path.encode())
    listing = admins.get(AT).json
    assert listing["repository"] == "files"
    assert listing["path"] == ""
    assert listing["next"] is None
    assert [(entry["name"], entry["type"]) for entry in listing["entries"]] == [
        ("a/", "folder"),
        ("b.txt", "file"),
        ("c.txt", "file"),
    ]
    file = listing["entries"][1]
    assert file["size"] == 5
    assert file["sha256"] == admins.get(AT + "b.txt").headers["x-checksum-sha256"]
    assert file["modified"].endswith("Z")
    assert file["user"]
    inner = admins.get(AT + "a/").json
    assert inner["path"] == "a/"
    assert [entry["name"] for entry in inner["entries"]] == ["deep/"]


@pytest.mark.parametrize(
    "accept, type_",
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/json, text/html;q=0.5", "application/json"),
        ("text/html", "text/html; charset=utf-8"),
        (HTML["Accept"], "text/html; charset=utf-8"),
        ("image/png", "application/json"),
        ("nonsense", "application/json"),
        ("text/html;q=x", "application/json"),
        ("", "application/json"),
    ],
)
def test_a_browser_gets_html_and_a_script_json(
    lister: Client, accept: str | None, type_: str
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    answer = lister.get(AT, headers=headers)
    assert answer.headers["content-type"] == type_
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "Accept"


def test_only_an_administrator_is_told_who_put_a_file(memory_stand: Stand) -> None:
    repository = memory_stand.repository("files")
    memory_stand.admins.put(AT + "x", b"x")
    reader = memory_stand.person(grants={repository.id: ["read"]})
    scoped = memory_stand.person("admin", scopes={repository.id: ["read"]})
    assert "user" in memory_stand.admins.get(AT).json["entries"][0]
    assert "user" not in memory_stand.client.as_(reader.by_key).get(AT).json["entries"][0]
    # A key with scopes manages nothing, so it reads no users either.
    assert "user" not in memory_stand.client.as_(scoped.by_key).get(AT).json["entries"][0]


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "'onclick='alert(1)",
    "&lt;b&gt;",
    "&#x3c;script&#x3e;",
    "</title></style><script>",
    "$title$$rows ${style}",
    "{{7*7}}{0}%s%n",
    "a?b#c%2Fd",
    " leading and trailing ",
    "\u202egnp.exe",
    "data:text/html,x",
    "..%2f..",
    "]]><!--",
]


def test_no_name_becomes_markup(lister: Client) -> None:
    """A name is text in the page, and its link leads to the file that it names."""
    for name in HOSTILE:
        encoded = quote(name, safe="")
        flat = name.replace("/", "")
        assert lister.put(f"{AT}h/{quote(flat)}", name.encode()).status == 201, encoded
    answer = lister.get(AT + "h/", headers=HTML)
    page = Page(answer.text)
    assert page.tags <= {
        "html", "head", "meta", "title", "style", "body", "header", "nav", "ol", "li", "main",
        "h1", "table", "caption", "thead", "tbody", "tr", "th", "td", "a", "bdi", "time", "code",
    }  # fmt: skip
    assert page.attributes <= {
        "lang", "charset", "name", "content", "href", "scope", "rel", "title", "class", "id",
        "tabindex", "aria-label", "aria-sort", "datetime",
    }  # fmt: skip
    for name in HOSTILE:
        flat = name.replace("/", "")
        shown = flat.replace("\u202e", "[U+202E]")  # turned round, it would end in "exe.png"
        target = urljoin(f"http://127.0.0.1:8080{AT}h/", page.links[shown])
        assert urlsplit(target).netloc == "127.0.0.1:8080"
        assert lister.get(target.removeprefix("http://127.0.0.1:8080")).body == name.encode()
    assert "script" not in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_hostile_folders_are_text_too(lister: Client) -> None:
    folder = "<b>\"bold'&"
    lister.put(f"{AT}{quote(folder)}/in/x", b"x")
    page = Page(lister.get(f"{AT}{quote(folder)}/in/", headers=HTML).text)
    assert "b" not in page.tags
    # The way up is linked: the repository, the folder, and the parent.
    here = f"{AT}{quote(folder)}/in/"
    assert urljoin(here, page.links["files"]) == AT
    assert unquote(urljoin(here, page.links[folder])) == f"{AT}{folder}/"
    assert urljoin(here, page.links["../"]) == f"{AT}{quote(folder)}/"
    root = Page(lister.get(AT, headers=HTML).text)
    assert unquote(urljoin(AT, root.links[f"{folder}/"])) == f"{AT}{folder}/"


def test_the_list_is_sorted_and_paged_without_gap_or_repetition(admins: Client) -> None:
    names = sorted([f"file-{n:02}" for n in range(7)] + ["a/", "Z", "é", "zz/"])
    for name in names:
        admins.put(AT + quote(name) + ("x" if name.endswith("/") else ""), b"x")
    found, cursor = [], ""
    for _ in range(20):
        page = admins.get(f"{AT}?limit=3{cursor}").json
        assert len(page["entries"]) <= 3
        found += [entry["name"] for entry in page["entries"]]
        if page["next"] is None:
            break
        cursor = f"&after={page['next']}"
    assert found == sorted(names, key=str.encode)


def test_the_html_page_leads_to_the_next(lister: Client) -> None:
    for n in range(3):
        lister.put(f"{AT}file-{n}", b"x")
    first = Page(lister.get(f"{AT}?limit=2", headers=HTML).text)
    following = urljoin(AT, first.links["Next page"])
    second = Page(lister.get(following, headers=HTML).text)
    assert {"file-0", "file-1"} <= first.links.keys()
    assert "file-2" in second.links
    assert "Next page" not in second.links
    assert {"First page", "Previous page"} & first.links.keys() == set()


def test_the_json_is_what_a_library_would_write(lister: Client) -> None:
    for name in ('"', "\\u0041 é \u2028 🎉".replace("\\", ""), "a/x", "ordinary"):
        lister.put(AT + quote(name), b"x")
    for at in (AT, f"{AT}?limit=1", f"{AT}a/"):
        text = lister.get(at).text
        assert text == json.dumps(json.loads(text), ensure_ascii=False) + "\n"


@pytest.mark.parametrize(
    "limit", ["0", "-1", "1001", "x", "", "1e3", "+5", "1_0", "%205", "٣", "99999999999999999999"]
)
def test_a_limit_out_of_bounds_is_refused(lister: Client, limit: str) -> None:
    answer = lister.get(f"{AT}?limit={limit}")
    assert (answer.status, answer.json["field"]) == (422, "limit")


def _cursor(client: Client, at: str = AT) -> str:
    cursor: str = client.get(f"{at}?limit=1").json["next"]
    return cursor


def test_a_cursor_works_for_its_caller_and_folder_alone(memory_stand: Stand) -> None:
    public = memory_stand.repository("files", public=True)
    other = memory_stand.repository("other")
    memory_stand.repository("third", public=True)
    admins = memory_stand.admins
    for repository in ("files", "other", "third"):
        for path in ("a", "b", "in/a", "in/b"):
            admins.put(f"/repositories/{repository}/{path}", b"x")
    person = memory_stand.person(grants={public.id: ["read"], other.id: ["read"]})
    reader = memory_stand.client.as_(person.by_key)
    cursor = _cursor(admins)
    assert admins.get(f"{AT}?after={cursor}").status == 200
    assert reader.get(f"{AT}?after={_cursor(reader)}").status == 200
    for client, at in (
        (reader, AT),
        (admins, f"{AT}in/"),
        (admins, "/repositories/other/"),
        (memory_stand.client, "/public" + AT),
        (admins, "/api/repositories"),
        (admins, "/api/users"),
    ):
        answer = client.get(f"{at}?after={cursor}")
        assert answer.status == 422, at
        assert answer.detail == "'after' belongs to no page of this list: start without it."
    anonymous = _cursor(memory_stand.client, "/public" + AT)
    assert memory_stand.client.get(f"/public{AT}?after={anonymous}").status == 200
    assert memory_stand.client.get(f"/public/repositories/third/?after={anonymous}").status == 422


_CHARACTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


def test_a_tampered_cursor_is_refused_and_tells_nothing(lister: Client) -> None:
    for name in ("the-first-name", "the-second-name"):
        lister.put(AT + name, b"x")
    cursor = _cursor(lister)
    assert "first" not in cursor
    swapped = cursor[:20] + ("A" if cursor[20] != "A" else "B") + cursor[21:]
    last = _CHARACTERS.index(cursor[-1])
    for bent in (
        swapped,
        *(cursor[:-1] + _CHARACTERS[last ^ bit] for bit in (1, 2, 4, 8, 16, 32)),
        cursor + "=",
        cursor + "!",
        cursor[:20] + "." + cursor[20:],
        cursor[:-4],
        "AAAA",
        "x",
        "%00",
        "%c3%a9",
        "/../",
        "A" * 5000,
        "=",
        "a=b",
    ):
        answer = lister.get(f"{AT}?after={bent}")
        assert (answer.status, answer.json["field"]) == (422, "after")
    assert lister.get(f"{AT}?after=%ff").status == 400


def test_an_empty_repository_is_an_empty_list_and_an_empty_folder_is_not_there(
    lister: Client,
) -> None:
    assert lister.get(AT).json["entries"] == []
    assert "Nothing here yet" in lister.get(AT, headers=HTML).text
    assert lister.get(AT + "a/").status == 404
    lister.put(AT + "a/x", b"x")
    lister.delete(AT + "a/x")
    assert lister.get(AT + "a/").status == 404
    assert lister.get(AT + "a").status == 404
