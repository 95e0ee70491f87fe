"""Operations as DynamoDB's actions: each with its condition, none of which needs a read.

"Alive" is `until > now`, false of an item that is not there; "absent" is its contrary. Names
go in as `#…` throughout, because DynamoDB reserves hundreds of words.
"""

from typing import Any, TypeAlias

from storage.metadata.dynamodb.items import (
    ALIVE,
    COUNTER,
    Attribute,
    Item,
    expires_at,
    expiry,
    item_of,
    key_item,
    number,
    until,
)
from storage.metadata.operations import (
    Add,
    Check,
    Delete,
    Operation,
    Put,
    moment_of,
    version_after,
)

Action: TypeAlias = dict[str, dict[str, Any]]

_ABSENT = "(attribute_not_exists(pk) OR #u <= :now)"
_AT = "#v = :at AND #u > :now"


def action(table: str, operation: Operation, fresh: int) -> Action:
    """The action of an operation; the same for the same arguments, to the letter."""
    now = moment_of(fresh)
    match operation:
        case Put(key=key, value=value, expires=expires):
            item = item_of(key, value, version_after(operation, fresh), expires)
            condition = _condition(operation.absent, operation.at, now, default="")
            return {"Put": {"TableName": table, "Item": item, **condition}}
        case Delete(key=key, at=at):
            condition = _condition(False, at, now, default="")
            return {"Delete": {"TableName": table, "Key": key_item(key), **condition}}
        case Check(key=key, absent=absent, at=at):
            condition = _condition(absent, at, now, default=ALIVE)
            return {"ConditionCheck": {"TableName": table, "Key": key_item(key), **condition}}
        case Add():
            return {"Update": {"TableName": table, **_update(operation, fresh, now)}}


def revived(table: str, add: Add, fresh: int, found: Item) -> Action:
    """The action of an `Add` with `create` over the expired item found: a record anew.

    An update can't drop what the item holds beside the counters, so it is put whole, only
    over that very item.
    """
    item = item_of(add.key, add.amounts, fresh, add.expires)
    return {
        "Put": {
            "TableName": table,
            "Item": item,
            **_expression(
                "#v = :at AND #u <= :now",
                {"#v": "version", "#u": "until"},
                {":at": found["version"], ":now": number(moment_of(fresh))},
            ),
        }
    }


def may_revive(operation: Operation, fresh: int, found: Item) -> bool:
    """Whether an operation failed only because an expired item lies under its key."""
    return (
        isinstance(operation, Add)
        and operation.create
        and expires_at(found) <= moment_of(fresh)
        and all(operation.amounts[name] <= most for name, most in operation.limits.items())
    )


def _condition(absent: bool, at: int | None, now: int, *, default: str) -> dict[str, Any]:
    values = {":now": number(now)}
    if at is not None:
        names = {"#v": "version", "#u": "until"}
        return _expression(_AT, names, {**values, ":at": number(at)})
    expression = _ABSENT if absent else default
    if not expression:
        return {}
    return _expression(expression, {"#u": "until"}, values)


def _expression(
    condition: str, names: dict[str, str], values: dict[str, Attribute]
) -> dict[str, Any]:
    return {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _update(add: Add, fresh: int, now: int) -> dict[str, Any]:
    names = {"#v": "version", "#u": "until"}
    values = {":now": number(now), ":one": number(1)}
    if add.create:
        condition = "(attribute_not_exists(pk) OR #u > :now)"
        names |= {"#b": "body", "#e": "expiry"}
        values |= {
            ":before": number(fresh - 1),
            ":body": {"S": "{}"},
            ":until": until(add.expires),
            ":expiry": expiry(add.expires),
        }
        sets = [
            "#v = if_not_exists(#v, :before) + :one",
            "#b = if_not_exists(#b, :body)",
            "#u = if_not_exists(#u, :until)",
            "#e = if_not_exists(#e, :expiry)",
        ]
    else:
        condition = ALIVE
        sets = ["#v = #v + :one"]
    adds = []
    for index, (name, amount) in enumerate(add.amounts.items()):
        names[f"#c{index}"] = COUNTER + name
        values[f":c{index}"] = number(amount)
        adds.append(f"#c{index} :c{index}")  # an attribute that is not there counts as 0
        if name in add.limits:
            room = add.limits[name] - amount
            values[f":r{index}"] = number(room)
            held = f"#c{index} <= :r{index}"
            condition += (
                f" AND (attribute_not_exists(#c{index}) OR {held})" if room >= 0 else f" AND {held}"
            )
    return {
        "Key": key_item(add.key),
        "UpdateExpression": f"SET {', '.join(sets)} ADD {', '.join(adds)}",
        **_expression(condition, names, values),
    }
