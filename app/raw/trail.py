"""The way that led to a page of a listing, for its link back to the page before.

A store reads forward alone, and a cursor says where its own page begins. So the links between
pages carry where the earlier ones began, sealed like a cursor.
"""

import json
from dataclasses import dataclass
from typing import Final

#: Of a trail's text in UTF-8. Sealed it has 2,040 characters, where a cursor may have 4,096; with
#: the longest path (2,700) and the name that the page begins behind (380) it fits a request line.
_MOST_BYTES: Final = 1_500


@dataclass(frozen=True, slots=True)
class Trail:
    """Where earlier pages began, the first page with the empty name; the latest last."""

    starts: tuple[str, ...] = ()

    def on(self, start: str) -> "Trail":
        """The trail of the next page, from the one that began at `start`. What gets too long
        for an address loses its oldest pages."""
        trail = Trail((*self.starts, start))
        while len(trail.text().encode()) > _MOST_BYTES:
            trail = Trail(trail.starts[1:])
        return trail

    def back(self) -> "Trail":
        """The trail of the page before."""
        return Trail(self.starts[:-1])

    def text(self) -> str:
        """The trail for `parse`, to be sealed; empty for none."""
        return json.dumps(self.starts, ensure_ascii=False) if self.starts else ""

    @classmethod
    def parse(cls, text: str) -> "Trail":
        """The trail of an unsealed text."""
        return cls(tuple(json.loads(text))) if text else cls()
