"""The four things a commit can do to a record, and the limits that hold on every backend.

The limits are DynamoDB's (TransactWriteItems, item and key sizes), enforced here once so
that what works on one backend works on all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from storage.metadata.errors import InvalidOperation
from storage.metadata.records import Key, Value

OPERATIONS = 100  # actions in one TransactWriteItems
COMMIT_BYTES = 4_000_000
RECORD_BYTES = 400_000
GROWN_BYTES = 409_600  # what a record may grow to by its counters: DynamoDB's 400 KB
PARTITION_BYTES = 2_048
SORT_BYTES = 1_024
INTEGER_LIMIT = 2**63  # integers lie strictly between -2**63 and 2**63
KEYS_PER_GET = 100  # keys in one BatchGetItem
COUNTERS_PER_ADD = 20  # keeps an update expression far below its 4 KB
SALT_BITS = 10  # random bits below the microseconds of a fresh version

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


def microseconds(moment: datetime) -> int:
    """An aware moment in microseconds since 1970, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(microseconds: int) -> datetime:
    """The moment, in UTC, of so many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def fresh_version(at: datetime, salt: int) -> int:
    """The fresh version of an attempt: its moment, and random bits that part it from others
    of the same microsecond."""
    return microseconds(at) << SALT_BITS | salt


def moment_of(fresh: int) -> int:
    """The moment of the attempt of a fresh version, in microseconds since 1970."""
    return fresh >> SALT_BITS


def encode(value: Value) -> str:
    """The JSON of a value as it is stored and measured: compact, UTF-8, keys as they come."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
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


def validate_grown(key: Key, body: str) -> None:
    """Refuse an `Add` that makes a record larger than a record may be."""
    if len(key.partition.encode()) + len(key.sort.encode()) + len(body.encode()) > GROWN_BYTES:
        raise InvalidOperation(f"with its counters a record takes at most {GROWN_BYTES} bytes")


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


def validate_part(text: str) -> None:
    """Refuse what is no beginning of a sort key: too long, or not text. It may be empty."""
    if text:
        validate_key(Key("-", text))


def _checked_bytes(operation: Operation) -> int:
    size = validate_key(operation.key)
    match operation:
        case Put(value=value, absent=absent, at=at, expires=expires):
            _validate_expiry(expires)
            if absent and at is not None:
                raise InvalidOperation("a Put is either if absent or at a version")
            _validate_integers(value)
            try:
                size += len(encode(value).encode())
            except UnicodeEncodeError as error:
                raise InvalidOperation("a value must be text that UTF-8 can hold") from error
            if size > RECORD_BYTES:
                raise InvalidOperation(f"a record takes at most {RECORD_BYTES} bytes, not {size}")
        case Add(amounts=amounts, limits=limits, expires=expires):
            _validate_expiry(expires)
            if not 1 <= len(amounts) <= COUNTERS_PER_ADD:
                raise InvalidOperation(f"an Add names 1 to {COUNTERS_PER_ADD} counters")
            if not limits.keys() <= amounts.keys():
                raise InvalidOperation("a limit is given for a counter that is not added to")
            _validate_integers(amounts)
            _validate_integers(limits)
            if not all(isinstance(number, int) for number in (*amounts.values(), *limits.values())):
                raise InvalidOperation("a counter takes integers")
            size += len(encode(amounts).encode())
        case Check(absent=absent, at=at):
            if absent and at is not None:
                raise InvalidOperation("a Check is either for absence or for a version")
        case Delete():
            pass
    return size


def _validate_integers(value: Value) -> None:
    for name, item in value.items():
        if not isinstance(name, str):
            raise InvalidOperation(f"a value's names are text, not {name!r}")
        if isinstance(item, int) and not -INTEGER_LIMIT < item < INTEGER_LIMIT:
            raise InvalidOperation(f"the integer {name!r} needs more than 63 bits")


def _validate_expiry(expires: datetime | None) -> None:
    if expires is not None and expires.tzinfo is None:
        raise InvalidOperation("an expiry needs a time zone")
