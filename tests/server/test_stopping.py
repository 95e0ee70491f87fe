"""SIGTERM, SIGKILL, and what becomes of what is in flight."""

import os
import signal
import socket
import time
from pathlib import Path

from tests.server.running import Server, all_read, running, wait_for
from tests.server.wire import Reader, request, told


def test_a_transfer_in_flight_is_finished_and_the_exit_is_zero() -> None:
    """Nothing new is accepted meanwhile, and an idle connection is closed at once."""
    with running("tests.server.samples:digest", workers=2) as server:
        with server.connect() as upload, server.connect() as idle:
            idle.sendall(request("GET /idle"))
            assert Reader(idle).answer().status == 200
            upload.sendall(request("PUT /a", "Content-Length: 1000000", body=b"x" * 1000))
            wait_for(lambda: all_read(server.address))
            server.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert idle.recv(1) == b""
            assert time.monotonic() - began < 12  # and not the whole grace
            wait_for(lambda: not accepts(server))
            upload.sendall(b"x" * 999_000)
            answer = Reader(upload).answer()
            assert answer.text == told("/a", b"x" * 1_000_000)
            assert answer.fields["connection"] == "close"
        assert server.process.wait(10) == 0


def test_what_outlasts_the_grace_is_cut_and_told() -> None:
    """The application gets an error while there is time left to clean up; the exit is 0."""
    with running(
        "tests.server.samples:digest",
        limits={"cleanup_seconds": 27.0, "stall_seconds": 60.0},  # of 28: a grace of one second
    ) as server:
        with server.connect() as upload:
            upload.sendall(request("PUT /a", "Content-Length: 1000000", body=b"x" * 1000))
            wait_for(lambda: all_read(server.address))
            began = time.monotonic()
            assert server.stop(timeout=20) == 0
            assert 0.9 < time.monotonic() - began < 15
        [line] = server.access()
        assert (line["status"], line["bytes_in"]) == (400, 1000)
        assert "1 transfers were cut" in server.errors()


def test_idle_servers_stop_at_once() -> None:
    with running("tests.server.samples:digest", workers=2) as server:
        # A worker that is still being made knows no signals.
        wait_for(lambda: all(knows_signals(worker) for worker in server.workers()))
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 12  # and not the whole grace


def test_a_killed_worker_is_replaced_and_the_other_serves(tmp_path: Path) -> None:
    environment = {"SAMPLE_METRICS": str(tmp_path)}
    with running("tests.server.samples:sleeping", workers=2, environment=environment) as server:
        before = set(server.workers())
        assert len(before) == 2
        os.kill(min(before), signal.SIGKILL)
        for _ in range(20):
            answer = server.exchange(request("GET /a", "Connection: close"))
            assert answer.startswith(b"HTTP/1.1 200")
        wait_for(lambda: len(set(server.workers()) - {min(before)}) == 2)
        assert server.stop() == 0


def test_workers_end_with_their_master() -> None:
    with running("tests.server.samples:digest", workers=2) as server:
        workers = server.workers()
        server.process.kill()
        server.process.wait()
        wait_for(lambda: not any(alive(worker) for worker in workers))


def knows_signals(worker: int) -> bool:
    """Whether a worker handles signals itself: one that is new does as its master, who waits
    for the ends of children."""
    status = Path(f"/proc/{worker}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return not caught >> (signal.SIGCHLD - 1) & 1


def alive(process: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def accepts(server: Server) -> bool:
    try:
        socket.create_connection(server.address, 1).close()
    except OSError:
        return False
    return True
