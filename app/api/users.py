"""`/api/user` and `/api/users`: administrators manage people, everyone sees himself."""

from collections.abc import Mapping, Sequence
from typing import Any

from falcon import HTTP_201, HTTP_204, Request, Response

from app.api.answers import (
    Paging,
    scope_of,
    scoped_json,
    user_json,
    users_json,
    whole_user_json,
)
from app.api.grants import by_ids, read_permissions
from app.api.reading import read_fields
from app.repositories import Catalogue
from app.visitors import authority_of, confirmed, confirmed_with
from auth.errors import InvalidField
from auth.groups import Groups
from auth.invitations import Invitations
from auth.principals import Authority
from auth.records import Listing, User
from auth.user_changes import UserChanges
from auth.users import Users as UserService
from middleware.declarations import MANAGER, MEMBER, SELF, by_method
from storage.metadata import Key, Record
from storage.metadata.recent import Recent


class People:
    """What the routes of users share."""

    def __init__(self, recent: Recent, users: UserService, catalogue: Catalogue) -> None:
        self._recent = recent
        self._users = users
        self._catalogue = catalogue

    def _authority(self, req: Request) -> Authority:
        return authority_of(req, confirmed(req, self._recent))

    def _show(self, by: Authority, user: User) -> dict[str, Any]:
        return users_json(self._catalogue, by.organization, [user])[0]


class _Whole(People):
    """What shows one user with his groups."""

    def __init__(
        self, recent: Recent, users: UserService, catalogue: Catalogue, groups: Groups
    ) -> None:
        super().__init__(recent, users, catalogue)
        self._groups = groups

    def _show_whole(
        self, by: Authority, user: User, records: Mapping[Key, Record]
    ) -> dict[str, Any]:
        groups = self._groups.those(by.organization, user.groups, records)
        return whole_user_json(self._catalogue, by.organization, user, groups)


class Me(_Whole):
    """`GET /api/user`: who the credential is."""

    needs = by_method(GET=SELF)

    def on_get(self, req: Request, resp: Response) -> None:
        """Show the caller to himself; a key with scopes learns no more than those."""
        # What a claim rests on holds the user's record.
        principal, records = confirmed_with(req, self._recent, lambda _: ())
        if principal.scopes is not None:
            resp.media = scoped_json(self._catalogue, principal)
            return
        by = authority_of(req, principal)
        user = self._users.get(by, principal.user_id, records)
        resp.media = self._show_whole(by, user, records)


class Users(People):
    """`GET` and `POST /api/users`."""

    needs = by_method(GET=MANAGER, POST=MANAGER)

    def __init__(
        self, recent: Recent, users: UserService, catalogue: Catalogue, paging: Paging
    ) -> None:
        super().__init__(recent, users, catalogue)
        self._paging = paging

    def on_get(self, req: Request, resp: Response) -> None:
        """List users."""
        by = self._authority(req)

        def read(after: str, limit: int) -> Listing[User]:
            return self._users.list(by, after, limit)

        def show(users: Sequence[User]) -> list[dict[str, Any]]:
            return users_json(self._catalogue, by.organization, users)

        resp.media = self._paging.answer(req, "users", read, show, scope_of(req))

    def on_post(self, req: Request, resp: Response) -> None:
        """Make a user."""
        by = self._authority(req)
        fields = read_fields(req)
        email, role = fields.required("email"), fields.required("role")
        name = fields.text("name", "") or email.partition("@")[0]
        password = fields.text("password")
        active, invite = fields.flag("active"), fields.flag("invite")
        given = read_permissions(self._catalogue, by, fields)
        fields.finish()
        user = self._users.create(
            by,
            email=email,
            name=name,
            role=role,
            password=password,
            active=active is not False,
            permissions=given.grants,
            repositories=given.names,
            invite=invite is True,
        )
        resp.status = HTTP_201
        resp.set_header("Location", f"/api/users/{user.id}")
        resp.media = user_json(user, given.names)


class OneUser(_Whole):
    """`GET`, `PATCH` and `DELETE /api/users/ID`."""

    needs = by_method(GET=MEMBER, PATCH=MEMBER, DELETE=MANAGER)

    def on_get(self, req: Request, resp: Response, user: str) -> None:
        """Show a user: to administrators, and to himself."""
        principal, records = confirmed_with(
            req, self._recent, lambda at: self._users.needs(at, user)
        )
        by = authority_of(req, principal)
        resp.media = self._show_whole(by, self._users.get(by, user, records), records)

    def on_patch(self, req: Request, resp: Response, user: str) -> None:
        """Change a user: an administrator anyone, a user his own name and password."""
        by = self._authority(req)
        fields = read_fields(req)
        changes = UserChanges(
            email=fields.text("email"),
            name=fields.text("name"),
            role=fields.text("role"),
            active=fields.flag("active"),
            password=fields.text("password"),
            current_password=fields.text("current_password"),
        )
        fields.finish()
        resp.media = self._show(by, self._users.update(by, user, changes))

    def on_delete(self, req: Request, resp: Response, user: str) -> None:
        """Delete a user with his keys, at once."""
        self._users.delete(self._authority(req), user)
        resp.status = HTTP_204


class Invitation(People):
    """`POST /api/users/ID/invitation`."""

    needs = by_method(POST=MANAGER)

    def __init__(
        self, recent: Recent, users: UserService, catalogue: Catalogue, invitations: Invitations
    ) -> None:
        super().__init__(recent, users, catalogue)
        self._invitations = invitations

    def on_post(self, req: Request, resp: Response, user: str) -> None:
        """Mail a user an invitation, in place of the one that he had."""
        by = self._authority(req)
        read_fields(req, optional=True).finish()
        resp.media = self._show(by, self._invitations.invite(by, user))


class Permissions(People):
    """`PUT /api/users/ID/permissions`."""

    needs = by_method(PUT=MANAGER)

    def on_put(self, req: Request, resp: Response, user: str) -> None:
        """Replace what a user is granted, all of it."""
        by = self._authority(req)
        fields = read_fields(req)
        given = fields.actions("repositories")
        if given is None:
            raise InvalidField("repositories", "is missing")
        fields.finish()
        found = by_ids(self._catalogue, by, "repositories", given)
        changed = self._users.set_permissions(by, user, found.grants, found.names)
        resp.media = user_json(changed, found.names)
