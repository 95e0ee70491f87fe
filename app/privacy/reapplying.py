"""Has those stay erased who are: after the records were restored to a time before.

The records note which entries of the ledger are carried out, and of whom. A copy from before an
erasure has no such note; one that was written over what is there has it, and the person as well.
So at each start, before anybody is served, and every hour, entries without a note are carried
out, and those with one whose person has a record again. Once a day all records are looked at
that could tell of anybody in the ledger.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.installation import Installation
from app.privacy.erasure import Erasure, NotErasable
from app.privacy.evidence import KEPT, last_incident
from app.privacy.families import FAMILIES
from app.privacy.ledger import Entry, Ledger, NotOurs
from app.privacy.person import Person, person_of
from app.privacy.requests import Request, Requests, State
from app.privacy.walk import Told, Walked, silent
from app.work.duty import Shift
from auth.errors import AuthError
from auth.records import is_id
from auth.sealing import Sealer
from storage import keys
from storage.blobs import BlobError
from storage.events import SYSTEM
from storage.metadata import ConditionFailed, Key, MetadataError
from storage.metadata.operations import KEYS_PER_GET

_log = logging.getLogger("strongroom.privacy")


@dataclass(frozen=True, slots=True)
class Reapplied:
    """What was found: entries in the ledger, ids of people erased again, names of entries that
    are not of this installation, and what could not be done, by the person's id."""

    entries: int
    again: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()


class Reapplying:
    """Erases again whoever is in the ledger and is back."""

    def __init__(self, at: Installation) -> None:
        self._at = at
        self._metadata = at.metadata
        self._ledger = Ledger(at.blobs, *at.secrets)
        self._erasure = Erasure(at)
        self._requests = Requests(at.metadata, at.journal)
        self._sealer = Sealer(*at.secrets)
        # To look is a walk through 30 days of history: not each hour for each of them.
        self._waiting: dict[str, datetime] = {}

    def begin(self) -> Reapplied:
        """Erase those who are back but for the walk through history, which `finish` does: at a
        start, before anybody is served. Where nobody is, it costs two lists, and one read for
        50 of those who are in the ledger."""
        return self._run(whole=False, everyone=False, told=silent, between=lambda: None)

    def run(
        self,
        told: Told = silent,
        *,
        everyone: bool = False,
        between: Callable[[], None] = lambda: None,
    ) -> Reapplied:
        """Erase those who are back, and finish what was begun. With `everyone` those are looked
        for, too, whose entries are carried out, by all records that lead to them. `between` is
        called before each entry; what it raises ends the run."""
        return self._run(whole=True, everyone=everyone, told=told, between=between)

    def unfinished(self) -> Iterable[Request]:
        """The requests of all organizations that were begun, or are to be settled."""
        for organization in self._metadata.query_all(keys.ORGANIZATIONS):
            for request in self._requests.all(str(organization.value["id"])):
                if request.state is State.ERASING or (
                    request.state is State.DONE and not request.settled
                ):
                    yield request

    def go_on(self, request: Request, told: Told = silent) -> Request:
        """Finish a request that was begun, or settle one that is done. One that a deletion has
        noted is left as it is where it would take evidence."""
        if request.state is State.DONE:
            return self._erasure.settle(request, told)
        if request.waits_to_begin and self._is_evidence(request, told):
            return request
        return self._erasure.finish(self._erasure.begin(request, SYSTEM), SYSTEM, told)

    def _is_evidence(self, request: Request, told: Told) -> bool:
        now = self._metadata.now()
        until = self._waiting.get(request.id)
        if until is None or until <= now:
            person = Person(request.organization, request.person, request.kind)
            found = last_incident(self._at, person, told)
            until = self._waiting[request.id] = now if found is None else found + KEPT
        return until > now

    def _run(
        self, *, whole: bool, everyone: bool, told: Told, between: Callable[[], None]
    ) -> Reapplied:
        names = list(self._ledger.names())
        carried_out = {one.key.sort: one.value for one in self._metadata.query_all(keys.ERASED)}
        there = set() if everyone else self._with_record(carried_out)
        again, foreign, failed = [], [], []
        for name in names:
            between()
            if name in carried_out and not everyone and name not in there:
                continue
            try:
                entry = self._ledger.read(name)
            except NotOurs:
                foreign.append(name)
                continue
            try:
                if self._reapply(name, entry, known=name in carried_out, whole=whole, told=told):
                    again.append(entry.person)
            except (AuthError, ConditionFailed, NotErasable) as error:
                failed.append((entry.person, str(error)))
        return Reapplied(len(names), tuple(again), tuple(foreign), tuple(failed))

    def _with_record(self, carried_out: Mapping[str, Mapping[str, Any]]) -> set[str]:
        """The names of entries that are carried out, and whose person has a record again; and of
        those of which it is not noted who that is."""
        names, wanted = set[str](), dict[Key, str]()
        for name, value in carried_out.items():
            whose = value.get("organization"), value.get("person")
            if all(isinstance(one, str) and is_id(one) for one in whose):
                wanted[keys.user(*map(str, whose))] = name
                wanted[keys.subscriber(*map(str, whose))] = name
            else:
                names.add(name)
        places = list(wanted)
        for start in range(0, len(places), KEYS_PER_GET):
            found = self._metadata.get(*places[start : start + KEYS_PER_GET])
            names |= {wanted[key] for key in found}
        return names

    def _reapply(self, name: str, entry: Entry, *, known: bool, whole: bool, told: Told) -> bool:
        """Erase whom an entry is about, where he is back; whether he was."""
        organization = keys.organization(entry.organization)
        if organization not in self._metadata.get(organization):
            # Erased with all that it had, or not restored yet: nothing is noted as carried out.
            return False
        request = self._requests.get(entry.organization, entry.request)
        if not known and request is not None and request.state is State.DONE:
            # Perhaps it was not done when those that are carried out were listed.
            noted = keys.erased(name)
            known = noted in self._metadata.get(noted)
        if known and not self._is_back(entry):
            return False
        request = request or self._noted_again(entry)
        begun = request.state is State.ERASING
        request = self._erasure.begin(request, SYSTEM)
        if whole:
            self._erasure.finish(request, SYSTEM, told)
        return not begun

    def _noted_again(self, entry: Entry) -> Request:
        """The request of an entry, which is not there any more."""
        return self._requests.add(
            entry.organization, SYSTEM, entry.person, entry.kind, entry.at, None, entry.request
        )

    def _is_back(self, entry: Entry) -> bool:
        person = person_of(self._metadata, entry.organization, entry.person, entry.kind)
        person = person.looked_up(self._metadata, self._sealer)
        return any(
            next(iter(family.find(self._metadata, person)), None) is not None for family in FAMILIES
        )


def reapply_at_start(at: Installation) -> None:
    """Erase again who is back, before anybody is served. A store that is away keeps nothing
    from starting: the duty does it once it is there."""
    try:
        done = Reapplying(at).begin()
    except (BlobError, MetadataError) as error:
        _log.warning("the ledger of erased people could not be looked at: %s", error)
        return
    tell(done)


def tell(done: Reapplied) -> None:
    """Say in the log what was found."""
    for person in done.again:
        _log.warning("%s was erased, and was back, as after a restore: erased again", person)
    for person, reason in done.failed:
        _log.error("%s was erased, and is back, and can't be erased: %s", person, reason)
    if done.foreign:
        _log.error(
            "%d entries of the ledger of erased people are not of this installation's secret key:"
            " nothing is done by them",
            len(done.foreign),
        )


class PrivacyDuty:
    """Finishes erasures that were broken off, and has those stay erased who are."""

    name = "privacy"
    every = timedelta(hours=1)

    def __init__(self, at: Installation) -> None:
        self._reapplying = Reapplying(at)

    def run(self, shift: Shift) -> None:
        def told(_: Walked) -> None:
            shift.go_on()

        shift.again = self.every
        with shift.part("the ledger of erased people"):
            tell(self._reapplying.begin())
        for request in self._reapplying.unfinished():
            shift.go_on()
            with shift.part(f"request {request.id}"):
                self._reapplying.go_on(request, told)


class PrivacyLookDuty:
    """Looks once a day for anybody in the ledger, by all records that could tell of him: a copy
    may hold them without his own."""

    name = "privacy-look"
    every = timedelta(days=1)

    def __init__(self, at: Installation) -> None:
        self._reapplying = Reapplying(at)

    def run(self, shift: Shift) -> None:
        shift.again = timedelta(hours=1)
        with shift.part("the ledger of erased people"):
            tell(self._reapplying.run(lambda _: shift.go_on(), everyone=True, between=shift.go_on))
