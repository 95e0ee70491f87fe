"""Secrets that have to be read again: sealed before they are stored, opened to be used.

A password or a key is only ever compared, so its hash is enough; the secret of a second
factor and the token in a mail that waits are needed as they are. Whoever reads the store
without the installation's secret key learns their length and nothing else, and whoever
writes to it can't move one: what a text was sealed for is a part of the seal.
"""

import base64
import binascii
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from auth.errors import AuthError

_PERSON = b"strongroom-seal"  # the personalization of BLAKE2b: up to 16 bytes
_NONCE_BYTES = 12  # random: 2^32 texts under one key stay far from a repetition (SP 800-38D, 8.3)


class NotSealedHere(AuthError):
    """A sealed text that none of the secret keys opens for this purpose."""

    def __init__(self) -> None:
        super().__init__(
            "A stored secret can't be opened: it was sealed with another secret key, or changed."
        )


class Sealer:
    """Seals and opens texts with AES-256-GCM.

    Args:
        secrets: the installation's secret keys; the first seals, all of them open.
    """

    def __init__(self, *secrets: bytes) -> None:
        if not secrets:
            raise ValueError("a sealer needs a secret key")
        self._ciphers = tuple(
            AESGCM(hashlib.blake2b(secret, digest_size=32, person=_PERSON).digest())
            for secret in secrets
        )

    def seal(self, text: str, *context: str) -> str:
        """A text that opens with the same context alone: what it is, and whose.

        The same text is sealed to another one each time; only its length shows.
        """
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[0].encrypt(nonce, text.encode(), _associated(context))
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, *context: str) -> str:
        """The text that was sealed for this context. Raises NotSealedHere."""
        raw = _raw(sealed)
        for cipher in self._ciphers:
            try:
                opened = cipher.decrypt(
                    raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _associated(context)
                )
            except (InvalidTag, ValueError):
                continue  # sealed with another of the keys
            return opened.decode()
        raise NotSealedHere


def _raw(sealed: str) -> bytes:
    try:
        raw = base64.b64decode(sealed, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotSealedHere from error
    if base64.urlsafe_b64encode(raw).decode() != sealed:
        raise NotSealedHere  # the decoder takes what differs in bits that say nothing
    return raw


def _associated(context: tuple[str, ...]) -> bytes:
    """The parts as one text that no other parts make: each has the same length here."""
    return b"".join(hashlib.sha256(part.encode()).digest() for part in context)
