"""Compares single values by what their schema says of them: text by its case rule, times as
moments, numbers as numbers (RFC 7644, section 3.4.2.2)."""

import math
import operator
import unicodedata
from collections.abc import Callable
from typing import Any, TypeAlias

from app.moments import parse_moment
from app.scim.attributes import Attribute, Kind
from app.scim.errors import InvalidFilter
from app.scim.expressions import Comparison, Operator

#: Says of one value, or of None where there is no value, whether it fits.
Fits: TypeAlias = Callable[[Any], bool]
#: Makes of a value what can be compared with others of its attribute, by == and <; None of what
#: is no value of that kind.
Comparable: TypeAlias = Callable[[Any], Any]

_EQUALITY = frozenset({Operator.EQ, Operator.NE})
_WITHIN = frozenset({Operator.CO, Operator.SW, Operator.EW})
_ORDER = frozenset({Operator.GT, Operator.GE, Operator.LT, Operator.LE})
_OPERATORS = {
    Kind.STRING: _EQUALITY | _WITHIN | _ORDER,
    Kind.REFERENCE: _EQUALITY | _WITHIN | _ORDER,
    Kind.BINARY: _EQUALITY | _WITHIN,
    Kind.BOOLEAN: _EQUALITY,
    Kind.DECIMAL: _EQUALITY | _ORDER,
    Kind.INTEGER: _EQUALITY | _ORDER,
    Kind.DATE_TIME: _EQUALITY | _ORDER,
    Kind.COMPLEX: frozenset[Operator](),
}
_TESTS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.CO: operator.contains,
    Operator.SW: str.startswith,
    Operator.EW: str.endswith,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
}
_EXPECTED = {
    Kind.BOOLEAN: "true or false",
    Kind.DECIMAL: "a number",
    Kind.INTEGER: "a number",
    Kind.DATE_TIME: 'a time with its offset, such as "2027-01-31T12:00:00Z"',
}
#: As a large provider sends them.
_BOOLEANS = {"true": True, "false": False}


def comparison(asked: Comparison, attribute: Attribute) -> Fits:
    """What a comparison says of single values of an attribute that is not complex.

    Of what is not there `ne` alone is true, and null is what it equals. So it is with a value
    of another type than the attribute's, but that it does not equal null.

    Raises:
        InvalidFilter: the operator or the value is none for the attribute's type.
    """
    if asked.operator not in _OPERATORS[attribute.kind]:
        possible = ", ".join(one for one in Operator if one in _OPERATORS[attribute.kind])
        raise InvalidFilter(f"expected one of {possible} for this attribute", asked.path.place)
    if asked.value is None:
        return _comparison_with_null(asked)
    comparable = comparable_of(attribute)
    wanted = comparable(_typed(asked.value, attribute.kind))
    if wanted is None:
        expected = _EXPECTED.get(attribute.kind, "a text in double quotes")
        raise InvalidFilter(f"expected {expected}", asked.place)
    test, differs = _TESTS[asked.operator], asked.operator is Operator.NE

    def fits(value: Any) -> bool:
        found = comparable(value)
        return differs if found is None else test(found, wanted)

    return fits


def comparable_of(attribute: Attribute) -> Comparable:
    """How values of an attribute that is not complex are compared, and put in order."""
    match attribute.kind:
        case Kind.BOOLEAN:
            return _truth
        case Kind.DECIMAL | Kind.INTEGER:
            return _number
        case Kind.DATE_TIME:
            return _moment
        case Kind.BINARY:
            return _text
        case _:
            return _text if attribute.case_exact else _folded


def _comparison_with_null(asked: Comparison) -> Fits:
    if asked.operator not in _EQUALITY:
        raise InvalidFilter("expected a value: null is for eq and ne alone", asked.place)
    absent = asked.operator is Operator.EQ
    return lambda value: (value is None) is absent


def _typed(value: Any, kind: Kind) -> Any:
    if kind is Kind.BOOLEAN and isinstance(value, str):
        return _BOOLEANS.get(value.lower())
    return value


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: Any) -> int | float | None:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    # For Python, true is a whole number.
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _moment(value: Any) -> Any:
    try:
        return parse_moment(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None  # it is no time, and said to be none


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _folded(value: Any) -> str | None:
    """In lower case, after NFC, as user names are compared (see `auth/user_names.py`)."""
    if not isinstance(value, str):
        return None
    # Lower case can take a text out of NFC, so it is composed again.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).lower())
