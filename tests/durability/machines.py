"""`strongroom serve` and `strongroom worker` as processes that can be killed.

Each is a process group of its own. A machine that serves has an address of its own in
127.0.0.0/8, so it gets its port back after a restart, which no outgoing connection of this
machine can have taken.
"""

import contextlib
import http.client
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.durability import troubled
from tests.durability.troubled import Ills
from tests.durability.wire import exchange
from tests.parts import tool

START_SECONDS = 60.0  # two busy cores
STOP_SECONDS = 40.0  # more than the grace period
#: Where an entry of a log begins: of a service, and of a command, whose traces have lines.
#: A trace that follows an empty line is of the same entry: it is the cause of the next one.
_ENTRY = re.compile(r"^(?=\{\"time\"|[A-Z]+ [\w.]+: |(?<!\n\n)Traceback)", re.MULTILINE)
_FAULT = re.compile(r'"level":"error"|^(?:ERROR|CRITICAL) |Traceback', re.MULTILINE)
COMMAND = str(Path(sys.executable).with_name("strongroom"))


@dataclass(frozen=True, slots=True)
class Ground:
    """Where an installation keeps its truth, as settings (names without their prefix).

    `shared` says that all machines use one data folder; else each has its own, and the
    stores are elsewhere. What machines write to their terminals goes to `folder`, which also
    holds the data unless there is a `disk` for it.
    """

    name: str
    folder: Path
    disk: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def shared(self) -> bool:
        return "METADATA" not in self.settings

    def data(self, number: int) -> Path:
        """The data folder of machine `number`."""
        return (self.disk or self.folder) / ("data" if self.shared else f"data-{number}")

    def variables(self, number: int) -> dict[str, str]:
        """The `STRONGROOM_*` variables of machine `number`, and nothing of the caller's."""
        # The tests name their requests themselves, as a trusted proxy may, to find them again.
        own = {"DATA": str(self.data(number)), "TRUSTED_PROXIES": "127.0.0.0/8"}
        return {f"STRONGROOM_{name}": value for name, value in {**self.settings, **own}.items()}

    def environ(self, number: int) -> dict[str, str]:
        """The whole environment of machine `number`."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("STRONGROOM_")}
        return {**inherited, **self.environment, **self.variables(number)}


class Process:
    """One command that runs for long, and is a process group: with all that it forks.

    Attributes:
        ills: what is wrong with it at its next start, if anything.
    """

    def __init__(self, ground: Ground, number: int, name: str, words: Sequence[str]) -> None:
        self.ground = ground
        self.number = number
        self.name = name
        self.words = words
        self.log = ground.folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.ills: Ills | None = None

    def launch(self) -> None:
        """Begin to run; does not wait."""
        environ, command = self.ground.environ(self.number), (COMMAND,)
        if self.ills is not None:
            environ, command = {**environ, **self.ills.variables()}, troubled.COMMAND
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*mortal(), *command, *self.words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environ,
                cwd=self.ground.folder,
                start_new_session=True,
            )

    def start(self) -> None:
        """Run; returns when it is ready to work."""
        self.launch()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def runs(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def has_ended(self) -> bool:
        """Whether it was started and runs no more."""
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        """The power is cut: SIGKILL for every process at once; returns when they are gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait(10)

    def terminate(self) -> None:
        """SIGTERM, as an orchestrator sends it; does not wait."""
        os.kill(self.pid, signal.SIGTERM)

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.terminate()
        return self.wait()

    def wait(self) -> int:
        """The exit status, once it has ended."""
        assert self.process is not None
        return self.process.wait(STOP_SECONDS)

    def close(self) -> None:
        """End it, whatever state it is in."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.process.wait(10)

    def tail(self) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def faults(self, foreseen: str | None = None) -> list[str]:
        """What its log tells of faults of the service: errors and traces, but not the master's
        line about a worker that was killed, nor what names `foreseen`."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return [
            entry
            for entry in _ENTRY.split(text)
            if (_FAULT.search(entry) and "was sent SIGKILL!" not in entry)
            and (foreseen is None or foreseen not in entry)
        ]


class Housekeeper(Process):
    """One `strongroom worker`. It is ready at once: nobody waits for it."""

    def __init__(self, ground: Ground, number: int) -> None:
        super().__init__(ground, number, f"housekeeper-{number}", ("worker",))


class Machine(Process):
    """One `strongroom serve`. It may be killed and started again on the same address."""

    def __init__(self, ground: Ground, number: int, *flags: str) -> None:
        self.address = _free_address()
        host, port = self.address
        words = ("serve", "--bind", f"{host}:{port}", *flags)
        super().__init__(ground, number, f"machine-{number}", words)

    def start(self) -> None:
        """Serve; returns when it is ready to."""
        self.launch()
        self.await_ready()

    def await_ready(self) -> None:
        """Return when it is ready to serve."""
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"machine {self.number} did not start:\n{self.tail()}")
            time.sleep(0.05)

    def workers(self) -> list[int]:
        """The ids of the worker processes."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(child) for child in children.split()]

    def peak_bytes(self) -> int:
        """The largest peak of resident memory that one of its workers had, in bytes."""
        peaks = []
        for pid in self.workers():
            status = Path(f"/proc/{pid}/status").read_text()
            peaks.append(int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024)  # type: ignore[index]
        return max(peaks)

    def kill(self) -> None:
        """As any process's; returns when nothing listens any more."""
        super().kill()
        deadline = time.monotonic() + 10
        while self.listens() and time.monotonic() < deadline:
            time.sleep(0.01)

    def listens(self) -> bool:
        """Whether it takes connections."""
        try:
            socket.create_connection(self.address, timeout=1).close()
        except OSError:
            return False
        return True

    def _ready(self) -> bool:
        try:
            return exchange(self.address, "GET", "/readyz").status == 200
        except (OSError, http.client.HTTPException):
            return False


def mortal() -> tuple[str, ...]:
    """What stands before a command that ends with this process, even where it is killed."""
    return (str(tool("setpriv")), "--pdeathsig", "KILL")


def _free_address() -> tuple[str, int]:
    """An address that nobody else has: 127.0.0.0/8 is all loopback on Linux, and outgoing
    connections start at 127.0.0.1."""
    pick = random.SystemRandom()
    host = f"127.{pick.randint(1, 254)}.{pick.randint(0, 255)}.{pick.randint(1, 254)}"
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return host, port
