"""Over what a request came: whether any hop was in clear, and what becomes of it then.

Two steps, because the host is checked between them: a redirect goes to a checked host
alone. What carries credentials in clear is refused and never redirected: a client that is
redirected would go on to send them in clear, and nobody would notice that they leaked.
"""

import re
from enum import StrEnum
from typing import NoReturn
from urllib.parse import quote

from falcon import Request, Response

from middleware.context import Environ, context_of
from middleware.problems import Problem
from middleware.proxies import MalformedForwarding, TrustedProxies

#: Signs of a proxy on this machine, which makes loopback the open network. Not only what the
#: standards name: what common proxies and tunnels add by themselves.
_PREFIXES = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED",
    "HTTP_VIA",
    "HTTP_X_REAL_IP",
    "HTTP_X_CLIENT_IP",
    "HTTP_X_ORIGINAL_",
    "HTTP_X_ENVOY_",
    "HTTP_X_CLUSTER_CLIENT_IP",
    "HTTP_TRUE_CLIENT_IP",
    "HTTP_CF_",
    "HTTP_CDN_LOOP",
    "HTTP_FASTLY_",
    "HTTP_FLY_",
)
# One search over all names: a loop over them is among the dearest things of a request.
_FORWARDING = re.compile(rf"^(?:{'|'.join(_PREFIXES)})", re.MULTILINE)
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_PATH_CHARACTERS = "/!$&'()*+,;=:@-._~"  # RFC 3986, section 3.3
_QUERY_CHARACTERS = _PATH_CHARACTERS + "?%"


class PlainHttp(StrEnum):
    """What plain HTTP gets (`STRONGROOM_HTTP`)."""

    REJECT = "reject"
    REDIRECT = "redirect"
    ALLOW = "allow"


class Forwarding:
    """Notes the client's address, and whether it is secured all the way from there to here.

    Secured is what came over TLS to this process, or what a trusted proxy says came over
    `https`. A proxy that says `http` is believed even where it talks TLS to us. With several
    values every one must be `https`: each is a hop, and one in clear is enough to listen on.
    """

    def __init__(self, proxies: TrustedProxies, exempt: frozenset[str]) -> None:
        self._proxies = proxies
        self._exempt = exempt

    def process_request(self, req: Request, _resp: Response) -> None:
        env = req.env
        context = context_of(req)
        client = peer = self._proxies.peer(env.get("REMOTE_ADDR", ""))
        context.secure = env.get("wsgi.url_scheme") == "https"
        if peer.trusted and env["PATH_INFO"] not in self._exempt:
            try:
                client = self._proxies.client(peer, env.get("HTTP_X_FORWARDED_FOR"))
            except MalformedForwarding as error:
                raise _malformed("X-Forwarded-For") from error
            scheme = env.get("HTTP_X_FORWARDED_PROTO")
            if scheme is not None:
                context.secure = _all_https(scheme)
        context.address = client.text
        context.network = client.network


class Encryption:
    """Rejects, redirects or allows plain HTTP, as the setting says.

    Args:
        mode: `reject`, `redirect` or `allow`.
        loopback: the service is bound to a loopback address alone, so that plain HTTP from
            loopback is allowed, unless the request carries a forwarding header.
        exempt: paths that are answered in clear too, such as `/healthz`.
    """

    def __init__(
        self, mode: str, loopback: bool, proxies: TrustedProxies, exempt: frozenset[str]
    ) -> None:
        self._mode = PlainHttp(mode)
        self._loopback = loopback
        self._proxies = proxies
        self._exempt = exempt

    def process_request(self, req: Request, resp: Response) -> None:
        context = context_of(req)
        if context.secure or self._mode is PlainHttp.ALLOW:
            return
        env = req.env
        if env["PATH_INFO"] in self._exempt or (self._loopback and self._stays_inside(env)):
            return
        if carries_credentials(env):
            _refuse(
                "The credentials that came with this request went over the network in clear:"
                " replace them. Use https://."
            )
        place = context.place
        if (
            self._mode is PlainHttp.REDIRECT
            and place is not None
            and place.https
            and req.method in _SAFE_METHODS
        ):
            resp.status = 301
            resp.set_header("Location", place.https + _target(env))
            resp.complete = True
            return
        _refuse("This service takes requests over TLS alone. Use https://.")

    def _stays_inside(self, env: Environ) -> bool:
        if not self._proxies.peer(env.get("REMOTE_ADDR", "")).loopback:
            return False
        return _FORWARDING.search("\n".join(env)) is None


def carries_credentials(env: Environ) -> bool:
    """Whether the headers hold what signs somebody in."""
    if "HTTP_AUTHORIZATION" in env or "HTTP_PROXY_AUTHORIZATION" in env:
        return True
    # Cookies of ours have these prefixes, others are not worth a refusal. A browser never
    # sends them in clear; what does is a script or an attacker.
    cookie = env.get("HTTP_COOKIE", "")
    return "__Host-" in cookie or "__Secure-" in cookie


def _all_https(header: str) -> bool:
    schemes = [part.strip(" \t").lower() for part in header.split(",")]
    if any(scheme not in ("http", "https") for scheme in schemes):
        raise _malformed("X-Forwarded-Proto")
    return all(scheme == "https" for scheme in schemes)


def _target(env: Environ) -> str:
    path = quote((env["PATH_INFO"] or "/").encode("latin-1"), safe=_PATH_CHARACTERS)
    query = env.get("QUERY_STRING", "")
    return f"{path}?{quote(query.encode('latin-1'), safe=_QUERY_CHARACTERS)}" if query else path


def _malformed(header: str) -> Problem:
    return Problem(
        400,
        "Bad Request",
        f"{header} holds what is not of its form. The proxy in front of this service has to"
        " overwrite or check what clients send in it.",
    )


def _refuse(detail: str) -> NoReturn:
    raise Problem(403, "Forbidden", detail)
