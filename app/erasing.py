"""Erasing: what is left of an organization goes for good, 30 days after it was deleted.

Everything of an organization is found by its id, which begins the partition of each of its
records and the key of each of its blobs, and never by what a record says: so nothing of
another is touched, and nothing is missed because its kind came later. Bytes go first, the
records after them, last the two that say that there was such an organization: whoever is
killed in between is followed by another, and until the end collection knows whose blobs
these are. Bytes that can't be deleted keep nothing else from it, but that end.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.installation import Installation
from app.publishing.discarding import Discarding
from app.work.duty import Failures, Shift
from auth.errors import CorruptRecord
from auth.organizations import Deleted, Organizations
from auth.records import is_id
from storage import keys
from storage.blobs import SEALS
from storage.metadata import ConditionFailed, Delete, Key, Put
from storage.metadata.operations import OPERATIONS

_PAGE = 1000
_ROOM = OPERATIONS - 1  # for the commit's token

_log = logging.getLogger("strongroom.worker")


class NotErased(Exception):
    """Bytes of an organization are left: they can't be deleted, or somebody still writes."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was removed, and how many blobs and uploads were `left`."""

    records: int = 0
    blobs: int = 0
    bytes: int = 0
    uploads: int = 0
    left: int = 0

    def __add__(self, other: "Erased") -> "Erased":
        return Erased(
            self.records + other.records,
            self.blobs + other.blobs,
            self.bytes + other.bytes,
            self.uploads + other.uploads,
            self.left + other.left,
        )


class Erasing:
    """Erases organizations. Idempotent; may be killed anywhere and begun anew by another."""

    def __init__(
        self,
        installation: Installation,
        clock: Callable[[], datetime] | None = None,
        page: int = _PAGE,
        failures: Failures | None = None,
    ) -> None:
        """`failures` are those of the run that this is a part of."""
        self._organizations = Organizations(installation.recent)
        self._metadata = installation.metadata
        self._blobs = installation.blobs
        self._discarding = Discarding(self._blobs, failures or Failures("erasing"))
        # A machine whose clock is wrong erases nothing.
        self._page = page
        self._clock = clock or installation.metadata.agreed_time

    def due(self) -> Iterator[Deleted]:
        """The deleted organizations that can't be restored any more."""
        for deleted in self._organizations.deleted():
            if deleted.erasing or deleted.until <= self._clock():
                yield deleted

    def erase(self, deleted: Deleted, go_on: Callable[[], None]) -> Erased | None:
        """Erase an organization that is due; None where it was restored meanwhile.

        Args:
            deleted: one of `due`.
            go_on: called between pieces of some seconds at most; what it raises ends the
                work there.

        Raises:
            CorruptRecord: it is not plainly one that nobody has any more.
            NotErased: bytes are left, or are still being written; what else there was is gone.
            BlobError: the store of the blobs is away.
        """
        self._require_nobodys(deleted.id)
        marked = self._mark(deleted)
        if marked is None:
            return None
        total, clean = Erased(), False
        while not clean:
            bytes_ = self._blobs_of(marked.id, go_on) + self._uploads_of(marked.id, go_on)
            self._discarding.require_store()
            if bytes_.left and marked.emptied:
                raise NotErased(f"{bytes_.left} of its blobs and uploads are left")
            erased, clean, marked = self._records_of(marked, go_on)
            total += bytes_ + erased
            if bytes_.left and clean:
                marked = self._note(replace(marked, emptied=True))  # no walk while they are left
            clean = clean and bytes_ == Erased()
        self._metadata.commit(
            Delete(keys.organization(marked.id)), Delete(marked.key, at=marked.version)
        )
        return total

    def _require_nobodys(self, organization: str) -> None:
        """Return if no name leads to that id, and it is one. Raises CorruptRecord."""
        if not is_id(organization):
            raise CorruptRecord("a deleted organization has no id")
        if any(named.id == organization for named in self._organizations.list()):
            raise CorruptRecord("an organization is both deleted and there: it is left alone")

    def _mark(self, deleted: Deleted) -> Deleted | None:
        """Say in its record that it is being erased, which ends that it can be restored."""
        if deleted.erasing:
            return deleted
        try:
            return self._note(replace(deleted, erasing=True))
        except ConditionFailed:
            return None

    def _note(self, deleted: Deleted) -> Deleted:
        put = Put(deleted.key, deleted.value(), at=deleted.version)
        return replace(deleted, version=self._metadata.commit(put).versions[deleted.key])

    def _blobs_of(self, organization: str, go_on: Callable[[], None]) -> Erased:
        """Delete its blobs, which lie together in the order of keys."""
        found, after = Erased(), f"{organization}/"
        while True:
            go_on()
            page = self._blobs.list(after, self._page)
            ours = [entry for entry in page.entries if _owner(entry.key) == organization]
            deleted = self._discarding.delete(organization, [entry.key for entry in ours])
            gone = [entry.size for entry in ours if entry.key in deleted]
            found += Erased(blobs=len(gone), bytes=sum(gone), left=len(ours) - len(gone))
            if page.next is None or len(ours) < len(page.entries):
                return found
            after = page.next

    def _uploads_of(self, organization: str, go_on: Callable[[], None]) -> Erased:
        """Abort its unfinished uploads."""
        found, after = Erased(), ""
        while True:
            go_on()
            page = self._blobs.uploads(after, self._page)
            for upload in page.uploads:
                if _owner(upload.key) == organization:
                    gone = self._discarding.abort(organization, upload)
                    found += Erased(uploads=int(gone), left=int(not gone))
            if page.next is None:
                return found
            after = page.next

    def _records_of(
        self, marked: Deleted, go_on: Callable[[], None]
    ) -> tuple[Erased, bool, Deleted]:
        """Delete its records but the last two, in one walk through all that there are.

        How far it came is noted with each page, so that no walk begins anew in a large store.

        Returns:
            What was deleted here, whether this walk, from its beginning, met nothing, and the
            mark as it is now.
        """
        erased, last = Erased(), keys.organization(marked.id)
        while True:
            go_on()
            page = self._metadata.scan(0, 1, marked.scanned, self._page)
            ours = [
                record.key
                for record in page.records
                if _is_of(record.key, marked.id) and record.key != last
            ]
            for start in range(0, len(ours), _ROOM):
                self._metadata.commit(*map(Delete, ours[start : start + _ROOM]))
            erased += Erased(records=len(ours))
            found = marked.found or bool(ours)
            if page.next is None:
                if marked.scanned or marked.found:
                    marked = self._note(replace(marked, scanned="", found=False))
                return erased, not found, marked
            marked = self._note(replace(marked, scanned=page.next, found=found))


def _owner(key: str) -> str:
    """The id of the organization that a blob belongs to; the copies of its seals are its own."""
    return key.partition("/")[0].removesuffix(SEALS)


def _is_of(key: Key, organization: str) -> bool:
    """Whether a record is one of that organization's."""
    return key.partition.startswith(f"{organization}#")


class EraseDuty:
    """The erasing as a duty of the worker."""

    name = "erase"
    every = timedelta(days=1)

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def run(self, shift: Shift) -> None:
        """Erase what is due, and say so in the log: nobody is left to be told otherwise."""
        shift.again = self.every  # each of them is a walk through all records that there are
        erasing = Erasing(self._installation, failures=shift.failures)
        for deleted in erasing.due():
            shift.go_on()
            with shift.part(deleted.id):
                self._erase(erasing, deleted, shift)

    def _erase(self, erasing: Erasing, deleted: Deleted, shift: Shift) -> None:
        try:
            erased = erasing.erase(deleted, shift.go_on)
        except (CorruptRecord, NotErased) as error:
            _log.warning("organization %s is not erased yet: %s", deleted.id, error)
            return
        if erased is not None:
            _log.info("erased organization %s: %s", deleted.id, erased)
