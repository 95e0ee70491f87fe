"""Tells people by mail that what opens their account was changed: whoever takes it over would else
do so unseen.

The mail is written in the commit of the change, to the address that the account had before it. It
names no other address, and holds no link, so that nobody learns to follow one.
"""

from collections.abc import Mapping
from typing import Any

from auth.emails import parse_email
from auth.outbox import Letter, Outbox
from storage.metadata import Operation, Record


def notice(outbox: Outbox, organization: str, user: Record, kind: str) -> tuple[Operation, ...]:
    """What tells a user of one thing; nothing where he has no address.

    Args:
        outbox: where the mail waits.
        organization: its id.
        user: as he was before the change.
        kind: one of `outbox.KINDS` that has no link.
    """
    address = user.value.get("email")
    if address is None:
        return ()
    letter = Letter(kind, address, {"name": user.value["name"]}, about=user.key.sort)
    return outbox.waiting(organization, letter)


def notices(
    outbox: Outbox, organization: str, before: Record, user: Mapping[str, Any]
) -> tuple[Operation, ...]:
    """What tells a user of what differs in his record, to be written with what he is to be.

    Of another address and a password together the old address is told the first, which is more:
    nobody has the account back by a reset then.
    """
    if _moved(before.value.get("email"), user["email"]):
        return notice(outbox, organization, before, "address")
    if user.get("password") not in (None, before.value.get("password")):
        return notice(outbox, organization, before, "password")
    return ()


def _moved(old: str | None, new: str | None) -> bool:
    """Whether an address is another one now, and not just written in another case."""
    return old is not None and (new is None or parse_email(new) != parse_email(old))
