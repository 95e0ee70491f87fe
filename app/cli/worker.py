"""`strongroom worker`: does background work until SIGTERM, beside any number of others."""

import argparse
import signal
import threading
from collections.abc import Mapping
from types import FrameType

from app.background import background
from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.compose import metrics_folder
from app.health import Checks
from app.installation import existing
from app.server.status import StatusListener, bind_status
from app.settings import Settings, read_settings
from middleware.metrics import Metrics

STOP_SECONDS = 25.0  # Kubernetes and ECS kill 30 s after SIGTERM


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "worker",
        help="do background work until SIGTERM",
        description="Do background work until SIGTERM: jobs that take longer than a request, and"
        " the duties that come round by themselves. Any number of workers may run; with the"
        " embedded store `serve` runs one by itself.",
    )
    parser.add_argument(
        "--once", action="store_true", help="do what waits or is due now, and end: for a timer"
    )
    add_shared(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    """Work."""
    settings = read_settings(environment, {"data": options.data})
    with existing(settings) as at:
        metrics = Metrics(metrics_folder(settings))
        try:
            worker = background(at, metrics).worker()
            if options.once:
                done = worker.run_due()
                output.result({"duties": list(done)}, f"done: {', '.join(done) or 'nothing due'}")
                return 0
            stopped = _until_told()
            if settings.status_bind is not None:
                _listen(settings, Checks(at.metadata, at.blobs), metrics)
            worker.start()
            output.note("Working; Ctrl-C stops.")
            output.stream.flush()
            stopped.wait()
            worker.stop(STOP_SECONDS)
        finally:
            metrics.close()
    return 0


def _until_told() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopped


def _listen(settings: Settings, checks: Checks, metrics: Metrics) -> None:
    address = settings.status_bind or ""
    try:
        listener = bind_status(address)
    except OSError as error:
        raise CommandFailed(
            f"STRONGROOM_STATUS_BIND: cannot listen on {address}: {error.strerror or error}"
        ) from error
    StatusListener(listener, checks, metrics.render).start()
