"""pypiserver with credentials, by its own command, as its users run it."""

import base64
import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers.handlers import HEADERS, SECRET, USER
from benchmarks.processes import Server, free_port, serving

__all__ = ["HEADERS", "pypiserver"]


@contextmanager
def pypiserver(
    packages: Path,
    folder: Path,
    *,
    python: str = sys.executable,
    authenticate: str = "download,list,update",
) -> Iterator[Server]:
    """Serve the files in `packages` under `/packages/NAME`; `folder` is for its own files.

    `python` is that of the environment that has it; `authenticate` is what takes credentials.
    """
    folder.mkdir(parents=True, exist_ok=True)
    passwords = folder / "passwords"
    digest = base64.b64encode(hashlib.sha1(SECRET.encode()).digest()).decode()
    passwords.write_text(f"{USER}:{{SHA}}{digest}\n")
    port = free_port()
    command = [python, "-m", "pypiserver", "run", "--interface", "127.0.0.1"]
    command += ["--port", str(port), "--disable-fallback"]
    command += ["--passwords", str(passwords), "--authenticate", authenticate]
    with serving([*command, str(packages)], port, folder / "log") as server:
        yield server
