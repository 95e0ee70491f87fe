"""E-mail addresses: how they are compared, and the hash that stands for one in a key.

Two addresses are the same if they are in lower case, after NFC. Nothing else is made equal:
what a mail server does with dots or tags is its own business.
"""

import unicodedata
from dataclasses import dataclass, field
from hashlib import blake2b

from auth.errors import InvalidField
from storage import keys
from storage.metadata import Key

BYTES_MOST = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets
_HASH_BYTES = 20


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address as it was given (after NFC), and the form that it is compared in."""

    text: str = field(repr=False, compare=False)
    compared: str = field(repr=False)


def parse_email(text: str, name: str = "email") -> EmailAddress:
    """The address in a text. A domain needs no dot: `admin@localhost` is one.

    Raises:
        InvalidField: over 254 bytes, not one `@` with something on both sides of it, a
            blank or invisible character, or a colon, which Basic authentication cannot
            carry in a user's name (RFC 7617, section 2).
    """
    if len(text) > BYTES_MOST:
        raise InvalidField(name, f"must have at most {BYTES_MOST} bytes")
    given = unicodedata.normalize("NFC", text)
    # All of Unicode's separators, controls, formats (invisible ones), surrogates, private and
    # unassigned code points are "not printable", but for the blank.
    if not given.isprintable() or " " in given:
        raise InvalidField(name, "must hold no blank, control or invisible character")
    # Lower case can take a text out of NFC, so it is composed again.
    compared = unicodedata.normalize("NFC", given.lower())
    if max(len(given.encode()), len(compared.encode())) > BYTES_MOST:
        raise InvalidField(name, f"must have at most {BYTES_MOST} bytes")
    local, _, domain = given.rpartition("@")
    if not local or not domain or "@" in local or ":" in given:
        raise InvalidField(name, "must be a name, one @ and a domain, without colons")
    return EmailAddress(given, compared)


def email_key(organization: str, email: EmailAddress) -> Key:
    """Where the id of the user with that address lies. The key is a hash, so that no event
    that names it names a person."""
    text = f"{organization}\0{email.compared}"
    return keys.email(organization, blake2b(text.encode(), digest_size=_HASH_BYTES).hexdigest())
