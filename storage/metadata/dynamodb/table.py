"""How the table is made: on demand, with a sweep of what has expired."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from storage.metadata.errors import Unavailable, UnknownStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_WAITS = 120  # of half a second: a table takes some ten seconds to be made


def prepare(client: "DynamoDBClient", table: str, sleep: Callable[[float], None]) -> None:
    """Make the table where it is missing, wait until it is there, and turn on its sweep.

    Raises:
        UnknownStore: a table of that name has other keys.
        Unavailable: it was not there within a minute.
        botocore's errors: for whatever else.
    """
    if _status(client, table) is None:
        # Another process may be faster.
        with suppress(client.exceptions.ResourceInUseException):
            client.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "sk", "AttributeType": "S"},
                ],
                KeySchema=[
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
            )
    for _ in range(_WAITS):
        if _status(client, table) in ("ACTIVE", "UPDATING"):
            _turn_on_sweep(client, table)
            return
        sleep(0.5)
    raise Unavailable(f"the table {table} was not there within a minute")


def _status(client: "DynamoDBClient", table: str) -> str | None:
    try:
        found = client.describe_table(TableName=table)["Table"]
    except client.exceptions.ResourceNotFoundException:
        return None
    keys = [(part["AttributeName"], part["KeyType"]) for part in found["KeySchema"]]
    if sorted(keys) != [("pk", "HASH"), ("sk", "RANGE")]:
        raise UnknownStore(f"the table {table} is another program's: its keys are {keys}")
    return found["TableStatus"]


def _turn_on_sweep(client: "DynamoDBClient", table: str) -> None:
    if _sweeps(client, table):
        return
    try:
        client.update_time_to_live(
            TableName=table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiry"},
        )
    except ClientError:
        if not _sweeps(client, table):  # unless another process was faster
            raise


def _sweeps(client: "DynamoDBClient", table: str) -> bool:
    found = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    return found.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
