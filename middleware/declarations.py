"""What each route offers and needs, declared beside it and read in one place.

A resource class says in `access` who may call it. One that says nothing is answered 500, so
that a route can't be open because somebody forgot. The router remembers every template with
its methods, so that tests walk what is served and not a list that was written by hand.
"""

import logging
from dataclasses import dataclass
from enum import Enum
from typing import Any

from falcon import Request, Response
from falcon.routing import CompiledRouter, set_default_responders

from middleware.context import context_of
from middleware.problems import Problem

#: Answered before the host and TLS are looked at: a load balancer asks by address, in clear.
#: Exactly these, and their routes declare `Access.HEALTH`.
HEALTH_PATHS = frozenset({"/healthz", "/readyz"})

_FOLDER = ":path}/"


class Access(Enum):
    """Who may call a route."""

    PUBLIC = "public"  # anybody; no credential is read
    SIGNED_IN = "signed in"  # whoever can say who they are; the route decides what they may
    HEALTH = "health"  # anybody, at once: no credential is read, and no place is waited for


@dataclass(frozen=True, slots=True)
class Route:
    """One template of the router."""

    template: str
    resource: object
    methods: tuple[str, ...]  # those with a responder, sorted
    access: Access | None  # None where its class does not say

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
            uri_template, resource, tuple(sorted(methods)), declared_access(resource)
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


def declared_access(resource: object) -> Access | None:
    """What the class of a resource declares, or None."""
    access = getattr(type(resource), "access", None)
    return access if isinstance(access, Access) else None


def undeclared(routes: Routes) -> tuple[Route, ...]:
    """The routes that do not say who may call them: there must be none."""
    return tuple(route for route in routes.declared.values() if route.access is None)


class Declarations:
    """Notes what the route of a request declares, and refuses one that declares nothing."""

    def __init__(self) -> None:
        self._log = logging.getLogger(__name__)

    def process_resource(
        self, req: Request, _resp: Response, resource: object, _params: dict[str, Any]
    ) -> None:
        context = context_of(req)
        context.route = req.uri_template or "-"
        context.access = declared_access(resource)
        if context.access is None:
            self._log.error("route %s declares no access: it is never served", context.route)
            raise Problem(
                500, "Internal Server Error", "This address is not set up. Tell the administrator."
            )
