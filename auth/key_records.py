"""The records of an API key, written and deleted together: the key, that its user has it, and
the count of that user's keys, which bounds them.
"""

from auth.credentials import ApiKeySecret
from auth.records import ApiKey, grants_value, key_count, time_text
from auth.secret_texts import fingerprint
from storage import keys
from storage.metadata import Add, Check, ConditionFailed, Delete, Operation, Put
from storage.metadata.recent import Recent

#: Two records each, deleted in one commit of 100 operations together with their user.
KEYS_OF_USER_MOST = 40


def key_operations(organization: str, secret: ApiKeySecret, value: ApiKey) -> tuple[Operation, ...]:
    """What writes a new key; its user must be there, or be written with it."""
    owner, key_id = value.user_id, value.id
    record = {
        "id": key_id,
        "hash": fingerprint(secret).sha256,
        "user": owner,
        "name": value.name,
        "scopes": None if value.scopes is None else grants_value(value.scopes),
        "expires": None if value.expires is None else time_text(value.expires),
        "created": time_text(value.created),
    }
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


def deleting_keys_of(
    recent: Recent, organization: str, user_id: str
) -> tuple[tuple[str, ...], tuple[Operation, ...]]:
    """The ids of all keys of a user, and what deletes exactly those in one commit, or fails.

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
