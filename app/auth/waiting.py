"""A refusal for now, as an answer says it: its status, and how long to wait."""

import math

from auth.errors import Busy, TryLater


def seconds(error: TryLater) -> str:
    """The header `Retry-After` of a refusal."""
    return str(max(1, math.ceil(error.retry_after.total_seconds())))


def status_of(error: TryLater) -> int:
    """The status of a refusal: the service is busy, or who asks did too often."""
    return 503 if isinstance(error, Busy) else 429
