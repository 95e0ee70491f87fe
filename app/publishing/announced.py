"""Digests that a client sent before the file that they are of.

Some formats have them as files of their own, and clients send several files at once. One that
comes before its file is kept for an hour, and the file has to fit. The file's commit demands
that no other came meanwhile, and one that comes demands that there is no file, so that neither
passes the other by.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.publishing.place import Place
from app.repositories import Refused
from storage.metadata import Check, Delete, Key, Operation, Put, Record

KEPT = timedelta(hours=1)


class AnnouncedDiffers(Refused):
    """A file that is not the one of which a digest was sent before."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What was announced of a path; `key` is None where the format has no such thing."""

    key: Key | None
    digests: Mapping[str, str]
    version: int | None = None
    until: datetime | None = None

    @property
    def keys(self) -> tuple[Key, ...]:
        """The record that it is kept in."""
        return () if self.key is None else (self.key,)

    @classmethod
    def at(cls, place: Place, records: Mapping[Key, Record]) -> "Announced":
        """What is announced of a place, among the records that were read of it."""
        if place.announced is None:
            return cls(None, {})
        return cls(place.announced, {}).anew({place.announced: records.get(place.announced)})

    def anew(self, found: Mapping[Key, Record | None]) -> "Announced":
        """The same, by what was found instead."""
        if self.key is None or self.key not in found:
            return self
        record = found[self.key]
        if record is None:
            return Announced(self.key, {})
        return Announced(self.key, record.value["digests"], record.version, record.expires)

    def check(self, place: Place, digests: Mapping[str, str]) -> None:
        """Raise AnnouncedDiffers where a file with these digests is not the one announced."""
        for algorithm, expected in self.digests.items():
            if digests[algorithm] != expected:
                raise AnnouncedDiffers(
                    f"{place}: the {algorithm} that was sent before the file is {expected}, and"
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
        """What announces one more of a file that is not there yet; all end with the first."""
        if self.key is None:
            raise LookupError("the format of the repository has no such digests")
        value = {"digests": {**self.digests, algorithm: digest}}
        put = Put(self.key, value, absent=True, expires=self.until or now + KEPT)
        if self.version is not None:
            put = replace(put, absent=False, at=self.version)
        return (put, Check(place.key, absent=True))
