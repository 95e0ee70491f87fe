"""Collection: what nothing refers to is removed, a day after it could last have been in use.

Two kinds of leftovers are found in the blob store: uploads that nobody finished, and blobs
whose commit never came. A third is told by records: blobs that lost a reference, which may
have been their last (`app/publishing/lost_references.py`). Anything younger than the grace
period is left alone, because its publisher may be about to commit; so is anything with a
lease, which long uploads hold, anything of an organization that the metadata store does not
know, and the blobs of reserved owners, which no record is to lead to. What can't be removed
keeps nothing else from it, and is found again by the next run.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, groupby

from app.installation import Installation
from app.publishing.discarding import Discarding
from app.publishing.lost_references import LostReferences
from app.work.duty import Failures
from storage import keys
from storage.blobs import BlobEntry, Upload, is_reserved

GRACE = timedelta(days=1)
_BATCH = 50  # blobs looked up in one read: a record and a lease for each
_SWEEP = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one organization in one batch: unfinished uploads, and blobs that
    nothing refers to, with their bytes. With a dry run nothing of it was removed.

    `foreign` counts old blobs of an organization that this installation does not know. They
    are left alone: a lost or wrong metadata store must not cost the files. `looked` is how
    many blobs were looked at, and `last` the last one's key.
    """

    organization: str
    uploads: int = 0
    blobs: int = 0
    bytes: int = 0
    foreign: int = 0
    looked: int = 0
    last: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a whole run found, of all organizations, and expired records that it removed."""

    uploads: int
    blobs: int
    bytes: int
    expired: int
    foreign: int = 0


class Collection:
    """Collects in the whole installation. Idempotent; may be killed and begun anew."""

    def __init__(
        self,
        installation: Installation,
        grace: timedelta = GRACE,
        clock: Callable[[], datetime] | None = None,
        failures: Failures | None = None,
    ) -> None:
        """`failures` are those of the run that this is a part of, which its caller looks at."""
        self._metadata = installation.metadata
        self._blobs = installation.blobs
        self._raises = failures is None
        self._failures = failures or Failures("collection")
        self._discarding = Discarding(self._blobs, self._failures)
        self._lost = LostReferences(
            self._metadata, installation.journal, self._blobs, self._discarding
        )
        self._grace = grace
        self._clock = clock or installation.metadata.now
        self._known: dict[str, bool] = {}  # ids of organizations: whether they are here

    def run(self, *, dry: bool = False, progress: Callable[[int], None] = lambda _: None) -> Report:
        """Remove leftovers; with `dry` only count them. `progress` is told the number of
        blobs and uploads looked at so far.

        Raises the first failure, behind all that could be done, where no caller looks at them.
        """
        uploads = blobs = size = foreign = looked = 0
        with self._failures.part("the store of the blobs"):
            for found in chain(self.leftovers(dry=dry), self.scan(dry=dry)):
                uploads += found.uploads
                blobs += found.blobs
                size += found.bytes
                foreign += found.foreign
                looked += found.looked
                progress(looked)
        expired = 0 if dry else sum(self.expired())
        if self._raises and self._failures.first is not None:
            raise self._failures.first
        return Report(uploads, blobs, size, expired, foreign)

    def leftovers(self, *, dry: bool = False) -> Iterator[Found]:
        """Remove what is told without looking at every blob: uploads that nobody finished, and
        blobs that lost their last reference.

        Raises BlobError where the store is away, behind what was found until then.
        """
        before = self._clock() - self._grace
        for upload in self._old_uploads(before):
            aborted = int(self._abort(upload, dry))
            yield Found(_owner(upload.key), uploads=aborted, looked=1)
            self._discarding.require_store()
        for record in self._metadata.query_all(keys.ORGANIZATIONS):
            organization = str(record.value["id"])
            with self._failures.part(organization):
                yield from self._lost_of(organization, before, dry)
            yield Found(organization)  # also where that failed: who asks may have to end
            self._discarding.require_store()

    def _lost_of(self, organization: str, before: datetime, dry: bool) -> Iterator[Found]:
        for batch in self._lost.run(organization, before, dry=dry):
            yield Found(organization, blobs=batch.blobs, bytes=batch.bytes, looked=batch.looked)

    def scan(self, after: str = "", *, dry: bool = False) -> Iterator[Found]:
        """Look at every blob behind `after`, in order of their keys, and remove those that no
        record refers to: their commit never came. Raises as `leftovers` does."""
        before = self._clock() - self._grace
        for batch in self._old_blobs(after, before):
            for organization, entries in groupby(batch, key=lambda entry: _owner(entry.key)):
                yield self._look_at(organization, list(entries), dry)
                self._discarding.require_store()

    def _look_at(self, organization: str, entries: list[BlobEntry], dry: bool) -> Found:
        last = entries[-1].key
        if not self._knows(organization):
            return Found(organization, foreign=len(entries), looked=len(entries), last=last)
        gone = self._unreferenced(organization, entries)
        if not dry:
            deleted = self._discarding.delete(organization, [entry.key for entry in gone])
            gone = [entry for entry in gone if entry.key in deleted]
        return Found(
            organization,
            blobs=len(gone),
            bytes=sum(entry.size for entry in gone),
            looked=len(entries),
            last=last,
        )

    def expired(self) -> Iterator[int]:
        """Delete expired records, where the engine does not do so by itself: how many, batch
        by batch."""
        swept = _SWEEP
        while swept == _SWEEP:
            swept = self._metadata.sweep(_SWEEP)
            yield swept

    def _knows(self, organization: str) -> bool:
        """Whether an organization is one of this installation's."""
        if organization not in self._known:
            key = keys.organization(organization)
            self._known[organization] = key in self._metadata.get(key)
        return self._known[organization]

    def _old_uploads(self, before: datetime) -> Iterator[Upload]:
        after = ""
        while True:
            page = self._blobs.uploads(after)
            yield from (upload for upload in page.uploads if upload.started < before)
            if page.next is None:
                return
            after = page.next

    def _abort(self, upload: Upload, dry: bool) -> bool:
        lease = keys.upload(_owner(upload.key), upload.key)
        known = is_reserved(upload.key) or self._knows(_owner(upload.key))
        if not known or self._metadata.get(lease):
            return False
        return dry or self._discarding.abort(_owner(upload.key), upload)

    def _old_blobs(self, after: str, before: datetime) -> Iterator[Sequence[BlobEntry]]:
        batch: list[BlobEntry] = []
        while True:
            page = self._blobs.list(after)
            for entry in page.entries:
                if entry.modified < before and not is_reserved(entry.key):
                    batch.append(entry)
                if len(batch) == _BATCH:
                    yield batch
                    batch = []
            if page.next is None:
                break
            after = page.next
        if batch:
            yield batch

    def _unreferenced(self, organization: str, batch: Sequence[BlobEntry]) -> list[BlobEntry]:
        """Those without a record that refers to them and without a lease."""
        wanted = [
            key
            for entry in batch
            for key in (
                keys.blob_bytes(organization, entry.key),
                keys.upload(organization, entry.key),
            )
        ]
        found = self._metadata.get(*wanted)
        return [
            entry
            for entry, record, lease in zip(batch, wanted[::2], wanted[1::2], strict=True)
            if record not in found and lease not in found
        ]


def _owner(key: str) -> str:
    """The id of the organization that a blob belongs to."""
    return key.partition("/")[0]
