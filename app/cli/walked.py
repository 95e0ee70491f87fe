"""Shows how far a walk through history is: a line that is redrawn on a terminal, now and then
a line elsewhere. Nothing is shown of a walk that is over within a moment."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from app.privacy.walk import Walked

DRAW_SECONDS = 0.1
LINE_SECONDS = 30.0
_COLUMNS = 24
_CLEAR = "\x1b[K"


class Bar:
    """Draws what it is called with. To be closed, which leaves an empty line."""

    def __init__(
        self,
        environment: Mapping[str, str],
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` tells monotonic seconds."""
        self._stream = sys.stderr if stream is None else stream
        self._bar = self._stream.isatty() and environment.get("TERM") != "dumb"
        self._clock = clock
        self._due = clock() + (DRAW_SECONDS if self._bar else LINE_SECONDS)
        self._drawn = False

    def __call__(self, walked: Walked) -> None:
        now = self._clock()
        if now < self._due:
            return
        if self._bar:
            self._due, self._drawn = now + DRAW_SECONDS, True
            self._write(f"\r{line(walked)}{_CLEAR}")
        else:
            self._due = now + LINE_SECONDS
            self._write(f"{line(walked)}\n")

    def close(self) -> None:
        """Leave no half line behind."""
        if self._drawn:
            self._write(f"\r{_CLEAR}")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            pass  # nobody looks any more: that ends no walk


def line(walked: Walked) -> str:
    """How far it is, for people."""
    share = min(1.0, walked.done / walked.total)
    filled = int(share * _COLUMNS)
    bar = f"[{'#' * filled}{'-' * (_COLUMNS - filled)}] {int(share * 100)} %"
    return f"{bar}, {walked.done:,} of {walked.total:,} hours of history"
