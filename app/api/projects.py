"""`/api/repositories/NAME/projects`: the projects of a Python repository.

Who may read sees them. Who may read and write there yanks, restores and gives a status, as he
publishes; quarantine is for who may delete, too. Deleting is as it is by a file's address. None
of these tells anything to who may not read, but that his deletion found something.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any

from falcon import Request, Response

from app.api.answers import Paging, scope_of, time_text
from app.api.jobs import accept
from app.api.reading import Fields, read_fields
from app.publishing.removal import DELETE
from app.publishing.restoring import RESTORE
from app.python.changing import Changing
from app.python.documents import IndexFile, ProjectStatus, Status
from app.python.names import parse_project
from app.python.paths import files_of
from app.python.projects import Named, Projects, Release
from app.raw.terms import named
from app.repositories import (
    Catalogue,
    Door,
    Format,
    Opened,
    Repository,
    RepositoryName,
)
from app.visitors import actor_of, visitor_of
from app.work import Job, Jobs
from auth.errors import InvalidField
from auth.principals import Action
from auth.records import Listing
from middleware.declarations import by_method, on
from middleware.problems import Problem

REASON_CHARACTERS = 500
#: Line ends, what moves a cursor, and what turns the text around it to another direction.
_CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class ProjectPages:
    """`GET /api/repositories/NAME/projects`."""

    needs = by_method(GET=on(Action.READ))

    def __init__(self, door: Door, projects: Projects, paging: Paging) -> None:
        self._door = door
        self._projects = projects
        self._paging = paging

    def on_get(self, req: Request, resp: Response, name: str) -> None:
        """List the projects that have files; a page may be short."""
        repository = _readable(req, self._door, name)

        def read(after: str, limit: int) -> Listing[Named]:
            require_python(repository)
            return self._projects.page(repository, after, limit)

        scope = scope_of(req, repository.id)
        resp.media = self._paging.answer(req, "projects", read, _projects_json, scope)


class OneProject:
    """`GET`, `PATCH` and `DELETE /api/repositories/NAME/projects/PROJECT`."""

    needs = by_method(
        GET=on(Action.READ),
        PATCH=on(Action.WRITE),
        DELETE=on(Action.DELETE),
    )

    def __init__(
        self,
        door: Door,
        catalogue: Catalogue,
        projects: Projects,
        changing: Changing,
        jobs: Jobs,
        paging: Paging,
    ) -> None:
        self._door = door
        self._catalogue = catalogue
        self._projects = projects
        self._changing = changing
        self._jobs = jobs
        self._paging = paging

    def on_get(self, req: Request, resp: Response, name: str, project: str) -> None:
        """Show a project, with a page of its releases, the newest version first."""
        repository = _readable(req, self._door, name)
        shown: dict[str, Any] = {}

        def read(after: str, limit: int) -> Listing[Release]:
            require_python(repository)
            normalized = parse_project(project)
            state, page = self._projects.releases(repository, normalized, after, limit)
            shown.update(_project_json(Named(normalized, state.status)))
            return page

        scope = scope_of(req, repository.id, project)
        page = self._paging.answer(req, "releases", read, releases_json, scope)
        resp.media = shown | page

    def on_patch(self, req: Request, resp: Response, name: str, project: str) -> None:
        """Give it a status, with the reason that is sent or none."""
        opened = open_to_change(req, self._door, name, Action.WRITE)
        fields = read_fields(req)
        status = ProjectStatus(_status(fields), parse_reason(fields.text("reason")))
        fields.finish()
        require_python(opened.repository)
        normalized, by = parse_project(project), named(opened)
        self._changing.set_status(opened.repository, by, actor_of(req, by), normalized, status)
        resp.media = _project_json(Named(normalized, status))

    def on_delete(self, req: Request, resp: Response, name: str, project: str) -> None:
        """Delete all of its files: 200 with what was done, or 202 with a job."""
        opened = open_to_change(req, self._door, name, Action.DELETE)
        reason = parse_reason(req.get_param("reason"))
        job = _start(req, self._jobs, opened, DELETE, project, reason)
        if not job.ended:
            accept(resp, self._catalogue, job)
            return
        if not any(job.counts.values()):
            raise Problem(404, "Not Found", "There is no such project in this repository.")
        resp.media = dict(job.counts)


class ProjectRestore:
    """`POST /api/repositories/NAME/projects/PROJECT/restore`."""

    needs = by_method(POST=on(Action.WRITE))

    def __init__(self, door: Door, catalogue: Catalogue, jobs: Jobs) -> None:
        self._door = door
        self._catalogue = catalogue
        self._jobs = jobs

    def on_post(self, req: Request, resp: Response, name: str, project: str) -> None:
        """Bring back the newest version of each of its files that is not there."""
        opened = open_to_change(req, self._door, name, Action.WRITE)
        reason = said_reason(req)
        job = _start(req, self._jobs, opened, RESTORE, project, reason)
        if not job.ended:
            accept(resp, self._catalogue, job)
            return
        if not any(job.counts.values()):
            raise Problem(404, "Not Found", "No file of such a project can be restored.")
        resp.media = {**job.counts, **job.result}


def _readable(req: Request, door: Door, name: str) -> Repository:
    """A repository that the caller may read, by records read afresh."""
    visitor = visitor_of(req, key_required=False)
    return door.open(visitor, RepositoryName.parse(name), Action.READ).repository


def open_to_change(req: Request, door: Door, name: str, action: Action) -> Opened:
    """A repository to change something in it. Who does more than delete has to be a reader: the
    answers tell what is there."""
    visitor = visitor_of(req, key_required=False)
    opened = door.open(visitor, RepositoryName.parse(name), action)
    if action is not Action.DELETE:
        named(opened).require(opened.repository, Action.READ)
    return opened


def require_python(repository: Repository) -> None:
    if repository.format is not Format.PYTHON:
        raise Problem(
            404,
            "Not Found",
            f"Python repositories have projects, and {repository.name} is a {repository.format}"
            " repository.",
        )


def _start(
    req: Request, jobs: Jobs, opened: Opened, kind: str, project: str, reason: str | None
) -> Job:
    """Do a job with the folder of a project's files. Raises Failed and what jobs raise."""
    require_python(opened.repository)
    parameters = {"path": str(files_of(parse_project(project)))}
    if reason is not None:
        parameters["reason"] = reason
    repository, actor = opened.repository, actor_of(req, named(opened))
    return jobs.start(kind, repository.organization, actor, parameters, repository.id)


def _status(fields: Fields) -> Status:
    try:
        return Status(fields.required("status"))
    except ValueError as error:
        raise InvalidField("status", f"must be one of: {', '.join(Status)}") from error


def said_reason(req: Request) -> str | None:
    """The reason in a body, which may be left out. Raises InvalidField."""
    fields = read_fields(req, optional=True)
    reason = parse_reason(fields.text("reason"))
    fields.finish()
    return reason


def parse_reason(text: str | None) -> str | None:
    """A reason as it is kept and shown, None where there is none. Raises InvalidField."""
    if text is None:
        return None
    if len(text) > REASON_CHARACTERS:
        raise InvalidField("reason", f"must have at most {REASON_CHARACTERS} characters")
    if any(unicodedata.category(one) in _CONTROLS or one in _TURNS for one in text):
        raise InvalidField("reason", "must be one line, without control characters")
    return text.strip() or None


def _projects_json(projects: Sequence[Named]) -> list[dict[str, Any]]:
    return [_project_json(project) for project in projects]


def _project_json(project: Named) -> dict[str, Any]:
    return {
        "name": project.name,
        "status": project.status.status.value,
        "reason": project.status.reason,
    }


def releases_json(found: Sequence[Release]) -> list[dict[str, Any]]:
    return [
        {
            "version": str(release.version),
            "yanked": release.yanked,
            "reason": release.reason,
            "files": [file_json(file) for file in release.files],
        }
        for release in found
    ]


def file_json(file: IndexFile) -> dict[str, Any]:
    return {
        "filename": file.filename,
        "size": file.size,
        "sha256": file.sha256,
        "uploaded": time_text(file.uploaded),
        "yanked": file.yanked is not None,
        "reason": file.yanked or None,
    }
