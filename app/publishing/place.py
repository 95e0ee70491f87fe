"""Where an artifact lies: the address that was authorized, and the record keys of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from app.publishing.artifact import Artifact
from app.publishing.layouts import LAYOUTS
from app.repositories.layout import Layout
from app.repositories.names import ArtifactPath
from app.repositories.repository import Format, Policy, Repository
from app.usage import Counters
from storage import keys
from storage.metadata import Add, Key, Put, Record


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
    format: Format
    policy: Policy | None = None

    @classmethod
    def at(cls, repository: Repository, path: ArtifactPath) -> "Place":
        """A path in a repository."""
        return cls(
            organization=repository.organization,
            repository=repository.id,
            path=path,
            overwrite=repository.overwrite or LAYOUTS[repository.format].changes(path),
            restore_days=repository.restore_days,
            format=repository.format,
            policy=repository.policy,
        )

    @property
    def layout(self) -> Layout:
        """What the repository's format makes of the path."""
        return LAYOUTS[self.format]

    def check(self, size: int | None = None) -> None:
        """Return where a file of that size may be published here. Raises Refused."""
        self.layout.check(self.path, self.policy, size)

    def __str__(self) -> str:
        return str(self.path)

    @property
    def key(self) -> Key:
        """The artifact's record."""
        return keys.artifact(
            self.organization, self.repository, self.path.folder.key, self.path.name
        )

    @property
    def counters(self) -> Counters:
        """The stripes that this path is counted in."""
        return Counters(self.organization, self.repository, keys.stripe(str(self.path)))

    def folder_keys(self) -> tuple[Key, ...]:
        """The records that make the folders on the way here known to listings."""
        return tuple(
            keys.subfolder(self.organization, self.repository, parent.key, name)
            for parent, name in self.path.folder.ancestors()
        )

    def missing_folders(
        self, records: Mapping[Key, Record], now: datetime
    ) -> tuple[Put | Add, ...]:
        """What makes the folders on the way here known, by what was read of `folder_keys`.

        Where it is anything, a note comes first: whoever writes this may be killed before the
        file is there (`app/publishing/emptied.py`).
        """
        missing = [key for key in self.folder_keys() if not is_listed(records.get(key))]
        if not missing:
            return ()
        note = keys.made(self.organization, now, self.repository, self.path.folder.key)
        return (Put(note, {}), *(Put(key, {}) for key in missing), *self._listings(missing))

    def _listings(self, folders: Iterable[Key]) -> Iterator[Add]:
        """What raises the counters of the documents that list these folders, by their records."""
        for folder in folders:
            above = keys.folder_of(folder)
            if above in self.layout.listed:
                raised = keys.revision(self.organization, self.repository, above, folder.sort)
                yield Add(raised, {"revision": 1}, create=True)

    @property
    def announced(self) -> Key | None:
        """The record of digests that were sent before the file, where the format has that."""
        if not self.layout.announces:
            return None
        return keys.expected(self.organization, self.repository, str(self.path))

    @property
    def claim(self) -> Key | None:
        """The record of what the file here claims, where the format has that."""
        identity = self.layout.claim(self.path)
        if identity is None:
            return None
        return keys.claim(self.organization, self.repository, identity)

    @property
    def project(self) -> Key | None:
        """The record of the state of the project here, where the format has that."""
        name = self.layout.project(self.path)
        return None if name is None else keys.project(self.organization, self.repository, name)

    def revisions(self, artifact: Artifact) -> tuple[Key, ...]:
        """The counters of the computed documents that tell of an artifact here."""
        return tuple(
            keys.revision(self.organization, self.repository, folder, str(self.path))
            for folder in self.layout.documents(self.path, artifact)
        )

    def keys(self) -> tuple[Key, ...]:
        """What is read before the artifact is changed."""
        besides = (self.announced, self.claim, self.project)
        return (
            self.key,
            *self.folder_keys(),
            *self.counters.keys,
            *(key for key in besides if key is not None),
        )

    def artifact_in(self, records: Mapping[Key, Record]) -> Artifact | None:
        """The artifact among the records read, or None where there is none."""
        record = records.get(self.key)
        return None if record is None else Artifact.read(record)


def is_listed(folder: Record | None) -> bool:
    """Whether a folder is known to listings, by its record.

    A folder that was emptied keeps its record as long as restorable files lie beneath it, so
    that they are found; the record says that it is gone.
    """
    return folder is not None and not folder.value.get("gone", False)
