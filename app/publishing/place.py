"""Where an artifact lies: the address that was authorized, and the record keys of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.publishing.artifact import Artifact
from app.repositories.names import ArtifactPath
from storage import keys
from storage.metadata import Key, Record


@dataclass(frozen=True, slots=True)
class Place:
    """A path in a repository, with the repository's rules that matter for changing it.

    `organization` and `repository` are ids; `restore_days` is how long a deleted or
    overwritten artifact stays restorable.
    """

    organization: str
    repository: str
    path: ArtifactPath
    overwrite: bool
    restore_days: int

    def __str__(self) -> str:
        return str(self.path)

    @property
    def key(self) -> Key:
        """The artifact's record."""
        return keys.artifact(
            self.organization, self.repository, self.path.folder.key, self.path.name
        )

    @property
    def usage_key(self) -> Key:
        """The stripe of the repository's counters that this path counts in."""
        return keys.usage(self.organization, self.repository, keys.stripe(str(self.path)))

    def folder_keys(self) -> tuple[Key, ...]:
        """The records that make the folders on the way here known to listings."""
        return tuple(
            keys.subfolder(self.organization, self.repository, parent.key, name)
            for parent, name in self.path.folder.ancestors()
        )

    def keys(self) -> tuple[Key, ...]:
        """What is read before the artifact is changed."""
        return (self.key, *self.folder_keys())

    def artifact_in(self, records: Mapping[Key, Record]) -> Artifact | None:
        """The artifact among the records read, or None where there is none."""
        record = records.get(self.key)
        return None if record is None else Artifact.read(record)
