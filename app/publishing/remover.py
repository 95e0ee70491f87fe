"""Deletes: the artifact's record goes, a restorable one comes, in one commit."""

from collections.abc import Callable, Mapping
from datetime import datetime

from app.publishing.artifact import Artifact
from app.publishing.changes import Changes
from app.publishing.errors import ArtifactMissing, Contended
from app.publishing.expectations import NO_PRECONDITION, Precondition
from app.publishing.place import Place
from app.publishing.publisher import DECISIONS
from storage.events import Actor, Journal
from storage.metadata import ConditionFailed, Key, Metadata, Record


class Remover:
    """The one way in which a file leaves a repository."""

    def __init__(
        self,
        metadata: Metadata,
        journal: Journal,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """`clock` stands for the store's time, by which the times of files can be compared."""
        self._metadata = metadata
        self._journal = journal
        self._clock = clock or metadata.now

    def remove(
        self,
        place: Place,
        actor: Actor,
        records: Mapping[Key, Record],
        precondition: Precondition = NO_PRECONDITION,
    ) -> Artifact:
        """Delete the artifact and return what it was.

        Raises:
            ArtifactMissing, PreconditionFailed, Contended: nothing is deleted.
        """
        artifact = place.artifact_in(records)
        for _ in range(DECISIONS):
            precondition.check(artifact)
            if artifact is None:
                raise ArtifactMissing(str(place))
            try:
                self._commit(place, artifact, actor)
            except ConditionFailed as error:
                found = error.found.get(place.key)
                artifact = None if found is None else Artifact.read(found)
            else:
                return artifact
        raise Contended("the file is being changed by others")

    def _commit(self, place: Place, artifact: Artifact, actor: Actor) -> None:
        changes = Changes()
        changes.disappear(place, artifact)
        changes.retire(place, artifact, actor.user, self._clock())
        self._metadata.commit(
            *changes.operations(),
            witness=self._journal.event(
                place.organization,
                actor,
                "artifact.delete",
                repository=place.repository,
                size=artifact.size,
                sha256=artifact.sha256,
            ),
        )
