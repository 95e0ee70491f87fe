"""What people decide about projects of a Python repository, after files were published.

A file or release is yanked (PEP 592), deleted and restored at once, with the reason in the events;
a project gets a status (PEP 792). Whoever asks for something that is so already gets that answer,
and nothing is written.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.publishing.artifact import Artifact
from app.publishing.bulk import DECISIONS, Bulk
from app.publishing.changes import Changes, Restorable
from app.publishing.errors import Contended, NothingToRestore
from app.publishing.place import Place
from app.publishing.projects import ACTIVE, State
from app.publishing.removal import Removal
from app.publishing.restoration import Restoration, Restorer
from app.python.documents import ProjectStatus, Status
from app.python.layout import YANKED
from app.python.paths import files_of
from app.python.projects import Chosen, Projects
from app.repositories import Repository
from auth.errors import Missing
from auth.principals import Action, Principal
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import Add, ConditionFailed, Delete, Key, Metadata, Operation, Put, Record

#: Files that a request changes: some hundred commits.
MOST_FILES = 1_000
#: Restorable versions that a request looks through for those of a release.
MOST_RESTORABLE = 20_000
_ANY_TIME = datetime.max.replace(tzinfo=UTC)


class TooMany(Exception):
    """A release has more files than a request changes; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Yanking:
    """A file that is yanked, for a reason that may be empty; or where that is None no more."""

    place: Place
    artifact: Artifact
    reason: str | None

    @property
    def marked(self) -> Artifact:
        """The file as it will be."""
        marks = {name: mark for name, mark in self.artifact.marks.items() if name != YANKED}
        if self.reason is not None:
            marks[YANKED] = self.reason
        return replace(self.artifact, marks=marks)

    @property
    def is_done(self) -> bool:
        return self.artifact.marks.get(YANKED) == self.reason

    def write(self, changes: Changes) -> None:
        changes.mark(self.place, self.artifact, self.marked)

    def anew(self, found: Mapping[Key, Record | None]) -> "Yanking | None":
        if self.place.key not in found:
            return self
        record = found[self.place.key]
        if record is None:
            return None
        changed = replace(self, artifact=Artifact.read(record))
        return None if changed.is_done else changed


@dataclass(frozen=True, slots=True)
class Back:
    """What came back of the chosen files, and how many are left: others are there."""

    restored: Sequence[Restoration]
    left: int


class Changing:
    """Changes projects and what is in them. Safe for many threads."""

    def __init__(
        self, metadata: Metadata, journal: Journal, projects: Projects, restorer: Restorer
    ) -> None:
        self._metadata = metadata
        self._journal = journal
        self._bulk = Bulk(metadata, journal)
        self._projects = projects
        self._restorer = restorer

    def set_status(
        self,
        repository: Repository,
        principal: Principal,
        actor: Actor,
        project: str,
        status: ProjectStatus,
    ) -> None:
        """Give a project a status, with its reason or without any.

        Into quarantine and out of it only who may delete there gives one: it takes all files from
        everybody, and what somebody withheld must not come back by a key that publishes.

        Raises Missing, Forbidden, Contended.
        """
        key = keys.project(repository.organization, repository.id, project)
        for _ in range(DECISIONS):
            state = self._projects.state(repository, project)
            if state.version is None and not self._projects.has_files(repository, project):
                raise Missing("project in this repository")
            if Status.QUARANTINED in (state.status.status, status.status):
                principal.require(repository, Action.DELETE)
            if state.status == status:
                return
            revision = keys.revision(
                repository.organization, repository.id, files_of(project).key, project
            )
            event = self._journal.event(
                repository.organization,
                actor,
                "project.status",
                repository=repository.id,
                project=project,
                status=status.status.value,
                reason=status.reason,
            )
            try:
                self._metadata.commit(
                    _changed(key, state, status),
                    Add(revision, {"revision": 1}, create=True),
                    witness=event,
                )
            except ConditionFailed:
                continue
            return
        raise Contended("the project is being changed by others")

    def yank(
        self,
        repository: Repository,
        actor: Actor,
        chosen: Chosen,
        reason: str | None,
        *,
        yanked: bool,
    ) -> None:
        """Yank files, or have them not yanked any more. Raises Missing, TooMany, Contended."""
        mark = (reason or "") if yanked else None
        yankings = [
            Yanking(place, artifact, mark) for place, artifact in self._present(repository, chosen)
        ]
        self._bulk.carry_out(
            "artifact.yank" if yanked else "artifact.unyank",
            repository.organization,
            actor,
            [yanking for yanking in yankings if not yanking.is_done],
            **_said(reason),
        )

    def delete(
        self, repository: Repository, actor: Actor, chosen: Chosen, reason: str | None
    ) -> list[Removal]:
        """Delete files, whatever they are when it is done. Raises Missing, TooMany, Contended."""
        now = self._metadata.now()
        removals = [
            Removal(place, artifact, _ANY_TIME, actor.user, now)
            for place, artifact in self._present(repository, chosen)
        ]
        done = self._bulk.carry_out(
            "artifact.delete", repository.organization, actor, removals, **_said(reason)
        )
        if not done:  # somebody else did it in this moment
            raise Missing(chosen.what)
        return done

    def restore(
        self, repository: Repository, actor: Actor, chosen: Chosen, reason: str | None
    ) -> Back:
        """Bring back the newest restorable version of each chosen file that is not there.

        Raises NothingToRestore, TooMany, Contended; of a single file PathTaken.
        """
        if chosen.distribution is not None:
            (place,) = self._projects.places(repository, chosen)
            done = self._restorer.restore_file(repository, place.path, actor, reason=reason)
            return Back([done], 0)
        now = self._metadata.now()
        newest = self._restorable(repository, chosen, now)
        if not newest:
            raise NothingToRestore("no file of this release can be restored")
        there = self._restorer.current(newest)
        wanted = [
            Restoration(place, restorable, None, None, actor.user, now)
            for place, restorable in newest.items()
            if place.key not in there
        ]
        restored = self._restorer.restore(repository.organization, actor, wanted, **_said(reason))
        return Back(restored, len(newest) - len(restored))

    def _present(self, repository: Repository, chosen: Chosen) -> list[tuple[Place, Artifact]]:
        """The chosen files as they are. Raises Missing where there is none, and TooMany."""
        places = self._projects.places(repository, chosen)
        _require_few(places)
        found = self._restorer.current(places)
        present = [(place, found[place.key]) for place in places if place.key in found]
        if not present:
            raise Missing(chosen.what)
        return present

    def _restorable(
        self, repository: Repository, chosen: Chosen, now: datetime
    ) -> dict[Place, Restorable]:
        """The newest restorable version of each file of a release, by its place."""
        folder = files_of(chosen.project).key
        partition = keys.deleted(repository.organization, repository.id, folder)
        newest: dict[Place, Restorable] = {}
        for number, record in enumerate(self._metadata.query_all(partition, "")):
            if number == MOST_RESTORABLE:
                raise TooMany(
                    f"more than {MOST_RESTORABLE:,} files of this project can be restored, too many"
                    " to look through at once: restore them by their names, or all of the project"
                )
            restorable = Restorable.read(record)
            if restorable.until > now and chosen.has(restorable.path):
                newest[Place.at(repository, restorable.path)] = restorable  # the newest comes last
        _require_few(newest)
        return newest


def _changed(key: Key, state: State, status: ProjectStatus) -> Operation:
    """What makes a state another one: without a record a project is active."""
    if status != ACTIVE:
        value = State(status).value()
        if state.version is None:
            return Put(key, value, absent=True)
        return Put(key, value, at=state.version)
    return Delete(key, at=state.version)


def _require_few(places: Iterable[Place]) -> None:
    if len(list(places)) > MOST_FILES:
        raise TooMany(
            f"this release has more than {MOST_FILES:,} files, too many to change at once: name"
            " them one by one, or the project"
        )


def _said(reason: str | None) -> dict[str, str]:
    return {} if reason is None else {"reason": reason}
