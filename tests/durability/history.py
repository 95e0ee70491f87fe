"""What the feed tells, held against the records that are there and the clients' diaries."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

from app.installation import Installation
from storage import keys
from storage.events import Event, Feed
from storage.metadata import Key
from tests.durability.diary import Deed, Kind
from tests.durability.records import ENTRIES, Found
from tests.durability.verdict import settled_at

#: Records of the service that no event tells of: they mean nothing by themselves.
_UNTOLD = ("events", "who", "attempts", "seen", "refusals", "uploads", "jobs", "readers")


def read_feed(installation: Installation, organization: str) -> list[Event]:
    """All events there are, each once, none of them forged."""
    # By a clock that is ahead nothing can still appear, so that the cursor just moves on.
    feed = Feed(
        installation.metadata,
        installation.journal,
        organization,
        clock=lambda: datetime.now(UTC) + timedelta(minutes=10),
    )
    cursor = feed.start(datetime.now(UTC) - timedelta(hours=2))
    events: list[Event] = []
    while True:
        batch = feed.read(cursor, 2000)
        events += batch.events
        cursor = batch.cursor
        if not batch.more:
            break
    assert len({event.id for event in events}) == len(events)
    assert all(event.genuine for event in events)
    return events


def wrong_replay(found: Found, events: list[Event]) -> list[str]:
    """Where the events do not lead to the records that are there, and to nothing else."""
    puts: dict[Key, set[int]] = defaultdict(set)
    gone: dict[Key, set[int | None]] = defaultdict(set)
    sums: dict[Key, Counter[str]] = defaultdict(Counter)
    for event in events:
        for key, version in event.puts:
            puts[key].add(version)
        for key, at in event.deletes:
            gone[key].add(at)
        for key, amounts in event.adds:
            sums[key].update(amounts)
    wrong = [
        f"{key} is not told of by any event: {found.records[key]}"
        for key in found.records
        if _told(found, key) and key not in puts and key not in sums
    ]
    for key, versions in puts.items():
        wrong += _wrong_versions(found, key, versions, gone[key], counted=key in sums)
    for key, amounts in sums.items():
        record = found.records.get(key)
        begun = 1 if key.sort == "blob" else 0  # a blob is put with its first reference
        for name, amount in amounts.items():
            if record is None or record.value[name] != amount + begun:
                wrong.append(f"{key} should have {name}={amount + begun}: {record}")
    return wrong


def _told(found: Found, key: Key) -> bool:
    """Whether a record is one that events tell of."""
    owner, family = key.partition.split("#")[:2]
    marker = family == "folder" and key.sort.endswith("/")
    return owner == found.organization and not marker and family not in _UNTOLD


def _wrong_versions(
    found: Found, key: Key, puts: set[int], gone: set[int | None], *, counted: bool
) -> list[str]:
    # A version is followed by the next one, or deleted; the one that is neither is there.
    # (A delete of whatever is there ends all that was before; the tests know of none later.)
    left = {version for version in puts if version not in gone and version + 1 not in puts}
    if None in gone:
        left = set() if key not in found.records else {found.records[key].version}
    record = found.records.get(key)
    there = set() if record is None else {record.version}
    if key.partition.split("#")[1] in ENTRIES:
        # Written and deleted whatever is there: which was the last, the artifact tells.
        return [] if there <= puts else [f"{key} is not what was put: {record}"]
    if counted and record is not None:
        there = {version for version in left if version <= record.version}  # raised by adds
    if left != there or len(left) > 1:
        return [f"{key} should be there at {left}: {record}"]
    return []


def wrong_events(
    deeds: list[Deed], events: list[Event], repository: str, organization: str
) -> list[str]:
    """Deeds without their event, events without a deed, and orders that can't have been."""
    told: dict[str | None, list[Event]] = defaultdict(list)
    for event in events:
        if event.action in ("artifact.put", "artifact.delete"):
            told[event.actor.request].append(event)
    wrong = []
    for deed in deeds:
        found = told.pop(deed.id, [])
        if len(found) not in _numbers(deed):
            wrong.append(f"{deed} has {len(found)} events: {found}")
        for event in found:
            action = "artifact.put" if deed.kind is Kind.PUT else "artifact.delete"
            digest = deed.content.sha256 if deed.content is not None else None
            folder, _, name = f"/{deed.path}".rpartition("/")
            key = keys.artifact(organization, repository, f"{folder}/", name)
            changed = dict(event.puts) if deed.kind is Kind.PUT else dict(event.deletes)
            if event.action != action or key not in changed:
                wrong.append(f"{deed} has an event of something else: {event}")
            if digest is not None and event.details["sha256"] != digest:
                wrong.append(f"{deed} has an event of other bytes: {event}")
    wrong += [f"nobody did this: {event}" for left in told.values() for event in left]
    return wrong


def _numbers(deed: Deed) -> tuple[int, ...]:
    """How many events a deed may have."""
    if deed.kind in (Kind.CUT, Kind.READ):
        return (0,)
    if deed.status in (201, 204):
        return (1,)
    if deed.status == 404:
        return (0,)
    # 200 is a replacement, or the same bytes again, of which there is nothing to tell; 503 may
    # be an answer about an outcome that is unknown.
    return (0, 1)


def wrong_orders(deeds: list[Deed], events: list[Event]) -> list[str]:
    """Changes of a path that took effect in another order than they were acknowledged in.

    Between two times that a path was new, its versions follow each other.
    """
    by_id = {deed.id: deed for deed in deeds}
    chains: dict[Key, dict[int, list[Deed]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        deed = by_id.get(event.actor.request or "")
        if deed is None or not event.action.startswith("artifact."):
            continue
        changes = event.puts if event.action == "artifact.put" else event.deletes
        for key, version in changes:
            if key.partition.split("#")[1] == "folder" and version is not None:
                chains[key][version].append(deed)
    wrong = []
    for key, versions in chains.items():
        before: list[Deed] = []
        for version in sorted(versions):
            if version - 1 not in versions:
                before = []
            # A version is put and then deleted: within one, that is the order.
            for deed in sorted(versions[version], key=lambda deed: deed.kind is Kind.DELETE):
                wrong += [
                    f"{key}: {deed} took effect after {other}"
                    for other in before
                    if settled_at(deed) < other.begun
                ]
                before.append(deed)
    return wrong
