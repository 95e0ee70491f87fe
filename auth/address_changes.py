"""Tells who had an address that it was changed: whoever takes an account over would else do so
unseen. The mail names no other address, and holds no link."""

from collections.abc import Mapping
from typing import Any

from auth.emails import parse_email
from auth.outbox import Letter, Outbox
from storage.metadata import Operation, Record


def telling(
    outbox: Outbox, organization: str, before: Record, user: Mapping[str, Any]
) -> tuple[Operation, ...]:
    """What tells the old address of a user, to be written with what he is to be; nothing where it
    is his still, in whatever case, or where he had none."""
    old, new = before.value.get("email"), user["email"]
    if old is None or (new is not None and parse_email(new) == parse_email(old)):
        return ()
    letter = Letter("address", old, {"name": user["name"]}, about=before.key.sort)
    return outbox.waiting(organization, letter)
