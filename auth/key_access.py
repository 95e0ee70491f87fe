"""Who may see, change and renew an API key: what the making and the rotating of keys share."""

from collections.abc import Mapping
from datetime import UTC, datetime

from auth.errors import CorruptRecord, Forbidden, InvalidField, Missing
from auth.principals import Authority, Principal
from auth.records import ApiKey, is_id, read_api_key
from storage import keys
from storage.metadata import Key, Record
from storage.metadata.recent import Recent


def find_key(
    recent: Recent, by: Authority, key_id: str, records: Mapping[Key, Record] | None = None
) -> Record:
    """The record of a key that this authority may see: a user his own, an administrator all,
    a key with scopes itself alone.

    Args:
        recent: where it is read afresh.
        by: on whose authority.
        key_id: which key.
        records: those that were read afresh already, in place of a read.

    Raises:
        Missing.
    """
    if not is_id(key_id) or by.scoped_key not in (None, key_id):
        raise Missing("key")
    key = keys.api_key(by.organization, key_id)
    record = (recent.get(key) if records is None else records).get(key)
    if record is None or not (by.manages or is_own(by, read_api_key(record))):
        raise Missing("key")
    return record


def is_own(by: Authority, key: ApiKey) -> bool:
    """Whether a key is of the user who asks. A subscriber's key is nobody's but the
    administrators': he has no way in but to files."""
    return key.owner == "user" and by.is_user(key.user_id)


def require_unscoped(by: Authority) -> None:
    """Raises Forbidden."""
    if isinstance(by.holder, Principal) and by.holder.scopes is not None:
        raise Forbidden("A key with scopes manages nothing.")


def latest_end(by: Authority) -> datetime | None:
    """When whatever secret this authority makes has to end: with the key that it is asked
    for with, so that who found that one cannot keep himself in. None for a person, who came
    with a password or a session, and for a key that does not end.
    """
    holder = by.holder
    return holder.expires if isinstance(holder, Principal) and holder.method == "key" else None


def require_no_later(by: Authority, expires: datetime | None) -> None:
    """Return if a new secret may end then. Raises InvalidField."""
    latest = latest_end(by)
    if latest is not None and (expires is None or expires > latest):
        raise InvalidField("expires", "must be no later than that of the key in use")


def require_lasting(by: Authority, field: str) -> None:
    """Return if this authority may let other keys outlive their end. Raises InvalidField."""
    if latest_end(by) is not None:
        raise InvalidField(field, "is not set with a key that ends itself")


def require_to_last(by: Authority) -> None:
    """Return if this authority may do what opens a way in that would outlast the credential:
    who found a key that ends must not keep himself in. Raises Forbidden."""
    if latest_end(by) is not None:
        raise Forbidden(
            "This would outlast the key that it is asked for with: use a password, a session or"
            " a key that does not end."
        )


def last_use(use: Record | None) -> datetime | None:
    """The hour in which a key was used last, where that was noted. Raises CorruptRecord."""
    try:
        return None if use is None else datetime.fromisoformat(use.value["hour"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("the record of a key's use cannot be read") from error
