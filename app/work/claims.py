"""Claims: who works on something, written into the record of the thing itself.

A claim is taken, renewed and given up by writing the record at the version that was read, so
the version is its fence: whoever was thought dead and is not finds out with his next write.
"""

import logging
import threading
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from storage.metadata import (
    Committed,
    ConditionFailed,
    Delete,
    Key,
    Metadata,
    MetadataError,
    Operation,
    OutcomeUnknown,
    Put,
    Record,
    Witness,
)

LIFETIME = timedelta(minutes=2)
_HOLDER, _UNTIL = "holder", "until"

_log = logging.getLogger(__name__)


class ClaimLost(Exception):
    """Somebody else holds it, or may: what was to be done is theirs now."""


def is_free(value: Mapping[str, Any], now: datetime) -> bool:
    """Whether nobody holds the record, and it does not ask to be left alone until later."""
    until = value.get(_UNTIL)
    return until is None or datetime.fromisoformat(until) <= now


def is_held(value: Mapping[str, Any], now: datetime) -> bool:
    """Whether somebody holds the record, unlike one that asks to be left alone until later."""
    return value.get(_HOLDER) is not None and not is_free(value, now)


class Claim:
    """A record that this process holds. Within `with` it is renewed beside the work."""

    def __init__(
        self,
        metadata: Metadata,
        key: Key,
        value: Mapping[str, Any],
        version: int,
        holder: str,
        lifetime: timedelta,
        began: float,
    ) -> None:
        """`began` is when the commit that took it was begun (monotonic)."""
        self._metadata = metadata
        self._key = key
        self._value = dict(value)
        self._version = version
        self._holder = holder
        self._lifetime = lifetime
        self._lock = threading.Lock()  # over the version, the value and whether it has ended
        self._lost = False
        self._held = began
        self._ended = threading.Event()
        self._beat = threading.Thread(target=self._renew, name="claim", daemon=True)

    @classmethod
    def take(
        cls,
        metadata: Metadata,
        key: Key,
        found: Record | None,
        value: Mapping[str, Any],
        holder: str,
        *others: Operation,
        lifetime: timedelta = LIFETIME,
        witness: Witness | None = None,
    ) -> Self | None:
        """Claim a record as it was found (or make it), with `value` in it, and `others` in the
        same commit; None where others were quicker."""
        began = time.monotonic()
        claimed = _claimed(value, holder, metadata.now() + lifetime)
        put = (
            Put(key, claimed, absent=True) if found is None else Put(key, claimed, at=found.version)
        )
        try:
            done = metadata.commit(put, *others, witness=witness)
        except ConditionFailed:
            return None
        return cls(metadata, key, value, done.versions[key], holder, lifetime, began)

    def save(
        self, value: Mapping[str, Any], *others: Operation, witness: Witness | None = None
    ) -> None:
        """Write the record anew, with other records in the same commit, and go on holding it.

        Raises ClaimLost: nothing was written.
        """
        with self._lock:
            self._hold(value, others, witness)

    def release(
        self,
        value: Mapping[str, Any],
        *others: Operation,
        until: datetime | None = None,
        expires: datetime | None = None,
        witness: Witness | None = None,
    ) -> None:
        """Write the record a last time, held by nobody, and with `until` left alone so long."""
        with self._lock:
            self._write(_claimed(value, None, until), expires, others, witness)
            self._ended.set()

    def drop(self, *others: Operation, witness: Witness | None = None) -> None:
        """Delete the record, and end the claim with it. Raises ClaimLost: nothing was written."""
        with self._lock:
            self._commit(Delete(self._key, at=self._version), others, witness)
            self._ended.set()

    def check(self) -> None:
        """Raise ClaimLost where it is known to be lost, or may be: it was not renewed in time."""
        if self._lost or time.monotonic() - self._held > self._lifetime.total_seconds():
            raise ClaimLost(self._key.sort)

    def __enter__(self) -> Self:
        self._beat.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._beat.join()

    def _renew(self) -> None:
        while not self._ended.wait(self._lifetime.total_seconds() / 4):
            try:
                with self._lock:
                    if self._ended.is_set():
                        return  # it was given up while this waited for the lock
                    self._hold(self._value)
            except ClaimLost:
                return
            except MetadataError as error:
                _log.warning("a claim of %s was not renewed: %s", self._key.sort, error)

    def _hold(
        self,
        value: Mapping[str, Any],
        others: tuple[Operation, ...] = (),
        witness: Witness | None = None,
    ) -> None:
        """Write the record and hold it for another lifetime. Under the lock."""
        began, until = time.monotonic(), self._metadata.now() + self._lifetime
        self._write(_claimed(value, self._holder, until), None, others, witness)
        self._held, self._value = began, dict(value)

    def _write(
        self,
        value: Mapping[str, Any],
        expires: datetime | None,
        others: tuple[Operation, ...],
        witness: Witness | None,
    ) -> None:
        """Write the record at the version that is known. Under the lock."""
        put = Put(self._key, value, at=self._version, expires=expires)
        self._version = self._commit(put, others, witness).versions[self._key]

    def _commit(
        self, change: Put | Delete, others: tuple[Operation, ...], witness: Witness | None
    ) -> Committed:
        self.check()
        try:
            return self._metadata.commit(change, *others, witness=witness)
        except (ConditionFailed, OutcomeUnknown) as error:
            self._lost = True
            raise ClaimLost(self._key.sort) from error


def _claimed(
    value: Mapping[str, Any], holder: str | None, until: datetime | None
) -> dict[str, Any]:
    return {**value, _HOLDER: holder, _UNTIL: None if until is None else until.isoformat()}
