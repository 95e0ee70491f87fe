"""What a repository is: its format, its kind, and the rules that its owners set."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from storage.metadata import Record

RESTORE_DAYS = 14
MOST_RESTORE_DAYS = 3_650

#: For how long who has read a repository may go by what it said: then he reads it again.
RULES_HOLD = timedelta(hours=1)


class Format(StrEnum):
    """The protocol that a repository speaks; it decides what a path means."""

    RAW = "raw"
    MAVEN = "maven"
    PYTHON = "python"


class Policy(StrEnum):
    """Which versions a Maven repository takes."""

    RELEASE = "release"
    SNAPSHOT = "snapshot"
    MIXED = "mixed"


class Kind(StrEnum):
    """Where a repository's contents come from."""

    HOSTED = "hosted"


@dataclass(frozen=True, slots=True)
class Fewer:
    """What was deleted or overwritten until a moment was kept for fewer days than now."""

    until: datetime
    days: int

    def goes_back_to(self, now: datetime) -> datetime:
        """The earliest moment since when nothing that was kept for so few days is gone."""
        return min(self.until, now - timedelta(days=self.days))


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as its record holds it.

    `id` is random and never used again; every key of its contents holds it, so that a
    repository made later under the same name has nothing to do with this one.
    `downloads_days` is for how many days the last download of each file is remembered, None
    where no rule asks for it. `quota_bytes` is for showing (None: there is no quota); what
    enforces it are the allowances of the counters, which are written in the same commits.
    `whole_since` is when something was purged last, `fewer` tells that files were kept for
    fewer days once (None: that never was so): neither can be gone back behind. `policy` is a
    Maven repository's, and None in others. With `audit_reads` each download leaves an event.
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
    fewer: Fewer | None = None
    policy: Policy | None = None
    audit_reads: bool = False

    def goes_back_to(self, now: datetime) -> datetime:
        """The earliest moment of which all can be restored; it moves on with `now`."""
        kept = now - timedelta(days=self.restore_days)
        fewer = kept if self.fewer is None else self.fewer.goes_back_to(now)
        return max(self.created, kept, fewer, self.whole_since or self.created)

    def keeping(self, days: int, now: datetime) -> "Repository":
        """The repository with other `restore_days`.

        Where they are more, what went before, and what somebody takes away who has read fewer,
        is gone sooner than they say.
        """
        fewer = self.fewer
        if days > self.restore_days:
            earliest = now - timedelta(days=self.restore_days)
            least = self.restore_days
            if fewer is not None and fewer.until > earliest:
                least = min(least, fewer.days)
            fewer = Fewer(now + 2 * RULES_HOLD, least)
        return replace(self, restore_days=days, fewer=fewer)

    def rules(self) -> dict[str, Any]:
        """What can be changed about it, as history tells it."""
        return {
            "policy": self.policy and self.policy.value,
            "public": self.public,
            "overwrite": self.overwrite,
            "restore_days": self.restore_days,
            "quota_bytes": self.quota_bytes,
            "audit_reads": self.audit_reads,
        }

    def value(self) -> dict[str, Any]:
        """The repository as its record holds it."""
        return {
            "id": self.id,
            "format": self.format.value,
            "kind": self.kind.value,
            **self.rules(),
            "created": self.created.isoformat(),
            "downloads_days": self.downloads_days,
            "whole_since": self.whole_since and self.whole_since.isoformat(),
            "fewer": self.fewer
            and {
                "until": self.fewer.until.isoformat(),
                "days": self.fewer.days,
            },
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
        since, fewer = value.get("whole_since"), value.get("fewer")  # as `quota_bytes`
        policy = value.get("policy")
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
            whole_since=since and datetime.fromisoformat(since),
            fewer=fewer and Fewer(datetime.fromisoformat(fewer["until"]), fewer["days"]),
            policy=policy and Policy(policy),
            audit_reads=value.get("audit_reads", False),
        )
