"""Requests to be erased: when they came, when they are due, how far they are, what was done.

A request holds the id of a person and nothing else of him, so it may stay as the proof. Each
write of one is made at the version that was read: of two who erase at once, one learns of it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from app.privacy.person import USER
from auth.errors import CorruptRecord
from auth.records import new_id, time_text
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import Key, Metadata, Operation, Put, Record

#: Within how long a person is erased: what users are promised (S23).
WITHIN = timedelta(days=30)
#: Proofs that one request holds, each of some 2 kB.
MOST_REPORTS = 20


class State(StrEnum):
    """Where a request is."""

    OPEN = "open"
    ERASING = "erasing"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Request:
    """A request to erase a person; times are aware.

    `note` is what the operator files it under elsewhere. `keys` and `mails` are ids that were
    found while the person was there. `walked` is the hour of history up to which the side
    records are gone, and `since` where that walk began. `found` counts records by family.
    `report` is the proof, with its seal, once it is done, and `earlier` are those of before, where
    he was back and erased again; `settled` says that the last hour was
    looked at once more since, when nothing could be on its way any longer.
    """

    organization: str
    id: str
    person: str
    kind: str
    received: datetime
    due: datetime
    state: State = State.OPEN
    note: str | None = None
    began: datetime | None = None
    ended: datetime | None = None
    since: datetime | None = None
    walked: datetime | None = None
    keys: tuple[str, ...] = ()
    mails: tuple[str, ...] = ()
    found: Mapping[str, int] = field(default_factory=dict)
    ledger: str | None = None
    report: Mapping[str, Any] | None = None
    earlier: tuple[Mapping[str, Any], ...] = ()
    settled: bool = False
    version: int = 0

    @property
    def key(self) -> Key:
        return keys.privacy_request(self.organization, self.id)

    @property
    def reports(self) -> tuple[Mapping[str, Any], ...]:
        """All proofs, the first one first."""
        return self.earlier if self.report is None else (*self.earlier, self.report)

    def begun_anew(self) -> "Request":
        """The same to be done once more. Of its proofs the first is kept, and the last ones."""
        first, *more = self.reports or (None,)
        kept = () if first is None else (first, *more[2 - MOST_REPORTS :])
        return replace(self, report=None, earlier=kept, walked=None, ended=None, settled=False)

    @property
    def waits_to_begin(self) -> bool:
        """Whether it was noted by a deletion, and nothing but that was done yet."""
        return self.state is State.ERASING and self.ledger is None and not self.found

    def is_overdue(self, now: datetime) -> bool:
        return self.state is not State.DONE and self.due < now

    def counting(self, family: str, count: int) -> "Request":
        """The request with so many more records of a family found."""
        if not count:
            return self
        return replace(self, found={**self.found, family: self.found.get(family, 0) + count})

    def value(self) -> dict[str, Any]:
        """The request as its record holds it."""
        return {
            "person": self.person,
            "kind": self.kind,
            "received": time_text(self.received),
            "due": time_text(self.due),
            "state": self.state.value,
            "note": self.note,
            "began": _text(self.began),
            "ended": _text(self.ended),
            "since": _text(self.since),
            "walked": _text(self.walked),
            "keys": list(self.keys),
            "mails": list(self.mails),
            "found": dict(self.found),
            "ledger": self.ledger,
            "report": None if self.report is None else dict(self.report),
            "earlier": [dict(report) for report in self.earlier],
            "settled": self.settled,
        }

    @classmethod
    def read(cls, organization: str, record: Record) -> "Request":
        """The request that a record holds. Raises CorruptRecord."""
        value = record.value
        try:
            return cls(
                organization=organization,
                id=record.key.sort,
                person=value["person"],
                kind=value["kind"],
                received=datetime.fromisoformat(value["received"]),
                due=datetime.fromisoformat(value["due"]),
                state=State(value["state"]),
                note=value["note"],
                began=_moment(value["began"]),
                ended=_moment(value["ended"]),
                since=_moment(value["since"]),
                walked=_moment(value["walked"]),
                keys=tuple(value["keys"]),
                mails=tuple(value["mails"]),
                found=value["found"],
                ledger=value["ledger"],
                report=value["report"],
                earlier=tuple(value["earlier"]),
                settled=value["settled"],
                version=record.version,
            )
        except (KeyError, ValueError, TypeError) as error:
            raise CorruptRecord("a request to be erased cannot be read") from error


def erasing_request(
    organization: str, user_id: str, now: datetime, since: datetime | None = None
) -> tuple[Operation, ...]:
    """What has a user erased, to be written in the commit that deletes him.

    It is a request that was begun: the worker goes on with it by itself, as with one that was
    broken off behind that commit. `now` is aware, and so is `since`, when the user was made: where
    it is not known, all of history is walked through for what tells of him.
    """
    request = Request(
        organization=organization,
        id=new_id(),
        person=user_id,
        kind=USER,
        received=now,
        due=now + WITHIN,
        state=State.ERASING,
        began=now,
        since=since,
    )
    return (Put(request.key, request.value(), absent=True),)


class Erasing(Protocol):
    """`erasing_request` at the time of the store, for who deletes users by their ids."""

    def __call__(
        self, organization: str, user_id: str, since: datetime | None = None, /
    ) -> tuple[Operation, ...]: ...


def erasing_by(clock: Callable[[], datetime]) -> Erasing:
    """What has users erased at the time that a clock tells."""
    return lambda organization, user_id, since=None: erasing_request(
        organization, user_id, clock(), since
    )


class Requests:
    """The requests of organizations."""

    def __init__(
        self, metadata: Metadata, journal: Journal, clock: Callable[[], datetime] | None = None
    ) -> None:
        """`clock` stands for the store's time."""
        self._metadata = metadata
        self._journal = journal
        self._clock = clock or metadata.now

    def add(
        self,
        organization: str,
        actor: Actor,
        person: str,
        kind: str,
        received: datetime | None = None,
        note: str | None = None,
        request_id: str | None = None,
    ) -> Request:
        """Note a request. `request_id` is that of one that a restore has lost."""
        received = received or self._clock()
        request = Request(
            organization=organization,
            id=request_id or new_id(),
            person=person,
            kind=kind,
            received=received,
            due=received + WITHIN,
            note=note,
        )
        event = self._journal.event(
            organization, actor, "privacy.request", subject=person, request=request.id
        )
        put = Put(request.key, request.value(), absent=True)
        done = self._metadata.commit(put, witness=event)
        return replace(request, version=done.versions[request.key])

    def get(self, organization: str, request_id: str) -> Request | None:
        """The request with that id, or None."""
        key = keys.privacy_request(organization, request_id)
        record = self._metadata.get(key).get(key)
        return None if record is None else Request.read(organization, record)

    def all(self, organization: str) -> list[Request]:
        """All requests, those that are due first at the front."""
        return sorted(self._each(organization), key=lambda request: (request.due, request.id))

    def of(self, organization: str, person: str) -> list[Request]:
        """The requests of a person, those that are due first at the front."""
        return [request for request in self.all(organization) if request.person == person]

    def _each(self, organization: str) -> Iterator[Request]:
        for record in self._metadata.query_all(keys.privacy_requests(organization)):
            yield Request.read(organization, record)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else time_text(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
