"""A process that is full: who says nothing makes way, whoever has a request does not."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.server.connection import Connection
from app.server.limits import Limits
from app.server.parking import Stage
from app.server.room import making_way
from middleware.proxies import TrustedProxies
from tests.server.running import Server, running
from tests.server.wire import Reader, request, told

#: Loopback addresses beside 127.0.0.1, each a client of its own.
OTHER, THIRD = "127.0.0.2", "127.0.0.3"


@pytest.fixture
def full() -> Iterator[Server]:
    """Holds eight connections, and two of each client once it is full; waits long for heads."""
    limits = {"connections": 8, "head_seconds": 60.0, "close_seconds": 60.0, "drain_seconds": 60.0}
    with running("tests.server.samples:digest", threads=4, limits=limits) as server:
        yield server


@contextlib.contextmanager
def connected(server: Server, count: int, source: str = "127.0.0.1") -> Iterator[list[Any]]:
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                socket.create_connection(server.address, 10, source_address=(source, 0))
            )
            for _ in range(count)
        ]


def answered(server: Server, source: str) -> float:
    """Seconds until a new client has its answer."""
    began = time.monotonic()
    with connected(server, 1, source) as [late]:
        late.sendall(request("GET /late"))
        assert Reader(late).answer().text == told("/late", b"")
    return time.monotonic() - began


@pytest.mark.parametrize(
    "sent", [b"", b"G", request("GET /a", "Connection: close")], ids=["silent", "half", "ending"]
)
@pytest.mark.parametrize("source", ["127.0.0.1", OTHER])
def test_one_address_locks_nobody_out(full: Server, sent: bytes, source: str) -> None:
    """Four times as many as fit say nothing, a byte, or never end what the server ended."""
    with connected(full, 32) as flood:
        for connection in flood:
            with contextlib.suppress(ConnectionError):  # it made way already
                connection.sendall(sent)
        assert answered(full, source) < 5
        assert answered(full, source) < 5


def test_handshakes_that_hang_lock_nobody_out(identity: tuple[Path, Path]) -> None:
    limits = {"connections": 8, "head_seconds": 60.0}
    with (
        running("tests.server.samples:digest", tls=identity, limits=limits) as server,
        connected(server, 32) as flood,
    ):
        for connection in flood[::2]:
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"\x16\x03\x01\x02\x00\x01")
        with server.connect() as late:
            late.sendall(request("GET /late"))
            assert Reader(late).answer().text == told("/late", b"")


def test_a_request_under_way_never_makes_way(full: Server) -> None:
    """A body that is being received, and half a head of a client that has its share."""
    with connected(full, 2, OTHER) as [upload, half], connected(full, 32) as flood:
        upload.sendall(request("PUT /a", "Content-Length: 5"))
        half.sendall(b"GET /b HTTP/1.1\r\n")
        time.sleep(0.2)  # the flood is served by the same loop
        assert answered(full, THIRD) < 5
        assert flood[0].recv(1) == b""
        upload.sendall(b"hello")
        half.sendall(b"Host: test\r\n\r\n")
        assert Reader(upload).answer().text == told("/a", b"hello")
        assert Reader(half).answer().text == told("/b", b"")


def test_nobody_makes_way_before_somebody_comes(full: Server) -> None:
    """All of them may be one client's, as behind a proxy: full is no reason to close any."""
    with connected(full, 8) as held:
        time.sleep(0.3)
        for number, connection in enumerate(held):
            connection.sendall(request(f"GET /{number}"))
            assert Reader(connection).answer().text == told(f"/{number}", b"")


@pytest.fixture
def park() -> Iterator[Any]:
    """Makes what the loop waits for: an address, a stage, and what has been received."""
    with contextlib.ExitStack() as stack:

        def parked(address: str, stage: Stage, pending: bytes = b"") -> tuple[Connection, Stage]:
            near, far = socket.socketpair()
            stack.enter_context(near)
            stack.enter_context(far)
            connection = Connection(near, (address, "1"), ("", ""), Limits())
            connection.pending = pending
            return connection, stage

        yield parked


def names(waiting: dict[str, tuple[Connection, Stage]], share: int) -> list[str]:
    found = {connection: name for name, (connection, _) in waiting.items()}
    going = making_way(waiting.values(), TrustedProxies(), share)
    return [found[connection] for connection in going]


def test_whoever_holds_most_goes_first(park: Any) -> None:
    """And of one client the connection that has waited longest."""
    waiting = {
        "idle": park("192.0.2.1", Stage.IDLE),
        "first": park("192.0.2.2", Stage.HEAD),
        "second": park("::ffff:192.0.2.2", Stage.IDLE),
    }
    assert names(waiting, 10) == ["first", "second", "idle"]


def test_beyond_its_share_a_client_keeps_no_half_heads(park: Any) -> None:
    """What has nothing of a request goes before what has."""
    waiting = {
        "half": park("192.0.2.1", Stage.HEAD, b"G"),
        "closing": park("192.0.2.1", Stage.CLOSING),
        "drain": park("192.0.2.1", Stage.DRAIN),
        "silent": park("192.0.2.1", Stage.HEAD),
        "other": park("192.0.2.2", Stage.HEAD, b"G"),
        "spared": park("192.0.2.2", Stage.CLOSING),
    }
    assert names(waiting, 4) == ["silent"]
    assert names(waiting, 2) == ["silent", "half"]


def test_a_network_of_ipv6_is_one_client(park: Any) -> None:
    waiting = {
        "one": park("2001:db8::1", Stage.HEAD, b"G"),
        "two": park("2001:db8::ffff:2", Stage.HEAD, b"G"),
        "else": park("2001:db8:0:1::1", Stage.HEAD, b"G"),
    }
    assert names(waiting, 1) == ["one"]
