"""Which host a request is for: ours or none, and which organization that means.

The accepted hosts are few and known at the start, so the rule is a comparison with them and
not a filter of what looks dangerous: a page that rebinds its own name to our address, a
forged `Host` that is to end up in a link, a neighbour's name on a shared front all get 421.
`X-Forwarded-Host` never counts.
"""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn
from urllib.parse import urlsplit

from falcon import Request, Response

from middleware.context import context_of
from middleware.problems import Problem

DEFAULT_ORGANIZATION = "default"

#: Hosts whose judgement is remembered, by process. An entry takes about 300 bytes.
_REMEMBERED = 1024

_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# RFC 3986, section 3.2.2, without percent-encoding: no name that resolves has any.
_AUTHORITY = re.compile(
    rf"(?P<name>{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9a-f:.]{{2,45}}\])(?::(?P<port>[0-9]{{0,5}}))?",
    re.ASCII,
)
_LONGEST = 253 + len(".:65535")
_ORGANIZATION = re.compile("[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
# RFC 9112, section 3.2.2.
_ABSOLUTE = re.compile(r"https?://([^/?#]*)(?:[/?#].*)?", re.ASCII | re.IGNORECASE | re.DOTALL)


class MalformedHost(ValueError):
    """Not the host and port of any URL."""

    def __init__(self) -> None:
        super().__init__("not HOST or HOST:PORT")


@dataclass(frozen=True, slots=True)
class Place:
    """A host that is ours."""

    organization: str  # its name
    authority: str  # as a browser writes it in an origin: lower case, no default port
    https: str | None  # the origin to send those to who came in clear, where one is known


class Hosts:
    """Refuses every host that is not ours, and notes what one that is means.

    Args:
        base_url: `https://HOST[:PORT]`, or None.
        domain: `DOMAIN[:PORT]` whose `ORG.DOMAIN` select organizations, or None. Without a
            port, any port will do.
        loopback: the service is bound to a loopback address alone, so that loopback names
            and addresses are accepted, with any port (a tunnel has another).
        exempt: paths that are answered whatever the host, such as `/healthz`.

    Attributes:
        base_organization: the name of what the base URL is for: of the organization that it
            selects where it lies within the domain, else `default`.

    Raises:
        ValueError: for a base URL or domain that names no host.
    """

    def __init__(
        self, base_url: str | None, domain: str | None, loopback: bool, exempt: frozenset[str]
    ) -> None:
        self._base = _Base.parse(base_url) if base_url else None
        self._domain: str | None = None
        self._domain_port: int | None = None
        if domain:
            self._domain, self._domain_port = split_authority(domain)
        self._loopback = loopback
        self._exempt = exempt
        self.base_organization = self._organization_of_base()
        self._judgement = lru_cache(_REMEMBERED)(self.judge)

    def process_request(self, req: Request, _resp: Response) -> None:
        env = req.env
        if env["PATH_INFO"] in self._exempt:
            return
        context = context_of(req)
        host = env.get("HTTP_HOST")
        if not host:
            _malformed("The request has no Host.")
        target: str = env.get("RAW_URI", "/")
        try:
            if not target.startswith("/"):
                _check_target(target, host)
            place = self._judgement(host, context.secure)
        except MalformedHost:
            _malformed("Host is not the host and port of a URL.")
        if place is None:
            raise Problem(
                421,
                "Misdirected Request",
                "This service does not answer under the host that was asked for."
                " Use its address as its administrator gives it"
                " (STRONGROOM_BASE_URL, STRONGROOM_DOMAIN).",
            )
        context.place = place

    def judge(self, host: str, secure: bool) -> Place | None:
        """The place that `host` names, or None where it is not ours.

        Raises:
            MalformedHost: for what is no host and port.
        """
        name, port = split_authority(host)
        effective = port if port is not None else 443 if secure else 80
        authority = name if effective == (443 if secure else 80) else f"{name}:{effective}"
        base = self._base
        if base and name == base.name and _port_fits(base.port, effective, secure):
            https = base.origin if base.secure else None
            return Place(self.base_organization, authority, https)
        organization = self._organization(name, effective, secure)
        if organization:
            return Place(organization, authority, _origin(name, self._organization_port()))
        if self._loopback and _is_loopback(name):
            return Place(DEFAULT_ORGANIZATION, authority, None)
        return None

    def _organization_of_base(self) -> str:
        base = self._base
        found = base and self._organization(base.name, base.port, base.secure)
        return found or DEFAULT_ORGANIZATION

    def _organization(self, name: str, port: int, secure: bool) -> str | None:
        if self._domain is None or not name.endswith("." + self._domain):
            return None
        label = name[: -len(self._domain) - 1]
        if not _ORGANIZATION.fullmatch(label):
            return None
        if self._domain_port is not None and not _port_fits(self._domain_port, port, secure):
            return None
        return label

    def _organization_port(self) -> int:
        if self._domain_port is not None:
            return self._domain_port
        return self._base.port if self._base and self._base.secure else 443


@dataclass(frozen=True, slots=True)
class _Base:
    name: str
    port: int
    secure: bool

    @classmethod
    def parse(cls, url: str) -> "_Base":
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise ValueError(f"not a URL of http or https: {url!r}")
        name, port = split_authority(parts.netloc)
        secure = parts.scheme == "https"
        return cls(name, port if port is not None else 443 if secure else 80, secure)

    @property
    def origin(self) -> str:
        return _origin(self.name, self.port)


def split_authority(text: str) -> tuple[str, int | None]:
    """Host and port of `HOST[:PORT]`: lower case, without the root's dot, IPv6 shortened.

    Raises:
        MalformedHost: for userinfo, several hosts, a port over 65535, and all else.
    """
    # ASCII before lower(): the Kelvin sign in lower case is a k.
    if len(text) > _LONGEST or not text.isascii():
        raise MalformedHost
    match = _AUTHORITY.fullmatch(text.lower())
    if match is None:
        raise MalformedHost
    name, port = match["name"].removesuffix("."), match["port"]
    if name.startswith("["):
        try:
            name = f"[{ipaddress.IPv6Address(name[1:-1])}]"
        except ValueError as error:
            raise MalformedHost from error
    if port and int(port) > 65535:
        raise MalformedHost
    return name, int(port) if port else None


def _check_target(target: str, host: str) -> None:
    """Refuse a request target that names another host than `Host` does.

    RFC 9112, section 3.2.2 lets the target win, but a front that reads it the other way
    round would have judged another request than we serve.
    """
    if target == "*":
        return
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        _malformed("The target of the request is neither a path nor a URL of http or https.")
    if split_authority(match[1]) != split_authority(host):
        _malformed("The target of the request and Host name different hosts.")


def _port_fits(wanted: int, port: int, secure: bool) -> bool:
    """Plain HTTP on its own port is let through, to be redirected or refused for being plain."""
    return port == wanted or (not secure and port == 80)


def _origin(name: str, port: int) -> str:
    return f"https://{name}" if port == 443 else f"https://{name}:{port}"


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def _malformed(detail: str) -> NoReturn:
    raise Problem(400, "Bad Request", detail)
