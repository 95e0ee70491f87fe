"""What is left of requests that are cut: by a death, by a client, by SIGTERM."""

import contextlib
import http.client
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.collection import Collection
from app.installation import Installation as Opened
from app.installation import opened
from app.settings import read_settings
from tests.durability.diary import Content
from tests.durability.inspection import look, wrong_blobs, wrong_counters, wrong_references
from tests.durability.machines import Ground, Installation, Machine, installed
from tests.durability.wire import TIMEOUT, Answer, begin_put, exchange, read_answer
from tests.engines.dynamodb_local import dynamodb_local
from tests.engines.s3_server import REGION

MIB = 1024 * 1024
#: Longer than two parts of an upload to S3, so that one of them is there before the end.
LONG = Content(seed=7, size=20 * MIB)
SOON = 20.0  # seconds, on two busy cores


@pytest.fixture
def installation(ground: Ground) -> Iterator[Installation]:
    with installed(ground, ["--workers", "1"]) as found:
        yield found


@pytest.fixture
def at(installation: Installation) -> Iterator[Opened]:
    with opened(read_settings(installation.ground.variables(0))) as found:
        yield found


def test_an_upload_that_died_with_its_machine_is_nothing_but_a_leftover(
    installation: Installation, at: Opened
) -> None:
    """SIGKILL in the middle: nothing is visible, and the sweep removes what was begun."""
    (machine,) = installation.machines
    with _begun(installation, at, "a/long.bin"):
        machine.kill()
    machine.start()
    assert _get(installation, "a/long.bin").status == 404
    assert len(at.blobs.uploads().uploads) == 1
    assert Collection(at).run().uploads == 0, "nobody can know yet that it is abandoned"
    assert Collection(at, grace=timedelta(0)).run().uploads == 1
    assert _nothing_is_left(at)
    assert _put(installation, "a/long.bin", b"again").status == 201


def test_a_client_that_vanishes_leaves_nothing(installation: Installation, at: Opened) -> None:
    with _begun(installation, at, "long.bin"):
        pass
    _soon(lambda: _nothing_is_left(at), "the upload is aborted")
    assert _get(installation, "long.bin").status == 404


def test_a_body_that_ends_early_is_refused_and_leaves_nothing(
    installation: Installation, at: Opened
) -> None:
    """Shorter than its Content-Length, or in chunks without the last one; small or large."""
    for begun in (0, 1, 9 * MIB, LONG.size - 1):
        for fields in ({"Content-Length": str(LONG.size)}, {"Transfer-Encoding": "chunked"}):
            data = LONG.bytes()[:begun]
            if "Transfer-Encoding" in fields and data:
                data = b"%x\r\n%b\r\n" % (len(data), data)
            with _sent(installation, "short.bin", fields, data) as connection:
                connection.shutdown(socket.SHUT_WR)
                assert read_answer(connection).status == 400, (begun, fields)
            assert _nothing_is_left(at), (begun, fields)
            assert _get(installation, "short.bin").status == 404


def test_sigterm_lets_an_upload_and_a_download_finish(installation: Installation) -> None:
    (machine,) = installation.machines
    data = LONG.bytes()
    assert _put(installation, "down.bin", data).status == 201
    host, port = machine.address
    request = f"GET {installation.url('down.bin')} HTTP/1.1\r\nHost: {host}:{port}\r\n"
    request += "".join(f"{name}: {value}\r\n" for name, value in installation.key.items())
    with (
        _download(machine, request) as download,
        _sent(
            installation, "up.bin", {"Content-Length": str(LONG.size)}, data[: LONG.size // 2]
        ) as upload,
    ):
        got = [download.recv(100_000)]
        machine.terminate()
        _soon(lambda: not machine.listens(), "the machine stops accepting")
        time.sleep(0.5)  # the transfers are the only thing that goes on
        upload.sendall(data[LONG.size // 2 :])
        assert read_answer(upload).status == 201
        while piece := download.recv(1 << 20):
            got.append(piece)
    head, _, body = b"".join(got).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == data
    assert machine.wait() == 0
    machine.start()
    assert _get(installation, "up.bin").body == data


def test_workers_end_with_their_master_and_leave_the_address(embedded: Ground) -> None:
    """Only the master is killed: what it leaves behind must not be in the way of the next."""
    with installed(embedded, ["--workers", "2"]) as installation:
        (machine,) = installation.machines
        assert _put(installation, "kept.bin", b"kept").status == 201
        _soon(lambda: len(machine.workers()) == 2, "both workers are there")
        workers = machine.workers()
        os.kill(machine.pid, signal.SIGKILL)
        machine.process.wait(SOON)  # type: ignore[union-attr]
        _soon(lambda: not any(_lives(pid) for pid in workers), "the workers end")
        machine.start()
        assert _get(installation, "kept.bin").body == b"kept"


def test_a_killed_worker_is_replaced_and_requests_go_on(ground: Ground) -> None:
    """Its uploads are gone; those of the other worker, and new ones, are not concerned."""
    with installed(ground, ["--workers", "2"]) as installation:
        (machine,) = installation.machines
        _soon(lambda: len(machine.workers()) == 2, "both workers are there")
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
            _patiently(lambda number=number: _put(installation, f"{number}.bin", b"%d" % number))
        _soon(lambda: len(machine.workers()) == 2, "the worker is replaced")
        assert set(machine.workers()) != set(before)
        for number, upload in enumerate(uploads):
            whole = False
            with upload, contextlib.suppress(OSError, http.client.HTTPException):
                upload.sendall(LONG.bytes()[half:])
                whole = read_answer(upload).status == 201
            answer = _get(installation, f"upload-{number}.bin")
            assert answer.body == LONG.bytes() if whole else answer.status == 404
        for number in range(20):
            assert _get(installation, f"{number}.bin").body == b"%d" % number
        assert machine.stop() == 0


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
        _soon(lambda: len(statuses) > 20, "both machines are at work")
        dying.kill()
        count = len(statuses)
        _soon(lambda: len(statuses) > count + 30, "the other machine goes on")
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
            assert _put(installation, "before.bin", b"before").status == 201
            engine.close()
            os.kill(machine.workers()[0], signal.SIGKILL)
            _soon(lambda: _answers(machine), "the worker is replaced")
            answer = _put(installation, "away.bin", b"away")
            assert answer.status == 503, answer
            assert int(answer.fields["retry-after"]) > 0
            assert exchange(machine.address, "GET", "/readyz").status == 503
            assert machine.stop() == 0


@pytest.mark.parametrize("appears", ["secret.key", "strongroom.db", "first-sign-in.*", "run"])
def test_a_first_start_may_be_killed_at_any_moment(embedded: Ground, appears: str) -> None:
    """Whatever it had done, the next start makes good, and shows how to sign in."""
    data = embedded.data(0)
    embedded.folder.mkdir()
    machine = Machine(embedded, 0, "--workers", "1")
    try:
        machine.launch()
        _soon(lambda: any(data.glob(appears)), "the first start comes that far")
        time.sleep(random.SystemRandom().uniform(0, 0.03))
    finally:
        machine.close()
    with installed(embedded, ["--workers", "1"]) as installation:
        assert _put(installation, "first.bin", b"first").status == 201


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


@contextlib.contextmanager
def _begun(installation: Installation, at: Opened, path: str) -> Iterator[None]:
    """An upload of which something is in the store already, dropped at the end of the block."""
    begun = LONG.bytes()[: 17 * MIB]
    with _sent(installation, path, {"Content-Length": str(LONG.size)}, begun):
        _soon(lambda: len(at.blobs.uploads().uploads) == 1, "the upload is in the store")
        yield


@contextlib.contextmanager
def _sent(
    installation: Installation, path: str, fields: dict[str, str], begun: bytes
) -> Iterator[socket.socket]:
    address = installation.machines[0].address
    connection = begin_put(address, installation.url(path), {**installation.key, **fields}, begun)
    with connection:
        yield connection


@contextlib.contextmanager
def _download(machine: Machine, request: str) -> Iterator[socket.socket]:
    """A download whose client takes little at a time."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.settimeout(TIMEOUT)
        connection.connect(machine.address)
        connection.sendall(f"{request}\r\n".encode("latin-1"))
        yield connection


def _put(installation: Installation, path: str, data: bytes) -> Answer:
    address = installation.machines[0].address
    return exchange(address, "PUT", installation.url(path), installation.key, data)


def _get(installation: Installation, path: str) -> Answer:
    address = installation.machines[0].address
    return exchange(address, "GET", installation.url(path), installation.key)


def _nothing_is_left(at: Opened) -> bool:
    found = look(at)
    assert not found.artifacts
    assert not found.blobs
    return at.blobs.uploads().uploads == () and at.blobs.list().entries == ()


def _soon(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < deadline, f"not within {SOON} s: {what}"
        time.sleep(0.002)
