"""Stores in trouble at random, by a seed: fair weather, and storms in which most calls fail.

Each trouble is written down before it comes, by one call, so that a process that is killed
leaves every line whole, and a test can say what its stores went through.
"""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

from storage.blobs import BlobError, BlobsUnavailable
from storage.metadata.errors import Conflict, MetadataError, OutcomeUnknown, Unavailable
from tests.faults.metadata import Fault, passes

#: What every error says that is raised here.
INJECTED = "injected"

#: Shares of the calls that meet trouble; the metadata store repeats what did nothing three
#: times by itself, so that only a storm gets through to its callers.
_FAIR, _STORM = 0.02, 0.97
_FAIR_SECONDS, _STORM_SECONDS = (2.0, 8.0), (0.5, 3.0)

#: How long a store takes that says nothing. DynamoDB's client waits for 5 s.
_SLOW_SECONDS, _SILENT_SECONDS, _LATE_SECONDS = (0.05, 0.5), (1.0, 5.0), (0.05, 2.0)


class Trouble(StrEnum):
    FAILS = "fails"  #: away: nothing is done
    THROTTLED = "throttled"  #: the same, and another error where the store has one
    LOST_BEFORE = "lost before"  #: nothing is done, and nobody knows
    LOST_AFTER = "lost after"  #: it is done, and nobody knows
    LATE = "late"  #: nobody knows, and it is done afterwards
    SLOW = "slow"
    TIMES_OUT = "times out"  #: silence, and then as one of the lost ones
    DIES = "dies"  #: this process is killed, before or after the call


_READING = {Trouble.FAILS: 9, Trouble.SLOW: 3, Trouble.TIMES_OUT: 0.3, Trouble.DIES: 0.02}
_WRITING = {
    **_READING,
    Trouble.THROTTLED: 2,
    Trouble.LOST_BEFORE: 2,
    Trouble.LOST_AFTER: 3,
}
_COMMITTING = {**_WRITING, Trouble.LATE: 1}

#: What holds something for its caller, who could not let go of it if he never got it; and
#: what is called in a process's first moment and by nobody's request.
_TAKING = ("create", "resume", "open", "read", "window", "check", "list", "uploads")
_SPARED = ("prepare", "sweep", "url", "let_go")


class Troubles:
    """What a process's stores go through. Safe for threads.

    Args:
        seed: the same makes the same troubles for the same calls.
        log: where each is written down, a line of JSON.
        deadly: whether this process may die of them.
    """

    def __init__(self, seed: str, log: Path, *, deadly: bool = True) -> None:
        self._random = random.Random(seed)
        self._deadly = deadly
        self._timers: list[threading.Timer] = []
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()
        self._weather = {name: _Weather(self._random) for name in ("metadata", "blobs")}

    def await_late(self) -> None:
        """Return when nothing is done any more that was late."""
        for timer in self._timers:
            timer.join()

    def metadata(self, call: str) -> Fault:
        """What a call of an engine meets."""
        kinds = _COMMITTING if call == "transact" else _READING
        trouble = self._pick("metadata", call, kinds)
        if call != "transact":
            return self._fault(trouble, Unavailable(INJECTED), Unavailable(INJECTED))
        unknown = OutcomeUnknown(INJECTED)
        if trouble is Trouble.THROTTLED:
            return self._fault(trouble, Conflict(INJECTED), unknown)
        return self._fault(trouble, Unavailable(INJECTED), unknown)

    def blobs(self, call: str) -> Fault:
        """What a call of a blob store, a writer or a download meets."""
        trouble = self._pick("blobs", call, _READING if call in _TAKING else _WRITING)
        away = BlobsUnavailable(INJECTED)
        return self._fault(trouble, away, away, after=call not in _TAKING)

    def _pick(self, store: str, call: str, kinds: dict[Trouble, float]) -> Trouble | None:
        with self._lock:
            met = self._random.random() < self._weather[store].chance()
            if not met or call in _SPARED:
                return None
            (trouble,) = self._random.choices(list(kinds), list(kinds.values()))
            if trouble is Trouble.DIES and not self._deadly:
                return None
        line = json.dumps({"store": store, "call": call, "trouble": trouble})
        os.write(self._log, line.encode() + b"\n")
        return trouble

    def _fault(
        self, trouble: Trouble | None, refused: Exception, unknown: Exception, *, after: bool = True
    ) -> Fault:
        """`after`: whether the call may be carried out and its answer be lost."""
        with self._lock:
            chance, share = self._random.random(), self._random.random()
        match trouble:
            case None:
                return passes
            case Trouble.FAILS | Trouble.THROTTLED:
                return _raising(refused)
            case Trouble.LOST_BEFORE:
                return _raising(unknown)
            case Trouble.LOST_AFTER:
                return _lost(unknown)
            case Trouble.LATE:
                return self._late(unknown, _between(_LATE_SECONDS, share))
            case Trouble.SLOW:
                return _resting(_between(_SLOW_SECONDS, share), passes)
            case Trouble.TIMES_OUT:
                then = _lost(unknown) if after and chance < 0.5 else _raising(unknown)
                return _resting(_between(_SILENT_SECONDS, share), then)
            case Trouble.DIES:
                return _dying(before=chance < 0.5)

    def _late(self, error: Exception, seconds: float) -> Fault:
        def fault(call: Callable[[], Any]) -> Any:
            timer = threading.Timer(seconds, _quietly(call))
            timer.daemon = True
            timer.start()
            self._timers.append(timer)
            raise error

        return fault


class _Weather:
    """How many of a store's calls meet trouble now."""

    def __init__(self, chances: random.Random) -> None:
        self._random = chances
        self._storm = True
        self._until = 0.0

    def chance(self) -> float:
        now = time.monotonic()
        if now >= self._until:
            self._storm = not self._storm
            span = _STORM_SECONDS if self._storm else _FAIR_SECONDS
            self._until = now + self._random.uniform(*span)
        return _STORM if self._storm else _FAIR


def read_troubles(logs: Iterable[Path]) -> Counter[tuple[str, Trouble]]:
    """How often the stores (`metadata`, `blobs`) met each trouble, by the processes' logs."""
    met: Counter[tuple[str, Trouble]] = Counter()
    for log in logs:
        # The last line may still be being written.
        for line in log.read_text().split("\n")[:-1]:
            entry = json.loads(line)
            met[entry["store"], Trouble(entry["trouble"])] += 1
    return met


def _between(span: tuple[float, float], share: float) -> float:
    return span[0] + (span[1] - span[0]) * share


def _raising(error: Exception) -> Fault:
    def fault(_: Callable[[], Any]) -> Any:
        raise error

    return fault


def _lost(error: Exception) -> Fault:
    def fault(call: Callable[[], Any]) -> Any:
        with suppress(MetadataError, BlobError):
            call()
        raise error

    return fault


def _quietly(call: Callable[[], Any]) -> Callable[[], None]:
    def late() -> None:
        with suppress(MetadataError):
            call()

    return late


def _resting(seconds: float, then: Fault) -> Fault:
    def fault(call: Callable[[], Any]) -> Any:
        time.sleep(seconds)
        return then(call)

    return fault


def _dying(*, before: bool) -> Fault:
    def fault(call: Callable[[], Any]) -> Any:
        if not before:
            call()
        os.kill(os.getpid(), signal.SIGKILL)

    return fault
