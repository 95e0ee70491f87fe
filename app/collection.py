"""Collection: what nothing refers to is removed, a day after it could last have been in use.

Two kinds of leftovers are found in the blob store: uploads that nobody finished, and blobs
whose commit never came. A third is told by records: blobs that lost a reference, which may
have been their last (`app/publishing/lost_references.py`). Anything younger than the grace
period is left alone, because its publisher may be about to commit; so is anything with a
lease, which long uploads hold, and anything of an organization that the metadata store does
not know.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.installation import Installation
from app.publishing.lost_references import Collected, LostReferences
from app.work.duty import Shift
from storage import keys
from storage.blobs import BlobEntry, Upload, UploadBusy

GRACE = timedelta(days=1)
_BATCH = 50  # blobs looked up in one read: a record and a lease for each
_SWEEP = 1000

_log = logging.getLogger("strongroom.worker")


@dataclass(frozen=True, slots=True)
class Report:
    """What was found: unfinished uploads, unreferenced blobs (with their bytes), and expired
    records. With a dry run nothing of it was removed.

    `foreign` counts old blobs of organizations that this installation does not know. They
    are left alone: a lost or wrong metadata store must not cost the files.
    """

    uploads: int
    blobs: int
    bytes: int
    expired: int
    foreign: int = 0


class Collection:
    """One run over the whole installation. Idempotent; may be killed and begun anew."""

    def __init__(
        self,
        installation: Installation,
        grace: timedelta = GRACE,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._metadata = installation.metadata
        self._blobs = installation.blobs
        self._lost = LostReferences(self._metadata, installation.journal, self._blobs)
        self._grace = grace
        self._clock = clock or installation.metadata.now
        self._known: dict[str, bool] = {}  # ids of organizations: whether they are here

    def run(self, *, dry: bool = False, progress: Callable[[int], None] = lambda _: None) -> Report:
        """Remove leftovers; with `dry` only count them. `progress` is told the number of
        blobs and uploads looked at so far."""
        before = self._clock() - self._grace
        uploads = sum(self._abort(upload, dry) for upload in self._old_uploads(before))
        lost = self._lost_references(before, dry, progress)
        looked, blobs, size, foreign = 0, lost.blobs, lost.bytes, 0
        for batch in self._old_blobs(before):
            looked += len(batch)
            ours = [entry for entry in batch if self._knows(_owner(entry.key))]
            foreign += len(batch) - len(ours)
            unreferenced = self._unreferenced(ours)
            if unreferenced and not dry:
                self._blobs.delete([entry.key for entry in unreferenced])
            blobs += len(unreferenced)
            size += sum(entry.size for entry in unreferenced)
            progress(looked)
        return Report(uploads, blobs, size, 0 if dry else self._sweep(), foreign)

    def _lost_references(
        self, before: datetime, dry: bool, progress: Callable[[int], None]
    ) -> Collected:
        """Collect in every organization that is there."""
        collected, looked = Collected(), 0
        for record in self._metadata.query_all(keys.ORGANIZATIONS):
            organization = str(record.value["id"])
            for batch in self._lost.run(organization, before, dry=dry):
                collected += batch
                looked += batch.looked
                progress(looked)
        return collected

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
        if not self._knows(_owner(upload.key)) or self._metadata.get(lease):
            return False
        if not dry:
            try:
                self._blobs.abort(upload.token)
            except UploadBusy:
                return False  # its writer is alive, however long it takes
        return True

    def _old_blobs(self, before: datetime) -> Iterator[Sequence[BlobEntry]]:
        after, batch = "", []
        while True:
            page = self._blobs.list(after)
            for entry in page.entries:
                if entry.modified < before:
                    batch.append(entry)
                if len(batch) == _BATCH:
                    yield batch
                    batch = []
            if page.next is None:
                break
            after = page.next
        if batch:
            yield batch

    def _unreferenced(self, batch: Sequence[BlobEntry]) -> list[BlobEntry]:
        """Those without a record that refers to them and without a lease."""
        wanted = [
            key
            for entry in batch
            for key in (
                keys.blob_bytes(_owner(entry.key), entry.key),
                keys.upload(_owner(entry.key), entry.key),
            )
        ]
        found = self._metadata.get(*wanted)
        return [
            entry
            for entry, record, lease in zip(batch, wanted[::2], wanted[1::2], strict=True)
            if record not in found and lease not in found
        ]

    def _sweep(self) -> int:
        """Delete expired records, where the engine does not do so by itself."""
        total = 0
        while True:
            swept = self._metadata.sweep(_SWEEP)
            total += swept
            if swept < _SWEEP:
                return total


def _owner(key: str) -> str:
    """The id of the organization that a blob belongs to."""
    return key.partition("/")[0]


class CollectDuty:
    """The collection as a duty of the worker."""

    name = "collect"
    every = timedelta(hours=1)

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def run(self, shift: Shift) -> None:
        """Collect, and say in the log what was found: it is the installation's, nobody's own."""
        report = Collection(self._installation).run(progress=lambda _: shift.go_on())
        _log.info(
            "collected %d unfinished uploads, %d unreferenced blobs, %d expired records",
            report.uploads,
            report.blobs,
            report.expired,
        )
        if report.foreign:
            _log.warning(
                "%d blobs belong to no organization of this installation and were left alone:"
                " is this the right metadata store?",
                report.foreign,
            )
