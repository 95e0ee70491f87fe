"""Where links in mail lead: to the organization's own host, as the settings name it.

A request's host never comes in: whoever sends one could have the token of another brought to
himself.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from auth.organizations import DEFAULT
from middleware.hosts import split_authority

_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins of organizations.

    `base_url` is that of `base_organization`, `domain` (with a port or without) that under which
    the others are. `local` is where the service listens, where the reader of a mail can only be
    on this machine.
    """

    base_url: str | None
    base_organization: str
    domain: str | None
    local: str | None = None

    def of(self, name: str) -> str | None:
        """The origin of an organization, `https://HOST[:PORT]`, or None where there is none."""
        if self.base_url is not None and name == self.base_organization:
            return self.base_url
        if self.domain is not None:
            host, port = split_authority(self.domain)
            port = port or self._base_port()
            return f"https://{name}.{host}" + ("" if port == _HTTPS_PORT else f":{port}")
        return self.local if name == DEFAULT else None

    def _base_port(self) -> int:
        """The port of the base URL, which the hosts of organizations share."""
        parts = urlsplit(self.base_url or "")
        return (parts.port if parts.scheme == "https" else None) or _HTTPS_PORT
