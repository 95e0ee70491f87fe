"""Many writers at once: no update is lost, no limit passed. Not on moto, which loses some."""

import multiprocessing
import os
from functools import partial

import pytest

from storage.metadata import Add, ConditionFailed, Delete, Key, Metadata, Put
from storage.metadata.engine import Engine
from tests.metadata.backends import REAL
from tests.metadata.writers import add_up_to, in_process, raise_at_version, together

pytestmark = pytest.mark.parametrize("location", REAL, indirect=True, scope="session")

THREADS = 8


@pytest.fixture
def store(engine: Engine) -> Metadata:
    return Metadata(engine)  # which sleeps in earnest


def test_threads_lose_no_update(store: Metadata, partition: str) -> None:
    key = Key(partition, "a")
    add = partial(add_up_to, store, key, 10**6, 10)
    assert together([add] * THREADS) == [10] * THREADS
    assert store.get(key)[key].value == {"x": 10 * THREADS}


def test_threads_never_pass_a_limit(store: Metadata, partition: str) -> None:
    key = Key(partition, "a")
    done = together([partial(add_up_to, store, key, 30, 8)] * THREADS)
    assert sum(done) == 30
    assert store.get(key)[key].value == {"x": 30}


def test_threads_at_a_version_lose_no_update(store: Metadata, partition: str) -> None:
    key = Key(partition, "a")
    store.commit(Put(key, {"x": 0}))
    together([partial(raise_at_version, store, key, 5)] * 4)
    assert store.get(key)[key].value == {"x": 20}


def test_one_of_many_makes_a_record(store: Metadata, partition: str) -> None:
    key = Key(partition, "a")

    def make(number: int) -> int | None:
        try:
            store.commit(Put(key, {"n": number}, absent=True))
        except ConditionFailed:
            return None
        return number

    winners = [
        won for won in together([partial(make, n) for n in range(THREADS)]) if won is not None
    ]
    assert winners == [store.get(key)[key].value["n"]]


def test_commits_of_several_records_move_them_together(store: Metadata, partition: str) -> None:
    left, right = Key(partition, "left"), Key(partition, "right")
    store.commit(Put(left, {"x": 100}), Put(right, {"x": 0}))

    def move() -> None:
        for _ in range(5):
            store.commit(Add(left, {"x": -1}), Add(right, {"x": 1}, limits={"x": 100}))

    together([move] * THREADS)
    found = store.get(left, right)
    assert [found[left].value, found[right].value] == [{"x": 60}, {"x": 40}]


def test_commits_in_opposite_order_do_not_stop_each_other(store: Metadata, partition: str) -> None:
    keys = [Key(partition, f"{number}") for number in range(6)]

    def touch(order: list[Key]) -> None:
        for _ in range(4):
            store.commit(*(Add(key, {"x": 1}, create=True) for key in order))

    together([partial(touch, keys), partial(touch, keys[::-1])] * 2)
    assert {record.value["x"] for record in store.get(*keys).values()} == {16}


def test_versions_differ_however_a_record_comes_and_goes(store: Metadata, partition: str) -> None:
    key = Key(partition, "a")

    def come_and_go() -> list[int]:
        seen = []
        for _ in range(5):
            committed = store.commit(Put(key, {"x": 1}))
            seen.append(committed.versions[key])
            store.commit(Delete(key))
        return seen

    seen = [version for versions in together([come_and_go] * 4) for version in versions]
    assert len(set(seen)) == 20


def test_processes_lose_no_update_and_pass_no_limit(
    store: Metadata, location: str, partition: str
) -> None:
    key = Key(partition, "a")
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        done = pool.starmap(in_process, [(location, tuple(key), 50, 20)] * 3)
    assert sum(done) == 50
    assert store.get(key)[key].value == {"x": 50}


def test_a_forked_process_and_its_parent_share_no_connection(
    store: Metadata, partition: str
) -> None:
    key = Key(partition, "a")
    store.commit(Add(key, {"x": 1}, create=True))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if add_up_to(store, key, 10**6, 20) == 20 else 2
        finally:
            os._exit(status)
    assert add_up_to(store, key, 10**6, 20) == 20
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.get(key)[key].value == {"x": 41}
