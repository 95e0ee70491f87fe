"""Everything that is held about a person, as one document.

Secrets and their hashes are left out: the document says that they are there. What he published
is listed by paths, the newest first, up to a bound; the files themselves are his
organization's.
"""

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from app.audit.filters import changes_of
from app.installation import Installation
from app.privacy.families import FAMILIES, HOLDING_IDS, Family
from app.privacy.person import Person
from app.privacy.requests import Requests
from app.privacy.walk import Told, history_of, silent, walk
from app.repositories import Catalogue
from auth.records import time_text
from auth.sealing import Sealer
from storage import keys
from storage.events import Actor, Event
from storage.events.history import History
from storage.metadata import Record
from storage.metadata.operations import KEYS_PER_GET

FORMAT = 1
#: Events, and files, of which the newest are listed.
MOST_LISTED = 10_000
_WRITTEN = "artifact.put"


class Export:
    """Makes documents about people."""

    def __init__(self, at: Installation) -> None:
        self._at = at
        self._metadata = at.metadata
        self._catalogue = Catalogue(at.recent, at.journal)
        self._requests = Requests(at.metadata, at.journal)

    def of(
        self, person: Person, since: datetime, told: Told = silent, most: int = MOST_LISTED
    ) -> dict[str, Any]:
        """The document, JSON: what is held, since when history was looked through."""
        person = person.looked_up(self._metadata, Sealer(*self._at.secrets))
        held: dict[str, list[dict[str, Any]]] = {}
        for family in FAMILIES:
            if family.kind is None or family.kind == person.kind:
                found = [_shown(family, record) for record in family.find(self._metadata, person)]
                if found:
                    held[family.name] = found
        until = self._metadata.now()
        return {
            "format": FORMAT,
            "organization": person.organization,
            "person": person.id,
            "kind": person.kind,
            "made": time_text(until),
            "held": held,
            **self._history(person, since, until, told, most),
            "jobs": self._jobs(person),
            "requests": [
                request.value() | {"id": request.id}
                for request in self._requests.of(person.organization, person.id)
            ],
            "held_by_id_alone": sorted(HOLDING_IDS.values()),
        }

    def note(self, person: Person, actor: Actor) -> None:
        """Record that a document was made."""
        event = self._at.journal.event(
            person.organization, actor, "privacy.export", subject=person.id
        )
        self._metadata.commit(witness=event)

    def _history(
        self, person: Person, since: datetime, until: datetime, told: Told, most: int
    ) -> dict[str, Any]:
        events: deque[dict[str, Any]] = deque(maxlen=most)
        artifacts: deque[tuple[str, dict[str, Any]]] = deque(maxlen=most)
        counted = {"events": 0, "artifacts": 0}
        with history_of(self._at, person.organization) as history:
            for event, side in _own(history, person, since, until, told):
                counted["events"] += 1
                # Where somebody else was when he changed this person is not this person's.
                own = event.actor.user in (person.id, None)
                events.append(_event(event, side if own else None))
                if event.actor.user == person.id and event.action == _WRITTEN:
                    for repository, path in written(event):
                        counted["artifacts"] += 1
                        artifacts.append((repository, {"path": path, "at": time_text(event.at)}))
        names = self._catalogue.names(person.organization, {one for one, _ in artifacts})
        return {
            "since": time_text(since),
            "events": list(reversed(events)),
            "events_in_all": counted["events"],
            "artifacts": [
                {"repository": names.get(repository, repository), **file}
                for repository, file in reversed(artifacts)
            ],
            "artifacts_in_all": counted["artifacts"],
        }

    def _jobs(self, person: Person) -> list[dict[str, Any]]:
        return [
            {"id": record.key.sort}
            | {name: record.value.get(name) for name in ("kind", "created", "state", "repository")}
            for record in self._metadata.query_all(keys.jobs(person.organization))
            if record.value.get("user") == person.id
        ]


def _own(
    history: History, person: Person, since: datetime, until: datetime, told: Told
) -> Iterator[tuple[Event, Record | None]]:
    """What a person did, and what was done about him, with the side records of it."""
    for hour in walk(since, until, told):
        wanted = (
            event
            for event in history.events(hour)
            if person.id in (event.actor.user, event.details.get("subject"))
        )
        while batch := list(islice(wanted, KEYS_PER_GET)):
            sides = history.sides_of(batch)
            yield from ((event, sides.get(event.id)) for event in batch)


def written(event: Event) -> Iterator[tuple[str, str]]:
    """The files that an event put: ids of repositories, and paths."""
    for change in changes_of(event):
        if change.change == "put":
            yield change.repository, change.path


def _shown(family: Family, record: Record) -> dict[str, Any]:
    """A record as the document has it: that a secret is there, and not which."""
    shown = {
        name: ("(not shown)" if value is not None else None) if name in family.hidden else value
        for name, value in record.value.items()
    }
    return shown if family.secret_ids else {"record": record.key.sort} | shown


def _event(event: Event, side: Record | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": event.id,
        "at": time_text(event.at),
        "action": event.action,
        "user": event.actor.user,
        "credential": event.actor.credential,
        "details": dict(event.details),
    }
    if side is not None:
        told |= {"address": side.value.get("address"), "agent": side.value.get("agent")}
    return told
