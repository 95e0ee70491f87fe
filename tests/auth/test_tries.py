"""How often an address tried lately: what turned out right does not count."""

from contextlib import suppress

from auth.tries import Tries

HERE, THERE = "192.0.2.1", "198.51.100.7"


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def fail(tries: Tries, network: str) -> int:
    """How many there were before one that fails."""
    found = []
    with suppress(ValueError), tries.trying(network) as before:
        found.append(before)
        raise ValueError
    return found[0]


def test_what_failed_counts_by_address_and_what_was_right_does_not() -> None:
    tries = Tries()
    assert [fail(tries, HERE) for _ in range(3)] == [0, 1, 2]
    for _ in range(2):
        with tries.trying(HERE) as before:
            assert before == 3
    assert fail(tries, THERE) == 0


def test_what_is_under_way_counts() -> None:
    tries = Tries()
    with tries.trying(HERE), tries.trying(HERE) as before:
        assert before == 1
    with tries.trying(HERE) as before:
        assert before == 0


def test_it_is_forgotten_after_a_while() -> None:
    clock = Clock()
    tries = Tries(10.0, clock=clock)
    fail(tries, HERE)
    clock.at += 11
    assert fail(tries, HERE) == 1
    clock.at += 11
    assert fail(tries, HERE) == 1
    clock.at += 30
    assert fail(tries, HERE) == 0


def test_a_try_that_is_right_long_after_it_began_takes_nothing_from_others() -> None:
    clock = Clock()
    tries = Tries(10.0, clock=clock)
    with tries.trying(HERE):
        clock.at += 30
        fail(tries, HERE)
    assert fail(tries, HERE) == 1


def test_memory_is_bounded() -> None:
    tries = Tries(most=10)
    for number in range(100):
        fail(tries, f"192.0.2.{number}")
    assert tries.remembered <= 20
