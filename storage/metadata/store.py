"""The metadata store that the service uses: an engine, and the rules of `commit`.

Skeleton of the interface; see the docstrings for the contract.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from storage.metadata.operations import Operation, Put
from storage.metadata.records import Key, Page, Record, ScanPage


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a commit: when it began (the store's clock, aware) and its random id."""

    at: datetime
    id: str


class Witness(Protocol):
    """What a commit leaves behind so that its outcome can be read: made anew an attempt."""

    def puts(self, attempt: Attempt, operations: Sequence[Operation], fresh: int) -> tuple[Put, ...]:
        """The records to put if absent, under keys that hold the attempt's id: the witness
        itself first, then what goes along with it. They count among the 100 operations."""


@dataclass(frozen=True, slots=True)
class Committed:
    """How a commit went: its attempt, the number of conflicts retried, and the version
    that every `Put` of it gave its record."""

    attempt: Attempt
    conflicts: int
    versions: Mapping[Key, int]


class Metadata:
    """Sorted records and all-or-nothing writes."""

    def get(self, *keys: Key) -> dict[Key, Record]: ...

    def query(self, partition: str, prefix: str = "", after: str = "", limit: int = 1000) -> Page: ...

    def query_all(self, partition: str, prefix: str = "") -> Iterator[Record]: ...

    def scan(self, segment: int, segments: int, after: str = "", limit: int = 1000) -> ScanPage: ...

    def commit(self, *operations: Operation, witness: Witness | None = None) -> Committed: ...
