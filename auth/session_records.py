"""What a session is: its kinds, how long they last, and its record, read in this one place.

    session  {id, hash, user, epoch, created, expires, second_factor, kind, agent}

`epoch` is that of its user when it was opened, and `second_factor` tells whether a code was
asked for. The record goes by itself when the session is over.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from auth.errors import CorruptRecord
from storage.metadata import Record


class Kind(StrEnum):
    """What a session is for."""

    COOKIE = "cookie"  # of a browser
    BEARER = "bearer"  # of a program


LIFETIMES = {Kind.COOKIE: timedelta(hours=8), Kind.BEARER: timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its user sees it."""

    id: str
    kind: Kind
    created: datetime
    expires: datetime
    second_factor: bool
    agent: str | None = field(repr=False)


def read_session(record: Record) -> Session:
    """The session that a record holds. Raises CorruptRecord."""
    value = record.value
    try:
        return Session(
            id=value["id"],
            kind=Kind(value["kind"]),
            created=datetime.fromisoformat(value["created"]),
            expires=datetime.fromisoformat(value["expires"]),
            second_factor=value["second_factor"] is True,
            agent=value.get("agent"),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("a session's record cannot be read") from error
