"""A change of very many members in the making: staged 45 a commit, decided by one, or given up."""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType

from auth.decisions import TRIES
from auth.errors import AuthError, ChangedMeanwhile, InvalidField, Missing
from auth.group_names import naming, taken
from auth.membership_entries import USERS_AT_ONCE, Entry, entries_of, next_change, rewriting
from auth.membership_healing import DECIDED, STAGING, Change, MembershipHealing
from auth.membership_wishes import Present, Wish, told
from auth.principals import Authority
from auth.records import new_id
from storage import keys
from storage.events import Journal
from storage.metadata import (
    Check,
    ConditionFailed,
    MetadataError,
    Operation,
    Put,
    Record,
)
from storage.metadata.recent import Recent

_PAUSE_SECONDS = 0.02

_log = logging.getLogger(__name__)


class Staging:
    """A context manager: a change that is not decided when it is left is given up."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        healing: MembershipHealing,
        by: Authority,
        present: Present,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._healing = healing
        self._by = by
        self._sleep = sleep
        self._group = present.id
        key, now = keys.member_change(by.organization, present.id), recent.metadata.now()
        number = next_change(present.value)
        self._change = Change(
            by.organization, present.id, new_id(), number, STAGING, now, key, version=0
        )
        self._staged: dict[str, bool] = {}

    @property
    def number(self) -> int:
        """The number of the change."""
        return self._change.number

    @property
    def begun(self) -> bool:
        return self._change.version != 0

    @property
    def staged(self) -> Mapping[str, bool]:
        """For users in whose entries the change stands, whether they come or go."""
        return self._staged

    def __enter__(self) -> "Staging":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._change.state == DECIDED:
            return
        try:
            found = self._healing.find(self._by.organization, self._group)
            # A decision whose answer was lost may have been one.
            if found is not None and found.id == self._change.id and found.state == STAGING:
                self._healing.give_up(found, self._by.actor)
        except (MetadataError, AuthError):
            _log.warning(
                "a change of members could not be given up: the worker will", exc_info=True
            )

    def stage(self, present: Present, goals: Mapping[str, bool], named: str) -> None:
        """Write for users whether they are in the group when this is decided; the first call
        begins the change.

        Raises:
            InvalidField: whoever is to come is not there.
            LimitReached: he is in 50 groups.
            ConditionFailed: it was begun for a group that has changed or that others are changing,
                or was given up by others; or users change more quickly.
        """
        users = sorted(goals.items())
        for start in range(0, len(users), USERS_AT_ONCE) or (0,):
            batch = users[start : start + USERS_AT_ONCE]
            self._persist(partial(self._some, present, batch, named))

    def decide(self, present: Present, wish: Wish) -> Record:
        """Make it so, with all else that is wished of the group.

        Raises:
            AlreadyTaken: a name of it is another group's.
            ConditionFailed: the group is not as it was any more, or the change was given up.
        """
        org, now = self._by.organization, self._recent.metadata.now()
        changed = wish.changed(present)
        put = present.becoming(now, members=True, decided=self.number, **changed)
        lock = Put(self._change.key, self._change.value(DECIDED, now), at=self._change.version)
        action, details = told(present, changed)
        comes = sum(self._staged.values())
        details |= {
            "change": self.number,
            "counts": {"added": comes, "removed": len(self._staged) - comes},
        }
        try:
            committed = self._recent.commit(
                put,
                lock,
                *naming(org, present.id, present.value, put.value),
                witness=self._journal.event(org, self._by.actor, action, **details),
            )
        except ConditionFailed as error:
            other = taken(error, org, put.value, present.id)
            if other is not None:
                raise other from error
            raise
        self._write(DECIDED, committed.versions[lock.key])
        return Record(put.key, put.value, committed.versions[put.key])

    def require_ours(self, error: ConditionFailed) -> None:
        """Return where a commit failed for anything but that others have ended this change.

        Raises:
            Missing: the group was deleted with it.
            ChangedMeanwhile.
        """
        if self._change.key not in error.found:
            return
        group = keys.group(self._by.organization, self._group)
        if error.found[self._change.key] is None and group not in self._recent.get(group):
            raise Missing("group") from error
        raise ChangedMeanwhile from error

    def settle(self) -> None:
        """Tidy up behind the decision, which holds whatever becomes of this."""
        try:
            self._healing.settle(self._change, self._by.actor, sorted(self._staged))
        except (MetadataError, ChangedMeanwhile):
            _log.warning("a change of members is not tidied up: the worker will", exc_info=True)

    def _some(self, present: Present, batch: Sequence[tuple[str, bool]], named: str) -> None:
        """One attempt at some users."""
        operations, staged = self._entries(present, batch, named)
        begins = not self.begun
        if begins:
            value = self._change.value(STAGING, self._change.since)
            operations += (Put(self._change.key, value, absent=True), present.check)
        elif operations:
            operations.append(Check(self._change.key, at=self._change.version))
        else:
            return
        event = self._journal.event(
            self._by.organization,
            self._by.actor,
            "group.members.stage",
            subject=self._group,
            change=self.number,
            added=[one for one, comes in staged.items() if comes is True],
            removed=[one for one, comes in staged.items() if comes is False],
        )
        committed = self._recent.commit(*operations, witness=event)
        if begins:
            self._write(STAGING, committed.versions[self._change.key])
        for one, comes in staged.items():
            if comes is None:
                self._staged.pop(one, None)
            else:
                self._staged[one] = comes

    def _entries(
        self, present: Present, batch: Sequence[tuple[str, bool]], named: str
    ) -> tuple[list[Operation], dict[str, bool | None]]:
        """What writes the entries of some users as far as they differ, and whether these users
        come or go; None of whose entry the change does not stand in any more."""
        org, now = self._by.organization, self._recent.metadata.now()
        found = self._recent.get(*(keys.user(org, one) for one, _ in batch))
        operations: list[Operation] = []
        staged: dict[str, bool | None] = {}
        for one, comes in batch:
            user = found.get(keys.user(org, one))
            if user is None:
                if comes:
                    raise InvalidField(named, "names a user that is not there")
                continue
            entry = entries_of(user).get(self._group)
            is_in = entry is not None and entry.holds(present.value)
            to = self._entry(comes=comes, is_in=is_in)
            if to != entry:
                operations += rewriting(org, user, self._group, to, now)
                staged[one] = None if comes is is_in else comes
        return operations, staged

    def _entry(self, *, comes: bool, is_in: bool) -> Entry | None:
        """What a user's record is to say, who is in the group now or not, and comes or goes."""
        if comes is is_in:
            return Entry(self._group) if comes else None
        return Entry(self._group, self.number, joins=comes)

    def _persist(self, attempt: Callable[[], None]) -> None:
        """Make an attempt until users are as they were read; raises ConditionFailed at once where
        it is the group or the change that is not."""
        key = self._change.key
        decisive = {key, keys.group(self._by.organization, self._group)}
        for made in range(TRIES):
            try:
                return attempt()
            except ConditionFailed as error:
                if decisive & error.found.keys() or made + 1 == TRIES:
                    raise
                self._sleep(_PAUSE_SECONDS * random.uniform(0, made + 1))
        raise AssertionError("unreachable")

    def _write(self, state: str, version: int) -> None:
        self._change = replace(self._change, state=state, version=version)
