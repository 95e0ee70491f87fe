"""Completes uploads that take longer than a request may: the kind of job that does it."""

from app.publishing.errors import ArtifactExists, DigestMismatch, PreconditionFailed
from app.publishing.place import Place
from app.publishing.publication import Publication
from app.publishing.removal import repository_of
from app.publishing.session import SessionBroken, SessionConflict, SessionMissing
from app.publishing.sessions import Sessions, Ticket, session_keys
from app.publishing.sessions_completion import Completion
from app.repositories import ArtifactPath, Catalogue, Refused, RepositoryMissing
from app.usage import QuotaExceeded
from app.work.job import Job
from app.work.kind import Failed, Later, Step
from storage.metadata import Metadata

COMPLETE = "upload"


class UploadCompletion:
    """The kind of job that makes an upload a file.

    It is one step: what a step left behind is found by the next try, and a digest that was
    begun can't be handed on. `parameters` hold the `path` of the file and the `upload`'s id;
    what is expected of it lies with the session.
    """

    name = COMPLETE

    def __init__(
        self,
        metadata: Metadata,
        catalogue: Catalogue,
        sessions: Sessions,
        completion: Completion,
    ) -> None:
        self._metadata = metadata
        self._catalogue = catalogue
        self._sessions = sessions
        self._completion = completion

    def step(self, job: Job) -> Step:
        """Complete it. Raises Failed; then either it is over, or it can be asked for again."""
        path = ArtifactPath.parse(job.parameters["path"])
        place = Place.at(repository_of(job, self._catalogue), path)
        ticket = Ticket(job.parameters["upload"], place, job.actor.user or "")
        wanted = session_keys(place.organization, ticket.id)
        records = self._metadata.get(*wanted, *place.keys())
        try:
            session = self._sessions.find(ticket, records)
            if session.result is None:
                session = self._sessions.wait_for(session, job.id)
            published = self._completion.complete(session, Publication(place, job.actor), records)
        except SessionMissing as error:
            raise Failed("The upload is over: it was dropped, or its time has passed.") from error
        except RepositoryMissing as error:
            raise Failed("The repository was deleted before this was done.") from error
        except SessionConflict as error:
            # Somebody else is at it: another worker, or a client who asked again.
            raise Later(str(error)) from error
        except (
            SessionBroken,
            DigestMismatch,
            PreconditionFailed,
            ArtifactExists,
            QuotaExceeded,
            Refused,
        ) as error:
            raise Failed(_told(error)) from error
        artifact = published.artifact
        result = {"created": published.created, "size": artifact.size, "sha256": artifact.sha256}
        return Step(
            position={}, counts={"files": 1, "bytes": artifact.size}, done=True, result=result
        )


def _told(error: Exception) -> str:
    if isinstance(error, ArtifactExists):
        return "There are other bytes under this path, and overwriting is not allowed."
    text = str(error)
    if isinstance(error, Refused):  # it begins with what it is about
        return f"{text}."
    return f"{text[:1].upper()}{text[1:]}."
