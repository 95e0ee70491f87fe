"""Reads single values that have no parts (RFC 7643, section 2.3): plain JSON in, the same out
once it is known to be what its attribute says.

Messages name the attribute, and never the value.
"""

import base64
import binascii
import math
import re
from typing import Any

from app.scim.attributes import Attribute, Kind
from app.scim.comparing import comparable_of
from app.scim.errors import InvalidValue

#: Of one text; the longest that providers send are postal addresses.
MOST_CHARACTERS = 4_096
#: Of one binary value, as Base64: a certificate has some 2,000.
MOST_BINARY_CHARACTERS = 64 * 1024
#: What every JSON reader holds exactly, above and below zero.
_LARGEST = 2**53 - 1

# Half of a surrogate pair is no text, and can't be stored as UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNPRINTABLE_IN_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
#: The parts that are written in lines (RFC 7643, section 4.1.2).
_IN_LINES = frozenset({"formatted", "streetAddress"})
# Blanks, and what ends a URI in the places where people put one.
_NOT_IN_A_URI = re.compile(r'[\s<>"\\`]')
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*+(?=:)")
#: What a browser runs or shows as if it came from the page that links to it.
_REFUSED_SCHEMES = frozenset({"javascript", "data", "vbscript", "blob", "filesystem"})
_BOOLEANS = {"true": True, "false": False}


def read_simple(attribute: Attribute, value: object, name: str) -> Any:
    """A value as the attribute has it; `name` is what messages call it.

    The texts true and false, in any case, are taken for the booleans: a large provider sends
    them. Raises InvalidValue.
    """
    match attribute.kind:
        case Kind.BOOLEAN:
            return _boolean(value, name)
        case Kind.DECIMAL | Kind.INTEGER:
            return _number(value, name, attribute.kind)
        case Kind.DATE_TIME:
            return _moment(attribute, value, name)
        case Kind.REFERENCE:
            return _reference(value, name)
        case Kind.BINARY:
            return _binary(value, name)
        case _:
            return _text(value, name, in_lines=attribute.name in _IN_LINES)


def _text(value: object, name: str, *, in_lines: bool = False) -> str:
    if not isinstance(value, str):
        raise InvalidValue(f"'{name}' has to be text")
    if len(value) > MOST_CHARACTERS:
        raise InvalidValue(f"'{name}' may have at most {MOST_CHARACTERS} characters")
    if (_UNPRINTABLE_IN_LINES if in_lines else _UNPRINTABLE).search(value):
        raise InvalidValue(f"'{name}' may hold no control characters, and no half characters")
    return value


def _boolean(value: object, name: str) -> bool:
    if isinstance(value, str):
        value = _BOOLEANS.get(value.lower())
    if not isinstance(value, bool):
        raise InvalidValue(f"'{name}' has to be true or false")
    return value


def _number(value: object, name: str, kind: Kind) -> int | float:
    # For Python, true is a whole number.
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST:
        return value
    if kind is Kind.DECIMAL and isinstance(value, float) and math.isfinite(value):
        return value
    whole = "a whole number" if kind is Kind.INTEGER else "a number"
    raise InvalidValue(f"'{name}' has to be {whole} of up to {_LARGEST}")


def _moment(attribute: Attribute, value: object, name: str) -> str:
    text = _text(value, name)
    if comparable_of(attribute)(text) is None:
        raise InvalidValue(f"'{name}' has to be a time such as 2027-01-31T12:00:00Z")
    return text


def _reference(value: object, name: str) -> str:
    """A URI, or one that is relative (RFC 3986, section 4.1); other scripts are taken."""
    text = _text(value, name)
    if _NOT_IN_A_URI.search(text):
        raise InvalidValue(f"'{name}' has to be a URI, without blanks, quotes and backslashes")
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[0].lower() in _REFUSED_SCHEMES:
        raise InvalidValue(f"'{name}' has to be a URI that runs nothing, such as one of https")
    return text


def _binary(value: object, name: str) -> str:
    """Base64 (RFC 4648, section 4); its padding may be left out (RFC 7643, section 2.3.6)."""
    if not isinstance(value, str) or len(value) > MOST_BINARY_CHARACTERS:
        raise InvalidValue(
            f"'{name}' has to be Base64 of up to {MOST_BINARY_CHARACTERS} characters"
        )
    try:
        base64.b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidValue(f"'{name}' has to be Base64") from error
    return value
