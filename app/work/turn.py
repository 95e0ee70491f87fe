"""A turn at a job: steps of it, each recorded, until it has ended or others are to have theirs.

Whoever has a claim on a job has the turn: a worker, or the request that asked for it.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from app.work.claims import Claim, ClaimLost
from app.work.job import KEPT, Job, State
from app.work.kind import Failed, Kind, Later, Step
from app.work.queue import leaving, moving
from auth.errors import Missing, Suspended
from auth.records import read_organization
from auth.standing import Standing
from storage import keys
from storage.blobs import BlobError, BlobsFull, BlobsUnavailable, UploadBusy, UploadMemorySpent
from storage.events import Journal
from storage.metadata import Conflict, Key, Metadata, MetadataError, StoreFull, Unavailable

TRIES = 8  # of a step that fails, an hour in all
_FIRST_REST = timedelta(seconds=15)
#: How long a job rests whose organization is not served; then it is looked at again.
UNSERVED_REST = timedelta(hours=1)
#: What passes without anybody's help: a step that met it is tried again until it does.
_PASSING = (
    *(Later, Unavailable, Conflict, StoreFull),
    *(BlobsUnavailable, BlobsFull, UploadBusy, UploadMemorySpent),
)

_log = logging.getLogger(__name__)


class JobObserver(Protocol):
    """Who is told how jobs and duties end."""

    def work(self, what: str, outcome: str, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What every turn needs. `seconds` is a clock that never goes back."""

    metadata: Metadata
    journal: Journal
    kinds: Mapping[str, Kind]
    observer: JobObserver | None = None
    seconds: Callable[[], float] = time.monotonic


class Turn:
    """One turn at a job, by who has claimed it.

    `place` is where the job stands in the queue. A job that ends is `kept` for who asks what
    became of it, or leaves no record where the request that asked for it is answered with
    that. `items` are those that were done before.
    """

    def __init__(
        self, tools: Tools, job: Job, claim: Claim, place: Key, *, kept: bool = True, items: int = 0
    ) -> None:
        self._tools = tools
        self._metadata = tools.metadata
        self._job = job
        self._claim = claim
        self._place = place
        self._kept = kept
        self._items = items
        self._began = tools.seconds()
        self._standing: Standing | None = None

    def work(self, go_on: Callable[[int], bool]) -> Job:
        """Do steps as long as `go_on` says so of the items that are done; then give it up.

        Returns the job as it was recorded last, here: it has ended, or waits.
        """
        try:
            self._do_steps(go_on)
        except ClaimLost:
            _log.warning("job %s was taken over by another worker", self._job.id)
        except Exception as error:  # noqa: BLE001 - logged, kept with the job, and tried again
            self._put_off(error)
        return self._job

    def _do_steps(self, go_on: Callable[[int], bool]) -> None:
        while go_on(self._items):
            if self._rests():
                self._release(self._job, self._metadata.now() + UNSERVED_REST)
                return
            after = self._step()
            if after.ended:
                self._end(after)
                return
            self._claim.save(after.value())
            self._job = after  # what was not recorded is done again
        self._release(self._job, self._metadata.now())

    def _rests(self) -> bool:
        """Whether the job has to wait until its organization is served again.

        Of one that is deleted nothing is done. Of one that is suspended, what its people asked
        for goes on, and what the service does by itself does not.
        """
        try:
            if self._standing is None:
                self._standing = self._find_standing()
            self._standing.check(self._metadata.get(self._standing.key))
        except Missing:
            return True
        except Suspended:
            return self._job.actor.user is None
        return False

    def _find_standing(self) -> Standing:
        """Where it is said whether the organization is served. Raises Missing."""
        key = keys.organization(self._job.organization)
        record = self._metadata.get(key).get(key)
        if record is None:
            raise Missing("organization")
        name = read_organization(record).name
        return Standing(self._job.organization, keys.organization_by_name(name))

    def _step(self) -> Job:
        try:
            step = self._tools.kinds[self._job.kind].step(self._job)
        except Failed as error:
            return _failed(self._job, str(error), self._metadata.now())
        self._items += step.items
        return after(self._job, step, self._metadata.now())

    def _end(self, job: Job) -> None:
        gone = leaving(job, self._place)
        told = self._tools.journal.event(
            job.organization,
            job.actor,
            f"job.{job.state.value}",
            job=job.id,
            kind=job.kind,
            repository=job.repository,
        )
        if self._kept:
            self._claim.release(job.value(), *gone, expires=job.updated + KEPT, witness=told)
        else:
            self._claim.drop(*gone, witness=told)
        self._job = job
        if self._tools.observer is not None:
            took = self._tools.seconds() - self._began
            self._tools.observer.work(job.kind, job.state.value, took)

    def _release(self, job: Job, due: datetime) -> None:
        """Give the job up until it is due, behind those that wait for longer."""
        self._claim.release(job.value(), *moving(job, self._place, due))
        self._job = job

    def _put_off(self, error: Exception) -> None:
        """Leave a job whose step failed for later, or end it where that was often enough."""
        foreseen = isinstance(error, Later | BlobError | MetadataError)
        tries = self._job.tries + 1
        _log.log(
            logging.WARNING if foreseen else logging.ERROR,
            "job %s (%s) failed at its try %d: %s",
            self._job.id,
            self._job.kind,
            tries,
            error,
            exc_info=None if foreseen else error,
        )
        now = self._metadata.now()
        job = replace(self._job, tries=tries, updated=now)
        try:
            if tries < TRIES or isinstance(error, _PASSING):
                self._release(job, now + _FIRST_REST * 2 ** min(tries - 1, TRIES))
                return
            text = "It failed here again and again; the operator can look it up by the job's id."
            self._end(_failed(job, text, now))
        except (ClaimLost, MetadataError) as again:
            _log.warning("job %s was left to the end of its claim: %s", job.id, again)


def after(job: Job, step: Step, now: datetime) -> Job:
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


def _failed(job: Job, error: str, now: datetime) -> Job:
    return replace(job, state=State.FAILED, error=error, updated=now)
