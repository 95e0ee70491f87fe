"""Removes events that an organization keeps no longer, with their side records.

Whole hours go, and only of what is sealed and was read by every reader of the feed. First it is
written, and signed, up to when events are removed, in one commit with an event that says so;
then they are removed. So `audit verify` finds them removed by the rule, and not missing; the
seals stay.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from app.audit.beginning import beginning
from app.audit.head import Altered, Head, Removed
from app.audit.history import HOUR, STRIPES
from app.audit.rule import LEAST_DAYS
from app.installation import Installation
from storage import keys
from storage.events import SYSTEM, Cursor
from storage.events.seals import Notary
from storage.metadata import Delete, Put
from storage.metadata.operations import OPERATIONS

_ROOM = OPERATIONS - 1  # for the commit's token
_HOURS_AT_ONCE = 24  # gone through before it is written down


class Removal:
    """Removes old events. Idempotent; may be killed anywhere and gone on with by another."""

    def __init__(self, installation: Installation, least_days: int = LEAST_DAYS) -> None:
        """`least_days`: by a rule of fewer nothing is removed."""
        self._least_days = least_days
        self._metadata = installation.metadata
        self._journal = installation.journal
        self._notary = Notary(*installation.secrets)

    def run(self, organization: str, days: int | None, go_on: Callable[[], None]) -> int:
        """Remove what is older than so many days (None: nothing more); how many events went.

        Raises:
            Altered: the head or the mark is not as it was written, or days are fewer than can
                be asked for: nothing is removed.
            ConditionFailed: another worker does the same.
        """
        if days is not None and days < self._least_days:
            raise Altered(f"no rule keeps events for {days} days")
        marked, version = self._mark(organization)
        until = marked.until
        if days is not None:
            # A machine whose clock is wrong removes nothing.
            wanted = self._metadata.agreed_time() - timedelta(days=days)
            until = max(until, self._limit(organization, wanted))
        if until > marked.until:
            marked = Removed(until, marked.done)
            version = self._write(organization, marked, version, days)
        return self._remove(organization, marked, version, go_on)

    def _limit(self, organization: str, wanted: datetime) -> datetime:
        """Up to when events may go: a whole hour that is sealed, and read by everybody."""
        head = keys.seal_head(organization)
        found = self._metadata.get(head).get(head)
        readers = tuple(self._metadata.query_all(keys.readers(organization)))
        if found is None or not readers:
            return datetime.min.replace(tzinfo=wanted.tzinfo)
        read = [min(Cursor.decode(one.value["cursor"]).positions) for one in readers]
        earliest = min(wanted, Head.read(self._notary, organization, found).end, *read)
        return earliest.replace(minute=0, second=0, microsecond=0)

    def _mark(self, organization: str) -> tuple[Removed, int | None]:
        key = keys.removed_events(organization)
        record = self._metadata.get(key).get(key)
        if record is None:
            start = beginning(self._metadata, self._notary, organization)
            return Removed(start, start), None
        return Removed.read(self._notary, organization, record), record.version

    def _write(
        self, organization: str, marked: Removed, version: int | None, days: int | None = None
    ) -> int:
        key = keys.removed_events(organization)
        value = marked.value(self._notary, organization)
        put = Put(key, value, absent=True) if version is None else Put(key, value, at=version)
        witness = None
        if days is not None:
            told = {"until": marked.until.isoformat(), "audit_days": days}
            witness = self._journal.event(organization, SYSTEM, "audit.remove", **told)
        return self._metadata.commit(put, witness=witness).versions[key]

    def _remove(
        self,
        organization: str,
        marked: Removed,
        version: int | None,
        go_on: Callable[[], None],
    ) -> int:
        removed, hour = 0, marked.done
        while hour < marked.until:
            for _ in range(_HOURS_AT_ONCE):
                if hour < marked.until:
                    go_on()
                    removed += self._remove_hour(organization, hour)
                    hour += HOUR
            version = self._write(organization, Removed(marked.until, hour), version)
        return removed

    def _remove_hour(self, organization: str, hour: datetime) -> int:
        removed = 0
        for digit in STRIPES:
            self._remove_all(keys.who(organization, hour, digit))
            removed += self._remove_all(keys.events(organization, hour, digit))
        return removed

    def _remove_all(self, partition: str) -> int:
        removed, after = 0, ""
        while True:
            page = self._metadata.query(partition, "", after, _ROOM)
            if page.records:
                self._metadata.commit(*(Delete(record.key) for record in page.records))
                removed += len(page.records)
            if page.next is None:
                return removed
            after = page.next
