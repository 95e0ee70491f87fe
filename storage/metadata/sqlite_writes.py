"""Operations as SQLite's statements: whether each holds of the record found, and what it writes."""

from collections.abc import Iterator

from storage.metadata.operations import (
    Add,
    Check,
    Delete,
    Operation,
    Put,
    encode,
    microseconds,
    validate_grown,
    version_after,
)
from storage.metadata.records import Record

_PUT = (
    "INSERT INTO records (partition, sort, body, version, expires) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (partition, sort) DO UPDATE SET"
    " body = excluded.body, version = excluded.version, expires = excluded.expires"
)
_DELETE = "DELETE FROM records WHERE partition = ? AND sort = ?"


def asks(operation: Operation) -> bool:
    """Whether the record that is there matters to an operation."""
    match operation:
        case Put(absent=False, at=None) | Delete(at=None):
            return False
    return True


def holds(operation: Operation, found: Record | None) -> bool:
    """Whether an operation's condition holds of the record found, expired ones left out."""
    match operation:
        case Put(at=int(at)) | Delete(at=int(at)) | Check(at=int(at)):
            return found is not None and found.version == at
        case Put(absent=True) | Check(absent=True):
            return found is None
        case Check():
            return found is not None
        case Add(create=create):
            if found is None and not create:
                return False
            counters = _counters(operation, found)
            return all(counters[name] <= most for name, most in operation.limits.items())
    return True


def _counters(add: Add, found: Record | None) -> dict[str, int]:
    """The counters of an `Add` afterwards; what is no integer counts as 0, and becomes one."""
    counters = {}
    for name, amount in add.amounts.items():
        before = found.value.get(name, 0) if found else 0
        is_counter = isinstance(before, int) and not isinstance(before, bool)
        counters[name] = (before if is_counter else 0) + amount
    return counters


def writes(
    operation: Operation, found: Record | None, fresh: int
) -> Iterator[tuple[str, tuple[object, ...]]]:
    match operation:
        case Put(key=key, value=value, expires=expires):
            expiry = None if expires is None else microseconds(expires)
            yield _PUT, (*key, encode(value), version_after(operation, fresh), expiry)
        case Delete(key=key):
            yield _DELETE, key
        case Add(key=key, expires=expires):
            if found is not None:
                expires = found.expires
            expiry = None if expires is None else microseconds(expires)
            before = found.value if found else {}
            body = encode({**before, **_counters(operation, found)})
            validate_grown(key, body)
            yield _PUT, (*key, body, found.version + 1 if found else fresh, expiry)
        case Check():
            pass
