"""The request threads: a fixed number, fed by one queue.

concurrent.futures would make a future and take two locks for each request, and would hold up
the end of the process for a thread that hangs; here a job is a call without a result.
"""

import os
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any


class Threads:
    """A pool of daemon threads, started at once."""

    def __init__(self, count: int) -> None:
        self._jobs: SimpleQueue[tuple[Callable[[Any], None], Any] | None] = SimpleQueue()
        names = [f"request-{number}" for number in range(count)]
        self._threads = [Thread(target=self._run, name=name, daemon=True) for name in names]
        for thread in self._threads:
            thread.start()

    def keep_to(self, processor: int) -> None:
        """Have all of them, and any that they make, run on one processor. Raises OSError."""
        for thread in self._threads:
            assert thread.native_id is not None  # noqa: S101 - it was started
            os.sched_setaffinity(thread.native_id, {processor})

    def submit(self, job: Callable[[Any], None], argument: Any) -> None:
        """Have a thread call `job(argument)`, in the order of submission. It must not raise."""
        self._jobs.put((job, argument))

    def shutdown(self, **_how: object) -> None:
        """Let each thread end behind the jobs submitted so far. Who waits for
        transfers does so within a grace period, not here."""
        for _thread in self._threads:
            self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job[0](job[1])
