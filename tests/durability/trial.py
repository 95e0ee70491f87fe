"""A trial: processes of clients at work while machines, workers and clients are killed.

What is killed when is chosen at random, from a seed that a failure shows; progress is told by
the diaries, so that a slow machine sees as many deaths as a fast one.
"""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.durability.clients import Plan
from tests.durability.diary import Deed, read_diaries
from tests.durability.installations import REPOSITORY, Installation
from tests.durability.machines import mortal

CLIENTS = 8  # in each process


@dataclass
class Trial:
    """Two processes of clients over an installation.

    Attributes:
        files: how many files all clients write together, at least.
        deaths: how often something is killed.
        seconds: after which the trial has failed.
    """

    installation: Installation
    files: int
    deaths: int
    large_bytes: int
    seconds: float
    seed: int = field(default_factory=lambda: random.SystemRandom().getrandbits(32))
    killed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lives: Counter[int] = Counter()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        secrets = self.installation.new_keys(2 * CLIENTS)
        self.plans = [
            Plan(
                process=number,
                addresses=[machine.address for machine in self.installation.machines],
                repository=REPOSITORY,
                keys=secrets[number * CLIENTS : (number + 1) * CLIENTS],
                files=-(-self.files // (2 * CLIENTS)),
                large_bytes=self.large_bytes,
                folder=str(self.installation.ground.folder),
            )
            for number in range(2)
        ]

    def run(self, meanwhile: Callable[[], None] = lambda: None) -> list[Deed]:
        """Run to the end, and give all that the clients did; `meanwhile` is called about twice
        a second."""
        end = time.monotonic() + self.seconds
        # One death about every so many bytes of diary, but none before the first work.
        lines = self.files * 1.7 * 2
        due = [lines * (number + 0.7) / (self.deaths + 1) for number in range(self.deaths)]
        try:
            for plan in self.plans:
                self._live(plan.process)
            while self._anyone_works():
                assert time.monotonic() < end, (
                    f"not done in {self.seconds} s: {self._lines()} lines"
                )
                if due and self._lines() >= due[0]:
                    due.pop(0)
                    self._kill_something(len(due))
                meanwhile()
                time.sleep(0.2)
        finally:
            for process in self._processes.values():
                process.kill()
                process.wait()
        return read_diaries(plan.diary for plan in self.plans)

    def _live(self, number: int) -> None:
        self._lives[number] += 1
        command, environ = self.plans[number].command(self._lives[number])
        self._processes[number] = subprocess.Popen(
            [*mortal(), *command], env=environ, stdin=subprocess.DEVNULL
        )

    def _anyone_works(self) -> bool:
        working = False
        for process in self._processes.values():
            status = process.poll()
            assert status in (None, 0), "a process of clients failed"
            working = working or status is None
        return working

    def _lines(self) -> int:
        return sum(
            plan.diary.read_bytes().count(b"\n") for plan in self.plans if plan.diary.exists()
        )

    def _kill_something(self, left: int) -> None:
        """Kill in turn, so that also a short trial has each; whom is chosen at random."""
        number = self._random.randrange(2)
        match ("machine", "clients", "worker")[left % 3]:
            case "machine":
                machine = self.installation.machines[number]
                machine.kill()
                machine.start()
                self.killed["machine"] += 1
            case "worker":
                workers = self.installation.machines[number].workers()
                if workers:
                    os.kill(self._random.choice(workers), signal.SIGKILL)
                    self.killed["worker"] += 1
            case _:
                process = self._processes[number]
                if process.poll() is None:
                    process.kill()
                    process.wait()
                    self.killed["clients"] += 1
                    self._live(number)
