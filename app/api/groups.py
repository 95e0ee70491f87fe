"""`/api/groups`: groups of users and what they are granted, for administrators."""

from collections.abc import Sequence
from typing import Any

from falcon import HTTP_201, HTTP_204, Request, Response

from app.api.answers import Paging, grants_json, scope_of, time_text
from app.api.grants import by_ids, read_permissions
from app.api.reading import read_fields
from app.repositories import Catalogue
from app.visitors import authority_of, confirmed, confirmed_with
from auth.errors import InvalidField
from auth.groups import GroupChanges
from auth.groups import Groups as GroupService
from auth.memberships import Memberships
from auth.principals import Authority, names_of
from auth.records import Group, Listing, User
from middleware.declarations import MANAGER, by_method
from storage.metadata.recent import Recent

#: Users that one request adds to a group and removes from it.
CHANGED_MOST = 1_000


class _OfGroups:
    """What the routes of groups share."""

    def __init__(self, recent: Recent, groups: GroupService, catalogue: Catalogue) -> None:
        self._recent = recent
        self._groups = groups
        self._catalogue = catalogue

    def _authority(self, req: Request) -> Authority:
        return authority_of(req, confirmed(req, self._recent))

    def _show(self, by: Authority, group: Group) -> dict[str, Any]:
        return groups_json(self._catalogue, by.organization, [group])[0]


class Groups(_OfGroups):
    """`GET` and `POST /api/groups`."""

    needs = by_method(GET=MANAGER, POST=MANAGER)

    def __init__(
        self, recent: Recent, groups: GroupService, catalogue: Catalogue, paging: Paging
    ) -> None:
        super().__init__(recent, groups, catalogue)
        self._paging = paging

    def on_get(self, req: Request, resp: Response) -> None:
        """List groups."""
        by = self._authority(req)

        def read(after: str, limit: int) -> Listing[Group]:
            return self._groups.list(by, after, limit)

        def show(groups: Sequence[Group]) -> list[dict[str, Any]]:
            return groups_json(self._catalogue, by.organization, groups)

        resp.media = self._paging.answer(req, "groups", read, show, scope_of(req))

    def on_post(self, req: Request, resp: Response) -> None:
        """Make a group."""
        by = self._authority(req)
        fields = read_fields(req)
        name = fields.required("name")
        given = read_permissions(self._catalogue, by, fields)
        fields.finish()
        group = self._groups.create(
            by, name=name, permissions=given.grants, repositories=given.names
        )
        resp.status = HTTP_201
        resp.set_header("Location", f"/api/groups/{group.id}")
        resp.media = self._show(by, group)


class OneGroup(_OfGroups):
    """`GET`, `PATCH` and `DELETE /api/groups/ID`."""

    needs = by_method(GET=MANAGER, PATCH=MANAGER, DELETE=MANAGER)

    def on_get(self, req: Request, resp: Response, group: str) -> None:
        """Show a group."""
        principal, records = confirmed_with(
            req, self._recent, lambda at: self._groups.needs(at, group)
        )
        by = authority_of(req, principal)
        resp.media = self._show(by, self._groups.get(by, group, records))

    def on_patch(self, req: Request, resp: Response, group: str) -> None:
        """Rename a group."""
        by = self._authority(req)
        fields = read_fields(req)
        changes = GroupChanges(name=fields.text("name"))
        fields.finish()
        resp.media = self._show(by, self._groups.update(by, group, changes))

    def on_delete(self, req: Request, resp: Response, group: str) -> None:
        """Delete a group: what it granted is nobody's any more."""
        self._groups.delete(self._authority(req), group)
        resp.status = HTTP_204


class GroupPermissions(_OfGroups):
    """`PUT /api/groups/ID/permissions`."""

    needs = by_method(PUT=MANAGER)

    def on_put(self, req: Request, resp: Response, group: str) -> None:
        """Replace what a group grants, all of it."""
        by = self._authority(req)
        fields = read_fields(req)
        given = fields.actions("repositories")
        if given is None:
            raise InvalidField("repositories", "is missing")
        fields.finish()
        found = by_ids(self._catalogue, by, "repositories", given)
        changed = self._groups.set_permissions(by, group, found.grants, found.names)
        resp.media = self._show(by, changed)


class Members:
    """`GET` and `POST /api/groups/ID/members`."""

    needs = by_method(GET=MANAGER, POST=MANAGER)

    def __init__(self, recent: Recent, memberships: Memberships, paging: Paging) -> None:
        self._recent = recent
        self._memberships = memberships
        self._paging = paging

    def on_get(self, req: Request, resp: Response, group: str) -> None:
        """List who is in a group."""
        by = authority_of(req, confirmed(req, self._recent))

        def read(after: str, limit: int) -> Listing[User]:
            return self._memberships.list(by, group, after, limit)

        resp.media = self._paging.answer(req, "members", read, _members_json, scope_of(req, group))

    def on_post(self, req: Request, resp: Response, group: str) -> None:
        """Add and remove members, many at once."""
        by = authority_of(req, confirmed(req, self._recent))
        fields = read_fields(req)
        add, remove = fields.texts("add") or [], fields.texts("remove") or []
        fields.finish()
        if len(add) + len(remove) > CHANGED_MOST:
            most = f"takes at most {CHANGED_MOST} users at once, together with 'remove'"
            raise InvalidField("add", most)
        changed = self._memberships.change(by, group, add, remove)
        resp.media = {"added": len(changed.added), "removed": len(changed.removed)}


class OneMember:
    """`PUT` and `DELETE /api/groups/ID/members/USER`."""

    needs = by_method(PUT=MANAGER, DELETE=MANAGER)

    def __init__(self, recent: Recent, memberships: Memberships) -> None:
        self._recent = recent
        self._memberships = memberships

    def on_put(self, req: Request, resp: Response, group: str, user: str) -> None:
        """Have a user in a group."""
        by = authority_of(req, confirmed(req, self._recent))
        read_fields(req, optional=True).finish()
        self._memberships.add(by, group, user)
        resp.status = HTTP_204

    def on_delete(self, req: Request, resp: Response, group: str, user: str) -> None:
        """Take a user out of a group."""
        self._memberships.remove(authority_of(req, confirmed(req, self._recent)), group, user)
        resp.status = HTTP_204


def groups_json(
    catalogue: Catalogue, organization: str, groups: Sequence[Group]
) -> list[dict[str, Any]]:
    """Groups as the API shows them, with one read for the names of a hundred repositories."""
    names = catalogue.names(organization, names_of(group.permissions for group in groups))
    return [
        {
            "id": group.id,
            "name": group.name,
            "permissions": {"repositories": grants_json(group.permissions, names)},
            "created": time_text(group.created),
            "updated": time_text(group.updated),
        }
        for group in groups
    ]


def _members_json(users: Sequence[User]) -> list[dict[str, Any]]:
    return [{"id": user.id, "email": user.email, "name": user.name} for user in users]
