"""The records that lead to a user, each to one: by his address, his user name, his external id.

They are written in the commit of his record, and only where there is none yet: of two who want
the same, one gets it.
"""

from collections.abc import Mapping
from typing import Any

from auth.errors import AlreadyTaken
from auth.external_ids import user_external_id_key
from auth.user_names import parse_user_name, require_visible, user_name_key
from storage.metadata import ConditionFailed, Delete, Key, Operation, Put


def indexes(organization: str, user: Mapping[str, Any]) -> dict[Key, str]:
    """What leads to the user of a record's value, and by which field of it."""
    found: dict[Key, str] = {}
    for field in ("user_name", "email"):  # of two that are the same the first is told
        text = user.get(field)
        if text is not None:
            found.setdefault(user_name_key(organization, parse_user_name(text)), field)
    external_id = user.get("external_id")
    if external_id is not None:
        found[user_external_id_key(organization, external_id)] = "external_id"
    return found


def moving(
    organization: str, user_id: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> tuple[Operation, ...]:
    """What leads to a user by his new value and no longer by his old one; either is empty where
    he is made or deleted.

    Raises InvalidField: a name or an address that he did not have holds what nobody sees.
    """
    before, after = indexes(organization, old), indexes(organization, new)
    for key, field in after.items():
        if key not in before and field != "external_id":
            require_visible(new[field], field)
    coming = (Put(key, {"user": user_id}, absent=True) for key in after if key not in before)
    going = (Delete(key) for key in before if key not in after)
    return (*coming, *going)


def require_free(
    error: ConditionFailed, organization: str, user_id: str, user: Mapping[str, Any]
) -> None:
    """Return where a commit failed for other reasons than that something of the user is another's.

    Raises AlreadyTaken, naming the field.
    """
    for key, field in indexes(organization, user).items():
        found = error.found.get(key)
        if found is not None and found.value.get("user") != user_id:
            raise AlreadyTaken(field) from error
