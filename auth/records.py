"""The shapes of this layer's records (format 1), read and written in this one place.

    user          {id, email, name, role, password, active, permissions, created, updated}
    e-mail        {user}
    key           {id, hash, user, name, scopes, expires, created}
    key of user   {user}, and beside those of a user one count: {keys}
    organization  {id, name, created, administrators, quota_bytes}, and by its name {id, suspended}
    deleted one   {id, name, deleted, until, suspended, erasing, scanned, found}

`permissions` and `scopes` map ids of repositories to lists of actions; times are ISO 8601
in UTC. What cannot be read raises `CorruptRecord`: nobody is let in by a guess.
"""

import base64
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from auth.errors import CorruptRecord
from auth.principals import Action, Grants, Principal, Role
from storage import keys
from storage.metadata import Key, Record

T = TypeVar("T")

_ID_BYTES = 10  # 16 characters of base 32
_ID = re.compile(r"[a-z2-7]{16}|[0-9a-f]{32}")  # of users and organizations, and of keys
_ACTIONS = {action.value: action for action in Action}


@dataclass(frozen=True, slots=True)
class User:
    """A user as those who may read users see one. `version` changes with every change.

    The stored password is not in it, only whether there is one.
    """

    id: str
    email: str = field(repr=False)
    name: str = field(repr=False)
    role: Role
    active: bool
    has_password: bool
    permissions: Grants
    created: datetime
    updated: datetime
    version: int


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without its secret; `scopes` None means: all that its user may."""

    id: str
    user_id: str
    name: str = field(repr=False)
    scopes: Grants | None
    expires: datetime | None
    created: datetime


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization; `administrators` holds the ids of its active administrators.

    `quota_bytes` is what all its repositories may hold together, None where that is not bound.
    """

    id: str
    name: str
    created: datetime
    administrators: tuple[str, ...]
    quota_bytes: int | None
    version: int


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
            name=value["name"],
            role=Role(value["role"]),
            active=value["active"] is True,
            has_password=value["password"] is not None,
            permissions=_read_grants(value["permissions"]),
            created=datetime.fromisoformat(value["created"]),
            updated=datetime.fromisoformat(value["updated"]),
            version=record.version,
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptRecord("a user's record cannot be read") from error


def read_api_key(record: Record) -> ApiKey:
    """The key that a record holds. Raises CorruptRecord."""
    value = record.value
    try:
        return ApiKey(
            id=value["id"],
            user_id=value["user"],
            name=value["name"],
            scopes=_read_scopes(value),
            expires=_read_expiry(value),
            created=datetime.fromisoformat(value["created"]),
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
        )
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("an organization's record cannot be read") from error


def read_owner(record: Record) -> str:
    """The id of the user that an e-mail address or a key belongs to. Raises CorruptRecord."""
    user = record.value.get("user")
    if not isinstance(user, str):
        raise CorruptRecord("a record does not say whose it is")
    return user


def read_password(user: Record) -> tuple[str, str | None]:
    """The address that a user signs in with, and his stored password. Raises CorruptRecord."""
    email, password = user.value.get("email"), user.value.get("password")
    if not isinstance(email, str) or not isinstance(password, str | None):
        raise CorruptRecord("a user's record cannot be read")
    return email, password


def principal_by_password(organization: str, user: Record) -> Principal:
    """Who signs in with the password of that user. Raises CorruptRecord."""
    role, permissions = _read_rights(user)
    return Principal(organization, user.key.sort, role, permissions, "password")


def principal_by_key(organization: str, user: Record, key: Record) -> Principal:
    """Who comes with that key of that user. Raises CorruptRecord."""
    role, permissions = _read_rights(user)
    try:
        scopes, expires = _read_scopes(key.value), _read_expiry(key.value)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptRecord("a key's record cannot be read") from error
    return Principal(
        organization, user.key.sort, role, permissions, "key", key.key.sort, scopes, expires
    )


def _read_rights(user: Record) -> tuple[Role, Grants]:
    try:
        return Role(user.value["role"]), _read_grants(user.value["permissions"])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptRecord("a user's record cannot be read") from error


def _read_scopes(key: Mapping[str, Any]) -> Grants | None:
    # The name must be there: a record that lost its scopes must not become one without.
    return None if key["scopes"] is None else _read_grants(key["scopes"])


def _read_expiry(key: Mapping[str, Any]) -> datetime | None:
    return None if key["expires"] is None else datetime.fromisoformat(key["expires"])


def _read_grants(value: Mapping[str, Any]) -> Grants:
    return MappingProxyType(
        {name: frozenset(_ACTIONS[text] for text in texts) for name, texts in value.items()}
    )
