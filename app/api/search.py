"""`/api/search`: files by name, digest, age and size, in what the caller may read."""

import re
from collections.abc import Sequence
from typing import Any

from falcon import Request, Response

from app.api.answers import Paging, scope_of, time_text
from app.api.reading import Fields
from app.repositories import FolderPath, InvalidName, RepositoryName
from app.repositories.names import SEGMENT_BYTES
from app.search import Found, Query, Search
from app.search.search import MOST_NAMES
from app.visitors import confirmed
from auth.errors import InvalidField
from auth.records import Listing
from middleware.declarations import Access
from storage.metadata.recent import Recent

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_BYTES = re.compile(r"[0-9]{1,15}", re.ASCII)


class SearchPage:
    """`GET /api/search`."""

    access = Access.SIGNED_IN

    def __init__(self, recent: Recent, search: Search, paging: Paging) -> None:
        self._recent = recent
        self._search = search
        self._paging = paging

    def on_get(self, req: Request, resp: Response) -> None:
        """Find files. A page may be short, even empty: only `next` says whether that is all."""
        principal = confirmed(req, self._recent)
        names, query = _names(req), _query(req)

        def read(after: str, limit: int) -> Listing[Found]:
            return self._search.find(principal, names, query, after, limit)

        def show(found: Sequence[Found]) -> list[dict[str, Any]]:
            return [_json(one, shows_users=principal.manages) for one in found]

        scope = scope_of(req, repr(query), *(["/"] if names is None else map(str, names)))
        resp.set_header("Cache-Control", "no-store")
        resp.media = self._paging.answer(req, "files", read, show, scope)


def _names(req: Request) -> list[RepositoryName] | None:
    """The repositories that are asked for, None for all."""
    text = req.get_param("repository")
    if text is None:
        return None
    texts = text.split(",")
    if len(texts) > MOST_NAMES:
        raise InvalidField("repository", f"may name at most {MOST_NAMES} repositories")
    try:
        return sorted({RepositoryName.parse(one) for one in texts})
    except InvalidName as error:
        raise InvalidField("repository", "names a repository that is not there") from error


def _query(req: Request) -> Query:
    fields = Fields(req.params)
    return Query(
        name=_name(fields),
        folder=_folder(fields),
        sha256=_sha256(fields),
        larger=_bytes(fields, "larger"),
        smaller=_bytes(fields, "smaller"),
        since=fields.moment("modified_since"),
        before=fields.moment("modified_before"),
    )


def _name(fields: Fields) -> str:
    name = fields.text("name") or ""
    if "/" in name:
        raise InvalidField("name", "is the beginning of a file's name, without a slash")
    if len(name.encode()) > SEGMENT_BYTES:
        raise InvalidField("name", f"takes at most {SEGMENT_BYTES} bytes")
    return name


def _folder(fields: Fields) -> FolderPath:
    text = fields.text("path") or ""
    try:
        return FolderPath.parse(text if text.endswith("/") or not text else f"{text}/")
    except InvalidName as error:
        raise InvalidField("path", f"is no folder: {error}") from error


def _sha256(fields: Fields) -> str | None:
    text = fields.text("sha256")
    if text is None:
        return None
    if not _SHA256.fullmatch(text.lower()):
        raise InvalidField("sha256", "has 64 hexadecimal digits")
    return text.lower()


def _bytes(fields: Fields, name: str) -> int | None:
    text = fields.text(name)
    if text is None:
        return None
    if not _BYTES.fullmatch(text):
        raise InvalidField(name, "must be a whole number of bytes, of at most 15 digits")
    return int(text)


def _json(found: Found, *, shows_users: bool) -> dict[str, Any]:
    artifact = found.artifact
    shown = {
        "repository": found.repository,
        "path": found.path,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "modified": time_text(artifact.modified),
    }
    return shown | {"user": artifact.user} if shows_users else shown
