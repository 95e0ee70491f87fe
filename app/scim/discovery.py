"""What there is to provision, and how: for anybody to read (RFC 7644, section 4)."""

from collections.abc import Mapping, Sequence
from typing import Any

from falcon import Request, Response

from app.scim.describing import resource_type_json, schema_json, service_provider_config
from app.scim.limits import BULK_BYTES, BULK_OPERATIONS
from app.scim.lists import list_response
from app.scim.media import show
from app.scim.queries import MOST_ITEMS
from app.scim.routing import Routing
from app.scim.schemas import RESOURCE_TYPES, SCHEMAS
from auth.errors import Forbidden, Missing
from middleware.declarations import PUBLIC, by_method


class _Discovery:
    needs = by_method(GET=PUBLIC)

    def __init__(self, routing: Routing) -> None:
        self._routing = routing

    def _list(self, req: Request, resp: Response, found: Sequence[Mapping[str, Any]]) -> None:
        # It would seem to hold for what is left out (RFC 7644, section 4).
        if req.get_param("filter") is not None:
            raise Forbidden("What there is to provision is told whole: a filter is not taken here.")
        show(resp, list_response(found, len(found), 1))


class Configuration(_Discovery):
    """`GET /scim/v2/ServiceProviderConfig`."""

    def on_get(self, req: Request, resp: Response) -> None:
        """Tell what this service can do."""
        base = self._routing.base(req)
        show(resp, service_provider_config(base, BULK_OPERATIONS, BULK_BYTES, MOST_ITEMS, None))


class ResourceTypes(_Discovery):
    """`GET /scim/v2/ResourceTypes`."""

    def on_get(self, req: Request, resp: Response) -> None:
        """Tell which kinds of resources there are."""
        base = self._routing.base(req)
        self._list(req, resp, [resource_type_json(one, base) for one in RESOURCE_TYPES])


class OneResourceType(_Discovery):
    """`GET /scim/v2/ResourceTypes/NAME`."""

    def on_get(self, req: Request, resp: Response, name: str) -> None:
        """Tell of one kind of resources."""
        found = next((one for one in RESOURCE_TYPES if one.name == name), None)
        if found is None:
            raise Missing("resource type")
        show(resp, resource_type_json(found, self._routing.base(req)))


class Schemas(_Discovery):
    """`GET /scim/v2/Schemas`."""

    def on_get(self, req: Request, resp: Response) -> None:
        """Tell which schemas there are."""
        base = self._routing.base(req)
        self._list(req, resp, [schema_json(one, base) for one in SCHEMAS])


class OneSchema(_Discovery):
    """`GET /scim/v2/Schemas/URN`."""

    def on_get(self, req: Request, resp: Response, urn: str) -> None:
        """Tell of one schema."""
        found = next((one for one in SCHEMAS if one.id.lower() == urn.lower()), None)
        if found is None:
            raise Missing("schema")
        show(resp, schema_json(found, self._routing.base(req)))
