"""A storeroom with rules, for tests of retention."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from app.installation import Installation
from app.publishing import Artifact
from app.publishing.changes import Changes
from app.repositories import Format, Repository, RepositoryName, Rules
from app.retention import Pattern, Retention, RetentionJob, Rule, RuleSet
from app.retention.sweep import Sweep
from app.retention.work import NAME
from auth.principals import operating
from storage import keys
from storage.events import Feed
from storage.metadata import Put
from tests.app.storeroom import ACTOR, ORG, Storeroom

BY = operating(ORG, ACTOR)
FILES = RepositoryName("files")
DAY = timedelta(days=1)


def rule(
    match: str,
    newest: int | None = None,
    age: int | None = None,
    unused: int | None = None,
    builds: int | None = None,
) -> Rule:
    return Rule(Pattern.parse(match), newest, age, unused, builds)


class Kept(Storeroom):
    """A storeroom with rules; of Maven, where that is said."""

    def __init__(self, at: Installation, kind: Format = Format.RAW) -> None:
        super().__init__(at)
        if kind is not Format.RAW:
            name, rules = RepositoryName(kind.value), Rules(overwrite=True)
            self.repository = self.catalogue.create(ORG, ACTOR, name, rules, kind)
        self.name = RepositoryName(self.repository.name)
        self.retention = Retention(self.at.recent, at.journal, self.catalogue, self.bulk)
        job = RetentionJob(self.catalogue, self.retention)
        self.kinds = {**self.kinds, NAME: job}

    def here(self) -> Repository:
        """The repository as it is now."""
        return self.catalogue.get(ORG, self.name)

    def set(self, *rules: Rule, confirmed: bool = True) -> RuleSet:
        return self.retention.set(BY, self.name, RuleSet(rules), confirmed=confirmed)

    def sweep(self, rules: RuleSet | None = None, repository: Repository | None = None) -> Sweep:
        """What looks at the repository: by the rules that are set, or by others."""
        here = repository or self.here()
        rules = rules or self.retention.rules(here)
        return Sweep(self.at.metadata, here, rules, self.at.metadata.now())

    def plant(self, files: Mapping[str, datetime]) -> None:
        """Files of those times, without bytes."""
        waiting = list(files.items())
        for start in range(0, len(waiting), 6):
            changes = Changes()
            folders: dict[Any, Put] = {}
            for path, modified in waiting[start : start + 6]:
                place = self.place(path)
                artifact = Artifact(None, 0, {"sha256": "0" * 64}, modified, "user1")
                changes.appear(place, artifact)
                folders |= {key: Put(key, {}) for key in place.folder_keys()}
            self.at.metadata.commit(*changes.operations(), *folders.values())

    def preview(self, limit: int = 100) -> list[tuple[str, int]]:
        """What would go, page by page."""
        found: list[tuple[str, int]] = []
        after: str | None = ""
        while after is not None:
            page = self.retention.preview(
                self.here(), self.retention.rules(self.here()), after, limit
            )
            assert len(page.items) <= limit
            found += [(str(going.path), going.rule) for going in page.items]
            after = page.next
        return found

    def events(self) -> list[dict[str, Any]]:
        """The details of the deletions."""
        feed = Feed(self.at.metadata, self.at.journal, ORG)
        cursor = feed.start(self.at.metadata.now() - timedelta(minutes=5))
        return [
            dict(event.details)
            for event in feed.read(cursor).events
            if event.action == "artifact.delete"
        ]


def ages(now: datetime, **days: float) -> dict[str, datetime]:
    """Files by names with `__` for a slash, each so many days old."""
    return {name.replace("__", "/"): now - days[name] * DAY for name in days}


def note(room: Kept, path: str, ago: float = 0) -> None:
    day = (room.at.metadata.now() - ago * DAY).astimezone(UTC).date().isoformat()
    room.at.metadata.commit(Put(keys.downloaded(ORG, room.repository.id, path), {"day": day}))
