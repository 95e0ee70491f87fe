"""Listings of folders, as JSON and as a page that needs no script.

A folder is one range of records, files and folders side by side in the order of names, so
a page of a listing is one query however large the folder is.
"""

from dataclasses import dataclass, replace
from datetime import UTC
from html import escape
from string import Template
from typing import Any
from urllib.parse import quote, urlencode

from falcon import Request, Response

from app.api.reading import query_number
from app.cursors import Cursors
from app.portal import style_policy
from app.publishing import Artifact
from app.publishing.place import is_listed
from app.repositories import FolderPath, Opened, Repository
from middleware.problems import Problem
from storage import keys
from storage.metadata import Page, Record
from storage.metadata.recent import Recent

MOST_ENTRIES = 1_000
_FEW = 20
_JSON, _HTML = "application/json", "text/html"


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of a listing; `artifact` is None for a folder."""

    name: str
    artifact: Artifact | None


@dataclass(frozen=True, slots=True)
class _Shown:
    """A page of a folder, ready to be shown. `users`: the reader may know who put a file."""

    repository: Repository
    folder: FolderPath
    entries: tuple[_Entry, ...]
    following: str | None  # the cursor of the next page
    limit: int
    users: bool


class Listing:
    """Lists folders."""

    def __init__(self, recent: Recent, cursors: Cursors) -> None:
        self._recent = recent
        self._cursors = cursors

    def exists(self, repository: Repository, folder: FolderPath) -> bool:
        """Whether there is anything in the folder."""
        following: str | None = ""
        while following is not None:
            page = self._page(repository, folder, following, _FEW)
            if page.records:
                return True
            following = page.next
        return False

    def answer(self, req: Request, resp: Response, opened: Opened, folder: FolderPath) -> None:
        """Answer with a page of the folder: `?limit=` entries, behind the cursor `?after=`."""
        repository, principal = opened.repository, opened.principal
        limit = query_number(req, "limit", 1, MOST_ENTRIES, MOST_ENTRIES)
        caller = principal.user_id if principal is not None else ""
        scope = (caller, repository.id, folder.key)
        cursor = req.get_param("after")
        after = self._cursors.open(cursor, *scope) if cursor else ""
        page = self._page(repository, folder, after, limit)
        if not page.records and page.next is None and not after and folder.segments:
            raise Problem(404, "Not Found", "There is no such file or folder in this repository.")
        shown = _Shown(
            repository=repository,
            folder=folder,
            entries=tuple(_entry(record) for record in page.records),
            following=self._cursors.seal(page.next, *scope) if page.next is not None else None,
            limit=limit,
            users=principal is not None and principal.manages,
        )
        resp.set_header("Cache-Control", "no-store")
        resp.set_header("Vary", "Accept")
        if req.client_prefers((_HTML, _JSON)) == _HTML and req.accept != "*/*":
            resp.content_type = "text/html; charset=utf-8"
            resp.set_header("Content-Security-Policy", _POLICY)
            resp.text = _html(shown)
        else:
            resp.media = _json(shown)

    def _page(self, repository: Repository, folder: FolderPath, after: str, limit: int) -> Page:
        partition = keys.folder(repository.organization, repository.id, folder.key)
        page = self._recent.query(partition, "", after, limit)
        # Folders that were emptied may have a record still; a page may be short.
        return replace(
            page,
            records=tuple(
                record
                for record in page.records
                if not record.key.sort.endswith("/") or is_listed(record)
            ),
        )


def _entry(record: Record) -> _Entry:
    name = record.key.sort
    return _Entry(name, None if name.endswith("/") else Artifact.read(record))


def _json(shown: _Shown) -> dict[str, Any]:
    return {
        "repository": shown.repository.name,
        "path": str(shown.folder),
        "parent": "../" if shown.folder.segments else None,
        "entries": [_json_entry(entry, shown.users) for entry in shown.entries],
        "next": shown.following,
    }


def _json_entry(entry: _Entry, shows_users: bool) -> dict[str, Any]:
    artifact = entry.artifact
    if artifact is None:
        return {"name": entry.name, "type": "folder"}
    described = {
        "name": entry.name,
        "type": "file",
        "size": artifact.size,
        "sha256": artifact.sha256,
        "modified": _time(artifact),
    }
    if shows_users:
        described["user"] = artifact.user
    return described


def _time(artifact: Artifact) -> str:
    return artifact.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { padding: .3rem .6rem; text-align: left; border-bottom: 1px solid #8884 }
td:nth-child(2), th:nth-child(2) { text-align: right; white-space: nowrap }
td:nth-child(3) { white-space: nowrap }
td:first-child { overflow-wrap: anywhere }
"""
_POLICY = style_policy(STYLE)
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
<h1>$trail</h1>
<table>
<thead><tr>$columns</tr></thead>
<tbody>
$rows
</tbody>
</table>
$more
</body>
</html>
"""
)


def _html(shown: _Shown) -> str:
    columns = ["Name", "Size", "Modified (UTC)", "SHA-256", *(["User"] if shown.users else [])]
    rows = [_row(entry, shown.users) for entry in shown.entries]
    if shown.folder.segments:
        rows.insert(0, _cells('<a href="../">../</a>', *[""] * (len(columns) - 1)))
    more = ""
    if shown.following is not None:
        query: dict[str, str | int] = {"after": shown.following}
        if shown.limit != MOST_ENTRIES:
            query["limit"] = shown.limit
        more = f'<p><a rel="next" href="?{escape(urlencode(query))}">Next page</a></p>'
    return _PAGE.substitute(
        title=escape(f"{shown.repository.name}/{shown.folder}"),
        style=STYLE,
        trail=_trail(shown.repository, shown.folder),
        columns="".join(f'<th scope="col">{column}</th>' for column in columns),
        rows="\n".join(rows) or f'<tr><td colspan="{len(columns)}">Nothing here yet.</td></tr>',
        more=more,
    )


def _trail(repository: Repository, folder: FolderPath) -> str:
    """The folders on the way here, each a link but the last."""
    names = (repository.name, *folder.segments)
    parts = []
    for depth, name in enumerate(names):
        up = len(names) - 1 - depth
        text = escape(name)
        parts.append(f'<a href="{"../" * up}">{text}</a>' if up else text)
    return " / ".join(parts)


def _row(entry: _Entry, users: bool) -> str:
    # "./" keeps a name with a colon from being read as a scheme.
    link = f'<a href="./{quote(entry.name)}">{escape(entry.name)}</a>'
    artifact = entry.artifact
    if artifact is None:
        return _cells(link, *[""] * (4 if users else 3))
    moment = artifact.modified.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    digest = f'<code title="{artifact.sha256}">{artifact.sha256[:16]}…</code>'
    user = [escape(artifact.user or "")] if users else []
    return _cells(link, f"{artifact.size:,}", moment, digest, *user)


def _cells(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
