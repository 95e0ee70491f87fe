"""Jobs that wait, as tests make them and look at them."""

from app.installation import Installation
from app.work import Job, Jobs, Kind
from storage import keys
from storage.events import Actor
from storage.metadata import Delete, Put, Record
from tests.work.conftest import ORG

ACTOR = Actor("user1", "key1", "request1")


def jobs_of(at: Installation, *kinds: Kind, at_once: int = 5) -> Jobs:
    return Jobs(at.metadata, at.journal, kinds, at_once=at_once)


def never() -> bool:
    return False


def queue(at: Installation) -> tuple[Record, ...]:
    return at.metadata.query(keys.JOBS).records


def record_of(at: Installation, job: Job) -> Record:
    key = keys.job(ORG, job.id)
    return at.metadata.get(key)[key]


def free(at: Installation, job: Job) -> None:
    """Let the claim or the rest of a job be over."""
    record = record_of(at, job)
    at.metadata.commit(Put(record.key, {**record.value, "until": None}, at=record.version))
    for waiting in queue(at):
        if waiting.key.sort.endswith(f"#{job.id}"):
            due = keys.waiting_job(job.created, job.id)
            put = [] if due == waiting.key else [Delete(waiting.key), Put(due, waiting.value)]
            if put:
                at.metadata.commit(*put)
