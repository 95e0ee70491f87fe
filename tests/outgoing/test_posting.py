"""Documents that are sent: once, to one place, with what the caller lists and nothing else."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from app.outgoing import AddressRefused, BadAnswer, Client, OutgoingError, Unreachable, Url
from tests.outgoing.servers import SMALL, client
from tests.ports import free_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BODY = b'{"a": 1}'


@pytest.fixture
def posting() -> Iterator[Client]:
    with client(bounds=SMALL) as made:
        yield made


@contextlib.contextmanager
def taking(*answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that takes a document over each connection, answers it, and closes; its port, and
    what came."""
    came: list[bytes] = []

    def converse() -> None:
        for answer in answers:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(5)
                request = b""
                while not request.endswith(BODY):
                    request += connection.recv(65536)
                came.append(request)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        thread = threading.Thread(target=converse)
        thread.start()
        yield listening.getsockname()[1], came
        thread.join()


def test_a_document_is_sent_with_what_is_listed_and_its_length(posting: Client) -> None:
    with taking(OK) as (port, came):
        answer = posting.post(url_at(port, "/take?x=1"), BODY, {"X-Token": "t"}, limit=10)
    assert (answer.status, answer.body) == (200, b"ok")
    assert came == [
        b"POST /take?x=1 HTTP/1.1\r\n"
        b"Host: a.test:%d\r\nUser-Agent: strongroom\r\nX-Token: t\r\nContent-Length: 8\r\n\r\n"
        b"%b" % (port, BODY)
    ]


@pytest.mark.parametrize("status", [b"201 Created", b"302 Found", b"401 No", b"422 No", b"500 No"])
def test_whatever_the_status_is_it_is_the_answer(posting: Client, status: bytes) -> None:
    """A redirect too: nothing is sent to where it leads."""
    head = b"HTTP/1.1 %b\r\nLocation: http://b.test/\r\nContent-Length: 2\r\n\r\nno" % status
    with taking(head) as (port, _):
        answer = posting.post(url_at(port), BODY, {}, limit=10)
    assert (answer.status, answer.body) == (int(status[:3]), b"no")


def test_it_is_sent_once_where_nobody_answers(posting: Client) -> None:
    with taking(b"") as (port, came), pytest.raises(Unreachable):
        posting.post(url_at(port), BODY, {}, limit=10)
    assert len(came) == 1


def test_no_connection_is_used_that_may_have_ended_meanwhile(posting: Client) -> None:
    with taking(OK, OK) as (port, came):
        for _ in range(2):
            assert posting.post(url_at(port), BODY, {}, limit=10).status == 200
    assert len(came) == 2


def test_an_answer_is_bounded(posting: Client) -> None:
    with taking(OK) as (port, _), pytest.raises(BadAnswer):
        posting.post(url_at(port), BODY, {}, limit=1)


def test_an_address_that_nobody_allowed_gets_nothing() -> None:
    with client(allowed=()) as posting, pytest.raises(AddressRefused):
        posting.post(url_at(free_port()), BODY, {}, limit=10)


def test_what_goes_wrong_holds_no_header(posting: Client) -> None:
    with taking(b"nonsense\r\n\r\n") as (port, _), pytest.raises(OutgoingError) as caught:
        posting.post(url_at(port), BODY, {"X-Token": "marked"}, limit=10)
    assert "marked" not in str(caught.value)


def url_at(port: int, path: str = "/") -> Url:
    return Url.parse(f"http://a.test:{port}{path}")
