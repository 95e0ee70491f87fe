"""Rules: which files of a repository go, as its administrators decided.

A file goes when the pattern of a rule fits its path and all conditions of that rule hold. A
rule has at least one condition, so that none takes everything by an oversight.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeAlias

from app.publishing import Artifact
from app.retention.builds import Build
from app.retention.patterns import Pattern, Patterns
from storage.metadata import Record

MOST_RULES = 20
MOST_KEPT = 1_000
MOST_DAYS = 3_650
MOST_CHARACTERS = 2_000  # of all patterns of a repository: every file is held against them

#: What is behind it in a folder is older than the newest that are kept: time and name.
Threshold: TypeAlias = tuple[datetime, str]

#: The last of what a rule keeps in a folder, a file or a build; None where it keeps all.
Line: TypeAlias = Threshold | Build | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. A condition that is None is none.

    `keep_newest` counts the files of each folder, `keep_snapshots` the builds of each snapshot
    version; there is one of them at most. With `keep_snapshots` a rule takes files of builds
    alone, but never the newest of a classifier and extension, and a build is as young, and as
    lately used, as any of its files.
    """

    match: Pattern
    keep_newest: int | None = None
    older_than_days: int | None = None
    not_downloaded_days: int | None = None
    keep_snapshots: int | None = None

    def value(self) -> dict[str, Any]:
        """The rule as records and the API hold it."""
        return {
            "match": self.match.text,
            "keep_newest": self.keep_newest,
            "keep_snapshots": self.keep_snapshots,
            "older_than_days": self.older_than_days,
            "not_downloaded_days": self.not_downloaded_days,
        }

    def figures(self) -> dict[str, int]:
        """The conditions that it has, as history tells them: a pattern may hold a name."""
        conditions = {name: one for name, one in self.value().items() if name != "match"}
        return {name: one for name, one in conditions.items() if one is not None}

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Rule":
        """The rule of a record's value."""
        return cls(
            Pattern.parse(value["match"]),
            value["keep_newest"],
            value["older_than_days"],
            value["not_downloaded_days"],
            value.get("keep_snapshots"),  # rules were set before there was such a thing
        )

    def takes_by_number(
        self, name: str, artifact: Artifact, build: Build | None, line: Line
    ) -> bool:
        """Whether enough of its folder is newer: files, or builds where it is of one. `line` is
        the last of those that are kept."""
        if self.keep_snapshots is not None:
            return build is not None and isinstance(line, Build) and build < line
        if self.keep_newest is None:
            return True
        if line is None or isinstance(line, Build):
            return False
        return newness(name, artifact) < line

    def takes_by_age(self, since: datetime, now: datetime) -> bool:
        """Whether what has been there since then has been there for long enough."""
        days = self.older_than_days
        return days is None or since <= now - timedelta(days=days)

    def takes_by_downloads(
        self, since: datetime, last: date | None, remembered: datetime | None, now: datetime
    ) -> bool:
        """Whether nobody has downloaded it for long enough.

        Args:
            since: since when it is there.
            last: the day (UTC) of its last download that is known.
            remembered: since when downloads are remembered; before that, any may have been.
            now: the time.
        """
        if self.not_downloaded_days is None:
            return True
        if remembered is None:
            return False
        used = max(since, remembered)
        if last is not None:
            used = max(used, datetime.combine(last + timedelta(days=1), time(), UTC))
        return used <= now - timedelta(days=self.not_downloaded_days)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of a repository.

    `remembered` is since when its downloads are. `confirmed` is whether who set the rules said
    that they may take every file of it.
    """

    rules: tuple[Rule, ...] = ()
    remembered: datetime | None = None
    version: int = 0
    confirmed: bool = False

    @property
    def may_empty(self) -> bool:
        """Whether they could take every file: where each of them keeps newest files, the
        newest of a folder is among those of every rule that fits it, and stays; and so is the
        newest build, where each keeps builds. The newest file can be of another build."""
        return any(rule.keep_newest is None for rule in self.rules) and any(
            rule.keep_snapshots is None for rule in self.rules
        )

    @property
    def keep_snapshots(self) -> bool:
        """Whether some rule is about builds."""
        return any(rule.keep_snapshots is not None for rule in self.rules)

    def since(self, moment: datetime) -> "RuleSet":
        """The rules where nobody could download until then: no download before it is known."""
        if self.remembered is None:
            return self
        return replace(self, remembered=max(self.remembered, moment))

    @property
    def patterns(self) -> Patterns:
        """What files are held against, numbered as the rules are."""
        return Patterns.of([rule.match for rule in self.rules])

    @property
    def downloads_days(self) -> int | None:
        """How many days back downloads matter, None where they do not."""
        return max(
            (rule.not_downloaded_days for rule in self.rules if rule.not_downloaded_days),
            default=None,
        )

    def value(self) -> dict[str, Any]:
        return {
            "rules": [rule.value() for rule in self.rules],
            "remembered": None if self.remembered is None else self.remembered.isoformat(),
            "confirmed": self.confirmed,
        }

    @classmethod
    def read(cls, record: Record) -> "RuleSet":
        """The rules that a record holds."""
        remembered = record.value["remembered"]
        return cls(
            tuple(Rule.read(value) for value in record.value["rules"]),
            None if remembered is None else datetime.fromisoformat(remembered),
            record.version,
            record.value.get("confirmed", False),  # rules were set before it was kept
        )


def newness(name: str, artifact: Artifact) -> Threshold:
    """What files of a folder are ordered by: their time, and their name within a microsecond."""
    return artifact.since, name
