"""Reads the message of a PATCH (RFC 7644, section 3.5.2): what is to be done, in its order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from app.scim.errors import InvalidSyntax, InvalidValue, NoTarget, OverLimit

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
#: Of one message; providers send some tens.
MOST_OPERATIONS = 1_000


class Verb(StrEnum):
    """What an operation does."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. Without a path it is about the resource, and `value` says which attributes.
    A value that is not there is None, as null is; it may be a password, and shows in no repr."""

    verb: Verb
    path: str | None = None
    value: Any = field(default=None, repr=False)


def read_patch(body: Mapping[str, Any]) -> tuple[Operation, ...]:
    """The operations of a message, with names and verbs in any case.

    Raises:
        InvalidSyntax: it is no such message, or an operation has a verb that is none.
        InvalidValue: there is nothing to add or to replace with.
        NoTarget: something is to be removed, and no path says what.
        OverLimit: more than 1,000 operations.
    """
    if not isinstance(body, Mapping):
        raise InvalidSyntax("the body has to be an object")
    message = _lowered(body, "the body")
    schemas = message.get("schemas")
    urns = [schemas] if isinstance(schemas, str) else schemas
    if not isinstance(urns, list) or PATCH_OP.lower() not in (str(one).lower() for one in urns):
        raise InvalidSyntax(f"'schemas' has to hold {PATCH_OP}")
    operations = message.get("operations")
    if not isinstance(operations, list) or not operations:
        raise InvalidSyntax("'Operations' has to be a list of one operation or more")
    if len(operations) > MOST_OPERATIONS:
        raise OverLimit(f"'Operations' may hold at most {MOST_OPERATIONS}")
    return tuple(_operation(one, f"operation {n}") for n, one in enumerate(operations, 1))


def _operation(given: object, name: str) -> Operation:
    if not isinstance(given, Mapping):
        raise InvalidSyntax(f"{name} has to be an object")
    parts = _lowered(given, name)
    verb, path = parts.get("op"), parts.get("path")
    if not isinstance(verb, str) or verb.lower() not in [*Verb]:
        raise InvalidSyntax(f"the 'op' of {name} has to be add, replace or remove")
    if not isinstance(path, str | None):
        raise InvalidSyntax(f"the 'path' of {name} has to be text")
    found = Operation(Verb(verb.lower()), path, parts.get("value"))
    if found.verb is Verb.REMOVE:
        if path is None:
            raise NoTarget(f"{name} removes something, and has no 'path'")
    elif "value" not in parts:
        raise InvalidValue(f"{name} has no 'value'")
    return found


def _lowered(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object with its names in lower case (RFC 7643, section 2.1)."""
    lowered = {key.lower(): value for key, value in given.items()}
    if len(lowered) != len(given):
        raise InvalidSyntax(f"{name} has a name twice, in different case")
    return lowered
