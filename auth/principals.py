"""Who asks, and what he may do. Denied unless something here says otherwise.

Three things bound an action on a repository, and all of them must allow it: the role, the
grants of the user and his groups (an administrator needs none), and the scopes of the API
key, if it has any. A key with scopes manages nothing, whoever made it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, Protocol, TypeAlias

from auth.errors import Forbidden
from auth.patterns import fits, is_pattern
from storage.events import Actor


class Role(StrEnum):
    """What a user is in an organization."""

    ADMIN = "admin"
    DEVELOPER = "developer"
    READER = "reader"


class Action(StrEnum):
    """What can be done with a repository; none of them includes another.

    `claim` is to publish a name that a proxy beside it serves already; `admin` is to change
    the repository itself: its rules, who may do what in it, its deletion.
    """

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    CLAIM = "claim"
    ADMIN = "admin"


#: What Principal is: a user of the organization, somebody outside it who reads what it
#: distributes, or the token of a provisioning service.
Kind: TypeAlias = Literal["member", "subscriber", "scim"]

#: For ids of repositories, or patterns of their names, what is allowed there.
Grants: TypeAlias = Mapping[str, frozenset[Action]]

NOTHING: frozenset[Action] = frozenset()
EVERYTHING: frozenset[Action] = frozenset(Action)

#: The most that a role can be granted.
REACH = {
    Role.ADMIN: EVERYTHING,
    Role.DEVELOPER: EVERYTHING,
    Role.READER: frozenset({Action.READ}),
}
DOING = {
    Action.READ: "read",
    Action.WRITE: "write",
    Action.DELETE: "delete",
    Action.CLAIM: "claim names",
    Action.ADMIN: "administer",
}


class Located(Protocol):
    """A repository, as far as grants know it: by its id and its name."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Site:
    """A repository of which no more is known; without a name no pattern fits it."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    """Grants, parted into those by id and those by pattern, for who asks often."""

    by_id: Grants = field(default_factory=lambda: MappingProxyType({}))
    by_pattern: tuple[tuple[str, frozenset[Action]], ...] = ()

    @classmethod
    def of(cls, *granted: Grants) -> "Rights":
        """All that several grants give together."""
        by_id: dict[str, frozenset[Action]] = {}
        patterns: dict[str, frozenset[Action]] = {}
        for grants in granted:
            for place, actions in grants.items():
                into = patterns if is_pattern(place) else by_id
                into[place] = into.get(place, NOTHING) | actions
        return cls(MappingProxyType(by_id), tuple(patterns.items()))

    @property
    def grants(self) -> Grants:
        """All of them, as one map."""
        return {**self.by_id, **dict(self.by_pattern)}

    def on(self, place: Located) -> frozenset[Action]:
        """What is granted on a repository."""
        actions = self.by_id.get(place.id, NOTHING)
        for pattern, more in self.by_pattern:
            if not more <= actions and fits(pattern, place.name):
                actions |= more
        return actions


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller who proved who he is.

    `scopes` is None for a password, a session and a key without scopes. `expires` is when
    the credential ends (aware), if it does. `groups` are ids. `enrolling` is set for who
    still has to set up the second factor that the organization requires: until then he may
    do nothing else. `raises` is set for a provisioning service that may make administrators.
    """

    organization: str
    user_id: str
    role: Role
    permissions: Rights
    method: Literal["password", "key", "session"]
    key_id: str | None = None
    scopes: Rights | None = None
    expires: datetime | None = None
    kind: Kind = "member"
    session_id: str | None = None
    groups: tuple[str, ...] = ()
    second_factor: bool = False
    enrolling: bool = False
    raises: bool = False

    def may(self, place: Located, action: Action) -> bool:
        """Whether an action on a repository is allowed."""
        if action not in REACH[self.role] or self.enrolling or self.kind == "scim":
            return False
        if self.scopes is not None and action not in self.scopes.on(place):
            return False
        return self.role is Role.ADMIN or action in self.permissions.on(place)

    def allowed(self, place: Located) -> frozenset[Action]:
        """All that is allowed on a repository."""
        return frozenset(action for action in Action if self.may(place, action))

    def knows(self, place: Located) -> bool:
        """Whether anything there is allowed: of no other repository is the caller told."""
        return any(self.may(place, action) for action in Action)

    def require(self, place: Located, action: Action) -> None:
        """Return if `may`. Raises Forbidden."""
        if not self.may(place, action):
            raise Forbidden(f"These credentials do not allow to {DOING[action]} here.")

    @property
    def granted(self) -> Rights:
        """Where anything may be allowed at all, by the fewest of what has to allow it: with
        patterns only where neither he nor his credential does without."""
        if self.scopes is None:
            return self.permissions
        if self.role is Role.ADMIN or not self.scopes.by_pattern or self.permissions.by_pattern:
            return self.scopes
        return self.permissions

    @property
    def manages(self) -> bool:
        """Whether this is an administrator, and not by a key with scopes."""
        return (
            self.role is Role.ADMIN
            and self.scopes is None
            and self.kind == "member"
            and not self.enrolling
        )

    def require_admin(self) -> None:
        """Return if `manages`. Raises Forbidden."""
        if not self.manages:
            raise Forbidden("Only an administrator may do this, not with a key that has scopes.")

    @property
    def credential(self) -> str:
        """The credential as logs and events name it: the id of the key or session, or
        `password`."""
        return self.key_id or self.session_id or self.method

    def acting(
        self, request: str | None, address: str | None = None, agent: str | None = None
    ) -> "Authority":
        """The authority of this caller in one request, for what changes something."""
        actor = Actor(self.user_id, self.credential, request, address, agent)
        return Authority(self.organization, self, actor)


@dataclass(frozen=True, slots=True)
class Operator:
    """Whoever has the machine's command line: he could change the store itself."""


@dataclass(frozen=True, slots=True)
class Authority:
    """On whose word something is changed in an organization, and who history says it was.

    Made by `Principal.acting` or `operating`, so that the two cannot differ.
    """

    organization: str
    holder: Principal | Operator
    actor: Actor

    @property
    def manages(self) -> bool:
        return isinstance(self.holder, Operator) or self.holder.manages

    def knows(self, place: Located) -> bool:
        """Whether this authority may be told that there is such a repository."""
        return isinstance(self.holder, Operator) or self.holder.knows(place)

    def allowed(self, place: Located) -> frozenset[Action]:
        """All that this authority may do on a repository, and so the most that it may give."""
        return EVERYTHING if isinstance(self.holder, Operator) else self.holder.allowed(place)

    def require(self, place: Located, action: Action) -> None:
        """Raises Forbidden."""
        if isinstance(self.holder, Principal):
            self.holder.require(place, action)

    def require_admin(self) -> None:
        """Raises Forbidden."""
        if isinstance(self.holder, Principal):
            self.holder.require_admin()

    def require_provisioning(self) -> None:
        """Return where users and groups may be provisioned: by the token of a provisioning
        service in its own organization, or by whoever manages it. Raises Forbidden."""
        holder = self.holder
        if isinstance(holder, Principal) and holder.kind == "scim":
            if holder.organization == self.organization:
                return
            raise Forbidden("This token is another organization's.")
        self.require_admin()

    @property
    def scoped_key(self) -> str | None:
        """The id of the key with scopes that asks, or None for any other credential."""
        if isinstance(self.holder, Operator) or self.holder.scopes is None:
            return None
        return self.holder.key_id

    def is_user(self, user_id: str) -> bool:
        """Whether that user himself asks, with whatever credential."""
        return isinstance(self.holder, Principal) and self.holder.user_id == user_id

    def is_in(self, group_id: str) -> bool:
        """Whether a user asks who is in that group."""
        return isinstance(self.holder, Principal) and group_id in self.holder.groups


def operating(organization: str, actor: Actor) -> Authority:
    """The authority of the command line over an organization."""
    return Authority(organization, Operator(), actor)


def names_of(granted: Iterable[Grants]) -> list[str]:
    """The ids of all repositories that grants name, in order, without patterns."""
    return sorted({one for grants in granted for one in grants if not is_pattern(one)})
