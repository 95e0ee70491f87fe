"""What a provisioning service says of a user that his record has no place for: an opaque JSON
object, written in the commit of his record, so that his version is that of both.
"""

import json
from collections.abc import Mapping
from typing import Any

from auth.errors import CorruptRecord, InvalidField
from storage import keys
from storage.metadata import Put, Record

BYTES_MOST = 65_536  # of the JSON, in UTF-8
#: Objects and lists within each other; SCIM has no more than four (RFC 7643, section 2.3.8).
DEPTH_MOST = 10
_FIELD = "attributes"


def parse_attributes(given: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as a profile holds them: a copy, of what JSON has.

    Raises:
        InvalidField: no JSON, text that UTF-8 has no form for, over 64 KiB, or over 10 deep.
    """
    if not _is_within(given, DEPTH_MOST):
        raise InvalidField(_FIELD, f"may be {DEPTH_MOST} deep at most")
    try:
        text = json.dumps(dict(given), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError) as error:
        raise InvalidField(_FIELD, "must be JSON") from error
    if size > BYTES_MOST:
        raise InvalidField(_FIELD, f"must have at most {BYTES_MOST} bytes")
    copied: dict[str, Any] = json.loads(text)
    return copied


def read_attributes(profile: Record | None) -> Mapping[str, Any] | None:
    """The attributes in a profile, None where there is none. Raises CorruptRecord."""
    if profile is None:
        return None
    attributes = profile.value.get("attributes")
    if not isinstance(attributes, dict):
        raise CorruptRecord("a user's profile cannot be read")
    return attributes


def writing_profile(
    organization: str, user_id: str, profile: Record | None, attributes: Mapping[str, Any]
) -> Put:
    """What writes a profile over the one that was read, or where there was none."""
    key, value = keys.profile(organization, user_id), {"attributes": dict(attributes)}
    if profile is None:
        return Put(key, value, absent=True)
    return Put(key, value, at=profile.version)


def _is_within(value: Any, depth: int) -> bool:
    if isinstance(value, Mapping):
        return depth > 0 and all(_is_within(one, depth - 1) for one in value.values())
    if isinstance(value, list | tuple):
        return depth > 0 and all(_is_within(one, depth - 1) for one in value)
    return True
