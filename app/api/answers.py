"""The JSON forms of what the API shows, and the paging that its lists share."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from falcon import Request

from app.api.reading import query_number
from app.cursors import Cursors
from app.repositories import Catalogue, Repository
from app.usage import Usage
from auth.patterns import is_pattern
from auth.principals import Grants, Principal, Rights, names_of
from auth.records import ApiKey, Group, Listing, User
from middleware.context import context_of

Item = TypeVar("Item")

MOST_ITEMS = 1_000
ITEMS = 100


@dataclass(frozen=True, slots=True)
class Paging:
    """A list's page: `?limit=` items behind the cursor `?after=`."""

    cursors: Cursors

    def answer(
        self,
        req: Request,
        name: str,
        read: Callable[[str, int], Listing[Item]],
        show: Callable[[Sequence[Item]], Sequence[Mapping[str, Any]]],
        scope: tuple[str, ...],
    ) -> dict[str, Any]:
        """One page as JSON: the items under `name`, and `next`, a cursor or null."""
        limit = query_number(req, "limit", 1, MOST_ITEMS, ITEMS)
        cursor = req.get_param("after")
        after = self.cursors.open(cursor, *scope) if cursor else ""
        page = read(after, limit)
        return {
            name: show(page.items),
            "next": self.cursors.seal(page.next, *scope) if page.next is not None else None,
        }


def scope_of(req: Request, *parts: str) -> tuple[str, ...]:
    """What a cursor is bound to: the caller, the route, and whatever filters the list."""
    context = context_of(req)
    return (context.organization or "", context.user or "", context.route, *parts)


def repositories_json(repositories: Iterable[Repository]) -> list[dict[str, Any]]:
    """Repositories as the API shows them."""
    return [repository_json(repository) for repository in repositories]


def users_json(
    catalogue: Catalogue, organization: str, users: Sequence[User]
) -> list[dict[str, Any]]:
    """Users as the API shows them, with one read for the names of a hundred repositories."""
    names = _names(catalogue, organization, (user.permissions for user in users))
    return [user_json(user, names) for user in users]


def keys_json(
    catalogue: Catalogue, organization: str, keys: Sequence[ApiKey]
) -> list[dict[str, Any]]:
    """API keys as the API shows them, with one read for the names of a hundred repositories."""
    names = _names(catalogue, organization, (key.scopes or {} for key in keys))
    return [key_json(key, names) for key in keys]


def scoped_json(catalogue: Catalogue, principal: Principal) -> dict[str, Any]:
    """What a key with scopes is told of itself: nothing of its user but his id.

    Such a key lies in the settings of a build, where others read it too.
    """
    rights = principal.scopes or Rights()
    scopes = rights.grants
    names = _names(catalogue, principal.organization, [scopes])
    return {
        "id": principal.user_id,
        "key": principal.key_id,
        "scopes": grants_json(scopes, names),
        "expires": time_text(principal.expires),
    }


def _names(catalogue: Catalogue, organization: str, grants: Iterable[Grants]) -> Mapping[str, str]:
    return catalogue.names(organization, names_of(grants))


def repository_json(repository: Repository) -> dict[str, Any]:
    """A repository as the API shows it."""
    return {
        "name": repository.name,
        "format": repository.format.value,
        "kind": repository.kind.value,
        "policy": repository.policy,
        "public": repository.public,
        "overwrite": repository.overwrite,
        "audit_reads": repository.audit_reads,
        "restore_days": repository.restore_days,
        "quota_bytes": repository.quota_bytes,
        "created": time_text(repository.created),
    }


def usage_json(usage: Usage) -> dict[str, int]:
    """What is held, as the API shows it."""
    return dataclasses.asdict(usage)


def user_json(user: User, names: Mapping[str, str]) -> dict[str, Any]:
    """A user as the API shows him; `names` are those of repositories by id."""
    return {
        "id": user.id,
        "email": user.email,
        "user_name": user.user_name,
        "name": user.name,
        "role": user.role.value,
        "active": user.active,
        "permissions": {"repositories": grants_json(user.permissions, names)},
        "second_factor": user.second_factor,
        "invited_until": time_text(user.invited_until),
        "created": time_text(user.created),
        "updated": time_text(user.updated),
    }


def whole_user_json(
    catalogue: Catalogue, organization: str, user: User, groups: Sequence[Group]
) -> dict[str, Any]:
    """A user with the names of his groups, and with all that he is granted by them and himself:
    his role may allow less of it."""
    granted = Rights.of(user.permissions, *(group.permissions for group in groups)).grants
    names = _names(catalogue, organization, [granted])
    return user_json(user, names) | {
        "groups": [{"id": group.id, "name": group.name} for group in groups],
        "granted": {"repositories": grants_json(granted, names)},
    }


def key_json(key: ApiKey, names: Mapping[str, str]) -> dict[str, Any]:
    """An API key as the API shows it, without its secret."""
    return {
        "id": key.id,
        "user": key.user_id,
        "owner": key.owner,
        "name": key.name,
        "scopes": None if key.scopes is None else grants_json(key.scopes, names),
        "expires": time_text(key.expires),
        "renewable": key.renewable,
        "successor": key.successor,
        "created": time_text(key.created),
        "last_used": time_text(key.last_used),
    }


def grants_json(grants: Grants, names: Mapping[str, str]) -> dict[str, list[str]]:
    """Grants by the names of repositories, and by patterns; those of repositories that are gone
    are left out."""
    shown = {place: place if is_pattern(place) else names.get(place) for place in sorted(grants)}
    return {
        name: sorted(action.value for action in grants[place])
        for place, name in shown.items()
        if name is not None
    }


def time_text(moment: datetime | None) -> str | None:
    """A time as the API writes it: UTC, to the second."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
