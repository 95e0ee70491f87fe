"""Who reads what an organization distributes, from outside it: subscribers and their groups.

A subscriber is no user: he has no password, no role and no way into the API. He reads the
repositories that his groups tie him to, with access keys, which are API keys whose record says
that their owner is a subscriber.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from auth.errors import CorruptRecord
from auth.principals import Grants
from auth.records import read_expiry, read_grants, time_text
from storage.metadata import Put, Record

#: All are read with each of a subscriber's requests.
GROUPS_MOST = 50


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A subscriber; his name and his contact, an e-mail address or nothing, are personal."""

    id: str
    name: str = field(repr=False)
    contact: str | None = field(repr=False)
    active: bool
    groups: tuple[str, ...]
    expires: datetime | None
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class SubscriberGroup:
    """A subscriber group: what all who are in it may read, by ids and patterns."""

    id: str
    name: str = field(repr=False)
    permissions: Grants
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class SubscriberChanges:
    """What to change about a subscriber; None leaves a thing as it is.

    An empty `contact` takes it away, and `endless` the end of the subscription.
    """

    name: str | None = field(default=None, repr=False)
    contact: str | None = field(default=None, repr=False)
    active: bool | None = None
    groups: Sequence[str] | None = None
    expires: datetime | None = None
    endless: bool = False


def read_subscriber(record: Record) -> Subscriber:
    """The subscriber that a record holds. Raises CorruptRecord."""
    value = record.value
    try:
        return Subscriber(
            id=value["id"],
            name=value["name"],
            contact=value["contact"],
            active=value["active"] is True,
            groups=groups_of(record),
            expires=read_expiry(value),
            created=datetime.fromisoformat(value["created"]),
            updated=datetime.fromisoformat(value["updated"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("a subscriber's record cannot be read") from error


def read_subscriber_group(record: Record) -> SubscriberGroup:
    """The group that a record holds. Raises CorruptRecord."""
    value = record.value
    try:
        return SubscriberGroup(
            id=value["id"],
            name=value["name"],
            permissions=read_grants(value["permissions"]),
            created=datetime.fromisoformat(value["created"]),
            updated=datetime.fromisoformat(value["updated"]),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptRecord("a subscriber group's record cannot be read") from error


def groups_of(subscriber: Record) -> tuple[str, ...]:
    """The ids of the groups that a subscriber's record names. Raises CorruptRecord."""
    groups = subscriber.value.get("groups")
    if not isinstance(groups, list):
        raise CorruptRecord("a subscriber's record cannot be read")
    return tuple(map(str, groups))


def written(subscriber: Record, given: Mapping[str, Any], now: datetime) -> Put:
    """What writes a subscriber with other fields, over what was read."""
    value = {**subscriber.value, **given, "updated": time_text(now)}
    return Put(subscriber.key, value, at=subscriber.version)
