"""A user and a group that PATCH is tried on."""

import copy
from typing import Any

from app.scim.patch_messages import PATCH_OP, Operation, read_patch
from app.scim.patching import patch
from app.scim.schemas import ENTERPRISE, GROUP, USER

GROUP_RESOURCE = {
    "schemas": [GROUP.schema.id],
    "id": "acbf3ae7",
    "displayName": "Group A",
    "members": [
        {"value": "2819c223", "$ref": "https://example.com/v2/Users/2819c223", "display": "Babs"},
        {"value": "902c246b", "$ref": "https://example.com/v2/Users/902c246b", "display": "Mandy"},
    ],
}
BABS, MANDY = GROUP_RESOURCE["members"]
WORK = {"value": "bjensen@example.com", "type": "work", "primary": True}
HOME = {"value": "babs@jensen.org", "type": "home"}
PLAZA = {
    "type": "work",
    "streetAddress": "100 Universal City Plaza",
    "locality": "Hollywood",
    "primary": True,
}
RESOURCE = {
    "schemas": [USER.schema.id, ENTERPRISE.id],
    "id": "2819c223",
    "externalId": "701984",
    "userName": "bjensen",
    "name": {"givenName": "Barbara", "familyName": "Jensen"},
    "title": "Tour Guide",
    "active": True,
    "emails": [WORK, HOME],
    "addresses": [PLAZA],
    "groups": [{"value": "e9e30dba", "display": "Tour Guides"}],
    "meta": {"resourceType": "User", "version": 'W/"1"'},
    ENTERPRISE.id: {"department": "Sales", "manager": {"value": "26118915"}},
}


def read(*sent: dict[str, Any]) -> tuple[Operation, ...]:
    return read_patch({"schemas": [PATCH_OP], "Operations": [*sent]})


def changed_by(*sent: dict[str, Any]) -> dict[str, Any]:
    """What is otherwise after the operations; None is what is gone."""
    before = copy.deepcopy(RESOURCE)
    after = patch(RESOURCE, read(*sent), USER)
    assert before == RESOURCE
    names = [*RESOURCE, *(name for name in after if name not in RESOURCE)]
    return {name: after.get(name) for name in names if after.get(name) != RESOURCE.get(name)}
