"""gunicorn, run in this process with this project's worker: what `strongroom serve` does.

All of gunicorn's options come out of one function, so that `gunicorn -c gunicorn.conf.py`
and `strongroom serve` can't differ.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from app.server.balance import Balance
from app.server.exchange import Wsgi
from app.server.limits import Limits
from app.server.processors import Processors
from app.server.status import StatusListener, bind_status
from app.server.tls import server_context
from app.server.worker import StrongroomWorker
from middleware.access_log import AccessLog

if TYPE_CHECKING:
    from app.settings import Settings

#: Seconds from SIGTERM to the end. Kubernetes and ECS kill 30 s after it: 25 s for transfers,
#: 3 s to abort the uploads of those that were cut, and 2 s to spare.
GRACE_SECONDS = 28

#: Where a heartbeat waits for no disk.
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - gunicorn makes an unnamed file there


def serve(settings: "Settings", load: Callable[[], Wsgi], limits: Limits | None = None) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit status.

    `load` is called in each worker, after the fork. Where what it returns has an attribute
    `metrics` (`middleware.metrics.Metrics`), requests are counted there; the status listener
    shows its text, and the answer of an attribute `checks`, see `app.server.status`.

    Raises:
        OSError, ssl.SSLError: certificate and key can't be used.
    """
    if settings.tls_cert is not None and settings.tls_key is not None:
        server_context(settings.tls_cert, settings.tls_key)  # better now than in every worker
    if settings.status_bind is not None:
        bind_status(settings.status_bind).close()  # the same
    try:
        _Service(gunicorn_options(settings, limits), load).run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def gunicorn_options(settings: "Settings", limits: Limits | None = None) -> dict[str, Any]:
    """The options of gunicorn for `settings`, by gunicorn's own names."""
    limits = limits or Limits()
    hooks = Hooks(limits, settings.status_bind)
    return {
        "bind": settings.bind,
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": StrongroomWorker,
        "worker_connections": limits.connections,
        "keepalive": max(int(limits.idle_seconds), 1),
        "graceful_timeout": GRACE_SECONDS,
        # The loop answers to the master every second; a minute is a process that hangs.
        "timeout": 60,
        "worker_tmp_dir": _SHARED_MEMORY if Path(_SHARED_MEMORY).is_dir() else None,
        "logger_class": AccessLog,
        "accesslog": "-",
        "errorlog": "-",
        # Who forwards for whom is decided by the middleware alone.
        "forwarded_allow_ips": "",
        "secure_scheme_headers": {},
        "forwarder_headers": "",
        "proxy_protocol": "off",
        "header_map": "drop",
        "http_protocols": "h1",
        # A socket that takes commands is a door that nobody asked for.
        "control_socket_disable": True,
        "pre_fork": hooks.pre_fork,
        "post_worker_init": hooks.post_worker_init,
        "child_exit": hooks.child_exit,
        "certfile": str(settings.tls_cert) if settings.tls_cert else None,
        "keyfile": str(settings.tls_key) if settings.tls_key else None,
    }


class _Service(BaseApplication):
    def __init__(self, options: dict[str, Any], load: Callable[[], Wsgi]) -> None:
        self._options = options
        self._load = load
        super().__init__()

    def load_config(self) -> None:
        """Called by gunicorn."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:  # an application of PEP 3333
        """Called by gunicorn, in each worker."""
        return self._load()


class Hooks:
    """What gunicorn calls between its own steps."""

    def __init__(self, limits: Limits, status_bind: str | None) -> None:
        self._limits = limits
        self._status_bind = status_bind

    def pre_fork(self, arbiter: Any, worker: StrongroomWorker) -> None:
        """In the master: give `worker` its limits, and what all of them share."""
        worker.limits = self._limits
        # The arbiter keeps these: options are read anew when gunicorn is told to reload.
        if not hasattr(arbiter, "balance"):
            arbiter.balance = Balance()
            arbiter.processors = Processors()
        worker.place = arbiter.balance.take()
        worker.processor = arbiter.processors.take(arbiter.num_workers, os.sched_getaffinity(0))
        if self._status_bind is None:
            return
        if not hasattr(arbiter, "status_listener"):
            arbiter.status_listener = bind_status(self._status_bind)
        worker.status_listener = arbiter.status_listener

    def child_exit(self, arbiter: Any, worker: StrongroomWorker) -> None:
        """In the master, when `worker` has ended, however it did."""
        arbiter.balance.give_back(worker.place)
        arbiter.processors.give_back(worker.processor)

    def post_worker_init(self, worker: StrongroomWorker) -> None:
        """In a worker, with the application loaded: answer on the status listener."""
        if worker.status_listener is None:
            return
        metrics = getattr(worker.wsgi, "metrics", None)
        StatusListener(
            worker.status_listener,
            checks=getattr(worker.wsgi, "checks", None),
            metrics=None if metrics is None else metrics.render,
        ).start()
