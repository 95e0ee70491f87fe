"""User names: what an account is found and signed in by, beside its e-mail address or without one.

They share one namespace with addresses: an address is a user name, too, and what one user has of
either is no other's. Two are the same if they are in lower case, after NFC.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from hashlib import blake2b

from auth.errors import InvalidField
from storage import keys
from storage.metadata import Key

BYTES_MOST = 254  # as many as an address may have
_HASH_BYTES = 20
# Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties.txt, less what is not printable
# (formats, and what is not assigned): fillers, vowels and marks without a glyph, variation
# selectors.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


@dataclass(frozen=True, slots=True)
class UserName:
    """A name as it was given (after NFC), and the form that it is compared in."""

    text: str = field(repr=False, compare=False)
    compared: str = field(repr=False)


def parse_user_name(text: str, name: str = "user_name") -> UserName:
    """The user name in a text; every address is one.

    Raises:
        InvalidField: nothing or over 254 bytes, a control or invisible character, or a blank
            before or behind it.
    """
    given, compared = normal_forms(text, name)
    # All of Unicode's separators, controls, formats (invisible ones), surrogates, private and
    # unassigned code points are "not printable", but for the blank.
    if not given.isprintable() or given != given.strip(" "):
        raise InvalidField(name, "must hold no control or invisible character, and no blank around")
    if not given:
        raise InvalidField(name, "must not be empty")
    require_short(given, compared, name)
    return UserName(given, compared)


def normal_forms(text: str, name: str) -> tuple[str, str]:
    """A text after NFC, and the form that it is compared in. Raises InvalidField: it is long."""
    if len(text) > BYTES_MOST:
        raise InvalidField(name, f"must have at most {BYTES_MOST} bytes")
    given = unicodedata.normalize("NFC", text)
    # Lower case can take a text out of NFC, so it is composed again.
    return given, unicodedata.normalize("NFC", given.lower())


def require_short(given: str, compared: str, name: str) -> None:
    """Return where both forms fit, in UTF-8. Raises InvalidField."""
    if max(len(given.encode()), len(compared.encode())) > BYTES_MOST:
        raise InvalidField(name, f"must have at most {BYTES_MOST} bytes")


def require_visible(text: str, name: str) -> None:
    """Return where nothing in a name or an address is a letter or a mark that no screen shows:
    two names that differ in one look the same.

    It is for what comes in. Reading is without it, so that nobody is locked out whose record has
    held one since before. Raises InvalidField.
    """
    if _UNSEEN.search(text) is not None:
        raise InvalidField(name, "must hold no invisible character")


def user_name_key(organization: str, name: UserName) -> Key:
    """Where the id of the user of that name or address lies. The key is a hash, so that no event
    that names it names a person."""
    text = f"{organization}\0{name.compared}"
    return keys.email(organization, blake2b(text.encode(), digest_size=_HASH_BYTES).hexdigest())
