"""The records of an API key, written and deleted together: the key, that its owner has it, and
the count of that owner's keys, which bounds them. An owner is a user or a subscriber.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from auth.credentials import ApiKeySecret
from auth.records import ApiKey, grants_value, key_count, read_owner, time_text
from auth.secret_texts import fingerprint
from storage import keys
from storage.metadata import Add, Check, ConditionFailed, Delete, Key, Operation, Put, Record
from storage.metadata.recent import Recent

#: Two records each, deleted in one commit of 100 operations together with their user.
KEYS_OF_USER_MOST = 40


def key_operations(organization: str, secret: ApiKeySecret, value: ApiKey) -> tuple[Operation, ...]:
    """What writes a new key; its owner must be there, or be written with it."""
    owner, key_id = value.user_id, value.id
    record: dict[str, Any] = {
        "id": key_id,
        "hash": fingerprint(secret).sha256,
        "user": owner,
        "name": value.name,
        "scopes": None if value.scopes is None else grants_value(value.scopes),
        "expires": None if value.expires is None else time_text(value.expires),
        "created": time_text(value.created),
        "owner": value.owner,
        "renewable": value.renewable,
    }
    if value.handed_from:
        record["handed_from"] = list(value.handed_from)
    return (
        Put(keys.api_key(organization, key_id), record, absent=True),
        Put(keys.api_key_of(organization, owner, key_id), {"user": owner}, absent=True),
        Add(
            key_count(organization, owner),
            {"keys": 1},
            create=True,
            limits={"keys": KEYS_OF_USER_MOST},
        ),
    )


def owner_of(organization: str, value: ApiKey) -> Key:
    """Where the user or subscriber lies whose key it is."""
    if value.owner == "subscriber":
        return keys.subscriber(organization, value.user_id)
    return keys.user(organization, value.user_id)


def deleting(organization: str, found: Sequence[Record]) -> tuple[Operation, ...]:
    """What deletes keys, each as it was read.

    That they were used is swept later: those records are no key's any more.
    """
    operations: list[Operation] = []
    for record in found:
        operations.append(Delete(record.key, at=record.version))
        of_owner = keys.api_key_of(organization, read_owner(record), record.key.sort)
        operations.append(Delete(of_owner))
    for owner, fewer in Counter(map(read_owner, found)).items():
        operations.append(Add(key_count(organization, owner), {"keys": -fewer}))
    return tuple(operations)


def deleting_keys_of(
    recent: Recent, organization: str, user_id: str
) -> tuple[tuple[str, ...], tuple[Operation, ...]]:
    """The ids of all keys of an owner, and what deletes exactly those in one commit, or fails.

    Raises:
        ConditionFailed: a key was made or deleted during the reading.
    """
    count = key_count(organization, user_id)
    records = {record.key: record for record in recent.query_all(count.partition)}
    counted = records.pop(count, None)
    # The count changes with every key that is made or deleted, so a key that came after
    # this reading makes the commit fail. One that came within it makes the two differ.
    if len(records) != (0 if counted is None else counted.value["keys"]):
        raise ConditionFailed({count: counted})
    operations: list[Operation] = [
        Check(count, absent=True) if counted is None else Delete(count, at=counted.version)
    ]
    for key in records:
        operations += (Delete(key), Delete(keys.api_key(organization, key.sort)))
    return tuple(key.sort for key in records), tuple(operations)
