"""Patterns of paths: `*` and `?` within a segment, `**` for whole segments.

A pattern is walked through as an automaton whose states are the bits of a number: one step for
each character of the path, whatever the pattern. No pattern can make that slow, as it could
where a matcher tries again from every star.
"""

import unicodedata
from dataclasses import dataclass

from app.repositories.names import PATH_BYTES, SEGMENTS


class InvalidPattern(Exception):
    """No pattern; the message says why."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of whole paths. Make it with `parse`.

    Each token is a bit: `_tokens` maps a character to those that take just it, `_any` take any
    but a slash, `_stars` stay on any but a slash, `_trees` and `_rest` on any at all. A tree is
    left only where a segment begins, the others at any time.
    """

    text: str
    _tokens: dict[str, int]
    _any: int
    _stars: int
    _trees: int
    _rest: int
    _end: int

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """A pattern such as `snapshots/**/*.jar`. Raises InvalidPattern."""
        if not text or len(text.encode("utf-8", "surrogatepass")) > PATH_BYTES:
            raise InvalidPattern(f"has 1 to {PATH_BYTES} bytes")
        segments = text.split("/")
        if len(segments) > SEGMENTS:
            raise InvalidPattern(f"has at most {SEGMENTS} segments")
        for segment in segments:
            _check(segment)
        return _compiled(text, segments)

    def fits(self, path: str) -> bool:
        """Whether the pattern fits the whole of a path."""
        states = self._left(1)
        for character in path:
            if character == "/":
                moved = (states & self._tokens.get("/", 0)) << 1
                # The end of a segment: here a tree may be left.
                states = self._left(moved | states & (self._trees | self._rest))
            else:
                moved = (states & (self._tokens.get(character, 0) | self._any)) << 1
                inside = states & (self._stars | self._trees | self._rest)
                states = self._left(moved) | inside | (inside & ~self._trees) << 1
            if not states:
                return False
        return bool(states & self._end)

    def _left(self, states: int) -> int:
        """States with those behind every star or tree that is left without taking anything;
        there is at most one of each in a row."""
        for _ in range(2):
            states |= (states & (self._stars | self._trees | self._rest)) << 1
        return states


def _check(segment: str) -> None:
    if not segment:
        raise InvalidPattern("has no empty segment: no '//' in it, no '/' at its beginning or end")
    if segment in (".", ".."):
        raise InvalidPattern("has no segment '.' or '..'")
    if "**" in segment and segment != "**":
        raise InvalidPattern("has '**' for whole segments alone, as in 'a/**/b'")
    if "\\" in segment or any(c in segment for c in "[]{}"):
        raise InvalidPattern("knows '*', '?' and '**' alone; use '?' for a bracket or brace")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in segment):
        raise InvalidPattern("has no control characters and is proper UTF-8")


def _compiled(text: str, segments: list[str]) -> Pattern:
    tokens: dict[str, int] = {}
    any_, stars, trees, rest, bit = 0, 0, 0, 0, 1
    last = len(segments) - 1
    for number, segment in enumerate(segments):
        if segment == "**":
            if number == last:
                rest |= bit
                bit <<= 1
            elif segments[number + 1] != "**":  # several in a row are one
                trees |= bit
                bit <<= 1
            continue
        for character in segment:
            if character == "*":
                stars |= bit
            elif character == "?":
                any_ |= bit
            else:
                tokens[character] = tokens.get(character, 0) | bit
            bit <<= 1
        if number < last:
            tokens["/"] = tokens.get("/", 0) | bit
            bit <<= 1
    return Pattern(text, tokens, any_, stars, trees, rest, bit)
