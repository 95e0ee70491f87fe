"""A trial: processes of clients at work while machines, workers and clients are killed.

What is killed when is chosen at random, from a seed that a failure shows. Progress is told by
the diaries, so that a slow machine sees as many deaths as a fast one, or else by the clock.
"""

import contextlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.durability.diary import Deed, read_diaries
from tests.durability.installations import REPOSITORY, Installation, soon
from tests.durability.machines import Machine, mortal
from tests.durability.plan import FILES, Plan

CLIENTS = 8  # in each process


def _seed() -> int:
    """The seed of a failure that is to be looked into, or any other."""
    return int(os.environ.get("STRONGROOM_TEST_SEED") or random.SystemRandom().getrandbits(32))


@dataclass
class Trial:
    """Two processes of clients over an installation.

    Attributes:
        files: how many files all clients write together, at least.
        deaths: how often something is killed.
        seconds: after which the trial has failed.
        lasting: seconds that the clients work at least, however many files they write.
        clients: in each of the two processes.
        module: what runs them.
    """

    installation: Installation
    files: int
    deaths: int
    large_bytes: int
    seconds: float
    lasting: float | None = None
    clients: int = CLIENTS
    module: str = FILES
    seed: int = field(default_factory=_seed)
    killed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._began = 0.0
        self._lives: Counter[int] = Counter()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        secrets = self.installation.new_keys(2 * self.clients)
        self.plans = [
            Plan(
                process=number,
                addresses=[machine.address for machine in self.installation.machines],
                repository=REPOSITORY,
                keys=secrets[number * self.clients : (number + 1) * self.clients],
                files=-(-self.files // (2 * self.clients)),
                large_bytes=self.large_bytes,
                folder=str(self.installation.ground.folder),
                clients=self.module,
            )
            for number in range(2)
        ]

    def run(
        self,
        meanwhile: Callable[[], None] = lambda: None,
        enough: Callable[[list[Deed]], bool] = lambda _: True,
    ) -> list[Deed]:
        """Run to the end, and give all that the clients did.

        Args:
            meanwhile: called about twice a second.
            enough: whether what was done so far will do, in a trial that is `lasting`: it goes
                on until then, and until everything was killed that had to be.
        """
        self._began = time.monotonic()
        # None before the first work.
        due = [(number + 0.7) / (self.deaths + 1) for number in range(self.deaths)]
        try:
            for plan in self.plans:
                self._live(plan.process)
            while self._anyone_works():
                assert time.monotonic() < self._began + self.seconds, (
                    f"not done in {self.seconds} s: {self._lines()} lines"
                )
                if due and self._progress() >= due[0]:
                    due.pop(0)
                    self._kill_something(len(due))
                self._relieve()
                meanwhile()
                if not due and self._has_lasted() and enough(self._deeds()):
                    self.plans[0].over.touch()
                time.sleep(0.2)
        finally:
            for process in self._processes.values():
                process.kill()
                process.wait()
        return self._deeds()

    def _deeds(self) -> list[Deed]:
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

    def _has_lasted(self) -> bool:
        return self.lasting is not None and time.monotonic() >= self._began + self.lasting

    def _progress(self) -> float:
        """About how much of the work is done, of 1."""
        if self.lasting is not None:
            return (time.monotonic() - self._began) / self.lasting
        return self._lines() / (self.files * 1.7 * 2)

    def _lines(self) -> int:
        return sum(
            plan.diary.read_bytes().count(b"\n") for plan in self.plans if plan.diary.exists()
        )

    def _relieve(self) -> None:
        """Replace housekeepers that are dead, whoever killed them, as an orchestrator does."""
        for housekeeper in self.installation.housekeepers:
            if housekeeper.has_ended():
                self.killed["housekeeper"] += 1
                housekeeper.start()

    def _kill_something(self, left: int) -> None:
        """Kill in turn, so that also a short trial has each; whom is chosen at random."""
        kinds = ["machine", "clients", "worker"]
        if self.installation.housekeepers:
            kinds.append("housekeeper")
        machine = self._random.choice(self.installation.machines)
        match kinds[left % len(kinds)]:
            case "machine":
                machine.kill()
                machine.start()
                self.killed["machine"] += 1
            case "worker":
                soon(lambda: self._kill_worker(machine), "a worker that can be killed")
                self.killed["worker"] += 1
            case "housekeeper":
                self._random.choice(self.installation.housekeepers).kill()
            case _:
                number = self._random.randrange(2)
                process = self._processes[number]
                if process.poll() is None:
                    process.kill()
                    process.wait()
                    self.killed["clients"] += 1
                    self._live(number)

    def _kill_worker(self, machine: Machine) -> bool:
        """Kill a process that serves; whether there was one: the last may have died by itself."""
        workers = machine.workers()
        if not workers:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._random.choice(workers), signal.SIGKILL)
            return True
        return False
