"""The one door: whoever holds a repository has passed it, so no route can forget to ask.

The read that checks a grant carries whatever else the request needs: a request costs as
many round trips with the check as it would without.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.repositories.names import RepositoryName
from app.repositories.repository import Repository
from auth.claims import Claim
from auth.errors import Forbidden, SecondFactorNeeded
from auth.principals import NOTHING, Action, Principal, Role
from storage import keys
from storage.metadata import Key, Record
from storage.metadata.recent import Recent

_MOST_SEEN = 2_000


class RepositoryHidden(Exception):
    """There is no such repository, or none that this visitor may know of."""


class UndeclaredAction(Exception):
    """A fault of ours: a route asked for an action that it does not declare."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who stands at the door: an organization's id, and a claim or (publicly) none.

    With `key_required` an administrator's password opens nothing: it is worth too much to
    lie in the settings of a build. Without it even what is read is decided by records read
    afresh. `confirmed` is told who it is as soon as that is proven, whatever he is then
    allowed. `actions` are what the route declares: none but these can be asked for.
    """

    organization: str
    claim: Claim | None
    key_required: bool = True
    confirmed: Callable[[Principal], None] = lambda _: None
    actions: frozenset[Action] = NOTHING


@dataclass(frozen=True, slots=True)
class Opened:
    """A repository that the visitor may act on, who he is, and the records asked for."""

    repository: Repository
    principal: Principal | None
    records: Mapping[Key, Record]


#: Given a repository, the records that the request needs of it.
Wanted = Callable[[Repository], Sequence[Key]]


class Door:
    """Opens repositories."""

    def __init__(self, recent: Recent) -> None:
        self._recent = recent
        # Repositories as they were last seen, however long ago: only to guess which records
        # a change will need, so that they come with the read that checks the guess.
        self._seen: dict[Key, tuple[Record, Repository]] = {}

    def open(
        self,
        visitor: Visitor,
        name: RepositoryName,
        action: Action,
        wanted: Wanted = lambda _: (),
    ) -> Opened:
        """Open a repository to do `action` in it.

        A read goes by records at most 10 s old and then reads what is wanted; a change
        reads everything afresh, in one round trip where the repository was seen before.

        Raises:
            RepositoryHidden: it is not there, or the visitor may not know of it.
            UndeclaredAction: the route does not declare that it does this.
            Forbidden: the visitor may do other things, but not this.
            NotAuthenticated, TooManyAttempts: from the claim.
        """
        if action not in visitor.actions:
            raise UndeclaredAction(action)
        if action is Action.READ and visitor.key_required:
            return self._open_to_read(visitor, name, wanted)
        return self._open_to_change(visitor, name, action, wanted)

    def _open_to_read(self, visitor: Visitor, name: RepositoryName, wanted: Wanted) -> Opened:
        key = keys.repository(visitor.organization, name.text)
        records = self._recent.cached(*_needs(visitor), key)
        repository, principal = self._admit(visitor, name, Action.READ, records)
        missing = wanted(repository)
        found = self._recent.get(*missing) if missing else {}
        return Opened(repository, principal, found)

    def _open_to_change(
        self, visitor: Visitor, name: RepositoryName, action: Action, wanted: Wanted
    ) -> Opened:
        key = keys.repository(visitor.organization, name.text)
        seen = self._seen.get(key)
        guessed = wanted(seen[1]) if seen is not None else ()
        records = self._recent.fresh((*_needs(visitor), key), *guessed)
        repository, principal = self._admit(visitor, name, action, records)
        needed = wanted(repository)
        if not set(needed) <= set(guessed):  # seen for the first time, or made anew since
            records |= self._recent.get(*needed)
        return Opened(repository, principal, records)

    def _admit(
        self, visitor: Visitor, name: RepositoryName, action: Action, records: Mapping[Key, Record]
    ) -> tuple[Repository, Principal | None]:
        # Who it is comes first: a wrong credential learns nothing about repositories.
        principal = None if visitor.claim is None else visitor.claim.confirm(records)
        if principal is not None:
            visitor.confirmed(principal)
        if principal is not None and principal.enrolling:
            raise SecondFactorNeeded(enrolled=False)
        if principal is not None and visitor.key_required and _is_too_precious(principal):
            raise Forbidden("An administrator's password is not taken here: use an API key.")
        repository = self._read(visitor.organization, name, records)
        if principal is None:
            if not (repository.public and action is Action.READ):
                raise RepositoryHidden(name.text)
            return repository, None
        # Whoever may do something here knows of it: a key that only uploads gets a 403.
        if not principal.knows(repository):
            raise RepositoryHidden(name.text)
        principal.require(repository, action)
        return repository, principal

    def _read(
        self, organization: str, name: RepositoryName, records: Mapping[Key, Record]
    ) -> Repository:
        key = keys.repository(organization, name.text)
        record = records.get(key)
        if record is None:
            raise RepositoryHidden(name.text)
        seen = self._seen.get(key)
        if seen is not None and seen[0] is record:
            return seen[1]
        repository = Repository.read(organization, record)
        if len(self._seen) >= _MOST_SEEN:
            self._seen.clear()
        self._seen[key] = (record, repository)
        return repository


def _needs(visitor: Visitor) -> tuple[Key, ...]:
    return () if visitor.claim is None else visitor.claim.needs()


def _is_too_precious(principal: Principal) -> bool:
    return principal.method == "password" and principal.role is Role.ADMIN
