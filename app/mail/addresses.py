"""Addresses that mail comes from and goes to, as headers and mail servers take them.

What an account is called is freer than what mail can be sent to: an address is built here out
of its two halves, so that no comma, bracket or quote in it makes another recipient.
"""

import re
from dataclasses import dataclass, field
from email.headerregistry import Address

from auth.emails import parse_email
from auth.errors import InvalidField

_NAME_MOST = 100
#: RFC 5321, section 4.1.2, but for literal addresses; a name without a dot is one's own.
_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*",
    re.ASCII,
)
#: A name before an address in angle brackets, in quotes or without, or the address alone.
_SENDER = re.compile(r'(?:"?(?P<name>[^"<>]*?)"?\s*<(?P<inside>[^<>]+)>|(?P<bare>[^<>"]+))')


class InvalidAddress(Exception):
    """No mail can be sent to, or from, that address. The message is without it."""

    def __init__(self) -> None:
        super().__init__("not an address that mail can go to")


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom mail comes from."""

    address: Address = field(repr=False)

    @property
    def text(self) -> str:
        """As a header has it, but for the encoding of other than ASCII."""
        return str(self.address)


def parse_address(text: str, display_name: str = "") -> Address:
    """The address in a text, its domain in ASCII. Raises InvalidAddress."""
    try:
        given = parse_email(text).text
        local, _, domain = given.rpartition("@")
        named = domain.lower() if domain.isascii() else domain.encode("idna").decode().lower()
        if _DOMAIN.fullmatch(named) is None:
            raise InvalidAddress
        return Address(display_name, local, named)
    except (InvalidField, UnicodeError, ValueError) as error:
        raise InvalidAddress from error


def parse_sender(text: str) -> Sender:
    """`Name <address>`, or the address alone. Raises InvalidAddress."""
    found = _SENDER.fullmatch(text.strip())
    if found is None:
        raise InvalidAddress
    name = (found["name"] or "").strip()
    if len(name) > _NAME_MOST or not name.isprintable():
        raise InvalidAddress
    return Sender(parse_address((found["inside"] or found["bare"]).strip(), name))
