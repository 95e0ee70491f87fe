"""Whose jobs are worked on: organizations by turns, and none that is not served."""

from collections.abc import Callable

import pytest

from app.installation import Installation
from app.work import Job, Jobs, State
from app.work.turn import UNSERVED_REST
from auth.organizations import founding, name_value
from storage import keys
from storage.events import SYSTEM, Actor
from storage.metadata import Delete, Metadata, Put
from tests.faults.metadata import Faults
from tests.work.conftest import ORG
from tests.work.kinds import Counting
from tests.work.waiting import ACTOR, free, jobs_of, never, queue

NAME = keys.organization_by_name("default")
OTHER = "org2"


def found(at: Installation, name: str, organization: str) -> None:
    at.metadata.commit(*founding(name, organization, at.metadata.now().isoformat(), []))


def delete(at: Installation) -> None:
    at.metadata.commit(Delete(NAME))


def delete_and_replace(at: Installation) -> None:
    delete(at)
    found(at, "default", OTHER)


def suspend(at: Installation) -> None:
    at.metadata.commit(Put(NAME, name_value(ORG, suspended=True)))


def serve(at: Installation) -> None:
    at.metadata.commit(Put(NAME, name_value(ORG)))


@pytest.mark.parametrize(
    "unserve, actor",
    [
        (delete, ACTOR),
        (delete, SYSTEM),
        (delete_and_replace, ACTOR),
        (suspend, SYSTEM),
    ],
)
def test_a_job_rests_until_its_organization_is_served_again(
    installation: Installation, unserve: Callable[[Installation], None], actor: Actor
) -> None:
    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)
    job = jobs.start("count", ORG, actor, {"to": 2})
    unserve(installation)
    for _ in range(10):  # more often than a step may fail
        looked = installation.metadata.now()
        assert jobs.run_next("worker", never)
        assert not jobs.run_next("worker", never), "it rests"
        (place,) = queue(installation)
        assert place.key.sort >= keys.time(looked + UNSERVED_REST)
        assert jobs.get(ORG, job.id).tries == 0
        free(installation, job)
    assert kind.seen == []
    serve(installation)
    assert jobs.run_next("worker", never)
    assert jobs.get(ORG, job.id).state is State.DONE


def test_what_its_people_asked_for_goes_on_while_an_organization_is_suspended(
    installation: Installation,
) -> None:
    jobs = jobs_of(installation, Counting(), at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 2})
    suspend(installation)
    assert jobs.run_next("worker", never)
    assert jobs.get(ORG, job.id).state is State.DONE


def test_a_job_that_is_worked_on_ends_with_the_step_at_which_its_organization_is_deleted(
    installation: Installation,
) -> None:
    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 5})
    kind.before = lambda at: delete(installation) if at == 1 else None
    assert jobs.run_next("worker", never)
    assert kind.seen == [0, 1]
    assert jobs.get(ORG, job.id).position == {"at": 2}
    kind.before = lambda _: None
    serve(installation)
    free(installation, job)
    assert jobs.run_next("worker", never)
    assert kind.seen == [0, 1, 2, 3, 4]


def test_what_rests_for_its_organization_keeps_no_other_waiting(
    installation: Installation,
) -> None:
    found(installation, "other", OTHER)
    jobs = jobs_of(installation, Counting(), at_once=0)
    for _ in range(5):
        jobs.start("count", ORG, SYSTEM, {"to": 1})
    delete(installation)
    job = jobs.start("count", OTHER, SYSTEM, {"to": 1})
    for _ in range(2):
        assert jobs.run_next("worker", never)
    assert jobs.get(OTHER, job.id).state is State.DONE


def test_the_job_of_an_organization_that_is_erased_is_dropped(
    installation: Installation,
) -> None:
    jobs = jobs_of(installation, Counting(), at_once=0)
    job = jobs.start("count", ORG, SYSTEM, {"to": 1})
    delete(installation)
    assert jobs.run_next("worker", never)
    installation.metadata.commit(Delete(keys.job(ORG, job.id)), Delete(keys.organization(ORG)))
    (place,) = queue(installation)
    due = keys.waiting_job(job.created, job.id)
    installation.metadata.commit(Delete(place.key), Put(due, place.value))
    assert not jobs.run_next("worker", never)
    assert queue(installation) == ()


def test_organizations_have_their_turns_however_many_jobs_one_of_them_has(
    installation: Installation,
) -> None:
    found(installation, "other", OTHER)
    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)
    for _ in range(100):
        jobs.start("count", ORG, SYSTEM, {"to": 1})
    assert jobs.run_next("worker", never)
    others: list[Job] = [jobs.start("count", OTHER, SYSTEM, {"to": 1}) for _ in range(3)]
    done = []
    for _ in range(6):
        assert jobs.run_next("worker", never)
        done.append(sum(jobs.get(OTHER, job.id).ended for job in others))
    assert done == [1, 1, 2, 2, 3, 3]
    assert len(queue(installation)) == 100 - 4


def test_of_one_organization_the_oldest_job_that_is_due_is_taken(
    installation: Installation,
) -> None:
    jobs = jobs_of(installation, Counting(), at_once=0)
    first, second = (jobs.start("count", ORG, SYSTEM, {"to": 1}) for _ in range(2))
    assert jobs.run_next("worker", never)
    assert [jobs.get(ORG, job.id).ended for job in (first, second)] == [True, False]


def test_a_queue_of_which_nothing_is_due_costs_a_query(installation: Installation) -> None:
    jobs = jobs_of(installation, Counting(), at_once=0)
    for _ in range(3):
        jobs.start("count", ORG, SYSTEM, {"to": 1})
    delete(installation)
    while jobs.run_next("worker", never):
        pass
    engine = Faults(installation.engine)
    idle = Jobs(Metadata(engine), installation.journal, (Counting(),))
    engine.made.clear()
    assert not idle.run_next("worker", never)
    assert [call for call in engine.made if call != "now"] == ["query"]
