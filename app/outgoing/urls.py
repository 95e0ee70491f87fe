"""URLs that are fetched: parsed once, and shown without what is secret in them.

The user information of a URL is taken apart from it as credentials. They stay with a URL as
long as it leads to the same origin, and no origin can hand out credentials for another.
"""

import base64
import ipaddress
import re
from dataclasses import dataclass, field, replace
from typing import Self, TypeAlias
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from app.maven.paths import shortened
from app.outgoing.shown import quoted
from app.repositories.refused import Refused

#: Scheme, host and port: whom credentials are for (RFC 6454, section 4).
Origin: TypeAlias = tuple[str, str, int]

MOST_CHARACTERS = 8_192
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?!.*\.\.)[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_])?", re.ASCII)
#: Lone surrogates too, which JSON can have and UTF-8 can't.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
#: An address in brackets; urlsplit leaves out what else stands around them.
_BRACKETS = re.compile(r"\[[^\[\]]*:[^\[\]]*\](?::[0-9]*)?", re.ASCII)
#: What stays as it is in a path (RFC 3986, section 3.3), and in a query.
_PATH = "/%:@!$&'()*+,;=~"
_QUERY = _PATH + "?"


class InvalidUrl(Refused):
    """A URL that can't be fetched; the message says why."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password for Basic authentication."""

    user: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of `Authorization` (RFC 7617, in UTF-8)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Url:
    """An http or https URL without a fragment.

    `host` is in lower case, international names as `xn--`, IPv6 without brackets. `path` and
    `query` are encoded, as they are sent.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str = field(default="", repr=False)
    credentials: Credentials | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The URL that an operator gives; its user information becomes its credentials.

        Raises:
            InvalidUrl: not http or https, no host or none that can be looked up, a port that is
                none.
        """
        parts = _split(text)
        scheme, host, port = _origin(parts, text)
        path = quote(parts.path or "/", safe=_PATH)
        return cls(
            scheme, host, port, path, quote(parts.query, safe=_QUERY), _credentials(parts, text)
        )

    def join(self, reference: str) -> Self:
        """The URL that a reference in a document at this one leads to.

        The credentials go along where the origin is the same; such as the reference has itself
        are dropped. Raises InvalidUrl.
        """
        _refuse_controls(reference)
        try:
            joined = urljoin(self.full, reference)
        except ValueError as error:
            raise _invalid(reference, "is no URL") from error
        url = type(self).parse(joined)
        same = url.origin == self.origin
        return replace(url, credentials=self.credentials if same else None)

    def as_folder(self) -> Self:
        """The same with a slash at its end, and without a query."""
        return replace(self, path=f"{self.path.rstrip('/')}/", query="")

    @property
    def origin(self) -> Origin:
        return self.scheme, self.host, self.port

    @property
    def bares(self) -> bool:
        """Whether a request for it sends credentials that everybody on its way can read."""
        return self.scheme == "http" and self.credentials is not None

    @property
    def authority(self) -> str:
        """Host and port as `Host` has them: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """Path and query, as a request has them."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def full(self) -> str:
        """With its query, in which there may be secrets, and without credentials."""
        return f"{self.scheme}://{self.authority}{self.target}"

    def __str__(self) -> str:
        """As it is shown: without query and credentials, and of bounded length."""
        return shortened(f"{self.scheme}://{self.authority}{self.path}")


def _split(text: str) -> SplitResult:
    if len(text) > MOST_CHARACTERS:
        raise _invalid(text, f"is longer than {MOST_CHARACTERS:,} characters")
    _refuse_controls(text)
    try:
        parts = urlsplit(text.strip(" "))
    except ValueError as error:  # of brackets, or of signs that normalize to a separator
        raise _invalid(text, "is no URL") from error
    if parts.scheme not in _PORTS:
        raise _invalid(text, "has to begin with https:// or http://")
    return parts


def _refuse_controls(text: str) -> None:
    # urlsplit would silently leave some of them out.
    if _CONTROLS.search(text):
        raise _invalid(text, "has control characters in it")


def _origin(parts: SplitResult, text: str) -> Origin:
    authority = parts.netloc.rpartition("@")[2]
    if "[" in authority and not _BRACKETS.fullmatch(authority):
        raise _invalid(text, "has brackets that hold no IPv6 address")
    try:
        port = parts.port
    except ValueError as error:
        raise _invalid(text, "has a port that is no number up to 65535") from error
    if port == 0:
        raise _invalid(text, "has the port 0, at which nobody listens")
    return parts.scheme, _host(parts.hostname or "", text), port or _PORTS[parts.scheme]


def _host(name: str, text: str) -> str:
    if ":" in name:
        try:
            address = ipaddress.IPv6Address(name)
        except ValueError as error:
            raise _invalid(text, "has brackets that hold no IPv6 address") from error
        if address.scope_id is not None:
            raise _invalid(text, "has a zone in its address, which can't be sent to a server")
        return str(address)
    try:
        host = name.encode("idna").decode().lower() if not name.isascii() else name.lower()
    except UnicodeError as error:
        raise _invalid(text, "has a host that is no name") from error
    if not _HOST.fullmatch(host):
        raise _invalid(text, "has a host that is no name" if host else "has no host")
    return host


def _credentials(parts: SplitResult, text: str) -> Credentials | None:
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not user and not password:
        return None
    if ":" in user:  # RFC 7617, section 2: the first colon ends the user's name
        raise _invalid(text, "has a user with a colon in the name, which Basic can't send")
    return Credentials(user, password)


def _invalid(text: str, why: str) -> InvalidUrl:
    # Whatever is wrong with it, what stands before the last @ may be a password.
    *before, shown = text.split("@")
    shown = re.split(r"[?#]", shown, maxsplit=1)[0]
    return InvalidUrl(f"the URL {quoted(f'…@{shown}' if before else shown)} {why}")
