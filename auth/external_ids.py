"""What a provisioning service calls users and groups: exactly as it gave it, because it is that
service's own, and no two forms or cases of it are made equal (`caseExact`, RFC 7643, section 3.1).

An id is unique among users, and among groups.
"""

import unicodedata
from hashlib import blake2b

from auth.errors import InvalidField
from storage import keys
from storage.metadata import Key

BYTES_MOST = 1_024  # a distinguished name of a directory has some hundreds
_HASH_BYTES = 20


def parse_external_id(text: str) -> str:
    """What another service calls a user or a group, as it was given.

    Raises:
        InvalidField: nothing or over 1,024 bytes, or a control character or a surrogate.
    """
    bounds = f"must have 1 to {BYTES_MOST} bytes"
    if not 1 <= len(text) <= BYTES_MOST:
        raise InvalidField("external_id", bounds)
    # UTF-8 cannot hold a surrogate.
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise InvalidField("external_id", "must hold no control characters or surrogates")
    if len(text.encode()) > BYTES_MOST:
        raise InvalidField("external_id", bounds)
    return text


def user_external_id_key(organization: str, external_id: str) -> Key:
    """Where the id of the user lies that another service calls so."""
    return keys.user_external_id(organization, _hashed(organization, external_id))


def group_external_id_key(organization: str, external_id: str) -> Key:
    """Where the id of the group lies that another service calls so."""
    return keys.group_external_id(organization, _hashed(organization, external_id))


def _hashed(organization: str, external_id: str) -> str:
    """A hash, so that no event that names the key names a person."""
    text = f"{organization}\0external id\0{external_id}"
    return blake2b(text.encode(), digest_size=_HASH_BYTES).hexdigest()
