"""Answers on their way out: exact lengths, files, and never a part that looks whole."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.running import Server, read_all, running
from tests.server.wire import Reader, parse, request

SIZE = 3_000_000
CLOSE = "Connection: close"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    data = os.urandom(SIZE)
    path = tmp_path_factory.mktemp("sample") / "file"
    path.write_bytes(data)
    return path, data


@pytest.fixture(scope="module")
def server(content: tuple[Path, bytes]) -> Iterator[Server]:
    with running(
        "tests.server.samples:answers",
        threads=8,
        environment={"SAMPLE_FILE": str(content[0])},
        limits={"stall_seconds": 0.7},
    ) as running_server:
        yield running_server


@pytest.mark.parametrize(
    "start, length",
    [
        (0, 0),
        (0, 1),
        (7, 1000),
        (0, 65_536),
        (1, 65_537),
        (4095, 2_000_000),
        (SIZE - 3, 3),
        (0, SIZE),
        (0, None),
        (SIZE - 10, None),
    ],
)
def test_a_file_is_sent_from_where_it_stands_and_no_further(
    server: Server, content: tuple[Path, bytes], start: int, length: int | None
) -> None:
    end = SIZE if length is None else start + length
    with server.connect() as connection:
        answers = Reader(connection)
        for _ in range(2):
            connection.sendall(request(f"GET /file?{start}-{'' if length is None else length}"))
            answer = answers.answer()
            assert answer.fields["content-length"] == str(end - start)
            assert answer.body == content[1][start:end]


@pytest.mark.parametrize("length", [100, 70_000, SIZE])
def test_a_file_shorter_than_promised_is_no_answer(server: Server, length: int) -> None:
    """A small one is a 500, for its head was not sent; a large one is cut."""
    query = f"{SIZE - length + 1}-{length}"
    with server.connect() as connection:
        connection.sendall(request(f"GET /file?{query}"))
        if length == 100:
            assert Reader(connection).answer().status == 500
        else:
            with pytest.raises((ConnectionResetError, EOFError)):
                Reader(connection).answer()


def test_a_file_in_memory_is_sent_as_well(server: Server) -> None:
    [answer] = parse(server.exchange(request("GET /memory-file", CLOSE)))
    assert answer.body == b"m" * 300_000


def test_pieces_without_a_length_are_chunked(server: Server) -> None:
    data = server.exchange(request("GET /pieces", CLOSE))
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"\r\nTransfer-Encoding: chunked" in head
    assert body == b"4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"


def test_old_clients_get_no_chunks(server: Server) -> None:
    [answer] = parse(server.exchange(b"GET /pieces HTTP/1.0\r\n\r\n"))
    assert answer.body == b"one two"
    assert answer.fields["connection"] == "close"


def test_old_clients_may_keep_the_connection(server: Server) -> None:
    with server.connect() as connection:
        answers = Reader(connection)
        for _ in range(2):
            connection.sendall(b"GET /hello HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
            answer = answers.answer()
            assert (answer.text, answer.fields["connection"]) == ("hello", "keep-alive")


@pytest.mark.parametrize(
    "line, status, length",
    [
        ("HEAD /200", 200, "5"),
        ("HEAD /hello", 200, "5"),
        ("HEAD /file?0-100000", 200, "100000"),
        ("HEAD /large", 200, str(64 << 20)),
        ("GET /304", 304, "5"),
        ("HEAD /304", 304, "5"),
        ("GET /204", 204, None),
    ],
)
def test_what_has_no_body_sends_none(
    server: Server, line: str, status: int, length: str | None
) -> None:
    """Whatever the application returns; the connection goes on with the next request."""
    with server.connect() as connection:
        answers = Reader(connection)
        for _ in range(2):
            connection.sendall(request(line))
            answer = answers.answer(bodyless=True)
            assert answer.status == status
            assert answer.fields.get("content-length") == length
            assert "transfer-encoding" not in answer.fields
        connection.sendall(request("GET /hello"))
        assert answers.answer().text == "hello"


@pytest.mark.parametrize("path", ["/broken?length", "/broken", "/short", "/long"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_failure_in_the_middle_is_a_reset(server: Server, path: str, version: str) -> None:
    """Neither lengths nor chunks nor an end make a part look whole; a body that is longer than
    it said is found out before any of it is sent, and is a 500."""
    with server.connect() as connection:
        connection.sendall(f"GET {path} HTTP/{version}\r\nHost: test\r\n\r\n".encode())
        if path == "/long":
            assert Reader(connection).answer().status == 500
            return
        with pytest.raises(ConnectionResetError):
            read_all(connection)


def test_a_failure_before_the_answer_is_a_problem_without_its_cause(server: Server) -> None:
    for path in ("/broken-before", "/splitting"):
        [answer] = parse(server.exchange(request(f"GET {path}")))
        assert answer.status == 500
        assert answer.problem["status"] == 500
        assert b"marked-secret-cause" not in answer.body
        assert "set-cookie" not in answer.fields
        assert f"request {answer.problem['request']} failed" in server.errors()


def test_a_failure_behind_a_whole_answer_leaves_it_whole(server: Server) -> None:
    [answer] = parse(server.exchange(request("GET /bad-end")))
    assert answer.text == "hello"


def test_an_application_that_exits_ends_no_thread(server: Server) -> None:
    """More often than there are threads."""
    for _ in range(10):
        with server.connect() as connection, pytest.raises(ConnectionResetError):
            connection.sendall(request("GET /exit"))
            read_all(connection)
    assert b"hello" in server.exchange(request("GET /hello", CLOSE))


def test_a_failed_head_request_gets_no_body(server: Server) -> None:
    answer = server.exchange(request("HEAD /broken-before"))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert answer.endswith(b"\r\n\r\n")


def test_a_client_that_does_not_read_is_cut_in_time(server: Server) -> None:
    """64 MiB are more than any buffer: the thread is free again, and the log says so."""
    before = len(server.access())
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(server.address)
        connection.sendall(request("GET /large"))
        began = time.monotonic()
        while len(server.access()) == before:
            assert time.monotonic() - began < 6
            time.sleep(0.05)
        assert time.monotonic() - began > 0.5
        assert server.access()[-1]["whole"] is False
        with pytest.raises(ConnectionResetError):
            read_all(connection)


def test_a_large_answer_is_whole(server: Server) -> None:
    [answer] = parse_large(server)
    assert answer == b"".join(bytes([number]) * (1 << 20) for number in range(64))


def parse_large(server: Server) -> list[bytes]:
    with server.connect() as connection:
        connection.sendall(request("GET /large"))
        return [Reader(connection).answer().body]
