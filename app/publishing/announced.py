"""Digests that a client sent before the file that they are of.

Some formats have them as files of their own, and clients send several files at once. One that
comes before its file is kept for an hour, and the file has to fit. Each has an hour of its own:
none is forgotten early because of another, and a wrong one stands in the file's way no longer
because others are sent. The file's commit demands that no other came meanwhile, and one that
comes demands that there is no file, so that neither passes the other by.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.publishing.place import Place
from app.repositories import Refused
from storage.metadata import Check, Delete, Key, Operation, Put, Record

KEPT = timedelta(hours=1)


class AnnouncedDiffers(Refused):
    """A file that is not the one of which a digest was sent before."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Told:
    """A digest that was announced, in hexadecimal, and until when it counts."""

    digest: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Announced:
    """What was announced of a path, by algorithm; `key` is None where the format has no such
    thing. `clock` tells what is past."""

    key: Key | None
    told: Mapping[str, Told]
    version: int | None = None
    clock: Callable[[], datetime] = _now

    @property
    def keys(self) -> tuple[Key, ...]:
        """The record that it is kept in."""
        return () if self.key is None else (self.key,)

    @classmethod
    def at(
        cls, place: Place, records: Mapping[Key, Record], clock: Callable[[], datetime] = _now
    ) -> "Announced":
        """What is announced of a place, among the records that were read of it."""
        key = place.announced
        nothing = cls(key, {}, clock=clock)
        return nothing if key is None else nothing.anew({key: records.get(key)})

    def anew(self, found: Mapping[Key, Record | None]) -> "Announced":
        """The same, by what was found instead."""
        if self.key is None or self.key not in found:
            return self
        record = found[self.key]
        if record is None:
            return replace(self, told={}, version=None)
        return replace(self, told=_read(record), version=record.version)

    def check(self, place: Place, digests: Mapping[str, str]) -> None:
        """Raise AnnouncedDiffers where a file with these digests is not the one announced."""
        for algorithm, told in self._that_count(self.clock()).items():
            if digests[algorithm] != told.digest:
                raise AnnouncedDiffers(
                    f"{place}: the {algorithm} that was sent before the file is {told.digest}, and"
                    f" that of its bytes is {digests[algorithm]}: send the file again, or the right"
                    " checksum"
                )

    def operations(self) -> tuple[Operation, ...]:
        """What the file's commit has to do with it: it is done with, and no other came. What was
        left by a file that came otherwise, as by a restore, is of no use any more."""
        if self.key is None:
            return ()
        if self.version is None:
            return (Check(self.key, absent=True),)
        return (Delete(self.key, at=self.version),)

    def adding(
        self, place: Place, algorithm: str, digest: str, now: datetime
    ) -> tuple[Operation, ...]:
        """What announces one more of a file that is not there yet."""
        if self.key is None:
            raise LookupError("the format of the repository has no such digests")
        told = {**self._that_count(now), algorithm: Told(digest, now + KEPT)}
        expires = max(each.until for each in told.values())
        put = Put(self.key, _value(told), absent=True, expires=expires)
        if self.version is not None:
            put = replace(put, absent=False, at=self.version)
        return (put, Check(place.key, absent=True))

    def _that_count(self, now: datetime) -> dict[str, Told]:
        return {name: told for name, told in self.told.items() if told.until > now}


def _value(told: Mapping[str, Told]) -> dict[str, Any]:
    return {
        "digests": {name: each.digest for name, each in told.items()},
        "until": {name: each.until.isoformat() for name, each in told.items()},
    }


def _read(record: Record) -> dict[str, Told]:
    """What a record tells; where it has no times, all of it counts as long as the record."""
    digests, until = record.value["digests"], record.value.get("until", {})
    last = record.expires or datetime.max.replace(tzinfo=UTC)
    return {
        name: Told(digest, datetime.fromisoformat(until[name]) if name in until else last)
        for name, digest in digests.items()
    }
