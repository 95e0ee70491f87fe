"""The command `strongroom` as a person has it: a process, its exit status and what it prints."""

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

from tests.ports import free_port

COMMAND = str(Path(sys.executable).with_name("strongroom"))
START_SECONDS = 60.0  # two busy cores
STOP_SECONDS = 40.0


def environment(data: Path, **settings: str) -> dict[str, str]:
    """The environment of an installation in `data`, and nothing of the caller's settings."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("STRONGROOM_")}
    given = {f"STRONGROOM_{name}": value for name, value in settings.items()}
    return {**inherited, "STRONGROOM_DATA": str(data), **given}


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(data: Path, *arguments: str, input_: str = "", **settings: str) -> Ended:
    """Run `strongroom ARGUMENTS` to its end, without a terminal."""
    done = subprocess.run(
        [COMMAND, *arguments],
        input=input_,
        capture_output=True,
        text=True,
        env=environment(data, **settings),
        cwd=data.parent,
        timeout=START_SECONDS,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@dataclass
class Serving:
    """`strongroom serve`, running; what it writes goes to files."""

    process: subprocess.Popen[bytes]
    address: tuple[str, int]
    data: Path
    folder: Path
    certificate: Path | None = None

    @property
    def url(self) -> str:
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://{self.address[0]}:{self.address[1]}"

    @property
    def out(self) -> str:
        return (self.folder / "stdout").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "stderr").read_text()

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        source: str = "127.0.0.1",
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request on a connection of its own: status, headers in lower case, body."""
        connection = self._connection(source)
        try:
            connection.request(method, target, body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, named, answer.read()
        finally:
            connection.close()

    def _connection(self, source: str) -> HTTPConnection:
        if self.certificate is None:
            return HTTPConnection(*self.address, timeout=30, source_address=(source, 0))
        trusted = ssl.create_default_context(cafile=self.certificate)
        return HTTPSConnection(
            *self.address, timeout=30, source_address=(source, 0), context=trusted
        )

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


@contextlib.contextmanager
def serving(data: Path, *arguments: str, **settings: str) -> Iterator[Serving]:
    """Run `strongroom serve` on a free port until the block ends."""
    address = ("127.0.0.1", free_port())
    folder = data.parent / "written"
    folder.mkdir(exist_ok=True)
    bind = f"{address[0]}:{address[1]}"
    with (folder / "stdout").open("ab") as out, (folder / "stderr").open("ab") as err:
        process = subprocess.Popen(
            [COMMAND, "serve", "--bind", bind, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment(data, **settings),
            cwd=data.parent,
            start_new_session=True,
        )
    certificate = settings.get("TLS_CERT")
    server = Serving(process, address, data, folder, Path(certificate) if certificate else None)
    try:
        _await(server)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def _await(server: Serving) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the server did not start:\n{server.out}{server.err}")
        try:
            if server.ask("GET", "/readyz")[0] == 200:
                return
        except OSError:
            time.sleep(0.05)
