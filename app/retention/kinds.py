"""The newest file of each kind in a snapshot's folder, which no rule that counts builds takes.

It is what `maven-metadata.xml` names for its classifier and extension. Any single file makes a
build: the newest one may have its jar and, as long as its deploy is under way, no POM; and where
each platform has a build of its own, the newest of one is behind all of the others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.retention.builds import Belonging, Build, Kind

#: Of one folder, so that memory is bounded; a snapshot has dozens of kinds at most.
MOST_KINDS = 1_000


@dataclass(frozen=True, slots=True)
class Kinds:
    """Of which build the newest file of each kind is."""

    newest: Mapping[Kind, Build] = field(default_factory=dict)

    def spare(self, file: Belonging) -> bool:
        """Whether a file may be the newest of its kind. So may be any of a kind that came later,
        or that there were too many kinds for."""
        newest = self.newest.get(file.kind)
        return newest is None or file.build >= newest

    @classmethod
    def read(cls, value: Iterable[Sequence[Any]]) -> "Kinds":
        """What `value` gave."""
        return cls(
            {
                (classifier, extension): Build(timestamp, number)
                for classifier, extension, timestamp, number in value
            }
        )

    def value(self) -> list[list[str | int]]:
        """As a position says it."""
        return [[*kind, *build] for kind, build in self.newest.items()]


class KindsSeen:
    """The newest of each kind among the files that were seen, with their names."""

    def __init__(self) -> None:
        self._newest: dict[Kind, tuple[Build, str]] = {}

    def take(self, file: Belonging, name: str) -> None:
        """Count a file with them, whether any pattern fits it or not."""
        known = self._newest.get(file.kind)
        if known is None and len(self._newest) >= MOST_KINDS:
            return
        if known is None or file.build > known[0]:
            self._newest[file.kind] = (file.build, name)

    def kinds(self) -> Kinds:
        return Kinds({kind: build for kind, (build, _) in self._newest.items()})

    def names(self) -> Sequence[str]:
        """The files that are the newest: as long as each is there, all others may go."""
        return [name for _, name in self._newest.values()]
