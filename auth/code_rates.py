"""How often the code of a second factor may be wrong.

A code has six digits, three of them hold at a time, and whoever tries has the right password:
so the account is counted, whatever the address, by the minute and by the day. Twenty wrong
codes a day are one chance in fifty a year. Nobody without the password can use that up, and
who had it stolen is not locked out: recovery codes, which nobody guesses, are not counted by
account. A new password begins no new count: who reads somebody's mail could set one as often as
he likes, and keeping him out is what a second factor is for.

A limit is held by the commit itself, so that attempts side by side are no more attempts.
History is told of a few wrong codes a minute, as it is of wrong passwords.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from auth.errors import TooManyCodes
from storage import keys
from storage.metadata import Add, Key, Operation, Record

WRONG_A_MINUTE = 5
WRONG_A_DAY = 20
#: Of all accounts together, recovery codes among them.
WRONG_BY_ADDRESS = 30  # a minute

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
# Clocks of processes may differ by a minute, so a counter outlives its time by two.
_LONGER = 2 * _MINUTE
_PERSON = b"strongroom-codes"  # 16 bytes, the personalization of BLAKE2b
_HASH_BYTES = 20
_COUNTER = "failures"


class CodeRates:
    """Names the counters of codes.

    Args:
        secret: a secret of the installation, the same in every process.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = blake2b(secret, digest_size=32, person=_PERSON).digest()

    def watch(self, organization: str, user_id: str, network: str, now: datetime) -> "CodeWatch":
        """The counters for a code of a user from an address."""
        account = (organization, user_id)
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return CodeWatch(
            by_minute=keys.attempts(organization, now, self._hash("minute", *account)),
            by_day=keys.attempts(organization, midnight, self._hash("day", *account)),
            by_address=keys.attempts(organization, now, self._hash("address", network)),
            now=now,
        )

    def _hash(self, *parts: str) -> str:
        data = b"".join(b"%d:%b" % (len(part), part) for part in map(str.encode, parts))
        return blake2b(data, key=self._key, digest_size=_HASH_BYTES).hexdigest()


@dataclass(frozen=True, slots=True)
class CodeWatch:
    """The records that a code is judged by; a pure value."""

    by_minute: Key
    by_day: Key
    by_address: Key
    now: datetime

    def needs(self) -> tuple[Key, ...]:
        return (self.by_minute, self.by_day, self.by_address)

    def judge(self, records: Mapping[Key, Record], *, guessable: bool) -> None:
        """Return if a code may be tried. Raises TooManyCodes."""
        reached = [
            key
            for key, most in self._limits(guessable=guessable).items()
            if _count(records, key) >= most
        ]
        if reached:
            raise self.refused(day=self.by_day in reached)

    def failed(self, *, guessable: bool) -> tuple[Operation, ...]:
        """What to write for a wrong code; the commit fails where a limit is reached by now."""
        return tuple(
            self._add(key, 1, most) for key, most in self._limits(guessable=guessable).items()
        )

    def notable(self, records: Mapping[Key, Record], *, guessable: bool) -> int | None:
        """How many wrong codes there are with this one, where history is to tell of it: the first
        of a minute, of the account or from the address, and the one that fills a limit. None:
        history has told of this minute already, or will."""
        limits = self._limits(guessable=guessable)
        counts = {key: _count(records, key) + 1 for key in limits}
        first = any(counts[key] == 1 for key in limits if key != self.by_day)
        if not (first or any(counts[key] == most for key, most in limits.items())):
            return None
        return max(counts.values())

    def held(self, *, guessable: bool) -> tuple[Operation, ...]:
        """What lets a right code through only where no limit is reached by then."""
        return tuple(
            self._add(key, 0, most - 1) for key, most in self._limits(guessable=guessable).items()
        )

    def refused(self, *, day: bool = False) -> TooManyCodes:
        """The refusal, until the minute or the day is over."""
        now = self.now.astimezone(UTC)
        past = timedelta(seconds=now.second)
        if not day:
            return TooManyCodes(_MINUTE - past)
        return TooManyCodes(_DAY - timedelta(hours=now.hour, minutes=now.minute) - past)

    def _limits(self, *, guessable: bool) -> dict[Key, int]:
        limits = {self.by_address: WRONG_BY_ADDRESS}
        if guessable:
            limits |= {self.by_minute: WRONG_A_MINUTE, self.by_day: WRONG_A_DAY}
        return limits

    def _add(self, key: Key, amount: int, most: int) -> Add:
        kept = _DAY if key == self.by_day else _MINUTE
        expires = self.now + kept + _LONGER
        return Add(key, {_COUNTER: amount}, create=True, limits={_COUNTER: most}, expires=expires)


def _count(records: Mapping[Key, Record], key: Key) -> int:
    record = records.get(key)
    return 0 if record is None else int(record.value.get(_COUNTER, 0))
