"""Jobs: small ones are done within the request, what takes longer is left to the workers.

A job that is not done in one step has a record, and a place in a queue of the installation.
Whoever works on it holds it: first the request that asked for it, so that a job whose request
is cut off goes on all the same, then whichever worker takes it. A step's outcome, and where
the next one goes on, is written at the version that was read, so two workers that both take a
job for theirs do not both record it.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from app.work.claims import LIFETIME, Claim, ClaimLost, is_free
from app.work.job import Job, State, new_id
from app.work.kind import Failed, Kind
from app.work.queue import Queue, entering
from app.work.turn import JobObserver, Tools, Turn, after
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import Check, ConditionFailed, Delete, Key, Metadata, Put, Record, Witness

AT_ONCE = 1_000  # items, of which a request does as many itself
AT_ONCE_SECONDS = 10.0
#: How long a job is worked on while others wait; then it goes behind them.
TURN_SECONDS = 30.0
_REQUEST = "the request"  # as a holder


class JobMissing(Exception):
    """There is no such job."""


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
        self._tools = Tools(
            metadata, journal, {kind.name: kind for kind in kinds}, observer, seconds
        )
        self._queue = Queue(metadata)
        self._at_once = at_once
        self._seconds = seconds
        self.added = Event()  # for the worker of this process, if it has one

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

        Raises Failed; TooManyJobs, where no more than its first step is done; and what the
        stores raise.
        """
        now, began = self._metadata.agreed_time(), self._seconds()
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

        def here(items: int) -> bool:
            """Whether the request goes on itself."""
            late = self._seconds() - began >= AT_ONCE_SECONDS
            return not left and items < self._at_once and not late

        if not here(0):
            return self._leave(job)
        step = self._tools.kinds[kind].step(job)
        job = after(job, step, self._metadata.now())
        if job.ended:
            return job
        # Nobody knew until now that it is not small: a look before would cost each small one.
        return self._go_on(job, step.items, here)

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

    def run_next(self, holder: str, stopping: Callable[[], bool]) -> Job | None:
        """Work on a job that nobody holds, until it has ended, its turn is over or `stopping`:
        the oldest that is due of the organization that was served longest ago.

        Returns it as it is then, None where there was none.
        """
        for place in self._queue.due():
            taken = self._take(place, holder)
            if taken is not None:
                self._queue.begin_turn(place.value["organization"])
                return self._work(*taken, place.key, stopping)
        return None

    def _take(self, place: Record, holder: str) -> tuple[Job, Claim] | None:
        """Claim the job that has a place in the queue; None where it can't be had."""
        organization = place.value["organization"]
        key = keys.job(organization, place.key.sort.rpartition("#")[2])
        found = self._metadata.get(key).get(key)
        if found is None:  # its organization was erased, or half of the job's commit was seen
            with suppress(ConditionFailed):
                self._metadata.commit(Delete(place.key, at=place.version), Check(key, absent=True))
            return None
        if not is_free(found.value, self._metadata.now()):
            return None
        job = Job.read(organization, found)
        # Since the queue was read, it may have ended or gone behind the others.
        queued = Check(place.key, at=place.version)
        claim = Claim.take(self._metadata, key, found, job.value(), holder, queued)
        return None if claim is None else (job, claim)

    def _work(self, job: Job, claim: Claim, place: Key, stopping: Callable[[], bool]) -> Job:
        ends = self._seconds() + TURN_SECONDS
        with claim:
            return Turn(self._tools, job, claim, place).work(
                lambda _: not stopping() and self._seconds() < ends
            )

    def _leave(self, job: Job) -> Job:
        """Leave all of a job to the workers."""
        self._queue.require_room(job, begun=False)
        self._metadata.commit(
            Put(keys.job(job.organization, job.id), job.value(), absent=True),
            *entering(job, job.created),
            witness=self._asked(job),
        )
        self.added.set()
        return job

    def _go_on(self, job: Job, items: int, here: Callable[[int], bool]) -> Job:
        """Do more of a job that is not small, as far as a request may; the rest is left.

        From here on it goes on in a worker if this process is killed: it is due there when
        the claim would be over.
        """
        self._queue.require_room(job, begun=True)
        due = self._metadata.now() + LIFETIME
        claim = Claim.take(
            self._metadata,
            keys.job(job.organization, job.id),
            None,
            job.value(),
            _REQUEST,
            *entering(job, due),
            witness=self._asked(job),
        )
        if claim is None:  # its id, half of it random, is there
            raise ClaimLost(job.id)
        with claim:
            turn = Turn(
                self._tools, job, claim, keys.waiting_job(due, job.id), kept=False, items=items
            )
            job = turn.work(here)
        if job.state is State.FAILED:
            raise Failed(job.error)
        if not job.ended:
            self.added.set()
        return job

    def _asked(self, job: Job) -> Witness:
        """The event that a job was asked for."""
        return self._journal.event(
            job.organization,
            job.actor,
            "job.create",
            job=job.id,
            kind=job.kind,
            repository=job.repository,
        )

    def _read(self, organization: str, record: Record) -> Job:
        job = Job.read(organization, record)
        held = record.value.get("holder") is not None
        if not job.ended and held and not is_free(record.value, self._metadata.now()):
            return replace(job, state=State.RUNNING)
        return job
