"""The outbox: what a commit writes so that a mail goes out, once that commit has taken effect.

Who asks for a mail waits for no mail server. Two records wait instead: the mail, in which all
that is personal or secret is sealed together, and its place in the queue of all organizations,
from which a worker takes it. A mail to nobody is written just like any other, so that neither
the time of an answer nor the store tells whether there is such an account.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from auth.errors import CorruptRecord
from auth.records import new_id, time_text
from auth.sealing import Sealer
from storage import keys
from storage.events import Actor
from storage.metadata import Operation, Put, Record

#: How long a mail waits at most; then it is dropped.
KEPT = timedelta(hours=2)
#: A new mail's place is so far back: due at once, though the store's clock be behind by as much.
_BACK = timedelta(minutes=1)
#: Before all that may wait for longer stands what somebody waits for: whoever changes ten thousand
#: accounts, and has as many told, keeps nobody from a new password.
_FIRST: Final = MappingProxyType({"reset": KEPT + 2 * _BACK})
#: The kinds of mail, each with the fields that it takes.
KINDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "reset": frozenset({"name", "path"}),
        "invitation": frozenset({"name", "path"}),
        "address": frozenset({"name"}),
        "password": frozenset({"name"}),
        "second-factor": frozenset({"name"}),
        "no-second-factor": frozenset({"name"}),
        "recovery-codes": frozenset({"name"}),
    }
)
#: What is sealed is filled up to a multiple of this: an address, a name, a path and who asked fit
#: in once.
_SIZE_BYTES = 4_096
_AGENT_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for a mail, and about whom: for history, which is told once the mail is tried.

    By then it is known to be nobody's or somebody's; while somebody asks, nothing may tell.
    """

    about: str
    by: Actor


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent.

    `to` is None for a decoy. `fields` are those of the kind: `name` is the reader's own, empty
    where it is not known, and `path` what the link in the mail leads to, as a path on the
    organization's host: with the token in it, and for a decoy with one that leads nowhere.
    `asked` says who asked for it, where that was anybody who liked. `about` is the id of the user
    whom it is about, who may have another address by now.
    """

    kind: str
    to: str | None = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    asked: Asked | None = None
    about: str | None = None

    @property
    def subject(self) -> str | None:
        """The id of the user whom it is about, where that is known."""
        return self.asked.about if self.about is None and self.asked is not None else self.about

    def __post_init__(self) -> None:
        if KINDS.get(self.kind) != frozenset(self.fields):
            raise ValueError(f"a mail of the kind {self.kind} takes other fields")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail as its record holds it, still sealed; times are aware."""

    organization: str
    id: str
    kind: str
    sealed: str = field(repr=False)
    until: datetime
    attempts: int
    record: Record = field(repr=False)


class Outbox:
    """Writes and opens mails that wait."""

    def __init__(
        self, sealer: Sealer, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._sealer = sealer
        self._clock = clock

    def waiting(self, organization: str, letter: Letter) -> tuple[Operation, ...]:
        """What is to be written, with whatever the mail is about, so that it goes out: always
        two records, of the same size for everybody and for nobody."""
        mail_id, now = new_id(), self._clock()
        due = now - _FIRST.get(letter.kind, _BACK)
        value = {
            "kind": letter.kind,
            "sealed": self._sealer.seal(_text(letter), *_context(organization, mail_id)),
            "created": time_text(now),
            "due": time_text(due),
            "until": time_text(now + KEPT),
            "attempts": 0,
        }
        # What is secret goes by itself after its time, even where no worker runs; its place
        # stays for one to tell of it.
        mail = Put(keys.mail(organization, mail_id), value, absent=True, expires=now + KEPT)
        place = keys.waiting_mail(due, mail_id)
        return (mail, Put(place, {"organization": organization}, absent=True))

    def open(self, mail: Waiting) -> Letter:
        """The letter in a mail. Raises NotSealedHere, CorruptRecord."""
        text = self._sealer.open(mail.sealed, *_context(mail.organization, mail.id))
        try:
            found = json.loads(text)
            asked = _read_asked(found["asked"])
            return Letter(mail.kind, found["to"], found["fields"], asked, found.get("about"))
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptRecord("a mail that waits cannot be read") from error


def read_mail(organization: str, record: Record) -> Waiting:
    """The mail that a record holds. Raises CorruptRecord."""
    value = record.value
    try:
        return Waiting(
            organization=organization,
            id=record.key.sort,
            kind=value["kind"],
            sealed=value["sealed"],
            until=datetime.fromisoformat(value["until"]),
            attempts=value["attempts"],
            record=record,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("a mail that waits cannot be read") from error


def _text(letter: Letter) -> str:
    """The letter as it is sealed; blanks behind JSON say nothing."""
    value = {
        "to": letter.to,
        "fields": dict(letter.fields),
        "asked": _asked_value(letter.asked),
        "about": letter.about,
    }
    text = json.dumps(value, ensure_ascii=False)
    length = len(text.encode())
    return text + " " * (-length % _SIZE_BYTES)


def _asked_value(asked: Asked | None) -> dict[str, str | None] | None:
    if asked is None:
        return None
    by = asked.by
    return {
        "about": asked.about,
        "credential": by.credential,
        "request": by.request,
        "address": by.address,
        "agent": (by.agent or "")[:_AGENT_CHARACTERS] or None,
    }


def _read_asked(value: dict[str, str] | None) -> Asked | None:
    if value is None:
        return None
    actor = Actor(None, value["credential"], value["request"], value["address"], value["agent"])
    return Asked(value["about"], actor)


def _context(organization: str, mail_id: str) -> tuple[str, ...]:
    return ("mail", organization, mail_id)
