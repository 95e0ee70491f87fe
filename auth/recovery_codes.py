"""Recovery codes: what lets somebody in, once each, who has lost his second factor.

A code has 80 random bits, so that a fast hash of it is enough and nobody guesses one. They are
shown once; a record holds the hashes of those that are left.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence

from auth.errors import WrongCode

COUNT = 10
_BYTES = 10  # 80 bits: 16 characters of base 32
_CHARACTERS = 16
_GROUP = 4
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz234567")
_LONGEST = 64  # with whatever somebody puts between the groups


def make_codes() -> tuple[str, ...]:
    """New codes, as they are shown: `abcd-efgh-ijkl-mnop`."""
    return tuple(_make() for _ in range(COUNT))


def hashes(codes: Iterable[str]) -> list[str]:
    """What is stored of codes."""
    return [_hash(_plain(code)) for code in codes]


def is_recovery_code(text: str) -> bool:
    """Whether a text has the form of a recovery code, however it is grouped."""
    plain = _plain(text)
    return len(plain) == _CHARACTERS and _LETTERS.issuperset(plain)


def without(stored: Sequence[str], code: str) -> list[str]:
    """The hashes that are left once this code was used.

    Raises:
        WrongCode: it is none of them, or was used.
    """
    used = _hash(_plain(code)).encode()
    left = [one for one in stored if not hmac.compare_digest(one.encode(), used)]
    if len(left) == len(stored):
        raise WrongCode
    return left


def _make() -> str:
    plain = base64.b32encode(secrets.token_bytes(_BYTES)).decode().lower()
    return "-".join(plain[at : at + _GROUP] for at in range(0, _CHARACTERS, _GROUP))


def _plain(text: str) -> str:
    """A code without what people put between groups, and in one case."""
    return "" if len(text) > _LONGEST else "".join(text.lower().replace("-", " ").split())


def _hash(plain: str) -> str:
    return hashlib.sha256(plain.encode(errors="surrogatepass")).hexdigest()
