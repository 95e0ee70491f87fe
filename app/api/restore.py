"""What was deleted or overwritten: listed, brought back, and purged."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from falcon import Request, Response

from app.api.answers import Paging, repository_json, scope_of, time_text
from app.api.jobs import accept
from app.api.reading import Fields, query_flag, read_fields
from app.publishing.changes import Restorable
from app.publishing.purging import PURGE
from app.publishing.restoration import Restoration, Restorer
from app.publishing.restoring import MARGIN, RESTORE, RESTORE_TO
from app.publishing.walk import PIECE, Position, Walk, behind
from app.raw.terms import named
from app.repositories import (
    ArtifactPath,
    Catalogue,
    DeletedRepositories,
    DeletedRepository,
    Door,
    FolderPath,
    InvalidName,
    Opened,
    Repository,
    RepositoryExists,
    RepositoryHidden,
    RepositoryName,
)
from app.visitors import actor_of, authority_of, confirmed, visitor_of
from app.work import Job, Jobs
from auth.errors import InvalidField
from auth.principals import Action
from auth.records import Listing
from middleware.declarations import MANAGER, by_method, on
from middleware.problems import Problem
from storage.metadata import Metadata
from storage.metadata.recent import Recent

#: The earliest time moves on: what is told of it holds for so long.
_TOLD = timedelta(minutes=10)
_SECOND = timedelta(seconds=1)  # times are told without what is less
_NO_PATH = (
    "is missing: the file or folder that is to come back. A deleted repository whose name another"
    " has by now comes back with its 'id', which GET /api/deleted-repositories tells, and a 'name'"
    " that is free"
)
_NAME_TAKEN = (
    "There is a repository of that name. Send the 'id' of the deleted one, which GET"
    " /api/deleted-repositories tells, and with it a 'name' that is free: it comes back under that."
)


class Restore:
    """`POST /api/repositories/NAME/restore`: a file, a folder, a moment, or the repository."""

    needs = by_method(POST=on(Action.WRITE))  # a deleted repository: administrators alone

    def __init__(
        self,
        recent: Recent,
        door: Door,
        catalogue: Catalogue,
        deleted: DeletedRepositories,
        restorer: Restorer,
        jobs: Jobs,
    ) -> None:
        self._recent = recent
        self._door = door
        self._catalogue = catalogue
        self._deleted = deleted
        self._restorer = restorer
        self._jobs = jobs

    def on_post(self, req: Request, resp: Response, name: str) -> None:
        """Bring back what is asked for: 200 with what was done, or 202 with a job."""
        parsed = RepositoryName.parse(name)
        visitor = visitor_of(req, key_required=False)
        try:
            opened = self._door.open(visitor, parsed, Action.WRITE)
        except RepositoryHidden:
            if not confirmed(req, self._recent).manages:
                raise
            fields = read_fields(req)
            if fields.has("path") or fields.has("time"):  # in it, and it is not there
                raise
            self._restore_repository(req, resp, parsed, fields)
            return
        _require_reader(opened)
        fields = read_fields(req)
        if fields.has("id"):  # one that was deleted, and another has its name
            self._restore_repository(req, resp, parsed, fields)
        elif fields.has("time"):
            self._go_back(req, resp, opened, fields)
        else:
            self._restore_path(req, resp, opened, fields)

    def _restore_repository(
        self, req: Request, resp: Response, name: RepositoryName, fields: Fields
    ) -> None:
        authority = authority_of(req, confirmed(req, self._recent))
        authority.require_admin()
        repository_id, other = fields.text("id"), fields.text("name")
        fields.finish()
        try:
            to = None if other is None else RepositoryName.parse(other)
        except InvalidName as error:
            raise InvalidField("name", f"is no name for a repository: {error}") from error
        try:
            repository = self._deleted.restore(
                authority.organization, authority.actor, name, repository_id, to
            )
        except RepositoryExists as error:
            raise Problem(409, "Conflict", _NAME_TAKEN) from error
        resp.media = repository_json(repository)

    def _restore_path(self, req: Request, resp: Response, opened: Opened, fields: Fields) -> None:
        if not fields.has("path"):
            raise InvalidField("path", _NO_PATH)
        path, file = _path(fields.required("path"))
        if file is None:
            fields.finish()
            self._start(req, resp, opened, RESTORE, {"path": path})
            return
        version, overwrite = fields.text("version"), fields.flag("overwrite") or False
        fields.finish()
        if overwrite:
            named(opened).require(opened.repository, Action.DELETE)
        actor = actor_of(req, named(opened))
        resp.media = _restored(
            self._restorer.restore_file(
                opened.repository, file, actor, version, overwrite=overwrite
            )
        )

    def _go_back(self, req: Request, resp: Response, opened: Opened, fields: Fields) -> None:
        # It may delete files, and bring back others over what is there.
        named(opened).require(opened.repository, Action.DELETE)
        path, _ = _path(fields.text("path", "") or "")
        moment, dry_run = fields.moment("time"), fields.flag("dry_run") or False
        fields.finish()
        if moment is None:
            raise InvalidField("time", "must be a time such as 2027-01-31T12:00:00Z")
        repository, now = opened.repository, self._recent.metadata.now()
        if moment > now:
            raise InvalidField("time", "must not lie ahead")
        _require_whole(repository, moment, now)
        parameters = {"path": path, "time": moment.isoformat(), "dry_run": dry_run}
        self._start(req, resp, opened, RESTORE_TO, parameters)

    def _start(
        self, req: Request, resp: Response, opened: Opened, kind: str, parameters: dict[str, Any]
    ) -> None:
        repository = opened.repository
        actor = actor_of(req, named(opened))
        job = self._jobs.start(kind, repository.organization, actor, parameters, repository.id)
        answer(resp, self._catalogue, job)


class Purge:
    """`POST /api/repositories/NAME/purge`: what it names can't be restored any more."""

    needs = by_method(POST=on(Action.ADMIN))

    def __init__(self, door: Door, catalogue: Catalogue, jobs: Jobs) -> None:
        self._door = door
        self._catalogue = catalogue
        self._jobs = jobs

    def on_post(self, req: Request, resp: Response, name: str) -> None:
        """Purge all restorable versions of a file, or of everything in a folder."""
        visitor = visitor_of(req, key_required=False)
        opened = self._door.open(visitor, RepositoryName.parse(name), Action.ADMIN)
        fields = read_fields(req)
        path, file = _path(fields.required("path"))
        recursive = fields.flag("recursive") or False
        fields.finish()
        if file is None and not recursive:
            raise InvalidField("recursive", "must be true to purge all that was in a folder")
        repository, actor = opened.repository, actor_of(req, named(opened))
        job = self._jobs.start(PURGE, repository.organization, actor, {"path": path}, repository.id)
        answer(resp, self._catalogue, job)


class Deleted:
    """`GET /api/repositories/NAME/deleted`: the files that can be restored."""

    needs = by_method(GET=on(Action.WRITE))

    def __init__(self, metadata: Metadata, door: Door, paging: Paging) -> None:
        self._metadata = metadata
        self._door = door
        self._paging = paging

    def on_get(self, req: Request, resp: Response, name: str) -> None:
        """List restorable versions of a file, or of the files of a folder; a page may be short."""
        visitor = visitor_of(req, key_required=False)
        opened = self._door.open(visitor, RepositoryName.parse(name), Action.WRITE)
        _require_reader(opened)
        path, file = _path(req.get_param("path", default=""))
        recursive = query_flag(req, "recursive")
        folder = FolderPath.parse(path) if file is None else file.folder
        walk = Walk(
            self._metadata,
            opened.repository,
            folder,
            None if file is None else file.name,
            kept=True,
            deep=recursive,
        )
        shows_users = named(opened).manages

        def read(after: str, limit: int) -> Listing[Restorable]:
            return self._page(walk, after, limit)

        def show(found: Sequence[Restorable]) -> list[dict[str, Any]]:
            return [_restorable_json(one, shows_users) for one in found]

        scope = scope_of(req, opened.repository.id, path, str(recursive))
        resp.media = self._paging.answer(req, "deleted", read, show, scope)

    def _page(self, walk: Walk, after: str, limit: int) -> Listing[Restorable]:
        found: list[Restorable] = []
        now = self._metadata.now()
        position: Position = {}
        for number, stop in enumerate(walk.stops(json.loads(after) if after else {})):
            for record in stop.kept:
                if len(found) == limit:
                    return Listing(tuple(found), json.dumps(position))
                restorable, position = Restorable.read(record), behind(stop, record)
                if restorable.until > now:
                    found.append(restorable)
            if stop.position is not None and number + 1 >= PIECE:
                return Listing(tuple(found), json.dumps(stop.position))
        return Listing(tuple(found), None)


class DeletedRepositoryPages:
    """`GET /api/deleted-repositories`."""

    needs = by_method(GET=MANAGER)

    def __init__(self, recent: Recent, deleted: DeletedRepositories, paging: Paging) -> None:
        self._recent = recent
        self._deleted = deleted
        self._paging = paging

    def on_get(self, req: Request, resp: Response) -> None:
        """List the repositories that can be restored."""
        authority = authority_of(req, confirmed(req, self._recent))

        def read(after: str, limit: int) -> Listing[DeletedRepository]:
            found: list[DeletedRepository] = []
            for one in self._deleted.list(authority.organization, after):
                if len(found) == limit:
                    return Listing(tuple(found), found[-1].key.sort)
                found.append(one)
            return Listing(tuple(found), None)

        resp.media = self._paging.answer(req, "repositories", read, _deleted_json, scope_of(req))


def answer(resp: Response, catalogue: Catalogue, job: Job) -> None:
    """Answer with what a job did, or where it goes on."""
    if job.ended:
        resp.media = {**job.counts, **job.result}
    else:
        accept(resp, catalogue, job)


def _require_reader(opened: Opened) -> None:
    """Who may write and not read is told nothing of what is there, or was. Raises Forbidden."""
    named(opened).require(opened.repository, Action.READ)


def _require_whole(repository: Repository, moment: datetime, now: datetime) -> None:
    """Return where a job that begins soon can go back to a moment. Raises InvalidField."""
    if moment >= repository.goes_back_to(now + MARGIN):
        return
    earliest = repository.goes_back_to(now + MARGIN + _TOLD)
    if earliest > now:
        raise InvalidField(
            "time", "can't be gone back to: what was deleted until now is not kept (restore_days)"
        )
    raise InvalidField(
        "time",
        f"must not lie before {time_text(earliest + _SECOND)}: not all that was there earlier can"
        " be restored any more. Files and folders can, by their path",
    )


def _path(text: str) -> tuple[str, ArtifactPath | None]:
    """A path as jobs take it, and the file that it means, None where it means a folder."""
    try:
        if not text or text.endswith("/"):
            return str(FolderPath.parse(text)), None
        file = ArtifactPath.parse(text)
        return str(file), file
    except InvalidName as error:
        raise InvalidField("path", f"is no path: {error}") from error


def _restored(done: Restoration) -> dict[str, Any]:
    replaced = done.current is not None
    return {
        "restored": int(not replaced),
        "replaced": int(replaced),
        "deleted": 0,
        "left": 0,
        "bytes": done.artifact.size,
        "files": [{"path": str(done.place), "change": "replaced" if replaced else "restored"}],
    }


def _restorable_json(restorable: Restorable, shows_users: bool) -> dict[str, Any]:
    described = {
        "path": str(restorable.path),
        "version": restorable.id,
        "size": restorable.artifact.size,
        "sha256": restorable.artifact.sha256,
        "deleted": time_text(restorable.deleted),
        "until": time_text(restorable.until),
    }
    if shows_users:
        described["user"] = restorable.user
    return described


def _deleted_json(found: Sequence[DeletedRepository]) -> list[dict[str, Any]]:
    return [
        {
            **repository_json(one.repository),
            "id": one.repository.id,
            "deleted": time_text(one.deleted),
            "until": time_text(one.until),
            "user": one.user,
        }
        for one in found
    ]
