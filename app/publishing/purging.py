"""Ends that files can be restored: their records go, and the references to their bytes.

The bytes themselves are left to the collection, which looks at whatever lost a reference.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.publishing.artifact import Artifact
from app.publishing.bulk import Bulk, size_of
from app.publishing.changes import Changes, Restorable
from app.publishing.place import Place
from app.publishing.removal import APART, repository_of, target_of
from app.publishing.walk import Walk
from app.repositories import Catalogue, Format
from app.work.job import Job
from app.work.kind import Step
from storage import keys
from storage.metadata import Key, Metadata, Record

PURGE = "purge"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Purge:
    """The end of one restorable version of a file.

    `counted` is False where the record of its bytes is not there: then there is no reference
    to give up.
    """

    place: Place
    restorable: Restorable
    counted: bool = True

    @classmethod
    def of(cls, organization: str, restorable: Restorable) -> "Purge":
        """The end of a restorable version, whatever the rules of its repository are by now."""
        repository, path = restorable.repository, restorable.path
        # Nothing is at the path that a format would have to do with.
        place = Place(
            organization, repository, path, overwrite=False, restore_days=0, format=Format.RAW
        )
        return cls(place, restorable)

    @property
    def artifact(self) -> Artifact:
        return self.restorable.artifact

    def write(self, changes: Changes) -> None:
        changes.release(self.place, self.restorable)
        if self.counted:
            changes.dereference(self.place.organization, self.artifact)

    def anew(self, found: Mapping[Key, Record | None]) -> "Purge | None":
        if self.restorable.key in found:
            return None  # restored, or purged by somebody else
        if self.counted and keys.blob(self.place.organization, self.artifact.sha256) in found:
            # It never should be so, and must not keep everything else from being purged.
            _log.error("the blob %s has a reference and no record", self.artifact.blob)
            return replace(self, counted=False)
        return self


class Purging:
    """The kind of job that ends restorability: of what was deleted before it was asked for.

    `parameters` holds the `path` of a folder or file.
    """

    name = PURGE

    def __init__(self, metadata: Metadata, catalogue: Catalogue, bulk: Bulk) -> None:
        self._metadata = metadata
        self._catalogue = catalogue
        self._bulk = bulk

    def step(self, job: Job) -> Step:
        """Purge the next few hundred versions."""
        repository = repository_of(job, self._catalogue)
        walk = Walk(self._metadata, repository, *target_of(job), kept=True)
        piece = walk.piece(job.position)
        found = [Restorable.read(record) for stop in piece.stops for record in stop.kept]
        purges = [
            Purge.of(job.organization, restorable)
            for restorable in found
            if restorable.deleted <= job.created + APART
        ]
        if purges:
            last = max(job.created, *(purge.restorable.deleted for purge in purges))
            if repository.whole_since is None or repository.whole_since < last:
                self._catalogue.note_purge(repository, job.actor, last)
        done = self._bulk.carry_out("artifact.purge", job.organization, job.actor, purges)
        return Step(
            position=piece.position or {},
            counts=Counter(purged=len(done), bytes=size_of(done)),
            items=piece.items,
            done=piece.position is None,
        )
