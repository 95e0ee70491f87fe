"""Bytes that nothing refers to are deleted, each whatever becomes of the others.

One that can't be (a lock on the object, a foreign owner of the file) would otherwise stop every
run at the same place. A store that refuses everything, and takes its time for it, is not asked
for thousands of them one by one: but each organization is tried in each run, so that none waits
for what is locked in others.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta

from app.work.duty import Failures
from storage.blobs import BlobError, Blobs, Upload, UploadBusy

#: How long calls of an organization that fail in a row may take in all. By time, not by number:
#: a store that refuses says so at once, and may go on to others; one that is ill takes half a
#: minute for each.
_PATIENCE = timedelta(minutes=10)
_LITTLE = timedelta(seconds=10)  # and where as many organizations in a row were given up:
_HOPE = 3

_log = logging.getLogger(__name__)


class Discarding:
    """Discards blobs and uploads; one that can't be deleted keeps no other from it.

    What can't be is a failure of the run, and among `refused`. Where calls that fail in a row
    take too long, the rest of that organization is left to the next run; where the store is
    away, nothing more is asked for.
    """

    def __init__(
        self,
        blobs: Blobs,
        failures: Failures,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blobs = blobs
        self._failures = failures
        self._seconds = seconds
        self._spent: defaultdict[str, timedelta] = defaultdict(timedelta)  # on calls that failed
        self._left: set[str] = set()  # organizations that are given up
        self._in_a_row = 0  # of them
        self._away: BlobError | None = None
        self.refused: set[str] = set()  # keys of blobs

    def delete(self, organization: str, blob_keys: Sequence[str]) -> set[str]:
        """Delete blobs of an organization: the keys of those that are gone.

        It is one call; where that fails, one for each half, and so on down to single blobs.
        """
        if not blob_keys or self.is_given_up(organization):
            return set()
        began = self._seconds()
        try:
            self._blobs.delete(blob_keys)
        except BlobError as error:
            self._count_failure(organization, began)
            if self._away is not None:
                return set()
            if len(blob_keys) == 1 or organization in self._left:
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
        began = self._seconds()
        try:
            self._blobs.abort(upload.token)
        except UploadBusy:
            return False
        except BlobError as error:
            self._note(f"the upload of blob {upload.key}", error)
            self._count_failure(organization, began)
            return False
        self._count_success(organization)
        return True

    def is_given_up(self, organization: str) -> bool:
        """Whether nothing more of an organization is tried in this run."""
        return self._away is not None or organization in self._left

    def require_store(self) -> None:
        """Return where something may still be deleted. Raises BlobError."""
        if self._away is not None:
            raise self._away

    def _note(self, what: str, error: BlobError) -> None:
        _log.error("%s can't be deleted: %s", what, error)
        self._failures.add(error)

    def _count_success(self, organization: str) -> None:
        self._spent[organization] = timedelta()
        self._in_a_row = 0

    def _count_failure(self, organization: str, began: float) -> None:
        self._spent[organization] += timedelta(seconds=self._seconds() - began)
        patience = _PATIENCE if self._in_a_row < _HOPE else _LITTLE
        if self._spent[organization] >= patience:
            _log.error("the rest of organization %s is left to the next run", organization)
            self._left.add(organization)
            self._in_a_row += 1
        try:
            self._blobs.check()
        except BlobError as away:
            self._away = away
