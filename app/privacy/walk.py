"""How far a walk through history is, told to whoever waits for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from app.installation import Installation
from storage.events.history import AT_ONCE, HOUR, History, hours


@dataclass(frozen=True, slots=True)
class Walked:
    """How many hours of history were looked at, of how many."""

    done: int
    total: int


#: Called after each hour; what it raises ends the walk there.
Told: TypeAlias = Callable[[Walked], None]


def silent(_: Walked) -> None:
    """Tell nobody."""


def history_of(at: Installation, organization: str) -> History:
    """The history of an organization, to be walked through."""
    at_once = 1 if at.settings.embedded else AT_ONCE
    return History(at.metadata, at.journal, organization, at_once)


def walk(since: datetime, until: datetime, told: Told = silent) -> Iterator[datetime]:
    """The hours between two moments, telling behind each how far it is."""
    total = max(1, (until - since) // HOUR + 2)
    for done, hour in enumerate(hours(since, until), start=1):
        yield hour
        told(Walked(done, max(done, total)))
