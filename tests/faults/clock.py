"""A machine whose clock is off: everything in this process that asks for the time is told so."""

import datetime
import time


class _Kind(type):
    """Makes every datetime an instance of the class that took its name."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _REAL)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _REAL)


_REAL = datetime.datetime


def shift_clock(seconds: float) -> None:
    """Set this process's clock so much ahead (or, negative, behind).

    To be called before anything else is imported: modules that hold the old names already
    go on asking those. The steady clock is not concerned, as it is not on a real machine.
    """
    shift, real_time = datetime.timedelta(seconds=seconds), time.time

    class Shifted(_REAL, metaclass=_Kind):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> _REAL:
            return _REAL.now(tz) + shift

        @classmethod
        def utcnow(cls) -> _REAL:
            return _REAL.now(datetime.UTC).replace(tzinfo=None) + shift

    datetime.datetime = Shifted  # type: ignore[misc]
    time.time = lambda: real_time() + seconds
