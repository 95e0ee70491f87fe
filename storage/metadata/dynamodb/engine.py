"""The engine of `dynamodb://TABLE`: each of its calls is one call of the service."""

import json
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from storage.metadata.dynamodb.answers import Cancelled, check_body, starting, translated
from storage.metadata.dynamodb.clock import StoreClock
from storage.metadata.dynamodb.items import (
    Item,
    expires_at,
    key_item,
    key_of,
    record_of,
)
from storage.metadata.dynamodb.queries import counting, stretch
from storage.metadata.dynamodb.table import prepare
from storage.metadata.dynamodb.writes import Action, action, may_revive, revived
from storage.metadata.errors import ConditionFailed, Conflict, Unavailable
from storage.metadata.operations import Add, Operation, microseconds, moment_of
from storage.metadata.records import Counted, Key, Page, Record, ScanPage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
CONNECTIONS = 64  # a process's threads, twice the default number
IDLE_ROUNDS = 5  # of a batch in which not one key was answered

_NOBODY = Key("_", "_")  # asked for where only the time of the answer matters


class DynamoDBEngine:
    """One table of DynamoDB, or of a server that speaks its protocol.

    Raises UnknownStore where no client can be made of the region and endpoint.
    """

    def __init__(
        self,
        table: str,
        *,
        region: str | None = None,
        endpoint: str | None = None,
        connections: int = CONNECTIONS,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = table
        self._region = region
        self._endpoint = endpoint
        self._sleep = sleep
        self._clock = StoreClock(time.monotonic, lambda: datetime.now(UTC))
        self._config = Config(
            connect_timeout=connect_seconds,
            read_timeout=read_seconds,
            max_pool_connections=connections,
            tcp_keepalive=True,
            # One call is one round trip: what to repeat, and when, is the store's to decide.
            retries={"total_max_attempts": 1, "mode": "standard"},
            parameter_validation=False,  # a third of a call's time; `operations` did it
        )
        self._asked = False
        self._made = (os.getpid(), self._connect())

    def prepare(self) -> None:
        """Make the table, and turn on its sweep of expired items, where that is missing.

        Raises:
            UnknownStore: there are no credentials; or the table is another program's.
        """
        with starting(), translated():
            prepare(self._client(), self._table, self._sleep)
            # Its answers tell the time from the start.
            self._call("describe_table", TableName=self._table)

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        if len(keys) == 1:
            answer = self._call(
                "get_item", TableName=self._table, Key=key_item(keys[0]), ConsistentRead=True
            )
            return self._alive([answer["Item"]]) if "Item" in answer else {}
        found: dict[Key, Record] = {}
        asked = {"Keys": [key_item(key) for key in keys], "ConsistentRead": True}
        idle = 0
        while asked:
            answer = self._call("batch_get_item", RequestItems={self._table: asked})
            items = answer["Responses"].get(self._table, [])
            found.update(self._alive(items))
            # An answer holds 16 MB, so several rounds are in the order of things; one that
            # brings nothing is throttled.
            asked = answer.get("UnprocessedKeys", {}).get(self._table, {})
            idle = 0 if items else idle + 1
            if asked and idle:
                if idle >= IDLE_ROUNDS:
                    raise Unavailable("DynamoDB leaves keys of a batch unprocessed")
                self._sleep(random.uniform(0, 0.05 * 2**idle))
        return found

    def query(self, partition: str, prefix: str, after: str, limit: int) -> Page:
        request = stretch(self._table, partition, prefix, after, limit)
        if request is None:
            return Page((), None)
        answer = self._call("query", **request)
        last = answer.get("LastEvaluatedKey")
        records = tuple(self._alive(answer["Items"]).values())
        return Page(records, None if last is None else key_of(last).sort)

    def count(self, partition: str, prefix: str, after: str, limit: int) -> Counted:
        request = stretch(self._table, partition, prefix, after, limit)
        if request is None:
            return Counted(0, None)
        # The store tells the dead from the living by the time that it is told: its own.
        answer = self._call("query", **counting(request, microseconds(self.now())))
        last = answer.get("LastEvaluatedKey")
        alive = answer["Count"]
        return Counted(
            alive, None if last is None else key_of(last).sort, answer["ScannedCount"] - alive
        )

    def scan(self, segment: int, segments: int, after: str, limit: int) -> ScanPage:
        start = {"ExclusiveStartKey": key_item(Key(*json.loads(after)))} if after else {}
        answer = self._call(
            "scan",
            TableName=self._table,
            Segment=segment,
            TotalSegments=segments,
            ConsistentRead=True,
            Limit=limit,
            **start,
        )
        last = answer.get("LastEvaluatedKey")
        records = tuple(self._alive(answer["Items"]).values())
        return ScanPage(records, None if last is None else json.dumps(key_of(last)))

    def transact(self, operations: Sequence[Operation], fresh: int, token: str) -> None:
        actions = [action(self._table, operation, fresh) for operation in operations]
        try:
            self._transact(actions, token)
        except Cancelled as cancelled:
            expired = _expired(cancelled, operations, fresh)
        else:
            return
        # An `Add` met an expired record that was not swept yet: a second call puts those
        # anew, with a token of its own, since a token stands for one call to the letter.
        for index, item in expired.items():
            add = operations[index]
            assert isinstance(add, Add)  # noqa: S101
            actions[index] = revived(self._table, add, fresh, item)
        second = blake2b(token.encode(), digest_size=16, person=b"revive").hexdigest()
        try:
            self._transact(actions, second)
        except Cancelled as cancelled:
            _expired(cancelled, operations, fresh)
            raise Conflict("an expired record was replaced meanwhile") from cancelled

    def sweep(self, limit: int) -> int:
        return 0  # DynamoDB deletes by the attribute `expiry`, within days

    def now(self) -> datetime:
        if not self._asked:
            # Nobody must hold the machine's time for the store's, as would a process that
            # writes, or reads the feed, before anything else.
            if not self._clock.heard:
                self.get([_NOBODY])
            self._asked = True  # once: an answer need not have a date
        return self._clock.now()

    def close(self) -> None:
        self._client().close()

    def _transact(self, actions: list[Action], token: str) -> None:
        self._call("transact_write_items", TransactItems=actions, ClientRequestToken=token)

    def _call(self, name: str, **request: Any) -> dict[str, Any]:
        sent = time.monotonic()
        with translated(writing=name == "transact_write_items"):
            answer: dict[str, Any] = getattr(self._client(), name)(**request)
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        if "date" in headers:
            self._clock.hear(headers["date"], sent, time.monotonic())
        return answer

    def _alive(self, items: Sequence[Mapping[str, Any]]) -> dict[Key, Record]:
        now = microseconds(self._clock.now())
        return {key_of(item): record_of(item) for item in items if expires_at(item) > now}

    def _client(self) -> "DynamoDBClient":
        """The process's client: its connections must not be shared with a forked one."""
        process, client = self._made
        if process != os.getpid():
            client = self._connect()
            self._made = (os.getpid(), client)
        return client

    def _connect(self) -> "DynamoDBClient":
        with starting():
            session = boto3.session.Session(region_name=self._region)
            client = session.client("dynamodb", endpoint_url=self._endpoint, config=self._config)
        client.meta.events.register("before-parse.dynamodb", check_body)
        return client


def _expired(cancelled: Cancelled, operations: Sequence[Operation], fresh: int) -> dict[int, Item]:
    """The expired items, by the index of their operation, that alone were in the way.

    Raises:
        ConditionFailed: something else was, too.
        Conflict: another transaction was on a record, whatever else failed: what was found may
            be half of what that has done.
        MetadataError: it was no condition.
    """
    if any(reason.get("Code") == "TransactionConflict" for reason in cancelled.reasons):
        raise cancelled.error() from cancelled
    now = moment_of(fresh)
    expired: dict[int, Item] = {}
    failed: dict[Key, Record | None] = {}
    for index, (operation, reason) in enumerate(zip(operations, cancelled.reasons, strict=False)):
        if reason.get("Code") != "ConditionalCheckFailed":
            continue
        item = reason.get("Item")
        if item and may_revive(operation, fresh, item):
            expired[index] = item
        else:
            failed[operation.key] = record_of(item) if item and expires_at(item) > now else None
    if failed:
        raise ConditionFailed(failed) from cancelled
    if not expired:
        raise cancelled.error() from cancelled
    return expired
