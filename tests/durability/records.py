"""The records and blobs of an installation that nobody writes to, counted anew.

Everything is computed a second time from what is simplest: all records by a scan, all blobs
by a listing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.installation import Installation
from app.publishing.artifact import Artifact
from app.publishing.entries import name_text
from app.publishing.place import Place, is_listed
from app.publishing.session import Session
from app.repositories import ArtifactPath, Repository
from app.usage import Balance, Ledger, Limit
from storage import keys
from storage.blobs import is_reserved
from storage.metadata import Key, Record
from storage.metadata.operations import microseconds

#: The families of records by which files are found: those of every format, and of some.
_OF_ALL = ("names", "digests", "ages", "sizes")
ENTRIES = (
    *_OF_ALL,
    *("coordinates", "artifacts", "plugins", "archetypes"),
    "distributions",
)

#: Families of records of what is kept for a time, and then collected.
_KEPT_FOR_A_TIME = (
    *("deleted", "due", "emptied", "sessions", "open-sessions", "unreferenced", "uploads"),
)

_COUNTERS = ("files", "bytes", "restorable_files", "restorable_bytes")


@dataclass
class Found:
    """All records of an organization, by what they are.

    Attributes:
        artifacts: by repository's id and path.
        kept: restorable artifacts, by repository's id and path; a path may have several.
        blobs: records of bytes by SHA-256; keys: their SHA-256 by key.
        usage: counters by repository's id and stripe; those of the organization by None.
        entries: the records by which files are found.
        repositories: those that are there, by their ids.
        claims: the paths that have one, by their records.
        revisions: the counters of computed documents.
    """

    organization: str
    records: dict[Key, Record]
    artifacts: dict[tuple[str, str], Record] = field(default_factory=dict)
    kept: list[tuple[str, str, Record]] = field(default_factory=list)
    blobs: dict[str, Record] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    usage: dict[tuple[str | None, str], Record] = field(default_factory=dict)
    entries: dict[Key, Record] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    claims: dict[Key, str] = field(default_factory=dict)
    revisions: dict[Key, int] = field(default_factory=dict)


def look(installation: Installation) -> Found:
    """Read every record."""
    records: dict[Key, Record] = {}
    after = ""
    while True:
        page = installation.metadata.scan(0, 1, after)
        for record in page.records:
            assert record.key not in records, f"{record.key} came twice"
            records[record.key] = record
        if page.next is None:
            break
        after = page.next
    (organization,) = {
        record.value["id"] for key, record in records.items() if key.partition == keys.ORGANIZATIONS
    }
    found = Found(organization, records)
    for key, record in records.items():
        _sort(found, key, record)
    return found


def _sort(found: Found, key: Key, record: Record) -> None:
    _, family, *rest = key.partition.split("#")
    match family:
        case "folder" if not key.sort.endswith("/"):
            repository, folder = rest
            found.artifacts[repository, f"{folder}{key.sort}".removeprefix("/")] = record
        case "deleted":
            repository, folder = rest
            name = key.sort.rpartition("/")[0]
            found.kept.append((repository, f"{folder}{name}".removeprefix("/"), record))
        case "blob":
            found.blobs[rest[0]] = record
        case "bytes":
            found.keys[rest[0]] = record.value["sha256"]
        case "usage":
            found.usage[rest[0] if len(rest) == 2 else None, rest[-1]] = record
        case "repositories" if key.partition == keys.repositories(found.organization):
            repository_ = Repository.read(found.organization, record)
            found.repositories[repository_.id] = repository_
        case "claims":
            found.claims[key] = record.value["path"]
        case "revisions":
            found.revisions[key] = record.value["revision"]
        case _ if family in ENTRIES:
            found.entries[key] = record


def holders(found: Found) -> Iterator[Mapping[str, Any]]:
    """Every artifact, there or restorable, as its record holds it."""
    for record in found.artifacts.values():
        yield record.value
    for _, _, record in found.kept:
        yield record.value["artifact"]


def held(value: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """The bytes that an artifact refers to: keys of blobs, SHA-256, sizes. A wheel's metadata and
    its signature are blobs of their own."""
    own = [(value["blob"], value["digests"]["sha256"], value["size"])]
    attached = value.get("attached", {}).values()
    return [
        *(own if value["blob"] is not None else ()),
        *((one["blob"], one["sha256"], one["size"]) for one in attached),
    ]


def places(found: Found) -> Iterator[tuple[Place, Artifact]]:
    """Every file that is there, where its repository is there too."""
    for (id_, path), record in found.artifacts.items():
        if id_ in found.repositories:
            place = Place.at(found.repositories[id_], ArtifactPath.parse(path))
            yield place, Artifact.read(record)


def _bytes_of(value: Mapping[str, Any]) -> int:
    return sum(size for _, _, size in held(value))


def wrong_counters(found: Found) -> list[str]:
    """Stripes that differ from a count of what they count."""
    counted: dict[tuple[str | None, str], Counter[str]] = defaultdict(Counter)
    for (repository, path), record in found.artifacts.items():
        for whose in (repository, None):
            stripe = counted[whose, keys.stripe(path)]
            stripe.update(files=1, bytes=_bytes_of(record.value))
    for repository, path, record in found.kept:
        size = _bytes_of(record.value["artifact"])
        for whose in (repository, None):
            stripe = counted[whose, keys.stripe(path)]
            stripe.update(restorable_files=1, restorable_bytes=size)
    wrong = []
    for place in counted.keys() | found.usage.keys():
        value = found.usage[place].value if place in found.usage else {}
        told = {name: value.get(name, 0) for name in _COUNTERS}
        if told != {name: counted[place][name] for name in _COUNTERS}:
            wrong.append(f"usage of {place} is {told}, counted {dict(counted[place])}")
    return wrong


def wrong_allowances(found: Found) -> list[str]:
    """Ledgers whose allowances come to something else than the quota, or than none."""
    organization = found.records[keys.organization(found.organization)]
    quotas: dict[str | None, int | None] = {None: organization.value.get("quota_bytes")}
    for key, record in found.records.items():
        if key.partition == keys.repositories(found.organization):
            quotas[record.value["id"]] = record.value["quota_bytes"]
    wrong = []
    for whose, quota in quotas.items():
        balance = Balance.read(Ledger(found.organization, whose), found.records)
        over, held = -balance.room, balance.usage.held
        if (balance.quota, over) != (quota, held - (quota or 0)):
            wrong.append(f"{whose} holds {held} of {quota}, its stripes tell {balance.quota}")
        if balance.limit is Limit.OWN and any(stripe.over > 0 for stripe in balance.stripes):
            wrong.append(f"a stripe of {whose} is past its allowance")
    return wrong


def wrong_entries(found: Found) -> list[str]:
    """Records by which a file would be found that is not there, or not by them, and those
    that are missing."""
    expected: dict[Key, Mapping[str, Any]] = {}
    for (repository, path), record in found.artifacts.items():
        artifact = Artifact.read(record)
        texts = (
            name_text(path.rpartition("/")[2]),
            artifact.sha256,
            keys.time(artifact.modified),
            f"{artifact.size:016}",
        )
        value = {"size": artifact.size, "modified": microseconds(artifact.modified)}
        for order, text in zip(_OF_ALL, texts, strict=True):
            expected[keys.found(found.organization, repository, order, f"{text}/{path}")] = value
    for place, artifact in places(found):
        value = {"size": artifact.size, "modified": microseconds(artifact.modified)}
        for order, position, more in place.layout.entries(place.path, artifact):
            key = keys.found(found.organization, place.repository, order, position)
            expected[key] = {**value, **more}
    there = {key: record.value for key, record in found.entries.items()}
    return [
        f"the entry {key} should be {expected.get(key)}: {there.get(key)}"
        for key in expected.keys() | there.keys()
        if expected.get(key) != there.get(key)
    ]


def wrong_references(found: Found) -> list[str]:
    """Records of bytes that differ from what refers to them."""
    counted: Counter[str] = Counter()
    wrong = []
    for value in holders(found):
        if value["blob"] is None and value["size"] != 0:
            wrong.append(f"{value} has bytes but no blob")
        for blob, sha256, size in held(value):
            counted[sha256] += 1
            record = found.blobs.get(sha256)
            if record is None or record.value["key"] != blob:
                wrong.append(f"{value} refers to a blob that {record} does not know")
            elif record.value["size"] != size:
                wrong.append(f"{value} has another size than {record}")
    for sha256, record in found.blobs.items():
        if record.value["references"] != counted[sha256]:
            wrong.append(f"{record} is referred to {counted[sha256]} times")
        if found.keys.get(record.value["key"]) != sha256:
            wrong.append(f"{record} is not known by its key")
    if len(found.keys) != len(found.blobs):
        wrong.append(f"{len(found.keys)} keys of bytes for {len(found.blobs)} records of them")
    return wrong


def wrong_sessions(found: Found) -> list[str]:
    """Uploads that are not complete and do not count among those of their user."""
    sessions = [
        Session.read(found.organization, record)
        for key, record in found.records.items()
        if key.partition == keys.session(found.organization, "").partition
    ]
    return [
        f"the upload {session.id} does not count"
        for session in sessions
        if session.result is None and session.open_key not in found.records
    ]


def wrong_folders(found: Found) -> list[str]:
    """Folders that listings know and that nothing lies in, and those that they do not know."""
    expected = {
        (repository, path[: end + 1])
        for repository, path in found.artifacts
        for end, letter in enumerate(path)
        if letter == "/"
    }
    there = set()
    for key, record in found.records.items():
        _, family, *rest = key.partition.split("#")
        if family == "folder" and key.sort.endswith("/") and is_listed(record):
            repository, folder = rest
            there.add((repository, f"{folder}{key.sort}".removeprefix("/")))
    wrong = [f"the folder {folder} is not listed" for folder in expected - there]
    return wrong + [f"the folder {folder} is listed, and empty" for folder in there - expected]


def left_over(found: Found) -> list[str]:
    """What ought to be gone once the time of everything is up."""
    kept = [
        f"left: {record}"
        for key, record in found.records.items()
        if key.partition.split("#")[1] in _KEPT_FOR_A_TIME
    ]
    unreferenced = [
        f"nobody refers to {record}"
        for record in found.blobs.values()
        if record.value["references"] == 0
    ]
    return kept + unreferenced


def wrong_blobs(installation: Installation, found: Found, *, collected: bool) -> list[str]:
    """Blobs that are missing, or have another size; `collected`: also what is left over."""
    sizes: dict[str, int] = {}
    after = ""
    while True:
        page = installation.blobs.list(after)
        ours = (entry for entry in page.entries if not is_reserved(entry.key))
        sizes |= {entry.key: entry.size for entry in ours}
        if page.next is None:
            break
        after = page.next
    wrong = []
    for record in found.blobs.values():
        size = sizes.pop(record.value["key"], None)
        if size != record.value["size"]:
            wrong.append(f"the bytes of {record} have the size {size}")
    if collected:
        wrong += [f"nothing refers to blob {key}" for key in sizes]
        uploads = installation.blobs.uploads()
        wrong += [f"upload {upload} was left" for upload in uploads.uploads]
    return wrong
