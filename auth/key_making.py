"""The commit that makes an API key: for a user or a subscriber, new or in place of another."""

from dataclasses import dataclass
from typing import Any

from auth.credentials import ApiKeySecret
from auth.errors import ChangedMeanwhile, LimitReached, Missing
from auth.key_records import KEYS_OF_USER_MOST, key_operations, owner_of
from auth.principals import Authority
from auth.records import ApiKey, grants_value, key_count, time_text
from storage.events import Journal
from storage.metadata import Check, ConditionFailed, Operation
from storage.metadata.recent import Recent


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key and its secret, to be shown once."""

    key: ApiKey
    secret: ApiKeySecret


def committing(
    recent: Recent,
    journal: Journal,
    by: Authority,
    made: MadeKey,
    action: str,
    *others: Operation,
    **details: Any,
) -> None:
    """Write a new key, and what else is to be written with it.

    Raises:
        Missing: its owner is gone.
        LimitReached: he has 40 keys.
        ConditionFailed: one of the `others` does not hold.
    """
    org, key = by.organization, made.key
    owner, count = owner_of(org, key), key_count(org, key.user_id)
    told = {
        "subject": key.id,
        "owner": key.user_id,
        "scopes": None if key.scopes is None else grants_value(key.scopes),
        "expires": None if key.expires is None else time_text(key.expires),
        "renewable": key.renewable,
        **details,
    }
    if key.owner == "subscriber":
        told["of"] = key.owner
    event = journal.event(org, by.actor, action, **told)
    operations = key_operations(org, made.secret, key)
    try:
        recent.commit(*operations, Check(owner), *others, witness=event)
    except ConditionFailed as error:
        if owner in error.found:
            raise Missing(key.owner) from error
        if count in error.found:
            raise LimitReached(f"keys for a {key.owner}", KEYS_OF_USER_MOST) from error
        if others:
            raise
        raise ChangedMeanwhile from error
