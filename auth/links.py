"""The links in mails: a token that stands for a user, once and for a time.

The token is a random UUID; the store holds its SHA-256 alone, and what it was made for: the
address and the epoch that its user had. A user who changed either since, whose newest link it is
not, or who is disabled, has outgrown it.

    reset     {user, kind, email_hash, epoch, until}, by its token's hash
    reset of  {hash}, by its user: the token that holds
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from auth.callers import epoch_of
from auth.emails import EmailAddress, email_key, parse_email
from auth.errors import CorruptRecord, LinkEnded
from auth.records import time_text
from storage import keys
from storage.metadata import Delete, Operation, Put, Record

Kind: TypeAlias = Literal["reset", "invitation"]

#: How long a link holds.
HOLDS_FOR: Mapping[Kind, timedelta] = {
    "reset": timedelta(hours=2),  # security practices, S4
    "invitation": timedelta(days=7),
}
_TOKEN_MOST = 200  # characters of a text that could be one; a UUID has 36


@dataclass(frozen=True, slots=True)
class Link:
    """A link that was just made; whoever has `token` has the user."""

    token: str = field(repr=False)
    until: datetime
    operations: tuple[Operation, ...] = field(repr=False)


def made(
    organization: str,
    user_id: str,
    email: EmailAddress,
    epoch: int,
    kind: Kind,
    now: datetime,
    current: Record | None,
) -> Link:
    """A new link for a user, and what writes it in place of the one that he has.

    Args:
        organization: its id.
        user_id: whose; of nobody where only the same has to be written.
        email: where it goes.
        epoch: the user's.
        kind: what it is for.
        now: aware.
        current: the record of `keys.reset_of`, None where there is none.
    """
    token, until = str(uuid.uuid4()), now + HOLDS_FOR[kind]
    value = {
        "user": user_id,
        "kind": kind,
        "email_hash": email_key(organization, email).sort,
        "epoch": epoch,
        "until": time_text(until),
    }
    hash_, holder = token_hash(token), keys.reset_of(organization, user_id)
    version = None if current is None else current.version
    return Link(
        token,
        until,
        (
            Put(keys.reset(organization, hash_), value, absent=True, expires=until),
            Put(holder, {"hash": hash_}, absent=current is None, at=version, expires=until),
            *dropping(organization, current),
        ),
    )


def dropping(organization: str, current: Record | None) -> tuple[Operation, ...]:
    """What drops the link of a user, by the record that leads to it; nothing where he has none."""
    if current is None:
        return ()
    hash_ = current.value.get("hash")
    if not isinstance(hash_, str):
        raise CorruptRecord("a user's link cannot be read")
    return (Delete(keys.reset(organization, hash_)),)


def token_hash(token: str) -> str:
    """What is stored of a token; of any text, so that each costs the same."""
    text = token[:_TOKEN_MOST].strip().lower()
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def owner_of(link: Record | None) -> str | None:
    """The id of the user of a link, None where there is no link."""
    return None if link is None else str(link.value.get("user"))


def used(
    organization: str, link: Record | None, user: Record | None, kind: Kind, now: datetime
) -> tuple[Record, EmailAddress, tuple[Operation, ...]]:
    """The user whom a link is good for, his address, and what uses the link up: of two who use
    it at once, one commits.

    Raises:
        LinkEnded: it is good for nobody, or nothing of that kind.
    """
    if link is None or user is None or user.value.get("active") is not True:
        raise LinkEnded
    value = link.value
    address = user.value.get("email")
    if not isinstance(address, str):  # a link was mailed, and he has no address any more
        raise LinkEnded
    email = parse_email(address)
    if not _is_good(value, organization, user, email, kind, now):
        raise LinkEnded
    holder = keys.reset_of(organization, user.key.sort)
    return user, email, (Delete(link.key, at=link.version), Delete(holder))


def _is_good(
    value: Mapping[str, Any],
    organization: str,
    user: Record,
    email: EmailAddress,
    kind: Kind,
    now: datetime,
) -> bool:
    try:
        until = datetime.fromisoformat(value["until"])
        made_for = (value["user"], value["kind"], value["email_hash"], value["epoch"])
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("a link's record cannot be read") from error
    is_now = (user.key.sort, kind, email_key(organization, email).sort, epoch_of(user))
    return made_for == is_now and now < until
