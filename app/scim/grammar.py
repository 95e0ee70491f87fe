"""What filters and paths are both written with: words, signs, texts in quotes, and names of
attributes with a URN before them (RFC 7644, section 3.4.2.2, figure 1).

A text is cut into tokens once, at the beginning, each character looked at once. What a token
means is said by who reads it, so that a wrong one is told with what was expected in its place.
"""

import json
import re
from collections.abc import Collection
from typing import TypeAlias

from app.scim.errors import InvalidFilter, InvalidPath
from app.scim.expressions import AttributePath

#: Of a filter or a path. The longest that providers send are some hundred characters.
MOST_CHARACTERS = 8_192

#: The error for what is wrong: that of filters, or that of paths.
Refusal: TypeAlias = type[InvalidFilter] | type[InvalidPath]

# A text in quotes is one token, whether or not it ends; so is whatever stands between blanks,
# brackets and quotes. The repetitions give nothing back: the time is linear in the length.
_TOKEN = re.compile(
    r'"(?:[^"\\]++|\\.)*+"?+'
    r"|[()\[\]]"
    r'|[^ \t\r\n()\[\]"]++',
    re.DOTALL,
)
# RFC 7643, section 2.1; `$ref` begins with what the ABNF has for later characters alone.
_NAME = r"\$?[A-Za-z][A-Za-z0-9_$-]*+"
_NAMES = re.compile(rf"({_NAME})(?:\.({_NAME}))?+")
_PART = re.compile(rf"\.({_NAME})")
_URN = re.compile(r"urn:[a-z0-9][a-z0-9-]*+:[!-~]++", re.ASCII | re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")


class Cursor:
    """Goes over a text from its beginning to its end, a token at a time; whatever is wrong with
    the text is told as one kind of error."""

    def __init__(self, text: str, refusal: Refusal) -> None:
        """Raises `refusal` where the text is longer than 8,192 characters."""
        if len(text) > MOST_CHARACTERS:
            raise refusal(f"expected at most {MOST_CHARACTERS} characters", MOST_CHARACTERS)
        self._tokens = [(found[0], found.start()) for found in _TOKEN.finditer(text)]
        self._tokens.append(("", len(text)))
        self._at = 0
        self._refusal = refusal

    @property
    def next(self) -> str:
        """The token that comes next, empty at the end."""
        return self._tokens[self._at][0]

    @property
    def place(self) -> int:
        """Where the next token begins; at the end, the text's length."""
        return self._tokens[self._at][1]

    def refused(self, expected: str, place: int | None = None) -> InvalidFilter | InvalidPath:
        """The error that says what was expected at a place, by itself that of the next token."""
        return self._refusal(f"expected {expected}", self.place if place is None else place)

    def take(self) -> str:
        """The next token, which is passed; at the end nothing is."""
        token = self.next
        if token:
            self._at += 1
        return token

    def take_text(self) -> str:
        """What the text in quotes says that comes next. Raises the cursor's error."""
        place = self.place
        try:
            text: str = json.loads(self.take())
        except json.JSONDecodeError as error:
            expected = "a text of JSON, with its quote at the end and JSON's escapes alone"
            raise self.refused(expected, place + error.pos) from error
        if _SURROGATE.search(text):
            raise self.refused("no half of a surrogate pair in this text", place)
        return text

    def take_attribute(self, schemas: Collection[str]) -> AttributePath:
        """The `[URN:]name[.part]` that comes next.

        Dots and colons are in URNs as well: of the known URNs, `schemas`, the longest that the
        word begins with is taken off; where none is known, all up to the last colon.

        Raises the cursor's error.
        """
        place = self.place
        word = self.take()
        if is_schema(word, schemas):
            raise self.refused("a colon and an attribute behind the URN", place + len(word))
        urn, names = _divided(word, schemas)
        found = _NAMES.fullmatch(names)
        if found is None:
            expected = "an attribute, as in userName or name.familyName"
            raise self.refused(expected, place + len(word) - len(names))
        return AttributePath(found[1], found[2], urn, place)

    def take_part(self) -> str | None:
        """The part that is named behind a value filter, as in `emails[type eq "work"].value`;
        None where no part is. Raises the cursor's error."""
        if not self.next.startswith("."):
            return None
        found = _PART.fullmatch(self.next)
        if found is None:
            raise self.refused("a part of the attribute, as in .value")
        self.take()
        return found[1]


def is_schema(word: str, schemas: Collection[str]) -> bool:
    """Whether a word is nothing but the URN of a schema that is known."""
    return word.isascii() and any(word.lower() == urn.lower() for urn in schemas)


def _divided(word: str, schemas: Collection[str]) -> tuple[str | None, str]:
    """A word's URN, if there is one, and what stands behind it."""
    if not word.isascii():  # lower case could have another length
        return None, word
    lower = word.lower()
    known = max((len(urn) for urn in schemas if lower.startswith(f"{urn.lower()}:")), default=0)
    end = known or word.rfind(":")
    if end < 0:
        return None, word
    urn = word[:end]
    if not known and not _URN.fullmatch(urn):
        return None, word  # whose colon is then no character of a name
    return urn, word[end + 1 :]
