"""Listings of folders, as JSON and as a page that needs no script.

A folder is one range of records, files and folders side by side in the order of names, so
a page of a listing is one query however large the folder is. More of them are made where it
would begin with nothing but folders that were emptied, whose records go later.
"""

from collections.abc import Iterable
from json import JSONEncoder

from falcon import Request, Response

from app.api.reading import query_number
from app.cursors import Cursors, InvalidCursor
from app.maven.coordinates_page import CoordinatesPage, Seen
from app.publishing.artifact import Outline
from app.publishing.place import is_listed
from app.raw.listing_page import POLICY, Links, Shown, Told, render
from app.raw.trail import Trail
from app.repositories import FolderPath, Format, Opened, Repository
from auth.errors import InvalidField
from middleware.problems import Problem
from storage import keys
from storage.metadata import Page, Record
from storage.metadata.recent import Recent

MOST_ENTRIES = 1_000
_FEW = 20
_MOST_QUERIES = 16  # of one request, through folders that were emptied
_JSON, _HTML = "application/json", "text/html"
_encoded = JSONEncoder(ensure_ascii=False).encode


class Listing:
    """Lists folders."""

    def __init__(self, recent: Recent, cursors: Cursors) -> None:
        self._recent = recent
        self._cursors = cursors
        self._coordinates = CoordinatesPage(recent)

    def exists(self, repository: Repository, folder: FolderPath) -> bool:
        """Whether there is anything in the folder, or so much to look through that its listing
        has to tell."""
        page = self._page(repository, folder, "", _FEW)
        return bool(page.records) or page.next is not None

    def answer(self, req: Request, resp: Response, opened: Opened, folder: FolderPath) -> None:
        """Answer with a page of the folder: `?limit=` entries, behind the cursor `?after=`."""
        repository, principal = opened.repository, opened.principal
        limit = query_number(req, "limit", 1, MOST_ENTRIES, MOST_ENTRIES)
        caller = principal.user_id if principal is not None else ""
        scope = (caller, repository.id, folder.key)
        after, trail = self._asked(req, scope)
        page = self._page(repository, folder, after, limit)
        if not page.records and page.next is None and not after and folder.segments:
            raise Problem(404, "Not Found", "There is no such file or folder in this repository.")
        shows_users = principal is not None and principal.manages
        resp.set_header("Cache-Control", "no-store")
        resp.set_header("Vary", "Accept")
        if req.client_prefers((_HTML, _JSON)) == _HTML and req.accept != "*/*":
            resp.content_type = "text/html; charset=utf-8"
            resp.set_header("Content-Security-Policy", POLICY)
            links = self._links(page, limit, after, trail, scope)
            told = self._told(repository, Seen(folder, page.records, not after and not page.next))
            resp.text = render(
                Shown(repository.name, folder.segments, _entries(page), shows_users, links, told)
            )
        else:
            following = None if page.next is None else self._cursors.seal(page.next, *scope)
            resp.content_type = _JSON
            resp.text = _json(repository.name, folder, _entries(page), shows_users, following)

    def _told(self, repository: Repository, seen: Seen) -> Told | None:
        """What the repository's format tells of a folder; a raw one knows nothing of it."""
        if repository.format is Format.MAVEN:
            return self._coordinates.tell(repository, seen)
        return None

    def _asked(self, req: Request, scope: tuple[str, ...]) -> tuple[str, Trail]:
        """Where the page begins, and how its reader came to it. Raises InvalidCursor."""
        cursor, back = req.get_param("after"), req.get_param("back")
        after = self._cursors.open(cursor, *scope) if cursor else ""
        try:
            trail = Trail.parse(self._cursors.open(back, *scope, "back") if back else "")
        except InvalidCursor as error:
            raise InvalidField("back", str(error)) from error
        return after, trail

    def _links(
        self, page: Page, limit: int, after: str, trail: Trail, scope: tuple[str, ...]
    ) -> Links:
        """The queries of the pages around one that begins behind `after`."""

        def query(start: str, way: Trail) -> dict[str, str]:
            asked = {} if limit == MOST_ENTRIES else {"limit": str(limit)}
            if start:
                asked["after"] = self._cursors.seal(start, *scope)
            if way.starts:
                asked["back"] = self._cursors.seal(way.text(), *scope, "back")
            return asked

        return Links(
            first=query("", Trail()) if after else None,
            previous=query(trail.starts[-1], trail.back()) if after and trail.starts else None,
            following=None if page.next is None else query(page.next, trail.on(after)),
        )

    def _page(self, repository: Repository, folder: FolderPath, after: str, limit: int) -> Page:
        """A page of what is listed. It may be short; it is empty where nothing more is listed,
        or nothing was found within some thousands of folders that were emptied."""
        partition = keys.folder(repository.organization, repository.id, folder.key)
        page = _listed(self._recent.query(partition, "", after, limit), limit)
        for _ in range(_MOST_QUERIES - 1):
            if page.records or page.next is None:
                break
            page = _listed(self._recent.query(partition, "", page.next, MOST_ENTRIES), limit)
        return page


def _listed(page: Page, limit: int) -> Page:
    """The first entries of a page, without the folders that were emptied: they may have a
    record still."""
    listed = [
        record for record in page.records if not record.key.sort.endswith("/") or is_listed(record)
    ]
    following = page.next if len(listed) <= limit else listed[limit - 1].key.sort
    return Page(tuple(listed[:limit]), following)


def _entries(page: Page) -> Iterable[tuple[str, Outline | None]]:
    """The names of a page, each with the outline of its file; a folder has none."""
    return map(_entry, page.records)


def _entry(record: Record) -> tuple[str, Outline | None]:
    name = record.key.sort
    return name, None if name.endswith("/") else Outline.read(record)


def _json(
    repository: str,
    folder: FolderPath,
    entries: Iterable[tuple[str, Outline | None]],
    users: bool,
    following: str | None,
) -> str:
    """A page as JSON. The entries are written as text here: made to objects first, a thousand
    of them took more time than everything else that is done for a page."""
    return (
        f'{{"repository": {_encoded(repository)}, "path": {_encoded(str(folder))}, '
        f'"parent": {_encoded("../" if folder.segments else None)}, '
        f'"entries": [{", ".join(_json_entry(name, file, users) for name, file in entries)}], '
        f'"next": {_encoded(following)}}}\n'
    )


def _json_entry(name: str, file: Outline | None, users: bool) -> str:
    if file is None:
        return f'{{"name": {_encoded(name)}, "type": "folder"}}'
    user = f', "user": {_encoded(file.user)}' if users else ""
    return (
        f'{{"name": {_encoded(name)}, "type": "file", "size": {file.size}, '
        f'"sha256": "{file.sha256}", "modified": "{file.modified}"{user}}}'
    )
