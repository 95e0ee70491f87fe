"""Several processes share new connections evenly, and none waits for one that takes no more."""

import os
import socket
from contextlib import ExitStack

from app.server.balance import Balance, Place
from app.server.worker import StrongroomWorker
from tests.server.running import running
from tests.server.wire import Reader, request


def test_whoever_holds_more_gives_way() -> None:
    balance = Balance()
    one, other = balance.take(), balance.take()
    one.hold(0, 0)
    assert not one.another_has_less()  # the other does not accept yet
    other.hold(0, 1)
    assert other.another_has_less()
    assert not one.another_has_less()
    one.hold(0, 1)
    assert not other.another_has_less()
    one.hold(0, 2)
    other.leave()
    assert not one.another_has_less()


def test_requests_count_for_more_than_connections_that_idle() -> None:
    balance = Balance()
    idle, busy = balance.take(), balance.take()
    idle.hold(0, 1000)
    busy.hold(1, 1)
    assert busy.another_has_less()
    assert not idle.another_has_less()


def test_numbers_are_seen_by_another_process() -> None:
    balance = Balance()
    mine, theirs = balance.take(), balance.take()
    mine.hold(0, 7)
    child = os.fork()
    if child == 0:
        theirs.hold(0, 3)
        os._exit(0)
    os.waitpid(child, 0)
    assert mine.another_has_less()
    balance.give_back(theirs)
    assert not mine.another_has_less()


def test_there_may_be_more_processes_than_places() -> None:
    balance = Balance()
    places = [balance.take() for _ in range(130)]
    for number, place in enumerate(places):
        place.hold(0, number)
    assert places[1].another_has_less()
    assert not places[129].another_has_less()
    for place in places:
        balance.give_back(place)
    places = [balance.take() for _ in range(128)]
    places[0].hold(0, 0)
    for place in places[1:]:
        place.hold(0, 1)
        assert place.another_has_less()


def idle_worker(place: Place) -> StrongroomWorker:
    """A worker that was never run, as far as it needs to be to decide."""
    worker = object.__new__(StrongroomWorker)
    worker.place, worker.sockets, worker._accepting = place, [], False
    worker._courteous_again = worker._accept_again = 0.0
    return worker


def test_a_worker_gives_way_to_one_with_less_and_to_no_other() -> None:
    balance = Balance()
    mine, other = balance.take(), balance.take()
    worker = idle_worker(mine)
    mine.hold(0, 2)
    assert not worker._gives_way()  # there is nobody else
    other.hold(0, 2)
    assert not worker._gives_way()
    other.hold(0, 1)
    assert worker._gives_way()
    assert worker._let_others
    worker._courteous_again = float("inf")  # nobody took those whom we let wait
    assert not worker._gives_way()


def test_every_client_of_several_processes_is_answered() -> None:
    """Whoever gives way to whom: kept connections, and a hundred that come and go."""
    with running("tests.server.samples:process", workers=3) as server, ExitStack() as stack:
        kept = [stack.enter_context(server.connect()) for _ in range(30)]
        for _ in range(100):
            with server.connect() as connection:
                assert _process(connection)
        assert all(map(_process, kept))


def _process(connection: socket.socket) -> str:
    connection.sendall(request("GET /"))
    return Reader(connection).answer().text
