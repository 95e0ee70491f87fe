"""Shows how far an import is: a line that is redrawn on a terminal, now and then a line elsewhere.

Nothing is coloured. A terminal that can't redraw a line is no terminal here.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TextIO

from app.importing.report import Counts
from app.usage.sizes import in_words

DRAW_SECONDS = 0.1
LINE_SECONDS = 30.0
_WINDOW_SECONDS = 15.0  # the rate is that of so long
_BAR_COLUMNS = 20
_COLUMNS = 80
_CLEAR = "\x1b[K"


@dataclass(frozen=True, slots=True)
class State:
    """How far it is: what is dealt with, what there is (None: it is being counted), bytes a
    second, and whether it was told to end."""

    done: Counts
    total: tuple[int, int] | None
    rate: float
    ending: bool = False


class Progress:
    """Draws what `state` tells, from a thread of its own, until it is left."""

    def __init__(
        self,
        stream: TextIO,
        environment: Mapping[str, str],
        done: Callable[[], Counts],
        total: Callable[[], tuple[int, int] | None],
        ending: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` tells monotonic seconds."""
        self._stream = stream
        self._bar = stream.isatty() and environment.get("TERM") != "dumb"
        self._done, self._total, self._ending = done, total, ending
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque([(clock(), 0)])
        self._line_due = clock() + LINE_SECONDS
        self._told = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._draw_on, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._thread.join()
        if self._bar:
            self.draw()
            self._write("\n")

    def draw(self) -> None:
        """Draw where it is time to."""
        now, done = self._clock(), self._done()
        state = State(done, self._total(), self._rate(now, done.bytes), self._ending())
        if self._bar:
            self._write(f"\r{line(state, _columns(self._stream))}{_CLEAR}")
        elif now >= self._line_due or (state.ending and not self._told):
            self._line_due = now + LINE_SECONDS
            self._told = state.ending
            self._write(f"{line(state)}\n")

    def _draw_on(self) -> None:
        while not self._closed.wait(DRAW_SECONDS):
            self.draw()

    def _rate(self, now: float, size: int) -> float:
        """Bytes a second, of the last seconds."""
        self._seen.append((now, size))
        while len(self._seen) > 2 and self._seen[1][0] <= now - _WINDOW_SECONDS:
            self._seen.popleft()
        since, before = self._seen[0]
        return (size - before) / (now - since) if now > since else 0.0

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            pass  # nobody looks any more: that ends no import


def line(state: State, columns: int | None = None) -> str:
    """How far it is, in at most so many columns."""
    parts = [_amounts(state), f"{in_words(int(state.rate))}/s"]
    if state.total is not None:
        share = _share(state.done, state.total)
        filled = int(share * _BAR_COLUMNS)
        bar = f"[{'#' * filled}{'-' * (_BAR_COLUMNS - filled)}] {int(share * 100)} %"
        parts = [bar, *parts, *_left(state, state.total[1])]
    if state.ending:
        parts.insert(0, "ending after the files under way (again ends it at once)")
    text = ", ".join(parts)
    # The last column stays free: some terminals begin a new line behind it.
    return text if columns is None else text[: max(0, columns - 1)]


def _amounts(state: State) -> str:
    done = state.done
    if state.total is None:
        return f"{done.files:,} files, {in_words(done.bytes)}"
    files, size = state.total
    return f"{done.files:,} of {files:,} files, {in_words(done.bytes)} of {in_words(size)}"


def _share(done: Counts, total: tuple[int, int]) -> float:
    """How much of all is done: of the bytes, and of the files where these have none."""
    files, size = total
    share = done.bytes / size if size else done.files / files if files else 1.0
    return min(1.0, share)


def _left(state: State, size: int) -> list[str]:
    left = max(0, size - state.done.bytes)
    if not left or state.rate < 1:
        return []
    minutes, seconds = divmod(int(left / state.rate), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return [f"{hours} h {minutes} min left"]
    return [f"{minutes} min {seconds} s left" if minutes else f"{seconds} s left"]


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _COLUMNS
    except (OSError, ValueError):
        return _COLUMNS
