"""Query parameters that no route knows are refused: a misspelt filter is never without effect.

Which parameters there are is the description's to say, so none works that is not described.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from falcon import Request, Response

from middleware.declarations import Routes
from middleware.problems import Problem, invalid_field

_SHOWN_CHARACTERS = 100


class Queries:
    """Refuses what is not described.

    Args:
        routes: of the application.
        described: for a path and method, the names of all query parameters. What is not in
            it takes any query, and ignores what it does not know.
    """

    def __init__(self, routes: Routes, described: Mapping[tuple[str, str], frozenset[str]]) -> None:
        self._routes = routes
        self._described = described

    def process_resource(
        self, req: Request, _resp: Response, _resource: object, _params: dict[str, Any]
    ) -> None:
        if not req.query_string:
            return
        route = self._routes.declared.get(req.uri_template or "")
        known = None if route is None else self._described.get((route.path, req.method))
        if known is not None:
            _check(req, known)


def _check(req: Request, known: frozenset[str]) -> None:
    """Refuse a query with other parameters than these, with one twice, or not in UTF-8.

    Raises Problem: 422 with the parameter named, or 400.
    """
    try:
        unquote_plus(req.query_string, errors="strict")
    except UnicodeError as error:
        raise Problem(400, "Bad Request", "The query of the URL is not UTF-8.") from error
    for name, value in req.params.items():
        if name not in known:
            shown = name[:_SHOWN_CHARACTERS]
            raise invalid_field(shown, "is not a parameter of this request")
        if isinstance(value, list):
            raise invalid_field(name, "is given twice")
