"""Jobs: small ones are done within the request, what takes longer is left to the workers.

A job that waits has a record in a queue of the installation; workers take from it whichever
nobody holds. A step's outcome, and where the next one goes on, is written at the version that
was read, so two workers that both take a job for theirs do not both record it.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from app.work.claims import Claim, ClaimLost, is_free
from app.work.job import KEPT, Job, State, new_id
from app.work.kind import Failed, Kind, Later, Step
from storage import keys
from storage.blobs import BlobError, BlobsFull, BlobsUnavailable, UploadBusy, UploadMemorySpent
from storage.events import Actor, Journal
from storage.metadata import (
    Check,
    Conflict,
    Delete,
    Metadata,
    MetadataError,
    Put,
    Record,
    StoreFull,
    Unavailable,
)

AT_ONCE = 1_000  # items, of which a request does as many itself
AT_ONCE_SECONDS = 10.0
TRIES = 8  # of a step that fails, an hour in all
_FIRST_REST = timedelta(seconds=15)
#: How long a job is worked on while others wait; then it goes behind them.
TURN_SECONDS = 30.0
#: What passes without anybody's help: a step that met it is tried again until it does.
_PASSING = (
    *(Later, Unavailable, Conflict, StoreFull),
    *(BlobsUnavailable, BlobsFull, UploadBusy, UploadMemorySpent),
)

_log = logging.getLogger(__name__)


class JobMissing(Exception):
    """There is no such job."""


class JobObserver(Protocol):
    """Who is told how jobs and duties end."""

    def work(self, what: str, outcome: str, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class JobPage:
    """Jobs, the newest first, and the id to go on behind."""

    jobs: tuple[Job, ...]
    next: str | None


class Jobs:
    """The jobs of all organizations. Safe for many threads."""

    def __init__(
        self,
        metadata: Metadata,
        journal: Journal,
        kinds: Iterable[Kind],
        observer: JobObserver | None = None,
        at_once: int = AT_ONCE,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metadata = metadata
        self._journal = journal
        self._kinds = {kind.name: kind for kind in kinds}
        self._observer = observer
        self._at_once = at_once
        self._seconds = seconds
        self.added = threading.Event()  # for the worker of this process, if it has one

    def start(
        self,
        kind: str,
        organization: str,
        actor: Actor,
        parameters: Mapping[str, Any],
        repository: str | None = None,
        *,
        left: bool = False,
    ) -> Job:
        """Do a job: at once where it is small, and else as far as a request may take; the
        job that is returned has ended, or waits for a worker. With `left` all of it is left
        to the workers.

        Raises Failed, and what the stores raise.
        """
        now = self._metadata.agreed_time()
        job = Job(
            organization=organization,
            id=new_id(now),
            kind=kind,
            actor=actor,
            created=now,
            updated=now,
            repository=repository,
            parameters=parameters,
        )
        items, began = 0, self._seconds()
        while not left and items < self._at_once and self._seconds() - began < AT_ONCE_SECONDS:
            step = self._kinds[kind].step(job)
            items += step.items
            job = _after(job, step, self._metadata.now())
            if job.ended:
                return job
        self._metadata.commit(
            Put(keys.job(organization, job.id), job.value(), absent=True),
            Put(keys.waiting_job(now, job.id), {"organization": organization}, absent=True),
            witness=self._journal.event(
                organization, actor, "job.create", job=job.id, kind=kind, repository=repository
            ),
        )
        self.added.set()
        return job

    def get(self, organization: str, job_id: str) -> Job:
        """A job as it is now. Raises JobMissing."""
        key = keys.job(organization, job_id)
        record = self._metadata.get(key).get(key)
        if record is None:
            raise JobMissing(job_id)
        return self._read(organization, record)

    def list(self, organization: str, after: str = "", limit: int = 100) -> JobPage:
        """A page of jobs and reports; it may be short."""
        page = self._metadata.query(keys.jobs(organization), "", after, limit)
        return JobPage(tuple(self._read(organization, one) for one in page.records), page.next)

    def report(self, job: Job) -> None:
        """Keep the report of a duty's run, which has ended."""
        self._metadata.commit(job.kept())

    def run_next(self, holder: str, stopping: Callable[[], bool]) -> bool:
        """Work on the oldest job that nobody holds, until it has ended or `stopping`.

        Whether there was one.
        """
        now = keys.time(self._metadata.now())
        for waiting in self._metadata.query_all(keys.JOBS):
            if waiting.key.sort > now:
                return False  # this and what follows rests
            organization = waiting.value["organization"]
            key = keys.job(organization, waiting.key.sort.rpartition("#")[2])
            found = self._metadata.get(key).get(key)
            if found is None:  # its organization was erased
                self._metadata.commit(Delete(waiting.key))
                continue
            if not is_free(found.value, self._metadata.now()):
                continue
            job = Job.read(organization, found)
            # Since the queue was read, it may have ended or gone behind the others.
            queued = Check(waiting.key, at=waiting.version)
            claim = Claim.take(self._metadata, key, found, job.value(), holder, queued)
            if claim is not None:
                with claim:
                    self._work(job, claim, waiting, stopping)
                return True
        return False

    def _work(self, job: Job, claim: Claim, waiting: Record, stopping: Callable[[], bool]) -> None:
        began = self._seconds()
        try:
            while not stopping() and self._seconds() - began < TURN_SECONDS:
                try:
                    after = _after(job, self._kinds[job.kind].step(job), self._metadata.now())
                except Failed as error:
                    after = _ended(job, State.FAILED, str(error), self._metadata.now())
                if after.ended:
                    self._end(after, claim, waiting, began)
                    return
                claim.save(after.value())
                job = after  # what was not recorded is done again
            self._release(job, claim, waiting, self._metadata.now())
        except ClaimLost:
            _log.warning("job %s was taken over by another worker", job.id)
        except Exception as error:  # noqa: BLE001 - logged, kept with the job, and tried again
            self._put_off(job, claim, waiting, began, error)

    def _end(self, job: Job, claim: Claim, waiting: Record, began: float) -> None:
        claim.release(
            job.value(),
            Delete(waiting.key),
            expires=job.updated + KEPT,
            witness=self._journal.event(
                job.organization,
                job.actor,
                f"job.{job.state.value}",
                job=job.id,
                kind=job.kind,
                repository=job.repository,
            ),
        )
        if self._observer is not None:
            self._observer.work(job.kind, job.state.value, self._seconds() - began)

    def _release(self, job: Job, claim: Claim, waiting: Record, due: datetime) -> None:
        """Give a job up until it is due, behind those that wait for longer."""
        claim.release(
            job.value(),
            Delete(waiting.key),
            Put(keys.waiting_job(due, job.id), {"organization": job.organization}),
        )

    def _put_off(
        self, job: Job, claim: Claim, waiting: Record, began: float, error: Exception
    ) -> None:
        """Leave a job whose step failed for later, or end it where that was often enough."""
        foreseen = isinstance(error, Later | BlobError | MetadataError)
        _log.log(
            logging.WARNING if foreseen else logging.ERROR,
            "job %s (%s) failed at its try %d: %s",
            job.id,
            job.kind,
            job.tries + 1,
            error,
            exc_info=None if foreseen else error,
        )
        now = self._metadata.now()
        job = replace(job, tries=job.tries + 1, updated=now)
        try:
            if job.tries < TRIES or isinstance(error, _PASSING):
                rest = _FIRST_REST * 2 ** min(job.tries - 1, TRIES)
                self._release(job, claim, waiting, now + rest)
                return
            text = "It failed here again and again; the operator can look it up by the job's id."
            self._end(_ended(job, State.FAILED, text, now), claim, waiting, began)
        except (ClaimLost, MetadataError) as again:
            _log.warning("job %s was left to the end of its claim: %s", job.id, again)

    def _read(self, organization: str, record: Record) -> Job:
        job = Job.read(organization, record)
        held = record.value.get("holder") is not None
        if not job.ended and held and not is_free(record.value, self._metadata.now()):
            return replace(job, state=State.RUNNING)
        return job


def _after(job: Job, step: Step, now: datetime) -> Job:
    """The job after a step of it."""
    counts = Counter(job.counts)
    counts.update(step.counts)
    return replace(
        job,
        position=step.position,
        counts=dict(counts),
        state=State.DONE if step.done else State.WAITING,
        result=step.result,
        updated=now,
        tries=0,
    )


def _ended(job: Job, state: State, error: str, now: datetime) -> Job:
    return replace(job, state=state, error=error, updated=now)
