"""Truth: sorted records, and writes that happen whole or not at all.

`store` has the rules that hold on every backend, over the small interface `engine`; `sqlite`
and `dynamodb` are its backends, `opening` chooses one, `observed` and `recent` wrap.
"""

from storage.metadata.attempts import Attempt, Committed, TokenWitness, Witness
from storage.metadata.errors import (
    ClockSkewed,
    ConditionFailed,
    Conflict,
    Corrupted,
    InvalidOperation,
    MetadataError,
    OutcomeUnknown,
    StoreFull,
    Unavailable,
    UnknownStore,
)
from storage.metadata.operations import Add, Check, Delete, Operation, Put
from storage.metadata.records import Counted, Key, Page, Record, ScanPage, Value
from storage.metadata.store import Metadata

__all__ = [
    "Add",
    "Attempt",
    "Check",
    "ClockSkewed",
    "Committed",
    "ConditionFailed",
    "Conflict",
    "Corrupted",
    "Counted",
    "Delete",
    "InvalidOperation",
    "Key",
    "Metadata",
    "MetadataError",
    "Operation",
    "OutcomeUnknown",
    "Page",
    "Put",
    "Record",
    "ScanPage",
    "StoreFull",
    "TokenWitness",
    "Unavailable",
    "UnknownStore",
    "Value",
    "Witness",
]
