"""Changes a group with its members, however many: wholly or not at all, to whoever looks.

Up to 45 members are one commit, with whatever else changes about the group. More of them are
*staged* by commits of 45 each, in entries that mean nothing new yet; one commit then *decides*, by
the group's record at the version that all of it was made for, and name and members are others
from that moment on, for every reader. What is left is tidied up (`auth/membership_healing.py`).

One change of many is under way in a group at a time: its record is made by its first commit,
and every further one demands that it is as it was. Changes of few go on meanwhile, and write over
what is staged; since they raise the version of the group, the deciding commit finds out.
"""

import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from auth.decisions import TRIES, decided
from auth.errors import ChangedMeanwhile, InvalidField, Missing
from auth.group_names import naming, taken
from auth.membership_entries import USERS_AT_ONCE, require_room
from auth.membership_healing import MembershipHealing, Waiting
from auth.membership_lists import MembershipLists
from auth.membership_staging import Staging
from auth.membership_wishes import Outcome, Present, Wish, moving, told
from auth.principals import Authority
from storage import keys
from storage.events import Journal
from storage.metadata import Add, ConditionFailed, Key, Record
from storage.metadata.operations import KEYS_PER_GET
from storage.metadata.recent import Recent

#: Decides by a group as it was found what is to become of it. Called again when others were
#: quicker; what it raises is raised, and then nothing is changed.
Decide: TypeAlias = Callable[[Present], Wish]

_PAUSE_SECONDS = 0.02


class MembershipChanges:
    """Writes groups with their members. Whoever calls has seen to it that he may, and that all
    ids could be some."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._clock = clock
        self._sleep = sleep
        self._healing = MembershipHealing(recent, journal)
        self._lists = MembershipLists(recent, sleep)

    def change(
        self, by: Authority, group_id: str, decide: Decide, likely: Collection[str] = ()
    ) -> Outcome:
        """Change a group; `likely` are some users, up to 45, to be read together with it.

        Raises:
            Missing: there is no such group.
            InvalidField: whoever is to come in is not there. LimitReached: he is in 50 groups.
            AlreadyTaken: a name is another group's.
            ChangedMeanwhile: others change it again and again.
        """
        waiting, group = Waiting(self._sleep), keys.group(by.organization, group_id)

        def attempt() -> Outcome:
            users = (keys.user(by.organization, one) for one in likely)
            found = self._recent.get(group, *users)
            return self._carry_out(by, _present(group, found), decide, found, waiting)

        return decided(attempt, self._sleep)

    def create(self, by: Authority, group_id: str, wish: Wish) -> Outcome:
        """Make a group, under an id that is new. Raises as `change`."""
        waiting = Waiting(self._sleep)
        present = Present(keys.group(by.organization, group_id), {}, None)
        return decided(
            lambda: self._carry_out(by, present, lambda _: wish, {}, waiting), self._sleep
        )

    def _carry_out(
        self,
        by: Authority,
        present: Present,
        decide: Decide,
        found: Mapping[Key, Record],
        waiting: Waiting,
    ) -> Outcome:
        """One attempt; of a change of many, until it is decided."""
        wish = decide(present)
        goals, exact = wish.goals, wish.exact
        if wish.members is not None or len(goals) > USERS_AT_ONCE:
            goals, exact = self._differing(by.organization, present, wish), True
        if len(goals) <= USERS_AT_ONCE:
            return self._at_once(by, present, wish, goals, found, exact=exact)
        self._healing.make_way(by.organization, present.id, waiting)
        self._require(by.organization, present.id, goals, wish.named)
        staging = Staging(self._recent, self._journal, self._healing, by, present, self._sleep)
        with staging:
            record = self._decided(by, staging, present, wish, goals, decide)
        staging.settle()
        coming = tuple(sorted(one for one, comes in staging.staged.items() if comes))
        going = tuple(sorted(staging.staged.keys() - set(coming)))
        return Outcome(record, coming, going)

    def _at_once(
        self,
        by: Authority,
        present: Present,
        wish: Wish,
        goals: Mapping[str, bool],
        found: Mapping[Key, Record],
        *,
        exact: bool,
    ) -> Outcome:
        """One attempt at a change of at most 45 members: write what differs, in one commit."""
        org, now, changed = by.organization, self._clock(), wish.changed(present)
        members = moving(org, present, wish, goals, self._users(org, goals, found), now)
        if not (members.operations or changed or present.version is None):
            return Outcome(present.record)
        put = present.becoming(now, members=bool(members.operations), **changed)
        # What was decided by the users alone does not keep others from the group.
        alone = not (exact or changed or members.hang or present.version is None)
        action, details = told(present, changed)
        if goals:
            details |= {"added": list(members.added), "removed": list(members.removed)}
        try:
            committed = self._recent.commit(
                Add(put.key, {"revision": 1}) if alone else put,
                *members.operations,
                *naming(org, present.id, present.value, put.value),
                witness=self._journal.event(org, by.actor, action, **details),
            )
        except ConditionFailed as error:
            other = taken(error, org, put.value, present.id)
            if other is not None:
                raise other from error
            raise
        if alone:
            return Outcome(None, members.added, members.removed)
        record = Record(put.key, put.value, committed.versions[put.key])
        return Outcome(record, members.added, members.removed)

    def _decided(
        self,
        by: Authority,
        staging: Staging,
        present: Present,
        wish: Wish,
        goals: Mapping[str, bool],
        decide: Decide,
    ) -> Record:
        """Stage a change and decide it, and anew where others have changed the group."""
        org, group = by.organization, present.key
        for made in range(TRIES):
            try:
                if made:
                    if present.version is not None:
                        present = _present(group, self._recent.get(group))
                        wish = decide(present)
                    goals = self._differing(org, present, wish, staging)
                staging.stage(present, goals, wish.named)
                return staging.decide(present, wish)
            except ConditionFailed as error:
                if not staging.begun:
                    raise
                staging.require_ours(error)
                self._sleep(_PAUSE_SECONDS * random.uniform(0, made + 1))
        raise ChangedMeanwhile

    def _differing(
        self, organization: str, present: Present, wish: Wish, staging: Staging | None = None
    ) -> dict[str, bool]:
        """Those users of whom a wish is not fulfilled yet, or would not be when what is staged is
        decided; and those of whom that is staged who are not meant any more."""
        goals, staged = wish.goals, {} if staging is None else staging.staged
        if present.version is None and staging is None:
            return goals
        asked = None if wish.members is not None else goals.keys() | staged.keys()
        entries = self._lists.entries(organization, present.id, asked)
        for one in entries:
            # Of whom nothing is said, nothing changes.
            left = wish.members is None and entries[one].holds(present.value)
            goals.setdefault(one, left)
        number = None if staging is None else staging.number
        return {
            one: comes
            for one, comes in goals.items()
            if (one in entries and entries[one].after(present.value, number)) is not comes
        }

    def _require(
        self, organization: str, group_id: str, goals: Mapping[str, bool], named: str
    ) -> None:
        """Return where all who are to come in are there and may. Raises InvalidField,
        LimitReached."""
        wanted = [keys.user(organization, one) for one, comes in goals.items() if comes]
        for start in range(0, len(wanted), KEYS_PER_GET):
            some = wanted[start : start + KEYS_PER_GET]
            found = self._recent.get(*some)
            if len(found) < len(some):
                raise InvalidField(named, "names a user that is not there")
            for user in found.values():
                require_room(user, group_id)

    def _users(
        self, organization: str, users: Iterable[str], found: Mapping[Key, Record]
    ) -> dict[str, Record]:
        """The records of users, those that were not read with the group by one more read."""
        wanted = {keys.user(organization, one): one for one in users}
        asked = bool(found) and all(key in found for key in wanted)
        records = found if asked or not wanted else self._recent.get(*wanted)
        return {one: records[key] for key, one in wanted.items() if key in records}


def _present(group: Key, found: Mapping[Key, Record]) -> Present:
    """Raises Missing."""
    record = found.get(group)
    if record is None:
        raise Missing("group")
    return Present(group, record.value, record.version)
