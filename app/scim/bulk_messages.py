"""The message of many operations (RFC 7644, section 3.7), read before any of them is done."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.scim.errors import InvalidSyntax, OverLimit
from app.scim.limits import BULK_OPERATIONS
from app.scim.queries import require_schema

REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
_METHODS = ("POST", "PUT", "PATCH", "DELETE")
_PATH = re.compile(r"/(?P<endpoint>[A-Za-z]+)(?:/(?P<id>[^/?#\s]{1,200}))?", re.ASCII)
_REFERENCE = "bulkId:"
_BULK_ID_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class BulkOperation:
    """One operation. `id` may be a reference, `bulkId:…`, to what another one makes."""

    method: str
    endpoint: str
    id: str | None
    bulk_id: str | None
    data: Mapping[str, Any] | None
    version: object

    @property
    def target(self) -> str | None:
        """The bulkId of what it is about, where another operation makes that."""
        return None if self.id is None else reference(self.id)


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """Operations, and after how many errors the rest is left undone; None: after none."""

    operations: tuple[BulkOperation, ...]
    fail_on_errors: int | None


def read_bulk(body: Mapping[str, Any]) -> BulkRequest:
    """The operations of a message. Raises InvalidSyntax, OverLimit: then none is done."""
    require_schema(body, REQUEST)
    fields = {name.lower(): value for name, value in body.items()}
    operations, most = fields.get("operations"), fields.get("failonerrors")
    if not isinstance(operations, list) or not operations:
        raise InvalidSyntax("'Operations' is a list of at least one operation")
    if len(operations) > BULK_OPERATIONS:
        raise OverLimit(f"a bulk request takes at most {BULK_OPERATIONS} operations")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        raise InvalidSyntax("'failOnErrors' is a whole number from 1 on")
    read = tuple(_operation(one, place) for place, one in enumerate(operations, start=1))
    named = [one.bulk_id for one in read if one.bulk_id is not None]
    if len(set(named)) < len(named):
        raise InvalidSyntax("two operations have the same 'bulkId'")
    return BulkRequest(read, most)


def reference(text: str) -> str | None:
    """The bulkId that a text refers to, None where it refers to none."""
    return text[len(_REFERENCE) :] if text.startswith(_REFERENCE) else None


def references(value: object) -> Iterator[str]:
    """All bulkIds that a value refers to, wherever they stand."""
    match value:
        case str():
            found = reference(value)
            if found is not None:
                yield found
        case list():
            for one in value:
                yield from references(one)
        case dict():
            for one in value.values():
                yield from references(one)


def resolved(value: Any, ids: Mapping[str, str]) -> Any:
    """A value with ids in place of references."""
    match value:
        case str():
            found = reference(value)
            return value if found is None else ids[found]
        case list():
            return [resolved(one, ids) for one in value]
        case dict():
            return {name: resolved(one, ids) for name, one in value.items()}
    return value


def _operation(value: object, place: int) -> BulkOperation:
    if not isinstance(value, dict):
        raise InvalidSyntax(f"operation {place} is not an object")
    fields = {name.lower(): one for name, one in value.items()}
    if len(fields) < len(value):
        raise InvalidSyntax(f"operation {place} gives a field twice")
    method, path = fields.get("method"), fields.get("path")
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise InvalidSyntax(f"the 'method' of operation {place} is POST, PUT, PATCH or DELETE")
    method = method.upper()
    found = _PATH.fullmatch(path) if isinstance(path, str) else None
    if found is None or (found["id"] is None) is not (method == "POST"):
        raise InvalidSyntax(
            f"the 'path' of operation {place} is such as /Users to POST, /Users/ID otherwise"
        )
    data = fields.get("data")
    if method != "DELETE" and not isinstance(data, dict):
        raise InvalidSyntax(f"the 'data' of operation {place} is an object")
    bulk_id = fields.get("bulkid")
    if bulk_id is None and method == "POST":
        raise InvalidSyntax(f"operation {place} makes something, and has no 'bulkId'")
    if bulk_id is not None and (
        not isinstance(bulk_id, str) or not 1 <= len(bulk_id) <= _BULK_ID_CHARACTERS
    ):
        raise InvalidSyntax(f"the 'bulkId' of operation {place} is a short text")
    return BulkOperation(
        method,
        found["endpoint"],
        found["id"],
        bulk_id,
        data if method != "DELETE" else None,
        fields.get("version"),
    )
