"""Patterns of paths: `*` and `?` within a segment, `**` for whole segments.

A pattern is walked through as an automaton whose states are the bits of a number: one step for
each character of the path, whatever the pattern. No pattern can make that slow, as it could
where a matcher tries again from every star. Several patterns lie side by side in one number, so
that a path is walked once for all of them, and its folder once for all files in it.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.repositories.names import PATH_BYTES, SEGMENTS


class InvalidPattern(Exception):
    """No pattern; the message says why."""


#: Where a walk has come to in every pattern: bits.
States: TypeAlias = int


@dataclass(frozen=True, slots=True)
class Automaton:
    """Patterns side by side, each of which begins at a bit of its own.

    Each token is a bit: `tokens` maps a character to those that take just it, `any` take any
    but a slash, `stars` stay on any but a slash, `trees` and `rest` on any at all. A tree is
    left only where a segment begins, the others at any time.
    """

    tokens: Mapping[str, States]
    any: States
    stars: States
    trees: States
    rest: States
    bits: int

    def left(self, states: States) -> States:
        """States with those behind every star or tree that is left without taking anything;
        there is at most one of each in a row."""
        for _ in range(2):
            states |= (states & (self.stars | self.trees | self.rest)) << 1
        return states

    def walk(self, states: States, text: str) -> States:
        """Where one is behind some more of a path."""
        taking, any_, stars = self.tokens, self.any, self.stars
        loose = stars | self.rest
        staying = loose | self.trees
        for character in text:
            if character == "/":
                moved = (states & taking.get("/", 0)) << 1
                # The end of a segment: here a tree may be left.
                states = self.left(moved | states & (self.trees | self.rest))
            else:
                moved = (states & (taking.get(character, 0) | any_)) << 1
                # What has moved is inside a segment, where a star alone can begin.
                states = moved | (moved & stars) << 1 | states & staying | (states & loose) << 1
            if not states:
                break
        return states


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of whole paths. Make it with `parse`."""

    text: str
    automaton: Automaton

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
        return cls(text, _compiled(segments))

    def fits(self, path: str) -> bool:
        """Whether the pattern fits the whole of a path."""
        return bool(Patterns.of([self]).enter("").fitting(path))


@dataclass(frozen=True, slots=True)
class Patterns:
    """Some patterns, to be walked through together; they are numbered from 0."""

    _automaton: Automaton
    _begins: tuple[int, ...]

    @classmethod
    def of(cls, patterns: Sequence[Pattern]) -> "Patterns":
        """Those patterns, in that order."""
        begins, at = [], 0
        for pattern in patterns:
            begins.append(at)
            at += pattern.automaton.bits
        parts = [one.automaton for one in patterns]
        return cls(_side_by_side(list(zip(parts, begins, strict=True)), at), (*begins, at))

    def enter(self, folder: str) -> "Entered":
        """The patterns within a folder, which is empty or ends with a slash."""
        begin = sum(1 << at for at in self._begins[:-1])
        states = self._automaton.walk(self._automaton.left(begin), folder)
        return Entered(self._automaton, self._begins, states)


@dataclass(frozen=True, slots=True)
class Entered:
    """Patterns within a folder."""

    _automaton: Automaton
    _begins: tuple[int, ...]
    _states: States

    def possible(self) -> frozenset[int]:
        """The patterns that may fit something in the folder or beneath it."""
        return frozenset(
            number
            for number, at in enumerate(self._begins[:-1])
            if self._states >> at & (1 << self._begins[number + 1] - at) - 1
        )

    def fitting(self, name: str) -> frozenset[int]:
        """The patterns that fit what is in the folder by that name."""
        states = self._automaton.walk(self._states, name) if self._states else 0
        if not states:
            return frozenset()
        return frozenset(
            number for number, end in enumerate(self._begins[1:]) if states >> end - 1 & 1
        )


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


def _compiled(segments: Sequence[str]) -> Automaton:
    """The automaton of one pattern; its last bit is where it has fitted."""
    tokens: dict[str, States] = {}
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
    return Automaton(tokens, any_, stars, trees, rest, bit.bit_length())


def _side_by_side(parts: Sequence[tuple[Automaton, int]], bits: int) -> Automaton:
    """Automata in one, each from its bit on; nothing leads from one into the next."""
    tokens: dict[str, States] = {}
    for one, at in parts:
        for character, states in one.tokens.items():
            tokens[character] = tokens.get(character, 0) | states << at

    def joined(states: Iterable[States]) -> States:
        return sum(some << at for some, (_, at) in zip(states, parts, strict=True))

    return Automaton(
        tokens,
        joined(one.any for one, _ in parts),
        joined(one.stars for one, _ in parts),
        joined(one.trees for one, _ in parts),
        joined(one.rest for one, _ in parts),
        bits,
    )
