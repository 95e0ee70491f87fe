"""A blob store that refuses to delete some of what is in it, for tests of who deletes."""

from collections.abc import Sequence

from storage.blobs import BlobsUnavailable
from tests.faults.blobs import FaultyBlobs


class LockedBlobs(FaultyBlobs):
    """Refuses what is `locked`, by its key, as an object lock or a foreign owner makes it do.

    A call deletes what else it names.
    """

    locked: frozenset[str] = frozenset()

    def delete(self, keys: Sequence[str]) -> None:
        super().delete([key for key in keys if key not in self.locked])
        self._refuse("delete", keys)

    def abort(self, token: str) -> None:
        if token.partition(":")[0] not in self.locked:
            super().abort(token)
        else:
            self.calls["abort"] += 1
        self._refuse("abort", [token.partition(":")[0]])

    def _refuse(self, call: str, keys: Sequence[str]) -> None:
        if self.locked.intersection(keys):
            raise BlobsUnavailable("it is locked")
