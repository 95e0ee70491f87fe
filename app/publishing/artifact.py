"""An artifact's record: all that a read of it needs, so that it needs no other record."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

from storage.metadata import Record

#: From when, until when (not included) something was there; both aware.
Span: TypeAlias = tuple[datetime, datetime]

MOST_SPANS = 50  # some 4 KB of a record


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes that an artifact holds: the blob's key, their number and their digest."""

    blob: str
    size: int
    sha256: str

    def value(self) -> dict[str, Any]:
        """The bytes as records hold them."""
        return {"blob": self.blob, "size": self.size, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class Artifact:
    """A published file.

    `blob` is None for an empty file. `digests` maps the names of algorithms (`sha256`
    always) to hexadecimal. `modified` is aware. `user` is the id of who published it.

    `restored` is since when it is at its path, where that is not since it was published, and
    `spans` are the times at which it was there before: so that a repository can go back to
    any moment exactly, also to one between two restores.

    `facts` are what the repository's format read in the bytes; JSON of its own. `marks` are what
    was said of the file since. `attached` are bytes that come and go with it and are found under
    its name with a suffix, by that.
    """

    blob: str | None
    size: int
    digests: Mapping[str, str]
    modified: datetime
    user: str | None
    version: int = 0
    restored: datetime | None = None
    spans: tuple[Span, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    marks: Mapping[str, Any] = field(default_factory=dict)
    attached: Mapping[str, Held] = field(default_factory=dict)

    @property
    def held(self) -> tuple[Held, ...]:
        """All bytes that it holds; those of an empty file are no blob."""
        own = () if self.blob is None else (Held(self.blob, self.size, self.sha256),)
        return (*own, *self.attached.values())

    @property
    def stored(self) -> int:
        """The number of all bytes that it holds, which count against quotas."""
        return sum(held.size for held in self.held)

    @property
    def sha256(self) -> str:
        return self.digests["sha256"]

    @property
    def etag(self) -> str:
        """The strong entity tag (RFC 9110 section 8.8.3), quotes included."""
        return f'"sha256:{self.digests["sha256"]}"'

    @property
    def since(self) -> datetime:
        """Since when it is at its path, by the store's clock."""
        return self.modified if self.restored is None else self.restored

    def was_there(self, moment: datetime, until: datetime | None = None) -> bool:
        """Whether it was at its path at a moment; `until` is when it went, if it did."""
        if self.since <= moment and (until is None or moment < until):
            return True
        return any(begin <= moment < end for begin, end in self.spans)

    def again(self, gone: datetime, now: datetime, remembered: timedelta) -> "Artifact":
        """The artifact as it comes back now, having been away since `gone`.

        Spans that ended longer ago than `remembered` are left out: nobody can go back there.
        Where there are too many, the oldest become one, so that it is there too long rather
        than not at all.
        """
        spans = (*self.spans, (self.since, gone))
        kept = [(begin, end) for begin, end in spans if end > now - remembered and begin < end]
        while len(kept) > MOST_SPANS:
            kept[:2] = [(kept[0][0], kept[1][1])]
        return replace(self, restored=now, spans=tuple(kept), version=0)

    def value(self) -> dict[str, Any]:
        """The artifact as its record holds it."""
        value: dict[str, Any] = {
            "blob": self.blob,
            "size": self.size,
            "digests": dict(self.digests),
            "modified": self.modified.isoformat(),
            "user": self.user,
        }
        if self.restored is not None:
            value["restored"] = self.restored.isoformat()
            value["spans"] = [[begin.isoformat(), end.isoformat()] for begin, end in self.spans]
        if self.facts:
            value["facts"] = dict(self.facts)
        if self.marks:
            value["marks"] = dict(self.marks)
        if self.attached:
            value["attached"] = {suffix: held.value() for suffix, held in self.attached.items()}
        return value

    @classmethod
    def read(cls, record: Record) -> "Artifact":
        """The artifact that a record holds."""
        return cls.parse(record.value, record.version)

    @classmethod
    def parse(cls, value: Mapping[str, Any], version: int = 0) -> "Artifact":
        """The artifact of a record's value."""
        restored = value.get("restored")
        return cls(
            blob=value["blob"],
            size=value["size"],
            digests=value["digests"],
            modified=datetime.fromisoformat(value["modified"]),
            user=value["user"],
            version=version,
            restored=None if restored is None else datetime.fromisoformat(restored),
            spans=tuple(
                (datetime.fromisoformat(begin), datetime.fromisoformat(end))
                for begin, end in value.get("spans", ())
            ),
            facts=value.get("facts", {}),
            marks=value.get("marks", {}),
            attached={suffix: Held(**held) for suffix, held in value.get("attached", {}).items()},
        )


class Outline(NamedTuple):
    """What a listing tells of an artifact. Listings read a thousand at a time: this takes from
    a record what they show and no more, in a tenth of the time of an `Artifact`."""

    size: int
    sha256: str
    modified: str  # RFC 3339, in UTC, to the second
    user: str | None

    @classmethod
    def read(cls, record: Record) -> "Outline":
        """The outline of the artifact that a record holds."""
        value = record.value
        return cls(
            value["size"], value["digests"]["sha256"], _seconds(value["modified"]), value["user"]
        )


def _seconds(text: str) -> str:
    """A time of `isoformat`, which nearly always is in UTC already."""
    if not text.endswith("+00:00"):
        text = datetime.fromisoformat(text).astimezone(UTC).isoformat()
    return f"{text[:19]}Z"
