"""TLS with real sockets: 1.2 is the floor, and a handshake that hangs is nobody else's trouble."""

import os
import socket
import ssl
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.running import Server, read_all, running
from tests.server.wire import Reader, parse, request, told

CLOSE = "Connection: close"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    data = os.urandom(2_000_000)
    path = tmp_path_factory.mktemp("sample") / "file"
    path.write_bytes(data)
    return path, data


@pytest.fixture(scope="module")
def server(identity: tuple[Path, Path], content: tuple[Path, bytes]) -> Iterator[Server]:
    limits = {"head_seconds": 1.0, "stall_seconds": 0.7, "drain_seconds": 1.0}
    environment = {"SAMPLE_FILE": str(content[0])}
    target = "tests.server.samples:answers"
    with running(
        target, threads=2, tls=identity, environment=environment, limits=limits
    ) as running_server:
        yield running_server


@pytest.fixture(scope="module")
def reader(identity: tuple[Path, Path]) -> Iterator[Server]:
    limits = {"stall_seconds": 0.7}
    with running("tests.server.samples:digest", tls=identity, limits=limits) as running_server:
        yield running_server


def offer(server: Server, version: ssl.TLSVersion) -> str | None:
    """What is agreed on with a client that speaks `version` alone, and takes any cipher."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(server.address, timeout=10) as raw,
        context.wrap_socket(raw) as connection,
    ):
        connection.sendall(request("GET /hello", CLOSE))
        assert parse(read_all(connection))[0].text == "hello"
        return connection.version()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_than_1_2_is_refused(server: Server, version: ssl.TLSVersion) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        offer(server, version)


def test_1_2_and_1_3_are_taken(server: Server) -> None:
    assert offer(server, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    assert offer(server, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"


def test_the_floor_is_no_ones_weakness_but_the_servers(server: Server) -> None:
    """A hello for TLS 1.0 in raw bytes is answered with an alert: it is the server that refuses,
    not this machine's client library."""
    hello = bytes.fromhex("16030100310100002d0301" + "00" * 32 + "00" + "0006002f0035000a" + "0100")
    with socket.create_connection(server.address, timeout=10) as raw:
        raw.sendall(hello[:3] + (len(hello) - 5).to_bytes(2, "big") + hello[5:])
        answer = read_all_quietly(raw)
    assert answer[:1] in (b"\x15", b"")
    assert b"HTTP" not in answer


@pytest.mark.parametrize("head", ["GET /hello", "PUT /hello", "POST /" + "a" * 5000])
def test_a_request_in_clear_is_told_so(server: Server, head: str) -> None:
    with socket.create_connection(server.address, timeout=10) as raw:
        raw.sendall(request(head, "Content-Length: 5", body=b"hello"))
        [answer] = parse(read_all(raw))
    assert answer.status == 400
    assert answer.text == "This port takes TLS alone: use https:// here.\n"


def read_all_quietly(connection: socket.socket) -> bytes:
    try:
        return read_all(connection)
    except ConnectionResetError:
        return b""


def test_requests_know_that_they_are_secure(server: Server) -> None:
    [answer] = parse(server.exchange(request("GET /environ", CLOSE)))
    assert "wsgi.url_scheme=https" in answer.text.split("\n")


def test_bodies_and_files_are_whole(
    server: Server, reader: Server, content: tuple[Path, bytes]
) -> None:
    body = content[1]
    with reader.connect() as connection:
        answers = Reader(connection)
        for _ in range(3):
            connection.sendall(request("PUT /a", f"Content-Length: {len(body)}", body=body))
            assert answers.answer().text == told("/a", body)
    with server.connect() as connection:
        answers = Reader(connection)
        for start, length in ((0, 2_000_000), (5, 1000), (1, 300_001)):
            connection.sendall(request(f"GET /file?{start}-{length}"))
            assert answers.answer().body == body[start : start + length]


def test_pipelined_requests_are_answered(reader: Server) -> None:
    """What TLS has decrypted already is seen by no poll."""
    with reader.connect() as connection:
        connection.sendall(b"".join(request(f"GET /{number}") for number in range(50)))
        answers = Reader(connection)
        for number in range(50):
            assert answers.answer().text == told(f"/{number}", b"")


def test_stalls_end_in_time(server: Server, reader: Server) -> None:
    with reader.connect() as connection:
        connection.sendall(request("PUT /a", "Content-Length: 10", body=b"hello"))
        assert Reader(connection).answer().text == "BodyTooSlow"
    assert server.tls is not None
    with (
        socket.create_connection(server.address, timeout=10) as raw,
        server.tls.wrap_socket(raw, suppress_ragged_eofs=False) as connection,
    ):
        connection.sendall(request("GET /large"))
        time.sleep(1.5)
        # Without close_notify: no client takes it for the end.
        with pytest.raises((ConnectionResetError, ssl.SSLEOFError)):
            read_all(connection)


def test_handshakes_that_hang_hold_nothing(server: Server) -> None:
    """Silent, trickling and half-done ones, ten times as many as there are threads."""
    slow = [socket.create_connection(server.address, timeout=10) for _ in range(20)]
    try:
        for connection in slow[::2]:
            connection.sendall(b"\x16\x03\x01\x02\x00\x01")
        began = time.monotonic()
        assert b"hello" in server.exchange(request("GET /hello", CLOSE))
        assert time.monotonic() - began < 5  # held, it would be 10 s
        for connection in slow:
            assert read_all_quietly(connection)[:1] in (b"", b"\x15")
        assert time.monotonic() - began < 15
    finally:
        for connection in slow:
            connection.close()


def test_plain_http_gets_nothing(server: Server) -> None:
    with socket.create_connection(server.address, timeout=10) as raw:
        raw.sendall(request("GET /hello"))
        assert b"hello" not in read_all_quietly(raw)


def test_the_end_is_said(server: Server) -> None:
    """With close_notify: a client can tell an end from a cut (RFC 8446 section 6.1)."""
    assert server.tls is not None
    with (
        socket.create_connection(server.address, timeout=10) as raw,
        server.tls.wrap_socket(raw, suppress_ragged_eofs=False) as connection,
    ):
        connection.sendall(request("GET /hello", CLOSE))
        assert parse(read_all(connection))[0].text == "hello"


def test_a_refused_upload_is_seen(server: Server) -> None:
    """As in clear: the answer waits behind what the client sends first."""
    with server.connect() as connection:
        connection.sendall(request("PUT /broken-before", "Content-Length: 8000000"))
        for _ in range(8):
            connection.sendall(b"x" * 1_000_000)
        assert Reader(connection).answer().status == 500
