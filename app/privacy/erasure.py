"""Erases a person: himself first, then the ledger, then all that tells of him, then the proof.

How far it is lies in the request, which every step writes at the version that it read. Whoever
is killed in between is followed by another who does the rest; what was done is done again to
no effect. His own record goes first, in one commit that the last administrator's fails: with
it all his credentials end. The ledger comes next, so that a person who is gone here stays gone
in whatever copy of the records is restored later.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from app.installation import Installation
from app.privacy.deleted import beginning
from app.privacy.families import FAMILIES, SIDE_RECORDS, Family
from app.privacy.leaving import deleting_user, hand_over
from app.privacy.ledger import Entry, Ledger
from app.privacy.person import USER, Person, person_of
from app.privacy.proof import Proofs
from app.privacy.requests import Request, State
from app.privacy.sides import batches, sides_about
from app.privacy.walk import Told, history_of, silent, walk
from auth.decisions import decided
from auth.principals import operating
from auth.sealing import Sealer
from storage import keys
from storage.events import Actor
from storage.events.feed import LAG
from storage.metadata import Delete, Key, Metadata, Operation, Put, Record, Witness
from storage.metadata.operations import OPERATIONS

_ROOM = OPERATIONS - 2  # beside the request, and the commit's token
_NOTED_EVERY = timedelta(days=7)  # of history, where nothing of the person was met
_ROUNDS = 20


class NotErasable(Exception):
    """What is left of a person can't be erased; the message says what to do."""


class Erasure:
    """Erases people. Idempotent; may be killed anywhere and gone on with by another."""

    def __init__(self, at: Installation, clock: Callable[[], datetime] | None = None) -> None:
        self._at = at
        self._metadata: Metadata = at.metadata
        self._recent = at.recent
        self._journal = at.journal
        self._sealer = Sealer(*at.secrets)
        self._ledger = Ledger(at.blobs, *at.secrets)
        self._proofs = Proofs(*at.secrets)
        # A machine whose clock is wrong erases nothing: it would walk to the wrong hour.
        self._clock = clock or at.metadata.agreed_time

    def begin(self, request: Request, actor: Actor, successor: str | None = None) -> Request:
        """Erase all that is found without a walk through history.

        `successor` is the id of the user who takes over: he gets the person's keys, so that
        builds go on, and is made an administrator where the person is the last one.

        Raises:
            LastAdministrator: nobody could administer the organization; nothing is erased.
            Missing: there is no such successor.
            ConditionFailed: another one is erasing the same person.
            NotErasable: records come as fast as they go.
        """
        person = person_of(self._metadata, request.organization, request.person, request.kind)
        if person.is_there or request.state is not State.ERASING:
            person = person.looked_up(self._metadata, self._sealer)
            if successor is not None and person.is_there:
                by = operating(request.organization, actor)
                hand_over(self._recent, self._journal, by, person, successor)
                kept = replace(person, keys=())
                person = kept.looked_up(self._metadata, self._sealer)
            noted = self._mark(request, person)
            if person.is_there and person.kind == USER:
                request = self._delete(request, noted, person, actor, successor)
            else:
                request = self._note(noted)
        elif request.since is None:  # begun by who deleted the user
            request = replace(request, since=self.beginning(person))
        return self._sweep(self._enter(request), person)

    def finish(self, request: Request, actor: Actor, told: Told = silent) -> Request:
        """Walk through history, and seal the proof. `begin` came before it.

        Raises what `begin` raises, and what `told` does; the request knows how far it is.
        """
        request = self._walk(request, told)
        person = person_of(self._metadata, request.organization, request.person, request.kind)
        request = self._sweep(request, person)
        ended = replace(request, state=State.DONE, ended=self._clock(), settled=False)
        done = replace(ended, report=self._proofs.of(ended))
        event = self._journal.event(
            done.organization,
            actor,
            "privacy.erase",
            subject=done.person,
            request=done.id,
            records=sum(done.found.values()),
        )
        whom = {"organization": done.organization, "person": done.person}
        applied = Put(keys.erased(str(done.ledger)), whom)
        return self._note(done, applied, event=event)

    def settle(self, request: Request, told: Told = silent) -> Request:
        """Look once more at the last hours of one that is done: what was on its way when its
        walk ended is there by now. It changes nothing of the proof."""
        if request.settled or request.ended is None or self._clock() < request.ended + 2 * LAG:
            return request
        with history_of(self._at, request.organization) as history:
            for hour in walk(request.began or request.ended, self._clock(), told):
                for batch in batches(sides_about(history, hour, request.person), _ROOM):
                    self._recent.commit(*map(Delete, batch))
        person = person_of(self._metadata, request.organization, request.person, request.kind)
        request = self._sweep(request, person)
        return self._note(replace(request, settled=True))

    def left(self, person: Person, since: datetime, told: Told = silent) -> dict[str, int]:
        """How many records tell of a person, by family: none, where he is erased."""
        person = person.looked_up(self._metadata, self._sealer)
        counts = {family.name: len(list(self._of(family, person))) for family in FAMILIES}
        with history_of(self._at, person.organization) as history:
            counts[SIDE_RECORDS] = sum(
                1
                for hour in walk(since, self._clock(), told)
                for _ in sides_about(history, hour, person.id)
            )
        return {name: count for name, count in counts.items() if count}

    def beginning(self, person: Person) -> datetime:
        """Since when there may be history of a person."""
        return person.since or beginning(self._at, person.organization)

    def _mark(self, request: Request, person: Person) -> Request:
        """The request with all that is known of a person while he is there."""
        since = self.beginning(person)
        request = replace(
            request.begun_anew(),
            state=State.ERASING,
            kind=person.kind,
            began=self._clock() if request.state is not State.ERASING else request.began,
            since=since if request.since is None else min(since, request.since),
            keys=tuple(sorted({*request.keys, *person.keys})),
            mails=person.mails,
            found={},
        )
        for family in FAMILIES:
            request = request.counting(family.name, len(list(self._of(family, person))))
        return request

    def _delete(
        self,
        before: Request,
        noted: Request,
        person: Person,
        actor: Actor,
        successor: str | None,
    ) -> Request:
        """Delete the user, in the commit that notes what he had. Raises LastAdministrator."""
        noted = replace(noted, version=before.version)

        def attempt() -> Request:
            operations = deleting_user(self._recent, person, successor)
            event = self._journal.event(
                person.organization,
                actor,
                "user.delete",
                subject=person.id,
                keys=list(person.keys),
                **({} if successor is None else {"successor": successor}),
            )
            return self._note(noted, *operations, event=event)

        return decided(attempt)

    def _enter(self, request: Request) -> Request:
        """Have the ledger know of it."""
        if request.ledger is not None and self._ledger.find(request.organization, request.person):
            return request
        entry = Entry(request.organization, request.person, request.kind, request.id, self._clock())
        return self._note(replace(request, ledger=self._ledger.add(entry)))

    def _sweep(self, request: Request, person: Person) -> Request:
        """Delete what tells of a person until nothing does. What was counted when he was marked
        goes in the first round; what comes later is counted as it goes."""
        person = replace(
            person,
            keys=tuple(sorted({*request.keys, *person.keys})),
            mails=tuple(sorted({*request.mails, *person.mails})),
        )
        counted = not any(request.found.values())
        for number in range(_ROUNDS):
            person = person.looked_up(self._metadata, self._sealer)
            found = {family: list(self._of(family, person)) for family in FAMILIES}
            if not any(found.values()):
                return request
            if number or counted or request.walked is not None:
                for family, records in found.items():
                    request = request.counting(family.name, len(records))
            self._delete_records(person, found)
            request = self._note(request)
        raise NotErasable("records of the person come as fast as they go: disable what makes them")

    def _delete_records(self, person: Person, found: dict[Family, list[Record]]) -> None:
        operations: dict[Key, Operation] = {}
        for family, records in found.items():
            for record in records:
                for operation in family.deleting(person, record):
                    operations[operation.key] = operation
        todo = list(operations.values())
        for start in range(0, len(todo), _ROOM):
            self._recent.commit(*todo[start : start + _ROOM])

    def _of(self, family: Family, person: Person) -> Iterator[Record]:
        if family.kind is not None and family.kind != person.kind:
            return iter(())
        return family.find(self._metadata, person)

    def _walk(self, request: Request, told: Told) -> Request:
        """Delete the side records of all that the person did, hour by hour."""
        begin, until = request.walked or request.since, self._clock()
        if begin is None:
            raise NotErasable("the request was not begun")
        with history_of(self._at, request.organization) as history:
            for hour in walk(begin, until, told):
                for batch in batches(sides_about(history, hour, request.person), _ROOM):
                    counted = request.counting(SIDE_RECORDS, len(batch))
                    # The hour may hold more: it is looked at again by who goes on from here.
                    counted = replace(counted, walked=max(hour, begin))
                    request = self._note(counted, *map(Delete, batch))
                if hour - (request.walked or begin) >= _NOTED_EVERY:
                    request = self._note(replace(request, walked=hour))
        return self._note(replace(request, walked=until))

    def _note(
        self, request: Request, *operations: Operation, event: Witness | None = None
    ) -> Request:
        put = Put(request.key, request.value(), at=request.version)
        done = self._recent.commit(put, *operations, witness=event)
        return replace(request, version=done.versions[request.key])
