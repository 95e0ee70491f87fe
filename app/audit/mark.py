"""Up to when events were removed by the rule, as verification goes by it.

Without a genuine mark nothing was removed. Removal goes on while a verification runs, so the
mark is read again before anything is called missing. Each time that it was moved there is an
event that says so: where one of these says more than the mark, that was put back or is gone;
where none says as much, it was written by who has a secret key that is out of use.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from app.audit.head import Altered, Removed
from app.audit.problems import Problem
from storage import keys
from storage.events.seals import Notary, Seal
from storage.metadata import Metadata, Record

REMOVING = "audit.remove"
_NEVER = datetime.min.replace(tzinfo=UTC)


class Mark:
    """The mark of one organization."""

    def __init__(
        self,
        metadata: Metadata,
        notary: Notary,
        organization: str,
        tell: Callable[[Problem], None],
    ) -> None:
        self._metadata = metadata
        self._notary = notary
        self._organization = organization
        self._tell = tell
        self._key = keys.removed_events(organization)
        self._altered = False
        self._said = _NEVER
        self.until = _NEVER

    def look(self) -> None:
        """Read it, anew."""
        record = self._metadata.get(self._key).get(self._key)
        if record is None:
            return
        try:
            read = Removed.read(self._notary, self._organization, record)
            self.until = max(self.until, read.until)
        except Altered:
            if not self._altered:
                self._tell(Problem("mark-altered", record=self._key))
            self._altered = True

    def covers(self, seal: Seal) -> bool:
        """Whether the events of a seal were removed, as far as was read."""
        return seal.end <= self.until

    def covers_by_now(self, seal: Seal) -> bool:
        """The same, when events are missing."""
        self.look()
        return self.covers(seal)

    def note(self, record: Record) -> None:
        """Take in what a genuine event says of the mark."""
        if record.value.get("action") == REMOVING:
            self._said = max(self._said, datetime.fromisoformat(record.value["details"]["until"]))

    def end(self, *, whole: bool) -> None:
        """Hold the mark against what events said of it; `whole`: all that are there."""
        known = self.until
        self.look()
        if self._altered:
            return
        if self._said > self.until:
            self._tell(Problem("mark-missing", record=self._key))
        elif whole and known > self._said:
            self._tell(Problem("mark-altered", record=self._key))
