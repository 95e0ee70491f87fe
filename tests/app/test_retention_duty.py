"""The duty of retention: every day, for every repository that can be read."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.installation import Installation
from app.repositories import DeletedRepositories, Repository, RepositoryName, Rules
from app.retention import RetentionDuty, RuleSet
from app.retention.work import NAME
from app.work import Job, Jobs
from app.work.duty import Schedule
from app.work.kind import Failed
from auth.organizations import Organizations
from auth.registrar import Registrar
from storage import keys
from storage.metadata import Delete, Put
from tests.app.ruled import BY, DAY, FILES, Kept, rule
from tests.app.storeroom import ACTOR, ORG


@pytest.fixture
def room(installation: Installation) -> Kept:
    return Kept(installation)


def duty(room: Kept, at_once: int = 1_000) -> tuple[Jobs, Schedule]:
    jobs = Jobs(room.at.metadata, room.at.journal, room.kinds.values(), at_once=at_once)
    organizations = Organizations(room.at.recent)
    every = RetentionDuty(organizations, room.at.metadata, room.catalogue, room.retention, jobs)
    return jobs, Schedule(room.at.metadata, jobs, (every,), {})


def run_duty(schedule: Schedule) -> int:
    return sum(schedule.run(one, found, "me", lambda: False) for one, found in schedule.due())


def reports(jobs: Jobs) -> list[Job]:
    return [job for job in jobs.list(ORG).jobs if job.kind == NAME]


def test_the_duty_comes_round_every_day_and_leaves_a_report(room: Kept) -> None:
    for path in ("a", "b"):
        room.put(path)
    room.set(rule("*", newest=1))
    jobs, schedule = duty(room)
    assert run_duty(schedule) == 1
    (report,) = reports(jobs)
    assert (report.repository, report.counts["deleted"]) == (room.repository.id, 1)
    assert run_duty(schedule) == 0, "not due"
    room.wait(1.1 * DAY)
    assert run_duty(schedule) == 1
    assert len(reports(jobs)) == 1, "nothing went, nothing to tell"
    room.put("c")
    room.wait(1.1 * DAY)
    run_duty(schedule)
    assert room.paths() == ["c"]


def test_a_large_repository_is_left_as_a_job(room: Kept) -> None:
    for number in range(8):
        room.put(f"{number}/f{number}")
    room.set(rule("**", newest=1), rule("0/*", age=1))
    room.wait(2 * DAY)
    jobs, schedule = duty(room, at_once=3)
    assert run_duty(schedule) == 1
    assert len(room.paths()) == 7
    while jobs.run_next("me", lambda: False):
        pass
    (job,) = reports(jobs)
    assert (job.state.value, job.counts["deleted"], job.counts["files"]) == ("done", 1, 8)


def registrar(room: Kept) -> Registrar:
    """Who suspends and deletes the organization; for that it is not `default`."""
    by_name = keys.organization_by_name
    if room.at.metadata.get(by_name("default")):
        room.at.metadata.commit(
            Delete(by_name("default")), Put(by_name("acme"), {"id": ORG, "suspended": False})
        )
    return Registrar(room.at.recent, room.at.journal, ACTOR, clock=room.at.metadata.now)


AWAY: dict[str, Callable[[Kept], object]] = {
    "a repository deleted": lambda room: room.catalogue.delete(ORG, ACTOR, FILES),
    "an organization suspended": lambda room: registrar(room).suspend("acme"),
    "an organization deleted": lambda room: registrar(room).delete("acme"),
}
BACK: dict[str, Callable[[Kept], object]] = {
    "a repository deleted": lambda room: DeletedRepositories(
        room.at.recent, room.at.journal
    ).restore(ORG, ACTOR, FILES),
    "an organization suspended": lambda room: registrar(room).resume("acme"),
    "an organization deleted": lambda room: registrar(room).restore("acme"),
}


@pytest.mark.parametrize("what", AWAY)
def test_it_does_not_matter_whether_the_duty_came_round_meanwhile(room: Kept, what: str) -> None:
    room.put("a")
    room.set(rule("*", unused=1))
    _, schedule = duty(room)
    assert run_duty(schedule) == 1
    AWAY[what](room)
    room.wait(DAY - timedelta(minutes=2))
    BACK[what](room)
    room.wait(timedelta(minutes=3))
    assert room.preview() == []
    assert run_duty(schedule) == 1
    assert room.paths() == ["a"]
    since = room.retention.rules(room.here()).remembered
    assert since is not None
    assert since > room.at.metadata.now() - timedelta(minutes=4)
    assert room.set(rule("*", unused=1)).remembered == since
    room.wait(DAY)
    assert run_duty(schedule) == 1
    assert room.paths() == []


@pytest.mark.parametrize("what", AWAY)
def test_what_nobody_can_download_does_not_go_for_that(room: Kept, what: str) -> None:
    room.put("a")
    room.set(rule("*", unused=5), rule("*", age=40))
    jobs, schedule = duty(room)
    AWAY[what](room)
    for _ in range(10):
        room.wait(1.1 * DAY)
        assert run_duty(schedule) == 1
    assert reports(jobs) == []
    BACK[what](room)
    room.wait(1.1 * DAY)
    run_duty(schedule)
    assert room.paths() == ["a"], "the days when nobody could do not count"
    room.wait(5 * DAY)
    run_duty(schedule)
    assert room.paths() == []
    assert [report.counts["deleted"] for report in reports(jobs)] == [1]


EMPTYING = {
    "by age": (rule("**", age=1),),
    "by downloads": (rule("**", unused=1),),
    "together": (rule("a", age=1), rule("**", newest=1), rule("d/*", unused=1)),
}


@pytest.mark.parametrize("what", EMPTYING)
def test_rules_that_would_empty_a_repository_take_nothing_until_confirmed(
    room: Kept, what: str
) -> None:
    """They were set when they would not have; the job fails and says what to do."""
    for path in ("a", "d/b"):
        room.put(path)
    room.set(*EMPTYING[what], confirmed=False)
    jobs, schedule = duty(room)
    assert run_duty(schedule) == 1
    assert reports(jobs) == []
    room.wait(2.1 * DAY)
    for failed in (1, 2):
        assert run_duty(schedule) == 1
        while jobs.run_next("me", lambda: False):
            pass
        assert [job.state.value for job in reports(jobs)] == ["failed"] * failed
        room.wait(1.1 * DAY)
    report = reports(jobs)[0]
    assert (report.repository, room.paths()) == (room.repository.id, ["a", "d/b"])
    assert report.error is not None
    assert '"confirm": true' in report.error
    room.set(*EMPTYING[what], confirmed=True)
    assert run_duty(schedule) == 1
    assert room.paths() == []


def test_rules_that_leave_something_need_no_confirming(room: Kept) -> None:
    room.put("d/old")
    room.set(rule("d/*", age=1), confirmed=False)
    room.wait(2 * DAY)
    room.put("e/f")
    jobs, schedule = duty(room)
    assert run_duty(schedule) == 1
    assert room.paths() == ["e/f"]
    room.remove("e/f")
    room.wait(2 * DAY)
    assert run_duty(schedule) == 1, "there is nothing left"
    assert [job.state.value for job in reports(jobs)] == ["done"]


def test_rules_of_which_it_is_not_known_are_not_confirmed(room: Kept) -> None:
    """As they were kept before there was such a thing."""
    room.put("a")
    room.set(rule("**", age=1))
    (record,) = room.records("retention")
    value = {name: record.value[name] for name in ("rules", "remembered")}
    room.at.metadata.commit(Put(record.key, value))
    room.wait(2 * DAY)
    with pytest.raises(Failed):
        room.run(NAME)
    assert room.paths() == ["a"]


def test_what_stays_is_looked_for_in_steps(room: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes before it is found, and then the run is not asked again."""
    monkeypatch.setattr("app.retention.retention.PAGE", 2)
    for number in range(9):
        room.put(f"d/{number}")
    room.set(rule("d/*", age=1), confirmed=False)
    room.wait(2 * DAY)
    room.put("e/new")
    job = room.job(NAME)
    while job.counts.get("deleted", 0) == 0:
        assert len(room.paths()) == 10
        job = room.step(job)
    room.remove("e/new")
    ended = room.finish(job)
    assert (ended.counts["deleted"], room.paths()) == (9, [])


def test_a_run_begins_again_when_the_rules_are_others(
    room: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks for what stays, if the new ones are not confirmed."""
    monkeypatch.setattr("app.retention.retention.PAGE", 2)
    for number in range(9):
        room.put(f"d/{number}")
    room.set(rule("**", age=1))
    room.wait(DAY - timedelta(minutes=1))
    room.set(rule("d/*", age=1), confirmed=False)
    begun = room.job(NAME)
    for _ in range(3):
        begun = room.step(begun)
    room.set(rule("**", age=1), confirmed=False)
    room.wait(timedelta(minutes=2))
    with pytest.raises(Failed):
        room.finish(begun)
    assert len(room.paths()) == 9


def test_a_repository_that_fails_keeps_none_waiting(room: Kept, monkeypatch: Any) -> None:
    """What is wrong with it is told by a job of its own."""
    other = room.catalogue.create(ORG, ACTOR, RepositoryName("other"), Rules())
    rules = (rule("**", newest=1),)
    for name in (FILES, RepositoryName("other")):
        room.retention.set(BY, name, RuleSet(rules))
    broken = min(room.repository.id, other.id)
    carry_out = room.retention.carry_out
    done: list[str] = []

    def meddled(repository: Repository, *arguments: Any) -> Any:
        if repository.id == broken:
            raise ValueError("nobody can read this")
        done.append(repository.id)
        return carry_out(repository, *arguments)

    monkeypatch.setattr(room.retention, "carry_out", meddled)
    jobs, schedule = duty(room)
    assert run_duty(schedule) == 1
    assert done == [max(room.repository.id, other.id)]
    for _ in range(8):
        jobs.run_next("me", lambda: False)
        room.wait(DAY)
    (job,) = reports(jobs)
    assert (job.state.value, job.repository) == ("failed", broken)
