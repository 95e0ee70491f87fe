"""A group as SCIM shows it."""

from collections.abc import Collection
from typing import Any

from app.api.answers import time_text
from app.scim.schemas import GROUP
from app.scim.versions import version_tag
from auth.records import Group


def group_resource(group: Group, members: Collection[str] | None, base: str) -> dict[str, Any]:
    """A group as SCIM shows it; `members` are ids, None where they are not to be shown.

    Names of members are left out: to tell 10,000 of them takes as many records.
    """
    resource: dict[str, Any] = {
        "schemas": [GROUP.schema.id],
        "id": group.id,
        "displayName": group.name,
    }
    if group.external_id is not None:
        resource["externalId"] = group.external_id
    if members:
        users = f"{base}/Users/"
        resource["members"] = [
            {"value": member, "$ref": f"{users}{member}", "type": "User"} for member in members
        ]
    resource["meta"] = {
        "resourceType": GROUP.name,
        "created": time_text(group.created),
        "lastModified": time_text(group.updated),
        "location": f"{base}/Groups/{group.id}",
        "version": version_tag(group.version),
    }
    return resource
