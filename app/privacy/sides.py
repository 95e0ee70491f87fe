"""The side records of events that tell of a person: from where, and with what, he did it."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from storage.events.history import History
from storage.metadata import Key
from storage.metadata.operations import KEYS_PER_GET


def sides_about(history: History, hour: datetime, person: str) -> Iterator[Key]:
    """Those of an hour: of what the person did, and of what somebody did about him who had not
    signed in, such as asking for his password to be reset: that was he, as far as anybody knows."""
    sides = history.sides(hour)
    while some := list(islice(sides, KEYS_PER_GET)):
        events = history.events_of([side for side in some if side.value.get("user") is None])
        for side in some:
            user, event = side.value.get("user"), events.get(side.key)
            if user == person or (event is not None and event.details.get("subject") == person):
                yield side.key


def batches(found: Iterator[Key], size: int) -> Iterator[list[Key]]:
    """Keys, so many at a time; the next are looked for when those before are done with."""
    batch: list[Key] = []
    for key in found:
        batch.append(key)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
