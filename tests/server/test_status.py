"""The status listener: alive while every thread is busy, and bounded in what it gives clients."""

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from app.server.status import CLIENTS, Readiness, StatusListener, bind_status
from tests.server.running import Server, read_all, running
from tests.server.wire import Answer, parse, request


def ask(address: tuple[str, int], sent: bytes) -> Answer:
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(sent)
        [answer] = parse(read_all(connection))
    return answer


def test_a_service_busy_to_its_last_thread_says_that_it_is_alive(tmp_path: Path) -> None:
    """And what the stores are doing, and how many requests are in flight."""
    environment = {"SAMPLE_METRICS": str(tmp_path)}
    target = "tests.server.samples:sleeping"
    with running(target, threads=2, status=True, environment=environment) as server:
        assert server.status is not None
        waiting = [server.connect() for _ in range(6)]
        for connection in waiting:
            connection.sendall(request("GET /a?30"))
        wait_for_gauge(server.status, 2)
        assert ask(server.status, request("GET /healthz")).text == '{"status":"ok"}'
        ready = ask(server.status, request("GET /readyz"))
        assert (ready.status, json.loads(ready.body)["checks"]["metadata"]) == (200, "ok")
        (tmp_path / "state").write_text("away")
        time.sleep(1.1)  # what was found serves for a second
        ready = ask(server.status, request("GET /readyz"))
        assert (ready.status, json.loads(ready.body)["checks"]["metadata"]) == (503, "away")
        for connection in waiting:
            connection.close()
        server.process.kill()  # nobody waits 30 s for these


def wait_for_gauge(address: tuple[str, int], value: int) -> None:
    line = f"\nstrongroom_http_requests_in_flight {value}\n"
    end = time.monotonic() + 10
    while line not in ask(address, request("GET /metrics")).text:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_metrics_are_the_sum_of_all_workers_and_outlive_them(tmp_path: Path) -> None:
    """Whoever is asked gives the same numbers, and none goes back when a worker is killed."""
    environment = {"SAMPLE_METRICS": str(tmp_path)}
    target = "tests.server.samples:sleeping"
    with running(target, workers=2, status=True, environment=environment) as server:
        assert server.status is not None
        seen = set()
        for sent in range(1, 41):
            answer = server.exchange(request("GET /a", "Connection: close"))
            seen.add(answer.rpartition(b"\r\n\r\n")[2])
            assert counted(server) == sent
        killed = server.workers()[0]
        kill(server, killed)
        for sent in range(41, 61):
            server.exchange(request("GET /a", "Connection: close"))
            assert counted(server) == sent
        assert len(seen) == 2, "one worker answered everything: this run shows nothing"


def counted(server: Server) -> int:
    """Retried for a moment: a request is counted behind its answer."""
    assert server.status is not None
    line = 'strongroom_http_requests_total{route="/{name}",method="GET",status="200"} '
    text = ""
    for _ in range(3):
        time.sleep(0.01)
        text = ask(server.status, request("GET /metrics")).text
    return int(text.split(line)[1].split("\n")[0])


def kill(server: Server, process: int) -> None:
    import os
    import signal

    os.kill(process, signal.SIGKILL)
    end = time.monotonic() + 15
    while process in server.workers() or len(server.workers()) < 2:
        assert time.monotonic() < end
        time.sleep(0.05)


class Stores:
    """Checks that can be held up."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.calls = 0

    def __call__(self) -> Mapping[str, str]:
        self.calls += 1
        self.go.wait(10)
        return {"blobs": "ok"}


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.go.set()


@pytest.fixture
def address(stores: Stores) -> Iterator[tuple[str, int]]:
    """A listener in this process, with little patience."""
    with bind_status("127.0.0.1:0") as listener:
        StatusListener(listener, stores, lambda: "a 1\n", client_seconds=0.5).start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "sent, status",
    [
        (request("GET /healthz"), 200),
        (request("GET /healthz?verbose"), 200),
        (b"GET /readyz HTTP/1.0\r\n\r\n", 200),
        (request("GET /metrics"), 200),
        (request("GET /"), 404),
        (request("GET /../etc/passwd"), 404),
        (request("POST /healthz"), 405),
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\r\n\r\n", 400),
    ],
)
def test_three_paths_and_no_more(address: tuple[str, int], sent: bytes, status: int) -> None:
    assert ask(address, sent).status == status


def test_metrics_are_of_prometheus_kind(address: tuple[str, int]) -> None:
    answer = ask(address, request("GET /metrics"))
    assert answer.fields["content-type"].startswith("text/plain; version=0.0.4")
    assert answer.text == "a 1\n"


def test_slow_clients_end_in_time_and_others_are_answered(address: tuple[str, int]) -> None:
    """Silent ones, as many as there are threads, delay others by their patience and no more."""
    slow = [socket.create_connection(address, timeout=10) for _ in range(CLIENTS)]
    try:
        began = time.monotonic()
        assert ask(address, request("GET /healthz")).status == 200
        assert time.monotonic() - began < 8
        assert slow[0].recv(1) == b""
    finally:
        for connection in slow:
            connection.close()


def test_too_long_requests_are_dropped(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 20_000)
        with pytest.raises(ConnectionResetError):
            assert read_all(connection) == b"", "it is closed without an answer"
            raise ConnectionResetError


def test_a_store_that_hangs_does_not_hide_that_the_service_is_alive(
    address: tuple[str, int], stores: Stores
) -> None:
    stores.go.clear()
    waiting = [socket.create_connection(address, timeout=10) for _ in range(CLIENTS // 2)]
    try:
        for connection in waiting:
            connection.sendall(request("GET /readyz"))
        time.sleep(0.2)
        assert ask(address, request("GET /healthz")).status == 200
        busy = ask(address, request("GET /readyz"))
        assert busy.status == 503
        stores.go.set()
        for connection in waiting:
            assert parse(read_all(connection))[0].status == 200
    finally:
        for connection in waiting:
            connection.close()
    assert stores.calls == 1, "what one caller found serves the others"


def test_checks_that_take_too_long_are_said_to() -> None:
    stores = Stores()
    stores.go.clear()
    readiness = Readiness(stores, patience=0.1)
    first = threading.Thread(target=readiness.found)
    first.start()
    while not stores.calls:
        time.sleep(0.01)
    assert readiness.found() == {"checks": "no answer within 0.1 s"}
    stores.go.set()
    first.join()
    assert readiness.found() == {"blobs": "ok"}


def test_a_check_that_fails_is_told_without_its_words() -> None:
    def fail() -> Mapping[str, str]:
        raise RuntimeError("marked-secret-cause")

    with bind_status("127.0.0.1:0") as listener:
        reply = StatusListener(listener, fail, None).reply(request("GET /readyz"))
    assert reply.status.startswith("500")
    assert b"marked-secret" not in reply.body
