"""E-mail addresses: how they are compared.

Two addresses are the same if they are in lower case, after NFC. Nothing else is made equal:
what a mail server does with dots or tags is its own business. An address is a user name as well,
and lies where these do (`auth/user_names.py`).
"""

from dataclasses import dataclass

from auth.errors import InvalidField
from auth.user_names import UserName, normal_forms, require_short, user_name_key
from storage.metadata import Key


@dataclass(frozen=True, slots=True)
class EmailAddress(UserName):
    """An address as it was given (after NFC), and the form that it is compared in."""


def parse_email(text: str, name: str = "email") -> EmailAddress:
    """The address in a text. A domain needs no dot: `admin@localhost` is one.

    Raises:
        InvalidField: over 254 bytes (RFC 5321, section 4.5.3.1.3, less the angle brackets), not
            one `@` with something on both sides of it, a blank or invisible character, or a
            colon, which Basic authentication cannot carry in a user's name (RFC 7617,
            section 2).
    """
    given, compared = normal_forms(text, name)
    # All of Unicode's separators, controls, formats (invisible ones), surrogates, private and
    # unassigned code points are "not printable", but for the blank.
    if not given.isprintable() or " " in given:
        raise InvalidField(name, "must hold no blank, control or invisible character")
    require_short(given, compared, name)
    local, _, domain = given.rpartition("@")
    if not local or not domain or "@" in local or ":" in given:
        raise InvalidField(name, "must be a name, one @ and a domain, without colons")
    return EmailAddress(given, compared)


def email_key(organization: str, email: EmailAddress) -> Key:
    """Where the id of the user with that address lies."""
    return user_name_key(organization, email)
