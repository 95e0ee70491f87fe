"""One process's numbers in a file mapped into memory, and how others read it.

    8 bytes   length of the names that are valid, little-endian
    NUMBERS   doubles, the machine's own, one to each slot
    NAMES     a JSON array a line: width, family, labels ...; its slots follow the last one's

A name is written before the length that makes it valid, and a number is one aligned store, so
a reader needs no lock, and a process that is killed anywhere leaves nothing half-written.
"""

import fcntl
import json
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


class PagesFull(Exception):
    """There is no room for another series."""


@dataclass(frozen=True, slots=True)
class Series:
    """A family's name and the values of its labels."""

    family: str
    labels: tuple[str, ...]


class Pages:
    """A new file of this process, locked for as long as it lives. One thread at a time."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{os.getpid()}-{token_hex(8)}{SUFFIX}"
        self.path = path
        # Made under another name, so that nobody takes it for a dead one's before it is locked.
        fresh = path.with_suffix(FRESH)
        self._descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        # Room is taken now: a full disk must fail here, and not as SIGBUS at some store.
        os.posix_fallocate(self._descriptor, 0, FILE_BYTES)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self._map = mmap.mmap(self._descriptor, FILE_BYTES)
        self.numbers = memoryview(self._map)[_HEAD_BYTES : _HEAD_BYTES + _NUMBERS_BYTES].cast("d")
        self._slots = 0
        self._names = 0
        fresh.rename(path)

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
        os.close(self._descriptor)


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
