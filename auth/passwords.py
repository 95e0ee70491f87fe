"""Passwords: PBKDF2 with HMAC-BLAKE2b-512, as the published security practices promise.

The stored form describes itself, so that parameters can rise without a migration: a hash
is verified with its own parameters, and made anew at a sign-in once they are `outdated`.
`verify` raises: a forgotten `if` cannot let anyone in.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass

from auth.errors import AuthError, CorruptRecord, InvalidField

CHARACTERS_LEAST = 8  # security practices, S2
CHARACTERS_MOST = 256  # the same; characters are counted after NFC
SALT_BYTES = 12  # S1
KEY_BYTES = 64  # BLAKE2b-512's own size
# A record that was tampered with must not stop a processor: about a second at the most.
ITERATIONS_MOST = 1_000_000
# NFC joins up to four code points to one; what is longer than that is too long anyway.
_CODE_POINTS_MOST = 4 * CHARACTERS_MOST
_STORED = re.compile(
    r"\$pbkdf2-blake2b-512\$i=([1-9][0-9]{0,6})\$([A-Za-z0-9+/]{16})\$([A-Za-z0-9+/]{86})"
)


class WrongPassword(AuthError):
    """The password is not the one that was stored."""

    def __init__(self) -> None:
        super().__init__("the password is wrong")


@dataclass(frozen=True, slots=True)
class Parameters:
    """How costly a hash is: PBKDF2's iteration count (RFC 8018, section 4.2)."""

    iterations: int = 50_000  # S1; about 60 ms

    def __post_init__(self) -> None:
        if not 1 <= self.iterations <= ITERATIONS_MOST:
            raise ValueError(f"iterations lie between 1 and {ITERATIONS_MOST}")


STRONG = Parameters()
CHEAP = Parameters(iterations=2)  # for tests alone: constructors take it, no setting does


def normalize(text: str) -> str:
    """The form of a password that is counted and hashed (NFC).

    Raises:
        InvalidField: under 8 or over 256 characters, or no text that UTF-8 can hold.
    """
    if len(text) > _CODE_POINTS_MOST:
        raise InvalidField("password", _length_rule())
    normal = unicodedata.normalize("NFC", text)
    if not CHARACTERS_LEAST <= len(normal) <= CHARACTERS_MOST:
        raise InvalidField("password", _length_rule())
    if not _is_text(normal):
        raise InvalidField("password", "must be text")
    return normal


def _is_text(value: str) -> bool:
    # A function of its own: an error raised while that one is handled would hold the value.
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def hash_password(text: str, parameters: Parameters = STRONG) -> str:
    """Hash a new password with a random salt, for a record.

    Raises:
        InvalidField: the length, or a control character, which Basic authentication cannot
            carry (RFC 7617, section 2), so that nobody could sign in with it.
    """
    normal = normalize(text)
    if any(unicodedata.category(character) == "Cc" for character in normal):
        raise InvalidField("password", "must hold no control characters")
    salt = secrets.token_bytes(SALT_BYTES)
    return _format(parameters.iterations, salt, _derive(normal, salt, parameters.iterations))


def verify(stored: str, text: str) -> None:
    """Return if `text` is the password that `stored` was made from; the slow hash.

    Raises:
        WrongPassword: it is not, or no password could look like that.
        CorruptRecord: `stored` is not what `hash_password` makes.
    """
    iterations, salt, key = _parse(stored)
    try:
        normal = normalize(text)
    except InvalidField as error:
        raise WrongPassword from error
    if not hmac.compare_digest(_derive(normal, salt, iterations), key):
        raise WrongPassword


def decoy(parameters: Parameters = STRONG) -> str:
    """A stored form that no password fits, and that costs as much to find out."""
    return _format(parameters.iterations, bytes(SALT_BYTES), bytes(KEY_BYTES))


def outdated(stored: str, parameters: Parameters = STRONG) -> bool:
    """Whether a stored form was made with less than `parameters` ask for."""
    return _parse(stored)[0] < parameters.iterations


def _derive(normal: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("blake2b", normal.encode(), salt, iterations, KEY_BYTES)


def _format(iterations: int, salt: bytes, key: bytes) -> str:
    return f"$pbkdf2-blake2b-512$i={iterations}${_base64(salt)}${_base64(key)}"


def _parse(stored: str) -> tuple[int, bytes, bytes]:
    match = _STORED.fullmatch(stored)
    if match is None:
        raise CorruptRecord("a stored password is not in a form that this version knows")
    iterations = int(match[1])
    try:
        salt, key = (base64.b64decode(part + "=" * (-len(part) % 4)) for part in match.group(2, 3))
    except binascii.Error as error:
        raise CorruptRecord("a stored password is not base64") from error
    # One form a hash: base64 leaves bits over at the end, and those must be zero.
    if iterations > ITERATIONS_MOST or _format(iterations, salt, key) != stored:
        raise CorruptRecord("a stored password is not in a form that this version knows")
    return iterations, salt, key


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _length_rule() -> str:
    return f"must have {CHARACTERS_LEAST} to {CHARACTERS_MOST} characters"
