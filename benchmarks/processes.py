"""Servers under measure: started on free ports of loopback, read through /proc, always ended."""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 120  # devpi-server takes seconds of processor time
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchmarkFailed(Exception):
    """Something answered wrongly, or not at all; no figure may be made from it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and the processes that it consists of."""

    port: int
    process: subprocess.Popen[bytes]

    def tree(self) -> list[int]:
        """The ids of its process and of all below."""
        found, ahead = [], [self.process.pid]
        while ahead:
            pid = ahead.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                ahead += map(int, task.read_text().split())
        return found

    def cpu_seconds(self) -> float:
        """Processor time of all its processes since they began, ended children included."""
        total = 0.0
        for pid in self.tree():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15])) / _TICKS  # utime, stime and the children's
        return total

    def forget_peak(self) -> None:
        """Begin to measure the peak of memory anew."""
        for pid in self.tree():
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5)

    def peak_bytes(self) -> int:
        """The largest peak of resident memory that one of its processes had."""
        return max(_bytes(Path(f"/proc/{pid}/status"), "VmHWM") for pid in self.tree())

    def resident_bytes(self) -> int:
        """Resident memory of all its processes; what some of them share counts once."""
        return sum(_bytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss") for pid in self.tree())


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    command: Sequence[str],
    port: int,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[Server]:
    """Run `command` in a session of its own until the block ends, once `port` answers.

    Raises:
        BenchmarkFailed: it ended, or did not listen in time; with the end of its log.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(os.environ if environment is None else environment),
            cwd=folder,
            start_new_session=True,
        )
        try:
            _await(port, process, log)
            yield Server(port, process)
        finally:
            _end(process)


def answer(port: int, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """One request: the status and the body, so that wrong answers are never measured."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, headers=dict(headers))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    tail = log.read_text(errors="replace")[-2000:]
    raise BenchmarkFailed(f"{process.args!r} does not serve on {port}:\n{tail}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):  # then the whole session is killed
            process.wait(20)
    with suppress(ProcessLookupError):  # nothing of it is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _bytes(path: Path, field: str) -> int:
    """What a file of /proc says in KiB."""
    for line in path.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise BenchmarkFailed(f"{path} has no {field}")
