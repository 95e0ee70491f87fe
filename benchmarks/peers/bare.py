"""Runs the bare handlers under the very gunicorn and options that the service has.

With gunicorn's own threaded worker, as anybody would run them, or with the service's worker:
the first says what the service costs, the second what of it is the worker's doing.
As a program: `python -m benchmarks.peers.bare PORT FOLDER gthread|ours`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from app.server.run import gunicorn_options, serve
from app.settings import Settings
from benchmarks.peers.handlers import make_application
from benchmarks.processes import Server, free_port, serving

GTHREAD, OURS = "gthread", "ours"


@contextmanager
def bare(folder: Path, worker: str = GTHREAD) -> Iterator[Server]:
    """Serve what `handlers.prepare` wrote into `folder`, with the service's defaults."""
    port = free_port()
    module = "benchmarks.peers.bare"
    command = [sys.executable, "-m", module, str(port), str(folder), worker]
    with serving(command, port, folder / f"log-{worker}") as server:
        yield server


class _Gunicorn(BaseApplication):
    def __init__(self, options: dict[str, Any], folder: Path) -> None:
        self._options = options
        self._folder = folder
        super().__init__()

    def load_config(self) -> None:
        """Called by gunicorn."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Called by gunicorn, in each worker."""
        return make_application(self._folder)


def main() -> int:
    """Serve until SIGTERM."""
    port, folder, worker = sys.argv[1:]
    settings = Settings(bind=f"127.0.0.1:{port}")
    if worker == OURS:
        return serve(settings, lambda: make_application(Path(folder)))
    hooks = ("pre_fork", "post_worker_init", "post_fork", "on_starting")
    options = {
        name: value for name, value in gunicorn_options(settings).items() if name not in hooks
    }
    _Gunicorn(options | {"worker_class": "gthread"}, Path(folder)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
