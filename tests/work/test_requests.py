"""Jobs in a request: what is not small is recorded before it goes on, and bounded by user."""

from dataclasses import replace

import pytest

from app.installation import Installation
from app.work import Failed, Job, Jobs, State, TooManyJobs
from app.work.queue import MOST_OPEN
from storage import keys
from storage.events import SYSTEM, Feed
from storage.metadata import Unavailable
from tests.work.conftest import ORG
from tests.work.kinds import Counting
from tests.work.waiting import ACTOR, free, jobs_of, never, queue


class Killed(BaseException):
    """The end of the process."""


def raising(error: BaseException, when: int, kind: Counting) -> None:
    """Have a step fail, once."""

    def fail(at: int) -> None:
        if at == when:
            kind.before = lambda _: None
            raise error

    kind.before = fail


def open_jobs(at: Installation) -> int:
    return len(at.metadata.query(keys.open_jobs(ORG)).records)


def the_job(jobs: Jobs) -> Job:
    (job,) = jobs.list(ORG).jobs
    return job


@pytest.mark.parametrize("killed_at", [1, 3])
def test_a_job_whose_request_is_killed_goes_on_in_a_worker(
    installation: Installation, killed_at: int
) -> None:
    kind = Counting()
    jobs = jobs_of(installation, kind)
    raising(Killed(), killed_at, kind)
    with pytest.raises(Killed):
        jobs.start("count", ORG, ACTOR, {"to": 4})
    job = the_job(jobs)
    assert (job.state, job.position) == (State.RUNNING, {"at": killed_at})
    assert not jobs.run_next("worker", never), "the claim of the dead holds for a while"
    free(installation, job)
    assert jobs.run_next("worker", never)
    assert jobs.get(ORG, job.id).counts == {"counted": 4}
    assert kind.seen == [0, 1, 2, 3]
    assert (queue(installation), open_jobs(installation)) == ((), 0)


def test_a_request_whose_later_step_fails_leaves_the_rest_to_the_workers(
    installation: Installation,
) -> None:
    kind = Counting()
    jobs = jobs_of(installation, kind)
    raising(Unavailable("the store is away"), 2, kind)
    job = jobs.start("count", ORG, ACTOR, {"to": 4})
    assert (job.state, job.position) == (State.WAITING, {"at": 2})
    assert not jobs.run_next("worker", never), "it rests"
    free(installation, job)
    assert jobs.run_next("worker", never)
    assert jobs.get(ORG, job.id).counts == {"counted": 4}


def test_what_turns_out_not_to_be_possible_is_refused_and_leaves_nothing(
    installation: Installation,
) -> None:
    kind = Counting()
    jobs = jobs_of(installation, kind)
    raising(Failed("it was purged meanwhile"), 2, kind)
    with pytest.raises(Failed, match="it was purged meanwhile"):
        jobs.start("count", ORG, ACTOR, {"to": 4})
    assert jobs.list(ORG).jobs == ()
    assert (queue(installation), open_jobs(installation)) == ((), 0)


def test_no_worker_takes_a_job_that_its_request_is_at(installation: Installation) -> None:
    kind = Counting()
    jobs = jobs_of(installation, kind)
    taken, due = [], []

    def look(at: int) -> None:
        if at > 0:
            now = keys.time(installation.metadata.now())
            due.extend(place for place in queue(installation) if place.key.sort <= now)
            taken.append(jobs.run_next("worker", never))

    kind.before = look
    assert jobs.start("count", ORG, ACTOR, {"to": 4}).ended
    assert taken == [None] * 3
    assert due == [], "no worker looks at it in vain"


def test_history_tells_of_a_job_of_several_steps_from_its_beginning(
    installation: Installation,
) -> None:
    jobs = jobs_of(installation, Counting())
    job = jobs.start("count", ORG, ACTOR, {"to": 4})
    feed = Feed(installation.metadata, installation.journal, ORG)
    events = feed.read(feed.start(job.created)).events
    told = sorted((event.action, event.details["job"]) for event in events)
    assert told == [("job.create", job.id), ("job.done", job.id)]


def fill(jobs: Jobs) -> None:
    """Leave as many jobs of a user as there may be."""
    for _ in range(MOST_OPEN):
        jobs.start("count", ORG, ACTOR, {"to": 1}, left=True)


def test_a_user_has_so_many_jobs_that_have_not_ended_and_others_have_theirs(
    installation: Installation,
) -> None:
    kind = Counting()
    jobs = jobs_of(installation, kind)
    fill(jobs)
    with pytest.raises(TooManyJobs, match="wait until some have"):
        jobs.start("count", ORG, ACTOR, {"to": 1}, left=True)
    assert len(queue(installation)) == MOST_OPEN
    assert kind.seen == []
    jobs.start("count", ORG, replace(ACTOR, user="user2"), {"to": 1}, left=True)
    jobs.start("count", ORG, SYSTEM, {"to": 1}, left=True)
    assert jobs.run_next("worker", never)
    jobs.start("count", ORG, ACTOR, {"to": 1}, left=True)


def test_of_what_is_too_much_one_step_is_done_and_the_refusal_says_so(
    installation: Installation,
) -> None:
    kind = Counting()
    jobs = jobs_of(installation, kind)
    fill(jobs)
    with pytest.raises(TooManyJobs, match="Only the first files"):
        jobs.start("count", ORG, ACTOR, {"to": 2})
    assert kind.seen == [0]
    assert len(queue(installation)) == MOST_OPEN


def test_a_small_job_is_done_however_many_there_are(installation: Installation) -> None:
    jobs = jobs_of(installation, Counting())
    fill(jobs)
    assert jobs.start("count", ORG, ACTOR, {"to": 1}).ended


def test_what_the_service_does_by_itself_has_no_bound(installation: Installation) -> None:
    jobs = jobs_of(installation, Counting())
    for _ in range(MOST_OPEN + 1):
        jobs.start("count", ORG, SYSTEM, {"to": 1}, left=True)
    assert len(queue(installation)) == MOST_OPEN + 1
    assert open_jobs(installation) == 0
