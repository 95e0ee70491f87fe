"""What the tests of races run in threads and in processes of their own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from storage.metadata import Add, ConditionFailed, Key, Metadata, Put
from tests.metadata.backends import reopened

T = TypeVar("T")


def add_up_to(metadata: Metadata, key: Key, limit: int, times: int) -> int:
    """Add 1 so many times, and return how often the limit let it."""
    done = 0
    for _ in range(times):
        try:
            metadata.commit(Add(key, {"x": 1}, create=True, limits={"x": limit}))
            done += 1
        except ConditionFailed:
            pass
    return done


def raise_at_version(metadata: Metadata, key: Key, times: int) -> int:
    """Raise a number by reading and putting at the version read, until it was done so often."""
    for _ in range(times):
        record = metadata.get(key)[key]
        while True:
            try:
                metadata.commit(Put(key, {"x": record.value["x"] + 1}, at=record.version))
                break
            except ConditionFailed as error:
                found = error.found[key]
                assert found is not None
                record = found
    return times


def in_process(location: str, key: Sequence[str], limit: int, times: int) -> int:
    with reopened(location) as engine:
        return add_up_to(Metadata(engine), Key(*key), limit, times)


def together(work: Sequence[Callable[[], T]]) -> list[T]:
    """Run everything at once, in threads, and return what each returned."""
    start = Barrier(len(work))

    def run(one: Callable[[], T]) -> T:
        start.wait(timeout=30)
        return one()

    with ThreadPoolExecutor(len(work)) as threads:
        return list(threads.map(run, work))
