"""Method and path, checked in their bytes before anything is looked up by them.

Falcon puts U+FFFD for bytes that are not UTF-8, so that two names could merge into one, and
answers a method that it does not know with 400. The server has decoded the path once;
nothing decodes it again, so that `%252F` stays `%2F`, and `%2F` is a slash like any other.
"""

import re
from typing import Any

from falcon import Request, Response

from middleware.context import Environ, context_of
from middleware.declarations import Routes
from middleware.problems import Problem

#: What a route may offer. TRACE would answer with the credentials of whoever asks; CONNECT
#: is for proxies.
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# In the undecoded target: blanks and controls, a fragment (the server would cut it off, and
# "a#b" become "a"), and a percent sign that escapes nothing ("%zz" and "%25zz" would merge).
_NOT_IN_TARGET = re.compile(r"[\x00-\x20\x7f#]|%(?![0-9A-Fa-f]{2})")


class RequestLine:
    """Refuses what no route could mean; answers OPTIONS; 405 with `Allow`, before signing in."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    def process_request(self, req: Request, resp: Response) -> None:
        env = req.env
        _check_target(env)
        _check_path(env, req.path)
        method = req.method
        if method not in METHODS:
            raise _not_allowed(self._allow(req.path))
        if method == "OPTIONS":
            resp.status = 204
            resp.set_header("Allow", self._allow(req.path))
            resp.complete = True

    def process_resource(
        self, req: Request, _resp: Response, _resource: object, _params: dict[str, Any]
    ) -> None:
        route = self._routes.declared.get(req.uri_template or "")
        if route is not None and req.method not in route.methods:
            context_of(req).route = route.template
            raise _not_allowed(route.allow)

    def _allow(self, path: str) -> str:
        if path == "*":  # RFC 9110, section 9.3.7: the server as a whole
            return ", ".join(sorted(METHODS))
        route = self._routes.route(path)
        if route is None:
            raise Problem(404, "Not Found", "There is nothing at this address.")
        return route.allow


def _check_target(env: Environ) -> None:
    target: str = env.get("RAW_URI", "/")
    path, _, query = target.partition("?")
    # A fragment after a query is cut off as well, so it is refused there too.
    if _NOT_IN_TARGET.search(path) or "#" in query:
        raise _bad_path("holds a blank, a '#' or a lone '%': send them as %20, %23 and %25")


def _check_path(env: Environ, path: str) -> None:
    raw: str = env["PATH_INFO"]
    # Falcon's router takes "//api" for "/api", which no rule about "/api/" would have seen.
    if raw.startswith("//"):
        raise _bad_path("begins with two slashes")
    if not raw.isascii():
        try:
            raw.encode("latin-1").decode()
        except UnicodeError as error:
            raise _bad_path("is not UTF-8") from error
    if _CONTROL.search(path):
        raise _bad_path("holds a control character")


def _bad_path(trouble: str) -> Problem:
    return Problem(400, "Bad Request", f"The path of the URL {trouble}.")


def _not_allowed(allow: str) -> Problem:
    return Problem(
        405, "Method Not Allowed", f"This address takes {allow or 'nothing'}.", {"Allow": allow}
    )
