"""The four things a commit can do to a record, and the limits that hold on every backend.

The limits are DynamoDB's (TransactWriteItems, item and key sizes), enforced here once so
that what works on one backend works on all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from storage.metadata.errors import InvalidOperation
from storage.metadata.records import Key, Value

OPERATIONS = 100  # actions in one TransactWriteItems
COMMIT_BYTES = 4_000_000
RECORD_BYTES = 400_000
PARTITION_BYTES = 2_048
SORT_BYTES = 1_024
INTEGER_LIMIT = 2**63  # integers lie strictly between -2**63 and 2**63
KEYS_PER_GET = 100  # keys in one BatchGetItem


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole record: `absent` only where there is none, `at` only over that version."""

    key: Key
    value: Value
    absent: bool = False
    at: int | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a record; with `at` only at that version. Without it, absence is no error."""

    key: Key
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Add:
    """Add to counters of a record that is there, or with `create` of one that may not be.

    A counter that the record lacks counts as 0. `limits` holds, for some of the counters,
    the most that each may be afterwards: past it the condition fails. `expires` is used
    only where the record is created.
    """

    key: Key
    amounts: Mapping[str, int]
    create: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Hold only if the record is there (the default), absent, or at a version."""

    key: Key
    absent: bool = False
    at: int | None = None


Operation: TypeAlias = Put | Delete | Add | Check


def version_after(put: Put, fresh: int) -> int:
    """The version of a record after a `Put` of an attempt whose fresh version is given."""
    return fresh if put.at is None else put.at + 1


def encode(value: Value) -> str:
    """The JSON of a value as it is stored and measured: compact, UTF-8, keys as they come."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidOperation(f"a record's value is not JSON: {error}") from error


def validate(operations: Sequence[Operation]) -> None:
    """Refuse what any backend would refuse.

    Raises:
        InvalidOperation: no operation or over 100, a key twice, a key or record too large,
            over 4 MB in all, an integer past 63 bits, or conditions that contradict.
    """
    if not operations:
        raise InvalidOperation("a commit needs at least one operation")
    if len(operations) > OPERATIONS:
        raise InvalidOperation(f"a commit takes at most {OPERATIONS} operations")
    if len({operation.key for operation in operations}) != len(operations):
        raise InvalidOperation("a commit names each key once")
    total = sum(_checked_bytes(operation) for operation in operations)
    if total > COMMIT_BYTES:
        raise InvalidOperation(f"a commit takes at most {COMMIT_BYTES} bytes, not {total}")


def validate_key(key: Key) -> int:
    """Refuse a key that is empty, too long or not text; return its size in bytes."""
    sizes = []
    for text, most in ((key.partition, PARTITION_BYTES), (key.sort, SORT_BYTES)):
        try:
            size = len(text.encode())
        except UnicodeEncodeError as error:
            raise InvalidOperation("a key must be text that UTF-8 can hold") from error
        if not 1 <= size <= most:
            raise InvalidOperation(f"a key's half takes 1 to {most} bytes, not {size}")
        sizes.append(size)
    return sum(sizes)


def _checked_bytes(operation: Operation) -> int:
    size = validate_key(operation.key)
    match operation:
        case Put(value=value, absent=absent, at=at):
            if absent and at is not None:
                raise InvalidOperation("a Put is either if absent or at a version")
            _validate_integers(value)
            try:
                size += len(encode(value).encode())
            except UnicodeEncodeError as error:
                raise InvalidOperation("a value must be text that UTF-8 can hold") from error
            if size > RECORD_BYTES:
                raise InvalidOperation(f"a record takes at most {RECORD_BYTES} bytes, not {size}")
        case Add(amounts=amounts, limits=limits):
            if not amounts:
                raise InvalidOperation("an Add names at least one counter")
            if not limits.keys() <= amounts.keys():
                raise InvalidOperation("a limit is given for a counter that is not added to")
            _validate_integers(amounts)
            _validate_integers(limits)
        case Check(absent=absent, at=at):
            if absent and at is not None:
                raise InvalidOperation("a Check is either for absence or for a version")
        case Delete():
            pass
    return size


def _validate_integers(value: Value) -> None:
    for name, item in value.items():
        if isinstance(item, int) and not -INTEGER_LIMIT < item < INTEGER_LIMIT:
            raise InvalidOperation(f"the integer {name!r} needs more than 63 bits")
