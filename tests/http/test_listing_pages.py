"""Listings as pages for people: landmarks, tables and links that lead both ways, without script."""

import re
import sys
import unicodedata
from urllib.parse import quote, urljoin

import pytest

from app.pages import PALETTE
from app.raw.listing_page import Links, Shown, render, size_text
from app.raw.trail import Trail
from tests.http.client import Client
from tests.http.stand import Stand
from tests.http.test_listings import AT, HTML, Page


@pytest.fixture
def reader(memory_stand: Stand) -> Client:
    memory_stand.repository("files")
    return memory_stand.admins


def _page(client: Client, at: str) -> Page:
    answer = client.get(at, headers=HTML)
    assert answer.status == 200, answer.text
    return Page(answer.text)


def test_it_has_landmarks_one_heading_and_a_way_past_the_links(reader: Client) -> None:
    reader.put(f"{AT}a/b/c.txt", b"c")
    text = reader.get(f"{AT}a/b/", headers=HTML).text
    assert text.count("<h1>") == text.count("<main ") == text.count("<table>") == 1
    assert '<a class="skip" href="#entries">' in text
    assert '<main id="entries" tabindex="-1">' in text
    assert '<nav aria-label="Folders on the way here">' in text
    assert "<caption" in text
    assert re.findall(r'<th scope="col"[^>]*>([^<]*)<', text) == [
        "Name", "Size", "Modified (UTC)", "SHA-256", "User",
    ]  # fmt: skip
    assert len(re.findall(r'<tr><th scope="row"><a ', text)) == 2  # the way up, and the file


def test_sizes_and_times_are_for_people_and_exact(reader: Client) -> None:
    reader.put(f"{AT}x.bin", b"x" * 12345)
    text = reader.get(AT, headers=HTML).text
    file = reader.get(AT).json["entries"][0]
    assert '<td class="size" title="12,345 bytes">12.1 KiB</td>' in text
    assert f'<time datetime="{file["modified"]}">{file["modified"][:10]}\n' in text
    assert f"<code>{file['sha256']}</code>" in text


@pytest.mark.parametrize(
    "size, text",
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (10 * 1024 - 1, "10.0 KiB"),
        (12345, "12.1 KiB"),
        (999 * 1024, "999 KiB"),
        (1024**2 - 1, "1.00 MiB"),
        (1_300_000, "1.24 MiB"),
        (5 * 1024**4, "5.00 TiB"),
        (5000 * 1024**4, "5000 TiB"),
    ],
)
def test_a_size_has_three_digits_and_the_unit_that_suits_it(size: int, text: str) -> None:
    assert size_text(size) == text


def test_links_lead_to_the_next_page_and_back(reader: Client) -> None:
    for number in range(7):
        reader.put(f"{AT}file-{number}", b"x")
    at, seen = f"{AT}?limit=2", []
    while True:
        page = _page(reader, at)
        seen.append(sorted(name for name in page.links if name.startswith("file-")))
        if "Next page" not in page.links:
            break
        at = urljoin(AT, page.links["Next page"])
    assert seen == [[f"file-{n}" for n in (i, i + 1) if n < 7] for i in range(0, 7, 2)]
    for names in reversed(seen[:-1]):
        page = _page(reader, urljoin(AT, page.links["Previous page"]))
        assert set(names) <= page.links.keys()
    assert {"First page", "Previous page"} & page.links.keys() == set()
    page = _page(reader, urljoin(AT, _page(reader, at).links["First page"]))
    assert set(seen[0]) <= page.links.keys()


def test_the_way_back_is_sealed(memory_stand: Stand, reader: Client) -> None:
    memory_stand.repository("other")
    for repository in ("files", "other"):
        for number in range(3):
            reader.put(f"/repositories/{repository}/file-{number}", b"x")
    second = _page(reader, f"{AT}?limit=1").links["Next page"]
    back = re.search(r"back=([\w-]+)", second)
    after = re.search(r"after=([\w-]+)", second)
    assert back is not None
    assert after is not None
    assert "file" not in back[1]
    for at, asked in (
        (AT, f"back={back[1][:-1]}"),
        (AT, f"back={after[1]}"),
        ("/repositories/other/", f"back={back[1]}"),
    ):
        answer = reader.get(f"{at}?{asked}", headers=HTML)
        assert (answer.status, answer.json["field"]) == (422, "back")
    assert reader.get(f"{AT}?after={back[1]}").json["field"] == "after"


@pytest.mark.parametrize("character", ["0", "漢", '"'])
def test_a_trail_forgets_what_does_not_fit_an_address(character: str) -> None:
    trail = Trail()
    for number in range(500):
        trail = trail.on(f"{number:03}{character * 80}")
        assert len(trail.text().encode()) <= 1_500
    assert 1 < len(trail.starts) < 20
    assert trail.starts[-1] == f"{499:03}{character * 80}"
    assert Trail.parse(trail.text()) == trail
    assert len(trail.back().starts) == len(trail.starts) - 1
    assert Trail.parse("") == Trail()


@pytest.mark.parametrize("character", ["a", '"', "é", "漢", "🎉"])
@pytest.mark.parametrize("folder", ["", "漢" * 80 + "/" + "漢" * 80 + "/"])
def test_the_longest_names_still_lead_on_and_back(
    reader: Client, character: str, folder: str
) -> None:
    """However long names are and however many pages there are, a link that a page has leads
    somewhere, and fits a request line."""
    names = [f"{n:02}{character * (253 // len(character.encode()))}" for n in range(40)]
    here = AT + quote(folder)
    for name in names:
        assert reader.put(here + quote(name), b"x").status == 201
    at = f"{here}?limit=1"
    for name in names[:-1]:
        page = _page(reader, at)
        assert name in page.links
        at = urljoin(here, page.links["Next page"])
        assert len(at) < 8_000
    last, backwards = _page(reader, at), iter(reversed(names[:-1]))
    while "Previous page" in last.links:
        last = _page(reader, urljoin(here, last.links["Previous page"]))
        assert next(backwards) in last.links


def _luminance(colour: str) -> float:
    digits = "".join(c * 2 for c in colour) if len(colour) == 3 else colour
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_can_be_told_from_the_page_in_light_and_in_dark() -> None:
    """4.5:1 (WCAG 2.2, 1.4.3)."""
    light, dark = PALETTE.split("@media")
    for scheme in (light, dark):
        colours = dict(re.findall(r"--(\w+): #(\w+)", scheme))
        for text in ("text", "faint", "link"):
            for under in ("page", "row"):
                pair = sorted((_luminance(colours[text]), _luminance(colours[under])))
                assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (text, under, colours)


def test_no_page_asks_for_anything_but_itself(reader: Client) -> None:
    reader.put(f"{AT}a/b", b"b")
    for at in ("/", AT, f"{AT}a/"):
        answer = reader.get(at, headers=HTML)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert not re.search(r"<script|<link|<img|<form|\son\w+=|\sstyle=|url\(", answer.text)
        assert 'name="viewport"' in answer.text


def test_a_page_with_nothing_on_it_does_not_say_that_nothing_is_there(
    memory_stand: Stand, reader: Client
) -> None:
    for path in ("a", "b/1", "c/1"):
        reader.put(AT + path, b"x")
    for folder in ("b/", "c/"):
        assert reader.delete(f"{AT}{folder}?recursive=true").status == 200
    memory_stand.process.work()
    first = _page(reader, f"{AT}?limit=1")
    answer = reader.get(urljoin(AT, first.links["Next page"]), headers=HTML)
    assert "Nothing on this page." in answer.text
    assert "Nothing here yet." not in answer.text
    assert "Next page" not in Page(answer.text).links


TURNED = {
    "x\u202egpj.exe": "x[U+202E]gpj.exe",
    "a\u200bb": "a[U+200B]b",
    "a\u2060b\ufeff": "a[U+2060]b[U+FEFF]",
    "a\u2028b\u2029": "a[U+2028]b[U+2029]",
    "\U000e0041x": "[U+E0041]x",
    "\u3164": "[U+3164]",
    "\u0645\u06cc\u200c\u062e": "\u0645\u06cc[U+200C]\u062e",
    "漢🎉é": "漢🎉é",
}


@pytest.mark.parametrize("name, shown", TURNED.items())
def test_what_turns_a_name_or_is_not_seen_is_shown_by_its_number(
    reader: Client, name: str, shown: str
) -> None:
    """As an entry, as a heading, on the way to what is deeper, and in the title."""
    at = f"{AT}{quote(name)}/"
    assert reader.put(f"{at}in/x", b"x").status == 201
    assert f">{shown}/</bdi>" in reader.get(AT, headers=HTML).text
    for address, title in ((at, f"files/{shown}/"), (f"{at}in/", f"files/{shown}/in/")):
        text = reader.get(address, headers=HTML).text
        assert f"<title>{title}</title>" in text
        assert f"<bdi>{shown}</bdi>" in text
        assert name == shown or name not in text
    assert reader.get(f"{at}in/x").body == b"x", "found by its name all the same"


def test_every_character_that_formats_is_shown_by_its_number() -> None:
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) in ("Cf", "Zl", "Zp"):
            assert f"[U+{code:04X}]" in render(
                Shown("files", (chr(code),), (), users=False, links=Links(None, None, None))
            )
