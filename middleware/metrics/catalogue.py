"""Every metric there is: name, kind, labels, and what it means, on one page.

Labels take few values by nature (templates of routes, stores, calls), and what a client
chooses, the method, is mapped to a fixed set: no client can make series.
"""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What becomes of a value when its process ends: only a gauge goes with it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """A metric and the names of its labels; `bounds` are a histogram's, in seconds."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """How many numbers a series takes: a histogram its buckets, +Inf and the sum."""
        return len(self.bounds) + 2 if self.kind is Kind.HISTOGRAM else 1


METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"

_REQUEST_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_STORAGE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
_WORK_SECONDS = (0.01, 0.1, 0.5, 1, 5, 30, 60, 300, 1800, 7200)

REQUESTS = Family(
    "strongroom_http_requests_total",
    Kind.COUNTER,
    "Requests answered.",
    ("route", "method", "status"),
)
REQUEST_SECONDS = Family(
    "strongroom_http_request_seconds",
    Kind.HISTOGRAM,
    "Time from a request's head to the end of its answer.",
    ("route", "method"),
    _REQUEST_SECONDS,
)
BYTES = Family(
    "strongroom_http_bytes_total",
    Kind.COUNTER,
    "Bytes of bodies received (in) and sent (out).",
    ("direction",),
)
IN_FLIGHT = Family(
    "strongroom_http_requests_in_flight",
    Kind.GAUGE,
    "Requests that hold a thread.",
)
STORAGE_SECONDS = Family(
    "strongroom_storage_call_seconds",
    Kind.HISTOGRAM,
    "Time of calls to the stores, by outcome.",
    ("store", "call", "outcome"),
    _STORAGE_SECONDS,
)
CONFLICTS = Family(
    "strongroom_storage_conflicts_total",
    Kind.COUNTER,
    "Commits that met another transaction and were tried again.",
)
CACHE_HITS = Family(
    "strongroom_cache_hits_total",
    Kind.COUNTER,
    "Look-ups that a cache answered.",
    ("cache",),
)
CACHE_MISSES = Family(
    "strongroom_cache_misses_total",
    Kind.COUNTER,
    "Look-ups that a cache could not answer.",
    ("cache",),
)
UPLOADS = Family(
    "strongroom_uploads_in_flight",
    Kind.GAUGE,
    "Uploads being received.",
)
WORK_SECONDS = Family(
    "strongroom_work_seconds",
    Kind.HISTOGRAM,
    "Time of jobs and of runs of duties, by outcome.",
    ("work", "outcome"),
    _WORK_SECONDS,
)
MAILS = Family(
    "strongroom_mails_total",
    Kind.COUNTER,
    "Tries to send a mail, by outcome.",
    ("outcome",),
)
DROPPED = Family(
    "strongroom_metrics_dropped_total",
    Kind.COUNTER,
    "Updates lost because a process had no room for another series.",
)

FAMILIES = (
    REQUESTS,
    REQUEST_SECONDS,
    BYTES,
    IN_FLIGHT,
    STORAGE_SECONDS,
    CONFLICTS,
    CACHE_HITS,
    CACHE_MISSES,
    UPLOADS,
    WORK_SECONDS,
    MAILS,
    DROPPED,
)
