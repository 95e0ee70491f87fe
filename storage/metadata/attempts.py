"""One attempt at a commit, what it leaves behind, and how it went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from storage import keys
from storage.metadata.operations import Operation, Put
from storage.metadata.records import Key

TOKEN_LIFE = timedelta(days=1)  # an outcome is asked for within seconds


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a commit: when it began (the store's clock, aware) and its random id."""

    at: datetime
    id: str


class Witness(Protocol):
    """What a commit leaves behind so that its outcome can be read: made anew an attempt."""

    def puts(
        self, attempt: Attempt, operations: Sequence[Operation], fresh: int
    ) -> tuple[Put, ...]:
        """The records to put if absent, under keys that hold the attempt's id: the witness
        itself first, then what goes along with it. They count among the 100 operations."""


class TokenWitness:
    """The witness of a commit without an event: a record that says nothing, for a day."""

    def puts(
        self,
        attempt: Attempt,
        operations: Sequence[Operation],
        fresh: int,
    ) -> tuple[Put, ...]:
        expires = attempt.at + TOKEN_LIFE
        return (Put(keys.token(attempt.id), {}, absent=True, expires=expires),)


@dataclass(frozen=True, slots=True)
class Committed:
    """How a commit went: its attempt, the number of conflicts retried, and the version
    that every `Put` of it gave its record."""

    attempt: Attempt
    conflicts: int
    versions: Mapping[Key, int]
