"""`/api/search`: files by name, coordinates, project, digest, age and size, in what the caller may
read."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from falcon import Request, Response

from app.api.answers import Paging, scope_of, time_text
from app.api.reading import Fields
from app.repositories import FolderPath, InvalidName, RepositoryName
from app.search import (
    DIGITS,
    Coordinates,
    Digest,
    Found,
    InvalidCondition,
    Query,
    Release,
    Search,
    parse_artifact,
    parse_classifier,
    parse_extension,
    parse_group,
    parse_name,
    parse_release_project,
    parse_release_version,
    parse_version,
    read_typed,
)
from app.search.search import MOST_NAMES
from app.visitors import confirmed
from auth.errors import InvalidField
from auth.records import Listing
from middleware.declarations import MEMBER, by_method
from storage.metadata.recent import Recent

Condition = TypeVar("Condition")

_BYTES = re.compile(r"[0-9]{1,15}", re.ASCII)
_PARTS = ("g", "a", "v", "c", "e")  # of coordinates
_RELEASE = ("project", "version")


class SearchPage:
    """`GET /api/search`."""

    needs = by_method(GET=MEMBER)

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
    return replace(
        _typed(fields) or _by_fields(fields),
        folder=_folder(fields),
        larger=_bytes(fields, "larger"),
        smaller=_bytes(fields, "smaller"),
        since=fields.moment("modified_since"),
        before=fields.moment("modified_before"),
    )


def _typed(fields: Fields) -> Query | None:
    """What was typed into one field, None where nothing was."""
    typed = _condition(fields, "q", read_typed)
    if typed is not None:
        for name in ("name", *DIGITS, *_PARTS, *_RELEASE):
            if fields.has(name):
                raise InvalidField("q", f"says all of what is looked for: leave out '{name}'")
    return typed


def _by_fields(fields: Fields) -> Query:
    return Query(
        name=_condition(fields, "name", parse_name) or "",
        digest=_digest(fields),
        coordinates=_coordinates(fields),
        release=_release(fields),
    )


def _digest(fields: Fields) -> Digest | None:
    given = [name for name in DIGITS if fields.has(name)]
    if len(given) > 1:
        raise InvalidField(given[1], f"goes not with '{given[0]}': one digest tells a file")
    return _condition(fields, given[0], partial(Digest.parse, given[0])) if given else None


def _coordinates(fields: Fields) -> Coordinates | None:
    coordinates = Coordinates(
        group=_condition(fields, "g", parse_group),
        artifact=_condition(fields, "a", parse_artifact),
        version=_condition(fields, "v", parse_version),
        classifier=_condition(fields, "c", parse_classifier),
        extension=_condition(fields, "e", parse_extension),
    )
    given = [name for name in _PARTS if fields.has(name)]
    if given and not {"g", "a"}.intersection(given):
        raise InvalidField(given[0], "needs a group (g) or an artifactId (a)")
    return coordinates if given else None


def _release(fields: Fields) -> Release | None:
    project = _condition(fields, "project", parse_release_project)
    version = _condition(fields, "version", parse_release_version)
    if project is None:
        if version is not None:
            raise InvalidField(
                "version", "needs a 'project'; 'v' is that of a file of a Maven repository"
            )
        return None
    for name in _PARTS:
        if fields.has(name):
            raise InvalidField("project", f"finds Python files, and '{name}' files of Maven's")
    return Release(project, version)


def _condition(fields: Fields, name: str, parse: Callable[[str], Condition]) -> Condition | None:
    text = fields.text(name)
    try:
        return None if text is None else parse(text)
    except InvalidCondition as error:
        raise InvalidField(name, str(error)) from error


def _folder(fields: Fields) -> FolderPath:
    text = fields.text("path") or ""
    try:
        return FolderPath.parse(text if text.endswith("/") or not text else f"{text}/")
    except InvalidName as error:
        raise InvalidField("path", f"is no folder: {error}") from error


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
    if found.maven is not None:
        shown["coordinates"] = {
            "group": found.maven.group,
            "artifact": found.maven.artifact,
            "version": found.maven.version,
            "classifier": found.maven.classifier or None,
            "extension": found.maven.extension,
        }
    if found.python is not None:
        shown["python"] = {"project": found.python.project, "version": found.python.shown}
    return shown | {"user": artifact.user} if shows_users else shown
