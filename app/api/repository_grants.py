"""`/api/repositories/NAME/grants`: who may do what there, for who administers the repository.

He learns of users and groups no more than id and name of those who are granted something there.
An address is asked for by `POST`, whose body no log on the way keeps.
"""

from collections.abc import Sequence
from typing import Any

from falcon import Request, Response

from app.api.answers import Paging, scope_of
from app.api.reading import Fields, read_fields
from app.raw.terms import named
from app.repositories import Door, Repository, RepositoryName
from app.visitors import authority_of, visitor_of
from auth.errors import InvalidField
from auth.principals import Action, Authority
from auth.records import Listing
from auth.repository_grants import Granted, Grantee, RepositoryGrants, require_administration
from middleware.declarations import by_method, on


class _OfRepository:
    """What the routes of a repository's grants share."""

    def __init__(self, door: Door, grants: RepositoryGrants) -> None:
        self._door = door
        self._grants = grants

    def _open(self, req: Request, name: str) -> tuple[Repository, Authority]:
        """The repository, and the authority over who may do what in it."""
        visitor = visitor_of(req, key_required=False)
        opened = self._door.open(visitor, RepositoryName.parse(name), Action.ADMIN)
        by = authority_of(req, named(opened))
        require_administration(by, opened.repository)
        return opened.repository, by


class GrantPages(_OfRepository):
    """`GET` and `POST /api/repositories/NAME/grants`."""

    needs = by_method(GET=on(Action.ADMIN), POST=on(Action.ADMIN))

    def __init__(self, door: Door, grants: RepositoryGrants, paging: Paging) -> None:
        super().__init__(door, grants)
        self._paging = paging

    def on_get(self, req: Request, resp: Response, name: str) -> None:
        """List who is granted something there."""
        repository, by = self._open(req, name)

        def read(after: str, limit: int) -> Listing[Granted]:
            return self._grants.list(by, repository, after, limit)

        scope = scope_of(req, repository.id)
        resp.media = self._paging.answer(req, "grants", read, _grants_json, scope)

    def on_post(self, req: Request, resp: Response, name: str) -> None:
        """Grant something to the user with an address."""
        repository, by = self._open(req, name)
        fields = read_fields(req)
        email, actions = fields.required("email"), _actions(fields)
        fields.finish()
        resp.media = _grant_json(self._grants.give(by, repository, email, actions))


class OneGrant(_OfRepository):
    """`PUT /api/repositories/NAME/grants/users/ID` and `…/groups/ID`."""

    needs = by_method(PUT=on(Action.ADMIN))

    def on_put_user(self, req: Request, resp: Response, name: str, user: str) -> None:
        """Replace what a user is granted there."""
        self._set(req, resp, name, "user", user)

    def on_put_group(self, req: Request, resp: Response, name: str, group: str) -> None:
        """Replace what a group is granted there."""
        self._set(req, resp, name, "group", group)

    def _set(self, req: Request, resp: Response, name: str, kind: Grantee, id_: str) -> None:
        repository, by = self._open(req, name)
        fields = read_fields(req)
        actions = _actions(fields)
        fields.finish()
        resp.media = _grant_json(self._grants.set(by, repository, kind, id_, actions))


def _actions(fields: Fields) -> list[str]:
    actions = fields.texts("actions")
    if actions is None:
        raise InvalidField("actions", "is missing")
    return actions


def _grants_json(grants: Sequence[Granted]) -> list[dict[str, Any]]:
    return [_grant_json(one) for one in grants]


def _grant_json(one: Granted) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "id": one.id,
        "name": one.name,
        "actions": sorted(one.actions),
        "by_pattern": sorted(one.by_pattern),
    }
