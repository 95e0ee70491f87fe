"""gunicorn with this project's worker, in a process of its own, for any WSGI application.

with running("tests.server.samples:echo", limits={"stall_seconds": 0.3}) as server:
connection = server.connect()
"""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 20.0


@dataclass
class Server:
    """A server that runs: where it is, and what it wrote."""

    address: tuple[str, int]
    process: subprocess.Popen[bytes]
    folder: Path
    status: tuple[str, int] | None = None
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{self.address[0]}:{self.address[1]}"

    def connect(self, timeout: float = 10.0) -> socket.socket:
        """A new connection (under TLS where the server has it)."""
        raw = socket.create_connection(self.address, timeout=timeout)
        if self.tls is None:
            return raw
        return self.tls.wrap_socket(raw, server_hostname="localhost")

    def exchange(self, data: bytes, timeout: float = 10.0) -> bytes:
        """Send `data` on a new connection, and return everything until the server's end."""
        with self.connect(timeout) as connection:
            connection.sendall(data)
            return read_all(connection)

    def workers(self) -> list[int]:
        """The ids of the worker processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(child) for child in children.read_text().split()]

    def access(self) -> list[dict[str, Any]]:
        """The access log's lines so far."""
        return [json.loads(line) for line in (self.folder / "stdout").read_text().splitlines()]

    def errors(self) -> str:
        return (self.folder / "stderr").read_text()

    def stop(self, sig: int = signal.SIGTERM, timeout: float = 40.0) -> int:
        """Signal the server and return its exit status."""
        self.process.send_signal(sig)
        return self.process.wait(timeout)


@contextlib.contextmanager
def running(
    target: str,
    *,
    limits: Mapping[str, float] | None = None,
    workers: int = 1,
    threads: int = 4,
    tls: tuple[Path, Path] | None = None,
    status: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Serve the WSGI application `target` (`module:attribute`) on a free loopback port.

    The application is imported in each worker. `limits` are fields of `Limits` by name.
    Whatever happens, the process and its workers are gone afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="running-") as name, socket.socket() as listener:
        folder = Path(name)
        listener.bind(("127.0.0.1", 0))
        # Listening from the start: a client that comes before the workers waits in the backlog.
        listener.listen(512)
        beside = free_port() if status else None
        told = {
            "target": target,
            "bind": f"fd://{listener.fileno()}",
            "workers": workers,
            "threads": threads,
            "limits": dict(limits or {}),
            "tls": tls and [str(tls[0]), str(tls[1])],
            "status": beside and f"127.0.0.1:{beside}",
        }
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.server.launch"],
                cwd=ROOT,
                env={**os.environ, **(environment or {}), "RUNNING": json.dumps(told)},
                pass_fds=[listener.fileno()],
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        server = Server(
            address=listener.getsockname(),
            process=process,
            folder=folder,
            status=("127.0.0.1", beside) if beside else None,
            tls=_client_context() if tls else None,
        )
        listener.close()
        try:
            _await_workers(server, workers)
            yield server
        finally:
            _end(process)


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side's end; what came before a reset is raised with it."""
    pieces = []
    while piece := connection.recv(1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until `condition()` holds, where nothing tells when it does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def all_read(address: tuple[str, int]) -> bool:
    """Whether the server at `address` has taken every byte that was sent to it off its sockets,
    of which there is at least one."""
    port = f":{address[1]:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = [row for row in rows if row[1].endswith(port) and row[3] == "01"]
    return bool(ours) and all(row[4].endswith(":00000000") for row in ours)


def _await_workers(server: Server, workers: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    booted = 0
    while booted < workers:
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the server did not start:\n{server.errors()}")
        time.sleep(0.02)
        booted = server.errors().count("Booting worker")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
    # Workers whose master was killed end by themselves, but within a second, not at once.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


def _client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
