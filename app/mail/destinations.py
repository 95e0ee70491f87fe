"""Where mail goes out, as `STRONGROOM_MAIL` and the settings beside it say: parsed, and checked.

    log:
    postmark:?stream=STREAM
    smtp://USER:PASSWORD@HOST:PORT?ca=FILE      (STARTTLS, but for loopback addresses)
    smtps://USER:PASSWORD@HOST:PORT?ca=FILE     (TLS from the first byte, RFC 8314, section 3.3)

User and password are percent-encoded. A message about what is wrong holds none of the text.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TypeAlias
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from app.mail.addresses import InvalidAddress, Sender, parse_sender

_STREAM = re.compile(r"[a-z0-9_-]{1,60}", re.ASCII)
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_])?|[0-9a-f:.]{2,45}", re.ASCII)
_TOKEN = re.compile(r"[!-~]{1,200}", re.ASCII)
_STARTTLS_PORT = 587  # RFC 6409, section 3.1
_TLS_PORT = 465  # RFC 8314, section 7.3
_LOG, _POSTMARK, _SMTP, _SMTPS = "log", "postmark", "smtp", "smtps"


class InvalidDestination(Exception):
    """A setting that makes no sense; the message names it, and says what to do."""


@dataclass(frozen=True, slots=True)
class Files:
    """No server: each mail is written into a file of the data folder."""


@dataclass(frozen=True, slots=True)
class Postmark:
    """Postmark's API."""

    token: str = field(repr=False)
    stream: str
    sender: Sender


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server. `credentials` are user and password, `tls` says whether it speaks TLS from
    the first byte; `cafile` names more authorities to trust, in PEM."""

    host: str
    port: int
    tls: bool
    credentials: tuple[str, str] | None = field(repr=False)
    cafile: Path | None
    sender: Sender

    @property
    def loopback(self) -> bool:
        """Whether it is on this machine, so that nobody is between."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


Destination: TypeAlias = Files | Postmark | Smtp


def parse_destination(text: str, sender: str | None, token: str | None) -> Destination:
    """Where mail goes out.

    Args:
        text: `STRONGROOM_MAIL`.
        sender: `STRONGROOM_MAIL_FROM`.
        token: `STRONGROOM_POSTMARK_TOKEN`.

    Raises:
        InvalidDestination.
    """
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise _unknown() from error
    if parts.scheme not in (_LOG, _POSTMARK, _SMTP, _SMTPS) or parts.fragment:
        raise _unknown()
    if parts.scheme == _LOG:
        if text != "log:":
            raise InvalidDestination("STRONGROOM_MAIL=log: takes nothing behind the colon")
        return Files()
    wanted = {"stream"} if parts.scheme == _POSTMARK else {"ca"}
    options = _options(parts.query, wanted)
    by = _sender(sender, parts.scheme)
    if parts.scheme == _POSTMARK:
        return _postmark(parts, options, by, token)
    return _smtp(parts, options, by)


def _postmark(
    parts: SplitResult, options: Mapping[str, str], sender: Sender, token: str | None
) -> Postmark:
    if parts.netloc or parts.path:
        raise InvalidDestination("STRONGROOM_MAIL is postmark: or postmark:?stream=STREAM")
    if token is None:
        raise InvalidDestination("STRONGROOM_MAIL=postmark: needs STRONGROOM_POSTMARK_TOKEN")
    if _TOKEN.fullmatch(token) is None:
        raise InvalidDestination("STRONGROOM_POSTMARK_TOKEN is a server token of Postmark")
    stream = options.get("stream", "outbound")
    if _STREAM.fullmatch(stream) is None:
        raise InvalidDestination(
            "STRONGROOM_MAIL=postmark:?stream=STREAM takes the id of a message stream, such as"
            " outbound"
        )
    return Postmark(token, stream, sender)


def _smtp(parts: SplitResult, options: Mapping[str, str], sender: Sender) -> Smtp:
    form = f"{parts.scheme}://USER:PASSWORD@HOST:PORT"
    host = (parts.hostname or "").lower()
    try:
        port = parts.port
    except ValueError as error:
        raise InvalidDestination(
            f"STRONGROOM_MAIL={form} has a port that is no number up to 65535; what the user and"
            " the password have of : / ? # @ and % is percent-encoded"
        ) from error
    if _HOST.fullmatch(host) is None or parts.path not in ("", "/") or port == 0:
        raise InvalidDestination(
            f"STRONGROOM_MAIL is {form}, with a host and without a path; what the user and the"
            " password have of : / ? # @ and % is percent-encoded"
        )
    tls = parts.scheme == _SMTPS
    return Smtp(
        host=host,
        port=port or (_TLS_PORT if tls else _STARTTLS_PORT),
        tls=tls,
        credentials=_credentials(parts, form),
        cafile=_cafile(options.get("ca")),
        sender=sender,
    )


def _credentials(parts: SplitResult, form: str) -> tuple[str, str] | None:
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not user and not password:
        return None
    if not user or not password:
        raise InvalidDestination(f"STRONGROOM_MAIL={form} has both a user and a password, or none")
    if not (user + password).isprintable() or not (user + password).isascii():
        raise InvalidDestination(
            f"STRONGROOM_MAIL={form} takes printable ASCII as the user and the password"
        )
    return user, password


def _cafile(text: str | None) -> Path | None:
    if text is None:
        return None
    try:
        ssl.create_default_context(cafile=text)
    except OSError as error:  # ssl.SSLError is one
        raise InvalidDestination(
            f"STRONGROOM_MAIL: the certificates {text} can't be used: {error.strerror or error}"
        ) from error
    return Path(text)


def _options(query: str, known: set[str]) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) < len(pairs) or not options.keys() <= known or (query and not pairs):
        raise InvalidDestination(
            f"STRONGROOM_MAIL takes one option behind the ?, which is {' or '.join(sorted(known))}"
        )
    return options


def _sender(text: str | None, scheme: str) -> Sender:
    if text is None:
        raise InvalidDestination(
            f"STRONGROOM_MAIL={scheme}: needs STRONGROOM_MAIL_FROM, the address that mail comes"
            " from, such as Strongroom <strongroom@example.com>"
        )
    try:
        return parse_sender(text)
    except InvalidAddress as error:
        raise InvalidDestination(
            "STRONGROOM_MAIL_FROM is an address such as strongroom@example.com, or Strongroom"
            " <strongroom@example.com>"
        ) from error


def _unknown() -> InvalidDestination:
    return InvalidDestination(
        "STRONGROOM_MAIL begins with log:, postmark:, smtp:// or smtps:// (docs/mail.md)"
    )
