"""`strongroom worker`: does what waits, tells how it is, and ends when it is told to."""

import json
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from app.settings import DUTIES, read_settings
from tests.cli.command import COMMAND, START_SECONDS, STOP_SECONDS, environment, run
from tests.ports import free_port


def test_once_does_what_is_due_and_the_next_time_nothing(data: Path) -> None:
    first = run(data, "worker", "--once", "--json")
    assert (first.status, first.err) == (0, "")
    assert sorted(first.json["duties"]) == sorted(DUTIES)
    again = run(data, "worker", "--once")
    assert (again.status, again.out) == (0, "done: nothing due\n")


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
