"""One process's numbers in a file mapped into memory, and how others read it.

    8 bytes   length of the names that are valid, little-endian
    NUMBERS   doubles, the machine's own, one to each slot
    NAMES     a JSON array a line: width, family, labels ...; its slots follow the last one's

A name is written before the length that makes it valid, and a number is one aligned store, so
a reader needs no lock, and a process that is killed anywhere leaves nothing half-written.
"""

import errno
import fcntl
import json
import logging
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

SLOTS = 8192
NAMES_BYTES = 384 * 1024
_HEAD_BYTES = 8
_NUMBERS_BYTES = SLOTS * 8
FILE_BYTES = _HEAD_BYTES + _NUMBERS_BYTES + NAMES_BYTES
SUFFIX = ".live"
FRESH = ".new"  # not locked yet

_log = logging.getLogger(__name__)


class PagesFull(Exception):
    """There is no room for another series."""


@dataclass(frozen=True, slots=True)
class Series:
    """A family's name and the values of its labels."""

    family: str
    labels: tuple[str, ...]


class Pages:
    """A new file of this process, locked for as long as it lives. One thread at a time.

    On a full disk there is none, and nobody sees the numbers: a process that can't be counted
    still serves, or a worker that dies then would take the service with it.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / f"{os.getpid()}-{token_hex(8)}{SUFFIX}"
        try:
            self._descriptor: int | None = _new_file(self.path)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            _log.warning("no room for metrics: this process is not counted")
            self._descriptor = None
        self._map = mmap.mmap(-1 if self._descriptor is None else self._descriptor, FILE_BYTES)
        self.numbers = memoryview(self._map)[_HEAD_BYTES : _HEAD_BYTES + _NUMBERS_BYTES].cast("d")
        self._slots = 0
        self._names = 0

    def add(self, series: Series, width: int) -> int:
        """Take `width` slots for `series` and return the first. Raises PagesFull."""
        line = json.dumps([width, series.family, *series.labels]).encode() + b"\n"
        if self._slots + width > SLOTS or self._names + len(line) > NAMES_BYTES:
            raise PagesFull(series.family)
        start = _HEAD_BYTES + _NUMBERS_BYTES + self._names
        self._map[start : start + len(line)] = line
        self._names += len(line)
        self._map[:_HEAD_BYTES] = self._names.to_bytes(_HEAD_BYTES, "little")
        slot = self._slots
        self._slots += width
        return slot

    def close(self) -> None:
        """Let go of the file, as the end of the process would: it is a dead one's now."""
        self.numbers.release()
        self._map.close()
        if self._descriptor is not None:
            os.close(self._descriptor)


def _new_file(path: Path) -> int:
    """Make a file, with room for all that it may hold, and lock it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made under another name, so that nobody takes it for a dead one's before it is locked.
    fresh = path.with_suffix(FRESH)
    descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        # Room is taken now: a full disk must fail here, and not as SIGBUS at some store.
        os.posix_fallocate(descriptor, 0, FILE_BYTES)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        fresh.rename(path)
    except BaseException:
        os.close(descriptor)
        fresh.unlink(missing_ok=True)
        raise
    return descriptor


def read(data: bytes) -> dict[Series, list[float]]:
    """The numbers of a file's content. Raises ValueError where it is none."""
    if len(data) != FILE_BYTES:
        raise ValueError("no file of metrics")
    size = int.from_bytes(data[:_HEAD_BYTES], "little")
    start = _HEAD_BYTES + _NUMBERS_BYTES
    numbers = memoryview(data)[_HEAD_BYTES:start].cast("d")
    found: dict[Series, list[float]] = {}
    slot = 0
    for line in data[start : start + size].splitlines():
        width, family, *labels = json.loads(line)
        found[Series(family, tuple(labels))] = list(numbers[slot : slot + width])
        slot += width
    return found
