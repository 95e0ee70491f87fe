"""What one commit changes: artifacts that appear, disappear, and are kept to be restored.

Whatever changes files is written in these words, one file or twenty at a time. What belongs
to a file besides its own record (the counters, the references of its bytes, the record that
restores it) is therefore written in one place, and no caller can forget a part of it.
"""

import secrets
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.publishing.artifact import Artifact, Held
from app.publishing.entries import entries
from app.publishing.place import Place
from app.repositories.names import ArtifactPath
from app.usage import UNFUNDED, Funding
from storage import keys
from storage.metadata import Add, Check, Delete, Key, Operation, Put, Record


@dataclass(frozen=True, slots=True)
class Restorable:
    """An artifact that was deleted or overwritten, as its record holds it.

    `deleted` and `until` are aware: since when it is gone, and until when it is kept.
    """

    path: ArtifactPath
    artifact: Artifact
    deleted: datetime
    until: datetime
    user: str | None
    key: Key
    version: int

    @classmethod
    def read(cls, record: Record) -> "Restorable":
        """The restorable artifact that a record holds."""
        folder = record.key.partition.split("#", 3)[3]
        name = record.key.sort.rpartition("/")[0]
        value = record.value
        return cls(
            path=ArtifactPath.parse(f"{folder[1:]}{name}"),
            artifact=Artifact.parse(value["artifact"]),
            deleted=datetime.fromisoformat(value["deleted"]),
            until=datetime.fromisoformat(value["until"]),
            user=value["user"],
            key=record.key,
            version=record.version,
        )

    @property
    def repository(self) -> str:
        """The id of its repository."""
        return self.key.partition.split("#", 3)[2]

    @property
    def id(self) -> str:
        """What tells it from the other restorable versions of its path."""
        return self.key.sort.rpartition("/")[2]

    @property
    def due(self) -> Key:
        """The record by which it is found when its time is up."""
        organization = self.key.partition.partition("#")[0]
        chance = self.key.sort.rpartition("#")[2]
        return _due(organization, self.path, self.until, chance)


#: Operations of a raw file that goes and is kept to be restored, beside counters: the artifact,
#: its four entries, the restorable record and when that is due. As many come back with it.
#: Besides these each adds to two counters, which files of one stripe share.
GOING = 7


class Changes:
    """The operations of one commit; what several files add to one counter is summed.

    Where they let a repository grow, the commit demands of the counters what `funding` says:
    without one, that there is no quota.
    """

    def __init__(self, funding: Funding = UNFUNDED) -> None:
        self._operations: list[Operation] = []
        self._adds: dict[Key, Counter[str]] = {}
        self._created: set[Key] = set()
        self._funding = funding
        for key, given in funding.transfers.items():
            self._add(key, create=True, over=given)

    def operations(self) -> list[Operation]:
        """Everything, each key once."""
        adds = [
            self._addition(key, amounts)
            for key, amounts in self._adds.items()
            if any(amounts.values())
        ]
        return [*self._operations, *adds]

    def write(self, *operations: Operation) -> None:
        """Write other records in the same commit."""
        self._operations += operations

    def appear(self, place: Place, artifact: Artifact, over: Artifact | None = None) -> None:
        """Put an artifact where there is none, or over the one that was read there.

        What was there is not kept by this: see `retire`.
        """
        found = entries(place, artifact)
        if over is None:
            self._operations.append(Put(place.key, artifact.value(), absent=True))
        else:
            self._operations.append(Put(place.key, artifact.value(), at=over.version))
            self._operations += [Delete(key) for key in entries(place, over) if key not in found]
            self._raise(place.revisions(over))
        # Entries carry no condition: the artifact's own holds for all of them.
        self._operations += [Put(key, value) for key, value in found.items()]
        self._raise(place.revisions(artifact))
        self._count(place, files=1, bytes=artifact.stored)

    def mark(self, place: Place, artifact: Artifact, marked: Artifact) -> None:
        """Write what is said of an artifact now, which differs in its marks alone."""
        self._operations.append(Put(place.key, marked.value(), at=artifact.version))
        self._operations += [Put(key, value) for key, value in entries(place, marked).items()]
        self._raise(place.revisions(marked))

    def disappear(self, place: Place, artifact: Artifact) -> None:
        """Delete an artifact as it was read. It is not kept by this: see `retire`."""
        self._operations.append(Delete(place.key, at=artifact.version))
        self._operations += [Delete(key) for key in entries(place, artifact)]
        if place.claim is not None and place.overwrite:
            self._operations.append(Delete(place.claim))  # `claimed.py`
        self._raise(place.revisions(artifact))

    def retire(self, place: Place, artifact: Artifact, user: str | None, now: datetime) -> None:
        """Keep an artifact that goes, to be restored for `place.restore_days`.

        No bytes are dropped and no reference is given up: the restorable record holds it,
        and the space counts against the quota, until its time is up or somebody purges it.
        `now` is the store's time; where an artifact that goes is from a process whose clock
        is ahead, it goes when it came.
        """
        now = max(now, artifact.since)
        until = now + timedelta(days=place.restore_days)
        chance = secrets.token_hex(8)
        restorable = Key(
            keys.deleted(place.organization, place.repository, place.path.folder.key),
            f"{place.path.name}/{keys.time(now)}#{chance}",
        )
        value = {
            "artifact": artifact.value(),
            "deleted": now.isoformat(),
            "until": until.isoformat(),
            "user": user,
        }
        self._operations.append(Put(restorable, value, absent=True))
        due = _due(place.organization, place.path, until, chance)
        found = {"partition": restorable.partition, "sort": restorable.sort}
        self._operations.append(Put(due, found, absent=True))
        self._count(
            place,
            files=-1,
            bytes=-artifact.stored,
            restorable_files=1,
            restorable_bytes=artifact.stored,
        )

    def discard(self, place: Place, artifact: Artifact) -> None:
        """Let an artifact that disappears go for good: of a repository that is erased."""
        self._count(place, files=-1, bytes=-artifact.stored)

    def release(self, place: Place, restorable: Restorable) -> None:
        """Let a restorable artifact go from those that are kept, as it was read.

        Its bytes stay referenced: by the artifact that it becomes again, or until
        `dereference`.
        """
        self._operations.append(Delete(restorable.key, at=restorable.version))
        self._operations.append(Delete(restorable.due))
        stored = restorable.artifact.stored
        self._count(place, restorable_files=-1, restorable_bytes=-stored)

    def reference(self, organization: str, artifact: Artifact, known: Mapping[str, Record]) -> None:
        """Refer to the bytes of a new artifact: to blobs that are `known`, by their SHA-256, or to
        new ones. No two of an artifact are the same bytes."""
        for held in artifact.held:
            if held.sha256 in known:
                self._refer(organization, held)
            else:
                self._record(organization, held)

    def _refer(self, organization: str, held: Held) -> None:
        """Refer to a blob once more."""
        # The record may be of another blob by now: this one collected, the same bytes sent
        # again. That this blob has a record of its own says that it is still the one.
        self._operations.append(Check(keys.blob_bytes(organization, held.blob)))
        self._add(keys.blob(organization, held.sha256), create=False, references=1)

    def _record(self, organization: str, held: Held) -> None:
        """Refer to a blob for the first time."""
        value = {"key": held.blob, "size": held.size, "references": 1}
        known = {"sha256": held.sha256}
        self._operations += [
            Put(keys.blob(organization, held.sha256), value, absent=True),
            Put(keys.blob_bytes(organization, held.blob), known, absent=True),
        ]

    def dereference(
        self, organization: str, artifact: Artifact, uncounted: Container[str] = ()
    ) -> None:
        """Give up the references to an artifact's bytes, but those of which no record counts them
        (by SHA-256), and have collection look at them.

        Whether it was the last reference is not asked here: two who give one up at the same
        time would both find the other's. The candidate is there either way.
        """
        for held in artifact.held:
            if held.sha256 in uncounted:
                continue
            self._add(keys.blob(organization, held.sha256), create=False, references=-1)
            candidate = Key(keys.unreferenced(organization), held.blob)
            if not any(operation.key == candidate for operation in self._operations):
                self._operations.append(Put(candidate, {"sha256": held.sha256}))

    def _raise(self, revisions: Iterable[Key]) -> None:
        """Raise the counters of documents that are not what they were."""
        for key in revisions:
            self._add(key, create=True, revision=1)

    def _count(self, place: Place, **amounts: int) -> None:
        over = amounts.get("bytes", 0) + amounts.get("restorable_bytes", 0)
        for key in place.counters.keys:
            self._add(key, create=True, **amounts, over=over)

    def _addition(self, key: Key, amounts: Mapping[str, int]) -> Add:
        created = key in self._created
        if amounts.get("over", 0) <= 0:
            return Add(key, dict(amounts), create=created)
        return Add(key, {**amounts, "limit": 0}, created, self._funding.demands(key))

    def _add(self, key: Key, *, create: bool, **amounts: int) -> None:
        self._adds.setdefault(key, Counter()).update(amounts)
        if create:
            self._created.add(key)


def _due(organization: str, path: ArtifactPath, until: datetime, chance: str) -> Key:
    partition = keys.due(organization, until, keys.stripe(str(path)))
    return Key(partition, f"{keys.time(until)}#{chance}")
