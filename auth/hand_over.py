"""Hands a user's API keys over to another, so that builds go on when somebody leaves.

A key that changes hands never gains rights. It gets scopes: those that it had, as far as its
old user might himself; or where it had none, all that he was granted by then, by himself and
through groups. And like every key it works only as far as its new user may, too. So a key
without scopes always loses something: it manages nothing any more, whoever it was of.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from auth.callers import groups_among, principal_by_password
from auth.decisions import decided
from auth.errors import InvalidField, LimitReached, Missing
from auth.fields import GRANTS_MOST
from auth.key_records import KEYS_OF_USER_MOST
from auth.narrowing import in_both
from auth.patterns import EVERY, is_pattern
from auth.principals import EVERYTHING, REACH, Action, Authority, Grants, Role
from auth.records import ApiKey, grants_value, is_id, key_count, read_api_key
from storage import keys
from storage.events import Journal
from storage.metadata import Add, Check, ConditionFailed, Delete, Key, Operation, Put, Record
from storage.metadata.operations import KEYS_PER_GET
from storage.metadata.recent import Recent

#: Three operations each, beside the checks of both users and of 50 groups.
KEYS_AT_ONCE = 10
_HANDED_MOST = 100  # of those who had a key before, the last ones are known


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A key as it is now; `narrowed` where it may do less than its old user had given it."""

    key: ApiKey
    narrowed: bool


@dataclass(frozen=True, slots=True)
class _Both:
    """The two users, and what the old one was granted when they were read."""

    old: Record
    new: Record
    groups: tuple[Record, ...]
    role: Role
    granted: Grants

    @property
    def checks(self) -> tuple[Check, ...]:
        """What makes a commit fail where any of it is not so any more."""
        return tuple(Check(one.key, at=one.version) for one in (self.old, self.new, *self.groups))


class HandOvers:
    """Hands over what users of an organization have, on an administrator's word."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._clock = clock

    def hand_over(self, by: Authority, user_id: str, to: str) -> tuple[HandedOver, ...]:
        """Give all keys of a user to another, 10 a commit, and tell what became of each.

        May be called again after one that broke off: it goes on with those that are left.

        Raises:
            Missing: the user is not there; Forbidden.
            InvalidField: `to` is no other active user.
            LimitReached: the other would have more keys than a user may, or a key would name
                more repositories than a record holds; nothing of it is handed over.
        """
        by.require_admin()
        if not is_id(user_id):
            raise Missing("user")
        if not is_id(to) or to == user_id:
            raise InvalidField("to", "must be the id of another user")
        self._require_room(by.organization, user_id, to)
        handed: list[HandedOver] = []
        while True:
            some = decided(lambda: self._some(by, user_id, to))
            if not some:
                return tuple(handed)
            handed += some

    def _require_room(self, organization: str, user_id: str, to: str) -> None:
        """Return where the other may have all of them, before he has the first."""
        old, new = key_count(organization, user_id), key_count(organization, to)
        found = self._recent.get(old, new)
        had, has = (found[key].value["keys"] if key in found else 0 for key in (old, new))
        if had and had + has > KEYS_OF_USER_MOST:
            raise LimitReached("keys for a user", KEYS_OF_USER_MOST)

    def _some(self, by: Authority, user_id: str, to: str) -> list[HandedOver]:
        """One attempt at a commit of the next keys; none are left where it returns none."""
        org = by.organization
        both = self._both(org, user_id, to)
        records = self._next(org, user_id)
        if not records:
            return []
        names = self._names(
            org, [both.granted, *(read_api_key(one).scopes or {} for one in records)]
        )
        handed: list[HandedOver] = []
        operations: list[Operation] = []
        for record in records:
            key = read_api_key(record)
            scopes, narrowed = _scopes(key, both, names)
            value = {**record.value, "user": to, "scopes": grants_value(scopes)}
            # Its name may tell of whose it was: who is erased is looked for here, too.
            value["handed_from"] = [*key.handed_from, user_id][-_HANDED_MOST:]
            put = Put(record.key, value, at=record.version)
            handed.append(HandedOver(read_api_key(Record(record.key, value, 0)), narrowed))
            operations += (
                put,
                Delete(keys.api_key_of(org, user_id, record.key.sort)),
                Put(keys.api_key_of(org, to, record.key.sort), {"user": to}, absent=True),
            )
        count = key_count(org, to)
        operations += (
            Add(key_count(org, user_id), {"keys": -len(handed)}),
            Add(count, {"keys": len(handed)}, create=True, limits={"keys": KEYS_OF_USER_MOST}),
            *both.checks,
        )
        event = self._journal.event(
            org,
            by.actor,
            "user.hand-over",
            subject=user_id,
            to=to,
            keys=[one.key.id for one in handed],
            narrowed=[one.key.id for one in handed if one.narrowed],
        )
        try:
            self._recent.commit(*operations, witness=event)
        except ConditionFailed as error:
            if count in error.found:
                raise LimitReached("keys for a user", KEYS_OF_USER_MOST) from error
            raise
        return handed

    def _both(self, organization: str, user_id: str, to: str) -> _Both:
        old, new = keys.user(organization, user_id), keys.user(organization, to)
        found = self._recent.get(old, new)
        if old not in found:
            raise Missing("user")
        if new not in found or found[new].value.get("active") is not True:
            raise InvalidField("to", "must be the id of another user, who is active")
        user = found[old]
        groups = groups_among(organization, user, {}, self._recent.get)
        who = principal_by_password(organization, user, groups)
        return _Both(user, found[new], groups, who.role, _granted(who.role, who.permissions.grants))

    def _next(self, organization: str, user_id: str) -> Sequence[Record]:
        """The records of the next keys of a user."""
        count = key_count(organization, user_id)
        noted = [one.key for one in self._recent.query_all(count.partition) if one.key != count]
        wanted = [keys.api_key(organization, one.sort) for one in noted[:KEYS_AT_ONCE]]
        found = self._recent.get(*wanted) if wanted else {}
        return [found[key] for key in wanted if key in found]

    def _names(self, organization: str, grants: Sequence[Grants]) -> dict[str, str]:
        """The names of all repositories whose ids are in grants: one read for 100."""
        ids = dict.fromkeys(one for some in grants for one in some if not is_pattern(one))
        wanted: list[Key] = [keys.repository_name(organization, one) for one in ids]
        names: dict[str, str] = {}
        for start in range(0, len(wanted), KEYS_PER_GET):
            found = self._recent.get(*wanted[start : start + KEYS_PER_GET])
            names |= {key.sort: record.value["name"] for key, record in found.items()}
        return names


def _granted(role: Role, grants: Grants) -> Grants:
    """All that a user might do by then: an administrator everything, others what was granted."""
    if role is Role.ADMIN:
        return {EVERY: EVERYTHING}
    bounded = {place: actions & REACH[role] for place, actions in grants.items()}
    return {place: actions for place, actions in bounded.items() if actions}


def _scopes(
    key: ApiKey, both: _Both, names: Mapping[str, str]
) -> tuple[Mapping[str, frozenset[Action]], bool]:
    """The scopes that a key gets, and whether they are less than it had.

    Raises LimitReached: they would not fit into its record.
    """
    if key.scopes is None:
        scopes, narrowed = both.granted, True
    elif both.role is Role.ADMIN:
        scopes, narrowed = key.scopes, False
    else:
        scopes = in_both(key.scopes, both.granted, names)
        narrowed = scopes != {place: some for place, some in key.scopes.items() if some}
    if len(scopes) > GRANTS_MOST:
        raise LimitReached("repositories for a key that is handed over", GRANTS_MOST)
    return scopes, narrowed
