"""The message that a list is answered with (RFC 7644, section 3.4.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def list_response(resources: Sequence[Mapping[str, Any]], total: int, start: int) -> dict[str, Any]:
    """A page of resources; `total` is how many there are, `start` counts from 1."""
    return {
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": list(resources),
    }
