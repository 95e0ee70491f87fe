"""Servers that mean harm, or are broken: everything ends, and nothing grows."""

import gzip
import socket
import time
from collections.abc import Callable
from typing import TypeAlias

import pytest

from app.outgoing import BadAnswer, Bounds, CutShort, OutgoingError, Unreachable, Url
from tests.outgoing.servers import SMALL, client, saying

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"

Script: TypeAlias = bytes | Callable[[socket.socket], None]


def _drip(piece: bytes, seconds: float, first: bytes = b"") -> Callable[[socket.socket], None]:
    """Sends some of it again and again, until nobody listens any more."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(piece)
            time.sleep(seconds)

    return drip


def _hold(first: bytes) -> Callable[[socket.socket], None]:
    def hold(connection: socket.socket) -> None:
        connection.sendall(first)
        connection.recv(1)

    return hold


def test_what_a_server_says_does_nothing_to_a_terminal() -> None:
    for said in (b"\x1b]0;owned\x07 no HTTP\r\n\r\n", OK + b"X\x1b[2J: a\r\n\r\n"):
        with saying(said) as text, client() as fetching, pytest.raises(BadAnswer) as raised:
            fetching.get(Url.parse(text), limit=10)
        assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    "script",
    [
        _hold(b""),
        _hold(OK),
        _hold(OK + b"Content-Length: 5\r\n\r\nhel"),
        _drip(b"A", 0.05, OK),
        _drip(b"A", 0.05, OK + b"Content-Length: 500\r\n\r\n"),
        _drip(b"A" * 500, 0.05, OK + b"Content-Length: 500000\r\n\r\n"),
        _drip(b"1\r\nA\r\n", 0.05, OK + CHUNKED),
    ],
)
def test_a_document_that_does_not_come_is_not_waited_for(script: Script) -> None:
    with (
        saying(script) as text,
        client(bounds=SMALL) as fetching,
        pytest.raises(Unreachable, match=r"too (long|slow)") as raised,
    ):
        fetching.get(Url.parse(text), limit=1_000_000)
    assert raised.value.passes


@pytest.mark.parametrize(
    "script, error, why",
    [
        (_drip(b"A: b\r\n" * 500, 0, OK), BadAnswer, "64 KiB"),
        (_drip(b"A" * 5000, 0, OK), BadAnswer, "64 KiB"),
        (_drip(b"A" * 5000, 0), BadAnswer, "64 KiB"),
        (_drip(b"HTTP/1.1 100 Continue\r\n\r\n", 0), BadAnswer, "interim"),
        (_drip(b"A" * 5000, 0, OK + b"\r\n"), BadAnswer, "larger than"),
        (_drip(b"5\r\n01234\r\n" * 500, 0, OK + CHUNKED), BadAnswer, "larger than"),
        (OK + b"Content-Length: 9999999999999\r\n\r\n", BadAnswer, "larger than"),
        (OK + b"Content-Length: 10\r\n\r\nhello", CutShort, "5 bytes before the end"),
        (OK + b"Content-Length: 10\r\nContent-Length: 5\r\n\r\nhello", BadAnswer, "proper"),
        (b"", Unreachable, "without an answer"),
        (b"HTTP/1.1 20", BadAnswer, "middle"),
        (b"220 mail.test ESMTP\r\n\r\n", BadAnswer, "does not answer as an HTTP"),
    ],
)
def test_a_document_that_is_none_is_refused(
    script: Script, error: type[OutgoingError], why: str
) -> None:
    with saying(script) as text, client() as fetching, pytest.raises(error, match=why) as raised:
        fetching.get(Url.parse(text), limit=100_000)
    assert raised.value.passes == isinstance(raised.value, Unreachable | CutShort)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    answer = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    with saying(answer) as text, client() as fetching, pytest.raises(BadAnswer, match="larger"):
        fetching.get(Url.parse(text), limit=100_000)


@pytest.mark.parametrize(
    "script, error",
    [
        (OK + b"Content-Length: 10\r\n\r\nhello", CutShort),
        (OK + CHUNKED + b"5\r\nhello\r\n", CutShort),
        (_hold(OK + b"Content-Length: 10\r\n\r\nhello"), Unreachable),
        (_drip(b"A", 0.05, OK + b"Content-Length: 5000\r\n\r\n"), Unreachable),
        (_drip(b"A: b\r\n", 0, OK + CHUNKED + b"0\r\n"), BadAnswer),
    ],
)
def test_a_file_ends_in_an_error(script: Script, error: type[OutgoingError]) -> None:
    bounds = SMALL if error is Unreachable else Bounds()
    with (
        saying(script) as text,
        client(bounds=bounds) as fetching,
        pytest.raises(error),
        fetching.stream(Url.parse(text)) as stream,
    ):
        while stream.readinto(memoryview(bytearray(100))):
            pass


def test_a_reader_that_takes_its_time_is_no_fault_of_the_server() -> None:
    """Time is counted while the server is waited for."""
    answer = OK + b"Content-Length: 200000\r\n\r\n" + bytes(200_000)
    now = [0.0]
    with (
        saying(answer) as text,
        client(clock=lambda: now[0]) as fetching,
        fetching.stream(Url.parse(text)) as stream,
    ):
        memory = memoryview(bytearray(100_000))
        for _ in range(2):
            assert stream.readinto(memory) == 100_000
            now[0] += 100_000


def test_an_unwanted_answer_without_end_is_not_read_to_it() -> None:
    redirect = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = OK + b"Content-Length: 2\r\n\r\nhi"
    with (
        saying(_drip(b"fff\r\n" + b"A" * 0xFFF + b"\r\n", 0, redirect), answer) as text,
        client() as fetching,
    ):
        assert fetching.get(Url.parse(text), limit=10).body == b"hi"
