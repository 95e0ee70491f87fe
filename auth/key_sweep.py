"""What is left of keys: those that ended long ago are deleted, and that gone ones were used.

Keys that ended are kept for a while, so that who looks for why a build fails finds them. What
was rotated goes sooner: it says where it went, and a machine that rotates its key each day
would else fill up its owner's keys with ended ones.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from auth.key_records import deleting
from auth.records import read_api_key
from auth.scim_tokens import deleting_token, is_token, read_scim_token
from storage import keys
from storage.events import SYSTEM, Journal
from storage.metadata import ConditionFailed, Delete, Metadata, Operation, Record
from storage.metadata.operations import KEYS_PER_GET, OPERATIONS

KEPT = timedelta(days=30)
ROTATED_KEPT = timedelta(days=1)


class KeySweep:
    """Deletes what ended. Idempotent; may be killed anywhere and begun anew by another."""

    def __init__(self, metadata: Metadata, journal: Journal) -> None:
        self._metadata = metadata
        self._journal = journal

    def run(self, organization: str, now: datetime, go_on: Callable[[], None]) -> int:
        """Sweep the keys and tokens of an organization; how many were deleted.

        `go_on` is called between pieces of some seconds at most; what it raises ends the run.
        """
        swept = 0
        for record in self._metadata.query_all(keys.api_keys(organization)):
            go_on()
            key = read_api_key(record)
            if _is_over(key.expires, key.successor, now):
                gone = deleting(organization, [record])
                swept += self._delete(organization, "key.delete", key.id, gone)
        for record in self._metadata.query_all(keys.scim_tokens(organization)):
            go_on()
            if not is_token(record):
                continue
            token = read_scim_token(record)
            if _is_over(token.expires, token.successor, now):
                gone = deleting_token(organization, record)
                swept += self._delete(organization, "scim-token.delete", token.id, gone)
        self._forget_uses(organization, go_on)
        return swept

    def _delete(
        self, organization: str, action: str, subject: str, operations: tuple[Operation, ...]
    ) -> int:
        event = self._journal.event(organization, SYSTEM, action, subject=subject, ended=True)
        try:
            self._metadata.commit(*operations, witness=event)
        except ConditionFailed:
            return 0  # somebody else deleted it, or its owner
        return 1

    def _forget_uses(self, organization: str, go_on: Callable[[], None]) -> None:
        """Forget when keys were used that are no more. A key is there before it is used, so
        one that is not there now is gone."""
        uses = self._metadata.query_all(keys.used_keys(organization))
        for some in _batches(uses, KEYS_PER_GET):
            go_on()
            wanted = {keys.api_key(organization, use.key.sort): use.key for use in some}
            found = self._metadata.get(*wanted)
            gone = [Delete(use) for key, use in wanted.items() if key not in found]
            for start in range(0, len(gone), OPERATIONS - 1):
                self._metadata.commit(*gone[start : start + OPERATIONS - 1])


def _is_over(expires: datetime | None, successor: str | None, now: datetime) -> bool:
    kept = KEPT if successor is None else ROTATED_KEPT
    return expires is not None and expires + kept <= now


def _batches(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
