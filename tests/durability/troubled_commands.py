"""The two commands that run for long, composed as they are, around stores in trouble."""

import argparse
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from app.background import background
from app.compose import compose
from app.first_start import prepare
from app.installation import open_installation
from app.server.run import serve
from app.settings import read_settings
from app.work import jobs
from storage.blobs import Blobs
from storage.metadata.engine import Engine
from tests.durability.troubled import Ills
from tests.faults.blobs import FaultyBlobs
from tests.faults.metadata import Faults
from tests.faults.troubles import Troubles

_STOP_SECONDS = 25.0


def run(words: Sequence[str], ills: Ills) -> int:
    """Run a command as its words say, and return its exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=("serve", "worker"))
    for flag in ("--bind", "--workers", "--threads"):
        parser.add_argument(flag)
    flags = vars(parser.parse_args(words))
    command = flags.pop("command")
    settings = read_settings(os.environ, flags)
    if ills.hurried:
        jobs.AT_ONCE_SECONDS = 0.0

    def around(engine: Engine, blobs: Blobs) -> tuple[Engine, Blobs]:
        troubles = Troubles(ills.seed, Path(ills.log))
        return Faults(engine, troubles.metadata), FaultyBlobs(blobs, troubles.blobs)

    if command == "serve":
        prepare(settings)
        return serve(settings, lambda: compose(settings, around))
    installation = open_installation(settings, around=around)
    worker = background(installation).worker()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    worker.start()
    stopped.wait()
    worker.stop(_STOP_SECONDS)
    installation.close()
    return 0
