"""How a record lies in the table: as few attributes as conditions and counters need.

`pk`, `sk`    the key
`body`        the value without its counters, JSON
`n.NAME`      a counter: an integer at the top of the value
`version`     the version
`until`       microseconds since 1970 at which the record is absent; far away for never
`expiry`      the same in whole seconds, rounded up, for DynamoDB's own sweep; NULL for never

`until` and `expiry` are always there, so that an update of a counter can set both only where
it makes the record (`if_not_exists`), and "alive" is one comparison.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from storage.metadata.operations import encode, microseconds, moment
from storage.metadata.records import Key, Record, Value

Attribute: TypeAlias = dict[str, Any]  # {"S": text}, {"N": digits} or {"NULL": True}
Item: TypeAlias = dict[str, Attribute]

COUNTER = "n."
ALIVE = "#u > :now"  # with `until` as #u; false of an item that is not there
NEVER = 10**18  # microseconds: behind the year 9999, the last that a datetime holds


def key_item(key: Key) -> Item:
    return {"pk": {"S": key.partition}, "sk": {"S": key.sort}}


def key_of(item: Mapping[str, Any]) -> Key:
    return Key(item["pk"]["S"], item["sk"]["S"])


def number(value: int) -> Attribute:
    return {"N": str(int(value))}  # int: an enumeration's text is not its digits


def is_counter(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def until(expires: datetime | None) -> Attribute:
    return number(NEVER if expires is None else microseconds(expires))


def expiry(expires: datetime | None) -> Attribute:
    if expires is None:
        return {"NULL": True}
    return number(-(-microseconds(expires) // 1_000_000))


def item_of(key: Key, value: Value, version: int, expires: datetime | None) -> Item:
    """The whole item of a record."""
    counters = {name: number(item) for name, item in value.items() if is_counter(item)}
    body = {name: item for name, item in value.items() if name not in counters}
    item = key_item(key)
    item["body"] = {"S": encode(body)}
    item["version"] = number(version)
    item["until"] = until(expires)
    item["expiry"] = expiry(expires)
    for name, digits in counters.items():
        item[COUNTER + name] = digits
    return item


def expires_at(item: Mapping[str, Any]) -> int:
    """When an item is absent, in microseconds since 1970."""
    return int(item["until"]["N"])


def record_of(item: Mapping[str, Any], key: Key | None = None) -> Record:
    """The record of a whole item; `key` where the caller has it."""
    value = json.loads(item["body"]["S"])
    for name, attribute in item.items():
        if name.startswith(COUNTER):
            value[name[len(COUNTER) :]] = int(attribute["N"])
    ends = expires_at(item)
    return Record(
        key or key_of(item),
        value,
        int(item["version"]["N"]),
        None if ends >= NEVER else moment(ends),
    )
