"""Each process keeps to one processor, where there are as many of these, or a multiple."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue
from types import SimpleNamespace

import pytest

from app.publishing import Digester
from app.server.limits import Limits
from app.server.processors import Processors
from app.server.run import Hooks
from app.server.threads import Threads
from app.server.worker import StrongroomWorker
from auth.slow_hashes import SlowHashes
from storage.pools import pool
from tests.server.running import Server, running, wait_for
from tests.server.wire import Reader, request


@pytest.mark.parametrize(
    "processes, shares", [(4, {3: 1, 5: 1, 6: 1, 7: 1}), (8, {3: 2, 5: 2, 6: 2, 7: 2})]
)
def test_all_are_dealt_out_evenly(processes: int, shares: dict[int, int]) -> None:
    processors, allowed = Processors(), {7, 3, 5, 6}
    assert Counter(processors.take(processes, allowed) for _ in range(processes)) == shares


@pytest.mark.parametrize("processes", [1, 2, 3, 5, 9])
def test_what_can_not_be_shared_evenly_is_left_to_the_kernel(processes: int) -> None:
    processors = Processors()
    assert [processors.take(processes, range(4)) for _ in range(processes)] == [None] * processes


def test_whose_process_ended_is_taken_by_the_next() -> None:
    """Also where new processes come before the old ones go, as at a reload, or one by one."""
    processors, both = Processors(), (0, 1)
    old = [processors.take(2, both) for _ in range(2)]
    new = [processors.take(2, both) for _ in range(2)]
    assert sorted(map(str, old)) == sorted(map(str, new)) == ["0", "1"]
    for processor in old:
        processors.give_back(processor)
    processors.give_back(new[0])
    assert processors.take(2, both) == new[0]
    processors.give_back(None)  # of one that kept to none
    assert sorted(processors.take(2, both) or 0 for _ in range(2)) == [0, 1]
    assert processors.take(2, (0, 5)) == 5  # the service may use other ones by now


def test_the_master_deals_them_out_to_workers() -> None:
    hooks, count = Hooks(Limits(), None), len(os.sched_getaffinity(0))
    arbiter = SimpleNamespace(num_workers=count)
    workers = [SimpleNamespace(processor=None) for _ in range(count + 1)]
    for worker in workers[:-1]:
        hooks.pre_fork(arbiter, worker)  # type: ignore[arg-type]
    assert {worker.processor for worker in workers[:-1]} == os.sched_getaffinity(0)
    hooks.child_exit(arbiter, workers[0])  # type: ignore[arg-type]
    hooks.pre_fork(arbiter, workers[-1])  # type: ignore[arg-type]
    assert workers[-1].processor == workers[0].processor


@contextmanager
def processors(count: int) -> Iterator[set[int]]:
    """What this thread starts runs on so many processors, where there are as many."""
    all_of_them = os.sched_getaffinity(0)
    some = set(sorted(all_of_them)[:count])
    os.sched_setaffinity(0, some)
    try:
        yield some
    finally:
        os.sched_setaffinity(0, all_of_them)


def allowed(server: Server) -> Counter[str]:
    """On which processors the threads of each worker may run."""
    found = Counter[str]()
    for worker in server.workers():
        told = set()
        with suppress(FileNotFoundError, ProcessLookupError):  # it ends
            for task in Path(f"/proc/{worker}/task").iterdir():
                status = (task / "status").read_text()
                told.add(status.split("Cpus_allowed_list:")[1].split()[0])
        found[" or ".join(sorted(told))] += 1
    return found


def test_threads_that_answer_keep_to_the_processor_of_their_process() -> None:
    """So do those of a process that takes the place of one that died, and of all at a reload."""
    with (
        processors(2) as some,
        running("tests.server.samples:process", workers=2, threads=3) as server,
    ):
        each = Counter({str(one): 2 // len(some) for one in some})
        wait_for(lambda: allowed(server) == each)
        first, second = server.workers()
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: first not in server.workers() and allowed(server) == each)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: second not in server.workers() and allowed(server) == each)


def test_where_processes_are_fewer_than_processors_the_kernel_decides() -> None:
    with processors(2) as some, running("tests.server.samples:process", workers=1) as server:
        with server.connect() as connection:
            connection.sendall(request("GET /"))
            Reader(connection).answer()  # by then it would keep to one
        assert os.sched_getaffinity(0) == some
        told = Path("/proc/thread-self/status").read_text()
        assert allowed(server) == {told.split("Cpus_allowed_list:")[1].split()[0]: 1}


def test_pools_for_what_needs_no_python_keep_to_none(tmp_path: Path) -> None:
    """Although whoever asks for them does, and so would a thread that he makes."""
    everywhere = os.sched_getaffinity(0)
    hashes, digester, parts = SlowHashes(tmp_path, 1), Digester(1), pool(1, "s3-part")
    asked: Queue[set[int]] = Queue()

    def ask(_nothing: object) -> None:
        with hashes.enter(0) as place, hashes.slot(place):
            asked.put(hashes.run(os.sched_getaffinity, 0))
        asked.put(digester._pool.submit(os.sched_getaffinity, 0).result())
        asked.put(parts.submit(os.sched_getaffinity, 0).result())
        asked.put(os.sched_getaffinity(0))

    threads = Threads(1)
    threads.keep_to(min(everywhere))
    threads.submit(ask, None)
    found = [asked.get(timeout=60) for _ in range(4)]
    threads.shutdown()
    digester.close()
    parts.shutdown()
    assert found == [everywhere] * 3 + [{min(everywhere)}]


def test_a_processor_that_was_taken_away_is_told_of_and_changes_nothing() -> None:
    worker = object.__new__(StrongroomWorker)
    worker.processor, worker._threads = 1 << 15, Threads(1)
    told: list[str] = []
    worker.log = SimpleNamespace(warning=lambda text, *values: told.append(text % values))
    before = os.sched_getaffinity(0)
    worker._keep_to_processor()
    assert len(told) == 1
    assert told[0].startswith("can't keep to processor 32768: ")
    worker._threads.shutdown()
    assert os.sched_getaffinity(0) == before
