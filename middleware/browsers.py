"""Writes that a page of another origin made a browser send are refused.

A browser adds what it knows by itself: cookies, and a password of Basic that it remembers.
So every write that says where it comes from must come from here; what says nothing is no
browser. The organizations of one domain are the same site to a browser, and foreign to one
another here.
"""

from falcon import Request, Response

from middleware.context import RequestContext, context_of
from middleware.problems import Problem

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = frozenset({"same-origin", "none"})  # none: typed or bookmarked, by the user


class Browsers:
    """Looks at `Sec-Fetch-Site` (Fetch Metadata) and `Origin` (RFC 6454) of every write."""

    def process_request(self, req: Request, _resp: Response) -> None:
        if req.method in _READS:
            return
        env = req.env
        site = env.get("HTTP_SEC_FETCH_SITE")
        origin = env.get("HTTP_ORIGIN")
        if site is not None and site not in _OURS:
            raise _foreign()
        if origin is not None and not _is_own(origin, context_of(req)):
            raise _foreign()


def _is_own(origin: str, context: RequestContext) -> bool:
    """Whether `origin` is the checked host's; a path without a checked host has none.

    In clear, https is taken as well: where plain HTTP is allowed, TLS may end at a front
    that is not trusted to say so. Over TLS, a page in clear is foreign: anyone on its way
    could have written it.
    """
    place = context.place
    if place is None:
        return False
    if origin == f"https://{place.authority}":
        return True
    return not context.secure and origin == f"http://{place.authority}"


def _foreign() -> Problem:
    return Problem(
        403,
        "Forbidden",
        "A page of another origin made this request. Only pages of this service may make a"
        " browser write here.",
    )
