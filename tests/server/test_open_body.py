"""`open_body` under servers that are not ours."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.body import BodyIncomplete, BodyMalformed, open_body
from tests.server.samples import digest
from tests.server.wire import told


def environ(data: bytes, **more: Any) -> dict[str, Any]:
    return {"wsgi.input": io.BytesIO(data), **more}


def read(given_environ: dict[str, Any], size: int = 7) -> bytes:
    body, view, found = open_body(given_environ), memoryview(bytearray(size)), b""
    while count := body.readinto(view):
        found += view[:count]
        if count < size:
            assert body.readinto(view) == 0
            break
    return found


@given(st.binary(max_size=100), st.binary(max_size=10), st.integers(1, 30))
def test_the_declared_length_is_the_body(data: bytes, behind: bytes, size: int) -> None:
    """Whatever comes behind it, and however large the views are."""
    assert read(environ(data + behind, CONTENT_LENGTH=str(len(data))), size) == data


def test_a_short_body_is_no_body() -> None:
    with pytest.raises(BodyIncomplete):
        read(environ(b"hello", CONTENT_LENGTH="6"))


def test_no_length_is_no_body_unless_the_server_says_where_it_ends() -> None:
    assert read(environ(b"hello")) == b""
    assert read(environ(b"hello", CONTENT_LENGTH="")) == b""
    assert read(environ(b"hello", **{"wsgi.input_terminated": True})) == b"hello"


@pytest.mark.parametrize("length", ["+5", "-5", "5,5", "0x5", " 5", "\u0665", "5.0"])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    with pytest.raises(BodyMalformed):
        open_body(environ(b"hello", CONTENT_LENGTH=length))


def test_chunks_that_nobody_decodes_are_refused() -> None:
    """Read as they are they would be an empty body, without an error."""
    with pytest.raises(BodyMalformed):
        open_body(environ(b"0\r\n\r\n", HTTP_TRANSFER_ENCODING="chunked"))


def test_a_connection_that_breaks_is_an_incomplete_body() -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            raise ConnectionResetError

    with pytest.raises(BodyIncomplete):
        read({"wsgi.input": Broken(), "CONTENT_LENGTH": "5"})


@pytest.mark.filterwarnings("ignore:'cgi' is deprecated:DeprecationWarning")
def test_webtest_uploads_are_whole() -> None:
    from webtest import TestApp

    answer = TestApp(digest).put("/a", b"x" * 300_000)
    assert answer.text == told("/a", b"x" * 300_000)
