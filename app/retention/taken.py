"""A file that a rule takes, as a change of many at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.publishing import Artifact
from app.publishing.changes import Changes
from app.publishing.place import Place
from storage.metadata import Key, Record


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that a rule takes, as it was when that was decided: if it changed, it stays."""

    place: Place
    artifact: Artifact
    now: datetime

    def write(self, changes: Changes) -> None:
        changes.disappear(self.place, self.artifact)
        changes.retire(self.place, self.artifact, None, self.now)

    def anew(self, found: Mapping[Key, Record | None]) -> "Taken | None":
        return None if self.place.key in found else self
