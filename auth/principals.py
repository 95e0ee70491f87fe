"""Who asks, and what he may do. Denied unless something here says otherwise.

Three things bound an action on a repository, and all of them must allow it: the role, the
grants of the user (an administrator needs none), and the scopes of the API key, if it has
any. A key with scopes manages nothing, whoever made it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from auth.errors import Forbidden
from storage.events import Actor


class Role(StrEnum):
    """What a user is in an organization."""

    ADMIN = "admin"
    DEVELOPER = "developer"
    READER = "reader"


class Action(StrEnum):
    """What can be done with the files of a repository; none of them includes another."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"


#: For ids of repositories, what is allowed there.
Grants: TypeAlias = Mapping[str, frozenset[Action]]

NOTHING: frozenset[Action] = frozenset()
EVERYTHING: frozenset[Action] = frozenset(Action)

#: The most that a role can be granted.
_REACH = {
    Role.ADMIN: EVERYTHING,
    Role.DEVELOPER: EVERYTHING,
    Role.READER: frozenset({Action.READ}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller who proved who he is.

    `scopes` is None for a password and for a key without scopes. `expires` is when the
    credential ends (aware), if it does.
    """

    organization: str
    user_id: str
    role: Role
    permissions: Grants
    method: Literal["password", "key"]
    key_id: str | None = None
    scopes: Grants | None = None
    expires: datetime | None = None

    def may(self, repository_id: str, action: Action) -> bool:
        """Whether an action on the repository with that id is allowed."""
        if action not in _REACH[self.role]:
            return False
        if self.scopes is not None and action not in self.scopes.get(repository_id, NOTHING):
            return False
        return self.role is Role.ADMIN or action in self.permissions.get(repository_id, NOTHING)

    def knows(self, repository_id: str) -> bool:
        """Whether anything there is allowed: of no other repository is the caller told."""
        return any(self.may(repository_id, action) for action in Action)

    def require(self, repository_id: str, action: Action) -> None:
        """Return if `may`. Raises Forbidden."""
        if not self.may(repository_id, action):
            raise Forbidden(f"These credentials do not allow to {action} here.")

    @property
    def manages(self) -> bool:
        """Whether this is an administrator, and not by a key with scopes."""
        return self.role is Role.ADMIN and self.scopes is None

    def require_admin(self) -> None:
        """Return if `manages`. Raises Forbidden."""
        if not self.manages:
            raise Forbidden("Only an administrator may do this, not with a key that has scopes.")

    @property
    def credential(self) -> str:
        """The credential as logs and events name it: the key's id, or `password`."""
        return self.key_id if self.key_id is not None else self.method

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

    def knows(self, repository_id: str) -> bool:
        """Whether this authority may be told that there is such a repository."""
        return isinstance(self.holder, Operator) or self.holder.knows(repository_id)

    def require_admin(self) -> None:
        """Raises Forbidden."""
        if isinstance(self.holder, Principal):
            self.holder.require_admin()

    @property
    def scoped_key(self) -> str | None:
        """The id of the key with scopes that asks, or None for any other credential."""
        if isinstance(self.holder, Operator) or self.holder.scopes is None:
            return None
        return self.holder.key_id

    def is_user(self, user_id: str) -> bool:
        """Whether that user himself asks, with whatever credential."""
        return isinstance(self.holder, Principal) and self.holder.user_id == user_id


def operating(organization: str, actor: Actor) -> Authority:
    """The authority of the command line over an organization."""
    return Authority(organization, Operator(), actor)
