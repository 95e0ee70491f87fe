"""The rules of repositories: read, set, tried out and carried out."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.publishing.bulk import Bulk
from app.publishing.place import Place
from app.repositories import Catalogue, Format, Repository, RepositoryBusy, RepositoryName
from app.repositories.catalogue import ATTEMPTS
from app.retention.deciding import Going
from app.retention.newest import Newest
from app.retention.patience import Patience, TooLong
from app.retention.rules import RuleSet
from app.retention.sweep import PAGE, Look, Position, Sweep
from app.retention.taken import Taken
from auth.errors import InvalidField
from auth.principals import Action, Authority
from auth.records import Listing
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import ConditionFailed, Key, Put
from storage.metadata.recent import Recent

#: Files that are looked at to find one that stays; a request must not take minutes.
LOOKED_AT = 50_000
LOOK, LOOKS = 1_000, 16  # records of a look of a preview, and looks of a request
PATIENCE_SECONDS = 10.0  # of a request; long patterns on long paths take their time
_TOO_LONG = (
    f"take over {PATIENCE_SECONDS:.0f} seconds for a folder of so many files: try fewer with"
    " 'keep_newest' or 'keep_snapshots', or shorter patterns. The worker takes the time that they"
    " need"
)
#: Of a position in a cursor, which may have 4,096 characters when it is sealed.
_CURSOR_BYTES = 3_000
EVENT = "artifact.delete"


class WouldEmpty(Exception):
    """The rules would take every file of the repository."""


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
        """The rules of a repository, read afresh; none where none were set.

        While its organization was suspended, or it or the organization deleted, nobody could
        download: what is known of downloads begins when it was there again.
        """
        key = keys.retention(repository.organization, repository.id)
        back = (
            keys.organization_back(repository.organization),
            keys.repository_name(repository.organization, repository.id),
        )
        found = self._metadata.get(key, *back)
        if key not in found:
            return RuleSet()
        rules = RuleSet.read(found[key])
        for one in back:
            since = found[one].value.get("back_since") if one in found else None
            if since is not None:
                rules = rules.since(datetime.fromisoformat(since))
        return rules

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
            by: who administers it, or the operator.
            name: of the repository.
            wanted: the new rules.
            confirmed: they may take every file, now and whenever they are carried out.

        Raises:
            WouldEmpty: they would, and that was not confirmed; nothing is changed.
            InvalidField: one is about snapshots, and the repository is none of Maven's.
            RepositoryMissing, RepositoryBusy, Forbidden.
        """
        patience = self._patience()
        for _ in range(ATTEMPTS):
            repository = self._catalogue.get(by.organization, name)
            by.require(repository, Action.ADMIN)
            rules = replace(self.joined(repository, wanted), confirmed=confirmed)
            if not confirmed:
                self._refuse_at_once(repository, rules, patience)
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
                        by.organization,
                        by.actor,
                        "repository.retention",
                        repository=repository.id,
                        rules=[rule.figures() for rule in rules.rules],
                        confirmed=confirmed,
                    ),
                )
            except ConditionFailed:
                continue  # somebody else changed it: decide by what it is now
            return replace(rules, version=done.versions[key])
        raise RepositoryBusy(name.text)

    def refuse_to_empty(self, repository: Repository, rules: RuleSet) -> None:
        """Return where a file stays, or there is none at all; it looks for as long as it takes.

        Raises WouldEmpty where they all go.
        """
        self._require_one_that_stays(rules, self._sweep(repository, rules), None)

    def _refuse_at_once(self, repository: Repository, rules: RuleSet, patience: Patience) -> None:
        """As `refuse_to_empty`, within a request: what that can't tell is left to the job, which
        looks for itself before it takes anything by rules that were not confirmed."""
        with suppress(TooLong):
            sweep = self._sweep(repository, rules, go_on=patience.go_on)
            self._require_one_that_stays(rules, sweep, LOOKED_AT)

    def _require_one_that_stays(self, rules: RuleSet, sweep: Sweep, most: int | None) -> None:
        if not rules.may_empty:
            return
        looked = 0
        for look in sweep.all():
            looked += look.files
            if len(look.going) < look.files or (most is not None and looked >= most):
                return
            sweep.go_on()
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

        Raises InvalidField where the newest files of a single folder are not told apart in the
        time of a request.
        """
        patience = self._patience()
        sweep = self._sweep(repository, rules, go_on=patience.go_on)
        going: list[Going] = []
        position: Position = json.loads(after) if after else {}
        for number in range(LOOKS):
            try:
                look = sweep.look(position, LOOK, limit - len(going))
            except TooLong as error:
                if number == 0:
                    raise InvalidField("rules", _TOO_LONG) from error
                break  # the next page begins with this folder
            going += look.going
            if look.position is None:
                return Listing(tuple(going), None)
            position = look.position
            if len(going) == limit or patience.over():
                break
        return Listing(tuple(going), _cursor(position))

    def look(self, repository: Repository, rules: RuleSet, position: Position) -> Look:
        """What would go of the next records; nothing does."""
        return self._sweep(repository, rules).look(position, PAGE)

    def all(self, repository: Repository, rules: RuleSet) -> Iterator[Look]:
        """What would go of all records, for as long as it takes; nothing does."""
        return self._sweep(repository, rules).all()

    def carry_out(
        self, repository: Repository, actor: Actor, rules: RuleSet, position: Position
    ) -> tuple[Look, list[Going]]:
        """Delete what goes of the next records; what was looked at, and what did go.

        A rule may have been changed meanwhile: what it took until then is restorable.

        The newest files, builds and kinds of a folder are those that were there when it was begun;
        whatever position it is given, where others have deleted some of them since, they are told
        apart anew. From then to its commits are some seconds, in which it does not see what others
        delete: who deletes the newest just then leaves so many fewer.
        """
        look = self._sweep(repository, rules, taking=True).look(position, PAGE)
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
        if look.position is not None:
            names = {going.path.name for going in gone}
            look = replace(look, position=Newest.without(look.position, names))
        return look, gone

    def joined(self, repository: Repository, new: RuleSet) -> RuleSet:
        """New rules in the place of those that are set: what is known of downloads counts on,
        unless they ask for more days: what is known expires too early for these.

        Raises InvalidField where one is about snapshots, and the repository is none of Maven's.
        """
        _check(repository, new)
        old = self.rules(repository)
        days, before = new.downloads_days, old.downloads_days
        if days is None:
            remembered = None
        elif before is None or days > before:
            remembered = self._metadata.now()
        else:
            remembered = old.remembered
        return replace(new, remembered=remembered, version=old.version)

    def _sweep(self, repository: Repository, rules: RuleSet, **how: Any) -> Sweep:
        return Sweep(self._metadata, repository, rules, self._metadata.now(), **how)

    def _patience(self) -> Patience:
        return Patience(self._seconds, PATIENCE_SECONDS)


def _check(repository: Repository, rules: RuleSet) -> None:
    for number, rule in enumerate(rules.rules):
        if rule.keep_snapshots is not None and repository.format is not Format.MAVEN:
            raise InvalidField(
                f"rules[{number}].keep_snapshots",
                f"is for Maven repositories, and this one is {repository.format.value}:"
                " use 'keep_newest'",
            )


def _put(key: Key, rules: RuleSet) -> Put:
    if rules.version:
        return Put(key, rules.value(), at=rules.version)
    return Put(key, rules.value(), absent=True)


def _cursor(position: Position) -> str:
    """A position as a cursor holds it: without what only those ask for who take files. Which
    are the newest is found out anew where that would make it too long."""
    text = _without(position, "files")
    if len(text.encode()) <= _CURSOR_BYTES:
        return text
    return _without(position, "files", "kinds", "kept")


def _without(position: Position, *left_out: str) -> str:
    left = {name: value for name, value in position.items() if name not in left_out}
    return json.dumps(left, ensure_ascii=False)
