"""The metadata store that the service uses: an engine, and the rules of `commit`.

Its one decision: whether a commit happened is told by one record, its witness, which every
attempt puts under a key of its own. So a lost answer is never guessed about.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from storage.metadata.attempts import Attempt, Committed, TokenWitness, Witness
from storage.metadata.engine import Engine
from storage.metadata.errors import (
    ClockSkewed,
    ConditionFailed,
    Conflict,
    InvalidOperation,
    MetadataError,
    OutcomeUnknown,
    Unavailable,
)
from storage.metadata.operations import (
    KEYS_PER_GET,
    SALT_BITS,
    Operation,
    Put,
    fresh_version,
    validate,
    validate_key,
    validate_part,
    version_after,
)
from storage.metadata.patience import PATIENCE, TRIES, Patience
from storage.metadata.records import Counted, Key, Page, Record, ScanPage

__all__ = ["Attempt", "Committed", "ConflictObserver", "Metadata", "Witness"]

CONFLICTS = 10  # retried, each as a new attempt
REPEATS = 10  # of an attempt whose outcome is unknown, within ATTEMPT
ATTEMPT = timedelta(seconds=30)  # readers of the feed rely on it: nothing is sent later
COUNTED_AT_ONCE = 1_000_000  # more than lie in DynamoDB's 1 MB; bounds a statement of SQLite
SKEW = timedelta(seconds=60)  # of the process's clock from the store's


class ConflictObserver(Protocol):
    """Who is told how many conflicts a commit met, where it met any."""

    def conflicts(self, count: int) -> None: ...


def _machine_time() -> datetime:
    return datetime.now(UTC)


class Metadata:
    """Sorted records and all-or-nothing writes. Safe for many threads.

    `clock` is the machine's time, which the engine's is held against; `random` makes ids and
    jitter.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], datetime] = _machine_time,
        random: random.Random = random.SystemRandom(),  # noqa: B008
        sleep: Callable[[float], None] = time.sleep,
        observer: ConflictObserver | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._random = random
        self._patience = Patience(clock, random, sleep)
        self._observer = observer
        self._lock = threading.Lock()
        self._last_fresh = 0

    def get(self, *keys: Key) -> dict[Key, Record]:
        """Read up to 100 records in one call; those that are absent are left out.

        Raises:
            InvalidOperation: over 100 keys, or one that no record can have.
            Unavailable: after bounded retries.
        """
        distinct = keys if len(keys) == 1 else tuple(dict.fromkeys(keys))
        if not distinct:
            return {}
        if len(distinct) > KEYS_PER_GET:
            raise InvalidOperation(f"a get takes at most {KEYS_PER_GET} keys")
        for key in distinct:
            validate_key(key)
        try:
            return dict(self._engine.get(distinct))
        except Unavailable as failure:
            return dict(self._patience.persist(lambda: self._engine.get(distinct), failure))

    def query(self, partition: str, prefix: str = "", after: str = "", limit: int = 1000) -> Page:
        """Read records of a partition, in order of UTF-8, from behind `after`.

        A page holds at most `limit` records and about 1 MB, and may be short, even empty,
        with more to come: only `next` tells. Raises as `get` does.
        """
        _validate_stretch(partition, prefix, after)
        if limit < 1:
            raise InvalidOperation("a query takes a limit of 1 or more")
        return self._patience.persist(lambda: self._engine.query(partition, prefix, after, limit))

    def query_all(self, partition: str, prefix: str = "", limit: int = 1000) -> Iterator[Record]:
        """Read records of a partition, in order, page by page as they are taken."""
        page = self.query(partition, prefix, "", limit)
        yield from page.records
        while page.next is not None:
            page = self.query(partition, prefix, page.next, limit)
            yield from page.records

    def count(self, partition: str, prefix: str = "", after: str = "") -> int:
        """Count the records of a partition behind `after`, without reading their values.

        One call for each started MB of records on DynamoDB, and one for each million of them on
        SQLite. A record that is written or deleted meanwhile may be counted or not. Raises as
        `get` does.
        """
        _validate_stretch(partition, prefix, after)
        number, place = 0, after
        while True:
            counted = self._counted(partition, prefix, place, COUNTED_AT_ONCE)
            number += counted.number
            if counted.next is None:
                return number
            place = counted.next

    def skip(self, partition: str, count: int, prefix: str = "") -> str | None:
        """Find the place behind the first `count` records of a partition, without their values.

        It is the `after` of a query, or of a count, of the rest: a sort key, or "" for the
        start. None says that there is no rest; a place is no promise that there is one. It
        costs calls as `count` does, for what is skipped alone. Raises as `get` does.
        """
        if count < 0:
            raise InvalidOperation("a skip takes a count of 0 or more")
        _validate_stretch(partition, prefix, "")
        left, place = count, ""
        while left:
            counted = self._counted(partition, prefix, place, min(left, COUNTED_AT_ONCE))
            left -= counted.number
            if counted.next is None:
                return None
            place = counted.next
            if left and counted.passed > counted.number:
                # Among many expired records a limit of `left` gets on by that few at a time, and
                # with a higher one nobody knew where to stop. Records that are read tell.
                page = self.query(partition, prefix, place)
                read = page.records[:left]
                left -= len(read)
                if not left:
                    return read[-1].key.sort
                if page.next is None:
                    return None
                place = page.next
        return place

    def scan(self, segment: int, segments: int, after: str = "", limit: int = 1000) -> ScanPage:
        """Read a share of everything, to be called again with the page's `next` as `after`.

        A record that is there throughout comes once; one that is written meanwhile may
        come or not. Raises as `get` does.
        """
        if limit < 1 or not 0 <= segment < segments:
            raise InvalidOperation("a scan takes a limit of 1 or more and one of its segments")
        return self._patience.persist(lambda: self._engine.scan(segment, segments, after, limit))

    def commit(self, *operations: Operation, witness: Witness | None = None) -> Committed:
        """Write all of the operations and the witness's puts, or nothing.

        Raises:
            InvalidOperation: what every backend refuses; nothing was sent.
            ConditionFailed: with the records in the way. Not retried.
            Conflict: ten times in a row.
            ClockSkewed: this machine's clock is over 60 s from the store's.
            OutcomeUnknown: the answer was lost, and after bounded repetitions the commit was
                not to be seen. It may, at worst, still come.
            Unavailable: nothing was written, after bounded retries.
            StoreFull: nothing was written.
        """
        if witness is None:
            if not operations:
                raise InvalidOperation("a commit needs an operation, or an event to record")
            witness = TokenWitness()
        conflicts = 0
        try:
            while True:
                attempt, fresh = self._attempt()
                puts = tuple(_if_absent(put) for put in witness.puts(attempt, operations, fresh))
                everything = (*operations, *puts)
                validate(everything)
                try:
                    self._carry_out(attempt, everything, fresh, puts[0].key)
                    break
                except Conflict:
                    conflicts += 1
                    if conflicts > CONFLICTS:
                        raise
                    self._patience.rest(0.02, conflicts - 1, most=1.0)
        finally:
            if conflicts and self._observer is not None:
                self._observer.conflicts(conflicts)
        puts = tuple(operation for operation in everything if isinstance(operation, Put))
        versions = {put.key: version_after(put, fresh) for put in puts}
        return Committed(attempt, conflicts, versions)

    def sweep(self, limit: int = 1000) -> int:
        """Delete up to `limit` expired records, where the engine does not do so by itself."""
        return self._patience.persist(lambda: self._engine.sweep(limit))

    def now(self) -> datetime:
        """The store's own time, without a call (but for the first). Raises as `get` does."""
        return self._patience.persist(self._engine.now)

    def agreed_time(self) -> datetime:
        """The store's own time where this machine's clock agrees: to write by, or to settle
        what was read.

        Raises:
            ClockSkewed: the clocks are over 60 s apart, and nobody knows which one is off.
            Unavailable: it is not known yet, and the store is away.
        """
        at, machine = self.now(), self._clock()
        if abs(machine - at) > SKEW:
            raise ClockSkewed(f"the clock is {(machine - at).total_seconds():.0f} s off")
        return at

    def close(self) -> None:
        """Let go of connections and files."""
        self._engine.close()

    def _counted(self, partition: str, prefix: str, after: str, limit: int) -> Counted:
        return self._patience.persist(lambda: self._engine.count(partition, prefix, after, limit))

    def _attempt(self) -> tuple[Attempt, int]:
        """A new attempt and its fresh version. Raises as `agreed_time` does."""
        at = self.agreed_time()
        with self._lock:
            # A version is a step above this process's last, also where the clock stands
            # still or goes back; the step leaves room for updates in between.
            least = self._last_fresh + (1 << SALT_BITS)
            fresh = max(fresh_version(at, self._random.getrandbits(SALT_BITS)), least)
            self._last_fresh = fresh
        return Attempt(at, f"{self._random.getrandbits(128):032x}"), fresh

    def _carry_out(
        self, attempt: Attempt, operations: Sequence[Operation], fresh: int, witness: Key
    ) -> None:
        """Send an attempt until its outcome is known.

        Once an answer was lost, nothing but success or the witness tells the outcome: even a
        conflict may be one with the earlier sending of this very attempt.
        """
        lost: OutcomeUnknown | None = None
        for tries in range(REPEATS + 1):
            if tries:
                self._patience.rest(0.05, tries - 1, most=2.0)
            age = self._engine.now() - attempt.at
            if age > ATTEMPT:
                break
            try:
                self._engine.transact(operations, fresh, attempt.id)
                return
            except ConditionFailed as error:
                if error.found.get(witness) is not None or (lost and self._is_there(witness)):
                    return
                raise
            except OutcomeUnknown as error:
                lost = error
            except MetadataError as error:
                patient = isinstance(error, Unavailable) and tries + 1 < TRIES and age <= PATIENCE
                if not lost and not patient:
                    raise
        if lost is None:
            raise Unavailable("the attempt grew too old before the store was there")
        if not self._is_there(witness):
            raise OutcomeUnknown("the commit's answer was lost, and it is not there") from lost

    def _is_there(self, witness: Key) -> bool:
        try:
            return bool(self.get(witness))
        except MetadataError as error:
            # Damage that is found only now says nothing of the commit either.
            raise OutcomeUnknown("the commit's answer was lost, and so is its witness") from error


def _if_absent(put: Put) -> Put:
    return put if put.absent else replace(put, absent=True)


def _validate_stretch(partition: str, prefix: str, after: str) -> None:
    validate_key(Key(partition, "-"))
    validate_part(prefix)
    validate_part(after)
