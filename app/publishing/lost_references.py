"""Collects bytes that lost their last reference, by the candidates that this leaves behind.

A commit that gives up a reference can't know whether it was the last, and leaves a candidate
in any case. A day later it is looked at: the blob's record goes first, at the version that
was read, so that a publisher who refers to it again makes that fail; then the bytes; then
the candidate. A run that is killed in between is followed by one that goes on. Bytes that can't
be deleted are tried again a day later; their candidate stays until they are gone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.publishing.discarding import Discarding
from app.work.duty import Failures
from storage import keys
from storage.blobs import Blobs
from storage.events import SYSTEM, Journal
from storage.metadata import ConditionFailed, Delete, Metadata, Put, Record, Witness
from storage.metadata.operations import microseconds, moment_of

_BATCH = 40  # candidates, of which each reads and deletes two records


@dataclass(frozen=True, slots=True)
class Collected:
    """Blobs that went, their bytes, and how many candidates were looked at."""

    blobs: int = 0
    bytes: int = 0
    looked: int = 0

    def __add__(self, other: "Collected") -> "Collected":
        return Collected(
            self.blobs + other.blobs, self.bytes + other.bytes, self.looked + other.looked
        )


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A blob that lost a reference: its key, its record where that is still of these bytes,
    and whether these bytes have a record at all."""

    record: Record
    blob: Record | None
    known: bool

    @property
    def key(self) -> str:
        return self.record.key.sort

    @property
    def size(self) -> int:
        return 0 if self.blob is None else int(self.blob.value["size"])

    @property
    def is_unreferenced(self) -> bool:
        return self.blob is not None and self.blob.value["references"] <= 0

    @property
    def is_half_done(self) -> bool:
        """Whether a run was killed after the records had gone."""
        return self.blob is None and not self.known


class LostReferences:
    """Looks at the candidates of an organization."""

    def __init__(
        self,
        metadata: Metadata,
        journal: Journal,
        blobs: Blobs,
        discarding: Discarding | None = None,
    ) -> None:
        """`discarding` is that of the run that this is a part of."""
        self._metadata = metadata
        self._journal = journal
        self._discarding = discarding or Discarding(blobs, Failures("collection"))

    def run(self, organization: str, before: datetime, *, dry: bool = False) -> Iterator[Collected]:
        """Collect what lost its last reference before a moment, a batch each time that it is
        asked for the next; with `dry` only count it."""
        limit = microseconds(before)
        following: str | None = ""
        while following is not None and not self._discarding.is_given_up(organization):
            page = self._metadata.query(keys.unreferenced(organization), "", following, _BATCH)
            old = [r for r in page.records if moment_of(r.version) < limit]
            candidates = self._look_up(organization, old)
            if dry:
                gone = [one for one in candidates if one.is_unreferenced]
            else:
                gone = self._collect(organization, candidates)
            yield Collected(len(gone), sum(one.size for one in gone), len(page.records))
            following = page.next

    def _look_up(self, organization: str, records: Sequence[Record]) -> list[_Candidate]:
        wanted = [
            key
            for record in records
            for key in (
                keys.blob(organization, record.value["sha256"]),
                keys.blob_bytes(organization, record.key.sort),
            )
        ]
        found = self._metadata.get(*wanted)
        candidates = []
        for record, blob_key, bytes_key in zip(records, wanted[::2], wanted[1::2], strict=True):
            blob = found.get(blob_key)
            if blob is not None and blob.value["key"] != record.key.sort:
                blob = None  # of the same bytes, sent again since
            candidates.append(_Candidate(record, blob, bytes_key in found))
        return candidates

    def _collect(self, organization: str, candidates: Sequence[_Candidate]) -> list[_Candidate]:
        dropped = self._drop_records(
            organization, [one for one in candidates if one.is_unreferenced]
        )
        bytes_left = [*dropped, *(one for one in candidates if one.is_half_done)]
        deleted = self._discarding.delete(organization, [one.key for one in bytes_left])
        self._put_off([one for one in bytes_left if one.key in self._discarding.refused])
        looked_at = [
            *(one for one in bytes_left if one.key in deleted),
            *(one for one in candidates if one.blob is not None and not one.is_unreferenced),
        ]
        self._commit_those_that_hold(
            looked_at, lambda one: (Delete(one.record.key, at=one.record.version),), None
        )
        return [one for one in dropped if one.key in deleted]

    def _put_off(self, candidates: Sequence[_Candidate]) -> None:
        """Write candidates anew whose bytes could not be deleted: they are old enough again in a
        day, and until then in nobody's way."""
        if candidates:
            self._metadata.commit(*(Put(one.record.key, one.record.value) for one in candidates))

    def _drop_records(
        self, organization: str, unreferenced: Sequence[_Candidate]
    ) -> list[_Candidate]:
        """Delete the records of blobs that nothing refers to; those that had none in the end."""

        def operations(one: _Candidate) -> tuple[Delete, ...]:
            if one.blob is None:
                raise LookupError("a candidate without a record was taken for one with it")
            return (
                Delete(one.blob.key, at=one.blob.version),
                Delete(keys.blob_bytes(organization, one.key)),
            )

        event = self._journal.event(organization, SYSTEM, "blob.collect")
        return self._commit_those_that_hold(unreferenced, operations, event)

    def _commit_those_that_hold(
        self,
        candidates: Sequence[_Candidate],
        operations: Callable[[_Candidate], tuple[Delete, ...]],
        witness: Witness | None,
    ) -> list[_Candidate]:
        """Commit the operations of all candidates, without those whose conditions fail."""
        left = list(candidates)
        while left:
            try:
                self._metadata.commit(
                    *(operation for one in left for operation in operations(one)), witness=witness
                )
                break
            except ConditionFailed as error:
                left = [
                    one
                    for one in left
                    if not any(operation.key in error.found for operation in operations(one))
                ]
        return left
