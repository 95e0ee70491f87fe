"""`DELETE` of a folder: everything in it, at once where that is little, else as a job."""

from falcon import HTTP_200, Request, Response

from app.api.jobs import accept
from app.api.reading import query_flag
from app.publishing.removal import DELETE
from app.raw.terms import named
from app.repositories import Catalogue, Door, FolderPath, RepositoryHidden, RepositoryName
from app.visitors import actor_of, visitor_of
from app.work import Failed, Jobs
from auth.errors import InvalidField
from auth.principals import Action
from middleware.problems import Problem

_CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_UNMODIFIED_SINCE")


class FolderDeletes:
    """Deletes folders."""

    def __init__(self, door: Door, jobs: Jobs, catalogue: Catalogue) -> None:
        self._door = door
        self._jobs = jobs
        self._catalogue = catalogue

    def answer(
        self,
        req: Request,
        resp: Response,
        name: RepositoryName,
        folder: FolderPath,
    ) -> None:
        """Delete what is in a folder now: 200 with what was done, or 202 with a job."""
        if not query_flag(req, "recursive"):
            raise InvalidField("recursive", "must be true: it deletes everything in this folder")
        if any(name in req.env for name in _CONDITIONS):
            # Obeyed they can't be, and a condition that is ignored costs files.
            raise Problem(400, "Bad Request", "A condition is for one file, not for a folder.")
        opened = self._door.open(visitor_of(req), name, Action.DELETE)
        try:
            job = self._jobs.start(
                DELETE,
                opened.repository.organization,
                actor_of(req, named(opened)),
                {"path": str(folder)},
                opened.repository.id,
            )
        except Failed as error:  # it was deleted since the door was opened
            raise RepositoryHidden(name.text) from error
        if not job.ended:
            accept(resp, self._catalogue, job)
            return
        if folder.segments and not any(job.counts.values()):
            raise Problem(404, "Not Found", "There is no such folder in this repository.")
        resp.status = HTTP_200
        resp.media = dict(job.counts)
