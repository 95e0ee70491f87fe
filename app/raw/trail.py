"""The way that led to a page of a listing, for its link back to the page before.

A store reads forward alone, and a cursor says where its own page begins. So the links between
pages carry where the earlier ones began, sealed like a cursor.
"""

import json
from dataclasses import dataclass
from typing import Final

_MOST_CHARACTERS: Final = 1_500  # sealed, twice in a request line of 8,190


@dataclass(frozen=True, slots=True)
class Trail:
    """Where earlier pages began, the first page with the empty name; the latest last."""

    starts: tuple[str, ...] = ()

    def on(self, start: str) -> "Trail":
        """The trail of the next page, from the one that began at `start`. What gets too long
        for an address loses its oldest pages."""
        starts = (*self.starts, start)
        while sum(map(len, starts)) + 8 * len(starts) > _MOST_CHARACTERS:
            starts = starts[1:]
        return Trail(starts)

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
