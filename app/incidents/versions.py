"""What was and is at a path, as events tell it, from a suspect's first change of it on.

An event names the records that its commit wrote and deleted. So what an overwritten file was is
known by what comes back from there, be it restored, kept or deleted again since: each content is
one object, and whatever tells its digest or publisher, tells it for all.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.publishing.artifact import Artifact
from storage.metadata import Key, Metadata, Record
from storage.metadata.operations import KEYS_PER_GET


class State(StrEnum):
    """What is at a path now, by its digest, whoever brought it there."""

    THEIRS = "as they left it"
    BEFORE = "as it was before"
    GONE = "gone"
    OTHERS = "changed by others since"


@dataclass(slots=True, eq=False)
class Content:
    """A file's content, by SHA-256 in hexadecimal, and the id of who published it; None where
    nothing has told it."""

    sha256: str | None = None
    publisher: str | None = None

    def learn(self, sha256: object, publisher: object = None) -> None:
        """Take in what is told of it."""
        if self.sha256 is None and isinstance(sha256, str):
            self.sha256 = sha256
        if self.publisher is None and isinstance(publisher, str):
            self.publisher = publisher

    def is_as(self, other: "Content") -> bool:
        """Whether it is known to be the same bytes."""
        return self is other or (self.sha256 is not None and self.sha256 == other.sha256)


@dataclass(slots=True, eq=False)
class File:
    """A path that a suspect touched.

    `good` is what was there last that is no suspect's, and `before` what was that at the last
    change of theirs: None where it is nothing. `kept` are contents that went, by the records that
    restore them. What is behind these is known once it was looked at.
    """

    begun: bool = False
    key: Key | None = None
    version: int | None = None
    current: Content | None = None
    good: Content | None = None
    before: Content | None = None
    theirs: set[Content] = field(default_factory=set)
    kept: dict[Key, Content] = field(default_factory=dict)
    left_by_them: bool = False
    present: Content | None = None
    restorable: set[Key] = field(default_factory=set)
    state: State = State.OTHERS
    way_back: str | None = None

    def begin(self, *, there: bool) -> None:
        """Say whether something was there before the first change."""
        if not self.begun:
            self.begun = True
            self.current = self.good = self.before = Content() if there else None

    def retire(self, kept: Key | None) -> Content | None:
        """What is there goes, and is kept by a record, or by none."""
        gone = self.current
        if kept is not None and gone is not None:
            self.kept[kept] = gone
        return gone

    def become(self, content: Content | None, *, theirs: bool) -> None:
        """Have another content, or none, by a suspect's doing or another's."""
        was_theirs = self.current in self.theirs
        self.current, self.left_by_them = content, theirs
        if theirs:
            self.before = self.good
        if content is None:
            # Who deletes what a suspect wrote does not mean what was there before.
            if not theirs and not was_theirs:
                self.good = None
        elif theirs:
            # It may have put back itself what it had deleted.
            if content is not self.good:
                self.theirs.add(content)
        elif content not in self.theirs:
            self.good = content

    def records(self) -> list[Key]:
        """What to read for `look`."""
        return [*self.kept, *([] if self.key is None else [self.key])]

    def look(self, records: dict[Key, Record], now: datetime) -> None:
        """Take in what is there now, and what can be restored."""
        self._look(records, now)
        self.state = self._state()
        good = self.good
        found = [key for key in self.restorable if good and self.kept[key].is_as(good)]
        self.way_back = max(map(version_of, found), default=None)

    def _look(self, records: dict[Key, Record], now: datetime) -> None:
        for key, content in self.kept.items():
            if (record := records.get(key)) is not None:
                artifact = Artifact.parse(record.value["artifact"])
                content.learn(artifact.sha256, artifact.user)
                if datetime.fromisoformat(record.value["until"]) > now:
                    self.restorable.add(key)
        record = None if self.key is None else records.get(self.key)
        if record is None:
            return
        artifact = Artifact.read(record)
        self.present = Content(artifact.sha256, artifact.user)
        if self.current is not None and record.version == self.version:
            self.current.learn(artifact.sha256, artifact.user)
            self.present = self.current

    def _state(self) -> State:
        present, good, before = self.present, self.good, self.before
        if present is None:
            is_theirs = self.left_by_them and good is not None
            return State.THEIRS if is_theirs else State.GONE
        if before is not None and present.is_as(before):
            return State.BEFORE
        # Who publishes anew what a suspect had published, stands for it himself.
        if good is not None and present.is_as(good):
            return State.OTHERS
        return State.THEIRS if any(map(present.is_as, self.theirs)) else State.OTHERS


def version_of(kept: Key) -> str:
    """What tells a restorable version from others of its path; later ones sort behind."""
    return kept.sort.rpartition("/")[2]


def look(metadata: Metadata, files: Iterable[File]) -> None:
    """Read what is there now of all of these."""
    files = list(files)
    wanted = [key for file in files for key in file.records()]
    records: dict[Key, Record] = {}
    for start in range(0, len(wanted), KEYS_PER_GET):
        records |= metadata.get(*wanted[start : start + KEYS_PER_GET])
    now = metadata.now()
    for file in files:
        file.look(records, now)
