"""The settings: read once, from the environment and the flags of `serve`, into one value.

Every name is listed in `NAMES`. A `STRONGROOM_*` name that is not is an error, because a
misspelt security setting must never be silently without effect.
"""

import difflib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from app.mail.destinations import Destination, Files, InvalidDestination, parse_destination
from middleware.hosts import Hosts, MalformedHost, split_authority

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

MEBIBYTE = 1024 * 1024
PREFIX = "STRONGROOM_"
NAMES = (
    "BIND",
    "DATA",
    "WORKERS",
    "THREADS",
    "BLOBS",
    "METADATA",
    "BASE_URL",
    "DOMAIN",
    "HTTP",
    "TLS_CERT",
    "TLS_KEY",
    "TRUSTED_PROXIES",
    "STATUS_BIND",
    "ADMIN_EMAIL",
    "ADMIN_PASSWORD",
    "MAIL",
    "MAIL_FROM",
    "POSTMARK_TOKEN",
    "SECRET_KEY",
    "UPLOAD_MEMORY",
    "SCHEDULE",
    "ADDRESS_DAYS",
)
_SIZE = re.compile(r"(\d{1,9})\s*(?:(MiB|GiB|M|G)?)", re.ASCII)
_NO_BASE_URL = "STRONGROOM_BASE_URL is a URL such as https://artifacts.example.com"
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])", re.ASCII)


#: The duties whose intervals STRONGROOM_SCHEDULE may set (`app.background` has them all).
DUTIES = (
    *("feed", "seal", "mail", "expire", "erase-repositories", "collect", "scan", "erase"),
    *("audit-retention", "privacy", "privacy-look", "retention"),
)
_INTERVAL = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class SettingsError(Exception):
    """A setting that is unknown, missing or makes no sense; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation is told. Secrets are left out of its repr."""

    bind: str = "127.0.0.1:8080"
    data: Path = Path("data")
    workers: int = 2
    threads: int = 32
    blobs: str = "file:data/blobs"
    metadata: str = "sqlite:data/strongroom.db"
    base_url: str | None = None
    domain: str | None = None
    http: str = "reject"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: tuple[Network, ...] = ()
    status_bind: str | None = None
    admin_email: str | None = field(default=None, repr=False)
    admin_password: str | None = field(default=None, repr=False)
    mail: Destination = field(default=Files(), repr=False)
    secret_keys: tuple[bytes, ...] = field(default=(), repr=False)
    upload_memory_bytes: int = 1_088 * MEBIBYTE
    schedule: Mapping[str, timedelta] = field(default_factory=dict)
    address_days: int = 90  # that an event's address and user agent are kept

    @property
    def host(self) -> str:
        """The address part of `bind`, without the brackets of IPv6."""
        return self.bind.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.bind.rpartition(":")[2])

    @property
    def loopback(self) -> bool:
        """Whether the service is bound to a loopback address alone."""
        return _is_loopback(self.host)

    @property
    def listening(self) -> str:
        """The URL of where the service listens, for who is on the same machine."""
        return f"{'https' if self.tls_cert else 'http'}://{self.bind}"

    @property
    def base_organization(self) -> str:
        """The name of the organization that answers under the base URL: `default`, unless the
        domain makes it another's."""
        return Hosts(self.base_url, self.domain, self.loopback, frozenset()).base_organization

    @property
    def embedded(self) -> bool:
        """Whether truth lies in a file of this machine."""
        return self.metadata.startswith("sqlite:")


def read_settings(
    environment: Mapping[str, str], flags: Mapping[str, str | int | None] | None = None
) -> Settings:
    """The settings that the environment and the flags of `serve` (which win) give.

    Raises:
        SettingsError: for an unknown name or a value that makes no sense.
    """
    given = _known(environment)
    given |= {
        name.upper(): str(value) for name, value in (flags or {}).items() if value is not None
    }
    data = Path(given.get("DATA", "data"))
    settings = Settings(
        bind=_bind(given.get("BIND", "127.0.0.1:8080"), "BIND"),
        data=data,
        workers=_count(given.get("WORKERS", "2"), "WORKERS", 64),
        threads=_count(given.get("THREADS", "32"), "THREADS", 1000),
        blobs=_store(given.get("BLOBS", f"file:{data}/blobs"), "BLOBS", ("file", "s3")),
        metadata=_store(
            given.get("METADATA", f"sqlite:{data}/strongroom.db"),
            "METADATA",
            ("sqlite", "dynamodb"),
        ),
        base_url=_base_url(given.get("BASE_URL")),
        domain=_domain(given.get("DOMAIN")),
        http=_choice(given.get("HTTP", "reject"), "HTTP", ("reject", "redirect", "allow")),
        tls_cert=_path(given.get("TLS_CERT")),
        tls_key=_path(given.get("TLS_KEY")),
        trusted_proxies=_networks(given.get("TRUSTED_PROXIES", "")),
        status_bind=_bind(given["STATUS_BIND"], "STATUS_BIND") if "STATUS_BIND" in given else None,
        admin_email=given.get("ADMIN_EMAIL"),
        admin_password=given.get("ADMIN_PASSWORD"),
        mail=_mail(given),
        secret_keys=_secret_keys(given.get("SECRET_KEY", "")),
        upload_memory_bytes=_size(given.get("UPLOAD_MEMORY", "1088MiB"), "UPLOAD_MEMORY"),
        schedule=_schedule(given.get("SCHEDULE", "")),
        address_days=_count(given.get("ADDRESS_DAYS", "90"), "ADDRESS_DAYS", 3_650),
    )
    _check_together(settings)
    return settings


def _known(environment: Mapping[str, str]) -> dict[str, str]:
    given = {}
    for name, value in environment.items():
        if not name.startswith(PREFIX):
            continue
        short = name.removeprefix(PREFIX)
        if short == "REQUIRE" or short.startswith("TEST_"):
            continue  # those of the tests
        if short not in NAMES:
            near = difflib.get_close_matches(short.upper(), NAMES, 1, cutoff=0.0)[0]
            raise SettingsError(f"there is no setting {name}; the nearest is {PREFIX}{near}")
        if value.strip():
            given[short] = value.strip()
    return given


def _check_together(settings: Settings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsError("set both STRONGROOM_TLS_CERT and STRONGROOM_TLS_KEY, or neither")
    if (settings.admin_email is None) != (settings.admin_password is None):
        raise SettingsError(
            "set both STRONGROOM_ADMIN_EMAIL and STRONGROOM_ADMIN_PASSWORD, or neither"
        )
    if not settings.loopback and not (settings.base_url or settings.domain):
        raise SettingsError(
            f"{settings.bind} is not a loopback address: set STRONGROOM_BASE_URL to the URL that"
            " clients use (or STRONGROOM_DOMAIN), so that requests for other hosts are refused"
        )
    if not settings.embedded and not settings.secret_keys:
        raise SettingsError(
            "a remote metadata store needs STRONGROOM_SECRET_KEY, the same for every process:"
            " 32 random bytes or more, for example from `openssl rand -base64 32`"
        )


def _bind(text: str, name: str) -> str:
    host, _, port = text.rpartition(":")
    if not _HOST.fullmatch(host) or not _PORT.fullmatch(port) or int(port) > 65535:
        raise SettingsError(f"{PREFIX}{name} is HOST:PORT, such as 127.0.0.1:8080, not {text!r}")
    return text


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _count(text: str, name: str, most: int) -> int:
    if not _COUNT.fullmatch(text) or not 1 <= int(text) <= most:
        raise SettingsError(f"{PREFIX}{name} is a number from 1 to {most}, not {text!r}")
    return int(text)


def _choice(text: str, name: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise SettingsError(f"{PREFIX}{name} is one of {', '.join(choices)}, not {text!r}")
    return text


def _store(text: str, name: str, schemes: tuple[str, ...]) -> str:
    if text.partition(":")[0] not in schemes:
        # Without the text: what was meant for another store may hold its password.
        raise SettingsError(f"{PREFIX}{name} begins with {' or '.join(f'{s}:' for s in schemes)}")
    return text


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _base_url(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        split_authority(parts.netloc)  # which takes no user and password either
    except ValueError as error:  # MalformedHost is one; their texts may repeat a password
        raise SettingsError(_NO_BASE_URL) from error
    if parts.scheme not in ("http", "https"):
        raise SettingsError(_NO_BASE_URL)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingsError("STRONGROOM_BASE_URL has no path: the service lives at the root")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _domain(text: str | None) -> str | None:
    if text is None:
        return None
    domain = text.lower().rstrip(".")
    try:
        split_authority(domain)
    except MalformedHost as error:
        raise SettingsError(
            "STRONGROOM_DOMAIN is a domain such as artifacts.example.com, with a port or without"
        ) from error
    return domain


def _mail(given: Mapping[str, str]) -> Destination:
    try:
        return parse_destination(
            given.get("MAIL", "log:"), given.get("MAIL_FROM"), given.get("POSTMARK_TOKEN")
        )
    except InvalidDestination as error:
        raise SettingsError(str(error)) from error


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingsError(
            f"STRONGROOM_TRUSTED_PROXIES is a list of networks such as 10.0.0.0/8: {error}"
        ) from error


def _secret_keys(text: str) -> tuple[bytes, ...]:
    secrets = tuple(part.strip().encode() for part in text.split(",") if part.strip())
    if any(len(secret) < 32 for secret in secrets):
        raise SettingsError("each STRONGROOM_SECRET_KEY has at least 32 characters")
    return secrets


def _size(text: str, name: str) -> int:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise SettingsError(f"{PREFIX}{name} is a size such as 1088MiB, not {text!r}")
    unit = {"M": MEBIBYTE, "G": 1024 * MEBIBYTE}.get((found[2] or " ")[0], 1)
    size = int(found[1]) * unit
    if size < 16 * MEBIBYTE:
        raise SettingsError(f"{PREFIX}{name} is at least 16MiB, what one upload to S3 needs")
    return size


def _schedule(text: str) -> dict[str, timedelta]:
    """How often duties are done, such as `feed=30s,collect=6h`."""
    schedule = {}
    for part in (part.strip() for part in text.split(",") if part.strip()):
        name, _, interval = part.partition("=")
        found = _INTERVAL.fullmatch(interval.strip())
        if name.strip() not in DUTIES or found is None or not int(found[1]):
            raise SettingsError(
                "STRONGROOM_SCHEDULE is a list such as collect=6h (s, m, h or d) of"
                f" {', '.join(DUTIES)}, not {part!r}"
            )
        schedule[name.strip()] = timedelta(**{_UNITS[found[2]]: int(found[1])})
    return schedule
