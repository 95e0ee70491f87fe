"""What an event says, and how it lies in a record.

An event holds ids alone. Addresses and user agents of people lie in a side record that
erasing a person deletes, so that history itself never has to be rewritten.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from storage.metadata import Key, Record


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: ids of the user, the credential and the request, each where there is one.

    `credential` is the id of an API key, or `password`, or `system`. `address` and `agent`
    go to the side record alone.
    """

    user: str | None
    credential: str | None
    request: str | None
    address: str | None = field(default=None, repr=False)
    agent: str | None = field(default=None, repr=False)


SYSTEM = Actor(None, "system", None)


@dataclass(frozen=True, slots=True)
class Event:
    """One event as a reader of the feed gets it.

    `puts` holds keys with the version written, `deletes` keys with the version deleted
    (None where any was), `adds` keys with the amounts added to counters. `genuine` is
    False where the record's MAC does not hold: it was not written by this service.
    """

    organization: str
    id: str
    at: datetime
    action: str
    actor: Actor
    details: Mapping[str, Any]
    puts: tuple[tuple[Key, int], ...]
    deletes: tuple[tuple[Key, int | None], ...]
    adds: tuple[tuple[Key, Mapping[str, int]], ...]
    genuine: bool


def read_event(organization: str, record: Record, genuine: bool) -> Event:
    """The event that a record of the feed holds."""
    moment, _, event_id = record.key.sort.partition("#")
    value = record.value
    return Event(
        organization=organization,
        id=event_id,
        at=datetime.strptime(moment, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC),
        action=value["action"],
        actor=Actor(value["user"], value["credential"], value["request"]),
        details=value["details"],
        puts=tuple((Key(p, s), version) for p, s, version in value["puts"]),
        deletes=tuple((Key(p, s), version) for p, s, version in value["deletes"]),
        adds=tuple((Key(p, s), amounts) for p, s, amounts in value["adds"]),
        genuine=genuine,
    )
