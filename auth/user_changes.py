"""What can be changed about a user, who may change what of it, and what ends with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from auth.callers import epoch_of
from auth.emails import parse_email
from auth.errors import Forbidden, Missing
from auth.fields import parse_name, parse_role
from auth.key_access import require_to_last
from auth.principals import Authority, Principal, Role
from auth.records import is_id, time_text
from storage import keys
from storage.metadata import Key, Put, Record

#: Fields that a record lacks where they are None.
LACKED = frozenset({"user_name", "external_id"})


@dataclass(frozen=True, slots=True)
class UserChanges:
    """What to change about a user; None leaves a thing as it is.

    `current_password` is asked of who changes his own password or address.
    """

    email: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    role: str | None = None
    active: bool | None = None
    password: str | None = field(default=None, repr=False)
    current_password: str | None = field(default=None, repr=False)


def require_change(by: Authority, user_id: str, changes: UserChanges) -> None:
    """Return if this authority may change that about that user, as far as it goes without
    the old password. Raises Missing, Forbidden."""
    if not is_id(user_id):
        raise Missing("user")
    own = by.is_user(user_id)
    if not by.manages:
        if not own or not isinstance(by.holder, Principal):
            raise Missing("user")
        if by.holder.scopes is not None:
            raise Forbidden("A key with scopes manages nothing.")
        if any(value is not None for value in (changes.email, changes.role, changes.active)):
            raise Forbidden("Only an administrator may change an address, a role or a state.")
    # Who found a key must not be able to take over the account.
    by_key = isinstance(by.holder, Principal) and by.holder.method == "key"
    if needs_proof(by, user_id, changes) and by_key:
        raise Forbidden(
            "One's own password or address is changed with the old password, not with an API key."
        )
    opening = (changes.password, changes.email, changes.active or None)
    if changes.role == Role.ADMIN or any(value is not None for value in opening):
        require_to_last(by)


def needs_proof(by: Authority, user_id: str, changes: UserChanges) -> bool:
    """Whether this takes the old password: to whoever has the address a link is mailed that
    sets another password."""
    taking = changes.password is not None or changes.email is not None
    return taking and by.is_user(user_id)


def given_fields(changes: UserChanges) -> dict[str, Any]:
    """The fields that are to be changed, without the password. Raises InvalidField."""
    given: dict[str, Any] = {}
    if changes.email is not None:
        given["email"] = parse_email(changes.email).text
    if changes.name is not None:
        given["name"] = parse_name(changes.name)
    if changes.role is not None:
        given["role"] = parse_role(changes.role).value
    if changes.active is not None:
        given["active"] = changes.active
    return given


def changed_value(
    record: Record, given: Mapping[str, Any], now: datetime
) -> tuple[dict[str, Any], list[str]]:
    """A user's record with what is given, and the names of what differs, sorted.

    Whatever ends sign-ins raises the epoch; what outgrows an invitation ends that too.
    """
    changed = {name: value for name, value in given.items() if record.value.get(name) != value}
    value = {**record.value, **changed, "updated": time_text(now)}
    for name in LACKED & changed.keys():
        if value[name] is None:
            del value[name]
    # Another address: links that were mailed to the old one must not be good where that is
    # his again some day.
    if changed.keys() & {"password", "email"} or changed.get("active") is False:
        value["epoch"] = epoch_of(record) + 1
    if changed.keys() & {"password", "active", "email"}:
        value.pop("invited_until", None)
    return value, sorted(changed)


def own_session(by: Authority, user_id: str) -> tuple[Key, ...]:
    """The session by which a user changes himself, if it is one: it stays when others end."""
    if not by.is_user(user_id) or not isinstance(by.holder, Principal):
        return ()
    session = by.holder.session_id
    return () if session is None else (keys.portal_session(by.organization, session),)


def carried_on(session: Record, user: Mapping[str, Any]) -> Put:
    """What lets a session go on in a user's new epoch."""
    value = {**session.value, "epoch": user.get("epoch", 0)}
    return Put(session.key, value, at=session.version, expires=session.expires)
