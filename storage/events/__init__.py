"""The history of an organization: one event with every commit that means something.

An event is at once the audit's entry, the outbox of webhooks and the change feed of usage,
backup and migration: each of these is a reader with a cursor of its own.
"""

from storage.events.event import SYSTEM, Actor, Event
from storage.events.feed import Batch, Cursor, Feed, InvalidCursor
from storage.events.journal import Happened, Journal

__all__ = [
    "SYSTEM",
    "Actor",
    "Batch",
    "Cursor",
    "Event",
    "Feed",
    "Happened",
    "InvalidCursor",
    "Journal",
]
