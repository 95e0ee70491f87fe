"""From when on an organization has events, by what can be gone by.

The organization's own record says when it was made, and nobody signed that: where it was moved
forward, the first seal and the signed mark of what was removed say more.
"""

from contextlib import suppress
from datetime import UTC, datetime

from app.audit.head import Altered, Removed
from storage import keys
from storage.events.feed import LAG
from storage.events.seals import InvalidSeal, Notary, Seal
from storage.metadata import Metadata, Record

_PAGE = 5  # seals, of up to 160 kB


def origin(organization: Record | None, now: datetime) -> datetime:
    """Before the first event of an organization, a whole hour, as its record has it; for one
    that is gone, now."""
    made = now if organization is None else datetime.fromisoformat(organization.value["created"])
    # By the clock of a machine, which may be ahead of the store's, as events have it.
    return (made.astimezone(UTC) - LAG).replace(minute=0, second=0, microsecond=0)


def beginning(metadata: Metadata, notary: Notary, organization: str) -> datetime:
    """The same, or the start of the first seal where that is earlier."""
    key = keys.organization(organization)
    start = origin(metadata.get(key).get(key), metadata.now())
    seal = first_seal(metadata, notary, organization)
    return start if seal is None else min(start, seal.start)


def span(metadata: Metadata, notary: Notary, organization: str) -> tuple[datetime, datetime]:
    """From when to when there can be events (aware): since the beginning, or what the rule has
    left; a writer's clock may be a little ahead."""
    start = beginning(metadata, notary, organization)
    mark = keys.removed_events(organization)
    record = metadata.get(mark).get(mark)
    if record is not None:
        with suppress(Altered):  # then it hides nothing
            start = max(start, Removed.read(notary, organization, record).until)
    return start, metadata.now() + LAG


def first_seal(metadata: Metadata, notary: Notary, organization: str) -> Seal | None:
    """The first seal of the table that this installation made."""
    after: str | None = ""
    while after is not None:
        page = metadata.query(keys.seals(organization), "", after, _PAGE)
        for record in page.records:
            try:
                seal = Seal.read(record.value)
            except InvalidSeal:
                continue
            if notary.sealed(organization, seal):
                return seal
        after = page.next
    return None
