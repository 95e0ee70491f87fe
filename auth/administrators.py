"""The set of an organization's active administrators, so that it is never empty.

It lies in the organization's record. Whatever adds or takes one away puts that record at
the version that it read, so of two who take each other's rights away at once, one fails.

The first of them is whoever has been one for the longest. He stays that while he is disabled, when
the set does not hold him: the record then names him.
"""

from typing import Any

from auth.errors import CorruptRecord, LastAdministrator, LimitReached
from auth.records import read_organization
from storage.metadata import Put, Record

_FIRST = "first_administrator"
MOST = 500  # ids of 16 characters, read with every change among them


def adding(organization: Record | None, user_id: str) -> tuple[Put, ...]:
    """What to write so that a user is among them; nothing if he is.

    Raises:
        LimitReached: there are 500.
    """
    record, present = _read(organization)
    if user_id in present:
        return ()
    if len(present) >= MOST:
        raise LimitReached("administrators", MOST)
    return (_put(record, (*present, user_id)),)


def removing(
    organization: Record | None, user_id: str, *, disabled: bool = False
) -> tuple[Put, ...]:
    """What to write so that a user is not among them; nothing if he is not. He who is only
    `disabled` may be the first one still.

    Raises:
        LastAdministrator: nobody would be left.
    """
    record, present = _read(organization)
    left = tuple(other for other in present if other != user_id)
    if left != present and not left:
        raise LastAdministrator
    value = left_by(record, left, user_id)
    if disabled and first_of(record) == user_id:
        value[_FIRST] = user_id
    return () if value == record.value else (Put(record.key, value, at=record.version),)


def left_by(organization: Record, left: tuple[str, ...], user_id: str) -> dict[str, Any]:
    """The record's value where a user has left, and these are the administrators: if he was the
    first, the next one is."""
    value = {**organization.value, "administrators": list(left)}
    if value.get(_FIRST) == user_id:
        del value[_FIRST]
    return value


def first_of(organization: Record | None) -> str | None:
    """The id of the first administrator, None where there is none. Raises CorruptRecord."""
    record, present = _read(organization)
    first: str | None = record.value.get(_FIRST, present[0] if present else None)
    return first


def _read(organization: Record | None) -> tuple[Record, tuple[str, ...]]:
    if organization is None:
        raise CorruptRecord("an organization has no record")
    return organization, read_organization(organization).administrators


def _put(record: Record, administrators: tuple[str, ...]) -> Put:
    value = {**record.value, "administrators": list(administrators)}
    return Put(record.key, value, at=record.version)
