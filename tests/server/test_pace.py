"""The rule on stalls and trickles."""

import pytest

from app.server.limits import Limits
from app.server.pace import Pace, TooSlow

LIMITS = Limits(stall_seconds=30, slow_seconds=60, slow_bytes_per_second=8192)


def test_a_stall_of_thirty_seconds_ends() -> None:
    pace = Pace(LIMITS)
    pace.waited(29, 0)
    with pytest.raises(TooSlow):
        pace.waited(1, 0)


def test_any_byte_ends_a_stall() -> None:
    pace = Pace(Limits(slow_bytes_per_second=0))
    for _ in range(10):
        pace.waited(29, 0)
        pace.waited(0.5, 1)


def test_below_the_least_rate_for_a_minute_ends() -> None:
    pace = Pace(LIMITS)
    for _ in range(5):
        pace.waited(10, 8192 * 10 - 1)
    with pytest.raises(TooSlow):
        pace.waited(10, 8192 * 10 - 1)


def test_the_least_rate_may_go_on_for_ever() -> None:
    pace = Pace(LIMITS)
    for _ in range(1000):
        pace.waited(10, 8192 * 10)


def test_a_fast_beginning_buys_no_slow_end() -> None:
    """Each minute counts by itself: a gigabyte in the first is forgotten in the second."""
    pace = Pace(LIMITS)
    pace.waited(60, 1 << 30)
    with pytest.raises(TooSlow):
        pace.waited(60, 1)


def test_time_that_nobody_waited_does_not_count() -> None:
    """The application's own slowness is no time here at all."""
    pace = Pace(LIMITS)
    for _ in range(100_000):
        pace.waited(0.0, 1)
