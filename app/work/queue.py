"""The queue of jobs: which is next, and how many a user may have in it.

A place in the queue is a record under the time when its job is due, so whoever reads from the
head comes to what rests and stops. Of what is due, organizations have their turns: each
process remembers which of them it served last, and begins with whose turn is furthest back.
That costs no call, and however many jobs one of them has, another's first waits for no more
than the turns that are under way.
"""

import itertools
import threading
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from app.work.job import Job
from storage import keys
from storage.metadata import Delete, Key, Metadata, Operation, Put, Record

MOST_OPEN = 50  # of a user: what one asks for must not keep the others of the organization waiting


class TooManyJobs(Exception):
    """The user has as many jobs that have not ended as there may be."""

    def __init__(self, *, begun: bool) -> None:
        """`begun` tells that some of what was asked for is done."""
        super().__init__(
            f"You have {MOST_OPEN} jobs that have not ended: wait until some have, which GET"
            " /api/jobs tells, and ask again."
            + (" Only the first files of what you asked for were gone through." if begun else "")
        )


class Queue:
    """The places of the jobs of all organizations. Safe for many threads."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self._lock = threading.Lock()
        self._turns = itertools.count(1)
        self._last: dict[str, int] = {}  # the last turn of each organization in this process

    def due(self) -> Iterator[Record]:
        """The places that are due now: those of the organization whose turn is furthest back
        come first, and of one organization the oldest."""
        now = keys.time(self._metadata.now())
        places: dict[str, list[Record]] = defaultdict(list)
        for place in self._metadata.query_all(keys.JOBS):
            if place.key.sort > now:
                break  # this and what follows rests
            places[place.value["organization"]].append(place)
        for organization in sorted(places, key=lambda one: self._last.get(one, 0)):
            yield from places[organization]

    def begin_turn(self, organization: str) -> None:
        """Note that a job of the organization is worked on from now."""
        with self._lock:
            self._last[organization] = next(self._turns)

    def require_room(self, job: Job, *, begun: bool) -> None:
        """Return where the user of a job may have one more: one query, and none for what nobody
        asked for. Raises TooManyJobs.

        Those who ask at the same moment may come to a few more.
        """
        if job.actor.user is None:
            return
        partition = keys.open_jobs(job.organization)
        found = self._metadata.query(partition, f"{job.actor.user}/", limit=MOST_OPEN)
        if len(found.records) >= MOST_OPEN:
            raise TooManyJobs(begun=begun)


def entering(job: Job, due: datetime) -> tuple[Operation, ...]:
    """What gives a new job its place in the queue."""
    place = Put(keys.waiting_job(due, job.id), _place_of(job), absent=True)
    return (place, *(Put(note, {}, absent=True) for note in _notes(job)))


def moving(job: Job, place: Key, due: datetime) -> tuple[Operation, ...]:
    """What takes a job from its place to the one that it has by when it is due."""
    return (Delete(place), Put(keys.waiting_job(due, job.id), _place_of(job)))


def leaving(job: Job, place: Key) -> tuple[Operation, ...]:
    """What takes a job that has ended out of the queue."""
    return (Delete(place), *map(Delete, _notes(job)))


def _place_of(job: Job) -> dict[str, str]:
    return {"organization": job.organization}


def _notes(job: Job) -> tuple[Key, ...]:
    """That its user has it, where it has one."""
    user = job.actor.user
    return () if user is None else (keys.open_job(job.organization, user, job.id),)
