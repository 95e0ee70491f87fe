"""`/api/audit`: what happened in an organization, for its administrators."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from falcon import Request, Response

from app.api.answers import Paging, scope_of
from app.api.reading import query_moment
from app.audit import Filter, Range, Trail, is_action
from app.repositories import Catalogue, InvalidName, RepositoryMissing, RepositoryName
from app.visitors import confirmed
from auth.errors import InvalidField
from auth.records import Listing
from middleware.declarations import MANAGER, by_method
from storage.events import Event
from storage.metadata.recent import Recent

JSON_LINES = "application/x-ndjson"
_MOST_CHARACTERS = 2_000
_REPOSITORY_ID = re.compile(r"[0-9a-f]{16}")


class Audit:
    """`GET /api/audit`."""

    needs = by_method(GET=MANAGER)

    def __init__(self, recent: Recent, trail: Trail, catalogue: Catalogue, paging: Paging) -> None:
        self._recent = recent
        self._trail = trail
        self._catalogue = catalogue
        self._paging = paging

    def on_get(self, req: Request, resp: Response) -> None:
        """A page of events, the newest first; or all of a range as lines, in order of time."""
        organization = confirmed(req, self._recent).organization
        lines = _wants_lines(req)
        range_ = self._range(req, organization, newest_first=not lines)
        if lines:
            for name in ("limit", "after"):
                if req.get_param(name) is not None:
                    raise InvalidField(name, "is for pages: JSON lines are all of a range")
            resp.content_type = JSON_LINES
            resp.set_header("Content-Disposition", 'attachment; filename="audit.jsonl"')
            resp.stream = _begun(self._trail.lines(organization, range_))
            return

        def read(after: str, limit: int) -> Listing[Event]:
            return self._trail.page(organization, range_, after, limit)

        def show(events: Sequence[Event]) -> list[dict[str, Any]]:
            return self._trail.show(organization, events)

        bounds = (range_.since, range_.until, range_.newest_first)
        scope = scope_of(req, *map(str, bounds), *range_.wanted.parts())
        resp.media = self._paging.answer(req, "events", read, show, scope)

    def _range(self, req: Request, organization: str, *, newest_first: bool) -> Range:
        order = req.get_param("order", default="newest" if newest_first else "oldest")
        if order not in ("newest", "oldest"):
            raise InvalidField("order", "must be newest or oldest")
        action = _text(req, "action")
        if action is not None and not is_action(action):
            raise InvalidField("action", "is an action such as key.create, or key.* for several")
        repository = _text(req, "repository")
        wanted = Filter(
            action=action,
            user=_id_text(req, "user"),
            credential=_text(req, "credential"),
            request=_text(req, "request"),
            repository=None if repository is None else self._id(organization, repository),
            path=_text(req, "path"),
            subject=_id_text(req, "subject"),
        )
        return Range(
            query_moment(req, "since"), query_moment(req, "until"), wanted, order == "newest"
        )

    def _id(self, organization: str, text: str) -> str:
        """The id of a repository by its name; or the id itself, of one that is gone."""
        try:
            return repository_id(self._catalogue, organization, text)
        except RepositoryMissing as error:
            trouble = "names a repository that is not there: of one that is gone, give the id"
            raise InvalidField("repository", trouble) from error


def repository_id(catalogue: Catalogue, organization: str, text: str) -> str:
    """The id of a repository that is named by its name, or by its id, as it is where it is gone.

    Raises RepositoryMissing.
    """
    try:
        name = RepositoryName.parse(text)
    except InvalidName as error:
        raise RepositoryMissing(text) from error
    found = catalogue.named(organization, [name]).get(name)
    if found is not None:
        return found.id
    if _REPOSITORY_ID.fullmatch(text):
        return text
    raise RepositoryMissing(text)


def _wants_lines(req: Request) -> bool:
    form = req.get_param("format")
    if form not in (None, "json", "jsonl"):
        raise InvalidField("format", "must be json or jsonl")
    if form is not None:
        return form == "jsonl"
    types = [part.partition(";")[0].strip().lower() for part in (req.accept or "").split(",")]
    return JSON_LINES in types


def _id_text(req: Request, name: str) -> str | None:
    """An id. An address would find nothing, which reads as if nothing had been done."""
    text = _text(req, name)
    if text is not None and "@" in text:
        raise InvalidField(name, "is an id: GET /api/users tells that of an address")
    return text


def _text(req: Request, name: str) -> str | None:
    text = req.get_param(name)
    if text is not None and not 1 <= len(text) <= _MOST_CHARACTERS:
        raise InvalidField(name, f"must have 1 to {_MOST_CHARACTERS} characters")
    return text


def _begun(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Lines of which the first were read: where that fails, the answer can still say so.

    Behind them a failure is a body that is cut.
    """
    first = next(lines, b"")

    def all_() -> Iterator[bytes]:
        yield first
        yield from lines

    return all_()
