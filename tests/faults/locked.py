"""A blob store that refuses to delete some of what is in it, for tests of who deletes."""

from collections.abc import Sequence

from storage.blobs import BlobsUnavailable
from tests.faults.blobs import FaultyBlobs


class LockedBlobs(FaultyBlobs):
    """Refuses what is `locked`, by its key, as an object lock or a foreign owner makes it do.

    A call that names one of these deletes nothing: a folder stops at the first.
    """

    locked: frozenset[str] = frozenset()

    def delete(self, keys: Sequence[str]) -> None:
        self._refuse("delete", keys)
        super().delete(keys)

    def abort(self, token: str) -> None:
        self._refuse("abort", [token.partition(":")[0]])
        super().abort(token)

    def _refuse(self, call: str, keys: Sequence[str]) -> None:
        if self.locked.intersection(keys):
            self.calls[call] += 1
            raise BlobsUnavailable("it is locked")
