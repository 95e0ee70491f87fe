"""What a repository is: its format, its kind, and the rules that its owners set."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from storage.metadata import Record

RESTORE_DAYS = 14
MOST_RESTORE_DAYS = 3_650


class Format(StrEnum):
    """The protocol that a repository speaks; it decides what a path means."""

    RAW = "raw"


class Kind(StrEnum):
    """Where a repository's contents come from."""

    HOSTED = "hosted"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as its record holds it.

    `id` is random and never used again; every key of its contents holds it, so that a
    repository made later under the same name has nothing to do with this one.
    `downloads_days` is for how many days the last download of each file is remembered, None
    where no rule asks for it. `quota_bytes` is for showing (None: there is no quota); what
    enforces it are the allowances of the counters, which are written in the same commits.
    `whole_since` is from when on all that was there is there yet, or restorable: before it
    something was purged, or kept for fewer days (None: that never was so).
    """

    id: str
    organization: str
    name: str
    format: Format
    kind: Kind
    public: bool
    overwrite: bool
    restore_days: int
    quota_bytes: int | None
    created: datetime
    version: int = 0
    downloads_days: int | None = None
    whole_since: datetime | None = None

    def goes_back_to(self, now: datetime) -> datetime:
        """The earliest moment of which all can be restored."""
        kept = now - timedelta(days=self.restore_days)
        return max(self.created, kept, self.whole_since or self.created)

    def value(self) -> dict[str, Any]:
        """The repository as its record holds it."""
        return {
            "id": self.id,
            "format": self.format.value,
            "kind": self.kind.value,
            "public": self.public,
            "overwrite": self.overwrite,
            "restore_days": self.restore_days,
            "quota_bytes": self.quota_bytes,
            "created": self.created.isoformat(),
            "downloads_days": self.downloads_days,
            "whole_since": self.whole_since and self.whole_since.isoformat(),
        }

    @classmethod
    def read(cls, organization: str, record: Record) -> "Repository":
        """The repository that a record holds."""
        return cls.parse(organization, record.key.sort, record.value, record.version)

    @classmethod
    def parse(
        cls, organization: str, name: str, value: Mapping[str, Any], version: int = 0
    ) -> "Repository":
        """The repository of a record's value."""
        since = value.get("whole_since")  # as `quota_bytes`
        return cls(
            id=value["id"],
            organization=organization,
            name=name,
            format=Format(value["format"]),
            kind=Kind(value["kind"]),
            public=value["public"],
            overwrite=value["overwrite"],
            restore_days=value["restore_days"],
            quota_bytes=value.get("quota_bytes"),  # repositories were made before there was one
            created=datetime.fromisoformat(value["created"]),
            version=version,
            downloads_days=value.get("downloads_days"),
            whole_since=None if since is None else datetime.fromisoformat(since),
        )
