"""The files that somebody touched, by the events of it: what was there before, and after.

An event names the records that its commit wrote, with their versions. What they hold is read
now: of a file that was changed again since, or whose old version is gone for good, the digest
may not be known any more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.audit.filters import file_of, restorable_of
from app.publishing.artifact import Artifact
from auth.records import time_text
from storage.events import Event
from storage.metadata import Key, Metadata, Record
from storage.metadata.operations import KEYS_PER_GET

WROTE, OVERWROTE, DELETED, RESTORED, PURGED, MARKED = (
    "wrote",
    "overwrote",
    "deleted",
    "restored",
    "purged",
    "marked",
)
_MARKING = frozenset({"artifact.yank", "artifact.unyank"})


@dataclass(frozen=True, slots=True)
class Touched:
    """A file, what became of it, when, and by which credential.

    `before` and `after` are SHA-256 in hexadecimal, where they are known still. `publisher` is
    the id of who had published what was there before, and `version` what brings that back.
    """

    repository: str
    path: str
    change: str
    at: str
    credential: str | None
    user: str | None
    before: str | None = None
    after: str | None = None
    publisher: str | None = None
    version: str | None = None

    @property
    def place(self) -> tuple[str, str]:
        return self.repository, self.path

    def value(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The file as a report has it."""
        return {
            "repository": names.get(self.repository, self.repository),
            "path": self.path,
            "change": self.change,
            "at": self.at,
            "credential": self.credential,
            "user": self.user,
            "sha256_before": self.before,
            "sha256_after": self.after,
            "published_before_by": self.publisher,
            "restorable": self.version,
        }


def touched(metadata: Metadata, event: Event) -> Iterator[Touched]:
    """The files that an event touched."""
    put = {file: (key, version) for key, version in event.puts if (file := file_of(key))}
    gone = {file: key for key, _ in event.deletes if (file := file_of(key))}
    kept = {file: key for key, _ in event.puts if (file := restorable_of(key))}
    released = {file: key for key, _ in event.deletes if (file := restorable_of(key))}
    if not put and not gone and not released:
        return
    wanted = [*(key for key, _ in put.values()), *kept.values()]
    records: dict[Key, Record] = {}
    for start in range(0, len(wanted), KEYS_PER_GET):
        records |= metadata.get(*wanted[start : start + KEYS_PER_GET])
    for file, (key, version) in put.items():
        old = records.get(kept[file]) if file in kept else None
        change = RESTORED if file in released else OVERWROTE if file in kept else WROTE
        change = MARKED if event.action in _MARKING else change
        after = _after(event, records.get(key), version, alone=len(put) == 1)
        yield _of(event, file, change, old, after)
    for file in gone:
        old = records.get(kept[file]) if file in kept else None
        told = event.details.get("sha256") if len(gone) == 1 else None
        yield _of(event, file, DELETED, old, None, told)
    for file in released.keys() - put.keys():
        yield _of(event, file, PURGED, None, None, event.details.get("sha256"))


def _of(
    event: Event,
    file: tuple[str, str],
    change: str,
    old: Record | None,
    after: str | None,
    told: object = None,
) -> Touched:
    """`old` is the record that keeps what was there before, and `told` its digest otherwise."""
    before = None if old is None else Artifact.parse(old.value["artifact"])
    return Touched(
        *file,
        change,
        time_text(event.at),
        event.actor.credential,
        event.actor.user,
        before.sha256 if before is not None else told if isinstance(told, str) else None,
        after,
        None if before is None else before.user,
        None if old is None else old.key.sort.rpartition("/")[2],
    )


def _after(event: Event, record: Record | None, version: int, *, alone: bool) -> str | None:
    told = event.details.get("sha256")
    if alone and isinstance(told, str):
        return told
    if record is None or record.version != version:
        return None
    return Artifact.read(record).sha256
