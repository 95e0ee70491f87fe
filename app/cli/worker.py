"""`strongroom worker`: does background work until SIGTERM, beside any number of others."""

import argparse
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from app.background import background
from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.compose import metrics_folder
from app.health import Checks
from app.installation import existing
from app.privacy.reapplying import reapply_at_start
from app.server.status import StatusListener, bind_status
from app.settings import Settings, read_settings
from app.work import Job, Ran, State
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
        "--once",
        action="store_true",
        help="do what waits or is due, until nothing is, and end, with 1 where some of it failed:"
        " for a timer",
    )
    add_shared(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    """Work."""
    settings = read_settings(environment, {"data": options.data})
    with existing(settings) as at:
        reapply_at_start(at)
        metrics = Metrics(metrics_folder(settings))
        try:
            worker = background(at, metrics).worker()
            if options.once:
                return _tell(worker.run_due(), output)
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


def _tell(ran: Ran, output: Output) -> int:
    """Print what was done at once; the exit status."""
    value = {"duties": ran.duties, "jobs": [_job(job) for job in ran.jobs]}
    output.result(value, *_lines(ran) or ("done: nothing due",))
    failed = "failed" in ran.duties.values() or any(job.state is State.FAILED for job in ran.jobs)
    return 1 if failed else 0


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "kind": job.kind,
        "organization": job.organization,
        "repository": job.repository,
        "state": job.state.value,
        "error": job.error,
    }


def _lines(ran: Ran) -> list[str]:
    """What was done, for people: jobs are counted, and those that failed are named."""
    how = {State.WAITING: "left for later"}
    lines = []
    if ran.duties:
        told = (f"{name} {outcome}" for name, outcome in ran.duties.items())
        lines.append(f"duties: {', '.join(told)}")
    if ran.jobs:
        counts = Counter((job.kind, how.get(job.state, job.state.value)) for job in ran.jobs)
        told = (f"{count} {kind} {state}" for (kind, state), count in sorted(counts.items()))
        lines.append(f"jobs: {', '.join(told)}")
    return [*lines, *_failures(ran)]


def _failures(ran: Ran) -> Iterator[str]:
    for name, outcome in ran.duties.items():
        if outcome == "failed":
            yield f"duty {name} failed; the log says why, and it is tried again when it is due"
    for job in ran.jobs:
        if job.state is State.FAILED:
            yield f"job {job.id} ({job.kind}) failed: {job.error}"


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
