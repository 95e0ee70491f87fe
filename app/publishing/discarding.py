"""Bytes that nothing refers to are deleted, each whatever becomes of the others.

One that can't be (a lock on the object, a foreign owner of the file) would otherwise stop every
run at the same place. A store that is away is not asked for thousands of them one by one.
"""

import logging
from collections import Counter
from collections.abc import Sequence

from app.work.duty import Failures
from storage.blobs import BlobError, Blobs, Upload, UploadBusy

_PATIENCE = 1_000  # of an organization and run: single calls that fail

_log = logging.getLogger(__name__)


class Discarding:
    """Discards blobs and uploads; one that can't be deleted keeps no other from it.

    What can't be is a failure of the run. Where very much can't, the rest of that organization
    is left to the next run; where the store is away, it is asked for nothing more.
    """

    def __init__(self, blobs: Blobs, failures: Failures) -> None:
        self._blobs = blobs
        self._failures = failures
        self._failed: Counter[str] = Counter()  # by organization
        self._away: BlobError | None = None

    def delete(self, organization: str, blob_keys: Sequence[str]) -> set[str]:
        """Delete blobs of an organization: the keys of those that are gone.

        It is one call; where that fails, one for each half, and so on down to single blobs.
        """
        if not blob_keys or self.is_given_up(organization):
            return set()
        try:
            self._blobs.delete(blob_keys)
        except BlobError as error:
            if len(blob_keys) == 1:
                self._note(organization, f"blob {blob_keys[0]}", error)
                return set()
            self._look_at_store()
        else:
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
            self._note(organization, f"the upload of blob {upload.key}", error)
            return False
        return True

    def is_given_up(self, organization: str) -> bool:
        """Whether nothing more of an organization is tried in this run."""
        return self._away is not None or self._failed[organization] >= _PATIENCE

    def require_store(self) -> None:
        """Return where the store is there. Raises BlobError."""
        if self._away is not None:
            raise self._away

    def _note(self, organization: str, what: str, error: BlobError) -> None:
        _log.error("%s can't be deleted: %s", what, error)
        self._failures.add(error)
        self._failed[organization] += 1
        if self._failed[organization] == _PATIENCE:
            _log.error("the rest of organization %s is left to the next run", organization)
        self._look_at_store()

    def _look_at_store(self) -> None:
        """After a failure: whether it is the store that is away."""
        try:
            self._blobs.check()
        except BlobError as error:
            self._away = error
