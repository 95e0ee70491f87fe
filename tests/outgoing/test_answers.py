"""Heads and bodies, read strictly: nothing that could be taken in two ways is taken."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.outgoing.bodies import body_of
from app.outgoing.errors import BadAnswer, CutShort, Dropped
from app.outgoing.heads import Head, read_head


def _file(data: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]


def _head(*lines: str) -> Head:
    return read_head(_file("".join(f"{line}\r\n" for line in (*lines, "")).encode()), "it")


def _body(data: bytes, **headers: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = body_of(Head(200, True, named), _file(data), "it")
    read, memory = bytearray(), memoryview(bytearray(7))
    while count := body.readinto(memory):
        read += memory[:count]
    assert body.ended or not body.framed
    return bytes(read)


def test_a_head_is_a_status_and_headers() -> None:
    head = _head("HTTP/1.1 200 Fine", "Content-Type:  text/html ", "X-A: 1", "x-a: 2")
    assert head == Head(200, True, {"content-type": "text/html", "x-a": "1, 2"})
    assert _head("HTTP/1.1 404").status == 404


def test_interim_answers_are_left_out() -> None:
    assert _head("HTTP/1.1 103 Hints", "Link: x", "", "HTTP/1.1 200 OK").status == 200
    with pytest.raises(BadAnswer, match="interim"):
        _head(*["HTTP/1.1 100 Go on", ""] * 5)


@pytest.mark.parametrize(
    "lines, keeps",
    [
        (["HTTP/1.1 200 OK"], True),
        (["HTTP/1.1 200 OK", "Connection: Close"], False),
        (["HTTP/1.1 200 OK", "Connection: x, close"], False),
        (["HTTP/1.0 200 OK"], False),
        (["HTTP/1.0 200 OK", "Connection: Keep-Alive"], True),
    ],
)
def test_a_connection_stays_as_its_version_has_it(lines: list[str], keeps: bool) -> None:
    assert _head(*lines).keeps_open is keeps


@pytest.mark.parametrize(
    "data, why",
    [
        (b"hello\r\n\r\n", "HTTP/1.1"),
        (b"HTTP/2 200 OK\r\n\r\n", "HTTP/1.1"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1"),
        (b"HTTP/1.1 +20 OK\r\n\r\n", "HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", "middle"),
        (b"HTTP/1.1 200 OK\r\nA: b", "middle"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "too many"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", "64 KiB"),
        (b"HTTP/1.1 200 OK\r\nwhat is this\r\n\r\n", "told apart"),
        (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "proper name|told apart"),
    ],
)
def test_a_head_that_is_none_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadAnswer, match=why):
        read_head(_file(data), "it")


def test_an_end_before_the_head_is_no_answer() -> None:
    with pytest.raises(Dropped):
        read_head(_file(b""), "it")


def test_a_counted_body_ends_where_it_says() -> None:
    assert _body(b"0123456789more", content_length="10") == b"0123456789"
    assert _body(b"0123456789", content_length="10, 10") == b"0123456789"
    assert _body(b"", content_length="0") == b""
    with pytest.raises(CutShort, match="5 bytes before the end"):
        _body(b"01234", content_length="10")


@pytest.mark.parametrize(
    "length", ["", "x", "-1", "+1", "1_0", "1 0", "1, 2", "1e3", "٣", "9" * 30]
)
def test_a_length_that_is_none_is_refused(length: str) -> None:
    with pytest.raises(BadAnswer, match="Content-Length"):
        _body(b"0123456789", content_length=length)


@pytest.mark.parametrize("coding", ["gzip, chunked", "identity", "chunked, chunked", ""])
def test_other_transfer_codings_are_refused(coding: str) -> None:
    with pytest.raises(BadAnswer, match="transfer coding"):
        _body(b"", transfer_encoding=coding, content_length="0")


@given(st.lists(st.binary(min_size=1, max_size=40)))
def test_chunks_are_put_together(chunks: list[bytes]) -> None:
    data = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    data += b"0\r\nTrailer: x\r\n\r\nmore"
    assert _body(data, transfer_encoding="Chunked", content_length="3") == b"".join(chunks)


@pytest.mark.parametrize(
    "data, error",
    [
        (b"5\r\n01234\r\n", CutShort),
        (b"5\r\n012", CutShort),
        (b"5\r\n01234\r\n0\r\n", CutShort),
        (b"5\r\n0123456\r\n0\r\n\r\n", BadAnswer),
        (b"-5\r\n01234\r\n0\r\n\r\n", BadAnswer),
        (b"0x5\r\n01234\r\n0\r\n\r\n", BadAnswer),
        (b"\r\n01234\r\n0\r\n\r\n", BadAnswer),
        (b"5;" + b"x" * 300 + b"\r\n01234\r\n0\r\n\r\n", BadAnswer),
        (b"0\r\n" + b"A: b\r\n" * 10_000, BadAnswer),
    ],
)
def test_chunks_that_are_none_are_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        _body(data, transfer_encoding="chunked")


def test_without_a_length_a_body_goes_on_to_the_end() -> None:
    assert _body(b"0123456789") == b"0123456789"
