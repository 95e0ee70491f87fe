"""Repositories that a suspect may have opened to others: whose rules, retention or grants he
changed, and who can read them now.

What was changed is told by history; who may read, by what users, groups and subscribers are
granted at the time of the report.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from app.incidents.told import Told
from app.repositories import Catalogue, Repository
from auth.callers import groups_among, principal_by_password
from auth.errors import CorruptRecord
from auth.patterns import fits, is_pattern
from auth.principals import Action
from storage import keys
from storage.events import Event
from storage.metadata import Metadata

_RULES = "repository.update"
_RETENTION = "repository.retention"
_GRANTS = "grants"


def opened(event: Event) -> Iterator[tuple[str, str]]:
    """What an event changed of repositories: each by its id or a pattern of names, and what."""
    details = event.details
    repository, permissions = details.get("repository"), details.get("permissions")
    if isinstance(repository, str):
        if event.action == _RULES:
            changed = sorted(details.keys() - {"repository"})
            yield from ((repository, name) for name in changed or ["rules"])
        elif event.action == _RETENTION:
            yield repository, "retention"
        elif event.action.endswith(".grant"):
            yield repository, _GRANTS
    if isinstance(permissions, Mapping):
        yield from ((place, _GRANTS) for place in permissions)


class OpenedRepositories:
    """Tells of the repositories of one organization who can read them."""

    def __init__(self, metadata: Metadata, organization: str, catalogue: Catalogue) -> None:
        self._metadata = metadata
        self._organization = organization
        self._catalogue = catalogue

    def rows(self, changed: Mapping[str, Set[str]]) -> list[dict[str, Any]]:
        """The repositories that are still there, with what was changed of each, whether anybody
        can read it, and the ids of all users and subscribers who can."""
        if not changed:
            return []
        found = {
            one.id: (one, what)
            for one in self._catalogue.every(self._organization)
            if (what := _of(one, changed))
        }
        readers = self._readers([one for one, _ in found.values()])
        return [
            {
                "repository": one.name,
                "changed": sorted(what),
                "public": one.public,
                "readers": sorted(readers[one.id]),
            }
            for one, what in found.values()
        ]

    def _readers(self, repositories: Iterable[Repository]) -> dict[str, set[str]]:
        readers: dict[str, set[str]] = {one.id: set() for one in repositories}
        org = self._organization
        groups = {one.key: one for one in self._metadata.query_all(keys.groups(org))}
        for user in self._metadata.query_all(keys.users(org)):
            if user.value.get("active") is not True:
                continue
            try:
                # All groups are at hand: one that is not is gone, and grants nothing.
                of_user = groups_among(org, user, groups, lambda *_: {})
                principal = principal_by_password(org, user, of_user)
            except CorruptRecord:
                continue
            for one in repositories:
                if principal.may(one, Action.READ):
                    readers[one.id].add(user.key.sort)
        # By names, which it gives back: no two repositories have the same.
        ids = {one.name: one.id for one in repositories}
        told = Told(self._metadata, org).subscribers({one.id: one.name for one in repositories})
        for subscriber, names in told.items():
            for name in names:
                readers[ids[name]].add(subscriber)
        return readers


def _of(repository: Repository, changed: Mapping[str, Set[str]]) -> set[str]:
    return {
        what
        for place, all_of_it in changed.items()
        for what in all_of_it
        if place == repository.id or (is_pattern(place) and fits(place, repository.name))
    }
