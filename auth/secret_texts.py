"""The texts of secrets: `srk_` (API keys), `srs_` (sessions) or `srt_` (SCIM tokens), 256
random bits, and check digits.

A scanner for leaked secrets finds one by `sr[kst]_[0-9A-Za-z]{49}` (regular expression, with
word boundaries around it), and drops false finds with the check digits: the last six
characters are the CRC-32 of all that stands before them, in base 62 with the digits
`0-9A-Za-z`, most significant first.

The id of a key is the first half of its secret's SHA-256, so that the secret alone leads to
the record, in one read. It is public: the secret cannot be had from it, nor from the stored
hash. The secret's 256 bits are why a fast hash is enough here.
"""

import binascii
import hashlib
import re
import secrets
from dataclasses import dataclass, field

from auth.credentials import ApiKeySecret
from auth.errors import NotAuthenticated

KEY, SESSION, SCIM_TOKEN = "srk_", "srs_", "srt_"
SECRET_BITS = 256
ID_CHARACTERS = 32  # hexadecimal: 128 bits
_RANDOM_DIGITS = 43  # 62**43 > 2**256
_CHECK_DIGITS = 6  # 62**6 > 2**32
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET = re.compile(r"sr[kst]_[0-9A-Za-z]{49}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is stored of a secret: the key's id, and the SHA-256 of the text, in hex."""

    key_id: str
    sha256: str = field(repr=False)
    prefix: str = KEY


def make_secret(prefix: str = KEY) -> ApiKeySecret:
    """A new random secret, of what its prefix says."""
    text = prefix + _base62(secrets.randbits(SECRET_BITS), _RANDOM_DIGITS)
    return ApiKeySecret(text + _check(text))


def fingerprint(secret: ApiKeySecret) -> Fingerprint:
    """The fingerprint of a secret that is well-formed.

    Raises:
        NotAuthenticated: it is not: cut, mistyped, or no key at all.
    """
    text = secret.text
    if _SECRET.fullmatch(text) is None or _check(text[:-_CHECK_DIGITS]) != text[-_CHECK_DIGITS:]:
        raise NotAuthenticated
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return Fingerprint(sha256[:ID_CHARACTERS], sha256, text[: len(KEY)])


def _check(text: str) -> str:
    return _base62(binascii.crc32(text.encode()), _CHECK_DIGITS)


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        text = _DIGITS[digit] + text
    return text
