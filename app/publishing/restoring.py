"""Brings folders back: what was deleted in them, or all of them as they were at a moment."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.publishing.bulk import Bulk, FileChange, size_of
from app.publishing.changes import Restorable
from app.publishing.place import Place
from app.publishing.removal import (
    APART,
    Removal,
    present_at,
    reason_of,
    repository_of,
    target_of,
)
from app.publishing.restoration import Restoration, Restorer
from app.publishing.walk import Piece, Stop, Walk
from app.repositories import Catalogue, Repository
from app.work.job import Job
from app.work.kind import Failed, Step
from storage.metadata import Key, Metadata

RESTORE, RESTORE_TO = "restore", "restore-to"
SLACK = timedelta(minutes=1)  # between the clocks of processes
#: How long a job may take to begin, so that who asks for the earliest moment gets it.
MARGIN = timedelta(hours=1)
MOST_TOLD = 100  # files that a job names; it counts them all


class FolderRestoring:
    """The kind of job that brings back what was deleted in a folder, the newest of each file.

    A file whose path was taken since is left as it is, and so is what was deleted after the
    job was asked for. Of files that may not be beside each other the one that went last comes
    back. `parameters` holds the `path` of the folder and, where anybody said it, the `reason`.
    """

    name = RESTORE

    def __init__(self, metadata: Metadata, catalogue: Catalogue, restorer: Restorer) -> None:
        self._metadata = metadata
        self._catalogue = catalogue
        self._restorer = restorer

    def step(self, job: Job) -> Step:
        """Restore the next few hundred files."""
        repository = repository_of(job, self._catalogue)
        piece = Walk(self._metadata, repository, *target_of(job), kept=True).piece(job.position)
        now = self._metadata.now()
        newest = [
            (Place.at(repository, restorable.path), restorable)
            for stop in piece.stops
            for restorable in _newest(stop)
            if restorable.until > now
        ]
        taken = self._restorer.current(place for place, _ in newest)
        wanted = [
            Restoration(place, restorable, None, None, job.actor.user, now)
            for place, restorable in newest
            if place.key not in taken and _asked_for(job, restorable)
        ]
        wanted = self._without_outlived(job, repository, piece, wanted)
        done = self._restorer.restore(job.organization, job.actor, wanted, **reason_of(job))
        return _step(job, piece, _Changed(restored=done, left=len(newest) - len(done)))

    def _without_outlived(
        self, job: Job, repository: Repository, piece: Piece, wanted: list[Restoration]
    ) -> list[Restoration]:
        """Leave out what may not be beside a file of a later piece that went after it.

        Names that claim the same (`claimed.py`) lie in one folder, but anywhere in it: they can
        differ from the first letter on. So the rest of the folder is read, where a piece ends in
        the middle of one. What earlier pieces brought back has its claim by now.
        """
        last = piece.stops[-1]
        claims = {one.place.claim for one in wanted if one.place.path.folder == last.folder}
        claims.discard(None)  # it may be beside anything
        if last.following is None or not claims:
            return wanted
        now = self._metadata.now()
        went: dict[Key | None, datetime] = {}
        rest = Walk(self._metadata, repository, last.folder, kept=True, deep=False)
        for stop in rest.stops(last.position or {}):
            for other in _newest(stop):
                claim = Place.at(repository, other.path).claim
                if claim in claims and other.until > now and _asked_for(job, other):
                    went[claim] = max(went.get(claim, other.deleted), other.deleted)
        return [
            one
            for one in wanted
            if went.get(one.place.claim, one.restorable.deleted) <= one.restorable.deleted
        ]


class TimeRestoring:
    """The kind of job that takes a folder, or one file, back to how it was at a moment.

    First, in each folder, what was there then comes back; then what was not there goes, or
    before, where it may not be beside what comes. Both can be taken back again. What came or
    went after the job was asked for stays as it is.

    `parameters` holds the `path` of the folder or file, the `time`, and whether it is a
    `dry_run`: then it only tells what it would do.
    """

    name = RESTORE_TO

    def __init__(
        self, metadata: Metadata, catalogue: Catalogue, restorer: Restorer, bulk: Bulk
    ) -> None:
        self._metadata = metadata
        self._catalogue = catalogue
        self._restorer = restorer
        self._bulk = bulk

    def step(self, job: Job) -> Step:
        """Take the next few hundred files back. Raises Failed where not all can be any more."""
        moment = datetime.fromisoformat(job.parameters["time"])
        repository = repository_of(job, self._catalogue)
        walk = Walk(self._metadata, repository, *target_of(job), kept=True, present=True)
        piece = walk.piece(job.position)
        # Read behind the piece: what is not in it any more is told of here.
        repository = repository_of(job, self._catalogue)
        if moment < repository.goes_back_to(self._metadata.now() + SLACK):
            raise Failed(
                "Files have been purged, or their time was up, before this came to them: not all"
                " that was there can be restored any more. Ask for a later time."
            )
        wanted, left = self._to_come_back(job, repository, piece, moment)
        first = self._to_go_first(job, repository, wanted, moment)
        if job.parameters["dry_run"]:
            back = self._restorer.free(wanted, {one.place.claim for one in first})
            # Those that would go first are told of when the walk comes to them.
            away, later = self._to_go(job, repository, piece, moment, wanted)
        else:
            gone = self._delete(job, first)
            back = self._restorer.restore(job.organization, job.actor, wanted)
            away, later = self._to_go(job, repository, piece, moment, [*wanted, *first])
            away = [*gone, *self._delete(job, away)]
        left += len(wanted) - len(back)
        return _step(
            job,
            piece,
            _Changed(
                restored=[one for one in back if one.current is None],
                replaced=[one for one in back if one.current is not None],
                deleted=away,
                left=left + later,
            ),
        )

    def _delete(self, job: Job, removals: Sequence[Removal]) -> list[Removal]:
        return self._bulk.carry_out("artifact.delete", job.organization, job.actor, removals)

    def _to_go_first(
        self, job: Job, repository: Repository, wanted: Sequence[Restoration], moment: datetime
    ) -> list[Removal]:
        """What is there and was not then, and what is wanted may not be beside it (`claimed.py`).

        The walk would come to it later, maybe in a step of its own, and does not come back for
        what could not be restored before.
        """
        folder, name = target_of(job)
        if name is not None:  # the job is about one file, and no other goes
            return []
        holders = {
            place.key: place
            for path in self._restorer.holders(one.place for one in wanted)
            if str(path).startswith(str(folder))
            for place in (Place.at(repository, path),)
            if place.overwrite  # else it keeps its claim when it goes
        }
        came = {restoration.place.key for restoration in wanted}
        return [
            # By the time of what comes back: at no moment both were there.
            Removal(holders[key], artifact, job.created, job.actor.user, wanted[0].now)
            for key, artifact in self._restorer.current(holders.values()).items()
            if key not in came
            if artifact.since <= job.created and not artifact.was_there(moment)
        ]

    def _to_come_back(
        self, job: Job, repository: Repository, piece: Piece, moment: datetime
    ) -> tuple[list[Restoration], int]:
        """What was there then and is not now, and the number of those that are left."""
        now = self._metadata.now()
        wanted = [
            (Place.at(repository, restorable.path), restorable)
            for stop in piece.stops
            for restorable in map(Restorable.read, stop.kept)
            if restorable.until > now and restorable.artifact.was_there(moment, restorable.deleted)
        ]
        current = self._restorer.current(place for place, _ in wanted)
        back: dict[Key, Restoration] = {}
        left = 0
        for place, restorable in wanted:
            over = current.get(place.key)
            if restorable.deleted > job.created:  # or replaced, which is counted where that is
                left += over is None
            elif over is None or not (over.was_there(moment) or over.since > job.created):
                back[place.key] = Restoration(
                    place, restorable, over, job.created, job.actor.user, now
                )
        return list(back.values()), left

    def _to_go(
        self,
        job: Job,
        repository: Repository,
        piece: Piece,
        moment: datetime,
        told: Sequence[FileChange],
    ) -> tuple[list[Removal], int]:
        """What is there and was not then, and the number of those that are left.

        What was to change by now (`told`) and did not was changed by others: it stays as they
        left it.
        """
        now = self._metadata.now()
        # The records of the piece were read before these came and went.
        changed = {change.place.key for change in told}
        away: list[Removal] = []
        left = 0
        for stop in piece.stops:
            for place, artifact in present_at(repository, stop):
                if place.key in changed or artifact.was_there(moment):
                    continue
                if artifact.since > job.created:
                    left += 1
                elif not (job.parameters["dry_run"] and self._would_be_replaced(place, moment)):
                    away.append(Removal(place, artifact, job.created, job.actor.user, now))
        return away, left

    def _would_be_replaced(self, place: Place, moment: datetime) -> bool:
        """Whether a dry run has told of this file already, as of one that would come back."""
        return any(
            one.artifact.was_there(moment, one.deleted) for one in self._restorer.versions(place)
        )


@dataclass(frozen=True, slots=True)
class _Changed:
    """What a step changed, or would."""

    restored: Sequence[Restoration] = ()
    replaced: Sequence[Restoration] = ()
    deleted: Sequence[Removal] = ()
    left: int = 0

    def items(self) -> Iterator[tuple[str, FileChange]]:
        for name, changes in (
            ("restored", self.restored),
            ("replaced", self.replaced),
            ("deleted", self.deleted),
        ):
            for change in changes:
                yield name, change


def _step(job: Job, piece: Piece, changed: _Changed) -> Step:
    told: list[Mapping[str, Any]] = list(job.result.get("files", ()))
    for name, change in changed.items():
        if len(told) < MOST_TOLD:
            told.append({"path": str(change.place), "change": name})
    counts = Counter(
        restored=len(changed.restored),
        replaced=len(changed.replaced),
        deleted=len(changed.deleted),
        left=changed.left,
        bytes=size_of([*changed.restored, *changed.replaced]),
    )
    return Step(
        position=piece.position or {},
        counts=counts,
        items=piece.items,
        done=piece.position is None,
        result={"files": told},
    )


def _asked_for(job: Job, restorable: Restorable) -> bool:
    """Whether something was deleted when a job was asked for that brings it back."""
    return restorable.deleted <= job.created + APART


def _newest(stop: Stop) -> Iterator[Restorable]:
    """The newest restorable version of each file, of those whose last version is in the stop."""
    behind_each = (*stop.kept[1:], stop.following)
    for record, behind in zip(stop.kept, behind_each, strict=False):  # there may be none
        if behind is None or _name(behind.key.sort) != _name(record.key.sort):
            yield Restorable.read(record)


def _name(sort: str) -> str:
    return sort.partition("/")[0]
