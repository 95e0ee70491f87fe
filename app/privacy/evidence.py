"""Whether erasing somebody would take evidence: of an incident that was reported lately."""

from datetime import datetime, timedelta

from app.installation import Installation
from app.privacy.person import Person
from app.privacy.walk import Told, history_of, silent, walk

#: For how long a report of an incident keeps those whom it is about from being erased unasked.
KEPT = timedelta(days=30)
_ACTION = "incident.report"


def last_incident(at: Installation, person: Person, told: Told = silent) -> datetime | None:
    """When an incident was reported last that is about a person, or a key of his (aware)."""
    now = at.metadata.now()
    ids = {person.id, *person.keys}
    with history_of(at, person.organization) as history:
        return max(
            (
                event.at
                for hour in walk(now - KEPT, now, told)
                for event in history.events(hour)
                if event.action == _ACTION
                and ids & {event.details.get("subject"), event.details.get("owner")}
            ),
            default=None,
        )
