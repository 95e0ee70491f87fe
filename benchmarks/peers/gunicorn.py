"""gunicorn as the service runs it, around a peer's application."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import Server, free_port, serving

WORKERS, THREADS = 2, 32


@contextmanager
def gunicorn(
    factory: str, folder: Path, log: Path, worker_class: str = "gthread"
) -> Iterator[Server]:
    """Run `MODULE:FACTORY()` with the workers and threads that the service has."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", worker_class, "--keep-alive", "75"]
    command += ["--workers", str(WORKERS), "--threads", str(THREADS), f"{factory}()"]
    # The tree's gunicorn.conf.py is the service's own; a peer takes nothing from it.
    empty = log.with_suffix(".conf.py")
    empty.touch()
    command += ["--config", str(empty)]
    environment = os.environ | {"BENCH_FOLDER": str(folder)}
    with serving(command, port, log, environment) as server:
        yield server
