"""Proves that whoever changes his own password knows the old one.

A session or a page left open must not be enough to take over an account, so this is limited and
told of as signing in is: by the same counters and events, in the same room. And right ones are
counted too, so that whoever has both does not keep the machine busy with hashes.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from auth import passwords
from auth.errors import Forbidden, InvalidField, Missing
from auth.principals import Authority, Principal
from auth.rates import Rate, Rates, Tally, Watch
from auth.records import read_password
from auth.refused_passwords import refused_password
from auth.slow_hashes import SlowHashes
from storage import keys
from storage.events import Journal
from storage.metadata import ConditionFailed, Key, Operation, Record, Witness
from storage.metadata.recent import Recent

FIELD = "current_password"
#: Of one user, right or wrong.
PROOFS: Final = Rate("proofs of one's own password", 10, timedelta(minutes=1))


class WrongCurrentPassword(Forbidden):
    """It is not the password of whoever asks."""

    def __init__(self) -> None:
        super().__init__(f"The '{FIELD}' is not the right one; nothing was changed.")


class OwnPassword:
    """Proves passwords of who is signed in. Safe for many threads."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        slow_hashes: SlowHashes,
        rates: Rates,
        clock: Callable[[], datetime],
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._slow_hashes = slow_hashes
        self._rates = rates
        self._clock = clock

    def prove(self, by: Authority, current: str | None) -> str:
        """The stored form of the caller's password, which `current` was proved to be.

        Raises:
            InvalidField: there is no `current`.
            WrongCurrentPassword: it is wrong, which is counted.
            TooManyAttempts: for this account, or from this address; TooManyAsked: by him.
            Busy: no slow hash could be had in time.
        """
        if current is None:
            raise InvalidField(FIELD, "is missing: it is needed to change your own password")
        if not isinstance(by.holder, Principal):
            raise TypeError("the command line has no password")
        key = keys.user(by.organization, by.holder.user_id)
        _stored(self._recent.get(key).get(key))
        watch, tally, records = self._judged(by, key)
        with self._slow_hashes.enter(watch.rank(records, 0)) as place:
            place.wait()
            with self._slow_hashes.slot(place):
                # Others may have tried since.
                watch, tally, records = self._judged(by, key)
                stored = _stored(records.get(key))
                try:
                    self._slow_hashes.run(passwords.verify, stored, current)
                except passwords.WrongPassword as error:
                    # Counted before the answer is known to anyone, and before the slot is free.
                    told = refused_password(
                        self._journal, by.organization, by.actor, key.sort, watch, records
                    )
                    self._count(tally, *watch.failed(records), witness=told)
                    raise WrongCurrentPassword from error
                self._count(tally)
        return stored

    def _count(self, tally: Tally, *more: Operation, witness: Witness | None = None) -> None:
        """Count a proof. Raises TooManyAsked: others in other processes were quicker."""
        try:
            self._recent.commit(tally.counted(), *more, witness=witness)
        except ConditionFailed as error:
            raise tally.refused() from error

    def _judged(self, by: Authority, key: Key) -> tuple[Watch, Tally, Mapping[Key, Record]]:
        """The counters, with the records that they allow another attempt by.

        Raises TooManyAttempts, TooManyAsked.
        """
        now, address = self._clock(), by.actor.address or ""
        watch = self._rates.watch(by.organization, key.sort, address, now)
        tally = self._rates.tally(by.organization, PROOFS, key.sort, now)
        records = self._recent.get(key, tally.key, *watch.needs())
        watch.judge(records)
        tally.judge(records)
        return watch, tally, records


def _stored(user: Record | None) -> str:
    """The stored password of a user. Raises Missing, Forbidden."""
    if user is None:
        raise Missing("user")
    stored = read_password(user)
    if stored is None:
        raise Forbidden("This account has no password; another administrator can set one.")
    return stored
