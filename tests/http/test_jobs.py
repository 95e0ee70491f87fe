"""`/api/jobs`: who sees what of the work in the background."""

from dataclasses import replace
from typing import Any

import pytest

from app.api.jobs import _PAGES
from app.work import Job, State
from app.work.job import new_id
from storage.events import Actor
from tests.http.stand import Stand


def test_who_asked_for_a_job_sees_it_and_nobody_else_but_administrators(
    memory_stand: Stand,
) -> None:
    somebody, other = memory_stand.person(), memory_stand.person()
    job = memory_stand.job(somebody.id)
    client = memory_stand.client
    for asking, seen in (
        (somebody.by_key, True),
        (memory_stand.admin.by_key, True),
        (other.by_key, False),
    ):
        assert client.as_(asking).get(f"/api/jobs/{job}").status == (200 if seen else 404)
        listed = [one["id"] for one in client.as_(asking).get("/api/jobs").json["jobs"]]
        assert listed == ([job] if seen else [])


def test_a_key_with_scopes_sees_no_job_of_its_users_other_credentials(
    memory_stand: Stand,
) -> None:
    scoped = memory_stand.person(scopes={})
    job = memory_stand.job(scoped.id)
    client = memory_stand.client.as_(scoped.by_key)
    assert client.get(f"/api/jobs/{job}").status == 404
    assert client.get("/api/jobs").json["jobs"] == []


def test_a_job_is_shown_with_what_came_of_it(memory_stand: Stand) -> None:
    somebody = memory_stand.person()
    job = memory_stand.job(somebody.id)
    shown = memory_stand.admins.get(f"/api/jobs/{job}").json
    assert (shown["id"], shown["kind"], shown["state"]) == (job, "test", "done")
    assert shown["user"] == somebody.id
    assert (shown["counts"], shown["result"], shown["error"]) == ({}, {}, None)


RESTORED = {"files": [{"path": "a/b", "change": "restored"}]}
SHOWN = {"repository": "files", "parameters": {"path": "a/"}, "result": RESTORED, "error": "why"}


@pytest.mark.parametrize(
    "grants, hidden",
    [
        (["read"], {}),
        (["write", "delete"], {"result": {}}),
        ([], {"repository": None, "parameters": {}, "result": {}, "error": None}),
    ],
)
def test_a_job_tells_of_a_repository_what_its_asker_may_know_now(
    memory_stand: Stand, grants: list[str], hidden: dict[str, Any]
) -> None:
    """His grants may have been others when he asked."""
    repository = memory_stand.repository("files")
    somebody = memory_stand.person(grants={repository.id: grants})
    job = _failed_job(memory_stand, somebody.id, repository.id)
    for asking, shown in ((somebody.by_key, SHOWN | hidden), (memory_stand.admin.by_key, SHOWN)):
        client = memory_stand.client.as_(asking)
        one, (listed,) = client.get(f"/api/jobs/{job}").json, client.get("/api/jobs").json["jobs"]
        assert one == listed
        assert {name: one[name] for name in SHOWN} == shown
        assert (one["state"], one["counts"]) == ("failed", {"restored": 1})


def test_a_scoped_key_is_told_what_its_scopes_are_for(memory_stand: Stand) -> None:
    repository = memory_stand.repository("files")
    grants = {repository.id: ["read", "write"]}
    somebody = memory_stand.person(grants=grants, scopes={repository.id: ["write"]})
    job = _failed_job(memory_stand, somebody.id, repository.id, somebody.key_id)
    shown = memory_stand.client.as_(somebody.by_key).get(f"/api/jobs/{job}").json
    assert (shown["result"], shown["error"]) == ({}, "why")


def _failed_job(stand: Stand, user: str, repository: str, credential: str = "password") -> str:
    now = stand.process.installation.metadata.now()
    job = Job(stand.organization, new_id(now), "restore", Actor(user, credential, None), now, now)
    told = {"parameters": SHOWN["parameters"], "result": RESTORED, "error": "why"}
    job = replace(job, repository=repository, state=State.FAILED, counts={"restored": 1}, **told)
    stand.process.background.jobs.report(job)
    return job.id


def test_more_jobs_than_there_may_be_are_refused_until_some_have_ended(
    memory_stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.work.queue.MOST_OPEN", 2)
    memory_stand.repository("files")
    memory_stand.admins.put("/repositories/files/a/b", b"b")
    memory_stand.process.background.jobs._at_once = 0  # none is small
    target = "/repositories/files/a/?recursive=true"
    for _ in range(2):
        assert memory_stand.admins.delete(target).status == 202
    refused = memory_stand.admins.delete(target)
    assert refused.status == 429
    assert refused.headers["retry-after"] == "60"
    assert "2 jobs that have not ended: wait until some have" in refused.detail
    memory_stand.process.work()
    assert memory_stand.admins.delete(target).status == 202


def test_jobs_are_paged_among_those_that_may_be_seen(memory_stand: Stand) -> None:
    somebody, other = memory_stand.person(), memory_stand.person()
    made = []
    for _ in range(5):
        memory_stand.job(other.id)
        made.append(memory_stand.job(somebody.id))
    client = memory_stand.client.as_(somebody.by_key)
    seen, after = [], ""
    while True:
        page = client.get(f"/api/jobs?limit=2{after}").json
        seen += [job["id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        assert len(page["jobs"]) == 2
        after = f"&after={page['next']}"
    assert seen == made[::-1]


def test_a_request_looks_through_so_many_jobs_and_says_where_to_go_on(
    memory_stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.jobs._PAGE", 2)
    somebody, other = memory_stand.person(), memory_stand.person()
    job = memory_stand.job(somebody.id)
    for _ in range(2 * _PAGES):
        memory_stand.job(other.id)
    client = memory_stand.client.as_(somebody.by_key)
    page = client.get("/api/jobs").json
    assert page["jobs"] == []
    page = client.get(f"/api/jobs?after={page['next']}").json
    assert ([one["id"] for one in page["jobs"]], page["next"]) == ([job], None)


def test_what_can_be_no_job_is_not_looked_up(memory_stand: Stand) -> None:
    for text in ("x", "0" * 31, "Z" * 32, "0" * 33):
        answer = memory_stand.admins.get(f"/api/jobs/{text}")
        assert answer.status == 404
        assert "job" in answer.detail


def test_the_last_run_of_each_duty_is_told_also_where_it_found_nothing(
    memory_stand: Stand,
) -> None:
    before = _duties(memory_stand)
    assert (before["collect"]["ended"], before["collect"]["outcome"]) == (None, None)
    assert "collect" in memory_stand.process.work()
    after = _duties(memory_stand)
    assert after["collect"]["outcome"] == "done"
    assert after["collect"]["ended"] is not None
    assert after["collect"]["every_seconds"] == 3600
    assert memory_stand.admins.get("/api/jobs").json["jobs"] == []


def test_the_duties_are_on_the_first_page_for_administrators(memory_stand: Stand) -> None:
    somebody = memory_stand.person()
    for _ in range(2):
        memory_stand.job(somebody.id)
    assert "duties" not in memory_stand.client.as_(somebody.by_key).get("/api/jobs").json
    page = memory_stand.admins.get("/api/jobs?limit=1").json
    assert page["duties"]
    assert "duties" not in memory_stand.admins.get(f"/api/jobs?after={page['next']}").json


def _duties(stand: Stand) -> dict[str, Any]:
    return {duty["name"]: duty for duty in stand.admins.get("/api/jobs").json["duties"]}
