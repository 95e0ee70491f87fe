"""The routes of users and groups, alike for both (RFC 7644, sections 3.2 to 3.6)."""

from collections.abc import Mapping, Sequence

from falcon import HTTP_204, HTTP_304, Request, Response

from app.scim.errors import InvalidPath, InvalidValue, ScimError
from app.scim.finding import Finding
from app.scim.media import read_body, show
from app.scim.operations import Done, Operations
from app.scim.projecting import Projection
from app.scim.queries import ListQuery, in_message, in_url
from app.scim.routing import Routing
from app.scim.sources import Source
from app.scim.versions import condition_of, is_known
from auth.errors import Missing
from auth.principals import Authority
from middleware.declarations import SCIM, by_method
from storage.metadata import Key, Record


class Lists:
    """`GET` of a list, and `POST` to its `.search`: of one kind of resources, or of all."""

    def __init__(self, routing: Routing, sources: Sequence[Source]) -> None:
        self._routing = routing
        self._sources = sources

    def _answer(self, req: Request, resp: Response, query: ListQuery) -> None:
        finding = Finding(query, self._sources)
        by, records = self._routing.reading(req, finding.needs)
        show(resp, finding.answer(by, records, self._routing.base(req)))

    def _list(self, req: Request, resp: Response) -> None:
        try:
            self._answer(req, resp, in_url(req))
        except ScimError:
            self._routing.authority(req)  # who may not ask is not told what is wrong with it
            raise


class Search(Lists):
    """`POST /scim/v2/.search`, and that of users and of groups."""

    needs = by_method(POST=SCIM)

    def on_post(self, req: Request, resp: Response) -> None:
        """List what a message asks for."""
        self._routing.authority(req)
        self._answer(req, resp, in_message(read_body(req)))


class Root(Lists):
    """`GET /scim/v2/`."""

    needs = by_method(GET=SCIM)

    def on_get(self, req: Request, resp: Response) -> None:
        """List resources of all kinds."""
        self._list(req, resp)


class Resources(Lists):
    """`GET` and `POST /scim/v2/Users`, and the same of groups."""

    needs = by_method(GET=SCIM, POST=SCIM)

    def __init__(self, routing: Routing, source: Source, operations: Operations) -> None:
        super().__init__(routing, (source,))
        self._operations = operations

    def on_get(self, req: Request, resp: Response) -> None:
        """List resources."""
        self._list(req, resp)

    def on_post(self, req: Request, resp: Response) -> None:
        """Make a resource."""
        by, base = self._routing.authority(req), self._routing.base(req)
        projection = projection_of(req, self._operations)
        done = self._operations.create(by, read_body(req), base)
        location = f"{base}{self._operations.type.endpoint}/{done.id}"
        show(resp, projection.show(done.resource or {}), 201, done.version, location)


class OneResource:
    """`GET`, `PUT`, `PATCH` and `DELETE /scim/v2/Users/ID`, and the same of groups."""

    needs = by_method(GET=SCIM, PUT=SCIM, PATCH=SCIM, DELETE=SCIM)

    def __init__(self, routing: Routing, source: Source, operations: Operations) -> None:
        self._routing = routing
        self._source = source
        self._operations = operations

    def on_get(self, req: Request, resp: Response, id_: str) -> None:
        """Show a resource, or say that the client has it."""
        by, records = self._routing.reading(
            req, lambda organization: self._source.needs(organization, "id", id_)
        )
        self._show(req, resp, by, id_, records)

    def on_put(self, req: Request, resp: Response, id_: str) -> None:
        """Replace a resource."""
        by, base = self._routing.authority(req), self._routing.base(req)
        condition, projection = condition_of(req), projection_of(req, self._operations)
        done = self._operations.replace(by, id_, read_body(req), condition, base)
        show(resp, projection.show(done.resource or {}), 200, done.version)

    def on_patch(self, req: Request, resp: Response, id_: str) -> None:
        """Change a resource: all of what is asked, or nothing."""
        by, base = self._routing.authority(req), self._routing.base(req)
        condition, projection = condition_of(req), projection_of(req, self._operations)
        done = self._operations.patch(by, id_, read_body(req), condition, base)
        if done.resource is not None:
            show(resp, projection.show(done.resource), 200, done.version)
        elif req.has_param("attributes") or req.has_param("excludedAttributes"):
            by, records = self._routing.reading(
                req, lambda organization: self._source.needs(organization, "id", id_)
            )
            self._show(req, resp, by, id_, records)
        else:
            _no_content(resp, done)

    def on_delete(self, req: Request, resp: Response, id_: str) -> None:
        """Delete a resource."""
        self._operations.delete(self._routing.authority(req), id_, condition_of(req))
        resp.status = HTTP_204

    def _show(
        self,
        req: Request,
        resp: Response,
        by: Authority,
        id_: str,
        records: Mapping[Key, Record],
    ) -> None:
        projection = projection_of(req, self._operations)
        base = self._routing.base(req)
        found = self._source.find(by, "id", id_, records, projection.wants, base)
        if found is None:
            raise Missing(self._source.type.name.lower())
        version = str(found["meta"]["version"])
        if is_known(req, version):
            resp.status = HTTP_304
            resp.set_header("ETag", version)
        else:
            show(resp, projection.show(found), 200, version)


def projection_of(req: Request, operations: Operations) -> Projection:
    """Which attributes a request wants to see. Raises InvalidValue."""
    attributes, excluded = req.get_param("attributes"), req.get_param("excludedAttributes")
    try:
        return Projection.parse(attributes or None, excluded or None, operations.type)
    except InvalidPath as error:
        raise InvalidValue(str(error)) from error


def _no_content(resp: Response, done: Done) -> None:
    resp.status = HTTP_204
    if done.version is not None:
        resp.set_header("ETag", done.version)
