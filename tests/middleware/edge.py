"""The whole edge around a few small routes, and a client that speaks as gunicorn does."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any
from urllib.parse import unquote_to_bytes

import falcon
from falcon import Request, Response
from falcon.testing import create_environ

from auth.claims import SecretClaim
from auth.errors import Missing, NotAuthenticated
from auth.secret_texts import Fingerprint
from auth.standing import Standing
from middleware.admission import Admission
from middleware.authentication import Authentication
from middleware.browsers import Browsers
from middleware.context import CONTEXT, Entrance, RequestContext, context_of
from middleware.declarations import (
    HEALTH,
    HEALTH_PATHS,
    MEMBER,
    PUBLIC,
    Declarations,
    Routes,
    by_method,
)
from middleware.hosts import Hosts
from middleware.places import Limits, Places
from middleware.problems import PROBLEM_JSON, Problem, render
from middleware.proxies import TrustedProxies
from middleware.request_id import RequestId
from middleware.request_line import RequestLine
from middleware.security_headers import SecurityHeaders
from middleware.transport import Encryption, Forwarding
from storage.metadata import Key

Headers = Iterable[tuple[str, str]]


@dataclass
class FakeAuthenticator:
    """Knows one user for each organization; notes what it was asked, and by which request and
    agent."""

    secrets: dict[str, str] = field(
        default_factory=lambda: {"good": "user-1", "srs_good": "user-1", "srk_good": "user-1"}
    )
    asked: list[tuple[str, object, str]] = field(default_factory=list)
    told: list[tuple[str | None, str | None]] = field(default_factory=list)
    failure: Exception | None = None

    def identify(
        self,
        standing: Standing,
        credentials: object,
        address: str,
        request: str | None,
        agent: str | None,
    ) -> SecretClaim:
        organization = standing.organization
        self.told.append((request, agent))
        self.asked.append((organization, credentials, address))
        if self.failure is not None:
            raise self.failure
        secret = getattr(credentials, "text", None) or getattr(credentials, "password", None)
        if secret not in self.secrets:
            raise NotAuthenticated
        key = Key(f"{organization}#keys", "key-1")
        user = Key(f"{organization}#users", self.secrets[secret])
        proof = Fingerprint("key-1", "00")
        return SecretClaim(standing, proof, key, user, lambda: datetime.now(UTC), lambda *_: {})


class Open:
    """A public route that says what it saw."""

    needs = by_method(GET=PUBLIC, PUT=PUBLIC)

    def on_get(self, req: Request, resp: Response, path: str = "") -> None:
        context = context_of(req)
        resp.media = {"path": req.path, "organization": context.place.organization}

    def on_put(self, req: Request, resp: Response, path: str = "") -> None:
        resp.status = 201


class Closed(Open):
    needs = by_method(GET=MEMBER, PUT=MEMBER, DELETE=MEMBER)

    def on_delete(self, req: Request, resp: Response, path: str = "") -> None:
        resp.status = 204


class Health:
    needs = by_method(GET=HEALTH)

    def on_get(self, req: Request, resp: Response) -> None:
        resp.media = {"ok": True}


class Forgotten:
    def on_get(self, req: Request, resp: Response) -> None:
        resp.media = {"secret": True}


class Broken:
    needs = by_method(GET=PUBLIC, PUT=PUBLIC)

    def on_get(self, req: Request, resp: Response) -> None:
        raise RuntimeError("a fault of our own")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    environ: dict[str, Any]

    @property
    def context(self) -> RequestContext:
        return self.environ[CONTEXT]


class FakeOrganizations:
    """Every organization is there but one."""

    def resolve(self, name: str) -> Standing:
        if name == "nobody":
            raise Missing("organization")
        return Standing(f"id-of-{name}", Key("_#organizations", name))


class Edge:
    """The chain in its order; every argument is a setting."""

    def __init__(
        self,
        base_url: str | None = None,
        domain: str | None = None,
        loopback: bool = True,
        mode: str = "reject",
        proxies: Sequence[str] = (),
        threads: int = 32,
        patience_seconds: float = 0.01,
        authenticator: FakeAuthenticator | None = None,
        routes: Sequence[tuple[str, object]] = (),
    ) -> None:
        trusted = TrustedProxies([ip_network(network) for network in proxies])
        self.authenticator = authenticator or FakeAuthenticator()
        self.places = Places(Limits(threads), patience_seconds)
        self.routes = Routes()
        application = falcon.App(
            router=self.routes,
            middleware=[
                RequestId(trusted),
                SecurityHeaders(https_only=mode != "allow"),
                Forwarding(trusted, HEALTH_PATHS),
                Hosts(base_url, domain, loopback, HEALTH_PATHS),
                Encryption(mode, loopback, trusted, HEALTH_PATHS),
                RequestLine(self.routes),
                Browsers(),
                Declarations(),
                Authentication(self.authenticator, FakeOrganizations()),
                Admission(self.places),
            ],
        )
        application.add_route("/open/{path:path}", Open())
        application.add_route("/closed/{path:path}", Closed())
        application.add_route("/api/user", Closed())
        application.add_route("/healthz", Health())
        application.add_route("/forgotten", Forgotten())
        application.add_route("/broken", Broken())
        for template, resource in routes:
            application.add_route(template, resource)
        application.add_error_handler(Problem, _answer)
        application.add_error_handler(Exception, _fault)
        application.add_error_handler(falcon.HTTPNotFound, _not_found)
        self.application: Callable[..., Iterable[bytes]] = Entrance(application)

    def environ(
        self,
        method: str = "GET",
        target: str = "/open/x",
        headers: Headers = (),
        host: str | None = "localhost:8080",
        peer: str = "127.0.0.1",
        scheme: str = "http",
    ) -> dict[str, Any]:
        """What gunicorn would hand to the application; `target` is the line's, byte for byte."""
        environ = create_environ(path="/", scheme=scheme, remote_addr=peer)
        path, _, query = target.partition("#")[0].partition("?")
        if "://" in path:
            path = "/" + path.split("/", 3)[3] if path.count("/") > 2 else ""
        environ |= {
            "REQUEST_METHOD": method,
            "RAW_URI": target,
            "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1"),
            "QUERY_STRING": query,
        }
        environ.pop("HTTP_HOST", None)
        environ.pop("HTTP_USER_AGENT", None)
        given = [*headers] if host is None else [("Host", host), *headers]
        for name, value in given:
            key = "HTTP_" + name.upper().replace("-", "_")
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def ask(self, method: str = "GET", target: str = "/open/x", **more: Any) -> Answer:
        environ = self.environ(method, target, **more)
        seen: list[tuple[str, list[tuple[str, str]]]] = []
        body = self.application(environ, lambda status, headers, *_: seen.append((status, headers)))
        try:
            content = b"".join(body)
        finally:
            getattr(body, "close", lambda: None)()
        status, headers = seen[-1]
        assert len({name.lower() for name, _ in headers}) == len(headers), "a header twice"
        return Answer(
            int(status[:3]),
            {name.lower(): value for name, value in headers},
            content,
            environ,
        )


def _answer(req: Request, resp: Response, problem: Problem, params: dict[str, Any]) -> None:
    resp.status = problem.status
    resp.set_headers(problem.headers)
    resp.content_type = PROBLEM_JSON
    resp.data = render(problem, context_of(req).id)


def _fault(req: Request, resp: Response, error: Exception, params: dict[str, Any]) -> None:
    _answer(req, resp, Problem(500, "Internal Server Error", "A fault of ours."), params)


def _not_found(req: Request, resp: Response, error: Exception, params: dict[str, Any]) -> None:
    _answer(req, resp, Problem(404, "Not Found", "Nothing is here."), params)
