"""The commonest passwords, as a list that ships: hashes of their skeletons, sorted.

A skeleton is what is left of a text once case and the usual substitutions (`P@ssw0rd`) are
taken away, so one entry stands for all of its spellings. Nobody reads passwords in the file,
and 48 bits of a hash are enough: one in a thousand million others is refused with them.

`python -m auth.common_passwords < LIST > auth/common-passwords.bin`, with one password a line,
makes the file; where the list comes from is in `common-passwords.LICENSE.txt`.
"""

import sys
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.resources import files

#: Under this, a word says nothing: it is in any text.
CHARACTERS_LEAST = 4
_FILE = "common-passwords.bin"
_HASH_BYTES = 6
# What stands for what, whichever of them was meant.
_SUBSTITUTES = str.maketrans("!|1i03@4$57+89", "lllloeaassttbg")


class CommonPasswords:
    """A packed list of passwords, to be asked for skeletons."""

    def __init__(self, packed: bytes) -> None:
        if len(packed) % _HASH_BYTES:
            raise ValueError("a list of common passwords ends within a hash")
        self._packed = packed

    def __len__(self) -> int:
        return len(self._packed) // _HASH_BYTES

    def __getitem__(self, number: int) -> bytes:
        return self._packed[number * _HASH_BYTES : (number + 1) * _HASH_BYTES]

    def __contains__(self, skeleton_: str) -> bool:
        sought = _hash(skeleton_)
        at = bisect_left(self, sought)
        return at < len(self) and self[at] == sought


@cache
def common_passwords() -> CommonPasswords:
    """The list that ships; read once in a process (180 KB)."""
    return CommonPasswords((files("auth") / _FILE).read_bytes())


def fold(text: str) -> str:
    """A text without its case, composed."""
    # Folding can take a text out of NFC.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def skeleton(folded: str) -> str:
    """A folded text without substitutions: character for character, so places stay."""
    return folded.translate(_SUBSTITUTES)


def pack(texts: Iterable[str]) -> bytes:
    """The list of those texts, in any order; the shortest are left out."""
    found = {skeleton(fold(text.strip())) for text in texts}
    return b"".join(sorted(_hash(one) for one in found if len(one) >= CHARACTERS_LEAST))


def _hash(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()[:_HASH_BYTES]


if __name__ == "__main__":
    sys.stdout.buffer.write(pack(sys.stdin))
