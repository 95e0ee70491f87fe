"""What the feed tells, held against the records that are there and the clients' diaries."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

from app.installation import Installation
from storage.events import Event, Feed
from storage.metadata import Key
from tests.durability.diary import Deed, Kind
from tests.durability.records import ENTRIES, Found
from tests.durability.verdict import settled_at

#: Records of the service that no event tells of: they mean nothing by themselves.
_UNTOLD = (
    *("events", "who", "attempts", "seen", "refusals", "uploads"),
    *("seals", "sealed"),  # they are about the events
    *("used-keys", "subscriber-usage"),  # counted behind the answers
    *("mail", "resets", "reset-of"),  # whoever asks, also where there is nobody
    *("jobs", "readers", "sessions", "open-sessions", "emptied", "made"),
    *("downloaded", "expected", "sent"),
)

#: Records that are written whatever is there.
_WHATEVER = (*ENTRIES, "unreferenced")

#: Counters that who makes a folder known raises besides, of which no event tells.
_RAISED = "revisions"


def settled_clock() -> datetime:
    """A clock so far ahead that nothing can still appear, and the cursor just moves on."""
    return datetime.now(UTC) + timedelta(hours=3)


def read_feed(installation: Installation, organization: str) -> list[Event]:
    """All events there are, each once, none of them forged."""
    feed = Feed(installation.metadata, installation.journal, organization, settled_clock)
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
        if _family(key) in _UNTOLD:
            continue  # no event tells of it but the first
        wrong += _wrong_versions(found, key, versions, gone[key], counted=key in sums)
    for key, amounts in sums.items():
        record = found.records.get(key)
        begun = 1 if key.sort == "blob" else 0  # a blob is put with its first reference
        for name, amount in amounts.items():
            value = None if record is None else record.value[name]
            if _family(key) == _RAISED and value is not None and value > amount:
                continue
            if value != amount + begun:
                wrong.append(f"{key} should have {name}={amount + begun}: {record}")
    return wrong


def _family(key: Key) -> str:
    """What sort of record it is: the second word of its partition."""
    return key.partition.split("#")[1]


def _told(found: Found, key: Key) -> bool:
    """Whether a record is one that events tell of."""
    owner, family = key.partition.partition("#")[0], _family(key)
    marker = family == "folder" and key.sort.endswith("/")
    return owner == found.organization and not marker and family not in (*_UNTOLD, _RAISED)


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
    if _family(key) in _WHATEVER or (_family(key) == "claims" and None in gone):
        # Which was the last, the artifact tells, or nothing that matters.
        return [] if there <= puts else [f"{key} is not what was put: {record}"]
    if counted and record is not None:
        there = {version for version in left if version <= record.version}  # raised by adds
    if left != there or len(left) > 1:
        return [f"{key} should be there at {left}: {record}"]
    return []


#: What changes what is under a path.
_ORDERED = ("artifact.put", "artifact.delete", "artifact.restore")

#: What the events of a kind of deed say that was done.
_ACTIONS = {
    Kind.PUT: "artifact.put",
    Kind.PIECES: "artifact.put",
    Kind.DELETE: "artifact.delete",
    Kind.CLEAR: "artifact.delete",
    Kind.RESTORE: "artifact.restore",
    Kind.RECOVER: "artifact.restore",
    Kind.PURGE: "artifact.purge",
    Kind.YANK: "artifact.yank",
    Kind.UNYANK: "artifact.unyank",
}


def wrong_events(
    deeds: list[Deed], events: list[Event], repository: str, organization: str
) -> list[str]:
    """Deeds without their event, events without a deed, and events of something else."""
    told: dict[str | None, list[Event]] = defaultdict(list)
    for event in events:
        if event.action.startswith("artifact."):
            told[event.actor.request].append(event)
    wrong = []
    for deed in deeds:
        found = told.pop(deed.id, [])
        numbers = _numbers(deed)
        if numbers is not None and len(found) not in numbers:
            wrong.append(f"{deed} has {len(found)} events: {found}")
        for event in found:
            keys_ = _changed(event)
            there = [_path(key, organization, repository) for key in keys_]
            fits = all(path is not None and path.startswith(deed.path) for path in there)
            if event.action != _ACTIONS.get(deed.kind) or not there or not fits:
                wrong.append(f"{deed} has an event of something else: {event}")
            if deed.content is not None and event.details["sha256"] != deed.content.sha256:
                wrong.append(f"{deed} has an event of other bytes: {event}")
    wrong += [f"nobody did this: {event}" for left in told.values() for event in left]
    return wrong


def _changed(event: Event) -> list[Key]:
    """The records of the files that an event is about."""
    match event.action:
        case "artifact.put" | "artifact.restore" | "artifact.yank" | "artifact.unyank":
            changed, family = [key for key, _ in event.puts], "folder"
        case "artifact.delete":
            changed, family = [key for key, _ in event.deletes], "folder"
        case _:
            changed, family = [key for key, _ in event.deletes], "deleted"
    return [key for key in changed if _family(key) == family]


def _path(key: Key, organization: str, repository: str) -> str | None:
    """The path of the file that a record is of; None where it is another repository's."""
    owner, family, id_, folder = key.partition.split("#", 3)
    if (owner, id_) != (organization, repository):
        return None
    name = key.sort if family == "folder" else key.sort.rpartition("/")[0]
    return f"{folder[1:]}{name}"


def _numbers(deed: Deed) -> tuple[int, ...] | None:
    """How many events a deed may have; None for any number."""
    if deed.kind in (Kind.CUT, Kind.READ) or deed.is_refused:
        return (0,)
    if deed.status == 404:
        return (0,)
    if deed.kind.is_of_a_folder:
        return None
    if deed.status in (201, 204) or (deed.kind is Kind.RESTORE and deed.acknowledged):
        return (1,)
    # 200 is a replacement, or the same bytes again, of which there is nothing to tell; 503 may
    # be an answer about an outcome that is unknown.
    return (0, 1)


def wrong_orders(deeds: list[Deed], events: list[Event]) -> list[str]:
    """Changes of a path that took effect in another order than they were acknowledged in.

    Between two times that a path was new, its versions follow each other.
    """
    by_id = {deed.id: deed for deed in deeds}
    chains: dict[Key, dict[int, list[tuple[bool, Deed]]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        deed = by_id.get(event.actor.request or "")
        if deed is None or event.action not in _ORDERED:
            continue
        deletes = event.action == "artifact.delete"
        changes = event.deletes if deletes else event.puts
        for key, version in changes:
            if _family(key) == "folder" and version is not None:
                chains[key][version].append((deletes, deed))
    wrong = []
    for key, versions in chains.items():
        before: list[Deed] = []
        for version in sorted(versions):
            if version - 1 not in versions:
                before = []
            # A version is put and then deleted: within one, that is the order.
            for _, deed in sorted(versions[version], key=lambda change: change[0]):
                wrong += [
                    f"{key}: {deed} took effect after {other}"
                    for other in before
                    if settled_at(deed) < other.begun
                ]
                before.append(deed)
    return wrong
