"""Seals the closed minutes of an organization: one chain, whoever goes on with it.

The head of the chain is one record, written with each seal on the condition that it is as it
was read: of two workers at once one makes the next seal, and the other is told. A minute is
closed when no event can appear in it any more, by the time of the store. The leaves of a minute
with very many events go to their copy alone, before the seal; everything else is copied a
little later, many seals at once.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from app.audit.beginning import origin
from app.audit.copies import Copies
from app.audit.head import Altered, Head
from app.audit.history import HOUR, History
from app.installation import Installation
from storage import keys
from storage.events.feed import LAG
from storage.events.seals import (
    MINUTE,
    InvalidSeal,
    Leaf,
    Notary,
    Seal,
    leaf_of,
    minute_of,
    minute_text,
    parse_minute,
    root_of,
)
from storage.metadata import ConditionFailed, Put

QUIET = timedelta(hours=1)  # without an event, which is sealed as well
_LONG_QUIET = timedelta(days=1)  # the same, where years are to be looked through
COPY_EVERY = timedelta(minutes=10)
_COPY_QUIET = timedelta(days=1)
_SEALS_AT_ONCE = 20  # in a commit
_LEAVES_AT_ONCE = 8_000  # in a commit: 640 kB
_COPIED_AT_ONCE = 50_000  # leaves in a copy: 4 MB


class ChainTaken(Exception):
    """Another worker made the next seal."""


@dataclass(slots=True)
class Sealed:
    """What a run did: seals made, the events in them, and seals that were copied."""

    seals: int = 0
    events: int = 0
    copied: int = 0


class Chain:
    """The seals of one organization, as one run goes on with them."""

    def __init__(self, installation: Installation, organization: str) -> None:
        self._metadata = installation.metadata
        self._notary = Notary(*installation.secrets)
        self._organization = organization
        self._copies = Copies(installation.blobs, self._notary, organization)
        self._history = History(installation.metadata, organization)
        self._waiting: list[Seal] = []
        self._head, self._version = self._find()
        self._last = self._head  # with the seals that wait
        self.done = Sealed()

    def go_on(self, may: Callable[[], None]) -> Sealed:
        """Seal what is closed by now, and copy what is to be copied.

        Args:
            may: called between pieces of some seconds; what it raises ends the work there.

        Raises:
            ChainTaken: another does the same; all is well.
            ClockSkewed, Unavailable, BlobError.
        """
        # A machine whose clock is wrong seals nothing.
        closed = (self._metadata.agreed_time() - LAG).replace(second=0, microsecond=0)
        self._seal(closed, may)
        self._copy(closed, may)
        return self.done

    def _seal(self, closed: datetime, may: Callable[[], None]) -> None:
        hour = self._head.end.replace(minute=0)
        while hour < closed:
            may()
            if hour - self._last.end >= _LONG_QUIET:
                self._add(hour, ())
            for minute, leaves in self._minutes(hour, closed):
                self._add(minute + MINUTE, leaves)
            hour += HOUR
        if closed - self._last.end >= QUIET:
            self._add(closed, ())
        self._write()

    def _minutes(
        self, hour: datetime, closed: datetime
    ) -> Iterator[tuple[datetime, tuple[Leaf, ...]]]:
        """The minutes of an hour that have events and no seal, and their leaves.

        A record whose key is in none of them is not one of ours: `audit verify` names it.
        """
        for text, records in groupby(self._history.hour(hour), lambda one: minute_of(one.key.sort)):
            try:
                minute = parse_minute(text)
            except ValueError:
                continue
            first, last = max(hour, self._head.end), min(hour + HOUR, closed)
            if minute_text(minute) == text and first <= minute < last:
                yield minute, tuple(map(leaf_of, records))

    def _add(self, end: datetime, leaves: tuple[Leaf, ...]) -> None:
        """Seal what there is up to `end`; it is written with others."""
        last = self._last
        seal = self._notary.seal(
            self._organization,
            Seal(
                number=last.number + 1,
                start=last.end,
                end=end,
                count=len(leaves),
                root=root_of(leaves),
                previous=last.hash,
                leaves=leaves,
            ),
        )
        if len(leaves) > self._copies.most_leaves:
            self._write()
            self._copies.write([seal])
            seal = seal.without_leaves()
        self._waiting.append(seal)
        self._last = replace(
            last,
            number=seal.number,
            hash=seal.hash,
            end=seal.end,
            uncopied_events=last.uncopied_events + seal.count,
        )
        kept = sum(len(one.leaves or ()) for one in self._waiting)
        if len(self._waiting) >= _SEALS_AT_ONCE or kept >= _LEAVES_AT_ONCE:
            self._write()

    def _write(self) -> None:
        """Write the seals that wait. Raises ChainTaken."""
        seals, self._waiting = self._waiting, []
        if not seals:
            return
        org = self._organization
        self._commit(
            self._last,
            # Whatever lies there: only who has the head writes, and what is no seal makes way.
            *(Put(keys.seal(org, seal.minute), seal.value()) for seal in seals),
        )
        self.done.seals += len(seals)
        self.done.events += sum(seal.count for seal in seals)

    def _copy(self, closed: datetime, may: Callable[[], None]) -> None:
        """Copy the seals that are in no copy yet, where it is time."""
        age = closed - self._head.copied_until
        if age < (COPY_EVERY if self._head.uncopied_events else _COPY_QUIET):
            return
        waiting: list[Seal] = []
        leaves = 0
        after = minute_text(self._head.copied_until - MINUTE) if self._head.copied else ""
        for seal in self._read(after):
            if not self._is_ours(seal):
                continue  # `audit verify` says that it is in no copy, too
            waiting.append(seal)
            leaves += len(seal.leaves or ())
            if leaves >= _COPIED_AT_ONCE or len(waiting) >= _COPIED_AT_ONCE // 10:
                may()
                self._copy_these(waiting)
                waiting, leaves = [], 0
        self._copy_these(waiting)

    def _copy_these(self, seals: list[Seal]) -> None:
        if not seals:
            return
        self._copies.write(seals)
        last = seals[-1]
        left = 0 if last.number == self._head.number else self._head.uncopied_events
        self._last = replace(
            self._head, copied=last.number, copied_until=last.end, uncopied_events=left
        )
        self._commit(self._last)
        self.done.copied += len(seals)

    def _commit(self, head: Head, *puts: Put) -> None:
        key, value = (
            keys.seal_head(self._organization),
            head.value(self._notary, self._organization),
        )
        put = (
            Put(key, value, absent=True)
            if self._version is None
            else Put(key, value, at=self._version)
        )
        try:
            done = self._metadata.commit(*puts, put)
        except ConditionFailed as error:
            raise ChainTaken(self._organization) from error
        self._head, self._version = head, done.versions[key]

    def _find(self) -> tuple[Head, int | None]:
        """The head, and the version of its record. Where it is not as it was written, or was
        put back, it is behind the last seal that is ours: `audit verify` tells of that."""
        org = self._organization
        key, made = keys.seal_head(org), keys.organization(org)
        found = self._metadata.get(key, made)
        record = found.get(key)
        head = Head.first(origin(found.get(made), self._metadata.now()))
        if record is not None:
            with suppress(Altered):
                head = Head.read(self._notary, org, record)
        for seal in self._seals_after(head):
            if seal.number > head.number and self._is_ours(seal):
                head = Head.after(seal)
        return head, None if record is None else record.version

    def _is_ours(self, seal: Seal) -> bool:
        whole = seal.leaves is None or root_of(seal.leaves) == seal.root
        return whole and self._notary.sealed(self._organization, seal)

    def _seals_after(self, head: Head) -> Iterator[Seal]:
        """The seals that the table has behind one; what is none is named by `audit verify`."""
        return self._read(minute_text(head.end - MINUTE) if head.number else "")

    def _read(self, after: str) -> Iterator[Seal]:
        while True:
            page = self._metadata.query(keys.seals(self._organization), "", after, 100)
            for record in page.records:
                with suppress(InvalidSeal):
                    yield Seal.read(record.value)
            if page.next is None:
                return
            after = page.next
