"""What is one group's alone: its name, and what a provisioning service calls it.

Each has a record of its own, which is written in the commit that writes the group's.
"""

import hashlib
import unicodedata
from collections.abc import Mapping
from typing import Any

from auth.errors import AlreadyTaken
from auth.external_ids import group_external_id_key
from storage import keys
from storage.metadata import ConditionFailed, Delete, Key, Operation, Put


def name_key(organization: str, name: str) -> Key:
    """What makes a name one group's: whatever its case, and however its accents are composed."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return keys.group_name(organization, hashlib.sha256(folded.encode()).hexdigest())


def naming(
    organization: str, group_id: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> tuple[Operation, ...]:
    """What has to be written beside a group's record where its value becomes another one; either
    may be empty, of a group that is not there."""
    before, after = _keys(organization, old), _keys(organization, new)
    return (
        *(Put(key, {"group": group_id}, absent=True) for key in after if key not in before),
        *(Delete(key) for key in before if key not in after),
    )


def taken(
    error: ConditionFailed, organization: str, new: Mapping[str, Any], group_id: str
) -> AlreadyTaken | None:
    """What of a group's value is another group's, where a commit failed for that."""
    for key, field in _keys(organization, new).items():
        found = error.found.get(key)
        if found is not None and found.value.get("group") != group_id:
            return AlreadyTaken(field)
    return None


def _keys(organization: str, value: Mapping[str, Any]) -> dict[Key, str]:
    """The records that a group of that value has, each with the field that it is for."""
    found = {}
    if value.get("name"):
        found[name_key(organization, value["name"])] = "name"
    if value.get("external_id"):
        found[group_external_id_key(organization, value["external_id"])] = "external_id"
    return found
