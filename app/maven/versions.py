"""Maven's order of versions, and which of them are snapshots.

The order is that of `ComparableVersion` in Maven 3.9. There a version is a list of numbers and
words whose last member may be a list again; compared are two lists member by member, where a
missing one counts as nothing. Here the nested lists are one flat tuple, made once for a
version: no depth of nesting costs a stack, and sorting compares tuples.

Maven contradicts itself where one of two versions comes before what both begin with, and the
other after it: 1-final-SNAPSHOT is before 1 and 1 before 1-jre, and yet 1-jre before
1-final-SNAPSHOT. No order can hold all three. Here what both begin with decides, so that
1-final-SNAPSHOT comes before 1-jre. Every other pair is ordered as Maven has it, but for numbers
of ten zeros or more, which Maven 3 takes for large in some places; here, as in Maven 4, they
are zero.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

#: A list of numbers and words; the one after it in a sequence is the list that ends it.
Level: TypeAlias = list["_Part"]

_PIECE = re.compile(r"[.-]|[0-9]+|[^.0-9-]+")
#: A resolved snapshot: what comes before, with its hyphen, a moment and the number of a build.
_STAMPED = re.compile(r"(.*-)?[0-9]{8}\.[0-9]{6}-[0-9]+", re.DOTALL)
_SNAPSHOT = "SNAPSHOT"

_QUALIFIERS = {
    "alpha": 0,
    "beta": 1,
    "milestone": 2,
    "rc": 3,
    "cr": 3,
    "snapshot": 4,
    "ga": 5,
    "final": 5,
    "release": 5,
    "sp": 6,
}
_RELEASE = 5
_UNKNOWN = 7
_ABBREVIATED = {"a": "alpha", "b": "beta", "m": "milestone"}

# The kinds of members in their order. What makes a version older than one that ends here lies
# below the end, what makes it newer lies above.
_WORD, _LIST, _NUMBER = 0, 1, 2
_END = 3
_ABOVE = 4


@dataclass(frozen=True, slots=True, order=True)
class VersionKey:
    """A version's place among all others: first by Maven's order, then by its text.

    `order` is the same for versions that Maven holds to be equal, such as 1, 1.0 and 1-ga.
    """

    order: tuple[tuple[int, int, str], ...]
    text: str


@dataclass(frozen=True, slots=True)
class _Part:
    """A number, a word or the beginning of a list.

    `sign` is how it compares to nothing: 1-rc is older than 1 and 1-sp newer, 1.0 neither.
    """

    kind: int
    weight: int
    text: str
    sign: int


_BEGIN = _Part(_LIST, 0, "", 0)
_ZERO = _Part(_NUMBER, 0, "", 0)


def version_key(text: str) -> VersionKey:
    """The key to sort versions by.

    Any text is a version. The order is total: versions that Maven holds to be equal but that
    are spelled differently are sorted by their text.
    """
    levels = _levels(_PIECE.findall(_plain(text)))
    return VersionKey(_order(_trimmed(levels)), text)


def is_snapshot(version: str) -> bool:
    """Whether it is a snapshot as Maven's resolver decides.

    It ends with `SNAPSHOT`, in capitals and with or without a hyphen before it, or with a
    moment and a build's number, or is nothing else (`AbstractArtifact.isSnapshot`).
    """
    return version.endswith(_SNAPSHOT) or _STAMPED.fullmatch(version) is not None


def base_version(version: str) -> str:
    """The version whose folder a file lies in: 1.0-SNAPSHOT for 1.0-20261125.100000-3.

    A version without a moment and a build's number is its own
    (`AbstractArtifact.getBaseVersion`).
    """
    found = _STAMPED.fullmatch(version)
    return version if found is None else (found[1] or "") + _SNAPSHOT


def _plain(text: str) -> str:
    """In lower case, with the digits of every script as 0 to 9.

    Java does so for whatever is one of its 16-bit characters, whatever the locale.
    """
    lowered = text.lower()
    if lowered.isascii():
        return lowered
    return "".join(
        str(unicodedata.decimal(character))
        if character.isdecimal() and character <= "\uffff"
        else character
        for character in lowered
    )


def _levels(pieces: Sequence[str]) -> list[Level]:
    """The lists that a version consists of, the outermost first."""
    levels: list[Level] = [[]]
    before = "."
    for piece, after in zip(pieces, (*pieces[1:], ""), strict=False):
        if piece in ".-":
            if before in ".-":
                levels[-1].append(_ZERO)
            if piece == "-":
                levels.append([])
        elif _is_number(piece):
            levels[-1].append(_number(piece))
            if after and after not in ".-":
                levels.append([])
        else:
            # 1.x1 and 1.x are 1-x1 and 1-x; in 1.x.1 the word stays where it is.
            counted = _is_number(after)
            if levels[-1] and (counted or not after):
                levels.append([])
            levels[-1].append(_word(piece, counted))
            if counted:
                levels.append([])
        before = piece
    return levels


def _is_number(piece: str) -> bool:
    # Not `isdigit`, which holds for ² too.
    return "0" <= piece[:1] <= "9"


def _number(digits: str) -> _Part:
    """A number of any length, ordered by how many digits it has and then by these."""
    digits = digits.lstrip("0")
    return _Part(_NUMBER, len(digits), digits, 1) if digits else _ZERO


def _word(text: str, counted: bool) -> _Part:
    """A word; `counted` where digits follow, without which an `a` is no alpha."""
    if counted:
        text = _ABBREVIATED.get(text, text)
    place = _QUALIFIERS.get(text, _UNKNOWN)
    sign = (place > _RELEASE) - (place < _RELEASE)
    return _Part(_WORD, place, text if place == _UNKNOWN else "", sign)


def _trimmed(levels: Iterable[Level]) -> list[Level]:
    """Without what is at the end of a list and equal to nothing: zeros, releases, empty lists."""
    trimmed = []
    for level in levels:
        end = len(level)
        while end and not level[end - 1].sign:
            end -= 1
        trimmed.append(level[:end])
    while trimmed and not trimmed[-1]:
        trimmed.pop()
    return trimmed


def _order(levels: Sequence[Level]) -> tuple[tuple[int, int, str], ...]:
    """The lists in one, made from the end, because a member that is equal to nothing lies on
    that side of the end on which the first one lies that is not."""
    parts = [part for level in levels for part in (_BEGIN, *level)][1:]
    order = [(_END, 0, "")]
    side = _ABOVE
    for part in reversed(parts):
        if part.sign:
            side = _ABOVE if part.sign > 0 else 0
        order.append((part.kind + side, part.weight, part.text))
    order.reverse()
    return tuple(order)
