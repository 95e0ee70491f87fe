"""The seals of a chain in their order, each as it can be gone by: from the table or a copy."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from app.audit.copies import Copies, Known
from app.audit.head import Altered, Head
from app.audit.problems import Anchor, Problem
from app.audit.signing import Signing
from storage import keys
from storage.events.seals import (
    FIRST,
    MINUTE,
    InvalidSeal,
    Notary,
    Seal,
    minute_text,
    root_of,
)
from storage.metadata import Metadata

#: How far before a moment the last seal is looked for: idle time is sealed each hour.
_REACHES = (timedelta(hours=3), timedelta(days=3), timedelta(days=90), None)


class AnchorPassed(ValueError):
    """The seal that is expected lies before those that are looked at."""


class Links:
    """Walks through the chain of an organization, and tells what is wrong with it.

    Where a seal of the table and its copy differ the copy is gone by, and so it is where the
    table has none.
    """

    def __init__(
        self,
        metadata: Metadata,
        notary: Notary,
        copies: Copies,
        organization: str,
        tell: Callable[[Problem], None],
        signing: Signing,
        expected: Anchor | None = None,
    ) -> None:
        self._metadata = metadata
        self._notary = notary
        self._copies = copies
        self._organization = organization
        self._tell = tell
        self._signing = signing
        self._expected = expected
        self._known = Known()
        self._head: Head | None = None
        self._told_head = False
        # The number, hash and end of the seal before; without an end where it is lost.
        self._last: tuple[int, str, datetime | None] = (0, FIRST, None)

    @property
    def last(self) -> Anchor | None:
        """The last seal so far, where one is known."""
        number, digest, _ = self._last
        return Anchor(number, digest) if number and digest else None

    @property
    def end(self) -> datetime | None:
        """Up to when it is sealed, where that is known."""
        return self._last[2]

    def begin(self, since: datetime | None) -> bool:
        """Read the head, and what lies before `since` (a whole minute): whether it was found
        where that was asked for.

        The head is read before the copies are: so all that it calls copied is in them.
        """
        try:
            self._head = self._read_head()
        except Altered:
            self._tell_head("head-altered")
        if since is None:
            return False
        return self._before(since)

    def walk(self, known: Known, since: datetime | None) -> Iterator[Seal]:
        """The seals that events are to be held against, in order.

        Args:
            known: the copies, which were looked at behind `begin`, and before the table is: so
                none of them is of a seal that is not there yet.
            since: as it was given to `begin`; some seals from before it may come as well.

        Raises:
            AnchorPassed: the seal that is expected lies before `since`.
        """
        self._known = known
        self._start_behind_copies(since)
        for seal in self._in_table(since):
            genuine = self._is_genuine(seal)
            if not genuine:
                self._tell(Problem("seal-altered", seal=seal.number, minute=seal.minute))
            if seal.number != self._last[0] + 1:
                if not genuine:
                    continue  # not even its number is known to be right
                if seal.number <= self._last[0]:
                    self._tell(Problem("seal-surplus", seal=seal.number, minute=seal.minute))
                    continue
            yield from self._gap(seal.number)
            self._hold_against_head(seal)
            chosen = self._choose(seal, genuine)
            if chosen is not None:
                yield self._linked(chosen)
        yield from self._gap(max(known.last, 0 if self._head is None else self._head.number) + 1)
        self._end()

    def _start_behind_copies(self, since: datetime | None) -> None:
        """Where the table has no seal from before `since`, the last one that a copy has."""
        if since is not None and not self._last[0]:
            ended = (number for number, end in self._known.ends.items() if end <= since)
            number = max(ended, default=0)
            if number:
                self._last = (number, self._known.hashes[number], self._known.ends[number])
        if self._expected is not None and self._expected.number <= self._last[0]:
            if self._expected.number < self._last[0]:
                raise AnchorPassed(str(self._expected))
            self._meet(self._last[1])

    def _end(self) -> None:
        """Tell what is not there when all was walked through."""
        if self._expected is not None:
            self._tell(Problem("anchor-missing", seal=self._expected.number))
        if self._head is None and self._last[0] and not self._told_head:
            with suppress(Altered):
                if self._read_head() is None:
                    self._tell_head("head-missing")

    def _meet(self, digest: str) -> None:
        """Take the expected seal as found, where it is."""
        if self._expected is not None and self._expected.hash == digest:
            self._expected = None

    def _tell_head(self, kind: str) -> None:
        if not self._told_head:
            self._told_head = True
            self._tell(Problem(kind, record=keys.seal_head(self._organization)))

    def _hold_against_head(self, seal: Seal) -> None:
        """A seal behind the head was made since that was read, or the head was put back."""
        if self._head is None or seal.number <= self._head.number or self._told_head:
            return
        try:
            fresh = self._read_head()
        except Altered:
            fresh = None
        if fresh is None or fresh.number < seal.number:
            self._tell_head("head-altered")

    def _gap(self, number: int) -> Iterator[Seal]:
        """The seals that the table lacks before a number, as far as copies have them."""
        for missing in range(self._last[0] + 1, number):
            self._tell(Problem("seal-missing", seal=missing))
            copied = self._copies.seal(self._known, missing, self._known.hash_of(missing, None))
            if copied is None:
                self._last = (missing, "", None)
            else:
                yield self._linked(copied)

    def _choose(self, seal: Seal, genuine: bool) -> Seal | None:
        number = seal.number
        copied = self._known.hash_of(number, seal.hash if genuine else None)
        differs = genuine and copied not in (None, seal.hash)
        if differs or number in self._known.differing:
            self._tell(Problem("copy-differs", seal=number, minute=seal.minute))
        if copied is None and self._head is not None and number <= self._head.copied:
            self._tell(Problem("copy-missing", seal=number, minute=seal.minute))
        if genuine and not differs:
            return seal
        chosen = None if copied is None else self._copies.seal(self._known, number, copied)
        if chosen is None:
            self._last = (number, "", None)
        return chosen

    def _linked(self, seal: Seal) -> Seal:
        """A seal that is gone by, held against the one before it where that is known."""
        number, before, end = self._last
        known = not number or end is not None
        if known and (seal.previous != before or end not in (None, seal.start)):
            self._tell(Problem("seal-unlinked", seal=seal.number, minute=seal.minute))
        self._follow(seal)
        if self._expected is not None and self._expected.number == seal.number:
            self._meet(seal.hash)
        return seal

    def _follow(self, seal: Seal) -> None:
        self._last = (seal.number, seal.hash, seal.end)
        self._signing.saw(self._notary.key_of(self._organization, seal), seal.end)

    def _before(self, since: datetime) -> bool:
        """Follow the genuine seals of the table up to the last that ended by then, if any did.

        A store reads forwards alone, so it is looked for a little before, and then farther.
        """
        key, last = keys.seals(self._organization), minute_text(since - MINUTE)
        for reach in _REACHES:
            after = "" if reach is None else minute_text(since - reach)
            for seal in self._read(key, after, last):
                if self._is_genuine(seal):
                    self._follow(seal)
            if self._last[0]:
                return True
        return False

    def _read(self, partition: str, after: str, last: str) -> Iterator[Seal]:
        """The seals whose minutes lie behind `after`, up to `last`; and what is none is left
        out."""
        while True:
            page = self._metadata.query(partition, "", after)
            for record in page.records:
                if record.key.sort > last:
                    return
                with suppress(InvalidSeal):
                    seal = Seal.read(record.value)
                    if seal.minute == record.key.sort:
                        yield seal
            if page.next is None:
                return
            after = page.next

    def _in_table(self, since: datetime | None) -> Iterator[Seal]:
        """The seals that the table has, genuine or not, in the order of their minutes."""
        after = "" if since is None else minute_text(since - MINUTE)
        while True:
            page = self._metadata.query(keys.seals(self._organization), "", after)
            for record in page.records:
                try:
                    seal = Seal.read(record.value)
                except InvalidSeal:
                    self._tell(Problem("seal-altered", record=record.key))
                    continue
                if seal.minute != record.key.sort:
                    self._tell(Problem("seal-surplus", record=record.key))
                    continue
                yield seal
            if page.next is None:
                return
            after = page.next

    def _is_genuine(self, seal: Seal) -> bool:
        whole = seal.leaves is None or root_of(seal.leaves) == seal.root
        key = self._notary.key_of(self._organization, seal)
        return whole and self._signing.takes(key, seal.end)

    def _read_head(self) -> Head | None:
        """The end of the chain as it is now. Raises Altered."""
        key = keys.seal_head(self._organization)
        record = self._metadata.get(key).get(key)
        return None if record is None else Head.read(self._notary, self._organization, record)
