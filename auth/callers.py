"""From records to who calls: the one place where a record becomes a principal.

A user's grants are his own and those of his groups. A claim reads the groups that he was in
when it was last decided together with everything else it rests on, and those that he came
into since by one more read; a group that is gone grants nothing, and nobody looks again for one
that was seen before. Whether he is in a group may hang on a change of many members, which the
group's record tells of: so that is read with all that his record names
(`auth/membership_entries.py`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from auth.errors import CorruptRecord
from auth.membership_entries import Entry, entries_of
from auth.principals import Principal, Rights, Role
from auth.records import read_expiry, read_grants, read_owner, read_scopes
from storage import keys
from storage.metadata import Key, Record

#: Reads records that nobody remembered, in one `get`.
Read: TypeAlias = Callable[..., Mapping[Key, Record]]


def groups_among(
    organization: str,
    owner: Record,
    records: Mapping[Key, Record],
    read: Read,
    gone: Collection[Key] = (),
) -> tuple[Record, ...]:
    """The records of all groups that an owner's record names, whatever that hangs on: those at
    hand, and others by one read, but for those that are `gone`."""
    wanted = _named(organization, owner)
    missing = [key for key in wanted if key not in records and key not in gone]
    found = {**records, **read(*missing)} if missing else records
    return tuple(found[key] for key in wanted if key in found)


def principal_by_password(organization: str, user: Record, groups: Sequence[Record]) -> Principal:
    """Who signs in with the password of that user. Raises CorruptRecord."""
    return _principal(organization, user, groups)


def principal_by_session(
    organization: str, user: Record, session: Record, groups: Sequence[Record]
) -> Principal:
    """Who comes with that session of that user. Raises CorruptRecord."""
    try:
        expires = datetime.fromisoformat(session.value["expires"])
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("a session's record cannot be read") from error
    principal = _principal(organization, user, groups)
    return replace(principal, method="session", session_id=session.key.sort, expires=expires)


def principal_by_key(
    organization: str, user: Record, key: Record, groups: Sequence[Record]
) -> Principal:
    """Who comes with that key of that user or subscriber. Raises CorruptRecord."""
    try:
        scopes, expires = read_scopes(key.value), read_expiry(key.value)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptRecord("a key's record cannot be read") from error
    if is_subscriber(user.key):  # whose keys end with him
        expires = _earlier(expires, user)
    principal = _principal(organization, user, groups)
    return replace(
        principal,
        method="key",
        key_id=key.key.sort,
        scopes=None if scopes is None else Rights.of(scopes),
        expires=expires,
    )


def _earlier(expires: datetime | None, subscriber: Record) -> datetime | None:
    """When a key ends, or its subscriber before it. Raises CorruptRecord."""
    try:
        ends = read_expiry(subscriber.value)
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("a subscriber's record cannot be read") from error
    return min((one for one in (expires, ends) if one is not None), default=None)


def principal_by_token(organization: str, token: Record) -> Principal:
    """The provisioning service that comes with that SCIM token. Raises CorruptRecord."""
    try:
        expires = read_expiry(token.value)
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("a token's record cannot be read") from error
    # History names the token where a person would stand: there is none.
    name = token.key.sort
    return Principal(
        organization,
        name,
        Role.READER,
        Rights(),
        "key",
        name,
        expires=expires,
        kind="scim",
        raises=token.value.get("administrators", False) is True,
    )


def owner_key(organization: str, key: Record) -> Key:
    """Where the user or subscriber lies that a key belongs to. Raises CorruptRecord."""
    owner = read_owner(key)
    if key.value.get("owner", "user") == "subscriber":
        return keys.subscriber(organization, owner)
    return keys.user(organization, owner)


def is_subscriber(owner: Key) -> bool:
    """Whether the record of an owner lies among the subscribers."""
    return owner.partition.endswith("#subscribers")


def group_keys(organization: str, owner: Record) -> tuple[Key, ...]:
    """The groups that a user or subscriber is in, unless they are gone. Raises CorruptRecord.

    Without those that hang on a change: one that is being made with its members is not there yet,
    and nobody must take it for gone.
    """
    named = _named(organization, owner)
    return tuple(key for key, entry in named.items() if entry.change is None)


def _named(organization: str, owner: Record) -> dict[Key, Entry]:
    place = keys.subscriber_group if is_subscriber(owner.key) else keys.group
    return {place(organization, group): entry for group, entry in entries_of(owner).items()}


def epoch_of(user: Record) -> int:
    """Of which age a user's sessions have to be: what ends all of them raises it."""
    epoch = user.value.get("epoch", 0)
    if not isinstance(epoch, int):
        raise CorruptRecord("a user's record cannot be read")
    return epoch


def is_over(session: Record, user: Record) -> bool:
    """Whether a session was ended with all of its user's, by records that were read together."""
    return bool(session.value.get("epoch") != epoch_of(user))


def session_and_user(read: Read, session: Key, user: Key, *others: Key) -> Mapping[Key, Record]:
    """These records, read once more where the session seems to be over: one commit changes the
    epochs of both, and a read of several records may see half of it."""
    records = read(session, user, *others)
    if session in records and user in records and is_over(records[session], records[user]):
        records = read(session, user, *others)
    return records


def _principal(organization: str, owner: Record, groups: Sequence[Record]) -> Principal:
    """Whoever an owner's record describes, for the credential to be added."""
    subscribes, value = is_subscriber(owner.key), owner.value
    named = _named(organization, owner)
    groups = [
        group for group in groups if group.key in named and named[group.key].holds(group.value)
    ]
    try:
        granted = [read_grants(group.value["permissions"]) for group in groups]
        if not subscribes:
            granted.append(read_grants(value["permissions"]))
        return Principal(
            organization,
            owner.key.sort,
            Role.READER if subscribes else Role(value["role"]),
            Rights.of(*granted),
            "password",
            kind="subscriber" if subscribes else "member",
            groups=tuple(group.key.sort for group in groups),
            second_factor=value.get("second_factor", False) is not False,
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptRecord("a user's record cannot be read") from error
