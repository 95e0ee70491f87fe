"""Brings a deleted or overwritten file back, as its restorable record holds it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from app.publishing.artifact import Artifact
from app.publishing.bulk import DECISIONS, Bulk
from app.publishing.changes import Changes, Restorable
from app.publishing.errors import Contended, NothingToRestore, PathTaken
from app.publishing.place import Place
from app.repositories import ArtifactPath, Repository
from storage import keys
from storage.events import Actor
from storage.metadata import Key, Metadata, Put, Record
from storage.metadata.operations import KEYS_PER_GET, OPERATIONS

#: Added to `restore_days`: a way back that is under way never loses the time it goes back to.
_REMEMBERED_LONGER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Restoration:
    """A restorable artifact that comes back: where nothing is, or over what was read there.

    Only what was there at `moment`, and has been since, is ever replaced; where that is None
    nothing is. What is replaced stays restorable itself.
    """

    place: Place
    restorable: Restorable
    current: Artifact | None
    moment: datetime | None
    user: str | None
    now: datetime

    @property
    def artifact(self) -> Artifact:
        return self.restorable.artifact

    def write(self, changes: Changes) -> None:
        now, current = self.now, self.current
        if current is not None:
            now = max(now, current.since)
        now = max(now, self.restorable.deleted)
        remembered = timedelta(days=self.place.restore_days) + _REMEMBERED_LONGER
        artifact = self.artifact.again(self.restorable.deleted, now, remembered)
        changes.release(self.place, self.restorable)
        changes.appear(self.place, artifact, over=current)
        if current is not None:
            changes.retire(self.place, current, self.user, now)

    def anew(self, found: Mapping[Key, Record | None]) -> "Restoration | None":
        if self.restorable.key in found:
            return None  # restored or purged by somebody else
        if self.place.key not in found:
            return self
        record = found[self.place.key]
        if record is None:
            return replace(self, current=None)
        current = Artifact.read(record)
        if self.moment is None or current.since > self.moment:
            return None
        return replace(self, current=current)


class Restorer:
    """The one way in which a file comes back."""

    def __init__(self, metadata: Metadata, bulk: Bulk) -> None:
        self._metadata = metadata
        self._bulk = bulk

    def restore(
        self, organization: str, actor: Actor, restorations: Iterable[Restoration]
    ) -> list[Restoration]:
        """Bring files back; returns those that came back.

        Raises as `Bulk.carry_out` does.
        """
        decided = list(restorations)
        self._make_folders(restoration.place for restoration in decided)
        return self._bulk.carry_out("artifact.restore", organization, actor, decided)

    def restore_file(
        self,
        repository: Repository,
        path: ArtifactPath,
        actor: Actor,
        version: str | None = None,
        *,
        overwrite: bool = False,
    ) -> Restoration:
        """Bring one file back: its newest restorable version, or the one of that id.

        With `overwrite` it replaces what is there now, which stays restorable.

        Raises:
            NothingToRestore: there is no such version, or none at all.
            PathTaken: there is a file, and `overwrite` was not given.
            Contended, and whatever the store raises.
        """
        place = Place.at(repository, path)
        for _ in range(DECISIONS):
            wanted: Restorable | None = None
            for one in self.versions(place):  # there may be very many: one is held at a time
                if version in (None, one.id):
                    wanted = one
            if wanted is None:
                raise NothingToRestore(_what_is_missing(version))
            now = self._metadata.now()
            current = self.current([place]).get(place.key)
            if current is not None and not overwrite:
                raise PathTaken(_what_is_there(current))
            moment = None if current is None else current.since
            restoration = Restoration(place, wanted, current, moment, actor.user, now)
            for done in self.restore(repository.organization, actor, [restoration]):
                return done
        raise Contended("the file is being changed by others")

    def current(self, places: Iterable[Place]) -> dict[Key, Artifact]:
        """What is at some places now, by the keys of their records."""
        found = self._get(place.key for place in places)
        return {key: Artifact.read(record) for key, record in found.items()}

    def versions(self, place: Place) -> Iterator[Restorable]:
        """The restorable versions of a file, the oldest first, as they are read."""
        partition = keys.deleted(place.organization, place.repository, place.path.folder.key)
        now = self._metadata.now()
        records = self._metadata.query_all(partition, f"{place.path.name}/")
        return (one for one in map(Restorable.read, records) if one.until > now)

    def _make_folders(self, places: Iterable[Place]) -> None:
        """Make folders known to listings before there is a file in them."""
        folders = {place.path.folder: place for place in places}  # one place of each
        records = self._get(key for place in folders.values() for key in place.folder_keys())
        missing = {
            put.key: put
            for place in folders.values()
            for put in place.missing_folders(records, self._metadata.now())
        }
        puts: list[Put] = list(missing.values())
        room = OPERATIONS - 1  # for the commit's token
        for start in range(0, len(puts), room):
            self._metadata.commit(*puts[start : start + room])

    def _get(self, wanted: Iterable[Key]) -> dict[Key, Record]:
        distinct = list(dict.fromkeys(wanted))
        found: dict[Key, Record] = {}
        for start in range(0, len(distinct), KEYS_PER_GET):
            found |= self._metadata.get(*distinct[start : start + KEYS_PER_GET])
        return found


def _what_is_missing(version: str | None) -> str:
    if version is None:
        return "no deleted or overwritten version of this file can be restored"
    return "there is no such version of this file to restore"


def _what_is_there(artifact: Artifact) -> str:
    since = artifact.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"this path was taken since: {artifact.size} bytes with the SHA-256 {artifact.sha256} are"
        f' there since {since}; delete them first, or restore with "overwrite": true'
    )
