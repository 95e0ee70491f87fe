"""What is refused before the application sees it, and that what follows is never a request."""

import time

import pytest

from tests.server.running import Server, read_all, running
from tests.server.wire import Reader, parse, request, told

CHUNKED = "Transfer-Encoding: chunked"

#: name: (the request, the status)
REFUSED = {
    "both lengths": (
        request("POST /a", "Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"),
        400,
    ),
    "both lengths, the other way round": (
        request("POST /a", CHUNKED, "Content-Length: 5", body=b"0\r\n\r\n"),
        400,
    ),
    "two lengths that differ": (
        request("POST /a", "Content-Length: 5", "Content-Length: 6", body=b"hello!"),
        400,
    ),
    "two lengths in a list": (request("POST /a", "Content-Length: 5, 6", body=b"hello!"), 400),
    "a signed length": (request("POST /a", "Content-Length: +5", body=b"hello"), 400),
    "a negative length": (request("POST /a", "Content-Length: -5", body=b"hello"), 400),
    "a hexadecimal length": (request("POST /a", "Content-Length: 0x5", body=b"hello"), 400),
    "an empty length": (request("POST /a", "Content-Length:", body=b"hello"), 400),
    "a length with an underscore": (request("POST /a", "Content-Length: 1_0", body=b"h" * 10), 400),
    "a length beyond all bounds": (request("POST /a", "Content-Length: " + "9" * 40), 400),
    "chunked twice": (request("POST /a", "Transfer-Encoding: chunked, chunked"), 400),
    "two codings": (request("POST /a", CHUNKED, "Transfer-Encoding: identity"), 400),
    "chunked under HTTP/1.0": (b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "an unknown coding": (request("POST /a", "Transfer-Encoding: xchunked"), (400, 501)),
    "a coding in disguise": (request("POST /a", "Transfer-Encoding: \x0bchunked"), 400),
    "gzip": (request("POST /a", "Transfer-Encoding: gzip, chunked"), (400, 501)),
    "a blank before the colon": (request("POST /a", "Content-Length : 5", body=b"hello"), 400),
    "a folded line": (request("GET /a", "X-A: b", " c"), 400),
    "a folded line with a tab": (request("GET /a", "X-A: b", "\tc"), 400),
    "a first line that is folded": (request("GET /a", host=" Host: test"), 400),
    "a bare CR in a value": (request("GET /a", "X-A: b\rContent-Length: 5"), 400),
    "a bare CR for a line": (b"GET /a HTTP/1.1\rHost: test\r\n\r\n", 400),
    "bare LFs": (b"GET /a HTTP/1.1\nHost: test\n\r\n\r\n", 400),
    "a bare LF in a value": (request("GET /a", "X-A: b\nX-B: c"), 400),
    "NUL in a value": (request("GET /a", "X-A: b\0c"), 400),
    "no name": (request("GET /a", ": b"), 400),
    "a name with a parenthesis": (request("GET /a", "X(A): b"), 400),
    "no colon": (request("GET /a", "nonsense"), 400),
    "no host": (request("GET /a", host=""), 400),
    "two hosts": (request("GET /a", "Host: other"), 400),
    "a method that is no token": (request("G(T /a"), 400),
    "a method longer than any": (request("A" * 33 + " /a"), 501),
    "an asterisk without OPTIONS": (request("options *"), 400),
    "two blanks": (request("GET  /a"), 400),
    "no target": (b"GET HTTP/1.1\r\nHost: test\r\n\r\n", 400),
    "a fragment": (request("GET /a#b"), 400),
    "no path": (request("GET a"), 400),
    "another scheme": (request("GET ftp://test/a"), 400),
    "a user in the target": (request("GET http://me@test/a"), 400),
    "another host in the target": (request("GET http://other/a"), 400),
    "another port in the target": (request("GET http://test:81/a"), 400),
    "no host's name in the target": (request("GET http://te_st-\\x/a"), 400),
    "no host's name beside a target": (request("GET http://test/a", host="Host: test/a"), 400),
    "an empty host beside a target": (request("GET http://test/a", host="Host:"), 400),
    "CONNECT": (request("CONNECT test:443"), 501),
    "HTTP/0.9": (b"GET /a\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/1.2": (b"GET /a HTTP/1.2\r\nHost: test\r\n\r\n", 400),
    "TLS to a port without": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "an expectation": (request("PUT /a", "Expect: the-best", "Content-Length: 5"), 417),
    "a long request line": (request("GET /" + "a" * 9000), 414),
    "a long request line without an end": (b"GET /" + b"a" * 9000, 414),
    "a long field": (request("GET /a", "X-A: " + "b" * 9000), 431),
    "many fields": (request("GET /a", *["X-A: b"] * 101), 431),
    "very many fields": (request("GET /a", *[f"X-{n}: b" for n in range(5000)]), (400, 431)),
    "a head without an end": (request("GET /a")[:-2] + b"X-A: bbbb\r\n" * 4000, 431),
}


@pytest.mark.parametrize("name", REFUSED)
def test_malformed_heads_are_refused_and_end_the_connection(reader: Server, name: str) -> None:
    """As a problem, with nothing of the cause's innards; what was sent behind gets no answer."""
    sent, status = REFUSED[name]
    smuggled = request("GET /smuggled")
    with reader.connect() as connection:
        connection.sendall(sent)
        if sent.endswith(b"\r\n\r\n"):
            connection.sendall(smuggled)
        [answer] = parse(read_all(connection))
    assert answer.status in (status if isinstance(status, tuple) else (status,))
    assert answer.problem["status"] == answer.status
    assert set(answer.problem) == {"type", "title", "status", "detail", "request"}
    assert answer.fields["connection"] == "close"
    assert b"Traceback" not in answer.body
    assert b"smuggled" not in answer.body


def test_absolute_targets_name_the_host() -> None:
    """RFC 9112 section 3.2.2: as the Host field does, or alone under HTTP/1.0."""
    with running("tests.server.samples:answers") as server, server.connect() as connection:
        line = "GET http://other:81/environ?q=%2F"
        connection.sendall(request(line, "X_Under: a", host="Host: Other:81"))
        seen = Reader(connection).answer().text.split("\n")
        connection.sendall(request("GET /%65nviron?a=%41", "X-Twice: 1", "X-Twice: 2"))
        decoded = Reader(connection).answer().text.split("\n")
        old = b"GET http://old/environ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        connection.sendall(old)
        assert "HTTP_HOST=old" in Reader(connection).answer().text.split("\n")
    assert "HTTP_HOST=other:81" in seen
    assert "PATH_INFO=/environ" in seen
    assert "QUERY_STRING=q=%2F" in seen
    assert "REMOTE_ADDR=127.0.0.1" in seen
    assert "wsgi.url_scheme=http" in seen
    assert not [line for line in seen if line.startswith("HTTP_X_UNDER")]
    assert "PATH_INFO=/environ" in decoded
    assert "RAW_URI=/%65nviron?a=%41" in decoded
    assert "HTTP_X_TWICE=1,2" in decoded


def test_every_token_is_a_method(reader: Server) -> None:
    """RFC 9110 section 9.1: what to say to one that is not known is the application's."""
    with reader.connect() as connection:
        for method in ("get", "G", "Put", "M#Z", "VERSION-CONTROL-AND-MORE"):
            connection.sendall(request(f"{method} /a"))
            assert Reader(connection).answer().text == told("/a", b"")


def test_forwarding_fields_change_nothing() -> None:
    """Whom to believe is the middleware's to decide: address and scheme are the connection's."""
    fields = [
        "X-Forwarded-For: 10.1.1.1",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Ssl: on",
        "X-Forwarded-Protocol: ssl",
        "Forwarded: for=10.1.1.1;proto=https",
        "SCRIPT_NAME: /x",
        "Remote_Addr: 10.1.1.1",
    ]
    with running("tests.server.samples:answers") as server, server.connect() as connection:
        connection.sendall(request("GET /environ", *fields))
        seen = Reader(connection).answer().text.split("\n")
    assert "REMOTE_ADDR=127.0.0.1" in seen
    assert "wsgi.url_scheme=http" in seen
    assert "SCRIPT_NAME=" in seen


def test_a_head_may_come_byte_by_byte(reader: Server) -> None:
    with reader.connect() as connection:
        for byte in request("PUT /a", "Content-Length: 5", body=b"hello"):
            connection.sendall(bytes([byte]))
        assert Reader(connection).answer().text == told("/a", b"hello")


def test_a_line_before_the_request_is_ignored(reader: Server) -> None:
    """RFC 9112 section 2.2: old clients send a CRLF behind a body."""
    with reader.connect() as connection:
        connection.sendall(b"\r\n" + request("GET /a"))
        assert Reader(connection).answer().text == told("/a", b"")


def test_a_trickling_head_ends_in_time(impatient: Server) -> None:
    """However it trickles, with a problem where there was something, and without a thread."""
    with impatient.connect() as connection:
        began = time.monotonic()
        reader = Reader(connection)
        connection.settimeout(0.1)
        sent = iter(request("GET /a", *["X-A: b"] * 50))
        while not reader.buffer:
            try:
                connection.sendall(bytes([next(sent)]))
                reader._more()
            except TimeoutError:
                continue
        assert 0.5 < time.monotonic() - began < 6
        assert reader.answer().problem["status"] == 408


def test_trickling_heads_hold_no_threads(impatient: Server) -> None:
    """Ten times as many as there are threads, and others are served at once."""
    slow = [impatient.connect() for _ in range(20)]
    try:
        for connection in slow:
            connection.sendall(b"GET /a HT")
        began = time.monotonic()
        assert b" 200 " in impatient.exchange(request("GET /b", "Connection: close"))
        assert time.monotonic() - began < 3  # held, it would be 5 s and more
    finally:
        for connection in slow:
            connection.close()


def test_an_idle_connection_makes_way_for_a_new_one() -> None:
    """The one that was idle for longest; what is being answered stays."""
    with running("tests.server.samples:digest", limits={"connections": 4}) as server:
        upload = server.connect()
        upload.sendall(request("PUT /a", "Content-Length: 5"))
        held = [server.connect() for _ in range(3)]
        for connection in held:
            connection.sendall(request("GET /a"))
            assert Reader(connection).answer().status == 200
            time.sleep(0.2)  # until the thread has left it
        with server.connect() as late:
            late.sendall(request("GET /b"))
            assert Reader(late).answer().status == 200
        assert held[0].recv(1) == b""
        held[2].sendall(request("GET /c"))
        assert Reader(held[2]).answer().status == 200
        upload.sendall(b"hello")
        assert Reader(upload).answer().text == told("/a", b"hello")
        for connection in (upload, *held):
            connection.close()


def test_silent_connections_end_in_time(impatient: Server) -> None:
    with impatient.connect() as connection:
        began = time.monotonic()
        assert connection.recv(1) == b""
        assert 0.4 < time.monotonic() - began < 6


def test_idle_connections_end_in_time_and_hold_no_threads(impatient: Server) -> None:
    idle = [impatient.connect() for _ in range(10)]
    try:
        for connection in idle:
            connection.sendall(request("GET /a"))
            assert Reader(connection).answer().status == 200
        began = time.monotonic()
        assert b" 200 " in impatient.exchange(request("GET /b", "Connection: close"))
        assert time.monotonic() - began < 3  # held, it would be 5 s and more
        assert idle[-1].recv(1) == b""
        assert 0.5 < time.monotonic() - began < 6
    finally:
        for connection in idle:
            connection.close()
