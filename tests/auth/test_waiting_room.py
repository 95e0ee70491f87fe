"""The waiting room of slow hashes: the lowest rank is next, and kin go one at a time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from auth.errors import Busy
from auth.waiting_room import GUESSES, Place, WaitingRoom

LONG, AT_ONCE = 60.0, 0.0


class People:
    """Threads in a waiting room, which leave when they are told to."""

    def __init__(self) -> None:
        self._leaving: dict[str, threading.Event] = {}
        self._threads: dict[str, threading.Thread] = {}
        self.served: list[str] = []
        self.looked: list[str] = []
        self.sent_away: list[str] = []

    def come(
        self,
        room: WaitingRoom,
        name: str,
        rank: int,
        kin: bytes | None = None,
        *,
        fails: bool = False,
    ) -> None:
        """Have somebody come in, and go on when he waits there, or has been sent away."""
        inside, leave = threading.Event(), threading.Event()

        def stay() -> None:
            try:
                with room.enter(rank, kin) as place:
                    inside.set()
                    while not place.wait():
                        self.looked.append(name)
                    self.served.append(name)
                    leave.wait(LONG)
                    if fails:
                        raise ValueError
            except Busy:
                self.sent_away.append(name)
            except ValueError:
                pass
            inside.set()

        self._leaving[name] = leave
        self._threads[name] = threading.Thread(target=stay)
        self._threads[name].start()
        assert inside.wait(LONG)

    def let_go(self, name: str) -> None:
        self._leaving[name].set()

    def leave(self, *names: str) -> None:
        for name in names:
            self.let_go(name)
            self._threads[name].join(LONG)
            assert not self._threads[name].is_alive()

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + LONG
        while not holds():
            assert time.monotonic() < end
            time.sleep(0.001)

    def close(self) -> None:
        for leave in self._leaving.values():
            leave.set()
        for thread in self._threads.values():
            thread.join(LONG)


class Rests:
    """Those of a room, which last until they are told to end."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._over = threading.Event()

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self._over.wait(LONG)

    def end(self) -> None:
        self._over.set()


@pytest.fixture
def people() -> Iterator[People]:
    made = People()
    yield made
    made.close()


def room(most: int = 16, with_kin: int = 24, seconds: float = LONG) -> WaitingRoom:
    return WaitingRoom(1, seconds, most, with_kin)


def holding(one: WaitingRoom, stack: ExitStack) -> Place:
    place = stack.enter_context(one.enter(0))
    assert place.wait()
    return place


def test_the_lowest_rank_is_next_and_then_who_came_first(people: People) -> None:
    one = room()
    with ExitStack() as stack:
        holding(one, stack)
        for name, rank in (("late", 2), ("second", 1), ("third", 1), ("first", 0)):
            people.come(one, name, rank)
    people.leave("first", "second", "third", "late")
    assert people.served == ["first", "second", "third", "late"]


def test_a_full_room_sends_the_highest_rank_away_for_a_lower_one(people: People) -> None:
    one = room(most=3)
    with ExitStack() as stack:
        holding(one, stack)
        people.come(one, "guess", 7)
        people.come(one, "later guess", 7)
        people.come(one, "quiet", 2)
        people.leave("later guess")
        assert people.sent_away == ["later guess"]
    people.leave("quiet", "guess")
    assert people.served == ["quiet", "guess"]


def test_of_the_same_rank_nobody_is_sent_away_for_another(people: People) -> None:
    one = room(most=2)
    with ExitStack() as stack:
        holding(one, stack)
        people.come(one, "there", 2)
        for rank in (2, 3):
            with pytest.raises(Busy), one.enter(rank):
                pass
    people.leave("there")
    assert people.served == ["there"]


def test_who_has_a_turn_keeps_it() -> None:
    one = room(most=1)
    with one.enter(9) as place:
        assert place.wait()
        with pytest.raises(Busy), one.enter(0):
            pass


def test_kin_look_when_one_of_them_has_gone(people: People) -> None:
    """Whoever waits for the same thing may find it done, without a turn."""
    one = WaitingRoom(2, LONG, 16, 24)
    with ExitStack() as stack:
        first = stack.enter_context(one.enter(1, b"kin"))
        assert first.wait()
        people.come(one, "second", 1, b"kin")
        people.come(one, "third", 1, b"kin")
        people.come(one, "stranger", 1, b"else")
        people.leave("stranger")
        assert people.served == ["stranger"]
    people.until(lambda: "third" in people.looked)
    people.leave("second", "third")
    assert people.served == ["stranger", "second", "third"]
    assert "stranger" not in people.looked


def test_more_come_in_with_kin_and_no_more_than_that() -> None:
    one = room(most=1, with_kin=2)
    with ExitStack() as stack:
        assert stack.enter_context(one.enter(1, b"kin")).wait()
        with pytest.raises(Busy), one.enter(1, b"else"):
            pass
        stack.enter_context(one.enter(1, b"kin"))
        with pytest.raises(Busy), one.enter(1, b"kin"):
            pass


def test_kin_do_not_keep_a_lower_rank_out(people: People) -> None:
    one = room(most=1, with_kin=2)
    with ExitStack() as stack:
        assert stack.enter_context(one.enter(1, b"kin")).wait()
        people.come(one, "kin", 2, b"kin")
        people.come(one, "quiet", 1)
        people.leave("kin")
        assert people.sent_away == ["kin"]
    people.leave("quiet")
    assert people.served == ["quiet"]


def test_guesses_go_one_at_a_time_and_others_beside_them(people: People) -> None:
    one = WaitingRoom(2, LONG, 16, 24)
    people.come(one, "guess", GUESSES)
    people.come(one, "another guess", GUESSES)
    people.come(one, "quiet", GUESSES - 1)
    people.leave("quiet")
    assert people.served == ["guess", "quiet"]
    people.leave("guess", "another guess")
    assert people.served == ["guess", "quiet", "another guess"]


def test_after_a_guess_that_failed_comes_a_rest_that_others_use(
    people: People,
) -> None:
    rests = Rests()
    one = WaitingRoom(1, LONG, 16, 24, rests)
    people.come(one, "guess", GUESSES, fails=True)
    people.come(one, "another guess", GUESSES, fails=False)
    people.let_go("guess")
    people.come(one, "quiet", GUESSES - 1, fails=True)
    people.leave("quiet")
    assert people.served == ["guess", "quiet"]
    rests.end()
    people.leave("guess", "another guess")
    assert people.served == ["guess", "quiet", "another guess"]
    assert len(rests.seconds) == 1
    assert rests.seconds[0] > 0


def test_all_are_inside_who_wait_or_have_a_turn_or_rest(people: People) -> None:
    rests = Rests()
    one = WaitingRoom(1, LONG, 2, 24, rests)
    assert one.inside == 0
    people.come(one, "guess", GUESSES, fails=True)
    people.come(one, "another", GUESSES)
    people.come(one, "is sent away", GUESSES)
    assert (people.sent_away, one.inside) == (["is sent away"], 2)
    people.let_go("guess")
    people.until(lambda: bool(rests.seconds))
    assert one.inside == 2
    rests.end()
    people.leave("guess", "another")
    assert one.inside == 0


def test_who_was_not_called_in_time_is_sent_away() -> None:
    one = room(seconds=AT_ONCE)
    with ExitStack() as stack:
        holding(one, stack)
        place = stack.enter_context(one.enter(0))
        with pytest.raises(Busy):
            place.wait()
