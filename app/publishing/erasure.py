"""Erases deleted repositories when their time is up: all their files, and all that is about them.

The record of the deleted repository decides: once it says that it is being erased, nothing
brings the repository back. It goes last, so a run that is killed is followed by one that goes
on with what is left.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.publishing.artifact import Artifact
from app.publishing.bulk import Bulk, size_of
from app.publishing.changes import Changes, Restorable
from app.publishing.place import Place
from app.publishing.purging import Purge, uncounted_of
from app.publishing.removal import present_at
from app.publishing.walk import Piece, Position, Walk
from app.repositories import DeletedRepositories, DeletedRepository, FolderPath
from app.work.duty import Shift
from storage import keys
from storage.events import SYSTEM, Journal
from storage.metadata import ConditionFailed, Delete, Key, Metadata, Put, Record
from storage.metadata.operations import OPERATIONS

DUTY = "erase-repositories"

#: A publish that was under way when the repository was deleted has come to its end by then,
#: however few its `restore_days` are: what it leaves in the repository is erased with it.
LEAST = timedelta(days=2)

_ROOM = OPERATIONS - 1  # for the commit's token


@dataclass(frozen=True, slots=True)
class Erasure:
    """The end of a file in a repository that is erased.

    `uncounted` are the digests of its bytes of which the record is not there, as with Purge.
    """

    place: Place
    artifact: Artifact
    uncounted: frozenset[str] = frozenset()

    def write(self, changes: Changes) -> None:
        changes.disappear(self.place, self.artifact)
        changes.discard(self.place, self.artifact)
        changes.dereference(self.place.organization, self.artifact, self.uncounted)

    def anew(self, found: Mapping[Key, Record | None]) -> "Erasure | None":
        if self.place.key in found:
            record = found[self.place.key]
            return None if record is None else Erasure(self.place, Artifact.read(record))
        uncounted = uncounted_of(self.place.organization, self.artifact, found)
        if not uncounted <= self.uncounted:
            return replace(self, uncounted=self.uncounted | uncounted)
        return self


@dataclass(frozen=True, slots=True)
class Erased:
    """What went: files and restorable versions, and their bytes."""

    files: int = 0
    bytes: int = 0


class Eraser:
    """Erases repositories. What it does may be done twice, by two at a time."""

    def __init__(
        self, metadata: Metadata, journal: Journal, deleted: DeletedRepositories, bulk: Bulk
    ) -> None:
        self._metadata = metadata
        self._journal = journal
        self._deleted = deleted
        self._bulk = bulk

    def due(self, organization: str, now: datetime) -> list[DeletedRepository]:
        """The deleted repositories whose time is up."""
        return [
            one
            for one in self._deleted.every(organization)
            if one.erasing or now >= max(one.until, one.deleted + LEAST)
        ]

    def erase(
        self, deleted: DeletedRepository, go_on: Callable[[], None] = lambda: None
    ) -> Erased | None:
        """Erase one, or return None where it was restored meanwhile."""
        if not deleted.erasing and not self._mark(deleted):
            return None
        repository = deleted.repository
        walk = Walk(self._metadata, repository, FolderPath(()), kept=True, present=True)
        files, size = 0, 0
        position: Position | None = {}
        while position is not None:
            go_on()
            piece = walk.piece(position)
            erased = self._erase(deleted, piece)
            files, size = files + erased.files, size + erased.bytes
            position = piece.position
        # Keys of these are paths: days of last downloads expire late, and the others never.
        for partition in (keys.downloads, keys.revisions, keys.claims, keys.projects):
            self._forget(partition(repository.organization, repository.id), go_on)
        self._finish(deleted)
        return Erased(files, size)

    def _mark(self, deleted: DeletedRepository) -> bool:
        """Take away that it can be restored; whether nobody was quicker."""
        found = self._metadata.get(deleted.key).get(deleted.key)
        if found is None or found.version != deleted.version:
            return False
        value = {**found.value, "erasing": True}
        try:
            self._metadata.commit(Put(deleted.key, value, at=found.version))
        except ConditionFailed:
            return False
        return True

    def _erase(self, deleted: DeletedRepository, piece: Piece) -> Erased:
        repository = deleted.repository
        organization = repository.organization
        kept = [
            Purge.of(organization, Restorable.read(record))
            for stop in piece.stops
            for record in stop.kept
        ]
        present = [
            Erasure(place, artifact)
            for stop in piece.stops
            for place, artifact in present_at(repository, stop)
        ]
        purged = self._bulk.carry_out("artifact.purge", organization, SYSTEM, kept)
        erased = self._bulk.carry_out("artifact.erase", organization, SYSTEM, present)
        folders = [stop.folder for stop in piece.stops if stop.ended and stop.folder.segments]
        for start in range(0, len(folders), _ROOM):
            self._metadata.commit(
                *(
                    Delete(
                        keys.subfolder(
                            organization,
                            repository.id,
                            FolderPath(folder.segments[:-1]).key,
                            folder.segments[-1],
                        )
                    )
                    for folder in folders[start : start + _ROOM]
                )
            )
        return Erased(len(purged) + len(erased), size_of(purged) + size_of(erased))

    def _forget(self, partition: str, go_on: Callable[[], None]) -> None:
        """Delete all records of a partition."""
        after: str | None = ""
        while after is not None:
            go_on()
            page = self._metadata.query(partition, "", after, _ROOM)
            if page.records:
                self._metadata.commit(*(Delete(record.key) for record in page.records))
            after = page.next

    def _finish(self, deleted: DeletedRepository) -> None:
        repository = deleted.repository
        organization = repository.organization
        self._metadata.commit(
            Delete(deleted.key),
            Delete(keys.retention(organization, repository.id)),
            *(
                Delete(keys.usage(organization, repository.id, f"{stripe:x}"))
                for stripe in range(keys.STRIPES)
            ),
            Delete(keys.quota_warned(organization, repository.id)),
            witness=self._journal.event(
                organization, SYSTEM, "repository.erase", repository=repository.id
            ),
        )


class EraseRepositoriesDuty:
    """The erasure as a duty of the worker."""

    name = DUTY
    every = timedelta(hours=1)

    def __init__(self, metadata: Metadata, eraser: Eraser) -> None:
        self._metadata = metadata
        self._eraser = eraser

    def run(self, shift: Shift) -> None:
        """Erase what is due in every organization."""
        for organization in shift.organizations():
            with shift.part(organization):
                now = self._metadata.agreed_time()
                for deleted in self._eraser.due(organization, now):
                    with shift.part(f"{organization}, repository {deleted.repository.id}"):
                        self._erase(deleted, shift)

    def _erase(self, deleted: DeletedRepository, shift: Shift) -> None:
        erased = self._eraser.erase(deleted, shift.go_on)
        if erased is not None:
            repository = deleted.repository
            counts = {"repositories": 1, "files": erased.files, "bytes": erased.bytes}
            shift.report(repository.organization, counts, repository=repository.id)
