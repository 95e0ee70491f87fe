"""Health: alive, ready, and measured.

`/healthz` says that a thread answers. `/readyz` says that the stores do, and no more; what
is wrong with them is for the status listener and the log.
"""

import logging
from collections.abc import Callable, Mapping

from falcon import HTTP_200, HTTP_503, Request, Response

from app.server.status import Readiness
from app.visitors import confirmed
from auth.errors import Forbidden
from auth.organizations import DEFAULT
from middleware.context import context_of
from middleware.declarations import HEALTH, MANAGER, by_method
from storage import keys
from storage.blobs import BlobError, Blobs
from storage.metadata import Metadata, MetadataError
from storage.metadata.recent import Recent

_log = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.5  # while one probe waits for a store that hangs, the others do not


class Checks:
    """Asks the stores whether they are there: the name of each, and `ok` or what is wrong."""

    def __init__(self, metadata: Metadata, blobs: Blobs) -> None:
        self._metadata = metadata
        self._blobs = blobs

    def __call__(self) -> Mapping[str, str]:
        """One cheap call of each store."""
        return {"metadata": self._check_metadata(), "blobs": self._check_blobs()}

    def _check_metadata(self) -> str:
        try:
            self._metadata.get(keys.FORMAT)
        except MetadataError as error:
            return _trouble("metadata", error)
        return "ok"

    def _check_blobs(self) -> str:
        try:
            self._blobs.check()
        except BlobError as error:
            return _trouble("blobs", error)
        return "ok"


def _trouble(store: str, error: Exception) -> str:
    _log.warning("the store of %s is not ready: %s", store, error)
    return type(error).__name__


class Alive:
    """`GET /healthz`."""

    needs = by_method(GET=HEALTH)

    def on_get(self, _req: Request, resp: Response) -> None:
        """Say ok."""
        resp.media = {"status": "ok"}

    on_head = on_get


class Ready:
    """`GET /readyz`."""

    needs = by_method(GET=HEALTH)

    def __init__(self, readiness: Readiness) -> None:
        # One probe at a time asks the stores, at most once a second: whoever asks without
        # credentials must not be able to fill the threads with waiting.
        self._readiness = readiness

    def on_get(self, _req: Request, resp: Response) -> None:
        """Say whether the stores answer; 503 where one does not."""
        ready = all(found == "ok" for found in self._readiness.found().values())
        resp.status = HTTP_200 if ready else HTTP_503
        resp.media = {"status": "ok" if ready else "unavailable"}

    on_head = on_get


class MetricsPage:
    """`GET /metrics`, for an administrator's credentials; else there is the status listener.

    They tell of the whole installation, so other organizations than `default` are not told.
    """

    needs = by_method(GET=MANAGER)

    def __init__(self, recent: Recent, render: Callable[[], str]) -> None:
        self._recent = recent
        self._render = render

    def on_get(self, req: Request, resp: Response) -> None:
        """The metrics of all processes, in Prometheus's text format 0.0.4."""
        confirmed(req, self._recent)
        place = context_of(req).place
        if place is None or place.organization != DEFAULT:
            raise Forbidden("The metrics are of the whole installation; its operator has them.")
        resp.content_type = "text/plain; version=0.0.4; charset=utf-8"
        resp.text = self._render()
