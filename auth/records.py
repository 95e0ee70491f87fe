"""The shapes of this layer's records (format 1), read and written in this one place.

    user          {id, email, user_name, name, role, password, active, permissions, created,
                  updated, groups, epoch, second_factor, invited_until, external_id}
    profile       {attributes}
    e-mail        {user}, and so by a user name, and by an external id
    group         {id, name, permissions, created, updated, external_id, revision, decided, undone},
                  and by its name, and by an external id {group}
    member        {user, joins, leaves}
    member change {id, number, state, since}
    key           {id, hash, user, name, scopes, expires, created, owner, renewable, successor,
                  succeeded_by_itself, handed_from}
    key of user   {user}, and beside those of a user one count: {keys}
    use of a key  {hour}
    SCIM token    {id, hash, name, expires, created, successor, administrators}, and one count:
                  {tokens}
    subscriber    {id, name, contact, active, groups, expires, created, updated}
    subscriber group  {id, name, permissions, created, updated}
    session       {id, hash, user, epoch, created, expires, second_factor, kind}
    organization  {id, name, created, administrators, first_administrator, quota_bytes,
                  audit_days}, and by its name {id, suspended, second_factor}
    deleted one   {id, name, deleted, until, suspended, erasing, scanned, found}

`permissions` and `scopes` map ids of repositories, or patterns of their names, to lists of
actions; `owner` of a key is `user` (as where it is missing) or `subscriber`; what a user's `groups`
and a member's `joins` and `leaves` hold is said in `auth/membership_entries.py`; times are ISO 8601
in UTC. What cannot be read raises `CorruptRecord`: nobody is let in by a guess.
"""

import base64
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

from auth.errors import CorruptRecord
from auth.principals import Action, Grants, Role
from storage import keys
from storage.metadata import Key, Record

T = TypeVar("T")

_ID_BYTES = 10  # 16 characters of base 32
_ID = re.compile(r"[a-z2-7]{16}|[0-9a-f]{32}")  # of users and organizations, and of keys
_ACTIONS = {action.value: action for action in Action}


@dataclass(frozen=True, slots=True)
class User:
    """A user as those who may read users see one. `version` changes with every change.

    `email` is None for an account without an address. `user_name` is what a provisioning service
    calls him, and his address where it calls him nothing else; he signs in by either.
    `external_id` is its own id of him. The stored password is not in it, only whether there is one.
    `groups` is what his record says of groups: which of them he is in, `Groups.those` tells.
    """

    id: str
    email: str | None = field(repr=False)
    user_name: str = field(repr=False)
    name: str = field(repr=False)
    role: Role
    active: bool
    has_password: bool
    permissions: Grants
    created: datetime
    updated: datetime
    version: int
    groups: tuple[str, ...] = ()
    second_factor: bool = False
    invited_until: datetime | None = None
    external_id: str | None = field(default=None, repr=False)

    @property
    def called(self) -> str:
        """What tells him from others: his address, or the user name where he has none."""
        return self.user_name if self.email is None else self.email


@dataclass(frozen=True, slots=True)
class Group:
    """A group of users; `external_id` is what a provisioning service calls it, if one does."""

    id: str
    name: str = field(repr=False)
    permissions: Grants
    created: datetime
    updated: datetime
    version: int
    external_id: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without its secret; `scopes` None means: all that its user may.

    `user_id` is that of a subscriber where its `owner` is one. Of a `renewable` key the
    successors that it makes of itself may outlive it. `last_used` is an hour, None where that
    was never noted, or was not asked for. `handed_from` are the ids of those who had it before.
    """

    id: str
    user_id: str
    name: str = field(repr=False)
    scopes: Grants | None
    expires: datetime | None
    created: datetime
    owner: Literal["user", "subscriber"] = "user"
    renewable: bool = False
    successor: str | None = None
    last_used: datetime | None = None
    handed_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization; `administrators` holds the ids of its active administrators.

    `quota_bytes` is what all its repositories may hold together, None where that is not bound;
    `audit_days` for how long its events are kept, None for ever.
    """

    id: str
    name: str
    created: datetime
    administrators: tuple[str, ...]
    quota_bytes: int | None
    version: int
    audit_days: int | None = None


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A run of things in the order of their ids; `next` goes on after it, None at the end."""

    items: tuple[T, ...]
    next: str | None


def is_id(text: str) -> bool:
    """Whether a text from outside could be an id, and so half of a key."""
    return _ID.fullmatch(text) is not None


def key_count(organization: str, user_id: str) -> Key:
    """Where the number of a user's keys is counted; no id of a key looks like that."""
    return keys.api_key_of(organization, user_id, "count")


def new_id() -> str:
    """A random id: 16 characters of `a-z2-7` (80 bits), never used again."""
    return base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode().lower()


def time_text(moment: datetime) -> str:
    """A moment as values hold it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def grants_value(grants: Mapping[str, Collection[Action]]) -> dict[str, list[str]]:
    """Grants as values hold them, in one order."""
    return {name: sorted(action.value for action in grants[name]) for name in sorted(grants)}


def read_user(record: Record) -> User:
    """The user that a record holds. Raises CorruptRecord."""
    value = record.value
    try:
        return User(
            id=value["id"],
            email=value["email"],
            user_name=read_names(record)[-1],
            name=value["name"],
            role=Role(value["role"]),
            active=value["active"] is True,
            has_password=value["password"] is not None,
            permissions=read_grants(value["permissions"]),
            created=datetime.fromisoformat(value["created"]),
            updated=datetime.fromisoformat(value["updated"]),
            version=record.version,
            # There were none of these at first, and who has none may lack them still.
            groups=tuple(value.get("groups", ())),
            second_factor=value.get("second_factor", False) is not False,
            invited_until=_read_moment(value.get("invited_until")),
            external_id=value.get("external_id"),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptRecord("a user's record cannot be read") from error


def _read_moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def read_group(record: Record) -> Group:
    """The group that a record holds. Raises CorruptRecord."""
    value = record.value
    try:
        return Group(
            id=value["id"],
            name=value["name"],
            permissions=read_grants(value["permissions"]),
            created=datetime.fromisoformat(value["created"]),
            updated=datetime.fromisoformat(value["updated"]),
            version=record.version,
            external_id=value.get("external_id"),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptRecord("a group's record cannot be read") from error


def read_api_key(record: Record) -> ApiKey:
    """The key that a record holds. Raises CorruptRecord."""
    value = record.value
    try:
        return ApiKey(
            id=value["id"],
            user_id=value["user"],
            name=value["name"],
            scopes=read_scopes(value),
            expires=read_expiry(value),
            created=datetime.fromisoformat(value["created"]),
            # None of these were there at first.
            owner="subscriber" if value.get("owner") == "subscriber" else "user",
            renewable=value.get("renewable", False) is True,
            successor=value.get("successor"),
            handed_from=tuple(value.get("handed_from", ())),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptRecord("a key's record cannot be read") from error


def read_organization(record: Record) -> Organization:
    """The organization that a record holds. Raises CorruptRecord."""
    value = record.value
    try:
        return Organization(
            id=value["id"],
            name=value["name"],
            created=datetime.fromisoformat(value["created"]),
            administrators=tuple(value["administrators"]),
            quota_bytes=value.get("quota_bytes"),  # one that never had any does not say
            version=record.version,
            audit_days=value.get("audit_days"),  # the same
        )
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("an organization's record cannot be read") from error


def read_owner(record: Record) -> str:
    """The id of the user that an e-mail address or a key belongs to. Raises CorruptRecord."""
    user = record.value.get("user")
    if not isinstance(user, str):
        raise CorruptRecord("a record does not say whose it is")
    return user


def read_names(user: Record) -> tuple[str, ...]:
    """By what a user signs in, one at least: his address before his user name. Raises
    CorruptRecord."""
    given = (user.value.get("email"), user.value.get("user_name"))
    names = tuple(one for one in given if isinstance(one, str))
    if not names or not all(isinstance(one, str | None) for one in given):
        raise CorruptRecord("a user's record cannot be read")
    return names


def read_password(user: Record) -> str | None:
    """The stored password of a user, if he has one. Raises CorruptRecord."""
    password = user.value.get("password")
    if not isinstance(password, str | None):
        raise CorruptRecord("a user's record cannot be read")
    return password


def read_scopes(key: Mapping[str, Any]) -> Grants | None:
    """The scopes of a key's value. Raises KeyError and its kin."""
    # The name must be there: a record that lost its scopes must not become one without.
    return None if key["scopes"] is None else read_grants(key["scopes"])


def read_expiry(key: Mapping[str, Any]) -> datetime | None:
    """When a credential's value says that it ends. Raises KeyError and its kin."""
    return None if key["expires"] is None else datetime.fromisoformat(key["expires"])


def read_grants(value: Mapping[str, Any]) -> Grants:
    """Grants as values hold them. Raises KeyError and its kin."""
    return MappingProxyType(
        {name: frozenset(_ACTIONS[text] for text in texts) for name, texts in value.items()}
    )
