"""What every answer says to browsers and caches, unless its route has said it already.

The defaults are those of a document that needs nothing: no script, no frame, no cache. A
route that serves more says so itself, and only that is then left to it.
"""

from falcon import Request, Response

from middleware.context import context_of
from middleware.response_headers import add_missing

_ALWAYS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
_KEPT = {**_ALWAYS, "cache-control": "private"}
_UNKEPT = {**_ALWAYS, "cache-control": "no-store"}
# Two years, the least that browsers take into the lists they are shipped with. Subdomains
# are left alone: they may be other people's.
_HSTS = {"strict-transport-security": "max-age=63072000"}
_NOT_STORED = ("/api/", "/auth/", "/scim/")
_NOT_MODIFIED = "304"


class SecurityHeaders:
    """Adds what is missing.

    Args:
        https_only: plain HTTP is not allowed, so that browsers may be told to remember it.
    """

    def __init__(self, https_only: bool) -> None:
        self._https_only = https_only

    def process_response(
        self, req: Request, resp: Response, _resource: object, _succeeded: bool
    ) -> None:
        status = str(resp.status)[:3]
        # A 304 updates the stored answer (RFC 9111, section 3.2): with a default in it, it
        # would take the sandbox off a file that was answered with one.
        if status != _NOT_MODIFIED:
            keep = status < "400" and not req.path.startswith(_NOT_STORED)
            add_missing(resp, _KEPT if keep else _UNKEPT)
        context = context_of(req)
        # Not for loopback, where it would bar the plain HTTP of every other service there.
        if self._https_only and context.secure and context.place and context.place.https:
            add_missing(resp, _HSTS)
