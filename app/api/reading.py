"""Reads the JSON of a request: bounded, strict, each field asked for by name and type.

A field that is not known is an error: a misspelt rule must never be silently without effect.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from falcon import Request

from app.moments import parse_moment
from auth.errors import InvalidField
from middleware.body import open_body

MOST_BYTES = 64 * 1024
MOST_DEPTH = 16
_MOST_DIGITS = 18  # of a number in a query: what every store and language can hold
_SHOWN_CHARACTERS = 100  # of a field's name that comes from the client
_SURROGATE = re.compile("[\ud800-\udfff]")
#: A text, also one without an end, is taken whole: so nothing is looked at twice.
_TEXT_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{\]}]', re.DOTALL)


class InvalidBody(Exception):
    """A body that is no JSON object, or too large or deep; the message says which."""


class BodyTooLarge(InvalidBody):
    """A body over 64 KiB."""

    def __init__(self) -> None:
        super().__init__(f"a request to the API takes at most {MOST_BYTES} bytes")


class OtherType(InvalidBody):
    """A body that says that it is something other than JSON."""

    def __init__(
        self, trouble: str = "the Content-Type of a request to the API is application/json"
    ) -> None:
        super().__init__(trouble)


class Fields:
    """The fields of a JSON object; `finish` refuses those that nobody asked for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._asked: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether the field was sent, null included."""
        self._asked.add(name)
        return name in self._values

    def text(self, name: str, default: str | None = None) -> str | None:
        """Text, or the default where it was not sent. Raises InvalidField."""
        value = self._take(name, default)
        if value is not None and not isinstance(value, str):
            raise InvalidField(name, "must be text")
        return value

    def required(self, name: str) -> str:
        """Text that has to be there."""
        value = self.text(name)
        if value is None:
            raise InvalidField(name, "is missing")
        return value

    def flag(self, name: str) -> bool | None:
        """True or false, None where it was not sent."""
        value = self._take(name, None)
        if value is not None and not isinstance(value, bool):
            raise InvalidField(name, "must be true or false")
        return value

    def number(self, name: str) -> int | None:
        """A whole number, None where it was not sent; 1.0 is one, as in JSON Schema."""
        value = self._take(name, None)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise InvalidField(name, "must be a whole number")
        return value

    def moment(self, name: str) -> datetime | None:
        """A time of RFC 3339, in UTC, None where it was not sent. Raises InvalidField."""
        text = self.text(name)
        try:
            return None if text is None else parse_moment(text)
        except (ValueError, OverflowError) as error:
            trouble = "must be a time with its offset, such as 2027-01-31T12:00:00Z"
            raise InvalidField(name, trouble) from error

    def actions(self, name: str) -> dict[str, list[str]] | None:
        """An object of lists of text: repositories with actions. None where it was not sent."""
        value = self._take(name, None)
        if value is None:
            return None
        if not isinstance(value, dict) or not all(
            isinstance(actions, list) and all(isinstance(action, str) for action in actions)
            for actions in value.values()
        ):
            raise InvalidField(name, 'must be an object such as {"NAME": ["read", "write"]}')
        return value

    def texts(self, name: str) -> list[str] | None:
        """A list of text, None where it was not sent. Raises InvalidField."""
        value = self._take(name, None)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise InvalidField(name, "must be a list of text")
        return value

    def object(self, name: str) -> "Fields | None":
        """An object of fields, None where it was not sent."""
        value = self._take(name, None)
        if value is not None and not isinstance(value, dict):
            raise InvalidField(name, "must be an object")
        return None if value is None else Fields(value)

    def objects(self, name: str) -> "list[Fields] | None":
        """A list of objects of fields, None where it was not sent."""
        value = self._take(name, None)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise InvalidField(name, "must be a list of objects")
        return [Fields(one) for one in value]

    def finish(self) -> None:
        """Refuse fields that were not asked for."""
        for name in self._values:
            if name not in self._asked:
                raise InvalidField(_shown(name), "is not a field of this request")

    def _take(self, name: str, default: Any) -> Any:
        self._asked.add(name)
        return self._values.get(name, default)


def query_number(req: Request, name: str, least: int, most: int, default: int) -> int:
    """A number of the query, the default where it was not sent. Raises InvalidField."""
    text = req.get_param(name)
    if text is None:
        return default
    # int() would take "1_0", " 1", "+1" and digits of other scripts as well.
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise InvalidField(name, f"must be a number from {least} to {most}")
    number = int(text)
    if not least <= number <= most:
        raise InvalidField(name, f"must be a number from {least} to {most}")
    return number


def query_moment(req: Request, name: str) -> datetime | None:
    """A time of the query, None where it was not sent. Raises InvalidField."""
    text = req.get_param(name)
    if text is None:
        return None
    try:
        return parse_moment(text)
    except (ValueError, OverflowError) as error:
        raise InvalidField(name, "must be a time such as 2026-11-23T12:00:00Z") from error


def query_flag(req: Request, name: str) -> bool:
    """A flag of the query, off where it was not sent. Raises InvalidField."""
    text = req.get_param(name)
    if text not in (None, "true", "false"):
        raise InvalidField(name, "must be true or false")
    return text == "true"


def read_fields(req: Request, *, optional: bool = False) -> Fields:
    """The JSON object that a request carries; where that is `optional`, without a body no fields.

    Raises:
        InvalidBody: not JSON, not an object, over 16 levels deep.
        BodyTooLarge, OtherType: over 64 KiB, or of another type by its header.
        InvalidField: given twice, or no Unicode.
    """
    type_ = (req.content_type or "application/json").partition(";")[0].strip().lower()
    if type_ != "application/json":
        raise OtherType
    body = open_body(req.env)
    if (body.length or 0) > MOST_BYTES:
        raise BodyTooLarge
    memory = bytearray(MOST_BYTES + 1)
    count = body.readinto(memoryview(memory))
    if count > MOST_BYTES:
        raise BodyTooLarge
    if optional and not count:
        return Fields({})
    return Fields(parse_object(bytes(memory[:count])))


def parse_object(data: bytes, most_depth: int = MOST_DEPTH) -> dict[str, Any]:
    """One JSON object, in UTF-8, with no name twice. Raises InvalidBody, InvalidField."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidBody("the body is not UTF-8") from error
    _check_depth(text, most_depth)
    try:
        # Objects stay the pairs that were sent until it is known where they stand.
        value = json.loads(text, object_pairs_hook=tuple, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidBody("the body is not JSON") from error
    if not isinstance(value, tuple):
        raise InvalidBody("the body is not a JSON object")
    return _object(value, "")


def _check_depth(text: str, most: int) -> None:
    depth = 0
    for found in _TEXT_OR_BRACKET.finditer(text):
        if found[0] in "[{":
            depth += 1
            if depth > most:
                raise InvalidBody(f"the body is over {most} levels deep")
        elif found[0] in "]}":
            depth -= 1


def _object(pairs: tuple[tuple[str, Any], ...], field: str) -> dict[str, Any]:
    """An object of its pairs. Raises InvalidField: named from the outermost object on."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        at = _shown(f"{field}.{name}" if field else name)
        if name in found:
            raise InvalidField(at, "is given twice")
        if _SURROGATE.search(name):
            raise InvalidField(at, "has half of a surrogate pair in its name: send the whole")
        found[name] = _value(value, at)
    return found


def _value(value: Any, field: str) -> Any:
    if isinstance(value, tuple):
        return _object(value, field)
    if isinstance(value, list):
        return [_value(one, f"{field}[{number}]") for number, one in enumerate(value)]
    if isinstance(value, str) and _SURROGATE.search(value):
        raise InvalidField(field, "holds half of a surrogate pair: send the whole")
    return value


def _shown(field: str) -> str:
    """A field's name for an answer: not too long, and text in UTF-8 whatever it holds."""
    return field[:_SHOWN_CHARACTERS].encode("utf-8", "backslashreplace").decode()


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
