"""Fetching from a server that behaves: documents, files, and connections that are kept."""

import gzip
import ipaddress
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from app.outgoing import (
    AddressRefused,
    BadAnswer,
    Client,
    Declined,
    OutgoingError,
    Unreachable,
    Url,
)
from tests.outgoing.servers import LOOPBACK, Names, Sent, Server, client, saying, serving
from tests.ports import free_port

#: Always the same bytes: they are parameters of tests, whose names all processes have to share.
packed = partial(gzip.compress, mtime=0)


@pytest.fixture
def fetching() -> Iterator[Client]:
    with client() as made:
        yield made


def test_a_document_is_fetched_and_only_what_is_listed_is_sent(
    fetching: Client, server: Server
) -> None:
    server.answers["/a?b=1"] = Sent(b"hello", headers={"X-Some": "thing"})
    answer = fetching.get(Url.parse(server.url("/a?b=1")), accept="text/html", limit=5)
    assert (answer.status, answer.body, answer.headers["x-some"]) == (200, b"hello", "thing")
    assert answer.url.full == server.url("/a?b=1")
    assert server.asked[0].headers == {
        "Host": f"a.test:{server.port}",
        "User-Agent": "strongroom",
        "Accept": "text/html",
        "Accept-Encoding": "gzip",
    }


def test_credentials_of_the_url_are_sent(fetching: Client, server: Server) -> None:
    server.answers["/"] = Sent(b"hello")
    fetching.get(Url.parse(server.url(user="u:p@")), limit=10)
    assert server.asked[0].headers["Authorization"] == "Basic dTpw"


def test_proxies_of_the_environment_are_not_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    server.answers["/"] = Sent(b"hello")
    with client() as fetching:
        assert fetching.get(Url.parse(server.url()), limit=10).body == b"hello"


def test_gzip_is_decoded_within_the_limit(fetching: Client, server: Server) -> None:
    sent = packed(b"a" * 1000)
    server.answers["/"] = Sent(sent, headers={"Content-Encoding": "GZIP"})
    url = Url.parse(server.url())
    assert fetching.get(url, limit=1000).body == b"a" * 1000
    with pytest.raises(BadAnswer, match="larger than 999 bytes"):
        fetching.get(url, limit=999)


@pytest.mark.parametrize(
    "body, coding, why",
    [
        (packed(b"hello")[:-1], "gzip", "does not end"),
        (packed(b"hello") + b"more", "gzip", "does not end"),
        (packed(b"hello") * 2, "gzip", "does not end"),
        (b"", "gzip", "does not end"),
        (b"hello", "gzip", "damaged"),
        (b"hello", "br", "not asked for"),
        (packed(b"hello"), "gzip, gzip", "not asked for"),
    ],
)
def test_what_cannot_be_decoded_is_refused(
    fetching: Client, server: Server, body: bytes, coding: str, why: str
) -> None:
    server.answers["/"] = Sent(body, headers={"Content-Encoding": coding})
    with pytest.raises(BadAnswer, match=why):
        fetching.get(Url.parse(server.url()), limit=1000)


@pytest.mark.parametrize(
    "status, headers, words, passes, after",
    [
        (401, {}, "https://USER:PASSWORD@HOST/", False, None),
        (403, {}, "forbids", False, None),
        (404, {}, "nothing at", False, None),
        (410, {}, "nothing at", False, None),
        (429, {"Retry-After": "7"}, "too often", True, 7),
        (503, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, "status 503", True, None),
        (500, {}, "status 500", True, None),
        (418, {}, "status 418", False, None),
        (204, {}, "status 204", False, None),
        (206, {}, "status 206", False, None),
        (304, {}, "status 304", False, None),
        (302, {}, "status 302", False, None),
    ],
)
def test_another_status_is_declined_in_words(
    fetching: Client,
    server: Server,
    status: int,
    headers: dict[str, str],
    words: str,
    passes: bool,
    after: int | None,
) -> None:
    server.answers["/a?token=secret"] = Sent(b"", status, headers)
    url = Url.parse(server.url("/a?token=secret", user="u:hunter2@"))
    with pytest.raises(Declined, match=words) as raised:
        fetching.get(url, limit=10)
    error = raised.value
    assert (error.status, error.passes, error.retry_after) == (status, passes, after)
    assert "secret" not in str(error)
    assert "hunter2" not in str(error)


def test_a_connection_is_kept_for_the_next_request(fetching: Client, server: Server) -> None:
    server.answers |= {"/": Sent(b"hello"), "/f": Sent(b"0123456789")}
    names = Names()
    with client(resolve=names) as kept:
        for _ in range(3):
            kept.get(Url.parse(server.url()), limit=10)
            with pytest.raises(Declined):
                kept.get(Url.parse(server.url("/none")), limit=10)
            with kept.stream(Url.parse(server.url("/f"))) as stream:
                stream.readinto(memoryview(bytearray(20)))
    assert {asked.connection for asked in server.asked} == {1}
    assert names.asked == ["a.test"]


def test_a_connection_with_unread_bytes_is_not_kept(fetching: Client, server: Server) -> None:
    server.answers["/f"] = Sent(b"0123456789")
    for _ in range(2):
        with fetching.stream(Url.parse(server.url("/f"))) as stream:
            stream.readinto(memoryview(bytearray(5)))
    assert [asked.connection for asked in server.asked] == [1, 2]


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    with saying(answer, answer) as text, client() as fetching:
        for _ in range(2):
            assert fetching.get(Url.parse(text), limit=10).body == b"hi"


def test_idle_connections_age(server: Server) -> None:
    server.answers["/"] = Sent(b"hello")
    now = [0.0]
    with client(clock=lambda: now[0]) as fetching:
        for seconds in (0, 9, 12):
            now[0] += seconds
            fetching.get(Url.parse(server.url()), limit=10)
    assert [asked.connection for asked in server.asked] == [1, 1, 2]


def test_many_threads_share_a_client(fetching: Client, server: Server) -> None:
    for number in range(100):
        server.answers[f"/{number}"] = Sent(b"%d" % number * 1000)
    together = threading.Barrier(8)

    def fetch(number: int) -> bool:
        if number < 8:
            together.wait(timeout=30)
        url = Url.parse(server.url(f"/{number}"))
        return fetching.get(url, limit=10_000).body == b"%d" % number * 1000

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(fetch, range(100)))
    assert server.connections <= 16


def test_http_1_0_is_understood() -> None:
    with serving(protocol="HTTP/1.0") as server, client() as fetching:
        server.answers |= {
            "/": Sent(b"hello"),
            "/open": Sent(b"hello", headers={"Content-Length": ""}),
        }
        for path in ("/", "/open"):
            assert fetching.get(Url.parse(server.url(path)), limit=10).body == b"hello"
        with fetching.stream(Url.parse(server.url("/"))) as stream:
            assert stream.readinto(memoryview(bytearray(9))) == 5


def test_the_address_that_was_checked_is_gone_to(server: Server) -> None:
    """A name that answers with another address the second time is not asked a second time."""
    server.answers["/"] = Sent(b"hello", headers={"Connection": "close"})
    names = Names(a_test=[["127.0.0.1"], ["127.0.0.2"]])
    with client(resolve=names) as fetching:
        fetching.get(Url.parse(server.url()), limit=10)
        assert names.asked == ["a.test"]
        with pytest.raises(AddressRefused, match=r"127\.0\.0\.2"):
            fetching.get(Url.parse(server.url()), limit=10)
    assert len(server.asked) == 1


def test_nothing_inside_is_gone_to_unless_it_is_allowed(server: Server) -> None:
    with Client(resolve=Names()) as fetching, pytest.raises(AddressRefused) as raised:
        fetching.get(Url.parse(server.url()), limit=10)
    assert "--allow-network 127.0.0.1/32" in str(raised.value)
    assert server.connections == 0


def test_an_address_that_does_not_answer_gives_way_to_the_next(server: Server) -> None:
    """Only 127.0.0.1 is listened at."""
    server.answers["/"] = Sent(b"hello")
    allowed = (ipaddress.ip_network("127.0.0.0/8"),)
    names = Names(a_test=[["127.0.0.9", "127.0.0.1"]])
    with client(resolve=names, allowed=allowed) as fetching:
        assert fetching.get(Url.parse(server.url()), limit=10).body == b"hello"


def test_where_nobody_listens_is_unreachable(fetching: Client) -> None:
    with pytest.raises(Unreachable, match=r"no connection to a\.test:.*127\.0\.0\.1: .*refused"):
        fetching.get(Url.parse(f"http://a.test:{free_port()}/"), limit=10)


def test_a_client_that_was_closed_fetches_nothing(server: Server) -> None:
    server.answers["/"] = Sent(b"hello")
    fetching = client(allowed=LOOPBACK)
    fetching.close()
    with pytest.raises(Unreachable, match="nothing is fetched any more"):
        fetching.get(Url.parse(server.url()), limit=10)
    assert server.asked == []


def test_closing_a_client_ends_what_waits_for_an_answer() -> None:
    asked = threading.Event()

    def hold(connection: socket.socket) -> None:
        asked.set()
        connection.recv(1)

    with saying(hold) as text, ThreadPoolExecutor(1) as threads:
        fetching = client()
        waiting = threads.submit(fetching.get, Url.parse(text), limit=10)
        assert asked.wait(10)
        fetching.close()
        with pytest.raises(Unreachable):
            waiting.result(10)


def test_closing_a_client_ends_what_waits_under_tls(
    certificate: tuple[Path, Path], secure: Server
) -> None:
    secure.answers["/"] = Sent(b"hel", headers={"Content-Length": "5"})
    with ThreadPoolExecutor(1) as threads:
        fetching = client(cafile=certificate[0])
        with fetching.stream(Url.parse(secure.url())) as stream:
            assert stream.readinto(memoryview(bytearray(3))) == 3
            waiting = threads.submit(stream.readinto, memoryview(bytearray(2)))
            fetching.close()
            with pytest.raises(OutgoingError):
                waiting.result(10)


PUBLIC = "93.184.216.34"


def test_credentials_go_in_the_clear_to_networks_that_are_allowed_alone() -> None:
    url = Url.parse("http://u:hunter2@a.test/simple/")
    for addresses in ([PUBLIC], ["127.0.0.1", PUBLIC]):
        with (
            client(resolve=Names(a_test=[addresses])) as fetching,
            pytest.raises(AddressRefused, match=r"credentials are not sent to a\.test") as raised,
        ):
            fetching.get(url, limit=10)
        assert f"--allow-network {PUBLIC}/32" in str(raised.value)
        assert "hunter2" not in str(raised.value)


def test_a_connection_without_credentials_is_none_for_credentials(server: Server) -> None:
    """It was not checked for that."""
    server.answers["/"] = Sent(b"hello")
    with client() as fetching:
        for user in ("", "u:p@", "", "u:p@"):
            fetching.get(Url.parse(server.url(user=user)), limit=10)
    assert [asked.connection for asked in server.asked] == [1, 2, 1, 2]
