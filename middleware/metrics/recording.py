"""Counting, in one process: a dictionary from labels to slots, and stores under one lock."""

from bisect import bisect_left
from pathlib import Path
from threading import Lock

from middleware.metrics import catalogue
from middleware.metrics.catalogue import METHODS, OTHER, Family
from middleware.metrics.folding import render
from middleware.metrics.pages import Pages, PagesFull, Series

_IN_FLIGHT = (catalogue.IN_FLIGHT.name,)


class Metrics:
    """The metrics of this process; make it after the fork. Safe for many threads.

    It is the observer that the stores, the caches and the server call, about 1 µs each.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pages = Pages(directory)
        self._numbers = self._pages.numbers
        self._slots: dict[tuple[str, ...], int] = {}
        self._lock = Lock()
        # Theirs are there from the start: an alert on what has never happened needs a zero.
        for family in (catalogue.CONFLICTS, catalogue.DROPPED):
            self._add(family, (), 0)
        for family in (catalogue.UPLOADS, catalogue.IN_FLIGHT):
            self._add(family, (), 0)

    def request(
        self, route: str, method: str, status: int, seconds: float, bytes_in: int, bytes_out: int
    ) -> None:
        """Count a request that was answered. `route` is a template, never a path."""
        known = method if method in METHODS else OTHER
        numbers = self._numbers
        with self._lock:
            slot = self._slot(catalogue.REQUESTS, (route, known, str(status)))
            if slot is not None:
                numbers[slot] += 1
            self._observe(catalogue.REQUEST_SECONDS, (route, known), seconds)
            if bytes_in:
                self._add(catalogue.BYTES, ("in",), bytes_in)
            if bytes_out:
                self._add(catalogue.BYTES, ("out",), bytes_out)

    def in_flight(self, delta: int) -> None:
        """Say that requests began (1) or ended (-1)."""
        with self._lock:
            self._numbers[self._slots[_IN_FLIGHT]] += delta

    def storage_call(self, store: str, call: str, seconds: float, outcome: str) -> None:
        """Count a call to a store."""
        with self._lock:
            self._observe(catalogue.STORAGE_SECONDS, (store, call, outcome), seconds)

    def conflicts(self, count: int) -> None:
        """Count commits that met another one."""
        with self._lock:
            self._add(catalogue.CONFLICTS, (), count)

    def cache(self, name: str, hit: bool) -> None:
        """Count a look-up in a cache."""
        with self._lock:
            self._add(catalogue.CACHE_HITS if hit else catalogue.CACHE_MISSES, (name,), 1)

    def uploads(self, delta: int) -> None:
        """Say that uploads began (1) or ended (-1)."""
        with self._lock:
            self._add(catalogue.UPLOADS, (), delta)

    def work(self, what: str, outcome: str, seconds: float) -> None:
        """Count a job that ended, or a run of a duty."""
        with self._lock:
            self._observe(catalogue.WORK_SECONDS, (what, outcome), seconds)

    def mail(self, outcome: str) -> None:
        """Count a try to send a mail."""
        with self._lock:
            self._add(catalogue.MAILS, (outcome,), 1)

    def render(self) -> str:
        """The metrics of all processes that count in this directory, as text."""
        return render(self._directory)

    def close(self) -> None:
        """Count no more; what was counted stays."""
        with self._lock:
            self._numbers.release()
            self._pages.close()

    def _add(self, family: Family, labels: tuple[str, ...], amount: float) -> None:
        slot = self._slot(family, labels)
        if slot is not None:
            self._numbers[slot] += amount

    def _observe(self, family: Family, labels: tuple[str, ...], seconds: float) -> None:
        slot = self._slot(family, labels)
        if slot is not None:
            self._numbers[slot + bisect_left(family.bounds, seconds)] += 1
            self._numbers[slot + len(family.bounds) + 1] += seconds

    def _slot(self, family: Family, labels: tuple[str, ...]) -> int | None:
        key = (family.name, *labels)
        slot = self._slots.get(key)
        if slot is None:
            try:
                slot = self._pages.add(Series(family.name, labels), family.width)
            except PagesFull:
                self._numbers[self._slots[(catalogue.DROPPED.name,)]] += 1
                return None
            self._slots[key] = slot
        return slot
