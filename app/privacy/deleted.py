"""Finds who is gone already: deleted, as users and subscribers are, and not erased by that.

A deletion leaves what history has of a person: addresses and agents, and whatever it had no room
for. His id is in the event that made or deleted him; that event, not a guess, makes him one.
"""

from datetime import datetime

from app.installation import Installation
from app.privacy.person import SUBSCRIBER, USER, Person
from app.privacy.walk import Told, Walked, history_of, silent
from auth.records import read_organization
from storage import keys
from storage.events.history import hours

_ACTIONS = {f"{kind}.{verb}": kind for kind in (USER, SUBSCRIBER) for verb in ("delete", "create")}


def find_deleted(
    at: Installation, organization: str, person_id: str, told: Told = silent
) -> Person | None:
    """Whoever had that id and has no record any more, by the newest event that tells of his
    making or his end; None where no genuine one does."""
    walked = list(reversed(list(hours(beginning(at, organization), at.metadata.now()))))
    with history_of(at, organization) as history:
        for done, hour in enumerate(walked, start=1):
            for event in history.events(hour):
                kind = _ACTIONS.get(event.action)
                if kind and event.genuine and event.details.get("subject") == person_id:
                    return Person(organization, person_id, kind)
            told(Walked(done, len(walked)))
    return None


def beginning(at: Installation, organization: str) -> datetime:
    """Since when an organization has had any history."""
    key = keys.organization(organization)
    return read_organization(at.metadata.get(key)[key]).created
