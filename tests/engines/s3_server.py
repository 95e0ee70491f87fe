"""A real S3 server (versitygw over a temporary folder) on a free port of the loopback address.

Run as a module it keeps the server: it prints the port, and ends it when its standard input
ends, because the server by itself would outlive the tests, and can't tell a port that it chose.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.dynamodb_local import CREDENTIALS
from tests.engines.process import served
from tests.parts import ROOT, tool
from tests.ports import free_port

REGION = "us-east-1"

_START_SECONDS = 20.0
_TRIES = 5


@contextmanager
def s3_server() -> Iterator[str]:
    """Run a server of its own and give its URL; it has no buckets, and takes `CREDENTIALS`.

    It is the part `versitygw`: a test without it is skipped, or fails, as `tests.parts` has it.
    """
    server = tool("versitygw")
    environ = {
        **os.environ,
        "ROOT_ACCESS_KEY": CREDENTIALS["AWS_ACCESS_KEY_ID"],
        "ROOT_SECRET_KEY": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        "PYTHONPATH": str(ROOT),
    }
    command: list[str | Path] = [sys.executable, "-m", "tests.engines.s3_server", server]
    with served(command, environ, cwd=ROOT) as port:
        yield f"http://127.0.0.1:{port}"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="strongroom-s3-") as folder:
        process, port = _started(Path(sys.argv[1]), Path(folder))
        try:
            sys.stdout.write(f"port {port}\n")
            sys.stdout.flush()
            sys.stdin.read()
        finally:
            process.kill()  # its folder goes away: there is nothing to finish
            process.wait()


def _started(server: Path, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    for name in ("objects", "sidecar"):
        (folder / name).mkdir()
    for _ in range(_TRIES):
        port = free_port()
        address = f"127.0.0.1:{port}"
        command: list[str | Path] = [
            server,
            "--port",
            address,
            "--region",
            REGION,
            "--quiet",
            "posix",
        ]
        # The sidecar holds what else would be extended attributes, which tmpfs may lack.
        command += ["--sidecar", folder / "sidecar", folder / "objects"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        if _answers(process, port):
            return process, port
        process.kill()  # somebody else took the port in between
        process.wait()
    raise RuntimeError("the S3 server did not start")


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return True
    return False


if __name__ == "__main__":
    main()
