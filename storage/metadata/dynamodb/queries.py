"""What is asked of one partition: a stretch of it, and of that how many items are alive."""

from typing import Any

from storage.metadata.dynamodb.items import ALIVE, key_item, number
from storage.metadata.records import Key


def stretch(
    table: str, partition: str, prefix: str, after: str, limit: int
) -> dict[str, Any] | None:
    """The request for up to `limit` items whose sort keys start with `prefix` and lie behind
    `after`, or None where there can be none."""
    condition = "pk = :p"
    values = {":p": {"S": partition}}
    if prefix:
        condition += " AND begins_with(sk, :s)"
        values[":s"] = {"S": prefix}
    request: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
        "Limit": limit,
    }
    # A start must lie among the keys asked for, or DynamoDB refuses it. The order of
    # text in Python is that of code points, and so that of UTF-8.
    if after.startswith(prefix) and after:
        request["ExclusiveStartKey"] = key_item(Key(partition, after))
    elif after > prefix:
        return None
    return request


def counting(request: dict[str, Any], now: int) -> dict[str, Any]:
    """The same request for the number of those alive at `now` alone.

    Expired items count towards the limit, and towards `ScannedCount`.
    """
    return {
        **request,
        "Select": "COUNT",
        "FilterExpression": ALIVE,
        "ExpressionAttributeNames": {"#u": "until"},
        "ExpressionAttributeValues": {
            **request["ExpressionAttributeValues"],
            ":now": number(now),
        },
    }
