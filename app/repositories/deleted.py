"""Deleted repositories: kept whole for their `restore_days`, and then erased.

A deleted repository is its record under another key. All that lies in it stays where it is,
out of everybody's reach, because only that record says that the id means a repository.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.repositories.catalogue import RepositoryExists, RepositoryMissing
from app.repositories.names import RepositoryName
from app.repositories.repository import Repository
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import ConditionFailed, Delete, Key, Put, Record
from storage.metadata.recent import Recent


@dataclass(frozen=True, slots=True)
class DeletedRepository:
    """A repository that was deleted, as its record holds it; `deleted` and `until` are aware.

    Once it is `erasing`, nothing brings it back.
    """

    repository: Repository
    deleted: datetime
    until: datetime
    user: str | None
    erasing: bool
    key: Key
    version: int

    @classmethod
    def read(cls, organization: str, record: Record) -> "DeletedRepository":
        """The deleted repository that a record holds."""
        value = record.value
        name = record.key.sort.partition("/")[0]
        repository = Repository.parse(organization, name, value)
        deleted = datetime.fromisoformat(value["deleted"])
        return cls(
            repository=repository,
            deleted=deleted,
            until=deleted + timedelta(days=repository.restore_days),
            user=value["user"],
            erasing=value.get("erasing", False),
            key=record.key,
            version=record.version,
        )


class DeletedRepositories:
    """The deleted repositories of organizations."""

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

    def list(self, organization: str, after: str = "") -> Iterator[DeletedRepository]:
        """Those that can be restored, in order of their names, behind a record's sort key."""
        for one in self.every(organization, after):
            if not one.erasing and one.until > self._clock():
                yield one

    def every(self, organization: str, after: str = "") -> Iterator[DeletedRepository]:
        """All of them, also those whose time is up."""
        partition = keys.deleted_repositories(organization)
        following: str | None = after
        while following is not None:
            page = self._recent.query(partition, "", following)
            for record in page.records:
                yield DeletedRepository.read(organization, record)
            following = page.next

    def restore(
        self,
        organization: str,
        actor: Actor,
        name: RepositoryName,
        repository_id: str | None = None,
        to: RepositoryName | None = None,
    ) -> Repository:
        """Bring a repository back: the one that was last deleted under a name, or the one of
        them with that id. With `to` it gets another name.

        Whatever was granted in it holds again.

        Raises:
            RepositoryMissing: there is none of that name, or none any more.
            RepositoryExists: the name is taken.
        """
        found = self._find(organization, name, repository_id)
        target = to or name
        repository = replace(found.repository, name=target.text)
        key = keys.repository(organization, target.text)
        try:
            done = self._recent.commit(
                Put(key, repository.value(), absent=True),
                Put(
                    keys.repository_name(organization, repository.id),
                    {"name": target.text, "back_since": self._clock().isoformat()},
                    absent=True,
                ),
                Delete(found.key, at=found.version),
                witness=self._journal.event(
                    organization, actor, "repository.restore", repository=repository.id
                ),
            )
        except ConditionFailed as error:
            if found.key in error.found:  # restored by somebody else, or being erased
                raise RepositoryMissing(name.text) from error
            raise RepositoryExists(target.text) from error
        return replace(repository, version=done.versions[key])

    def _find(
        self, organization: str, name: RepositoryName, repository_id: str | None
    ) -> DeletedRepository:
        partition = keys.deleted_repositories(organization)
        now = self._clock()
        found = [
            one
            for one in (
                DeletedRepository.read(organization, record)
                for record in self._recent.query_all(partition, f"{name.text}/")
            )
            if not one.erasing and one.until > now and repository_id in (None, one.repository.id)
        ]
        if not found:
            raise RepositoryMissing(name.text)
        return found[-1]  # they are in order of time
