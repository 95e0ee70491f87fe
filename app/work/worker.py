"""The worker: threads that take jobs and do duties, in as many processes as there are.

Who does what is decided by claims alone, so workers know nothing of each other.
"""

import logging
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from app.work.duty import Duty, Schedule
from app.work.job import Job
from app.work.jobs import Jobs
from storage.metadata import Record

#: For jobs of other processes, those of this one are told of; and for duties that don't wait
#: until they are due.
POLL = timedelta(seconds=5)
_JOBS = 2  # at a time: completing an upload of terabytes is one long step
LOOK = timedelta(seconds=15)  # for duties that are due

_log = logging.getLogger("strongroom.worker")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ran:
    """What was done at once: how each duty went, by name, and each job as it was left, of
    which some may wait for a later try."""

    duties: Mapping[str, str]
    jobs: tuple[Job, ...]


class Worker:
    """Does background work until it is stopped."""

    def __init__(
        self, jobs: Jobs, schedule: Schedule, poll: timedelta = POLL, look: timedelta = LOOK
    ) -> None:
        self._jobs = jobs
        self._schedule = schedule
        self._poll = poll
        self._look = look
        self._me = f"{socket.gethostname()}#{os.getpid()}#{secrets.token_hex(4)}"
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._busy: set[str] = set()  # duties that this process is at
        self._duties: list[threading.Thread] = []  # that do them

    def start(self) -> None:
        """Begin; returns at once."""
        self._threads = [
            *(
                threading.Thread(target=self._take_jobs, name=f"jobs-{number}", daemon=True)
                for number in range(_JOBS)
            ),
            threading.Thread(target=self._do_duties, name="duties", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float = 0) -> None:
        """Ask it to end after the pieces that are under way, those of duties too, and wait so
        long for them: what they use is closed behind this."""
        self._stopping.set()
        self._jobs.added.set()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for thread in self._duties:  # the last one was begun by one of those
            thread.join(max(0.0, deadline - time.monotonic()))

    def run_due(self) -> Ran:
        """Do whatever waits or is due, here and now, until nothing is: also the jobs that duties
        leave, and the duties that come due meanwhile, each of them once."""
        jobs: dict[str, Job] = {}
        duties: dict[str, str] = {}
        tried: set[str] = set()
        while True:
            while (job := self._jobs.run_next(self._me, self._stopping.is_set)) is not None:
                jobs[job.id] = job  # of one that takes several turns, how the last one left it
            wanted = (*self._schedule.due(), *self._schedule.pressing())
            due = {duty.name: (duty, found) for duty, found in wanted if duty.name not in tried}
            if not due:
                return Ran(duties, tuple(jobs.values()))
            for duty, found in due.values():
                tried.add(duty.name)
                outcome = self._schedule.perform(duty, found, self._me, self._stopping.is_set)
                if outcome is not None:
                    duties[duty.name] = outcome

    def _take_jobs(self) -> None:
        while not self._stopping.is_set():
            self._jobs.added.clear()
            if self._stopping.is_set():  # just now: `stop` woke the others by what is clear again
                self._jobs.added.set()
                return
            ran = self._patiently(
                "jobs", lambda: self._jobs.run_next(self._me, self._stopping.is_set)
            )
            if ran is None:
                self._jobs.added.wait(_about(self._poll))

    def _do_duties(self) -> None:
        # Not all processes at once, and not while the first requests are waited for.
        look = time.monotonic() + random.uniform(0.2, 1.0) * self._look.total_seconds()
        while not self._stopping.wait(max(0.0, min(_about(self._poll), look - time.monotonic()))):
            if time.monotonic() < look:
                self._patiently("duties", self._begin_pressing)
                continue
            self._patiently("duties", self._begin_due)
            look = time.monotonic() + _about(self._look)

    def _begin_due(self) -> None:
        self._begin_each(self._schedule.due())

    def _begin_pressing(self) -> None:
        self._begin_each(self._schedule.pressing())

    def _begin_each(self, duties: Iterable[tuple[Duty, Record | None]]) -> None:
        """Begin each duty on a thread of its own: a long one keeps none waiting."""
        for duty, found in duties:
            if self._stopping.is_set():  # who waited for the look may have gone on by now
                return
            if duty.name not in self._busy:
                self._begin(duty, found)

    def _begin(self, duty: Duty, found: Record | None) -> None:
        thread = threading.Thread(target=self._do, args=(duty, found), name=duty.name, daemon=True)
        self._busy.add(duty.name)
        try:
            thread.start()
        except BaseException:  # there may be room for a thread at the next look
            self._busy.discard(duty.name)
            raise
        self._duties = [*(one for one in self._duties if one.is_alive()), thread]

    def _do(self, duty: Duty, found: Record | None) -> None:
        try:
            self._patiently(
                duty.name,
                lambda: self._schedule.run(duty, found, self._me, self._stopping.is_set),
            )
        finally:
            self._busy.discard(duty.name)

    def _patiently(self, what: str, work: Callable[[], T]) -> T | None:
        """Do it; what goes wrong is logged, and the thread goes on."""
        try:
            return work()
        except Exception:  # noqa: BLE001 - logged; the thread has to outlive whatever it meets
            _log.exception("%s failed; they are tried again", what)
            return None


def _about(interval: timedelta) -> float:
    """So many seconds, a little more or less: workers must not come all at once."""
    return interval.total_seconds() * random.uniform(0.8, 1.2)
