"""The log: JSON lines, each one write; requests on stdout, everything else on stderr.

A request's line is written after its answer was sent, by the server, and holds ids alone: no
address, no path, no query, no credential. What is private can't leak from a line that never
had it.
"""

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable
from time import gmtime, strftime, time
from typing import Any

from gunicorn.glogging import Logger

from middleware.context import RequestContext

#: The packages whose own loggers follow the configured level; others only warn.
_OURS = ("app", "middleware", "auth", "storage")

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, default=str).encode

#: Text as JSON, quotes included.
_quote = json.encoder.encode_basestring_ascii
_CUT = ',"whole":false'


def _or_null(text: str | None) -> str:
    return "null" if text is None else _quote(text)


class Clock:
    """Times as RFC 3339 has them, in UTC and milliseconds; the second is rendered once."""

    __slots__ = ("_now", "_rendered", "_second")

    def __init__(self, now: Callable[[], float] = time) -> None:
        self._now = now
        self._second = -1
        self._rendered = ""

    def text(self, moment: float | None = None) -> str:
        """`moment` (seconds since 1970; now without it) as text."""
        at = self._now() if moment is None else moment
        second = int(at)
        if second == self._second:
            rendered = self._rendered
        else:
            rendered = strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
            self._rendered, self._second = rendered, second
        return f"{rendered}.{int((at - second) * 1000):03d}Z"


class Lines:
    """A file descriptor that takes whole lines, each by one write."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, entry: dict[str, Any]) -> None:
        """Write `entry`. A reader that is gone loses lines; nobody loses an answer by it."""
        self.write_text(_encode(entry) + "\n")

    def write_text(self, line: str) -> None:
        """Write a line that is JSON already, its end included; as `write`."""
        try:
            os.write(self._descriptor, line.encode())
        except OSError:
            return  # There is nowhere left to say so.


class LineHandler(logging.Handler):
    """Records of Python's logging as JSON lines; a trace is text within its line."""

    def __init__(self, lines: Lines, clock: Clock) -> None:
        super().__init__()
        self._lines = lines
        self._clock = clock

    def emit(self, record: logging.LogRecord) -> None:
        """Write `record`."""
        entry = {
            "time": self._clock.text(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            entry["trace"] = "".join(traceback.format_exception(record.exc_info[1]))
        self._lines.write(entry)


class AccessLog(Logger):
    """gunicorn's logger class (`logger_class`)."""

    def setup(self, cfg: Any) -> None:
        """Called by gunicorn at the start, and again when it reloads."""
        self.cfg = cfg
        level = logging.getLevelNamesMapping().get(cfg.loglevel.upper(), logging.INFO)
        self._clock = Clock()
        self._access = None if cfg.accesslog is None else Lines(_descriptor(cfg.accesslog, 1))
        handler = LineHandler(Lines(_descriptor(cfg.errorlog or "-", 2)), Clock())
        for log in (self.error_log, logging.getLogger()):
            log.handlers = [handler]
        self.error_log.setLevel(level)
        for name in _OURS:
            logging.getLogger(name).setLevel(level)

    def access(self, *_: object) -> None:
        """Called by gunicorn's own workers, which know too little of a request; see `answered`."""

    def answered(self, method: str, context: RequestContext, seconds: float, whole: bool) -> None:
        """Write the line of a request whose answer was sent, `whole` or not. 10 µs."""
        if self._access is None:
            return
        # Written out: the fields are known, and JSONEncoder takes twice as long.
        self._access.write_text(
            f'{{"time":"{self._clock.text()}","level":"info","request":{_quote(context.id)}'
            f',"method":{_quote(method)},"route":{_quote(context.route)}'
            f',"status":{context.status},"bytes_in":{context.bytes_in}'
            f',"bytes_out":{context.bytes_out},"seconds":{seconds:.6f}'
            f',"user":{_or_null(context.user)},"credential":{_or_null(context.credential)}'
            f',"organization":{_or_null(context.organization)}'
            f"{'' if whole else _CUT}}}\n"
        )


class ErrorStream:
    """`wsgi.errors`: text that becomes lines of the log."""

    def __init__(self, log: AccessLog) -> None:
        self._log = log

    def write(self, text: str) -> int:
        """Write `text` as one line of level error."""
        if text.strip():
            self._log.error("%s", text.rstrip("\n"))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write `lines` as one."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Nothing is held back."""


def _descriptor(place: str, standard: int) -> int:
    """Where to write: `-` is the standard stream, all else a file that is appended to."""
    if place == "-":
        (sys.stdout if standard == 1 else sys.stderr).flush()
        return standard
    return os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
