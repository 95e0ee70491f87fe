"""Runs the bare handlers with the very gunicorn, options and worker that the service has.

As a program: `python -m benchmarks.peers.bare PORT FOLDER`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.server.run import serve
from app.settings import Settings
from benchmarks.peers.handlers import make_application
from benchmarks.processes import Server, free_port, serving


@contextmanager
def bare(folder: Path) -> Iterator[Server]:
    """Serve what `handlers.prepare` wrote into `folder`, with the service's defaults."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.peers.bare", str(port), str(folder)]
    with serving(command, port, folder / "log") as server:
        yield server


def main() -> int:
    """Serve until SIGTERM."""
    port, folder = sys.argv[1:]
    settings = Settings(bind=f"127.0.0.1:{port}")
    return serve(settings, lambda: make_application(Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
