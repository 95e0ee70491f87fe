"""`…/projects/PROJECT/releases/VERSION` and `…/projects/PROJECT/files/FILENAME` of a Python
repository: yanked, deleted and restored, by who may do so with a project."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from falcon import Request, Response

from app.api.projects import (
    file_json,
    open_to_change,
    parse_reason,
    releases_json,
    require_python,
    said_reason,
)
from app.api.reading import read_fields
from app.publishing.bulk import size_of
from app.python.changing import Back, Changing, TooMany
from app.python.documents import IndexFile
from app.python.projects import Chosen, Projects, Release
from app.raw.terms import named
from app.repositories import Door, Opened
from app.visitors import actor_of
from auth.errors import InvalidField, Missing
from auth.principals import Action
from middleware.declarations import by_method, on
from middleware.problems import Problem


class _Files:
    """What the routes of a release and of a file share."""

    needs = by_method(
        PATCH=on(Action.WRITE),
        DELETE=on(Action.DELETE),
        POST=on(Action.WRITE),
    )

    def __init__(self, door: Door, projects: Projects, changing: Changing) -> None:
        self._door = door
        self._projects = projects
        self._changing = changing

    def _yank(
        self, req: Request, name: str, chosen: Callable[[], Chosen]
    ) -> tuple[Chosen, list[IndexFile]]:
        """Yank what is chosen, or not any more: as it is then."""
        opened = open_to_change(req, self._door, name, Action.WRITE)
        fields = read_fields(req)
        yanked = fields.flag("yanked")
        if yanked is None:
            raise InvalidField("yanked", "is missing: true or false")
        reason = parse_reason(fields.text("reason"))
        fields.finish()
        files, by = _chosen(opened, chosen), named(opened)
        with _bounded():
            self._changing.yank(opened.repository, actor_of(req, by), files, reason, yanked=yanked)
        return files, self._projects.chosen(opened.repository, files)

    def _delete(
        self, req: Request, resp: Response, name: str, chosen: Callable[[], Chosen]
    ) -> None:
        """Delete what is chosen."""
        opened = open_to_change(req, self._door, name, Action.DELETE)
        reason = parse_reason(req.get_param("reason"))
        files, by = _chosen(opened, chosen), named(opened)
        with _bounded():
            done = self._changing.delete(opened.repository, actor_of(req, by), files, reason)
        resp.media = {"deleted": len(done), "bytes": size_of(done), "left": 0}

    def _restore(
        self, req: Request, resp: Response, name: str, chosen: Callable[[], Chosen]
    ) -> None:
        """Bring back what is chosen."""
        opened = open_to_change(req, self._door, name, Action.WRITE)
        reason = said_reason(req)
        files, by = _chosen(opened, chosen), named(opened)
        with _bounded():
            back = self._changing.restore(opened.repository, actor_of(req, by), files, reason)
        resp.media = _back_json(back)


class OneRelease(_Files):
    """`PATCH` and `DELETE /api/repositories/NAME/projects/PROJECT/releases/VERSION`."""

    def on_patch(self, req: Request, resp: Response, name: str, project: str, version: str) -> None:
        """Yank its files, or have them not yanked any more."""
        chosen, files = self._yank(req, name, lambda: Chosen.release(project, version))
        if chosen.version is None or not files:  # they went in this moment
            raise Missing(chosen.what)
        (resp.media,) = releases_json([Release(chosen.version, tuple(files))])

    def on_delete(
        self, req: Request, resp: Response, name: str, project: str, version: str
    ) -> None:
        """Delete its files."""
        self._delete(req, resp, name, lambda: Chosen.release(project, version))


class OneDistribution(_Files):
    """`PATCH` and `DELETE /api/repositories/NAME/projects/PROJECT/files/FILENAME`."""

    def on_patch(
        self, req: Request, resp: Response, name: str, project: str, filename: str
    ) -> None:
        """Yank it, or have it not yanked any more."""
        chosen, files = self._yank(req, name, lambda: Chosen.file(project, filename))
        if not files:
            raise Missing(chosen.what)
        resp.media = file_json(files[0])

    def on_delete(
        self, req: Request, resp: Response, name: str, project: str, filename: str
    ) -> None:
        """Delete it."""
        self._delete(req, resp, name, lambda: Chosen.file(project, filename))


class ReleaseRestore(_Files):
    """`POST /api/repositories/NAME/projects/PROJECT/releases/VERSION/restore`."""

    def on_post(self, req: Request, resp: Response, name: str, project: str, version: str) -> None:
        """Bring back the newest version of each of its files that is not there."""
        self._restore(req, resp, name, lambda: Chosen.release(project, version))


class DistributionRestore(_Files):
    """`POST /api/repositories/NAME/projects/PROJECT/files/FILENAME/restore`."""

    def on_post(self, req: Request, resp: Response, name: str, project: str, filename: str) -> None:
        """Bring back its newest version."""
        self._restore(req, resp, name, lambda: Chosen.file(project, filename))


def _chosen(opened: Opened, parse: Callable[[], Chosen]) -> Chosen:
    """What is chosen, of a Python repository. Raises Problem, Refused, Missing."""
    require_python(opened.repository)
    return parse()


@contextmanager
def _bounded() -> Iterator[None]:
    """What is too much for a request is 409."""
    try:
        yield
    except TooMany as error:
        text = str(error)
        raise Problem(409, "Conflict", f"{text[0].upper()}{text[1:]}.") from error


def _back_json(back: Back) -> dict[str, Any]:
    return {
        "restored": len(back.restored),
        "replaced": 0,
        "deleted": 0,
        "left": back.left,
        "bytes": size_of(back.restored),
        "files": [{"path": str(one.place), "change": "restored"} for one in back.restored],
    }
