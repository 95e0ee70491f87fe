"""How a user leaves: what he had goes to a successor where one is named, then his record goes.

The rest of his records go behind it; but an organization is never without an administrator, so
that is decided here, in the same commit.
"""

from functools import partial

from app.privacy.families import HANDED_OVER
from app.privacy.person import Person
from auth import administrators
from auth.decisions import decided
from auth.errors import CorruptRecord, LastAdministrator, Missing
from auth.hand_over import HandOvers
from auth.principals import Authority, Role
from auth.records import is_id, read_organization, time_text
from storage import keys
from storage.events import Journal
from storage.metadata import Delete, Key, Operation, Put, Record
from storage.metadata.recent import Recent


def hand_over(
    recent: Recent, journal: Journal, by: Authority, person: Person, successor: str
) -> None:
    """Give a user's keys to another, so that builds go on; they lose their names on the way.

    Raises:
        Missing: no such active successor.
        What `HandOvers` raises. It may be called again.
    """
    deleting_user(recent, person, successor)  # which tells whether he can be one
    for key_id in person.keys:
        decided(partial(_rename, recent, keys.api_key(person.organization, key_id)))
    HandOvers(recent, journal).hand_over(by, person.id, successor)


def deleting_user(recent: Recent, person: Person, successor: str | None) -> tuple[Operation, ...]:
    """The operations that delete a user, by what is read now.

    Raises:
        LastAdministrator: he is the last active one, and no successor is named.
        Missing: no such active successor.
    """
    user = keys.user(person.organization, person.id)
    organization = keys.organization(person.organization)
    heir = None if successor is None else _heir_key(person, successor)
    records = recent.get(user, organization, *(() if heir is None else (heir,)))
    if organization not in records:
        raise CorruptRecord("an organization has no record")
    if user not in records:
        return ()
    operations: list[Operation] = [Delete(user, at=records[user].version)]
    present = read_organization(records[organization]).administrators
    left = tuple(one for one in present if one != person.id)
    if heir is not None:
        if heir not in records or records[heir].value.get("active") is not True:
            raise Missing("active user to be the successor")
        if not left:
            left = (heir.sort,)
            operations.append(_made_administrator(recent, records[heir]))
    if not left:
        raise LastAdministrator
    record = records[organization]
    value = administrators.left_by(record, left, person.id)
    if value != record.value:
        operations.append(Put(organization, value, at=record.version))
    return tuple(operations)


def _heir_key(person: Person, successor: str) -> Key:
    if not is_id(successor) or successor == person.id:
        raise Missing("user to be the successor")
    return keys.user(person.organization, successor)


def _made_administrator(recent: Recent, heir: Record) -> Put:
    now = time_text(recent.metadata.now())
    value = {**heir.value, "role": Role.ADMIN.value, "updated": now}
    return Put(heir.key, value, at=heir.version)


def _rename(recent: Recent, key: Key) -> None:
    record = recent.get(key).get(key)
    if record is not None and record.value["name"] != HANDED_OVER:
        recent.commit(Put(key, {**record.value, "name": HANDED_OVER}, at=record.version))
