"""Bodies on their way in: framing, stalls, continuing, refusals."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests import parts
from tests.server.running import Server, read_all
from tests.server.wire import Reader, parse, request, told

CHUNKED = "Transfer-Encoding: chunked"
CLOSE = "Connection: close"


def test_several_requests_share_a_connection(reader: Server) -> None:
    with reader.connect() as connection:
        answers = Reader(connection)
        for number in range(5):
            body = b"x" * number * 50_000
            connection.sendall(request(f"PUT /{number}", f"Content-Length: {len(body)}", body=body))
            assert answers.answer().text == told(f"/{number}", body)


def test_pipelined_requests_are_answered_in_order(reader: Server) -> None:
    """Lengths, chunks and no bodies, all sent at once, cut anywhere."""
    sent, expected = b"", []
    for number in range(30):
        body = bytes([number]) * (number * 100)
        path = f"/{number}"
        if number % 3 == 0:
            sent += request(f"PUT {path}", f"Content-Length: {len(body)}", body=body)
        elif number % 3 == 1:
            coded = b"".join(
                b"%x\r\n%s\r\n" % (len(body[at : at + 70]), body[at : at + 70])
                for at in range(0, len(body), 70)
            )
            sent += request(f"PUT {path}", CHUNKED, body=coded + b"0\r\n\r\n")
        else:
            body = b""
            sent += request(f"GET {path}")
        expected.append(told(path, body))
    with reader.connect() as connection:
        for at in range(0, len(sent), 4111):
            connection.sendall(sent[at : at + 4111])
        answers = Reader(connection)
        assert [answers.answer().text for _ in expected] == expected


def test_bytes_behind_the_length_are_another_request(reader: Server) -> None:
    """Never a part of the body: here they are no request, and are refused as one."""
    sent = request("PUT /a", "Content-Length: 5", body=b"hello and more\r\n\r\n")
    first, second = parse(reader.exchange(sent))
    assert first.text == told("/a", b"hello")
    assert second.problem["status"] == 400


@pytest.mark.parametrize("field", ["Content-Length: 10", CHUNKED])
def test_a_body_without_its_end_is_no_body(reader: Server, field: str) -> None:
    with reader.connect() as connection:
        body = b"hello" if "Length" in field else b"5\r\nhello\r\n"
        connection.sendall(request("PUT /a", field, body=body))
        connection.shutdown(socket.SHUT_WR)
        [answer] = parse(read_all(connection))
    assert (answer.status, answer.text) == (400, "BodyIncomplete")


def test_a_half_closed_client_gets_its_answer(reader: Server) -> None:
    with reader.connect() as connection:
        connection.sendall(request("PUT /a", "Content-Length: 5", body=b"hello"))
        connection.shutdown(socket.SHUT_WR)
        [answer] = parse(read_all(connection))
    assert answer.text == told("/a", b"hello")


@pytest.mark.parametrize(
    "body", [b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n", b"zz\r\n", b"0\r\nX : y\r\n\r\n"]
)
def test_bad_chunks_end_the_connection(impatient: Server, body: bytes) -> None:
    [answer] = parse(impatient.exchange(request("PUT /a", CHUNKED, body=body + request("GET /b"))))
    assert (answer.status, answer.text) == (400, "BodyMalformed")
    assert answer.fields["connection"] == "close"


@pytest.mark.parametrize("size", [0, 1, 65_536, 99_999, 100_000, 3_000_000])
@pytest.mark.parametrize("chunk", [1000, 70_000, 1 << 20])
def test_chunked_bodies_of_any_size_are_whole(reader: Server, size: int, chunk: int) -> None:
    body = os.urandom(size)
    sent = bytearray(request("PUT /a", CHUNKED, CLOSE))
    for at in range(0, size, chunk):
        piece = body[at : at + chunk]
        sent += b"%x\r\n" % len(piece) + piece + b"\r\n"
    [answer] = parse(reader.exchange(bytes(sent) + b"0\r\nX-Trailer: a\r\n\r\n"))
    assert answer.text == told("/a", body)


def test_a_stalled_body_ends_in_time(impatient: Server) -> None:
    with impatient.connect() as connection:
        connection.sendall(request("PUT /a", "Content-Length: 10", body=b"hello"))
        began = time.monotonic()
        answer = Reader(connection).answer()
    assert (answer.status, answer.text) == (408, "BodyTooSlow")
    assert 0.4 < time.monotonic() - began < 6


def test_a_slow_body_is_read_for_as_long_as_it_moves(impatient: Server) -> None:
    """Longer in all than any stall may be."""
    with impatient.connect() as connection:
        connection.sendall(request("PUT /a", "Content-Length: 8"))
        for _ in range(8):
            connection.sendall(b"x")
            time.sleep(0.15)
        assert Reader(connection).answer().text == told("/a", b"x" * 8)


def test_continue_is_sent_when_the_body_is_read(reader: Server) -> None:
    with reader.connect() as connection:
        answers = Reader(connection)
        connection.sendall(request("PUT /a", "Content-Length: 5", "Expect: 100-Continue"))
        assert answers.answer().status == 100
        connection.sendall(b"hello")
        assert answers.answer().text == told("/a", b"hello")


def test_continue_is_not_sent_to_who_is_refused(refuser: Server) -> None:
    """Not a byte of the body is asked for, and the connection ends: nobody could know whether
    what comes next is the body or a request."""
    with refuser.connect() as connection:
        connection.sendall(request("PUT /a", "Content-Length: 5", "Expect: 100-continue"))
        answers = Reader(connection)
        answer = answers.answer()
        assert (answer.status, answer.fields["connection"]) == (401, "close")
        connection.sendall(request("GET /smuggled"))
        assert answers.at_end()


def test_continue_is_not_sent_for_no_body_nor_to_old_clients(reader: Server) -> None:
    [answer] = parse(reader.exchange(request("GET /a", "Expect: 100-continue", CLOSE)))
    assert answer.text == told("/a", b"")
    old = b"PUT /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
    [answer] = parse(reader.exchange(old))
    assert answer.text == told("/a", b"hello")


def test_a_small_refused_body_leaves_the_connection(refuser: Server) -> None:
    with refuser.connect() as connection:
        answers = Reader(connection)
        for _ in range(3):
            connection.sendall(request("PUT /a", "Content-Length: 5000", body=b"x" * 5000))
            answer = answers.answer()
            assert answer.status == 401
            assert "connection" not in answer.fields


@pytest.mark.parametrize("field", ["Content-Length: 12000000", CHUNKED])
def test_a_client_that_sends_all_first_sees_its_refusal(refuser: Server, field: str) -> None:
    """One that reads nothing until its 12 MB are out: the answer waits for it behind them."""
    with refuser.connect() as connection:
        connection.sendall(request("PUT /a", field))
        for _ in range(12):
            piece = b"x" * 1_000_000
            if field == CHUNKED:
                piece = b"%x\r\n" % len(piece) + piece + b"\r\n"
            connection.sendall(piece)
        answers = Reader(connection)
        answer = answers.answer()
        assert (answer.status, answer.fields["connection"]) == (401, "close")
        if field == CHUNKED:
            connection.shutdown(socket.SHUT_WR)
        assert answers.at_end()


def test_refused_bodies_hold_no_threads(refuser: Server) -> None:
    """Twice as many as there are threads are drained, and others are served meanwhile."""
    sending = [refuser.connect() for _ in range(16)]
    try:
        for connection in sending:
            connection.sendall(request("PUT /a", "Content-Length: 1000000"))
        began = time.monotonic()
        assert b" 401 " in refuser.exchange(request("GET /b", CLOSE))
        assert time.monotonic() - began < 4  # held, it would be 10 s
    finally:
        for connection in sending:
            connection.close()


def test_draining_ends(impatient: Server) -> None:
    """A client that goes on and on with what is refused is cut at last."""
    with impatient.connect() as connection:
        connection.sendall(request("PUT /a", CHUNKED, body=b"zz\r\n"))
        began = time.monotonic()
        with pytest.raises(OSError):
            send_for(connection, 10)
        assert time.monotonic() - began < 9


def send_for(connection: socket.socket, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        connection.sendall(b"x" * 1000)
        time.sleep(0.02)


@pytest.mark.parametrize("expect", [[], ["-H", "Expect:"]])
def test_curl_shows_the_refusal_of_a_large_upload(
    refuser: Server, tmp_path: Path, expect: list[str]
) -> None:
    """With `Expect` no byte is sent; without it curl is told while it sends."""
    curl = parts.tool("curl")
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(200 << 20)
    told = '{"code": %{http_code}, "sent": %{size_upload}}'
    command = [curl, "-sS", "-T", large, "-o", os.devnull, "-w", told, *expect]
    done = subprocess.run(
        [*command, refuser.url + "/a"], capture_output=True, timeout=60, check=False
    )
    found = json.loads(done.stdout)
    assert found["code"] == 401, done.stderr
    assert found["sent"] == 0 or expect


def test_an_unread_body_of_an_expecting_curl_is_read_when_wanted(
    reader: Server, tmp_path: Path
) -> None:
    curl = parts.tool("curl")
    body = os.urandom(3_000_000)
    (tmp_path / "file").write_bytes(body)
    command = [curl, "-sS", "-T", tmp_path / "file", reader.url + "/a"]
    assert subprocess.check_output(command, timeout=60).decode() == told("/a", body)
    chunked = [*command, "-H", CHUNKED]
    assert subprocess.check_output(chunked, timeout=60).decode() == told("/a", body)
