"""The rules of repositories: read, set, tried out and carried out."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from app.publishing import Artifact
from app.publishing.bulk import Bulk
from app.publishing.changes import Changes
from app.publishing.place import Place
from app.repositories import Catalogue, Repository, RepositoryBusy, RepositoryName
from app.repositories.catalogue import ATTEMPTS
from app.retention.rules import RuleSet
from app.retention.sweep import PAGE, Going, Look, Position, Sweep
from auth.principals import Authority
from auth.records import Listing
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import ConditionFailed, Key, Put, Record
from storage.metadata.recent import Recent

#: Files that are looked at to find one that stays; a request must not take minutes.
LOOKED_AT = 50_000
LOOK, LOOKS = 1_000, 16  # records of a look of a preview, and looks of a request
PATIENCE_SECONDS = 10.0  # of a request; long patterns on long paths take their time
#: Of a position in a cursor, which may have 4,096 characters when it is sealed.
_CURSOR_BYTES = 3_000
EVENT = "artifact.delete"


class WouldEmpty(Exception):
    """The rules would take every file of the repository, as far as was looked."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that a rule takes, as it was when that was decided: if it changed, it stays."""

    place: Place
    artifact: Artifact
    now: datetime

    def write(self, changes: Changes) -> None:
        changes.disappear(self.place, self.artifact)
        changes.retire(self.place, self.artifact, None, self.now)

    def anew(self, found: Mapping[Key, Record | None]) -> "Taken | None":
        return None if self.place.key in found else self


class Retention:
    """The rules by which files of repositories go."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        catalogue: Catalogue,
        bulk: Bulk,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recent = recent
        self._catalogue = catalogue
        self._metadata = recent.metadata
        self._journal = journal
        self._bulk = bulk
        self._seconds = seconds

    def rules(self, repository: Repository) -> RuleSet:
        """The rules of a repository, read afresh; none where none were set."""
        key = keys.retention(repository.organization, repository.id)
        record = self._metadata.get(key).get(key)
        return RuleSet() if record is None else RuleSet.read(record)

    def set(
        self,
        by: Authority,
        name: RepositoryName,
        wanted: RuleSet,
        *,
        confirmed: bool = False,
    ) -> RuleSet:
        """Replace the rules of a repository, and remember its downloads if they ask for it.

        Args:
            by: an administrator, or the operator.
            name: of the repository.
            wanted: the new rules.
            confirmed: they may take every file that is there.

        Raises:
            WouldEmpty: they would, and that was not confirmed; nothing is changed.
            RepositoryMissing, RepositoryBusy, Forbidden.
        """
        by.require_admin()
        for _ in range(ATTEMPTS):
            repository = self._catalogue.get(by.organization, name)
            rules = self.joined(repository, wanted)
            if not confirmed:
                self.refuse_to_empty(repository, rules)
            key = keys.retention(repository.organization, repository.id)
            there = replace(repository, downloads_days=rules.downloads_days)
            try:
                done = self._recent.commit(
                    _put(key, rules),
                    Put(
                        keys.repository(repository.organization, repository.name),
                        there.value(),
                        at=repository.version,
                    ),
                    witness=self._journal.event(
                        by.organization, by.actor, "repository.retention", repository=repository.id
                    ),
                )
            except ConditionFailed:
                continue  # somebody else changed it: decide by what it is now
            return replace(rules, version=done.versions[key])
        raise RepositoryBusy(name.text)

    def refuse_to_empty(self, repository: Repository, rules: RuleSet) -> None:
        """Return where a file stays, or there is none at all.

        Raises WouldEmpty where they all go, or none that stays was found soon.
        """
        looked, began = 0, self._seconds()
        for look in self.sweep(repository, rules).all():
            if len(look.going) < look.files:
                return
            looked += look.files
            if looked >= LOOKED_AT or self._seconds() - began > PATIENCE_SECONDS:
                raise WouldEmpty(f"of the first {looked} files none would stay")
        if looked:
            raise WouldEmpty(f"all of the {looked} files would go")

    def preview(
        self, repository: Repository, rules: RuleSet, after: str, limit: int
    ) -> Listing[Going]:
        """A page of what would go now; it may be short, even empty, with more to come.

        Args:
            repository: read afresh.
            rules: those that are set, or others to try (`joined`).
            after: the page before gave it as `next`; empty for the first one.
            limit: the most files of the page.
        """
        sweep = self.sweep(repository, rules)
        going: list[Going] = []
        position: Position = json.loads(after) if after else {}
        began = self._seconds()
        for _ in range(LOOKS):
            look = sweep.look(position, LOOK, limit - len(going))
            going += look.going
            if look.position is None:
                return Listing(tuple(going), None)
            position = look.position
            if len(going) == limit or self._seconds() - began > PATIENCE_SECONDS:
                break
        return Listing(tuple(going), _cursor(position))

    def carry_out(
        self, repository: Repository, actor: Actor, rules: RuleSet, position: Position
    ) -> tuple[Look, list[Going]]:
        """Delete what goes of the next records; what was looked at, and what did go.

        A rule may have been changed meanwhile: what it took until then is restorable.
        """
        look = self.sweep(repository, rules).look(position, PAGE)
        gone: list[Going] = []
        for rule in sorted({going.rule for going in look.going}):
            taken = {going.path: going for going in look.going if going.rule == rule}
            now = self._metadata.now()
            done = self._bulk.carry_out(
                EVENT,
                repository.organization,
                actor,
                [
                    Taken(Place.at(repository, going.path), going.artifact, now)
                    for going in taken.values()
                ],
                retention=rule,
            )
            gone += [taken[one.place.path] for one in done]
        return look, gone

    def pause(self, record: Record) -> None:
        """Count downloads from now on, of a repository that nobody can download from now.

        Args:
            record: that of its rules, as it was read; if it changed since, it stays as it is.
        """
        rules = RuleSet.read(record)
        if rules.remembered is None:
            return
        paused = replace(rules, remembered=self._metadata.now())
        try:
            self._metadata.commit(Put(record.key, paused.value(), at=record.version))
        except ConditionFailed:
            return  # set anew or erased meanwhile: the next run finds what it is then

    def sweep(self, repository: Repository, rules: RuleSet) -> Sweep:
        return Sweep(self._metadata, repository, rules, self._metadata.now())

    def joined(self, repository: Repository, new: RuleSet) -> RuleSet:
        """New rules in the place of those that are set: what is known of downloads counts on,
        unless they ask for more days: what is known expires too early for these."""
        old = self.rules(repository)
        days, before = new.downloads_days, old.downloads_days
        if days is None:
            remembered = None
        elif before is None or days > before:
            remembered = self._metadata.now()
        else:
            remembered = old.remembered
        return replace(new, remembered=remembered, version=old.version)


def _put(key: Key, rules: RuleSet) -> Put:
    if rules.version:
        return Put(key, rules.value(), at=rules.version)
    return Put(key, rules.value(), absent=True)


def _cursor(position: Position) -> str:
    """A position as a cursor holds it: which files are the newest is found out anew where
    that would make it too long."""
    text = json.dumps(position, ensure_ascii=False)
    if len(text.encode()) <= _CURSOR_BYTES:
        return text
    short = {name: position[name] for name in ("folder", "after", "child") if name in position}
    return json.dumps(short, ensure_ascii=False)
