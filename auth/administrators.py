"""The set of an organization's active administrators, so that it is never empty.

It lies in the organization's record. Whatever adds or takes one away puts that record at
the version that it read, so of two who take each other's rights away at once, one fails.
"""

from auth.errors import CorruptRecord, LastAdministrator, LimitReached
from auth.records import read_organization
from storage.metadata import Put, Record

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


def removing(organization: Record | None, user_id: str) -> tuple[Put, ...]:
    """What to write so that a user is not among them; nothing if he is not.

    Raises:
        LastAdministrator: nobody would be left.
    """
    record, present = _read(organization)
    if user_id not in present:
        return ()
    left = tuple(other for other in present if other != user_id)
    if not left:
        raise LastAdministrator
    return (_put(record, left),)


def _read(organization: Record | None) -> tuple[Record, tuple[str, ...]]:
    if organization is None:
        raise CorruptRecord("an organization has no record")
    return organization, read_organization(organization).administrators


def _put(record: Record, administrators: tuple[str, ...]) -> Put:
    value = {**record.value, "administrators": list(administrators)}
    return Put(record.key, value, at=record.version)
