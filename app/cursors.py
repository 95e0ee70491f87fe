"""Opaque cursors of lists: sealed, so that one works for its caller, route and filter alone.

A cursor names the last record of a page. In clear it would tell names that the caller may
not see, and could be bent to start anywhere; sealed with AES-GCM it can do neither.
"""

import base64
import binascii
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_MOST_CHARACTERS = 4_096


class InvalidCursor(Exception):
    """A cursor that was not given out to this caller for this list."""

    def __init__(self) -> None:
        super().__init__("belongs to no page of this list: start without it")


class Cursors:
    """Seals and opens cursors with the installation's secret keys."""

    def __init__(self, *secrets: bytes) -> None:
        self._ciphers = tuple(
            AESGCM(hashlib.blake2b(secret, digest_size=32, person=b"strongroom-curso").digest())
            for secret in secrets
        )

    def seal(self, position: str, *scope: str) -> str:
        """A cursor for a position of the list that `scope` describes (caller, route, filter)."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[0].encrypt(nonce, position.encode(), _associated(scope))
        return _text(nonce + sealed)

    def open(self, cursor: str, *scope: str) -> str:
        """The position that was sealed. Raises InvalidCursor."""
        if not cursor.isascii() or len(cursor) > _MOST_CHARACTERS:
            raise InvalidCursor
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError) as error:
            raise InvalidCursor from error
        if _text(raw) != cursor:
            # The decoder skips what is not of the alphabet, and the last bits that say nothing.
            raise InvalidCursor
        for cipher in self._ciphers:
            try:
                opened = cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _associated(scope))
            except (InvalidTag, ValueError):
                continue  # sealed with another of the keys
            return opened.decode()
        raise InvalidCursor


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _associated(scope: tuple[str, ...]) -> bytes:
    return b"\0".join(hashlib.sha256(part.encode()).digest() for part in scope)
