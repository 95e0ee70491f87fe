"""Reading all processes' numbers: the living are summed, the dead folded into one file.

One reader at a time holds the directory's lock. The folded file names the files that are in
it, and replaces its predecessor by a rename, before those are removed: a reader that is
killed anywhere counts nothing twice, and nothing never.
"""

import errno
import fcntl
import json
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time

from middleware.metrics.catalogue import FAMILIES, Kind
from middleware.metrics.pages import FRESH, SUFFIX, Series, read
from middleware.metrics.text import exposition

_FOLDED = "folded.json"
_LOCK = "lock"
_FRESH_SECONDS = 60  # making a file takes less

_GAUGES = frozenset(family.name for family in FAMILIES if family.kind is Kind.GAUGE)

Numbers = dict[Series, list[float]]


def render(directory: Path) -> str:
    """The metrics of all processes that count in `directory`, in Prometheus's text format."""
    with _locked(directory):
        totals, folded = _read_folded(directory)
        living: list[Numbers] = []
        dead: dict[str, Numbers] = {}
        for path in sorted(directory.glob(f"*{SUFFIX}")):
            if path.name in folded:
                path.unlink()  # Folded by one that was killed before it came to this.
                continue
            numbers, alive = _read_live(path)
            if alive:
                living.append(numbers)
            else:
                dead[path.name] = numbers
        _sweep(directory)
        if dead:
            for numbers in dead.values():
                _add(totals, _without_gauges(numbers))
            if _write_folded(directory, totals, dead):
                for name in dead:
                    (directory / name).unlink()
    for numbers in living:
        _add(totals, numbers)
    return exposition(totals)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read_live(path: Path) -> tuple[Numbers, bool]:
    """A process's numbers, and whether it lives: whether somebody holds the file's lock."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alive = False
        except BlockingIOError:
            alive = True
        try:
            return read(file.read()), alive
        except ValueError:
            # Another version's, or what a power failure left: there is nothing to count.
            logging.getLogger(__name__).warning("%s holds no metrics", path.name)
            return {}, alive


def _read_folded(directory: Path) -> tuple[Numbers, frozenset[str]]:
    try:
        content = json.loads((directory / _FOLDED).read_text())
        totals = {
            Series(family, tuple(labels)): numbers for family, labels, numbers in content["totals"]
        }
        return totals, frozenset(content["files"])
    except FileNotFoundError:
        return {}, frozenset()
    except (ValueError, KeyError, TypeError):
        # It is not synced, for counters may begin anew after a power failure.
        logging.getLogger(__name__).warning("%s is unreadable: counters begin anew", _FOLDED)
        return {}, frozenset()


def _sweep(directory: Path) -> None:
    """Remove what processes left that were killed while they made their file."""
    for path in directory.glob(f"*{FRESH}"):
        try:
            if time() - path.stat().st_mtime > _FRESH_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue  # It has its name by now.


def _write_folded(directory: Path, totals: Numbers, files: Iterable[str]) -> bool:
    """Write the totals; False where the disk is full: the files are folded another time."""
    content = {
        "files": sorted(files),
        "totals": [[each.family, each.labels, numbers] for each, numbers in totals.items()],
    }
    fresh = directory / f"{_FOLDED}{FRESH}"
    try:
        fresh.write_text(json.dumps(content))
    except OSError as error:
        fresh.unlink(missing_ok=True)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return False
    fresh.replace(directory / _FOLDED)
    return True


def _without_gauges(numbers: Numbers) -> Numbers:
    return {each: values for each, values in numbers.items() if each.family not in _GAUGES}


def _add(totals: Numbers, numbers: Numbers) -> None:
    for series, values in numbers.items():
        before = totals.get(series)
        # Of another width, it was counted by another version, with other buckets.
        if before is None or len(before) != len(values):
            totals[series] = list(values)
        else:
            totals[series] = [one + other for one, other in zip(before, values, strict=True)]
