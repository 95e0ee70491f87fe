"""What each route offers and needs, declared beside it and read in one place.

A resource class says in `needs`, for each of its methods, who may call it and what for. One
that says nothing is answered 500, so that a route can't be open because somebody forgot; and
what it says is enforced here and by the doors of repositories, not by the route. The router
remembers every template with its methods, so that tests walk what is served and not a list
that was written by hand.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

from falcon import Request, Response
from falcon.routing import CompiledRouter, set_default_responders

from auth.errors import Forbidden, SecondFactorNeeded
from auth.principals import Action, Principal
from middleware.context import context_of
from middleware.problems import Problem

#: Answered before the host and TLS are looked at: a load balancer asks by address, in clear.
#: Exactly these, and their routes declare `HEALTH`.
HEALTH_PATHS = frozenset({"/healthz", "/readyz"})

_FOLDER = ":path}/"


class Who(Enum):
    """Who may call a method of a route."""

    ANYBODY = "anybody"  # no credential is read
    HEALTH = "health"  # anybody, at once: no credential is read, and no place is waited for
    GUEST = "guest"  # anybody; the cookie of a session is read where there is a good one
    VISITOR = "visitor"  # whoever may do one of the actions in the repository that is named
    SELF = "self"  # a user, also while he still has to set up his second factor
    MEMBER = "member"  # a user of the organization
    MANAGER = "manager"  # an administrator, not by a key with scopes
    SCIM = "scim"  # a provisioning service, by its token


@dataclass(frozen=True, slots=True)
class Need:
    """What a method of a route needs; `actions` are for VISITOR, and hold all that it may ask
    the door of the repository for."""

    who: Who
    actions: frozenset[Action] = frozenset()

    @property
    def identified(self) -> bool:
        """Whether credentials have to be there."""
        return self.who not in (Who.ANYBODY, Who.HEALTH, Who.GUEST)

    def admit(self, principal: Principal) -> None:
        """Return if the principal may call it, as far as that is not a repository's to say.

        Raises Forbidden.
        """
        if self.who is Who.SCIM:
            if principal.kind != "scim":
                raise Forbidden(
                    "Only a SCIM token (srt_…) is taken here: an administrator makes one under"
                    " /api/scim-tokens."
                )
            return
        if principal.kind != "member":
            raise Forbidden(_OUTSIDE[principal.kind])
        if principal.enrolling and self.who not in (Who.SELF, Who.GUEST):
            raise SecondFactorNeeded(enrolled=False)
        if self.who is Who.MANAGER:
            principal.require_admin()


PUBLIC = Need(Who.ANYBODY)
HEALTH = Need(Who.HEALTH)
GUEST = Need(Who.GUEST)
SELF = Need(Who.SELF)
MEMBER = Need(Who.MEMBER)
MANAGER = Need(Who.MANAGER)
SCIM = Need(Who.SCIM)

_OUTSIDE = {
    "subscriber": "An access key of a subscriber reads files under /repositories, and nothing else"
    " is taken from it.",
    "scim": "A SCIM token is taken under /scim/v2 alone.",
}


def on(*actions: Action) -> Need:
    """A repository's door, for one or several actions."""
    return Need(Who.VISITOR, frozenset(actions))


def by_method(**needs: Need) -> Mapping[str, Need]:
    """What a resource class puts into `needs`: for each of its methods what it needs."""
    return MappingProxyType(needs)


@dataclass(frozen=True, slots=True)
class Route:
    """One template of the router."""

    template: str
    resource: object
    methods: tuple[str, ...]  # those with a responder, sorted
    needs: Mapping[str, Need]  # by method; what its class does not say is not in it

    @property
    def path(self) -> str:
        """The template as OpenAPI writes it, without the converters."""
        return self.template.replace(":path}", "}")

    @property
    def allow(self) -> str:
        """The header of that name (RFC 9110, section 10.2.1)."""
        return ", ".join(sorted({*self.methods, "OPTIONS"}))


class Routes(CompiledRouter):
    """Falcon's router, which can also be asked what it holds, and tells folders from files.

    In Falcon nothing can stand behind the rest of a path, so one template would have to be
    both. Here `…/{path:path}/` is a template too, of the paths that end in a slash: a folder
    has methods of its own, and none of a file's by accident.
    """

    __slots__ = ("_folders", "declared")

    def __init__(self) -> None:
        super().__init__()
        self.declared: dict[str, Route] = {}  # template → route
        self._folders: dict[str, tuple[object, Any, str]] = {}  # by the template of files

    def add_route(self, uri_template: str, resource: object, **kwargs: Any) -> None:
        methods = self.map_http_methods(resource, **kwargs)
        self.declared[uri_template] = Route(
            uri_template,
            resource,
            tuple(sorted(methods)),
            {method: need for method in methods if (need := declared_need(resource, method))},
        )
        if uri_template.endswith(_FOLDER):
            set_default_responders(methods)
            self._folders[uri_template.removesuffix("/")] = (resource, methods, uri_template)
        else:
            super().add_route(uri_template, resource, **kwargs)

    def find(
        self, uri: str, req: Request | None = None
    ) -> tuple[object, Any, dict[str, Any], str | None] | None:
        found = super().find(uri, req)
        if found is None or not uri.endswith("/"):
            return found
        folder = self._folders.get(found[3] or "")
        if folder is None:
            return found
        resource, methods, template = folder
        return resource, methods, found[2], template

    def route(self, path: str) -> Route | None:
        """The route of a path, or None."""
        found = self.find(path)
        return None if found is None or found[3] is None else self.declared.get(found[3])


def declared_need(resource: object, method: str) -> Need | None:
    """What the class of a resource declares for a method, or None. HEAD needs what GET does."""
    needs = getattr(type(resource), "needs", None)
    if not isinstance(needs, Mapping):
        return None
    need = needs.get(method, needs.get("GET") if method == "HEAD" else None)
    return need if isinstance(need, Need) else None


def undeclared(routes: Routes) -> tuple[tuple[str, str], ...]:
    """The templates and methods that do not say who may call them: there must be none."""
    return tuple(
        (route.template, method)
        for route in routes.declared.values()
        for method in route.methods
        if method not in route.needs
    )


class Declarations:
    """Notes what the route of a request declares, and refuses one that declares nothing."""

    def __init__(self) -> None:
        self._log = logging.getLogger(__name__)

    def process_resource(
        self, req: Request, _resp: Response, resource: object, _params: dict[str, Any]
    ) -> None:
        context = context_of(req)
        context.route = req.uri_template or "-"
        context.need = declared_need(resource, req.method)
        if context.need is None:
            self._log.error("route %s declares no need: it is never served", context.route)
            raise Problem(
                500, "Internal Server Error", "This address is not set up. Tell the administrator."
            )
