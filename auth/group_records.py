"""What all who read and write records of groups share: is one there, and what deletes it."""

from auth.errors import Missing
from auth.group_names import naming
from auth.records import is_id
from storage import keys
from storage.metadata import Delete, Operation, Record


def require_group_id(text: str) -> None:
    """Return if a text could be the id of a group. Raises Missing."""
    if not is_id(text):
        raise Missing("group")


def found_group(record: Record | None) -> Record:
    """The record, if it is there. Raises Missing."""
    if record is None:
        raise Missing("group")
    return record


def deleting(organization: str, group: Record) -> tuple[Operation, ...]:
    """What deletes a group as it was read, with its names. A change of many members that is under
    way ends with it."""
    return (
        Delete(group.key, at=group.version),
        Delete(keys.member_change(organization, group.key.sort)),
        *naming(organization, group.key.sort, group.value, {}),
    )
