"""The duty of retention: every day, for every repository that can be read."""

from collections.abc import Callable
from typing import Any

import pytest

from app.installation import Installation
from app.repositories import DeletedRepositories, Repository, RepositoryName, Rules
from app.retention import RetentionDuty, RuleSet
from app.retention.work import NAME
from app.work import Job, Jobs
from app.work.duty import Schedule
from auth.organizations import Deleted, Organizations
from storage import keys
from storage.metadata import Delete, Key, Put
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


def register(room: Kept, *, suspended: bool) -> None:
    """Write the record of the organization's name."""
    value = {"id": ORG, "suspended": suspended}
    room.at.metadata.commit(Put(keys.organization_by_name("default"), value))


def delete_organization(room: Kept) -> None:
    now = room.at.metadata.now()
    one = Deleted("default", ORG, now, now + 30 * DAY, False, Key("", ""), 0)
    key = Key(keys.DELETED_ORGANIZATIONS, "default/1#a")
    room.at.metadata.commit(Delete(keys.organization_by_name("default")), Put(key, one.value()))


AWAY: dict[str, Callable[[Kept], object]] = {
    "a repository deleted": lambda room: room.catalogue.delete(ORG, ACTOR, FILES),
    "an organization suspended": lambda room: register(room, suspended=True),
    "an organization deleted": delete_organization,
}
BACK: dict[str, Callable[[Kept], object]] = {
    "a repository deleted": lambda room: DeletedRepositories(
        room.at.recent, room.at.journal
    ).restore(ORG, ACTOR, FILES),
    "an organization suspended": lambda room: register(room, suspended=False),
    "an organization deleted": lambda room: room.at.metadata.commit(
        Put(keys.organization_by_name("default"), {"id": ORG}),
        Delete(Key(keys.DELETED_ORGANIZATIONS, "default/1#a")),
    ),
}


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


def test_rules_that_were_set_anew_meanwhile_are_not_put_back(room: Kept) -> None:
    room.set(rule("*", unused=5))
    (record,) = room.records("retention")
    room.set(rule("*", unused=3))
    room.retention.pause(record)
    assert room.retention.rules(room.here()).rules == (rule("*", unused=3),)


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
