"""Copies of seals in the store of blobs, where who changes the table does not reach.

They are found by listing, and not by a record that could go with the seals: so a chain that
lost its end in the table still has it there. Each is a few lines of JSON, a seal a line, under
a random name that nothing is ever written over; the same seal may be in several.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from storage.blobs import SEALS, BlobCorrupt, BlobEntry, BlobMissing, Blobs
from storage.events.seals import InvalidSeal, Notary, Seal, root_of

_FORMAT = 1


class DamagedCopy(Exception):
    """A copy that is not as it was written."""


@dataclass(slots=True)
class Known:
    """What all copies say: by the numbers of seals their hashes, what they name as the one
    before, and when their time ended; and by number and hash the blobs they are in.

    `damaged` are blobs that can't be read, or hold what is no seal of ours; `differing` the
    numbers of which two copies say different things. `early` are hashes of seals that were
    copied before they were made, and may never have been: another worker may have made the
    seal of that number.
    """

    hashes: dict[int, str] = field(default_factory=dict)
    previous: dict[int, str] = field(default_factory=dict)
    ends: dict[int, datetime] = field(default_factory=dict)
    blobs: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    differing: set[int] = field(default_factory=set)
    early: dict[int, set[str]] = field(default_factory=dict)
    start: datetime | None = None
    count: int = 0

    @property
    def last(self) -> int:
        """The highest number that a copy knows; 0: none."""
        return max(max(self.hashes, default=0), max(self.early, default=0))

    def hash_of(self, number: int, made: str | None) -> str | None:
        """The hash of a seal by the copies. `made` is that of the one in the table, where it is
        genuine: then an early copy that says something else is of a seal that was never made."""
        early = self.early.get(number, set())
        if number in self.hashes or not early:
            return self.hashes.get(number)
        if made is not None:
            return made if made in early else None
        return min(early)

    def note(self, blob: str, seal: Seal) -> None:
        """Take in a seal of a copy."""
        if self.hashes.setdefault(seal.number, seal.hash) != seal.hash:
            self.differing.add(seal.number)
        self.previous.setdefault(seal.number, seal.previous)
        self.ends.setdefault(seal.number, seal.end)
        self.start = seal.start if self.start is None else min(self.start, seal.start)
        self._is_in(blob, seal)

    def note_early(self, blob: str, seal: Seal) -> None:
        """The same, when all others are known, of one that was copied before it was made."""
        if seal.hash in (self.hashes.get(seal.number), self.previous.get(seal.number + 1)):
            self.note(blob, seal)
        else:
            self.early.setdefault(seal.number, set()).add(seal.hash)
            self._is_in(blob, seal)

    def _is_in(self, blob: str, seal: Seal) -> None:
        self.blobs.setdefault((seal.number, seal.hash), []).append(blob)


class Copies:
    """The copies of the seals of one organization."""

    most_leaves = 2_000  # in a record: 160 kB; a seal of more is copied with them, and then made

    def __init__(self, blobs: Blobs, notary: Notary, organization: str) -> None:
        self._blobs = blobs
        self._notary = notary
        self._organization = organization
        self._owner = f"{organization}{SEALS}"

    def write(self, seals: Sequence[Seal]) -> str:
        """Copy seals; the key of the blob. Raises what the store raises."""
        head = {"format": _FORMAT, "organization": self._organization}
        lines = [json.dumps(line) for line in (head, *(seal.value() for seal in seals))]
        data = memoryview("".join(f"{line}\n" for line in lines).encode())
        with self._blobs.create(self._owner, len(data)) as writer:
            while data:
                window = writer.window()
                count = min(len(window), len(data))
                window[:count] = data[:count]
                writer.filled(count)
                data = data[count:]
            writer.commit()
        return writer.key

    def look(self, since: datetime | None, go_on: Callable[[], None]) -> Known:
        """Read all copies, or those that can hold a seal that was made `since` then."""
        known, early = Known(), list[tuple[str, Seal]]()
        for entry in self._entries():
            go_on()
            if since is not None and entry.modified < since:
                continue
            known.count += 1
            held: list[Seal] = []
            try:
                held += (seal.without_leaves() for seal in self.read(entry.key))
            except DamagedCopy:
                known.damaged.append(entry.key)
            if len(held) == 1 and held[0].count > self.most_leaves:
                early.append((entry.key, held[0]))
            else:
                for seal in held:
                    known.note(entry.key, seal)
        for blob, seal in early:
            known.note_early(blob, seal)
        return known

    def read(self, blob: str) -> Iterator[Seal]:
        """The seals in a copy. Raises DamagedCopy, behind those before the damage."""
        lines = self._lines(blob)
        try:
            if json.loads(next(lines, "null")) != {
                "format": _FORMAT,
                "organization": self._organization,
            }:
                raise DamagedCopy(blob)
            for line in lines:
                seal = Seal.read(json.loads(line))
                if not self._notary.sealed(self._organization, seal) or not _is_whole(seal):
                    raise DamagedCopy(blob)
                yield seal
        except (InvalidSeal, TypeError, ValueError) as error:
            raise DamagedCopy(blob) from error

    def seal(self, known: Known, number: int, digest: str | None) -> Seal | None:
        """The seal with that hash as a copy has it, with its leaves where one has them."""
        found: Seal | None = None
        for blob in known.blobs.get((number, digest or ""), ()):
            for seal in self._undamaged(blob):
                if seal.hash == digest and (found is None or found.leaves is None):
                    found = seal
        return found

    def _undamaged(self, blob: str) -> Iterator[Seal]:
        try:
            yield from self.read(blob)
        except DamagedCopy:
            return

    def _entries(self) -> Iterator[BlobEntry]:
        after: str | None = f"{self._owner}/"
        while after is not None:
            page = self._blobs.list(after)
            for entry in page.entries:
                if not entry.key.startswith(f"{self._owner}/"):
                    return
                yield entry
            after = page.next

    def _lines(self, blob: str) -> Iterator[bytes]:
        """The lines of a blob. One that is gone or cut short is a damaged copy."""
        rest = b""
        try:
            download = self._blobs.open(blob)
        except (BlobMissing, BlobCorrupt) as error:
            raise DamagedCopy(blob) from error
        try:
            for piece in download:
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
        except BlobCorrupt as error:
            raise DamagedCopy(blob) from error
        finally:
            download.close()
        if rest:
            raise DamagedCopy(blob)


def _is_whole(seal: Seal) -> bool:
    return seal.leaves is None or root_of(seal.leaves) == seal.root
