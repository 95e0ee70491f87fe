"""Bytes that nothing refers to are deleted, each whatever becomes of the others.

One that can't be (a lock on the object, a foreign owner of the file) would otherwise stop every
run at the same place. A store that is away is not asked for thousands of them one by one.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from app.work.duty import Failures
from storage.blobs import BlobError, Blobs, BlobsUnavailable, Upload, UploadBusy

_PATIENCE = 20  # calls that fail in a row for an organization: each may take half a minute
_HOPE = 60  # the same for all organizations

_log = logging.getLogger(__name__)


class Discarding:
    """Discards blobs and uploads; one that can't be deleted keeps no other from it.

    What can't be deleted is a part of the run that failed. Where too many calls fail in a row,
    the rest of that organization is left to the next run; where the store is away, or refuses
    everybody's, it is asked for nothing more.
    """

    def __init__(self, blobs: Blobs, failures: Failures) -> None:
        self._blobs = blobs
        self._failures = failures
        self._row: Counter[str] = Counter()  # calls that failed in a row, by organization
        self._row_of_all = 0
        self._hopeless: BlobError | None = None

    def delete(self, organization: str, blob_keys: Sequence[str]) -> set[str]:
        """Delete blobs of an organization: the keys of those that are gone.

        It is one call; where that fails, one for each half, and so on down to single blobs.
        """
        if not blob_keys or self.is_given_up(organization):
            return set()
        if len(blob_keys) == 1:
            return self._delete_one(organization, blob_keys[0])
        try:
            self._blobs.delete(blob_keys)
        except BlobError:
            self._count_failure(organization)
        else:
            self._count_success(organization)
            return set(blob_keys)
        half = len(blob_keys) // 2
        gone = self.delete(organization, blob_keys[:half])
        return gone | self.delete(organization, blob_keys[half:])

    def _delete_one(self, organization: str, key: str) -> set[str]:
        gone = set()
        with self._trying(organization, f"the deletion of blob {key}"):
            self._blobs.delete([key])
            gone.add(key)
        return gone

    def abort(self, organization: str, upload: Upload) -> bool:
        """Abort an unfinished upload; whether it is gone. One whose writer is alive, however
        long it takes, is left alone."""
        if self.is_given_up(organization):
            return False
        gone = False
        with self._trying(organization, f"the end of upload {upload.key}"), suppress(UploadBusy):
            self._blobs.abort(upload.token)
            gone = True
        return gone

    def is_given_up(self, organization: str) -> bool:
        """Whether nothing more of an organization is tried in this run."""
        return self._hopeless is not None or self._row[organization] >= _PATIENCE

    def require_hope(self) -> None:
        """Return where something may still be deleted. Raises BlobError."""
        if self._hopeless is not None:
            raise self._hopeless

    @contextmanager
    def _trying(self, organization: str, what: str) -> Iterator[None]:
        before = self._failures.count
        with self._failures.part(what):
            yield
        if self._failures.count > before:
            self._count_failure(organization)
        else:
            self._count_success(organization)

    def _count_success(self, organization: str) -> None:
        self._row[organization] = self._row_of_all = 0

    def _count_failure(self, organization: str) -> None:
        self._row[organization] += 1
        self._row_of_all += 1
        if self._row[organization] == _PATIENCE:
            _log.error("the rest of organization %s is left to the next run", organization)
        if self._row_of_all == _HOPE:
            self._hopeless = BlobsUnavailable("the store of the blobs deletes nothing")
        try:
            self._blobs.check()
        except BlobError as error:
            self._hopeless = error
