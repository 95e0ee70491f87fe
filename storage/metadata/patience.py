"""How often a call that did nothing is made again, and how long is rested in between."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from storage.metadata.errors import Unavailable

TRIES = 4  # of a call that did nothing, within PATIENCE
PATIENCE = timedelta(seconds=5)

T = TypeVar("T")


class Patience:
    """Repeats calls, by `clock`, and rests by `sleep` for random times. Safe for many threads."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        random: random.Random,
        sleep: Callable[[float], None],
    ) -> None:
        self._clock = clock
        self._random = random
        self._sleep = sleep

    def persist(self, call: Callable[[], T], failure: Unavailable | None = None) -> T:
        """Make a call that may be repeated, until it does something or patience ends.
        `failure` is what a first try came to already."""
        if failure is None:
            try:
                return call()
            except Unavailable as error:
                failure = error
        deadline = self._clock() + PATIENCE
        for tries in range(TRIES - 1):
            self.rest(0.05, tries, most=1.0)
            try:
                return call()
            except Unavailable as error:
                failure = error
            if self._clock() > deadline:
                break
        raise failure

    def rest(self, least: float, tries: int, most: float) -> None:
        """Sleep for a random time, up to `least` seconds doubled with each try."""
        self._sleep(self._random.uniform(0, min(least * 2**tries, most)))
