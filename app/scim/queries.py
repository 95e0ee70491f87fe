"""What a list is asked for (RFC 7644, section 3.4.2): in a URL, or in a message to `.search`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from falcon import Request

from app.scim.errors import InvalidSyntax, InvalidValue

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
#: Of a page; ServiceProviderConfig tells the most.
ITEMS = 100
MOST_ITEMS = 1_000
_LARGEST = 2**53 - 1  # what every client's JSON holds exactly
_NAMES = ("filter", "sortBy", "sortOrder", "attributes", "excludedAttributes")
_KNOWN = frozenset({*_NAMES, "startIndex", "count", "schemas"})


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One list that is asked for, its texts not parsed yet.

    `start` counts from 1. Of `count` no more is given than 1,000; 0 asks for the total alone.
    `by_url` says that it stood in a URL, which is written down on its way.
    """

    filter: str | None = None
    sort_by: str | None = None
    descending: bool = False
    start: int = 1
    count: int = ITEMS
    attributes: str | None = None
    excluded: str | None = None
    by_url: bool = False


def in_url(req: Request) -> ListQuery:
    """The list that a URL asks for. Raises InvalidValue."""

    def take(name: str) -> Any:
        value = req.params.get(name)
        if isinstance(value, list):
            raise InvalidValue(f"'{name}' is given once")
        if name in ("startIndex", "count") and value is not None:
            return _number_in(name, value)
        return value

    return replace(_read(take), by_url=True)


def in_message(body: Mapping[str, Any]) -> ListQuery:
    """The list that a SearchRequest asks for (RFC 7644, section 3.4.3).

    Raises InvalidSyntax, InvalidValue.
    """
    require_schema(body, SEARCH)
    named = {name.lower(): value for name, value in body.items()}
    if len(named) != len(body) or not named.keys() <= {name.lower() for name in _KNOWN}:
        raise InvalidSyntax(f"a SearchRequest holds {', '.join(sorted(_KNOWN))}, each once")

    def take(name: str) -> Any:
        value = named.get(name.lower())
        if name in ("attributes", "excludedAttributes") and isinstance(value, list):
            if not all(isinstance(one, str) for one in value):
                raise InvalidValue(f"'{name}' is a list of names of attributes")
            return ",".join(value)
        return value

    return _read(take)


def require_schema(body: Mapping[str, Any], urn: str) -> None:
    """Return if a message says that it is of that kind. Raises InvalidSyntax."""
    found = next((value for name, value in body.items() if name.lower() == "schemas"), None)
    texts = [found] if isinstance(found, str) else found
    if not isinstance(texts, list) or urn.lower() not in [str(one).lower() for one in texts]:
        raise InvalidSyntax(f"'schemas' has to hold {urn}")


def _read(take: Callable[[str], Any]) -> ListQuery:
    texts: dict[str, str | None] = {}
    for name in _NAMES:
        value = take(name)
        if value is not None and not isinstance(value, str):
            raise InvalidValue(f"'{name}' is text, and given once")
        texts[name] = value or None
    order = (texts["sortOrder"] or "ascending").lower()
    if order not in ("ascending", "descending"):
        raise InvalidValue("'sortOrder' is ascending or descending")
    return ListQuery(
        filter=texts["filter"],
        sort_by=texts["sortBy"],
        descending=order == "descending",
        start=max(1, _number(take, "startIndex", 1)),  # less than 1 counts as 1
        count=min(MOST_ITEMS, max(0, _number(take, "count", ITEMS))),  # less than 0 as 0
        attributes=texts["attributes"],
        excluded=texts["excludedAttributes"],
    )


def _number(take: Callable[[str], Any], name: str, default: int) -> int:
    value = take(name)
    if value is None:
        return default
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LARGEST:
        raise InvalidValue(f"'{name}' is a whole number")
    return value


def _number_in(name: str, text: str) -> int:
    digits = text.removeprefix("-")
    # int() would take "1_0", " 1" and digits of other scripts as well.
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(_LARGEST))):
        raise InvalidValue(f"'{name}' is a whole number")
    return int(text)
