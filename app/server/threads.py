"""The request threads: a fixed number, fed by one queue.

concurrent.futures would make a future and take two locks for each request, and would hold up
the end of the process for a thread that hangs; here a job is a call without a result.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any


class Threads:
    """A pool of daemon threads, started at once."""

    def __init__(self, count: int) -> None:
        self._jobs: SimpleQueue[tuple[Callable[[Any], None], Any] | None] = SimpleQueue()
        self._count = count
        for number in range(count):
            Thread(target=self._run, name=f"request-{number}", daemon=True).start()

    def submit(self, job: Callable[[Any], None], argument: Any) -> None:
        """Have a thread call `job(argument)`, in the order of submission. It must not raise."""
        self._jobs.put((job, argument))

    def shutdown(self, **_how: object) -> None:
        """Let each thread end behind the jobs submitted so far. Who waits for
        transfers does so within a grace period, not here."""
        for _thread in range(self._count):
            self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job[0](job[1])
