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

    `uncounted` are the digests of its bytes of which the record is not there: then there is no
    reference to give up.
    """

    place: Place
    restorable: Restorable
    uncounted: frozenset[str] = frozenset()

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
        changes.dereference(self.place.organization, self.artifact, self.uncounted)

    def anew(self, found: Mapping[Key, Record | None]) -> "Purge | None":
        if self.restorable.key in found:
            return None  # restored, or purged by somebody else
        uncounted = uncounted_of(self.place.organization, self.artifact, found)
        if not uncounted <= self.uncounted:
            return replace(self, uncounted=self.uncounted | uncounted)
        return self


def uncounted_of(
    organization: str, artifact: Artifact, found: Mapping[Key, Record | None]
) -> frozenset[str]:
    """The digests of an artifact's bytes whose records were found missing by a commit.

    It never should be so, and must not keep everything else from going.
    """
    missing = [held for held in artifact.held if keys.blob(organization, held.sha256) in found]
    for held in missing:
        _log.error("the blob %s has a reference and no record", held.blob)
    return frozenset(held.sha256 for held in missing)


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
            counts=Counter(purged=len(done), bytes=size_of(done), left=len(found) - len(purges)),
            items=piece.items,
            done=piece.position is None,
        )
