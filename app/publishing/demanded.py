"""What a repository's format demands of a place before a file may come there, besides the rules
that every format has: that the file is the one announced, that its name is not another's, and
that its project takes files.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.publishing.announced import Announced
from app.publishing.artifact import Artifact
from app.publishing.claimed import Claimed
from app.publishing.place import Place
from app.publishing.projects import State
from storage.metadata import Key, Operation, Record


@dataclass(frozen=True, slots=True)
class Demanded:
    """All of it, by what was read."""

    announced: Announced
    claimed: Claimed
    state: State

    @classmethod
    def at(cls, place: Place, records: Mapping[Key, Record]) -> "Demanded":
        """What is demanded of a place, among the records that were read of it."""
        state = State.read(None if place.project is None else records.get(place.project))
        return cls(Announced.at(place, records), Claimed.at(place, records), state)

    def anew(self, found: Mapping[Key, Record | None]) -> "Demanded":
        """The same, by what was found instead. A project that closes within the seconds between
        the last look at it and the commit takes the file still: no two commits of a project may
        touch one record."""
        return Demanded(self.announced.anew(found), self.claimed.anew(found), self.state)

    def foresee(self, place: Place, known: Artifact | None) -> None:
        """Refuse what no bytes could help, by what is there. Raises Refused."""
        if known is None:
            self.state.require_open(place)
        self.claimed.check(place, there=known is not None)

    def check(self, place: Place, digests: Mapping[str, str], known: Artifact | None) -> None:
        """Return where a file with these digests may come, by what is there. Raises Refused."""
        self.foresee(place, known)
        if known is None:
            self.announced.check(place, digests)
        elif known.sha256 != digests["sha256"]:
            self.state.require_open(place)

    def operations(self, place: Place) -> tuple[Operation, ...]:
        """What the file's commit has to do with it."""
        return (*self.announced.operations(), *self.claimed.operations(place))
