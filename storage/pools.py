"""Pools of threads for what needs no Python, and would have a processor for itself: digests, slow
hashes, parts on their way to S3."""

import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress


def pool(threads: int, name: str, also: Callable[[], None] = lambda: None) -> ThreadPoolExecutor:
    """Threads that may run wherever the one may that calls this: those that will use them may
    keep to one processor, and a new thread runs where its maker may. Each begins with `also`."""
    return ThreadPoolExecutor(threads, name, _begin, (os.sched_getaffinity(0), also))


def _begin(processors: Collection[int], also: Callable[[], None]) -> None:
    with suppress(OSError):  # None of them is allowed any more: the thread runs where it is.
        os.sched_setaffinity(0, processors)
    also()
