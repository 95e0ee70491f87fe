"""The PUT that makes an upload a file: at once, or by a job where that takes long.

Putting the parts of a large file together takes S3 up to minutes, and reading it back for its
digests as long as reading it. No answer may be silent for so long.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from falcon import HTTP_200, HTTP_201, Response

from app.api.jobs import accept
from app.publishing import Expectations, Publication
from app.publishing.session import Session
from app.publishing.sessions import Sessions
from app.publishing.sessions_completion import Completion, TakesLong
from app.publishing.sessions_left import COMPLETE
from app.raw.terms import description
from app.repositories import Catalogue
from app.work import Job, Jobs
from storage.metadata import Key, Record

#: Read back in 20 s at 100 MB/s, which a busy machine still does.
AT_ONCE_BYTES = 2 * 1024**3
AT_ONCE = timedelta(seconds=20)  # where it is not: then a job begins anew


class UploadEnds:
    """Ends uploads.

    Attributes:
        at_once_bytes: What is larger is left to a job.
        at_once: So is what takes longer to read back.
    """

    def __init__(
        self, sessions: Sessions, completion: Completion, jobs: Jobs, catalogue: Catalogue
    ) -> None:
        self.at_once_bytes = AT_ONCE_BYTES
        self.at_once = AT_ONCE
        self._sessions = sessions
        self._completion = completion
        self._jobs = jobs
        self._catalogue = catalogue

    def answer(
        self,
        resp: Response,
        session: Session,
        publication: Publication,
        records: Mapping[Key, Record],
    ) -> None:
        """Answer 201 or 200 with the file, or 202 with the job that makes it.

        Raises what `Completion.complete` does.
        """
        job = self._under_way(session)
        if job is None and session.result is None and (session.length or 0) > self.at_once_bytes:
            job = self._leave(session, publication, records)
        if job is not None:
            accept(resp, self._catalogue, job)
            return
        try:
            published = self._completion.complete(session, publication, records, self.at_once)
        except TakesLong as long:
            accept(resp, self._catalogue, self._leave(long.session, publication, records))
            return
        resp.status = HTTP_201 if published.created else HTTP_200
        resp.set_header("ETag", published.artifact.etag)
        resp.media = description(publication.place.path, published.artifact)

    def _under_way(self, session: Session) -> Job | None:
        """The job that was asked for before, as long as it has not ended."""
        if session.job is None or session.result is not None:
            return None
        job = self._jobs.get(session.organization, session.job)
        return None if job.ended else job

    def _leave(
        self, session: Session, publication: Publication, records: Mapping[Key, Record]
    ) -> Job:
        prepared = self._completion.prepare(session, publication, records)
        session = self._sessions.restate(
            replace(
                session,
                expectations=Expectations(prepared.expectations.digests),
                precondition=prepared.precondition,
            )
        )
        job = self._jobs.start(
            COMPLETE,
            session.organization,
            publication.actor,
            {"path": session.path, "upload": session.id},
            session.repository,
            left=True,
        )
        self._sessions.note_job(session, job.id)
        return job
