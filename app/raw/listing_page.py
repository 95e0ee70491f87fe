"""A page of a folder as HTML: no script, made for keyboards, phones and screen readers too."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from string import Template
from unicodedata import category
from urllib.parse import quote, urlencode

from app.pages import PALETTE, style_policy
from app.publishing.artifact import Outline


@dataclass(frozen=True, slots=True)
class Links:
    """The queries of the pages around one; None where there is no such page, or none known."""

    first: Mapping[str, str] | None
    previous: Mapping[str, str] | None
    following: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Told:
    """What a repository's format tells of a folder: markup, for the heading and beneath it."""

    heading: str
    beneath: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of a folder, ready to be shown. `users`: the reader may know who put a file."""

    repository: str
    folder: tuple[str, ...]
    entries: Iterable[tuple[str, Outline | None]]
    users: bool
    links: Links
    told: Told | None = None


STYLE = (
    PALETTE
    + """
body { max-width: 75rem }
.skip { position: absolute; left: -100rem }
.skip:focus { position: static }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
ol { display: flex; flex-wrap: wrap; list-style: none; margin: 0; padding: 0 }
li { overflow-wrap: anywhere }
li::after { content: "/"; color: var(--faint); padding: 0 .5em }
li a, .pages a { display: inline-block; padding: .25rem 0; min-width: 1.5rem }
h1 { font-size: 1.5rem; line-height: 1.3; margin: .25rem 0 1rem; overflow-wrap: anywhere;
  white-space: pre-wrap }
table { border-collapse: collapse; width: 100% }
th, td { padding: 0 .75rem; text-align: start; vertical-align: baseline;
  border-bottom: 1px solid var(--line) }
th:first-child { padding-left: 0 }
thead th { padding-block: .4rem; color: var(--faint); font-size: .875rem; font-weight: 600;
  white-space: nowrap }
tbody th { font-weight: inherit; overflow-wrap: anywhere; white-space: pre-wrap; width: 60% }
tbody th a { display: block; padding: .4rem 0; text-decoration: none }
tbody th a:hover { text-decoration: underline }
tbody tr:hover { background: var(--row) }
.size { text-align: end; white-space: nowrap; font-variant-numeric: tabular-nums }
.time { white-space: nowrap; font-variant-numeric: tabular-nums }
.size, .time, .more, .empty { color: var(--faint) }
code { display: block; width: 17ch; overflow: hidden; text-overflow: ellipsis;
  font: .875rem ui-monospace, monospace }
.use { display: grid; gap: 0 1.5rem; margin: 0 0 1.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)) }
.use h2 { font-size: .875rem; font-weight: 600; color: var(--faint); margin: .5rem 0 .25rem }
.use pre { font: .875rem/1.5 ui-monospace, monospace; background: var(--row); margin: 0;
  padding: .5rem .75rem; white-space: pre-wrap; overflow-wrap: anywhere }
.pages { display: flex; flex-wrap: wrap; gap: 0 1.5rem; margin-top: 1rem }
@media (max-width: 48rem) {
  .more { display: none }
  tbody th a { padding: .7rem 0 }
}
@media (max-width: 30rem) {
  th, td { padding-inline: .4rem }
  th:last-child, .time { padding-right: 0 }
  .time { white-space: pre; font-size: .875rem; padding-bottom: .4rem }
}
"""
)
POLICY = style_policy(STYLE)

_PAGE = Template(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<a class="skip" href="#entries">Skip to the entries</a>
$trail
<main id="entries" tabindex="-1">
<h1>$heading</h1>
$beneath
$table
$pages
</main>
</body>
</html>
"""
)
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_HIDING = ("Cf", "Zl", "Zp")  # what formats text (UAX #9, 2, too), and breaks its lines
_BLANK = (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0)  # nothing is drawn
#: The characters that are not seen, or turn what is beside them round, by their numbers. Those of
#: `_HIDING` lie in these ranges alone; to look through all of Unicode takes 0.1 s at each start.
_SEEN = {
    code: f"[U+{code:04X}]"
    for code in (*range(0x20000), *range(0xE0000, 0xE1000))
    if code in _BLANK or category(chr(code)) in _HIDING
}
_EMPTY = '<p class="empty">Nothing here yet.</p>'
_NOTHING = '<p class="empty">Nothing on this page.</p>'


def render(shown: Shown) -> str:
    """The page."""
    names = (shown.repository, *shown.folder)
    pages = _pages(shown.links)
    return _PAGE.substitute(
        title=_plain("/".join((*names, ""))),
        style=STYLE,
        trail=_trail(names[:-1]),
        heading=text(names[-1]) if shown.told is None else shown.told.heading,
        beneath="" if shown.told is None else shown.told.beneath,
        table=_table(shown) or (_NOTHING if pages else _EMPTY),
        pages=pages,
    )


def _trail(above: tuple[str, ...]) -> str:
    """Links to the folders on the way here; nothing in the root."""
    if not above:
        return ""
    links = (
        f'<li><a href="{"../" * (len(above) - depth)}">{text(name)}</a></li>'
        for depth, name in enumerate(above)
    )
    way = f'<nav aria-label="Folders on the way here"><ol>{"".join(links)}</ol></nav>'
    return f"<header>{way}</header>"


def _table(shown: Shown) -> str:
    """The entries, and the way up; empty where there is neither."""
    more = ("SHA-256", *(["User"] if shown.users else []))
    blank = '<td class="size"></td><td class="time"></td>' + '<td class="more"></td>' * len(more)
    rows = [
        _file(name, file, shown.users) if file is not None else _row(name, blank)
        for name, file in shown.entries
    ]
    if shown.folder:
        rows.insert(0, f'<tr><th scope="row"><a href="../">../</a></th>{blank}</tr>')
    if not rows:
        return ""
    columns = "".join(f'<th scope="col" class="more">{name}</th>' for name in more)
    body = "\n".join(rows)
    return f"""<table>
<caption class="unseen">Folders and files, by name</caption>
<thead><tr><th scope="col" aria-sort="ascending">Name</th><th scope="col" class="size">Size</th>\
<th scope="col" class="time">Modified (UTC)</th>{columns}</tr></thead>
<tbody>
{body}
</tbody>
</table>"""


def _file(name: str, file: Outline, users: bool) -> str:
    user = f'<td class="more">{escape(file.user or "")}</td>' if users else ""
    moment = f"{file.modified[:10]}\n{file.modified[11:16]}"  # two lines on a phone
    return _row(
        name,
        f'<td class="size" title="{file.size:,} bytes">{size_text(file.size)}</td>'
        f'<td class="time"><time datetime="{file.modified}">{moment}</time></td>'
        f'<td class="more"><code>{file.sha256}</code></td>{user}',
    )


def _row(name: str, cells: str) -> str:
    # "./" keeps a name with a colon from being read as a scheme.
    return f'<tr><th scope="row">{link(f"./{name}", name)}</th>{cells}</tr>'


def link(target: str, name: str) -> str:
    """A link to a path from here, which is not encoded yet."""
    return f'<a href="{quote(target)}">{text(name)}</a>'


def text(name: str) -> str:
    """A name as text: one that is written from right to left does not turn its row around."""
    return escape(name) if name.isascii() else f"<bdi>{_plain(name)}</bdi>"


def _plain(name: str) -> str:
    """A name as text where no markup may stand. The marks by which one could hide what it ends
    with, or that it differs from another, are seen."""
    return escape(name if name.isascii() else name.translate(_SEEN))


def size_text(size: int) -> str:
    """A number of bytes in the unit that suits it, with three digits: `1.27 MiB`."""
    if size < 1024:
        return f"{size} B"
    amount, unit = float(size), 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    decimals = 2 if amount < 9.995 else 1 if amount < 99.95 else 0
    return f"{amount:.{decimals}f} {_UNITS[unit]}"


def _pages(links: Links) -> str:
    found = [
        f'<a{rel} href="./{escape(f"?{urlencode(query)}" if query else "")}">{label}</a>'
        for label, rel, query in (
            ("First page", "", links.first),
            ("Previous page", ' rel="prev"', links.previous),
            ("Next page", ' rel="next"', links.following),
        )
        if query is not None
    ]
    return f'<nav class="pages" aria-label="Pages">{"".join(found)}</nav>' if found else ""
