"""`strongroom worker`: does what waits, tells how it is, and ends when it is told to."""

import hashlib
import json
import signal
import socket
import subprocess
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.background import background
from app.installation import existing
from app.publishing import Artifact
from app.publishing.changes import Changes
from app.publishing.place import Place
from app.repositories import ArtifactPath, Catalogue, RepositoryName
from app.retention.work import NAME
from app.settings import DUTIES, read_settings
from auth.organizations import Organizations
from storage import keys
from storage.events import SYSTEM
from storage.metadata import Put
from tests.cli.command import COMMAND, START_SECONDS, STOP_SECONDS, environment, run
from tests.cli.here import Here
from tests.ports import free_port

RULES = '{"rules": [{"match": "**", "older_than_days": 30}]}'


def plant(data: Path, *paths: str) -> None:
    """Let there be files of a year ago."""
    with existing(read_settings({"STRONGROOM_DATA": str(data)})) as at:
        organization = Organizations(at.recent).named("default").id
        catalogue = Catalogue(at.recent, at.journal)
        repository = catalogue.get(organization, RepositoryName("files"))
        modified = datetime.now(UTC) - timedelta(days=365)
        digests = {"sha256": hashlib.sha256().hexdigest()}
        for path in paths:
            changes = Changes()
            artifact = Artifact(None, 0, digests, modified, None)
            changes.appear(Place.at(repository, ArtifactPath.parse(path)), artifact)
            at.metadata.commit(*changes.operations())


def test_once_does_what_is_due_and_the_next_time_nothing(data: Path) -> None:
    first = run(data, "worker", "--once", "--json")
    assert (first.status, first.err) == (0, "")
    assert first.json == {"duties": dict.fromkeys(DUTIES, "done"), "jobs": []}
    again = run(data, "worker", "--once")
    assert (again.status, again.out) == (0, "done: nothing due\n")


def leave_jobs(data: Path, number: int) -> list[str]:
    """Leave jobs to the workers; their ids."""
    with existing(read_settings({"STRONGROOM_DATA": str(data)})) as at:
        organization = Organizations(at.recent).named("default").id
        repository = Catalogue(at.recent, at.journal).get(organization, RepositoryName("files"))
        jobs = background(at).jobs
        by = (NAME, organization, SYSTEM, {}, repository.id)
        return [jobs.start(*by, left=True).id for _ in range(number)]


def test_once_tells_which_jobs_it_did_and_leaves_none(strongroom: Here, data: Path) -> None:
    left = leave_jobs(data, 2)
    ran = strongroom.json("worker", "--once")
    assert {job["id"] for job in ran["jobs"]} == set(left)
    assert {(job["kind"], job["state"], job["error"]) for job in ran["jobs"]} == {
        (NAME, "done", None)
    }
    assert strongroom("worker", "--once") == (0, "done: nothing due\n", "")


def test_once_counts_jobs_by_kind_and_how_they_ended(strongroom: Here, data: Path) -> None:
    leave_jobs(data, 3)
    status, out, _ = strongroom("worker", "--once")
    duties, jobs = out.splitlines()
    assert status == 0
    assert {f"{name} done" for name in DUTIES} == set(duties.removeprefix("duties: ").split(", "))
    assert jobs == "jobs: 3 retention done"


def test_once_ends_with_1_where_a_job_failed_and_names_it(strongroom: Here, data: Path) -> None:
    """A duty left it: of rules that nobody confirmed, and by now they would take every file."""
    strongroom("retention", "set", "files", "-", typed=RULES)
    plant(data, "old", "older")
    status, out, _ = strongroom("worker", "--once")
    assert status == 1
    assert "jobs: 1 retention failed" in out
    assert "(retention) failed: The rules would take every file" in out


def test_once_ends_with_1_where_a_job_failed_in_json_too(strongroom: Here, data: Path) -> None:
    strongroom("retention", "set", "files", "-", typed=RULES)
    plant(data, "old")
    status, out, _ = strongroom("worker", "--once", "--json")
    (job,) = json.loads(out)["jobs"]
    assert (status, job["state"]) == (1, "failed")
    assert "would take every file" in job["error"]
    assert job["id"]


def test_once_ends_with_1_where_a_duty_failed_and_does_the_others(
    strongroom: Here, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with existing(read_settings({"STRONGROOM_DATA": str(data)})) as at:
        at.metadata.commit(Put(keys.organization_by_name("zzz"), {"not": "an organization"}))
    status, out, _ = strongroom("worker", "--once")
    assert status == 1
    assert "duty retention failed; the log says why" in out
    assert "scan done" in out
    assert "retention failed" in caplog.text


def test_a_worker_tells_how_it_is_and_ends_with_0_when_told(data: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [COMMAND, "worker"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(data, STATUS_BIND=f"127.0.0.1:{port}"),
        cwd=data.parent,
    )
    try:
        assert process.stdout is not None
        assert b"Working" in process.stdout.readline()
        address = f"http://127.0.0.1:{port}"
        assert _get(f"{address}/healthz") == '{"status":"ok"}'
        assert json.loads(_get(f"{address}/readyz"))["checks"] == {"metadata": "ok", "blobs": "ok"}
        deadline = time.monotonic() + START_SECONDS
        while 'work="collect",outcome="done"' not in _get(f"{address}/metrics"):
            assert time.monotonic() < deadline, "no duty was done"
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=STOP_SECONDS)
        assert (process.returncode, err) == (0, b"")
    finally:
        process.kill()
        process.wait(10)


def test_an_address_that_is_taken_is_named(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = run(data, "worker", STATUS_BIND=f"127.0.0.1:{taken.getsockname()[1]}")
    assert ended.status == 1
    assert "STRONGROOM_STATUS_BIND" in ended.err


def test_where_nothing_is_set_up_a_worker_makes_nothing(tmp_path: Path) -> None:
    ended = run(tmp_path / "data", "worker", "--once")
    assert ended.status == 1
    assert "strongroom serve" in ended.err
    assert not (tmp_path / "data" / "strongroom.db").exists()


@pytest.mark.parametrize(
    "schedule", ["collect", "collect=", "collect=0s", "collect=1w", "colect=1h", "collect=-1h"]
)
def test_a_schedule_that_makes_no_sense_is_refused_with_the_names_there_are(
    tmp_path: Path, schedule: str
) -> None:
    ended = run(tmp_path / "data", "worker", "--once", SCHEDULE=schedule)
    assert ended.status == 1
    assert "STRONGROOM_SCHEDULE" in ended.err
    assert "collect" in ended.err


def test_a_schedule_is_taken_as_it_is_meant(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    given = {"STRONGROOM_DATA": data, "STRONGROOM_SCHEDULE": "feed=30s, collect=2d"}
    schedule = read_settings(given).schedule
    assert {name: every.total_seconds() for name, every in schedule.items()} == {
        "feed": 30,
        "collect": 172_800,
    }


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        text: str = answer.read().decode()
        return text
