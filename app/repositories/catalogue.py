"""The catalogue of an organization's repositories: made, changed, listed and deleted.

A repository is found by its name, and grants hold its id: beside each repository's record
lies one that leads from the id to the name, written in the same commits.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from app.repositories.names import RepositoryName
from app.repositories.repository import (
    MOST_RESTORE_DAYS,
    RESTORE_DAYS,
    Format,
    Kind,
    Policy,
    Repository,
)
from app.usage import MOST_QUOTA_BYTES, Balance, Ledger, Quota, allot, settled_balance
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import ConditionFailed, Delete, Key, Operation, Put, Record
from storage.metadata.recent import Recent

#: Records that a caller has read already, afresh.
Records: TypeAlias = Mapping[Key, Record]

PAGE = 500
_NAMES_PER_GET = 100  # as many as one get reads
ATTEMPTS = 5  # at a change that others' changes get in the way of


class RepositoryExists(Exception):
    """There is a repository of that name."""


class RepositoryMissing(Exception):
    """There is no repository of that name."""


class RepositoryBusy(Exception):
    """Others changed the repository again and again; try again in a second."""


class InvalidRepository(Exception):
    """A rule that makes no sense; `field` names it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True)
class Rules:
    """What the owners of a repository decide; None leaves a rule as it is."""

    public: bool | None = None
    overwrite: bool | None = None
    restore_days: int | None = None
    quota: Quota | None = None
    policy: Policy | None = None
    audit_reads: bool | None = None


class Catalogue:
    """The repositories of organizations."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """`clock` stands for the store's time."""
        self._recent = recent
        self._journal = journal
        self._clock = clock or recent.metadata.now

    def create(
        self,
        organization: str,
        actor: Actor,
        name: RepositoryName,
        rules: Rules = Rules(),
        repository_format: Format = Format.RAW,
        kind: Kind = Kind.HOSTED,
    ) -> Repository:
        """Make a repository. Raises RepositoryExists, InvalidRepository."""
        now = self._clock()
        repository = _with(
            Repository(
                id=secrets.token_hex(8),
                organization=organization,
                name=name.text,
                format=repository_format,
                kind=kind,
                public=False,
                overwrite=False,
                restore_days=RESTORE_DAYS if rules.restore_days is None else rules.restore_days,
                quota_bytes=None,
                created=now,
                policy=Policy.MIXED if repository_format is Format.MAVEN else None,
            ),
            rules,
            now,
        )
        key = keys.repository(organization, name.text)
        try:
            done = self._recent.commit(
                Put(key, repository.value(), absent=True),
                Put(
                    keys.repository_name(organization, repository.id),
                    {"name": name.text},
                    absent=True,
                ),
                *_first_allotment(repository),
                witness=self._journal.event(
                    organization,
                    actor,
                    "repository.create",
                    repository=repository.id,
                    **repository.rules(),
                ),
            )
        except ConditionFailed as error:
            raise RepositoryExists(name.text) from error
        return replace(repository, version=done.versions[key])

    def needs(self, organization: str, name: RepositoryName) -> tuple[Key, ...]:
        """What `get`, `update` and `delete` begin with, for who reads it with more besides."""
        return (keys.repository(organization, name.text),)

    def get(
        self, organization: str, name: RepositoryName, records: Records | None = None
    ) -> Repository:
        """Read a repository afresh, unless `records` hold it. Raises RepositoryMissing."""
        key = keys.repository(organization, name.text)
        record = (self._recent.remembering(key) if records is None else records).get(key)
        if record is None:
            raise RepositoryMissing(name.text)
        return Repository.read(organization, record)

    def by_id(self, organization: str, repository_id: str) -> Repository:
        """Read a repository afresh, whatever its name is now. Raises RepositoryMissing."""
        for name in self.names(organization, [repository_id]).values():
            repository = self.get(organization, RepositoryName(name))
            if repository.id == repository_id:
                return repository
        raise RepositoryMissing(repository_id)

    def format_of(self, organization: str, repository_id: str) -> Format | None:
        """The format of a repository, None where it is gone."""
        try:
            return self.by_id(organization, repository_id).format
        except RepositoryMissing:
            return None

    def every(self, organization: str, after: str = "") -> Iterator[Repository]:
        """The repositories of an organization behind a name, in order, a page at a time."""
        partition = keys.repositories(organization)
        while True:
            page = self._recent.query(partition, "", after, PAGE)
            for record in page.records:
                yield Repository.read(organization, record)
            if page.next is None:
                return
            after = page.next

    def names(self, organization: str, ids: Iterable[str]) -> dict[str, str]:
        """The names of those repositories that are there, by their ids: one read for 100."""
        wanted = [keys.repository_name(organization, one) for one in dict.fromkeys(ids)]
        return {key.sort: record.value["name"] for key, record in self._read(wanted).items()}

    def named(
        self, organization: str, names: Iterable[RepositoryName]
    ) -> dict[RepositoryName, Repository]:
        """Those repositories that are there, by their names: one read for 100."""
        wanted = {name: keys.repository(organization, name.text) for name in names}
        found = self._read(list(wanted.values()))
        return {
            name: Repository.read(organization, found[key])
            for name, key in wanted.items()
            if key in found
        }

    def update(
        self,
        organization: str,
        actor: Actor,
        name: RepositoryName,
        rules: Rules,
        records: Records | None = None,
    ) -> Repository:
        """Change rules. Raises RepositoryMissing, InvalidRepository."""
        first: str | None = None
        for _ in range(ATTEMPTS):
            old, records = self.get(organization, name, records), None
            first = _same(first, old)
            new = _with(old, rules, self._clock())
            key = keys.repository(organization, name.text)
            try:
                done = self._recent.commit(
                    Put(key, new.value(), at=old.version),
                    *self._allotment(old, new),
                    witness=self._journal.event(
                        organization,
                        actor,
                        "repository.update",
                        repository=old.id,
                        **_changed(old, new),
                    ),
                )
            except ConditionFailed:
                continue  # somebody else changed it: read it again, and change that
            return replace(new, version=done.versions[key])
        raise RepositoryBusy(name.text)

    def note_purge(self, repository: Repository, actor: Actor, moment: datetime) -> None:
        """Record that what was there before a moment may not be restorable any more.

        Raises RepositoryMissing.
        """
        for _ in range(ATTEMPTS):
            found = self.by_id(repository.organization, repository.id)
            if found.whole_since is not None and found.whole_since >= moment:
                return
            new = replace(found, whole_since=moment)
            key = keys.repository(found.organization, found.name)
            try:
                self._recent.commit(
                    Put(key, new.value(), at=found.version),
                    witness=self._journal.event(
                        found.organization, actor, "repository.purge", repository=found.id
                    ),
                )
            except ConditionFailed:
                continue
            return
        raise RepositoryBusy(repository.name)

    def delete(
        self,
        organization: str,
        actor: Actor,
        name: RepositoryName,
        records: Records | None = None,
    ) -> None:
        """Delete a repository: its name is free at once, its record is kept for restoring.

        Raises RepositoryMissing.
        """
        first: str | None = None
        for _ in range(ATTEMPTS):
            old, records = self.get(organization, name, records), None
            first = _same(first, old)
            now = self._clock()
            kept = Key(
                keys.deleted_repositories(organization), f"{name.text}/{keys.time(now)}#{old.id}"
            )
            try:
                self._recent.commit(
                    Delete(keys.repository(organization, name.text), at=old.version),
                    Delete(keys.repository_name(organization, old.id)),
                    Put(kept, old.value() | {"deleted": now.isoformat(), "user": actor.user}),
                    witness=self._journal.event(
                        organization, actor, "repository.delete", repository=old.id
                    ),
                )
            except ConditionFailed:
                continue
            return
        raise RepositoryBusy(name.text)

    def _allotment(self, old: Repository, new: Repository) -> tuple[Operation, ...]:
        """What divides a quota that changes over the counters, which are read for it."""
        if old.quota_bytes == new.quota_bytes:
            return ()
        ledger = Ledger(old.organization, old.id)
        balance = settled_balance(self._recent.metadata, ledger)
        return allot(balance, new.quota_bytes).operations(balance)

    def _read(self, wanted: list[Key]) -> Records:
        found: dict[Key, Record] = {}
        for start in range(0, len(wanted), _NAMES_PER_GET):
            found |= self._recent.get(*wanted[start : start + _NAMES_PER_GET])
        return found


def _same(first: str | None, found: Repository) -> str:
    """The id of the repository that a change is about: another one may have its name by now,
    and is not for this caller to change. Raises RepositoryMissing."""
    if first not in (None, found.id):
        raise RepositoryMissing(found.name)
    return found.id


def _with(repository: Repository, rules: Rules, now: datetime) -> Repository:
    days = repository.restore_days if rules.restore_days is None else rules.restore_days
    if not 0 <= days <= MOST_RESTORE_DAYS:
        raise InvalidRepository("restore_days", f"must be from 0 to {MOST_RESTORE_DAYS}")
    quota = Quota(repository.quota_bytes) if rules.quota is None else rules.quota
    if quota.bytes is not None and not 0 <= quota.bytes <= MOST_QUOTA_BYTES:
        raise InvalidRepository("quota_bytes", f"must be from 0 to {MOST_QUOTA_BYTES}, or null")
    if rules.policy is not None and repository.format is not Format.MAVEN:
        raise InvalidRepository("policy", "is for Maven repositories alone")
    return replace(
        repository.keeping(days, now),
        policy=repository.policy if rules.policy is None else rules.policy,
        public=repository.public if rules.public is None else rules.public,
        overwrite=repository.overwrite if rules.overwrite is None else rules.overwrite,
        audit_reads=repository.audit_reads if rules.audit_reads is None else rules.audit_reads,
        quota_bytes=quota.bytes,
    )


def _changed(old: Repository, new: Repository) -> dict[str, Any]:
    """The rules that differ, as they are now."""
    before = old.rules()
    return {name: value for name, value in new.rules().items() if value != before[name]}


def _first_allotment(repository: Repository) -> tuple[Operation, ...]:
    if repository.quota_bytes is None:
        return ()
    empty = Balance.read(Ledger(repository.organization, repository.id), {})
    return allot(empty, repository.quota_bytes).operations(empty)
