"""Deliveries: a mail that waits is claimed, sent, and forgotten, or left for a later try.

A claim is the mail's new place in the queue, at the time of the next try: whoever is killed in
the middle is followed then by another, and a try that failed has nothing more to write. So a
mail may go out twice, but only where a worker was killed, or took for minutes, between handing
it over and forgetting it.
"""

import itertools
import logging
import traceback
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.mail.errors import Postponed, Refused
from app.mail.message import write
from app.mail.observers import MailObserver
from app.mail.origins import Origins
from app.mail.transports import Transport
from auth.errors import AuthError, Missing, Suspended
from auth.outbox import Outbox, Waiting, read_mail
from auth.records import read_organization, time_text
from auth.standing import Standing
from storage import keys
from storage.events import SYSTEM, Journal
from storage.metadata import Check, ConditionFailed, Delete, Key, Metadata, Put, Record, Witness

#: Until the second try, doubled from try to try: longer than a try takes.
PAUSE = timedelta(minutes=2)
_DOUBLINGS = 3
_AT_ONCE = 1_000  # places that are looked at, the oldest

_log = logging.getLogger("strongroom.worker")


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A mail that is to be tried here: its record as it is now, its place, and for whom."""

    mail: Waiting
    key: Key
    version: int
    place: Key
    organization_name: str


class Deliveries:
    """Delivers the mails of all organizations. Any number of workers may."""

    def __init__(
        self,
        metadata: Metadata,
        journal: Journal,
        outbox: Outbox,
        transport: Transport,
        origins: Origins,
        observer: MailObserver | None = None,
    ) -> None:
        self._metadata = metadata
        self._journal = journal
        self._outbox = outbox
        self._transport = transport
        self._origins = origins
        self._observer = observer

    def due(self, most: int = _AT_ONCE) -> list[Record]:
        """The places of mails that are due; one query. Organizations have their turns, so that
        one with many mails does not keep the others waiting."""
        now = keys.time(self._metadata.now())
        places: dict[str, list[Record]] = defaultdict(list)
        for place in self._metadata.query(keys.MAIL, limit=most).records:
            if place.key.sort.partition("#")[0] > now:
                break  # this and what follows is for later
            places[_organization_of(place)].append(place)
        turns = itertools.zip_longest(*places.values())
        return [place for turn in turns for place in turn if place is not None]

    def deliver(self, place: Record) -> None:
        """Try to send the mail at a place that is due, or drop it.

        Raises Postponed where no other mail would go out now either.
        """
        claimed = self._claim(place)
        if claimed is None:
            return
        try:
            self._send(claimed)
        except Refused as error:
            self._drop(claimed, error.reason, str(error))
        except Postponed as error:
            self._postpone(claimed, error)
        except Exception as error:  # noqa: BLE001 - the mail is tried again, within its time
            # Without its message, which may hold what the mail holds.
            at = traceback.extract_tb(error.__traceback__)[-1]
            told = f"{type(error).__name__} in {at.name}, line {at.lineno}"
            self._postpone(claimed, Postponed("unforeseen", told, for_all=False))

    def _claim(self, place: Record) -> _Claimed | None:
        """The mail, at a new place from now on; None where it is gone, or somebody else's."""
        organization, mail_id = _organization_of(place), place.key.sort.partition("#")[2]
        key, about = keys.mail(organization, mail_id), keys.organization(organization)
        records = self._metadata.get(key, about)
        now = self._metadata.now()
        try:
            name = self._served(records.get(about))
            mail = _waiting(organization, records.get(key), now)
        except Missing:
            # Of an organization that is going nothing new is written, no event either.
            self._write(organization, Delete(place.key), Delete(key))
            _log.info("a mail was dropped: its organization is deleted")
            return None
        except (Suspended, Refused) as error:
            reason = "suspended" if isinstance(error, Suspended) else error.reason
            # Where it is not there, half of the commit that both came with may have been seen.
            rest = Delete(key) if key in records else Check(key, absent=True)
            gone = (Delete(place.key, at=place.version), rest)
            if self._write(organization, *gone, event=("mail.dropped", mail_id, reason)):
                self._tell("dropped")
                _log.warning("the mail %s of %s was dropped: %s", mail_id, organization, reason)
            return None
        pause = PAUSE * 2 ** min(mail.attempts, _DOUBLINGS)
        due = min(now + pause, mail.until)
        until = keys.waiting_mail(due, mail_id)
        value = {**mail.record.value, "due": time_text(due), "attempts": mail.attempts + 1}
        try:
            done = self._metadata.commit(
                Put(key, value, at=mail.record.version, expires=mail.record.expires),
                Delete(place.key, at=place.version),
                Put(until, place.value, absent=True),
                witness=self._asked(mail),
            )
        except ConditionFailed:
            return None  # another worker was quicker
        return _Claimed(mail, key, done.versions[key], until, name)

    def _asked(self, mail: Waiting) -> Witness | None:
        """The event of whoever asked for a mail, at its first try; of a decoy there is none."""
        if mail.attempts:
            return None
        try:
            letter = self._outbox.open(mail)
        except AuthError:
            return None  # told of by who sends it
        if letter.to is None or letter.asked is None:
            return None
        return self._journal.event(
            mail.organization,
            letter.asked.by,
            "password.reset-requested",
            subject=letter.asked.about,
            mail=mail.id,
        )

    def _served(self, about: Record | None) -> str:
        """The name of an organization that is served. Raises Missing, Suspended."""
        if about is None:
            raise Missing("organization")
        name = read_organization(about).name
        key = keys.organization_by_name(name)
        Standing(read_organization(about).id, key).check(self._metadata.get(key))
        return name

    def _send(self, claimed: _Claimed) -> None:
        """Raises Refused, Postponed."""
        mail = claimed.mail
        try:
            letter = self._outbox.open(mail)
        except AuthError as error:
            raise Refused("unreadable", str(error)) from error
        if letter.to is None:
            self._end(claimed, None, "sent")
            _log.info("the mail %s of %s was sent", mail.id, mail.organization)
            return
        origin = self._origins.of(claimed.organization_name)
        if origin is None:
            raise Refused(
                "no-address",
                "nobody said where its link leads: set STRONGROOM_BASE_URL (or STRONGROOM_DOMAIN)",
            )
        written = write(letter, letter.to, mail.id, origin)
        self._transport.send(written, self._metadata.now())
        self._end(claimed, ("mail.sent", mail.id, None), "sent")
        _log.info("the mail %s of %s was sent", mail.id, mail.organization)

    def _drop(self, claimed: _Claimed, reason: str, told: str) -> None:
        mail = claimed.mail
        self._end(claimed, ("mail.dropped", mail.id, reason), "dropped")
        _log.warning("the mail %s of %s was dropped: %s", mail.id, mail.organization, told)

    def _postpone(self, claimed: _Claimed, error: Postponed) -> None:
        """Leave a mail to its next try. Raises the error where it is for all."""
        mail = claimed.mail
        self._tell("postponed")
        _log.warning(
            "the mail %s of %s is tried again (try %d): %s",
            mail.id,
            mail.organization,
            mail.attempts + 1,
            error,
        )
        if error.for_all:
            raise error

    def _end(
        self, claimed: _Claimed, event: tuple[str, str, str | None] | None, outcome: str
    ) -> None:
        """Forget a mail, if it is this worker's still."""
        gone = (Delete(claimed.key, at=claimed.version), Delete(claimed.place))
        if not self._write(claimed.mail.organization, *gone, event=event):
            _log.warning("the mail %s took so long that another worker has it", claimed.mail.id)
        self._tell(outcome)

    def _write(
        self,
        organization: str,
        *gone: Delete | Check,
        event: tuple[str, str, str | None] | None = None,
    ) -> bool:
        """Delete records, and tell of it; False where others changed them meanwhile."""
        told = None
        if event is not None:
            action, mail_id, reason = event
            details = {"mail": mail_id} if reason is None else {"mail": mail_id, "reason": reason}
            told = self._journal.event(organization, SYSTEM, action, **details)
        try:
            self._metadata.commit(*gone, witness=told)
        except ConditionFailed:
            return False
        return True

    def _tell(self, outcome: str) -> None:
        if self._observer is not None:
            self._observer.mail(outcome)


def _waiting(organization: str, record: Record | None, now: datetime) -> Waiting:
    """The mail in a record. Raises Refused where it waited for too long, or can't be read."""
    if record is None:
        raise Refused("expired", "it waited for too long")
    try:
        mail = read_mail(organization, record)
    except AuthError as error:
        raise Refused("unreadable", str(error)) from error
    if mail.until <= now:
        raise Refused("expired", "it waited for too long")
    return mail


def _organization_of(place: Record) -> str:
    return str(place.value.get("organization"))
