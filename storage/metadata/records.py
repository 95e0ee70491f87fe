"""What a metadata store holds: records under a partition key and a sort key.

A value is a JSON object. Its integers at the top level are its counters: `Add` changes
them without reading the record, and nothing else about a value concerns an engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

#: A JSON object: text, integers of 63 bits, floats, booleans, null, lists and objects.
Value: TypeAlias = Mapping[str, Any]


class Key(NamedTuple):
    """Where a record lies. Both halves are text and not empty; order is that of UTF-8."""

    partition: str
    sort: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was read.

    `version` changes with every write of the record and is never used twice for a key,
    not even when the record is deleted and made again. `expires` is an aware datetime;
    a record past it is absent, swept or not.
    """

    key: Key
    value: Value
    version: int
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A run of records in order of their sort keys.

    `next` is the sort key to continue after, or None where there is nothing more. A page
    may be short, even empty, and still have a `next`.
    """

    records: tuple[Record, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many records a run of sort keys holds.

    `next` is the sort key to continue after, or None where there is nothing more; as with a
    `Page`, nothing need lie behind it. `passed` is how many expired records were met that took
    the places of others within the limit.
    """

    number: int
    next: str | None
    passed: int = 0


@dataclass(frozen=True, slots=True)
class ScanPage:
    """A run of records of a whole store, in no order; `next` continues the same segment."""

    records: tuple[Record, ...]
    next: str | None
