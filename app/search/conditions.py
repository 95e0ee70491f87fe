"""Conditions of a search that are parsed once: a digest, and the beginning of a name."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.repositories.names import SEGMENT_BYTES

#: Hexadecimal digits of each digest: no two have as many, so that a digest tells what it is of.
DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
_HEXADECIMAL = frozenset("0123456789abcdef")


class InvalidCondition(Exception):
    """Text that nothing can be found by; the message says what is right."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What a file's bytes are known by: an algorithm of `DIGITS`, and lower-case hexadecimal."""

    algorithm: str
    text: str

    @classmethod
    def parse(cls, algorithm: str, text: str) -> "Digest":
        """A digest in either case. Raises InvalidCondition."""
        digest = text.lower()
        if len(digest) != DIGITS[algorithm] or not _HEXADECIMAL.issuperset(digest):
            raise InvalidCondition(f"has {DIGITS[algorithm]} hexadecimal digits")
        return cls(algorithm, digest)

    def is_among(self, digests: Mapping[str, str]) -> bool:
        """Whether it is one of a file's digests, by algorithm."""
        return digests.get(self.algorithm) == self.text

    @classmethod
    def told(cls, text: str) -> "Digest | None":
        """The digest that a text is by its length, None where it is something else."""
        for algorithm in DIGITS:
            try:
                return cls.parse(algorithm, text)
            except InvalidCondition:
                continue
        return None


def parse_name(text: str) -> str:
    """The beginning of a file's name, empty for any. Raises InvalidCondition."""
    if "/" in text:
        raise InvalidCondition("is the beginning of a file's name, without a slash")
    if len(text.encode()) > SEGMENT_BYTES:
        raise InvalidCondition(f"takes at most {SEGMENT_BYTES} bytes")
    return text
