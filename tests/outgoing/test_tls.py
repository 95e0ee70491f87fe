"""TLS: a certificate that is trusted, for the name, and no way back to clear text."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.outgoing import BadAnswer, Bounds, OutgoingError, Unreachable, Untrusted, Url
from tests.outgoing.servers import Sent, Server, client, serving


def test_a_named_authority_is_trusted(certificate: tuple[Path, Path], secure: Server) -> None:
    secure.answers["/"] = Sent(b"hello")
    with client(cafile=certificate[0]) as fetching:
        for _ in range(2):
            assert fetching.get(Url.parse(secure.url()), limit=10).body == b"hello"
    assert {asked.connection for asked in secure.asked} == {1}


def test_an_unknown_authority_is_not_and_the_message_says_what_to_do(secure: Server) -> None:
    with client() as fetching, pytest.raises(Untrusted, match="--ca-file FILE") as raised:
        fetching.get(Url.parse(secure.url()), limit=10)
    assert not raised.value.passes
    assert not secure.asked


def test_a_certificate_for_another_name_is_not_trusted(
    certificate: tuple[Path, Path], secure: Server
) -> None:
    for host in ("b.test", "127.0.0.1"):
        with client(cafile=certificate[0]) as fetching, pytest.raises(Untrusted, match="match"):
            fetching.get(Url.parse(secure.url(host=host, user="u:p@")), limit=10)
    assert not secure.asked


def test_https_never_leads_to_http(certificate: tuple[Path, Path], secure: Server) -> None:
    with serving() as clear, client(cafile=certificate[0]) as fetching:
        secure.redirect("/", clear.url("/"))
        with pytest.raises(BadAnswer, match="not encrypted"):
            fetching.get(Url.parse(secure.url()), limit=10)
        assert not clear.asked


def test_http_may_lead_to_https_without_the_credentials(
    certificate: tuple[Path, Path], secure: Server, server: Server
) -> None:
    server.redirect("/", secure.url("/"))
    secure.answers["/"] = Sent(b"hello")
    with client(cafile=certificate[0]) as fetching:
        answer = fetching.get(Url.parse(server.url(user="u:p@")), limit=10)
    assert answer.url.scheme == "https"
    assert "Authorization" not in secure.asked[0].headers


def test_a_server_in_clear_is_told_from_tls(server: Server) -> None:
    url = Url.parse(f"https://a.test:{server.port}/")
    with client() as fetching, pytest.raises(Unreachable, match="no TLS with"):
        fetching.get(url, limit=10)


@contextlib.contextmanager
def _speaking(context: ssl.SSLContext | None, answer: bytes) -> Iterator[int]:
    """A server that ends its connection without a word of TLS; None: says nothing at all."""
    done = threading.Event()

    def converse() -> None:
        with contextlib.suppress(OSError), listening.accept()[0] as raw:
            if context is None:
                done.wait(10)
                return
            secured = context.wrap_socket(raw, server_side=True)
            secured.recv(65536)
            secured.sendall(answer)
            socket.socket(fileno=secured.detach()).close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=converse, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            done.set()
            thread.join()


def test_an_end_that_anybody_could_have_made_is_none(certificate: tuple[Path, Path]) -> None:
    """Without a length, only TLS tells whether a document is whole."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with (
        _speaking(context, b"HTTP/1.1 200 OK\r\n\r\nhalf of it") as port,
        client(cafile=certificate[0]) as fetching,
        pytest.raises(OutgoingError, match="broke the connection off"),
    ):
        fetching.get(Url.parse(f"https://a.test:{port}/"), limit=100)


def test_a_handshake_that_hangs_ends(certificate: tuple[Path, Path]) -> None:
    with (
        _speaking(None, b"") as port,
        client(bounds=Bounds(connect_seconds=0.3)) as fetching,
        pytest.raises(Unreachable, match="timed out"),
    ):
        fetching.get(Url.parse(f"https://a.test:{port}/"), limit=100)


def test_the_name_is_what_a_server_is_asked_for(certificate: tuple[Path, Path]) -> None:
    """Though it is an address that is gone to."""
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    with serving(context) as server, client(cafile=certificate[0]) as fetching:
        server.answers["/"] = Sent(b"hello")
        fetching.get(Url.parse(server.url()), limit=10)
    assert asked == ["a.test"]
    assert server.asked[0].headers["Host"] == f"a.test:{server.port}"
