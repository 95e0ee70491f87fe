"""Several processes share new connections evenly, and none waits for one that takes no more."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import cast

from app.server.balance import Balance, Place
from app.server.connection import Connection
from app.server.limits import Limits
from app.server.parking import Parking
from app.server.run import Hooks
from app.server.worker import StrongroomWorker
from tests.server.running import Server, running, wait_for
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
    worker._let_others = worker._crowded = False
    worker._active, worker.nr_conns, worker.worker_connections = set(), 0, 10
    worker._parking = cast(Parking, SimpleNamespace(beginning=0))
    worker.wsgi = SimpleNamespace(standing_by=0)
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


def test_a_worker_says_at_each_turn_what_it_has_to_do() -> None:
    balance = Balance()
    mine, other = balance.take(), balance.take()
    other.hold(0, 3)
    worker = idle_worker(mine)
    worker._make_room()
    assert other.another_has_less()
    worker.nr_conns = 4
    worker._make_room()
    assert not other.another_has_less()
    worker.nr_conns = 1
    worker._active.add(object())  # type: ignore[arg-type]  # only their number counts
    worker._make_room()
    assert not other.another_has_less()
    worker._active.clear()
    worker._make_room()
    assert other.another_has_less()
    worker._parking = cast(Parking, SimpleNamespace(beginning=1))  # a client that says nothing yet
    worker._make_room()
    assert not other.another_has_less()
    worker._active = cast(set[Connection], {object(), object()})
    worker.wsgi = SimpleNamespace(standing_by=3)  # one of them has begun to by another thread
    worker._make_room()
    assert other.another_has_less()
    worker._accept_again = float("inf")  # it can't accept: there are no more files
    worker._make_room()
    assert not other.another_has_less()


def test_threads_stay_with_their_clients_while_others_are_free() -> None:
    """Those that stand by are neither free nor busy: three quarters of the others may stay."""
    worker = idle_worker(Balance().take())
    worker.alive, worker.cfg = True, SimpleNamespace(threads=32)
    for standing_by, most in ((0, 24), (16, 28), (32, 32)):
        worker.wsgi = SimpleNamespace(standing_by=standing_by)
        worker._active = cast(set[Connection], {object() for _ in range(most)})
        assert not worker._needed_elsewhere()
        worker._active.add(cast(Connection, object()))
        assert worker._needed_elsewhere()


def test_a_thread_stays_with_its_client_while_others_come() -> None:
    """A new client's request waits for a thread to wake up, and for none that is at work."""
    count, limits = 3000, {"tick_seconds": 10.0}
    target = "tests.server.samples:thread"
    with running(target, threads=32, limits=limits) as server, ExitStack() as stack:
        busy = stack.enter_context(server.connect())
        sender = Thread(target=busy.sendall, args=(request("GET /") * count,))
        sender.start()
        reader = Reader(busy)
        threads = {reader.answer().text}
        others = set()
        for number in range(1, count):
            if number % 200 == 0:
                other = stack.enter_context(server.connect())
                other.sendall(request("GET /"))
                others.add(other)
            threads.add(reader.answer().text)
        sender.join()
        assert len(threads) == 1
        assert threads.isdisjoint(Reader(other).answer().text for other in others)


def test_an_application_need_not_say_who_stands_by() -> None:
    worker = idle_worker(Balance().take())
    worker.wsgi = object()
    assert worker._standing_by() == 0


def test_each_worker_gets_a_place_of_its_own_among_the_same() -> None:
    """A reload of gunicorn makes the hooks anew; the workers from before are still there."""
    arbiter, workers = SimpleNamespace(num_workers=3), [SimpleNamespace() for _ in range(3)]
    for worker in workers:
        Hooks(Limits(), None).pre_fork(arbiter, worker)  # type: ignore[arg-type]
    for number, worker in enumerate(workers):
        worker.place.hold(0, number)
    assert [worker.place.another_has_less() for worker in workers] == [False, True, True]


def test_the_place_of_a_worker_that_ended_is_given_to_the_next() -> None:
    hooks = Hooks(Limits(), None)
    arbiter = SimpleNamespace(num_workers=2)
    stays, ends = SimpleNamespace(), SimpleNamespace()
    for worker in (stays, ends):
        hooks.pre_fork(arbiter, worker)  # type: ignore[arg-type]
    stays.place.hold(0, 2)
    for _ in range(300):  # more than there are places
        ends.place.hold(0, 1)  # killed: it said so, and never took it back
        assert stays.place.another_has_less()
        hooks.child_exit(arbiter, ends)  # type: ignore[arg-type]
        assert not stays.place.another_has_less()
        hooks.pre_fork(arbiter, ends)  # type: ignore[arg-type]


def test_every_client_of_several_processes_is_answered() -> None:
    """Whoever gives way to whom: kept connections, and a hundred that come and go."""
    with running("tests.server.samples:process", workers=3) as server, ExitStack() as stack:
        kept = [stack.enter_context(server.connect()) for _ in range(30)]
        for _ in range(100):
            with server.connect() as connection:
                assert _process(connection)
        assert all(map(_process, kept))


def test_nobody_waits_for_a_process_that_hangs_with_little_to_do() -> None:
    with running("tests.server.samples:process", workers=2) as server, ExitStack() as stack:
        one, other = begun(server, stack)
        with stopped(one):
            kept = [stack.enter_context(server.connect()) for _ in range(40)]
            assert [_process(connection) for connection in kept] == [other] * 40
            assert held(server) == {one: 1, other: 41}


def test_who_has_less_to_do_gets_the_next_connection() -> None:
    """One of two is stopped while a connection comes, so that it has one less when it goes on:
    the next must be its own. It has two seconds to take it, which is not how long that takes."""
    limits = {"courtesy_seconds": 2.0, "head_seconds": 100.0}
    with (
        running("tests.server.samples:process", workers=2, limits=limits) as server,
        ExitStack() as stack,
    ):
        one, other = begun(server, stack)
        for count in range(1, 7):
            with stopped(one):
                connect(server, stack)
            assert held(server) == {one: count, other: count + 1}
            connect(server, stack)
            assert held(server) == {one: count + 1, other: count + 1}


def test_requests_that_stand_by_do_not_send_others_to_the_next_process() -> None:
    """Two that wait for a slow hash at one process, say: new connections are dealt out as if they
    were not there, and not all to the other."""
    limits = {"courtesy_seconds": 2.0, "head_seconds": 100.0}
    target = "tests.server.samples:standing_by"
    with running(target, workers=2, limits=limits) as server, ExitStack() as stack:
        one, other = begun(server, stack)
        with stopped(other):
            for _ in range(2):
                connect(server, stack).sendall(request("GET /"))
            wait_for(lambda: server.errors().count("stands by") == 2)
            connect(server, stack)  # behind which the process has said what it has to do
        assert held(server) == {one: 4, other: 1}
        for _ in range(5):
            connect(server, stack)
        assert held(server) == {one: 6, other: 4}


def begun(server: Server, stack: ExitStack) -> list[int]:
    """The two workers of `server`; each has accepted a connection, so that both have said so."""
    one, other = server.workers()
    with stopped(one):
        connect(server, stack)
    with stopped(other):
        connect(server, stack)
    assert held(server) == {one: 1, other: 1}
    return [one, other]


def connect(server: Server, stack: ExitStack) -> socket.socket:
    """A connection that stays, accepted by whom it may be."""
    before = sum(held(server).values())
    connection = stack.enter_context(server.connect())
    wait_for(lambda: sum(held(server).values()) > before)
    return connection


@contextmanager
def stopped(process: int) -> Iterator[None]:
    """Have `process` do nothing for a while."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def held(server: Server) -> dict[int, int]:
    """How many connections each worker has accepted, and not closed.

    No request asks for it: a thread stays for a while with who sent one.
    """
    port = f":{server.address[1]:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(port) and row[3] == "01"}
    return {worker: sum(each in sockets for each in _files(worker)) for worker in server.workers()}


def _files(process: int) -> Iterator[str]:
    for file in Path(f"/proc/{process}/fd").iterdir():
        try:
            yield str(file.readlink())
        except FileNotFoundError:
            continue  # closed since the folder was read


def _process(connection: socket.socket) -> int:
    connection.sendall(request("GET /"))
    return int(Reader(connection).answer().text)
