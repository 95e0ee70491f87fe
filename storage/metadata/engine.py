"""What a metadata backend must do: the native calls, each one round trip.

Retries, limits, tokens and unknown outcomes are not a backend's business: they are written
once, in `store`, over this interface. So are fault injection and metrics, as wrappers.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from storage.metadata.operations import Operation
from storage.metadata.records import Counted, Key, Page, Record, ScanPage


class Engine(Protocol):
    """One metadata backend. Every method may be called from many threads and processes.

    Each may raise `Unavailable` (throttled, away; nothing was done), `StoreFull` or
    `Corrupted`.
    """

    def prepare(self) -> None:
        """Make what is missing of the table, file or index; a repetition changes nothing.

        To be called before a process forks, or in one process: it keeps nothing open.
        """

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        """Read up to 100 distinct records, each strongly consistent; absent ones are left out."""

    def query(self, partition: str, prefix: str, after: str, limit: int) -> Page:
        """Read records of one partition whose sort keys start with `prefix` and lie behind
        `after` ("" for the start), strongly consistent, in order, at most `limit`."""

    def count(self, partition: str, prefix: str, after: str, limit: int) -> Counted:
        """Count, up to `limit`, the records that `query` would read, without their values.

        No more than `limit` are counted, so that a number that is reached tells a place in the
        order. A count may be short, even 0, with more to come: only `next` tells.
        """

    def scan(self, segment: int, segments: int, after: str, limit: int) -> ScanPage:
        """Read one of `segments` disjoint shares of everything; `after` is a page's `next`,
        opaque, or ""."""

    def transact(self, operations: Sequence[Operation], fresh: int, token: str) -> None:
        """Write all of the (already validated) operations, or nothing.

        `fresh` is the version of every record that a `Put` (other than at a version) or an
        `Add` with `create` makes anew; a `Put` at version v gives v + 1, an `Add` to a
        record that is there raises its version by 1 (`operations.version_after`). It also
        holds the moment of the attempt (`operations.moment_of`), by which records count as
        expired, so that a repetition of a call is the same call to the letter.

        A repetition with the same token within 5 minutes of a call that took effect
        succeeds again without effect, or raises `ConditionFailed` naming the operation
        that put the witness.

        Raises:
            ConditionFailed: with the records found.
            Conflict: another transaction was in the way.
            OutcomeUnknown: sent, and the answer lost; or a call with this token is under way.
            InvalidOperation: an `Add` made a record larger than a record may be.
        """

    def sweep(self, limit: int) -> int:
        """Delete up to `limit` expired records and return how many; 0 where nothing is left
        to do, or where the store does so by itself."""

    def now(self) -> datetime:
        """The store's own time, aware: the `Date` of its last answer moved on by the time
        passed since, or the machine's clock where store and process share it. No call, but
        for one where there was no answer yet."""

    def close(self) -> None:
        """Let go of connections and files."""
