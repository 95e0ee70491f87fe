"""Metadata in one SQLite file: the embedded store, for one machine.

Its one decision: a commit is one `BEGIN IMMEDIATE` transaction, so that commits happen one
after the other and no conflict is ever seen; a read is one statement outside of any, which
in WAL mode waits for nobody.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zlib import crc32

from storage.metadata.connections import Connections
from storage.metadata.errors import ConditionFailed, Unavailable
from storage.metadata.operations import Operation, microseconds, moment, moment_of
from storage.metadata.records import Counted, Key, Page, Record, ScanPage
from storage.metadata.sqlite_errors import lock_trouble, translated
from storage.metadata.sqlite_file import prepare
from storage.metadata.sqlite_writes import asks, holds, writes

BUSY_SECONDS = 5.0  # that a commit waits for others, in this process and again across them
PAGE_BYTES = 1_000_000  # of bodies in a page, as DynamoDB has it

_GET = "SELECT body, version, expires FROM records WHERE partition = ? AND sort = ?"
_GET_MANY = "SELECT partition, sort, body, version, expires FROM records WHERE "
_QUERY = (
    "SELECT partition, sort, body, version, expires FROM records"
    " WHERE partition = ? AND sort > ? AND sort >= ? AND sort < ? ORDER BY sort LIMIT ?"
)
_QUERY_TO_END = _QUERY.replace(" AND sort < ?", "")
# Along the primary key, and no body leaves SQLite: 10,000 records of 500 bytes in 2.6 ms.
_COUNT = (
    "SELECT count(*), max(sort) FROM (SELECT sort FROM records"
    " WHERE partition = ? AND sort > ? AND sort >= ? AND sort < ?"
    " AND (expires IS NULL OR expires > ?) ORDER BY sort LIMIT ?)"
)
_COUNT_TO_END = _COUNT.replace(" AND sort < ?", "")
_SCAN = (
    "SELECT partition, sort, body, version, expires FROM records"
    " WHERE (partition, sort) > (?, ?) ORDER BY partition, sort"
)
_SWEEP = (
    "DELETE FROM records WHERE (partition, sort) IN"
    " (SELECT partition, sort FROM records WHERE expires <= ? ORDER BY expires LIMIT ?)"
)


def _machine_time() -> datetime:
    return datetime.now(UTC)


class SqliteEngine:
    """The engine of `sqlite:PATH`; several processes may use one file."""

    def __init__(
        self,
        path: Path,
        *,
        busy_seconds: float = BUSY_SECONDS,
        clock: Callable[[], datetime] = _machine_time,
    ) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._clock = clock
        self._connections = Connections(path, busy_seconds)

    def prepare(self) -> None:
        """Make the file and its table where they are missing; nothing stays open.

        Raises:
            UnknownStore: the file is something else, or of a newer version.
        """
        with translated(self._path):
            prepare(self._path, self._busy_seconds)

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        if len(keys) == 1:
            return self._get_one(keys[0])
        statement = _GET_MANY + " OR ".join(["(partition = ? AND sort = ?)"] * len(keys))
        arguments = [half for key in keys for half in key]
        with self._reading() as connection:
            rows = connection.execute(statement, arguments).fetchall()
        return {record.key: record for record in self._alive(rows)}

    def _get_one(self, key: Key) -> Mapping[Key, Record]:
        # The read of every download: without the context manager.
        try:
            connection = self._connections.take()
            try:
                row = connection.execute(_GET, key).fetchone()
            finally:
                self._connections.give_back(connection)
        except sqlite3.Error as error:
            with translated(self._path):
                raise error
        if row is None:
            return {}
        body, version, expires = row
        if expires is None:
            return {key: Record(key, json.loads(body), version)}
        return {record.key: record for record in self._alive([(*key, *row)])}

    def query(self, partition: str, prefix: str, after: str, limit: int) -> Page:
        end = _behind(prefix)
        arguments = [partition, after, prefix, *([] if end is None else [end]), limit + 1]
        statement = _QUERY_TO_END if end is None else _QUERY
        with (
            self._reading() as connection,
            closing(connection.execute(statement, arguments)) as found,
        ):
            rows, more = _page(found, limit)
        return Page(tuple(self._alive(rows)), rows[-1][1] if more else None)

    def count(self, partition: str, prefix: str, after: str, limit: int) -> Counted:
        end = _behind(prefix)
        now = microseconds(self._clock())
        arguments = [partition, after, prefix, *([] if end is None else [end]), now, limit]
        statement = _COUNT_TO_END if end is None else _COUNT
        with self._reading() as connection:
            number, last = connection.execute(statement, arguments).fetchone()
        return Counted(number, last if number == limit else None)

    def scan(self, segment: int, segments: int, after: str, limit: int) -> ScanPage:
        start = json.loads(after) if after else ["", ""]
        with self._reading() as connection, closing(connection.execute(_SCAN, start)) as found:
            share = (row for row in found if crc32(row[0].encode()) % segments == segment)
            page, more = _page(share, limit)
        return ScanPage(tuple(self._alive(page)), json.dumps(page[-1][:2]) if more else None)

    def transact(self, operations: Sequence[Operation], fresh: int, token: str) -> None:
        # No token is kept: what a repetition meets is the witness, which is there already.
        with self._writing() as connection:
            at = moment_of(fresh)
            failed: dict[Key, Record | None] = {}
            statements: list[tuple[str, tuple[object, ...]]] = []
            for operation in operations:
                found = _read(connection, operation.key, at) if asks(operation) else None
                if not holds(operation, found):
                    failed[operation.key] = found
                elif not failed:
                    statements.extend(writes(operation, found, fresh))
            if failed:
                raise ConditionFailed(failed)
            for statement, arguments in statements:
                connection.execute(statement, arguments)

    def sweep(self, limit: int) -> int:
        with self._writing() as connection:
            return connection.execute(_SWEEP, (microseconds(self._clock()), limit)).rowcount

    def now(self) -> datetime:
        return self._clock()

    def close(self) -> None:
        self._connections.close()
        self._connections.writing.close()

    def _alive(self, rows: Sequence[tuple[str, str, str, int, int | None]]) -> Iterator[Record]:
        now = microseconds(self._clock())
        # All bodies at once: a call for each took as long as reading the rows.
        values = json.loads(f"[{','.join(row[2] for row in rows)}]")
        for (partition, sort, _, version, expires), value in zip(rows, values, strict=True):
            if expires is None:
                yield Record(Key(partition, sort), value, version)
            elif expires > now:
                yield Record(Key(partition, sort), value, version, moment(expires))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with translated(self._path):
            connection = self._connections.take()
            try:
                yield connection
            finally:
                self._connections.give_back(connection)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection within a transaction: committed at the end, undone by any error."""
        turns = self._connections.writing
        try:
            taken = turns.take(self._busy_seconds)
        except OSError as error:
            raise lock_trouble(self._path, error) from error
        if not taken:
            raise Unavailable(f"{self._path} was busy for {self._busy_seconds} s")
        try:
            with translated(self._path):
                connection = self._connections.take()
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    yield connection
                    with translated(self._path, committing=True):
                        connection.execute("COMMIT")
                finally:
                    self._end(connection)
        finally:
            turns.give_back()

    def _end(self, connection: sqlite3.Connection) -> None:
        """Undo what is open, and give the connection back, if it is any good."""
        if connection.in_transaction:
            try:
                connection.execute("ROLLBACK")
            except sqlite3.Error:
                # Closing it undoes the transaction as well, and the first error is the news.
                self._connections.drop(connection)
                return
        self._connections.give_back(connection)


def _behind(prefix: str) -> str | None:
    """The least text greater than every text that starts with `prefix`; None: there is none.

    The order of UTF-8 is that of code points, among which surrogates have no place.
    """
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return None
    last = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if last == 0xD800 else last)


def _page(
    rows: Iterator[tuple[str, str, str, int, int | None]], limit: int
) -> tuple[list[tuple[str, str, str, int, int | None]], bool]:
    """Up to `limit` rows and 1 MB of them, and whether there are more; one row at least."""
    page: list[tuple[str, str, str, int, int | None]] = []
    size = 0
    for row in rows:
        if len(page) == limit or size >= PAGE_BYTES:
            return page, True
        page.append(row)
        size += len(row[2])
    return page, False


def _read(connection: sqlite3.Connection, key: Key, at: int) -> Record | None:
    row = connection.execute(_GET, key).fetchone()
    if row is None or (row[2] is not None and row[2] <= at):
        return None
    return Record(key, json.loads(row[0]), row[1], None if row[2] is None else moment(row[2]))
