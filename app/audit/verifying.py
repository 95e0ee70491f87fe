"""Compares the history of an organization with its seals, and the seals with their copies.

Whatever is not as it was sealed is named: events that were changed, removed or inserted, seals
that are altered, missing or do not follow each other, copies that say something else. Where a
seal and its copy differ the copy is gone by: it is further from who changes the table.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from app.audit.ahead import Ahead
from app.audit.beginning import first_seal, origin
from app.audit.copies import Copies, Known
from app.audit.history import HOUR, History
from app.audit.links import Links
from app.audit.mark import Mark
from app.audit.problems import Anchor, Problem, Report
from app.audit.sealing import QUIET
from app.audit.signing import Signing
from app.installation import Installation
from storage import keys
from storage.events.feed import LAG
from storage.events.seals import (
    Leaf,
    Notary,
    Seal,
    leaf_of,
    minute_of,
    minute_text,
    parse_minute,
    root_of,
)
from storage.metadata import Key, Record

#: Behind the clock: idle time is sealed when an hour of it is over, so that much is nothing.
LATE = QUIET + timedelta(hours=1)
_EARLIEST = 1970  # a year; nothing was sealed before


class Verification:
    """Verifies one organization; it changes nothing."""

    def __init__(
        self,
        installation: Installation,
        organization: str,
        found: Callable[[Problem], None],
        progress: Callable[[Report], None] = lambda _: None,
        expected: Anchor | None = None,
    ) -> None:
        """`found` is told of each problem as it is found, `progress` now and then of all that
        was looked at. `expected` is a seal that was kept elsewhere."""
        self._metadata = installation.metadata
        self._journal = installation.journal
        self._organization = organization
        self._notary = Notary(*installation.secrets)
        self._copies = Copies(installation.blobs, self._notary, organization)
        self._signing = Signing()
        self._links = Links(
            installation.metadata,
            self._notary,
            self._copies,
            organization,
            self.tell,
            self._signing,
            expected,
        )
        self._mark = Mark(installation.metadata, self._notary, organization, self.tell)
        self._history = History(installation.metadata, organization)
        self._found = found
        self._progress = progress
        self.report = Report()

    def run(self, since: datetime | None = None) -> Report:
        """Verify all, or what was sealed `since` then (aware).

        Raises what the stores raise, and AnchorPassed where the seal that is expected was made
        before then.
        """
        since = None if since is None or since.year < _EARLIEST else _minute(since)
        began = self._metadata.now()
        found = self._links.begin(since)
        known = self._look_at_copies(since if found else None)
        self._mark.look()
        start = self._begin(known)
        records = Ahead(self.tell, self._history, max(start, self._mark.until, since or start))
        for seal in self._links.walk(known, since):
            self.report.sealed_until = seal.end
            if self._mark.covers(seal):
                self.report.removed += seal.count
            elif since is None or seal.end > since:
                self._compare(seal, records, known)
                self._progress(self.report)
        self._look_at_the_rest(records)
        self._mark.end(whole=since is None)
        self._look_at_the_end(began, start, since)
        return self.report

    def tell(self, problem: Problem) -> None:
        """Count a problem, and pass it on."""
        self.report.problems[problem.kind] += 1
        self._found(problem)

    def _look_at_copies(self, since: datetime | None) -> Known:
        known = self._copies.look(since, lambda: self._progress(self.report))
        self.report.copies = known.count
        for blob in known.damaged:
            self.tell(Problem("copy-damaged", blob=blob))
        return known

    def _begin(self, known: Known) -> datetime:
        """From when on there can be events: whatever the organization's own record says, since
        before the first seal."""
        key = keys.organization(self._organization)
        start = origin(self._metadata.get(key).get(key), self._metadata.now())
        first = first_seal(self._metadata, self._notary, self._organization)
        starts = [start]
        starts += [] if first is None else [first.start]
        starts += [] if known.start is None else [known.start]
        if start > min(starts):
            self.tell(Problem("organization-altered", record=key))
        return min(starts)

    def _look_at_the_end(self, began: datetime, start: datetime, since: datetime | None) -> None:
        """Whether sealing goes on: else what is cut off at the end would never show."""
        self.report.last = self._links.last
        if self.report.sealed_until is None and since is not None:
            self.report.sealed_until = self._links.end
        until = self.report.sealed_until
        if until is not None:
            if began - until > LATE:
                self.tell(Problem("sealing-late", minute=minute_text(until)))
        elif began - start > LATE + HOUR + LAG and self._links.last is None:
            self.tell(Problem("head-missing", record=keys.seal_head(self._organization)))

    def inspect(self, record: Record) -> None:
        """Look at an event by itself: whether this installation wrote it."""
        key = self._journal.key_of(record)
        if key is None:
            self.tell(Problem("event-forged", record=record.key))
        elif not self._signing.takes(key, parse_minute(minute_of(record.key.sort))):
            self.tell(Problem("key-outdated", record=record.key))
        else:
            self._mark.note(record)

    def _compare(self, seal: Seal, records: Ahead, known: Known) -> None:
        self.report.seals += 1
        for record in records.until(seal.start):  # of a seal that is lost
            self.inspect(record)
        minute, there = seal.minute, list[tuple[Leaf, Record]]()
        for record in records.until(seal.end):
            self.report.events += 1
            if minute_of(record.key.sort) == minute and seal.count:
                there.append((leaf_of(record), record))
            else:
                self.tell(Problem("event-inserted", record=record.key))
        if root_of(leaf for leaf, _ in there) == seal.root:
            for _, record in there:
                self.inspect(record)
            return
        if self._mark.covers_by_now(seal):
            self.report.removed += seal.count
            return
        expected = self._leaves(seal, known)
        if expected is None:
            self.tell(Problem("minute-changed", seal=seal.number, minute=minute))
        else:
            self._name(minute, expected, there)

    def _name(
        self, minute: str, expected: dict[str, str], there: list[tuple[Leaf, Record]]
    ) -> None:
        """Name each event of a minute that is not as it was sealed."""
        for (name, digest), record in there:
            sealed = expected.pop(name, None)
            if sealed is None:
                self.tell(Problem("event-inserted", record=record.key))
            elif sealed != digest:
                self.tell(Problem("event-changed", record=record.key))
            else:
                self.inspect(record)
        for name in expected:
            self.tell(Problem("event-removed", record=self._key(minute, name)))

    def _leaves(self, seal: Seal, known: Known) -> dict[str, str] | None:
        if seal.leaves is None:
            copied = self._copies.seal(known, seal.number, seal.hash)
            if copied is None or copied.leaves is None:
                return None
            return dict(copied.leaves)
        return dict(seal.leaves)

    def _key(self, minute: str, name: str) -> Key:
        """The key of the record that a leaf is of."""
        partition = keys.events(self._organization, parse_minute(minute), name[:1])
        return Key(partition, f"{minute}{name[1:]}")

    def _look_at_the_rest(self, records: Ahead) -> None:
        """What is not sealed yet."""
        end = self._metadata.now() + LAG
        for record in records.until(end):
            self.report.events += 1
            self.report.unsealed += 1
            self.inspect(record)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
