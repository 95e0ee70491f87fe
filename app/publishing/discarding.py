"""Bytes that nothing refers to are deleted, each whatever becomes of the others.

One that can't be (a lock on the object, a foreign owner of the file) would otherwise stop every
run at the same place. A store that is away, or refuses everybody's, is not asked for thousands of
them one by one.
"""

import logging
from collections import Counter
from collections.abc import Sequence

from app.work.duty import Failures
from storage.blobs import BlobError, Blobs, Upload, UploadBusy

_PATIENCE = 30  # calls of an organization that fail in a row: each may take half a minute
_HOPE = 3  # organizations in a row of which nothing could be deleted in the end

_log = logging.getLogger(__name__)


class Discarding:
    """Discards blobs and uploads; one that can't be deleted keeps no other from it.

    What can't be is a failure of the run, and among `refused`. Where too many calls fail in a
    row, the rest of that organization is left to the next run; where it is so with several, or
    the store is away, nothing more is asked for.
    """

    def __init__(self, blobs: Blobs, failures: Failures) -> None:
        self._blobs = blobs
        self._failures = failures
        self._row: Counter[str] = Counter()  # calls that failed in a row, by organization
        self._given_up = 0  # organizations in a row
        self._away: BlobError | None = None
        self.refused: set[str] = set()  # keys of blobs

    def delete(self, organization: str, blob_keys: Sequence[str]) -> set[str]:
        """Delete blobs of an organization: the keys of those that are gone.

        It is one call; where that fails, one for each half, and so on down to single blobs.
        """
        if not blob_keys or self.is_given_up(organization):
            return set()
        try:
            self._blobs.delete(blob_keys)
        except BlobError as error:
            self._count_failure(organization, error)
            if len(blob_keys) == 1:
                self.refused.update(blob_keys)
                self._note(f"blob {blob_keys[0]}", error)
                return set()
        else:
            self._count_success(organization)
            return set(blob_keys)
        half = len(blob_keys) // 2
        gone = self.delete(organization, blob_keys[:half])
        return gone | self.delete(organization, blob_keys[half:])

    def abort(self, organization: str, upload: Upload) -> bool:
        """Abort an unfinished upload; whether it is gone. One whose writer is alive, however
        long it takes, is left alone."""
        if self.is_given_up(organization):
            return False
        try:
            self._blobs.abort(upload.token)
        except UploadBusy:
            return False
        except BlobError as error:
            self._note(f"the upload of blob {upload.key}", error)
            self._count_failure(organization, error)
            return False
        self._count_success(organization)
        return True

    def is_given_up(self, organization: str) -> bool:
        """Whether nothing more of an organization is tried in this run."""
        return self._away is not None or self._row[organization] >= _PATIENCE

    def require_store(self) -> None:
        """Return where something may still be deleted. Raises BlobError."""
        if self._away is not None:
            raise self._away

    def _note(self, what: str, error: BlobError) -> None:
        _log.error("%s can't be deleted: %s", what, error)
        self._failures.add(error)

    def _count_success(self, organization: str) -> None:
        self._row[organization] = self._given_up = 0

    def _count_failure(self, organization: str, error: BlobError) -> None:
        self._row[organization] += 1
        if self._row[organization] == _PATIENCE:
            _log.error("the rest of organization %s is left to the next run", organization)
            self._given_up += 1
            if self._given_up == _HOPE:
                self._away = error
        try:
            self._blobs.check()
        except BlobError as away:
            self._away = away
