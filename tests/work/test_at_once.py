"""What a worker does at once: all that waits or is due, until nothing is, and it says what."""

from collections.abc import Callable
from datetime import timedelta

from app.installation import Installation
from app.work import Jobs, Shift, State, Worker
from app.work.duty import Schedule
from storage import keys
from storage.events import SYSTEM
from storage.metadata import Delete
from tests.work.conftest import ORG
from tests.work.kinds import Counting, Refusing
from tests.work.waiting import ACTOR, queue


class Leaving:
    """A duty that leaves jobs, and is due again at once."""

    name = "leave"
    every = timedelta(0)

    def __init__(self, leave: Callable[[], None]) -> None:
        self.runs = 0
        self._leave = leave

    def run(self, shift: Shift) -> None:
        self.runs += 1
        self._leave()


class Failing:
    """A duty that fails, once it has done what it is told."""

    name = "fail"
    every = timedelta(hours=1)

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        self._before = before

    def run(self, shift: Shift) -> None:
        self._before()
        raise ValueError("a fault of ours")


def jobs_over(at: Installation) -> Jobs:
    return Jobs(at.metadata, at.journal, (Counting(), Refusing()), at_once=0)


def test_jobs_that_a_duty_leaves_are_done_and_it_is_run_once(installation: Installation) -> None:
    jobs = jobs_over(installation)
    asked = jobs.start("count", ORG, ACTOR, {"to": 2})
    left = []

    def leave() -> None:
        left.append(jobs.start("count", ORG, SYSTEM, {"to": 2}, left=True))

    duty = Leaving(leave)
    ran = Worker(jobs, Schedule(installation.metadata, jobs, (duty,), {})).run_due()
    assert (ran.duties, duty.runs) == ({"leave": "done"}, 1)
    assert [(job.id, job.state) for job in ran.jobs] == [
        (asked.id, State.DONE),
        (left[0].id, State.DONE),
    ]
    assert queue(installation) == ()


def test_what_fails_is_told(installation: Installation) -> None:
    jobs = jobs_over(installation)
    job = jobs.start("refuse", ORG, ACTOR, {"what": "it"})
    ran = Worker(jobs, Schedule(installation.metadata, jobs, (Failing(),), {})).run_due()
    assert ran.duties == {"fail": "failed"}
    (told,) = ran.jobs
    assert (told.id, told.state) == (job.id, State.FAILED)
    assert told.error == "there is nothing to do about it"


def test_a_run_that_failed_is_told_so_also_where_that_could_not_be_recorded(
    installation: Installation,
) -> None:
    jobs, metadata = jobs_over(installation), installation.metadata
    duty = Failing(lambda: metadata.commit(Delete(keys.duty("fail"))))
    ran = Worker(jobs, Schedule(metadata, jobs, (duty,), {})).run_due()
    assert ran.duties == {"fail": "failed"}
