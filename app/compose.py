"""Composes the application: the one function that makes everything and hands it on."""

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from app.audit import Reads
from app.audit.reads import EVERY as READS_EVERY
from app.background import background
from app.behind import Behind
from app.distribution import SubscriberDownloads
from app.health import PATIENCE_SECONDS, Checks
from app.installation import (
    Around,
    Installation,
    make_data_folder,
    nothing_around,
    open_installation,
)
from app.ownership import refuse_foreign_packages
from app.retention import LastDownloads
from app.routes import Parts, build
from app.server.status import Readiness
from app.settings import Settings, read_settings
from auth.authenticator import Authenticator
from auth.bootstrap import check_format
from auth.first_sign_in import FirstSignIn
from auth.key_uses import KeyUses
from auth.rates import Rates
from auth.slow_hashes import SlowHashes
from auth.verified import VerifiedPasswords
from middleware.context import Application, Entrance
from middleware.metrics import Metrics
from storage import keys
from storage.metadata import Unavailable

#: What the background work of a process has left to end its piece; it may be done again.
STOP_SECONDS = 1.0


class Service:
    """The WSGI application, with what the server asks of it besides."""

    def __init__(
        self,
        application: Application,
        metrics: Metrics,
        checks: Checks,
        slow_hashes: SlowHashes,
        close: Callable[[], None],
    ) -> None:
        self._application = application
        self._slow_hashes = slow_hashes
        self.metrics = metrics
        self.checks: Callable[[], Mapping[str, str]] = checks
        self.close = close

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        return self._application(environ, start_response)

    @property
    def standing_by(self) -> int:
        """How many requests hold a thread, and want no processor that others could use."""
        return self._slow_hashes.inside


def compose(settings: Settings, around: Around = nothing_around) -> Service:
    """The service of one process. Call it after a fork: it opens connections and files.

    `around` is put around its stores.
    """
    make_data_folder(settings)
    metrics = Metrics(metrics_folder(settings))
    metrics.render()  # which folds together what dead processes have counted
    installation = open_installation(settings, metrics, around)
    _refuse_newer_format(installation)
    checks = Checks(installation.metadata, installation.blobs)
    slow_hashes = SlowHashes(run_folder(settings))
    work = background(installation, metrics)
    downloads = LastDownloads(installation.metadata)
    reads = Reads(installation.metadata, installation.journal)
    uses, distributed = KeyUses(installation.metadata), SubscriberDownloads(installation.metadata)
    # Reads are history: what a process that is killed had not written is as little as can be.
    behind = Behind((downloads, uses, distributed)), Behind((reads,), READS_EVERY)
    parts = Parts(
        installation=installation,
        background=work,
        downloads=downloads,
        reads=reads,
        distributed=distributed,
        authenticator=_authenticator(installation, slow_hashes, uses),
        slow_hashes=slow_hashes,
        readiness=Readiness(checks, PATIENCE_SECONDS),
        metrics=metrics,
    )
    for each in behind:
        each.start()
    worker = work.worker() if settings.embedded else None
    if worker is not None:
        worker.start()

    def close() -> None:
        if worker is not None:
            worker.stop(STOP_SECONDS)
        for each in behind:
            each.stop()
        installation.close()
        metrics.close()

    return Service(Entrance(build(parts)), metrics, checks, slow_hashes, close)


def application() -> Service:
    """The service by the environment's settings, for `gunicorn 'app.compose:application()'`."""
    refuse_foreign_packages()
    return compose(read_settings(os.environ))


def _refuse_newer_format(installation: Installation) -> None:
    """Raise NewerFormat where a newer version has written. A store that is away is not looked
    at: a process that is replaced meanwhile has to start, and to say 503."""
    try:
        found = installation.metadata.get(keys.FORMAT)
    except Unavailable as error:
        logging.getLogger(__name__).warning("the store's format could not be looked at: %s", error)
        return
    check_format(found.get(keys.FORMAT))


def run_folder(settings: Settings) -> Path:
    """Where the processes of one machine meet: locks and the numbers of the metrics."""
    return settings.data / "run"


def metrics_folder(settings: Settings) -> Path:
    """Where each process counts in a file of its own."""
    return run_folder(settings) / "metrics"


def _authenticator(
    installation: Installation, slow_hashes: SlowHashes, uses: KeyUses
) -> Authenticator:
    return Authenticator(
        installation.recent,
        installation.journal,
        slow_hashes,
        Rates(installation.secrets[0]),
        VerifiedPasswords(),
        signed_in=FirstSignIn(installation.settings.data).signed_in,
        used=uses.note,
    )
