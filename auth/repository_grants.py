"""Who may do what in one repository, as whoever administers that repository sees and sets it.

He changes of a user or group nothing but what it is granted by that repository's id. He gives
what he may do there himself and no more, and nothing to himself or to a group that he is in; what
he takes away, he may not be able to give back. He learns id and name of those who are granted
something there.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from auth.decisions import decided
from auth.emails import email_key, parse_email
from auth.errors import Forbidden, InvalidField, LimitReached, Missing
from auth.fields import GRANTS_MOST, parse_action
from auth.patterns import is_pattern
from auth.principals import DOING, NOTHING, Action, Authority, Grants, Located, Rights
from auth.records import (
    Group,
    Listing,
    User,
    grants_value,
    is_id,
    read_group,
    read_owner,
    read_user,
    time_text,
)
from storage import keys
from storage.events import Journal
from storage.metadata import Key, Put, Record
from storage.metadata.recent import Recent

#: Who can be granted something.
Grantee: TypeAlias = Literal["user", "group"]

#: Users and groups that are looked at for a page.
LOOKED_AT = 1_000
_KINDS: tuple[Grantee, ...] = ("group", "user")


@dataclass(frozen=True, slots=True)
class Granted:
    """What somebody is granted in a repository: by its id, and by patterns of its name."""

    kind: Grantee
    id: str
    name: str = field(repr=False)
    actions: frozenset[Action]
    by_pattern: frozenset[Action]


class RepositoryGrants:
    """The grants in a repository, for an administrator of it who comes without scopes."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._clock = clock

    def list(
        self, by: Authority, place: Located, after: str = "", limit: int = 100
    ) -> Listing[Granted]:
        """Groups, then users, who are granted something there, in the order of their ids.

        A page may be short, even empty: it looks at 1,000 of the organization at the most.
        Raises Forbidden.
        """
        require_administration(by, place)
        found: list[Granted] = []
        at = after
        for looked, (kind, record) in enumerate(self._everyone(by.organization, after), start=1):
            one = _granted(kind, record, place)
            if one.actions or one.by_pattern:
                if len(found) == limit:
                    return Listing(tuple(found), at)
                found.append(one)
            at = f"{kind}/{record.key.sort}"
            if looked == LOOKED_AT:
                return Listing(tuple(found), at)
        return Listing(tuple(found), None)

    def set(
        self, by: Authority, place: Located, kind: Grantee, id_: str, actions: Collection[str]
    ) -> Granted:
        """Replace what a user or group is granted by the id of a repository; nothing takes it
        away.

        Raises:
            Forbidden: not an administrator there, or a grant that would lift the giver.
            Missing: no such user or group; or nothing to take away, whoever is named.
            InvalidField: an unknown action.
            LimitReached: that one has 500 grants.
        """
        require_administration(by, place)
        given = frozenset(parse_action(text, "actions") for text in actions)
        if not is_id(id_):
            raise Missing(kind if given else "grant")
        return decided(lambda: self._set(by, place, kind, id_, given))

    def give(self, by: Authority, place: Located, email: str, actions: Collection[str]) -> Granted:
        """Set what the user with an address is granted: something, so that whoever tries
        addresses leaves an event for each that is somebody's.

        Raises as `set`.
        """
        require_administration(by, place)
        if not actions:
            raise InvalidField("actions", "must name one at least")
        try:
            key = email_key(by.organization, parse_email(email))
        except InvalidField as error:
            raise Missing("user") from error
        record = self._recent.get(key).get(key)
        if record is None:
            raise Missing("user")
        return self.set(by, place, "user", read_owner(record), actions)

    def _set(
        self, by: Authority, place: Located, kind: Grantee, id_: str, given: frozenset[Action]
    ) -> Granted:
        key = _key(by.organization, kind, id_)
        record = self._recent.get(key).get(key)
        grants = dict(_read(kind, record).permissions) if record is not None else {}
        old = grants.pop(place.id, NOTHING)
        if not given and not old:
            raise Missing("grant")  # nobody learns by it who is there
        if record is None:
            raise Missing(kind)
        _require_no_lift(by, place, kind, id_, given - old)
        if given == old:
            return _granted(kind, record, place)
        if given:
            grants[place.id] = given
        if len(grants) > GRANTS_MOST:
            raise LimitReached(f"repositories for a {kind}'s grants", GRANTS_MOST)
        now = time_text(self._clock())
        value = {**record.value, "permissions": grants_value(grants), "updated": now}
        event = self._journal.event(
            by.organization,
            by.actor,
            f"{kind}.grant",
            subject=id_,
            repository=place.id,
            actions=sorted(given),
        )
        self._recent.commit(Put(key, value, at=record.version), witness=event)
        return _granted(kind, Record(key, value, record.version), place)

    def _everyone(self, organization: str, after: str) -> Iterator[tuple[Grantee, Record]]:
        """All groups and users behind a position, a page at a time."""
        begin, _, last = after.partition("/")
        for kind in _KINDS[_KINDS.index("user") if begin == "user" else 0 :]:
            following: str | None = last if kind == begin else ""
            while following is not None:
                page = self._recent.query(_partition(organization, kind), "", following, LOOKED_AT)
                yield from ((kind, record) for record in page.records)
                following = page.next


def require_administration(by: Authority, place: Located) -> None:
    """Return if this authority may say who does what in a repository. Raises Forbidden."""
    by.require(place, Action.ADMIN)
    if by.scoped_key is not None:
        raise Forbidden("A key with scopes manages nothing, and so gives no grants.")


def _require_no_lift(
    by: Authority, place: Located, kind: Grantee, id_: str, more: frozenset[Action]
) -> None:
    """Return if who gives may give that. Raises Forbidden."""
    if by.manages or not more:
        return
    beyond = more - by.allowed(place)
    if beyond:
        doing = ", ".join(DOING[action] for action in Action if action in beyond)
        raise Forbidden(
            f"A grant that would lift the giver above himself: you may not {doing} here yourself."
        )
    # What he has through a group, or by a pattern, must not outlast that.
    if by.is_user(id_) if kind == "user" else by.is_in(id_):
        raise Forbidden(
            "Nobody gives himself more, nor a group that he is in: another administrator can."
        )


def _granted(kind: Grantee, record: Record, place: Located) -> Granted:
    one = _read(kind, record)
    return Granted(
        kind,
        one.id,
        one.name,
        one.permissions.get(place.id, NOTHING),
        Rights.of(_patterns(one.permissions)).on(place),
    )


def _patterns(grants: Grants) -> Grants:
    return {place: actions for place, actions in grants.items() if is_pattern(place)}


def _read(kind: Grantee, record: Record) -> User | Group:
    return read_user(record) if kind == "user" else read_group(record)


def _key(organization: str, kind: Grantee, id_: str) -> Key:
    return Key(_partition(organization, kind), id_)


def _partition(organization: str, kind: Grantee) -> str:
    return keys.users(organization) if kind == "user" else keys.groups(organization)
