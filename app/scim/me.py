"""`GET /scim/v2/Me`: a user by his own credential (RFC 7644, section 3.11)."""

from falcon import HTTP_304, Request, Response

from app.scim.media import show
from app.scim.operations import Operations
from app.scim.pages import projection_of
from app.scim.routing import Routing
from app.scim.user_resources import user_resource, user_version
from app.scim.versions import is_known
from auth.errors import Forbidden
from auth.groups import Groups
from auth.provisioned_users import ProvisionedUsers
from middleware.declarations import MEMBER, by_method


class Me:
    """`GET /scim/v2/Me`. Others change him: an administrator, his provider, or he himself by
    `PATCH /api/users/ID`."""

    needs = by_method(GET=MEMBER)

    def __init__(
        self, routing: Routing, users: ProvisionedUsers, groups: Groups, operations: Operations
    ) -> None:
        self._routing = routing
        self._users = users
        self._groups = groups
        self._operations = operations

    def on_get(self, req: Request, resp: Response) -> None:
        """Show the caller to himself; not by a key with scopes, which others may read too."""
        by, records = self._routing.reading(req, lambda _: ())
        if by.scoped_key is not None:
            raise Forbidden("A key with scopes is told nothing of its user.")
        projection = projection_of(req, self._operations)
        found = self._users.own(by, records)
        groups = self._groups.of_users(by.organization, [found.user])[found.user.id]
        base, version = self._routing.base(req), user_version(found.user)
        resp.set_header("Content-Location", f"{base}/Users/{found.user.id}")
        if is_known(req, version):
            resp.status = HTTP_304
            resp.set_header("ETag", version)
        else:
            show(resp, projection.show(user_resource(found, groups, base)), 200, version)
