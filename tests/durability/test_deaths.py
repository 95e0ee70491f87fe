"""Processes that die or start beside others, and what the others make of it."""

import contextlib
import http.client
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.installation import opened
from app.settings import read_settings
from tests.durability.diary import Content
from tests.durability.installations import SOON, installed, soon
from tests.durability.machines import Ground, Machine
from tests.durability.records import look, wrong_blobs, wrong_counters, wrong_references
from tests.durability.wire import TIMEOUT, begin_put, exchange, read_answer
from tests.engines.dynamodb_local import dynamodb_local
from tests.engines.s3_server import REGION

MIB = 1024 * 1024
LONG = Content(seed=8, size=20 * MIB)


def test_a_killed_worker_is_replaced_and_requests_go_on(ground: Ground) -> None:
    """Its uploads are gone; those of the other worker, and new ones, are not concerned."""
    with installed(ground, ["--workers", "2"]) as installation:
        (machine,) = installation.machines
        soon(lambda: len(machine.workers()) == 2, "both workers are there")
        before = machine.workers()
        half = LONG.size // 2
        uploads = [
            begin_put(
                machine.address,
                installation.url(f"upload-{number}.bin"),
                {**installation.key, "Content-Length": str(LONG.size)},
                LONG.bytes()[:half],
            )
            for number in range(6)
        ]
        os.kill(before[0], signal.SIGKILL)
        for number in range(20):  # at once, and while the new one starts
            _patiently(lambda number=number: installation.put(f"{number}.bin", b"%d" % number))
        soon(lambda: len(machine.workers()) == 2, "the worker is replaced")
        assert set(machine.workers()) != set(before)
        for number, upload in enumerate(uploads):
            whole = False
            with upload, contextlib.suppress(OSError, http.client.HTTPException):
                upload.sendall(LONG.bytes()[half:])
                whole = read_answer(upload).status == 201
            answer = installation.get(f"upload-{number}.bin")
            assert answer.body == LONG.bytes() if whole else answer.status == 404
        for number in range(20):
            assert installation.get(f"{number}.bin").body == b"%d" % number
        assert machine.stop() == 0


def test_workers_end_with_their_master_and_leave_the_address(embedded: Ground) -> None:
    """Only the master is killed: what it leaves behind must not be in the way of the next."""
    with installed(embedded, ["--workers", "2"]) as installation:
        (machine,) = installation.machines
        assert installation.put("kept.bin", b"kept").status == 201
        soon(lambda: len(machine.workers()) == 2, "both workers are there")
        workers = machine.workers()
        os.kill(machine.pid, signal.SIGKILL)
        machine.process.wait(SOON)  # type: ignore[union-attr]
        soon(lambda: not any(_lives(pid) for pid in workers), "the workers end")
        machine.start()
        assert installation.get("kept.bin").body == b"kept"


def test_one_of_several_machines_dies_and_the_service_goes_on(ground: Ground) -> None:
    """S20: no state that matters is in one process; the others' clients notice nothing."""
    with installed(ground, ["--workers", "1"], ["--workers", "2"]) as installation:
        dying, living = installation.machines
        stop = threading.Event()
        statuses: list[int] = []
        slowest = [0.0]

        def write(machine: Machine, name: str) -> None:
            for number in range(10_000):
                if stop.is_set():
                    return
                began = time.monotonic()
                try:
                    path = installation.url(f"{name}/{number}.bin")
                    answer = exchange(machine.address, "PUT", path, installation.key, b"x" * 5000)
                except OSError:
                    assert machine is dying
                    time.sleep(0.01)
                    continue
                if machine is living:
                    statuses.append(answer.status)
                    slowest[0] = max(slowest[0], time.monotonic() - began)

        threads = [
            threading.Thread(target=write, args=(machine, f"{machine.number}-{number}"))
            for machine in installation.machines
            for number in range(3)
        ]
        for thread in threads:
            thread.start()
        soon(lambda: len(statuses) > 20, "both machines are at work")
        dying.kill()
        count = len(statuses)
        soon(lambda: len(statuses) > count + 30, "the other machine goes on")
        stop.set()
        for thread in threads:
            thread.join(TIMEOUT)
        assert set(statuses) == {201}
        assert slowest[0] < 5
        assert living.faults() == []
        assert living.stop() == 0
        with opened(read_settings(ground.variables(1))) as at:
            found = look(at)
            wrong = wrong_counters(found) + wrong_references(found)
            assert wrong + wrong_blobs(at, found, collected=False) == []


def test_a_worker_that_dies_while_the_store_is_away_is_replaced(
    remote: Ground, tmp_path: Path
) -> None:
    """503 while the records are away, and the service is there when they are: a worker that
    can't start would end it."""
    with contextlib.ExitStack() as engine:
        url = engine.enter_context(dynamodb_local())
        settings = {
            **remote.settings,
            "METADATA": f"dynamodb://away?region={REGION}&endpoint={url}",
        }
        ground = replace(remote, settings=settings)
        with installed(ground, ["--workers", "1"]) as installation:
            (machine,) = installation.machines
            assert installation.put("before.bin", b"before").status == 201
            engine.close()
            os.kill(machine.workers()[0], signal.SIGKILL)
            soon(lambda: _answers(machine), "the worker is replaced")
            answer = installation.put("away.bin", b"away")
            assert answer.status == 503, answer
            assert int(answer.fields["retry-after"]) > 0
            assert exchange(machine.address, "GET", "/readyz").status == 503
            assert machine.stop() == 0


def test_machines_may_start_first_at_the_same_time(ground: Ground) -> None:
    """Whoever is first makes the tables, the key and the administrator, and makes them once."""
    ground.folder.mkdir()
    machines = [Machine(ground, number, "--workers", "1") for number in range(3)]
    try:
        for machine in machines:
            machine.launch()
        for machine in machines:
            machine.await_ready()
        with opened(read_settings(ground.variables(0))) as at:
            found = look(at)
        users = [key for key in found.records if key.partition.endswith("#users")]
        assert len(users) == 1
        for machine in machines:
            assert machine.faults() == []
            assert machine.stop() == 0
    finally:
        for machine in machines:
            machine.close()


@pytest.mark.parametrize("appears", ["secret.key", "strongroom.db", "first-sign-in.*", "run"])
def test_a_first_start_may_be_killed_at_any_moment(embedded: Ground, appears: str) -> None:
    """Whatever it had done, the next start makes good, and shows how to sign in."""
    data = embedded.data(0)
    embedded.folder.mkdir()
    machine = Machine(embedded, 0, "--workers", "1")
    try:
        machine.launch()
        soon(lambda: any(data.glob(appears)), "the first start comes that far")
        time.sleep(random.SystemRandom().uniform(0, 0.03))
    finally:
        machine.close()
    with installed(embedded, ["--workers", "1"]) as installation:
        assert installation.put("first.bin", b"first").status == 201


def _answers(machine: Machine) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return exchange(machine.address, "GET", "/healthz").status == 200
    return False


def _lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        # An orphan that nobody has waited for is a zombie: it has ended.
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    return False


def _patiently(call: Callable[[], object]) -> None:
    """A client that tries once more where its connection was the killed worker's."""
    for _ in range(3):
        with contextlib.suppress(OSError):
            call()
            return
    raise AssertionError("no worker answers")
