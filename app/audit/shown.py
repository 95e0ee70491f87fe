"""What is shown of events, and how they are found: the same by the API and the command line.

Addresses and names come from elsewhere than the event: who is erased is in none of these.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.audit.beginning import span
from app.audit.filters import Filter, changes_of
from app.audit.history import History, Step, Work
from app.repositories import Catalogue
from auth.records import Listing
from storage import keys
from storage.events import Event, Journal
from storage.events.event import read_event
from storage.metadata import Key, Metadata, Record

MOST_QUERIES = 1_024  # of a page: of idle hours, 64
_AT_ONCE = 100  # side records in one read
_QUIET_SECONDS = 5.0  # after which an export says that it is still at it
_MOST_CHANGES = 100


@dataclass(frozen=True, slots=True)
class Range:
    """Which events are wanted, by time (aware; None: no bound) and otherwise; in which order.

    `since` is taken with them, `until` is not.
    """

    since: datetime | None
    until: datetime | None
    wanted: Filter
    newest_first: bool


class Trail:
    """The events of an organization as they are shown."""

    def __init__(self, metadata: Metadata, journal: Journal, catalogue: Catalogue) -> None:
        self._metadata = metadata
        self._journal = journal
        self._catalogue = catalogue

    def page(self, organization: str, range_: Range, after: str, limit: int) -> Listing[Event]:
        """Up to `limit` events behind a position ("" for the start); fewer, or none, and still
        a `next` where more would have been too much work at once."""
        work, found, position = Work(), list[Event](), after
        for step in self._steps(organization, range_, after, work):
            position = step.position
            event = self._event(organization, step)
            if event is not None and range_.wanted.takes(event):
                found.append(event)
            if len(found) == limit or work.queries >= MOST_QUERIES:
                return Listing(tuple(found), position)
        return Listing(tuple(found), None)

    def lines(
        self,
        organization: str,
        range_: Range,
        clock: Callable[[], float] = time.monotonic,
    ) -> Iterator[bytes]:
        """All of a range as lines of JSON, a hundred events at a time, and an empty line where
        there was none for a while."""
        waiting: list[Event] = []
        told = clock()
        for step in self._steps(organization, range_, "", Work()):
            event = self._event(organization, step)
            if event is not None and range_.wanted.takes(event):
                waiting.append(event)
            late = clock() - told >= _QUIET_SECONDS
            if len(waiting) == _AT_ONCE or late:
                yield self._text(organization, waiting) or b"\n"
                waiting, told = [], clock()
        yield self._text(organization, waiting)

    def show(self, organization: str, events: Sequence[Event]) -> list[dict[str, Any]]:
        """Events as they are shown, with what is known besides: a read or two for a hundred."""
        sides: dict[Key, Record] = {}
        for at in range(0, len(events), _AT_ONCE):
            sides |= self._metadata.get(*map(_side, events[at : at + _AT_ONCE]))
        ids = {one for event in events for one in _repositories(event)}
        names = self._catalogue.names(organization, sorted(ids)) if ids else {}
        return [_shown(event, sides.get(_side(event)), names) for event in events]

    def _steps(self, organization: str, range_: Range, after: str, work: Work) -> Iterator[Step]:
        history = History(self._metadata, organization, work)
        first, last = span(self._metadata, self._journal.notary, organization)
        # Years before 1000 are none that a key can hold.
        since = first if range_.since is None else min(last, max(first, range_.since))
        until = last if range_.until is None else max(first, min(last, range_.until))
        start, end = keys.time(since), keys.time(until)
        if range_.newest_first:
            return history.newest_first(start, after or end)
        return history.oldest_first(after or start, end)

    def _event(self, organization: str, step: Step) -> Event | None:
        """The event of a step, if it is one: what is none was put there by somebody else, and
        is found by `audit verify`."""
        if step.record is None:
            return None
        try:
            if not _can_be_shown(step.record.value):
                return None
            return read_event(organization, step.record, self._journal.genuine(step.record))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def _text(self, organization: str, events: Sequence[Event]) -> bytes:
        shown = self.show(organization, events) if events else []
        return "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in shown).encode()


def _can_be_shown(value: Mapping[str, Any]) -> bool:
    """Whether an event that somebody else wrote has values of the kinds that ours have."""
    texts = [value["user"], value["credential"], value["request"]]
    named = [value["action"], *(half for one in value["puts"] for half in one[:2])]
    named += [half for one in value["deletes"] for half in one[:2]]
    repository = value["details"].get("repository")
    return all(text is None or isinstance(text, str) for text in [*texts, repository]) and all(
        isinstance(text, str) for text in named
    )


def _side(event: Event) -> Key:
    partition = keys.who(event.organization, event.at, keys.stripe(event.id))
    return Key(partition, f"{keys.time(event.at)}#{event.id}")


def _repositories(event: Event) -> Iterator[str]:
    about = event.details.get("repository")
    if isinstance(about, str):
        yield about
    for change in changes_of(event):
        yield change.repository


def _shown(event: Event, side: Record | None, names: dict[str, str]) -> dict[str, Any]:
    about = event.details.get("repository")
    known = {} if side is None else side.value
    changes = changes_of(event)
    return {
        "id": event.id,
        "time": event.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "action": event.action,
        "user": event.actor.user,
        "credential": event.actor.credential,
        "request": event.actor.request,
        "repository": names.get(str(about)),
        "repository_id": about,
        "details": {name: value for name, value in event.details.items() if name != "repository"},
        "changes": [
            {"repository": names.get(one.repository), "path": one.path, "change": one.change}
            for one in changes[:_MOST_CHANGES]
        ],
        "address": known.get("address"),
        "agent": known.get("agent"),
        "genuine": event.genuine,
    }
