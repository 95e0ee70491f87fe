"""Deletes folders: each file as a DELETE of it alone would, many in one commit."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.publishing.artifact import Artifact
from app.publishing.bulk import Bulk, size_of
from app.publishing.changes import Changes
from app.publishing.place import Place
from app.publishing.walk import Stop, Walk
from app.repositories import ArtifactPath, Catalogue, FolderPath, Repository, RepositoryMissing
from app.work.job import Job
from app.work.kind import Failed, Step
from storage.metadata import Key, Metadata, Record

DELETE = "delete"
#: How far apart times of the store may lie that two processes tell at one moment: DynamoDB tells
#: it by the second. So who deletes something, and then asks for a job about it, is understood.
APART = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Removal:
    """The deletion of a file that was at its path at a moment, and has been since."""

    place: Place
    artifact: Artifact
    moment: datetime
    user: str | None
    now: datetime

    def write(self, changes: Changes) -> None:
        changes.disappear(self.place, self.artifact)
        changes.retire(self.place, self.artifact, self.user, self.now)

    def anew(self, found: Mapping[Key, Record | None]) -> "Removal | None":
        if self.place.key not in found:
            return self
        record = found[self.place.key]
        if record is None:
            return None
        artifact = Artifact.read(record)
        return replace(self, artifact=artifact) if artifact.since <= self.moment else None


class FolderRemoval:
    """The kind of job that deletes a folder: what was there when it was asked for.

    Whatever came to a path since then stays. `parameters` holds the `path` of the folder and,
    where anybody said it, the `reason`.
    """

    name = DELETE

    def __init__(self, metadata: Metadata, catalogue: Catalogue, bulk: Bulk) -> None:
        self._metadata = metadata
        self._catalogue = catalogue
        self._bulk = bulk

    def step(self, job: Job) -> Step:
        """Delete the next few hundred files."""
        repository = repository_of(job, self._catalogue)
        walk = Walk(self._metadata, repository, *target_of(job), present=True)
        piece = walk.piece(job.position)
        now = self._metadata.now()
        found = [
            Removal(place, artifact, job.created, job.actor.user, now)
            for stop in piece.stops
            for place, artifact in present_at(repository, stop)
        ]
        removals = [removal for removal in found if removal.artifact.since <= job.created]
        done = self._bulk.carry_out(
            "artifact.delete", job.organization, job.actor, removals, **reason_of(job)
        )
        counts = Counter(deleted=len(done), bytes=size_of(done), left=len(found) - len(removals))
        return Step(
            position=piece.position or {},
            counts=counts,
            items=piece.items,
            done=piece.position is None,
        )


def repository_of(job: Job, catalogue: Catalogue) -> Repository:
    """The repository of a job, with the rules that it has now.

    Raises Failed where it was deleted.
    """
    try:
        return catalogue.by_id(job.organization, job.repository or "-")
    except RepositoryMissing as error:
        raise Failed("The repository was deleted before this was done.") from error


def target_of(job: Job) -> tuple[FolderPath, str | None]:
    """The folder that a job is about, and the name of the file in it where it is about one."""
    path: str = job.parameters["path"]
    if not path or path.endswith("/"):
        return FolderPath.parse(path), None
    file = ArtifactPath.parse(path)
    return file.folder, file.name


def reason_of(job: Job) -> dict[str, str]:
    """What the events of a job's changes say besides: why it was asked for, if anybody said it."""
    reason: str | None = job.parameters.get("reason")
    return {} if reason is None else {"reason": reason}


def present_at(repository: Repository, stop: Stop) -> list[tuple[Place, Artifact]]:
    """The artifacts of a stop, with their places."""
    return [
        (
            Place.at(repository, ArtifactPath(stop.folder, record.key.sort)),
            Artifact.read(record),
        )
        for record in stop.present
    ]
