"""Takes the code of a second factor: a right one once, wrong ones so many times.

A code is spent in a commit of its own, on the condition that nobody spent one meanwhile: of
two who come with the same one, one is told that it was used. What the code was for comes after
that; if that fails, the code is gone all the same.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from auth import recovery_codes
from auth.code_rates import CodeRates, CodeWatch
from auth.decisions import decided
from auth.errors import CodeUsed, CorruptRecord, NotAuthenticated, WrongCode
from auth.factor_records import Factor, read_factor
from auth.sealing import Sealer
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import ConditionFailed, Key, Operation, Record
from storage.metadata.recent import Recent

# Half of a commit is seen for moments.
_PAUSES = (0.0, 0.05, 0.2)


class Codes:
    """The codes of second factors, of whatever organization. Safe for many threads."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        sealer: Sealer,
        rates: CodeRates,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._sealer = sealer
        self._rates = rates
        self._clock = clock

    def spend(self, organization: str, user_id: str, code: str, network: str, actor: Actor) -> None:
        """Return if the code is one of this user's, which it then was.

        Args:
            organization: its id.
            user_id: who has a second factor.
            code: six digits, or a recovery code; blanks in it do not count.
            network: the client's, as limits count it.
            actor: whom history names for a recovery code.

        Raises:
            NotAuthenticated: he has no second factor any more.
            WrongCode: CodeUsed where the code was right once.
            TooManyCodes: before the code is looked at.
        """
        text = "".join(code.split())
        decided(lambda: self._spend(organization, user_id, text, network, actor))

    def guard(self, organization: str, user_id: str, network: str, actor: Actor) -> "CodeGuard":
        """The limits for a code of the clock's that is judged elsewhere; of one attempt.

        Raises TooManyCodes: it is not to be looked at.
        """
        watch = self._rates.watch(organization, user_id, network, self._clock())
        records = self._recent.get(*watch.needs())
        watch.judge(records, guessable=True)
        return CodeGuard(self, watch, records, organization, user_id, actor)

    def _spend(
        self, organization: str, user_id: str, code: str, network: str, actor: Actor
    ) -> None:
        now = self._clock()
        watch = self._rates.watch(organization, user_id, network, now)
        key = keys.second_factor(organization, user_id)
        records = self._recent.get(key, *watch.needs())
        recovering = recovery_codes.is_recovery_code(code)
        watch.judge(records, guessable=not recovering)
        factor = self._factor(organization, user_id, records.get(key))
        try:
            used = factor.use(self._sealer, code, now)
        except CodeUsed:
            raise  # it was no guess
        except WrongCode:
            guard = CodeGuard(self, watch, records, organization, user_id, actor)
            self.count(guard, guessable=not recovering)
            raise
        self._commit(organization, used, watch, actor, recovering=recovering)

    def _factor(self, organization: str, user_id: str, record: Record | None) -> Factor:
        """The second factor of a user who had one a moment ago. Half of the commit that it came
        or went with may have been seen: then both are looked at again.

        Raises NotAuthenticated: it went; CorruptRecord: it was lost.
        """
        factor = read_factor(organization, user_id, record)
        key, user_key = keys.second_factor(organization, user_id), keys.user(organization, user_id)
        for pause in _PAUSES:
            if factor.confirmed:
                break
            time.sleep(pause)
            found = self._recent.get(key, user_key)
            user = found.get(user_key)
            if user is None:
                raise NotAuthenticated
            if not user.value.get("second_factor"):
                raise NotAuthenticated("Your second factor was removed meanwhile; sign in again.")
            factor = read_factor(organization, user_id, found.get(key))
        if not factor.confirmed:
            raise CorruptRecord("a user's second factor has no record")
        return factor

    def count(self, guard: "CodeGuard", *, guessable: bool) -> None:
        """Count a wrong code before the answer is known to anyone. Raises TooManyCodes."""
        failures = guard.watch.notable(guard.records, guessable=guessable)
        told = None
        if failures is not None:
            told = self._journal.event(
                guard.organization,
                replace(guard.actor, user=None),  # whoever typed it need not be he
                "second-factor.refused",
                account=guard.user_id,
                failures=failures,
            )
        try:
            self._recent.commit(*guard.watch.failed(guessable=guessable), witness=told)
        except ConditionFailed as error:
            raise guard.watch.refused() from error

    def _commit(
        self, organization: str, used: Factor, watch: CodeWatch, actor: Actor, *, recovering: bool
    ) -> None:
        operations = (used.put(), *watch.held(guessable=not recovering))
        if not recovering:
            self._recent.commit(*operations)
            return
        event = self._journal.event(
            organization,
            actor,
            "second-factor.recovery-used",
            subject=used.user_id,
            left=len(used.recovery),
        )
        self._recent.commit(*operations, witness=event)


@dataclass(frozen=True, slots=True)
class CodeGuard:
    """One attempt with a code: its counters, as they were read, of whose account, and by whom."""

    codes: Codes
    watch: CodeWatch
    records: Mapping[Key, Record]
    organization: str
    user_id: str
    actor: Actor

    def wrong(self) -> None:
        """Count a wrong code. Raises TooManyCodes."""
        self.codes.count(self, guessable=True)

    def held(self) -> tuple[Operation, ...]:
        """What lets a right code through only where no limit is reached by then."""
        return self.watch.held(guessable=True)
