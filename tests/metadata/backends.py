"""The backends that the conformance suite runs on, and how each is opened for a test."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from storage.metadata.dynamodb import DynamoDBEngine
from storage.metadata.engine import Engine
from storage.metadata.sqlite import SqliteEngine

#: The URL of any server that speaks DynamoDB, to run the suite against.
ENDPOINT = os.environ.get("STRONGROOM_TEST_DYNAMODB_URL", "")

REAL = ["sqlite", "dynamodb-local", *(["endpoint"] if ENDPOINT else [])]
#: moto is no place for races: it was measured to lose updates of concurrent transactions.
ALL = [*REAL, "moto"]


def new_table() -> str:
    return f"strongroom-test-{uuid4().hex}"


@contextmanager
def dynamodb(url: str, table: str, read_seconds: float = 20.0) -> Iterator[DynamoDBEngine]:
    """An engine on a table, made where it is missing; the machine may be busy."""
    engine = DynamoDBEngine(
        table, region="us-east-1", endpoint=url, connections=16, read_seconds=read_seconds
    )
    try:
        engine.prepare()
        yield engine
    finally:
        engine.close()


@contextmanager
def sqlite(path: Path) -> Iterator[SqliteEngine]:
    engine = SqliteEngine(path, busy_seconds=30.0)
    try:
        engine.prepare()
        yield engine
    finally:
        engine.close()


@contextmanager
def reopened(url: str) -> Iterator[Engine]:
    """An engine as another process opens it: `sqlite:PATH`, or `TABLE at URL`."""
    if url.startswith("sqlite:"):
        with sqlite(Path(url.removeprefix("sqlite:"))) as engine:
            yield engine
    else:
        table, _, endpoint = url.partition(" at ")
        with dynamodb(endpoint, table) as remote:
            yield remote
