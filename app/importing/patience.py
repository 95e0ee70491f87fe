"""Tries again what passes by itself, a few times."""

from collections.abc import Callable
from typing import TypeVar

from app.outgoing import Declined, OutgoingError
from app.publishing import Contended, TooLate
from storage.blobs import BlobsUnavailable, UploadMemorySpent
from storage.metadata import Conflict, Unavailable

_T = TypeVar("_T")

#: Between tries; the stores have tried for a while already.
PAUSES = (1.0, 2.0, 4.0, 8.0)
#: Another server may ask for longer ones, up to this.
LONGEST_PAUSE = 30.0
_PASSES = (Contended, TooLate, Conflict, Unavailable, BlobsUnavailable)


class Patience:
    """Safe for many threads."""

    def __init__(self, pause: Callable[[float], object], ending: Callable[[], bool]) -> None:
        """`pause` stands for waiting so many seconds; while it is `ending` nothing is tried
        again."""
        self._pause = pause
        self._ending = ending

    @property
    def ending(self) -> bool:
        """Whether nothing is to be begun any more."""
        return self._ending()

    def __call__(self, action: Callable[[], _T]) -> _T:
        """What comes of an action in the end. Raises what it raises."""
        pauses = iter(PAUSES)
        while True:
            try:
                return action()
            except UploadMemorySpent as error:
                # It is this process's, and other threads give it back: no matter how often.
                if self._ending():
                    raise
                self._pause(error.retry_after.total_seconds())
            except (*_PASSES, OutgoingError) as error:
                seconds = next(pauses, None)
                if seconds is None or self._ending() or not _passes(error):
                    raise
                self._pause(max(seconds, _asked(error)))


def _passes(error: Exception) -> bool:
    return error.passes if isinstance(error, OutgoingError) else True


def _asked(error: Exception) -> float:
    """How long another server asks to wait."""
    if isinstance(error, Declined) and error.retry_after is not None:
        return min(float(error.retry_after), LONGEST_PAUSE)
    return 0.0
