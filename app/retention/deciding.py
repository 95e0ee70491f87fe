"""Decides which files of a page go: each by the first rule that takes it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.publishing import Artifact
from app.repositories import ArtifactPath, FolderPath, Repository
from app.retention.builds import Belonging, Build, Builds
from app.retention.newest import Newest
from app.retention.patterns import Entered
from app.retention.rules import Rule, RuleSet
from storage import keys
from storage.metadata import Metadata, Record
from storage.metadata.operations import KEYS_PER_GET


@dataclass(frozen=True, slots=True)
class Going:
    """A file that a rule takes; rules are counted from 1."""

    path: ArtifactPath
    artifact: Artifact
    rule: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A file that rules take, but for its downloads."""

    path: ArtifactPath
    artifact: Artifact
    build: Build | None
    rules: Sequence[int]


class Deciding:
    """One set of rules at one moment."""

    def __init__(
        self, metadata: Metadata, repository: Repository, rules: RuleSet, now: datetime
    ) -> None:
        self._metadata = metadata
        self._repository = repository
        self._rules = rules
        self._now = now

    def going(
        self,
        folder: FolderPath,
        files: Sequence[Record],
        builds: Builds,
        patterns: Entered,
        kept: Newest,
    ) -> Iterator[Going]:
        """What goes of files of a folder."""
        found: list[_Candidate] = []
        for record in files:
            path, artifact = ArtifactPath(folder, record.key.sort), Artifact.read(record)
            file = builds.of(path.name)
            build = None if file is None else file.build
            taking = [
                number
                for number, rule in enumerate(self._rules.rules)
                if rule.takes_by_number(path.name, artifact, build, kept.lines[number])
                and not _spared(rule, file, kept)
                and self._by_age(rule, artifact, build, builds)
            ]
            fitting = patterns.fitting(path.name) if taking else ()
            taking = [number for number in taking if number in fitting]
            if taking:
                found.append(_Candidate(path, artifact, build, taking))
        last = self._last_downloads(found, builds)
        for one in found:
            for number in one.rules:
                if self._by_downloads(self._rules.rules[number], one, builds, last):
                    yield Going(one.path, one.artifact, number + 1)
                    break

    def _by_age(self, rule: Rule, artifact: Artifact, build: Build | None, builds: Builds) -> bool:
        if rule.older_than_days is None:
            return True
        return rule.takes_by_age(_since(rule, artifact, build, builds), self._now)

    def _by_downloads(
        self, rule: Rule, one: _Candidate, builds: Builds, last: dict[str, date]
    ) -> bool:
        if rule.not_downloaded_days is None:
            return True
        days = [last[path] for path in _paths(rule, one, builds) if path in last]
        return rule.takes_by_downloads(
            _since(rule, one.artifact, one.build, builds),
            max(days, default=None),
            self._rules.remembered,
            self._now,
        )

    def _last_downloads(self, found: Sequence[_Candidate], builds: Builds) -> dict[str, date]:
        """The days on which files were last downloaded, of those where it matters."""
        paths = {
            path: None
            for one in found
            for number in one.rules
            if (rule := self._rules.rules[number]).not_downloaded_days is not None
            for path in _paths(rule, one, builds)
        }
        organization, repository = self._repository.organization, self._repository.id
        wanted = [keys.downloaded(organization, repository, path) for path in paths]
        days: dict[str, date] = {}
        for start in range(0, len(wanted), KEYS_PER_GET):
            known = self._metadata.get(*wanted[start : start + KEYS_PER_GET])
            days |= {
                key.sort: date.fromisoformat(record.value["day"]) for key, record in known.items()
            }
        return days


def _spared(rule: Rule, file: Belonging | None, kept: Newest) -> bool:
    """Whether the metadata of a snapshot names a file, so that counting builds can't take it."""
    return rule.keep_snapshots is not None and file is not None and kept.kinds.spare(file)


def _since(rule: Rule, artifact: Artifact, build: Build | None, builds: Builds) -> datetime:
    """Since when what a rule takes with a file is there: the file, or its build."""
    if rule.keep_snapshots is None or build is None:
        return artifact.since
    return builds.since(build)


def _paths(rule: Rule, one: _Candidate, builds: Builds) -> Sequence[str]:
    """Where all lies that a rule takes with a file."""
    if rule.keep_snapshots is None or one.build is None:
        return (str(one.path),)
    return builds.paths(one.build)
