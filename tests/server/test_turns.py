"""Requests that wait for a thread hold none: the server keeps them, and asks again."""

import signal
import socket
from collections import Counter
from contextlib import ExitStack

from tests.server.running import Server, running, wait_for
from tests.server.wire import Answer, Reader, request

UPLOADS = "tests.server.samples:uploads"
OTHER = "127.0.0.2"


def start(server: Server, stack: ExitStack, source: str = "127.0.0.1") -> socket.socket:
    """Begin an upload of five bytes, and send none of them."""
    connection = stack.enter_context(
        socket.create_connection(server.address, 20, source_address=(source, 0))
    )
    connection.sendall(request("PUT /x", "Content-Length: 5"))
    return connection


def finish(upload: socket.socket) -> Answer:
    upload.sendall(b"bytes")
    return Reader(upload).answer()


def look(server: Server) -> tuple[int, int]:
    """How many places are taken by others, and how many wait for one; from another address.

    A place is given back when its answer was sent: the client may be faster than that.
    """
    with socket.create_connection(server.address, 20, source_address=(OTHER, 0)) as connection:
        connection.sendall(request("GET /x", "Connection: close"))
        busy, waiting = Reader(connection).answer().text.split()
        return int(busy) - 1, int(waiting)


def crowd(server: Server, stack: ExitStack, waiting: int) -> list[socket.socket]:
    """Three uploads that have a thread each, and some that wait for one."""
    uploads = [start(server, stack) for _ in range(3)]
    wait_for(lambda: look(server) == (3, 0))
    for _number in range(waiting):
        uploads.append(start(server, stack))
        wait_for(lambda: look(server) == (3, len(uploads) - 3))
    return uploads


def test_who_waits_holds_no_thread_and_is_served_in_order() -> None:
    """Four times as many wait as there are threads, and somebody else is answered."""
    with running(UPLOADS, threads=4) as server, ExitStack() as stack:
        for upload in crowd(server, stack, 16):
            answer = finish(upload)
            assert (answer.status, answer.text) == (200, "5")
        wait_for(lambda: look(server) == (0, 0))
        lines = Counter((line["method"], line["status"]) for line in server.access())
        assert lines["PUT", 200] == 19, "one line each, however often it was asked"
        assert {status for _, status in lines} == {200}


def test_more_than_may_wait_are_refused_at_once() -> None:
    with running(UPLOADS, threads=4) as server, ExitStack() as stack:
        crowd(server, stack, 16)
        answer = Reader(start(server, stack)).answer()
        assert answer.status == 503
        assert int(answer.fields["retry-after"]) > 0


def test_who_waits_in_vain_is_refused() -> None:
    environment = {"SAMPLE_PATIENCE": "0.3"}
    with running(UPLOADS, threads=4, environment=environment) as server, ExitStack() as stack:
        uploads = crowd(server, stack, 0)
        assert Reader(start(server, stack)).answer().status == 503
        assert [finish(upload).status for upload in uploads] == [200] * 3
        wait_for(lambda: look(server) == (0, 0))
        [line] = [line for line in server.access() if line["status"] == 503]
        assert line["seconds"] >= 0.3, "the wait is a part of it"


def test_a_body_that_came_while_its_request_waited_is_whole() -> None:
    """And so is the request behind it on the same connection."""
    with running(UPLOADS, threads=4) as server, ExitStack() as stack:
        uploads = crowd(server, stack, 0)
        late = stack.enter_context(server.connect())
        late.sendall(request("PUT /x", "Content-Length: 3", body=b"a"))
        wait_for(lambda: look(server) == (3, 1))
        late.sendall(b"bc" + request("GET /x"))
        # What comes is no reason to ask before its turn.
        wait_for(lambda: look(server) == (3, 1))
        assert [finish(upload).status for upload in uploads] == [200] * 3
        answers = Reader(late)
        assert answers.answer().text == "3"
        assert answers.answer().status == 200


def test_a_client_that_goes_while_it_waits_takes_no_place_along() -> None:
    with running(UPLOADS, threads=4) as server, ExitStack() as stack:
        uploads = crowd(server, stack, 2)
        for upload in uploads[3:]:
            upload.close()
        assert [finish(upload).status for upload in uploads[:3]] == [200] * 3
        wait_for(lambda: look(server) == (0, 0))


def test_a_server_that_stops_answers_who_waits() -> None:
    with running(UPLOADS, threads=4) as server, ExitStack() as stack:
        uploads = crowd(server, stack, 2)
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "Handling signal" in server.errors())
        assert [finish(upload).status for upload in uploads] == [200] * 5
        assert server.process.wait(20) == 0


def test_who_waits_keeps_nobody_out_of_a_full_process() -> None:
    """Beyond its share of the connections a client's waiting requests make way for others."""
    with running(UPLOADS, threads=4, limits={"connections": 12}) as server, ExitStack() as stack:
        uploads = crowd(server, stack, 0)
        flood = [start(server, stack) for _ in range(30)]
        assert look(server)[0] >= 3, "somebody else is answered"
        assert [finish(upload).status for upload in uploads] == [200] * 3
        for upload in flood:
            upload.close()
        wait_for(lambda: look(server) == (0, 0))
