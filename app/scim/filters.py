"""Reads filters (RFC 7644, section 3.4.2.2): text in, frozen values out.

Not in the RFC's grammar, but sent by clients and taken: `emails[type eq "work"].value eq "x"`,
which is read as `emails[type eq "work" and value eq "x"]`.
"""

import math
import re
from collections.abc import Collection

from app.scim.errors import InvalidFilter
from app.scim.expressions import (
    And,
    AttributePath,
    Comparison,
    Filter,
    Not,
    Operator,
    Or,
    Present,
    Scalar,
    Within,
)
from app.scim.grammar import Cursor

#: Brackets within brackets, and comparisons in all: far more than a provider sends, and few
#: enough that reading, checking and evaluating may go down into a filter by calls.
MOST_DEPTH = 32
MOST_COMPARISONS = 100

_NUMBER = re.compile(r"-?+(?:0|[1-9][0-9]*+)(\.[0-9]++)?+([eE][+-]?+[0-9]++)?+")
_NUMBER_CHARACTERS = 40
_WORDS = {"true": True, "false": False, "null": None}
_OPERATORS = ", ".join((*Operator, "pr"))


def parse_filter(text: str, schemas: Collection[str] = ()) -> Filter:
    """The filter that a text is; `schemas` are the URNs that are known.

    `not` binds closer than `and`, and that closer than `or`; of equals the left comes first.
    Keywords and operators are read in any case.

    Raises:
        InvalidFilter: not of the grammar, with its place; over 8,192 characters, 32 brackets
            within each other, or 100 comparisons.
    """
    cursor = Cursor(text, InvalidFilter)
    found = _Reader(cursor, schemas).read()
    if cursor.next:
        raise cursor.refused("and, or, or the end")
    return found


def take_value_filter(cursor: Cursor, schemas: Collection[str]) -> Filter:
    """The `[filter]` that comes next, with its brackets. Raises the cursor's error."""
    return _Reader(cursor, schemas).read_values()


class _Reader:
    """Reads one filter, by one method for each rule of the grammar."""

    def __init__(self, cursor: Cursor, schemas: Collection[str]) -> None:
        self._cursor = cursor
        self._schemas = schemas
        self._depth = 0
        self._comparisons = 0
        self._among_values = False

    def read(self) -> Filter:
        """Terms with `or` between them."""
        found = self._conjunction()
        while self._takes("or"):
            found = Or(found, self._conjunction())
        return found

    def read_values(self) -> Filter:
        """A filter of values, in its brackets."""
        if self._among_values:
            raise self._cursor.refused("no brackets within brackets")
        self._among_values = True
        found = self._enclosed("]")
        self._among_values = False
        return found

    def _conjunction(self) -> Filter:
        found = self._term()
        while self._takes("and"):
            found = And(found, self._term())
        return found

    def _term(self) -> Filter:
        if self._takes("not"):
            if self._cursor.next != "(":
                raise self._cursor.refused("( behind not")
            return Not(self._enclosed(")"))
        return self._enclosed(")") if self._cursor.next == "(" else self._condition()

    def _enclosed(self, end: str) -> Filter:
        """What stands in the brackets that begin here, up to their end."""
        if self._depth == MOST_DEPTH:
            raise self._cursor.refused(f"at most {MOST_DEPTH} brackets within each other")
        self._depth += 1
        self._cursor.take()
        found = self.read()
        if self._cursor.next != end:
            raise self._cursor.refused(f"and, or, or {end}")
        self._cursor.take()
        self._depth -= 1
        return found

    def _condition(self) -> Filter:
        """A comparison, or a filter of values."""
        path = self._cursor.take_attribute(self._schemas)
        if self._cursor.next != "[":
            return self._compared(path)
        if path.part is not None:
            raise self._cursor.refused("an operator behind a part")
        found = self.read_values()
        place = self._cursor.place
        part = self._cursor.take_part()
        if part is not None:
            found = And(found, self._compared(AttributePath(part, place=place + 1)))
        return Within(path, found)

    def _compared(self, path: AttributePath) -> Filter:
        self._comparisons += 1
        if self._comparisons > MOST_COMPARISONS:
            raise self._cursor.refused(f"at most {MOST_COMPARISONS} comparisons", path.place)
        place = self._cursor.place
        word = self._cursor.take().lower()
        if word == "pr":
            return Present(path)
        try:
            operator = Operator(word)
        except ValueError as error:
            raise self._cursor.refused(f"one of {_OPERATORS}", place) from error
        place = self._cursor.place
        return Comparison(path, operator, self._value(), place)

    def _value(self) -> Scalar:
        if self._cursor.next.startswith('"'):
            return self._cursor.take_text()
        place = self._cursor.place
        word = self._cursor.take()
        if word.lower() in _WORDS:
            return _WORDS[word.lower()]
        found = _NUMBER.fullmatch(word)
        if found is None:
            expected = "a text in double quotes, a number, true, false or null"
            raise self._cursor.refused(expected, place)
        number = float(word) if found[1] or found[2] else int(word[:_NUMBER_CHARACTERS])
        if len(word) > _NUMBER_CHARACTERS or not math.isfinite(number):
            expected = f"a number of up to {_NUMBER_CHARACTERS} characters"
            raise self._cursor.refused(expected, place)
        return number

    def _takes(self, keyword: str) -> bool:
        """Whether a keyword comes next, which is then passed."""
        if self._cursor.next.lower() != keyword:
            return False
        self._cursor.take()
        return True
