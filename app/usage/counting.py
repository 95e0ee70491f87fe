"""Counts anew what an organization holds, from its files: what its counters have to tell.

The counters are right because every commit that changes files adds to them. This is the
second opinion, computed from what is simplest, for tests and for whoever doubts it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from app.usage.ledger import Counters, Ledger, Stripe, Usage
from storage import keys
from storage.metadata import Key, Metadata, Record


def count(metadata: Metadata, organization: str) -> dict[Key, Usage]:
    """What each stripe has to tell, by its record; those that count nothing are left out.

    Reads every record of the store: exact where nobody writes meanwhile.
    """
    counted: dict[Key, Counter[str]] = {}
    for record in _all(metadata):
        found = _counted(record, organization)
        if found is None:
            continue
        counters, amounts = found
        for key in counters.keys:
            counted.setdefault(key, Counter()).update(amounts)
    return {key: Usage(**amounts) for key, amounts in counted.items()}


def told(metadata: Metadata, organization: str) -> dict[Key, Usage]:
    """What each stripe tells, as `count` gives it."""
    return {
        record.key: Stripe.read(record).usage
        for record in _all(metadata)
        if (ledger := Ledger.of(record.key)) is not None
        and ledger.organization == organization
        and Stripe.read(record).usage != Usage()
    }


def _all(metadata: Metadata) -> Iterator[Record]:
    after = ""
    while True:
        page = metadata.scan(0, 1, after)
        yield from page.records
        if page.next is None:
            return
        after = page.next


def _counted(record: Record, organization: str) -> tuple[Counters, Mapping[str, int]] | None:
    """Where a record is counted, and as what; None where it is no file."""
    owner, family, *rest = record.key.partition.split("#", 3)
    if owner != organization or family not in ("folder", "deleted"):
        return None
    repository, folder = rest
    if family == "folder":
        name, artifact = record.key.sort, record.value
        if name.endswith("/"):  # a folder's entry
            return None
        amounts = {"files": 1, "bytes": _stored(artifact)}
    else:
        name, artifact = record.key.sort.rpartition("/")[0], record.value["artifact"]
        amounts = {"restorable_files": 1, "restorable_bytes": _stored(artifact)}
    digit = keys.stripe(f"{folder[1:]}{name}")
    return Counters(organization, repository, digit), amounts


def _stored(artifact: Mapping[str, Any]) -> int:
    """All bytes that an artifact's record holds."""
    attached: int = sum(held["size"] for held in artifact.get("attached", {}).values())
    size: int = artifact["size"]
    return size + attached
