"""Patterns of repositories' names: `*` stands for any characters, none included.

A pattern is known by its star, which no name and no id of a repository has, so that grants
hold names' patterns beside ids. A repository that is made later is granted by its name.
"""

import re
from functools import lru_cache

from auth.errors import InvalidField

CHARACTERS_MOST = 100
_STAR = "*"
#: The pattern of all names.
EVERY = _STAR
_PATTERN = re.compile(r"[a-z0-9._*-]+", re.ASCII)


def is_pattern(text: str) -> bool:
    """Whether a text of a grant is a pattern, and no id."""
    return _STAR in text


def parse_pattern(text: str, field: str = "permissions") -> str:
    """A pattern that some name could fit, with runs of stars as one. Raises InvalidField."""
    if len(text) > CHARACTERS_MOST or not _PATTERN.fullmatch(text):
        raise InvalidField(
            field,
            f"takes patterns such as team-* of at most {CHARACTERS_MOST} characters: a-z, 0-9,"
            " ., _, - and *",
        )
    return re.sub(r"\*+", _STAR, text)


def fits(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern; no name at all fits none."""
    if not name:
        return False
    first, *others = _parts(pattern)
    if not others:
        return name == first
    *inner, last = others
    if not name.startswith(first) or not name.endswith(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in inner:
        # The leftmost place leaves the most to the parts behind, so none is tried again.
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


@lru_cache(maxsize=4096)
def _parts(pattern: str) -> tuple[str, ...]:
    return tuple(pattern.split(_STAR))
