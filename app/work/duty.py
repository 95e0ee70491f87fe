"""Duties: what has to be done again and again, by one worker of all at a time.

When a duty is due again lies in a record, and whoever claims that record does it. A run that
was killed is followed by another when its claim is over, so a duty does its work in pieces
that may be done twice.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

from app.work.claims import Claim, ClaimLost, is_free, is_held
from app.work.job import Job, State, new_id
from app.work.jobs import Jobs
from app.work.turn import JobObserver
from storage import keys
from storage.events import SYSTEM
from storage.metadata import ConditionFailed, Key, Metadata, MetadataError, Put, Record

RETRY = timedelta(minutes=1)  # after a run that failed

_log = logging.getLogger(__name__)


class Stopped(Exception):
    """The worker is to end: the rest of the run is left to the next one."""


class Duty(Protocol):
    """Something to be done every so often."""

    @property
    def name(self) -> str: ...

    @property
    def every(self) -> timedelta: ...

    def run(self, shift: "Shift") -> None:
        """Do it, calling `shift.go_on()` between pieces of some seconds at most."""


@runtime_checkable
class Prompt(Duty, Protocol):
    """A duty that is also done before it is due, as soon as something waits for it."""

    def waits(self) -> bool:
        """Whether something does. Asked every few seconds in each process, so it costs one query
        and writes nothing."""


class Failures:
    """The parts of a run that went wrong: logged and counted, so that the others are done."""

    def __init__(self, what: str) -> None:
        """`what` is the name of the run in the log."""
        self._what = what
        self.count = 0
        self.first: Exception | None = None

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Within it is a part of the run that keeps no other from being done."""
        try:
            yield
        except (Stopped, ClaimLost):
            raise
        except Exception as error:  # noqa: BLE001 - logged, counted; the run fails at its end
            _log.exception("%s failed in %s; the rest of it is done", self._what, name)
            self.add(error)

    def add(self, error: Exception) -> None:
        """Count what went wrong and was logged."""
        self.count += 1
        self.first = self.first or error


class Shift:
    """One run of a duty: what it is given, and where its reports go.

    `again` is how soon after its end a run comes again of which parts failed, where it is not
    due before: a duty whose run is dear sets it to more than a minute.
    """

    def __init__(
        self,
        duty: Duty,
        metadata: Metadata,
        jobs: Jobs,
        claim: Claim,
        stopping: Callable[[], bool],
    ) -> None:
        self._duty = duty
        self._metadata = metadata
        self._jobs = jobs
        self._claim = claim
        self._stopping = stopping
        self.began = metadata.now()
        self.failures = Failures(duty.name)
        self.again = RETRY

    def organizations(self) -> Iterator[str]:
        """The ids of all organizations, with a `go_on` before each."""
        for record in self._metadata.query_all(keys.ORGANIZATIONS):
            self.go_on()
            yield str(record.value["id"])

    def go_on(self) -> None:
        """Return where the run may go on. Raises Stopped, ClaimLost."""
        if self._stopping():
            raise Stopped(self._duty.name)
        self._claim.check()

    def part(self, name: str) -> AbstractContextManager[None]:
        """Within it is a part of the run that keeps no other from being done: what goes wrong
        in it is logged, and the run counts as failed when it has come to its end."""
        return self.failures.part(name)

    def keep(self, key: Key, value: Mapping[str, Any], version: int | None) -> int:
        """Write how far the run is, over the version that was read (None: there was none).

        Returns the version that it has now. Raises ClaimLost where another run has written.
        """
        put = Put(key, value, absent=True) if version is None else Put(key, value, at=version)
        try:
            return self._metadata.commit(put).versions[key]
        except ConditionFailed as error:
            raise ClaimLost(key.sort) from error

    def report(
        self,
        organization: str,
        counts: Mapping[str, int],
        result: Mapping[str, Any] | None = None,
        repository: str | None = None,
    ) -> None:
        """Leave a report in `GET /api/jobs` of an organization.

        A run that did nothing there leaves none: that it was run is told by the duty itself.
        """
        now = self._metadata.now()
        self._jobs.report(
            Job(
                organization=organization,
                id=new_id(now),
                kind=self._duty.name,
                actor=SYSTEM,
                created=self.began,
                updated=now,
                repository=repository,
                counts=counts,
                state=State.DONE,
                result=result or {},
            )
        )


class Schedule:
    """Runs duties when they are due. `every` of a duty may be overridden by name."""

    def __init__(
        self,
        metadata: Metadata,
        jobs: Jobs,
        duties: tuple[Duty, ...],
        every: Mapping[str, timedelta],
        observer: JobObserver | None = None,
    ) -> None:
        self._metadata = metadata
        self._jobs = jobs
        self._duties = duties
        self._every = {duty.name: every.get(duty.name, duty.every) for duty in duties}
        self._observer = observer

    def due(self) -> Iterator[tuple[Duty, Record | None]]:
        """The duties that are due and that nobody is at, with their records; one query."""
        now = self._metadata.now()
        for duty, record in self.all():
            if record is None or is_free(record.value, now):
                yield duty, record

    def pressing(self) -> Iterator[tuple[Duty, Record | None]]:
        """The duties that something waits for, due or not, and that nobody is at."""
        waiting = [duty for duty in self._duties if isinstance(duty, Prompt) and duty.waits()]
        if not waiting:
            return
        now = self._metadata.now()
        for duty, record in self.all():
            if duty in waiting and (record is None or not is_held(record.value, now)):
                yield duty, record

    def run(
        self, duty: Duty, found: Record | None, holder: str, stopping: Callable[[], bool]
    ) -> bool:
        """Do a duty; whether it was done here, and to its end."""
        return self.perform(duty, found, holder, stopping) == "done"

    def perform(
        self, duty: Duty, found: Record | None, holder: str, stopping: Callable[[], bool]
    ) -> str | None:
        """Do a duty; how that went: `done`, `failed`, `stopped` where it is to be gone on with,
        `lost` where another took it over. None where another is at it."""
        key = keys.duty(duty.name)
        before = {} if found is None else _without_claim(found.value)
        began = time.monotonic()
        claim = Claim.take(self._metadata, key, found, before, holder)
        if claim is None:
            return None
        with claim:
            shift = Shift(duty, self._metadata, self._jobs, claim, stopping)
            outcome, rest = self._attempt(duty, shift)
            value = {"began": shift.began.isoformat(), "ended": None, "outcome": outcome}
            if outcome == "stopped":
                value |= {name: before.get(name) for name in value}
            else:
                value["ended"] = self._metadata.now().isoformat()
            try:
                claim.release(value, until=None if rest is None else shift.began + rest)
            except (ClaimLost, MetadataError) as error:
                # It was taken over, or is left to the end of its claim.
                outcome = outcome if outcome == "failed" else "lost"
                _log.warning("how %s went was not recorded: %s", duty.name, error)
        if self._observer is not None:
            self._observer.work(duty.name, outcome, time.monotonic() - began)
        return outcome

    def _attempt(self, duty: Duty, shift: Shift) -> tuple[str, timedelta | None]:
        """How a run went, and how long after its beginning the next one is due."""
        try:
            duty.run(shift)
        except (Stopped, ClaimLost):
            return "stopped", None
        except Exception:  # noqa: BLE001 - logged; the next run comes in a minute
            _log.exception("%s failed; it is tried again in a while", duty.name)
            again = RETRY
        else:
            if not shift.failures.count:
                return "done", self._every[duty.name]
            again = shift.again
        took = self._metadata.now() - shift.began
        return "failed", took + min(again, self._every[duty.name])

    def every(self, duty: Duty) -> timedelta:
        """How often a duty is done."""
        return self._every[duty.name]

    def all(self) -> Iterator[tuple[Duty, Record | None]]:
        """Every duty, due or not, with its record where it was run before."""
        page = self._metadata.query(keys.DUTIES)
        found = {record.key.sort: record for record in page.records}
        for duty in self._duties:
            yield duty, found.get(duty.name)

    def states(self) -> Iterator[tuple[str, timedelta, Record | None]]:
        """Every duty: its name, how often, and its record where it was run before."""
        for duty, record in self.all():
            yield duty.name, self.every(duty), record


def _without_claim(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.get(name) for name in ("began", "ended", "outcome")}


def time_of(record: Record | None, name: str) -> datetime | None:
    """A time in a duty's record, or None where it has none."""
    text = None if record is None else record.value.get(name)
    return None if text is None else datetime.fromisoformat(text)
