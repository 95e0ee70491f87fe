"""Several processes share new connections evenly, and none waits for one that takes no more."""

import os
import socket
from collections import Counter
from contextlib import ExitStack

from app.server.balance import Balance
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


def test_connections_that_stay_are_shared_evenly() -> None:
    """Sixteen clients at once, then one after the other: each of two processes has half in the
    end, give or take what a process that got no time let go by."""
    with running("tests.server.samples:process", workers=2) as server, ExitStack() as stack:
        both: set[str] = set()
        while len(both) < 2:
            with server.connect() as connection:
                both.add(_process(connection))
        seen: Counter[str] = Counter()
        together = [stack.enter_context(server.connect()) for _ in range(16)]
        seen.update(map(_process, together))
        for _ in range(16):
            seen[_process(stack.enter_context(server.connect()))] += 1
        assert min(seen[each] for each in both) >= 12, seen


def _process(connection: socket.socket) -> str:
    connection.sendall(request("GET /"))
    return Reader(connection).answer().text
