"""Brings a deleted or overwritten file back, as its restorable record holds it."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.publishing.artifact import Artifact
from app.publishing.bulk import DECISIONS, Bulk
from app.publishing.changes import Changes, Restorable
from app.publishing.claimed import Claimed
from app.publishing.errors import Contended, NothingToRestore, PathTaken
from app.publishing.place import Place
from app.repositories import ArtifactPath, Repository
from storage import keys
from storage.events import Actor
from storage.metadata import Key, Metadata, Record
from storage.metadata.operations import KEYS_PER_GET, OPERATIONS

#: Added to `restore_days`: a way back that is under way never loses the time it goes back to.
_REMEMBERED_LONGER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Restoration:
    """A restorable artifact that comes back: where nothing is, or over what was read there.

    Only what was there at `moment`, and has been since, is ever replaced; where that is None
    nothing is. What is replaced stays restorable itself.

    `claimed` is what was read of the place's claim, where that has to be free or its own.
    """

    place: Place
    restorable: Restorable
    current: Artifact | None
    moment: datetime | None
    user: str | None
    now: datetime
    claimed: Claimed | None = None

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
        if self.claimed is not None:
            changes.write(*self.claimed.operations(self.place))
        if current is not None:
            changes.retire(self.place, current, self.user, now)

    def anew(self, found: Mapping[Key, Record | None]) -> "Restoration | None":
        if self.restorable.key in found:
            return None  # restored or purged by somebody else
        claimed = None if self.claimed is None else self.claimed.anew(found)
        if claimed is not None and claimed.is_anothers(self.place):
            return None
        if self.place.key not in found:
            return self if claimed == self.claimed else replace(self, claimed=claimed)
        record = found[self.place.key]
        if record is None:
            return replace(self, current=None, claimed=claimed)
        current = Artifact.read(record)
        if self.moment is None or current.since > self.moment:
            return None
        return replace(self, current=current, claimed=claimed)


class Restorer:
    """The one way in which a file comes back."""

    def __init__(self, metadata: Metadata, bulk: Bulk) -> None:
        self._metadata = metadata
        self._bulk = bulk

    def restore(
        self,
        organization: str,
        actor: Actor,
        restorations: Iterable[Restoration],
        **details: Any,
    ) -> list[Restoration]:
        """Bring files back; returns those that came back. `details` are said in their events.

        Left are files that may not be beside another one, which is there or comes back, too.

        Raises as `Bulk.carry_out` does.
        """
        decided = self.free(restorations)
        self._make_folders(restoration.place for restoration in decided)
        return self._bulk.carry_out("artifact.restore", organization, actor, decided, **details)

    def restore_file(
        self,
        repository: Repository,
        path: ArtifactPath,
        actor: Actor,
        version: str | None = None,
        *,
        overwrite: bool = False,
        reason: str | None = None,
    ) -> Restoration:
        """Bring one file back: its newest restorable version, or the one of that id.

        With `overwrite` it replaces what is there now, which stays restorable. The
        `reason` is said in its event.

        Raises:
            NothingToRestore: there is no such version, or none at all.
            PathTaken: there is a file, and `overwrite` was not given; or one beside which there
                may be no such file.
            Contended, and whatever the store raises.
        """
        place = Place.at(repository, path)
        details = {} if reason is None else {"reason": reason}
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
            for done in self.restore(repository.organization, actor, [restoration], **details):
                return done
            claimed = self._claims([place])[place.key]
            if current is None and claimed.is_anothers(place):
                raise PathTaken(_what_has_its_claim(place, claimed))
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

    def free(
        self, restorations: Iterable[Restoration], going: Container[Key | None] = ()
    ) -> list[Restoration]:
        """Those that may come back by what files claim (`claimed.py`): whose claim is no other
        file's and, of several with one claim, the one that went last.

        `going` are the claims that would be given up first.
        """
        wanted = list(restorations)
        claims = self._claims(one.place for one in wanted)
        last: dict[Key, Restoration] = {}
        for one in wanted:
            claimed = claims[one.place.key]
            if claimed.is_anothers(one.place) and claimed.key not in going:
                continue
            claim = claimed.key or one.restorable.key  # where there is none, all are free
            before = last.get(claim)
            if before is None or one.restorable.deleted > before.restorable.deleted:
                last[claim] = replace(one, claimed=claimed)
        return list(last.values())

    def holders(self, places: Iterable[Place]) -> list[ArtifactPath]:
        """The files that have the claims of some places and are others: no file may come there."""
        asked = list(places)
        claims = self._claims(asked)
        paths = {claims[place.key].path for place in asked if claims[place.key].is_anothers(place)}
        return [ArtifactPath.parse(path) for path in sorted(filter(None, paths))]

    def _claims(self, places: Iterable[Place]) -> dict[Key, Claimed]:
        """Whose the claims of some places are, by the keys of the places' records."""
        asked = {place.key: place for place in places}
        records = self._get(place.claim for place in asked.values() if place.claim is not None)
        return {key: Claimed.at(place, records) for key, place in asked.items()}

    def _make_folders(self, places: Iterable[Place]) -> None:
        """Make folders known to listings before there is a file in them."""
        folders = {place.path.folder: place for place in places}  # one place of each
        records = self._get(key for place in folders.values() for key in place.folder_keys())
        missing = {
            put.key: put
            for place in folders.values()
            for put in place.missing_folders(records, self._metadata.now())
        }
        puts = list(missing.values())
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


def _what_has_its_claim(place: Place, claimed: Claimed) -> str:
    return (
        f"{claimed.path} means the same as {place.path.name}, and there can be no other beside it"
    )


def _what_is_there(artifact: Artifact) -> str:
    since = artifact.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"this path was taken since: {artifact.size} bytes with the SHA-256 {artifact.sha256} are"
        f' there since {since}; delete them first, or restore with "overwrite": true'
    )
