"""That there may be one file of some kind, and that a name is not used again.

Some formats know files that must not be beside each other: two names that mean the same, two
source archives of one version. The first of them claims what they have in common, in its own
commit, and keeps the claim when it is deleted, so that who has fetched a file by its name never
gets another by it. Where the repository allows overwriting, a file that goes gives up its claim.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.publishing.place import Place
from app.repositories import Refused
from storage.metadata import Check, Key, Operation, Put, Record


class NameUsed(Refused):
    """A file's name, or what it means, was used before."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """Which file has what a place would claim; `key` is None where nothing is claimed."""

    key: Key | None
    path: str | None = None
    version: int = 0

    @classmethod
    def at(cls, place: Place, records: Mapping[Key, Record]) -> "Claimed":
        """Whose the claim of a place is, among the records that were read of it."""
        claim = place.claim
        return cls(None) if claim is None else cls(claim).anew({claim: records.get(claim)})

    def anew(self, found: Mapping[Key, Record | None]) -> "Claimed":
        """The same, by what was found instead."""
        if self.key is None or self.key not in found:
            return self
        record = found[self.key]
        if record is None:
            return Claimed(self.key)
        return Claimed(self.key, record.value["path"], record.version)

    def is_anothers(self, place: Place) -> bool:
        """Whether another file than that of the place has it."""
        return self.path is not None and self.path != str(place)

    def check(self, place: Place, *, there: bool) -> None:
        """Raise NameUsed where no file may come to a place, by whether one is there."""
        if self.path is None or there:
            return
        if self.is_anothers(place):
            raise NameUsed(place.layout.twice(place.path, self.path))
        if not place.overwrite:
            raise NameUsed(
                f"File already exists: {place.path.name} was used before, and was deleted. A name"
                " is not used again: restore the file, or publish another version"
            )

    def operations(self, place: Place) -> tuple[Operation, ...]:
        """What the commit of a file that comes to a place has to do with it."""
        if self.key is None:
            return ()
        if self.path is None:
            return (Put(self.key, {"path": str(place)}, absent=True),)
        return (Check(self.key, at=self.version),)
