"""An organization with repositories to fill, and what has to hold of its counters."""

import secrets
from typing import Any

from app.installation import Installation
from app.publishing import Digester, Publication, Published, Publisher, Remover
from app.publishing.bulk import Bulk
from app.publishing.changes import Restorable
from app.publishing.erasure import Eraser
from app.publishing.place import Place
from app.publishing.purging import Purge
from app.publishing.receiving import Receiver
from app.publishing.restoration import Restorer
from app.repositories import (
    ArtifactPath,
    Catalogue,
    DeletedRepositories,
    Repository,
    RepositoryName,
    Rules,
)
from app.usage import Balance, Ledger, Limit, OrganizationQuotas, Quota, Quotas, balances_of
from app.usage.counting import count, told
from auth.organizations import founding
from storage.events import Actor
from storage.metadata import Key, Record

ACTOR = Actor("user1", "key1", "request1")


class Body:
    """Bytes that are held in memory, with their length or without."""

    def __init__(self, data: bytes, *, chunked: bool = False) -> None:
        self.left = memoryview(data)
        self.length = None if chunked else len(data)

    def readinto(self, view: memoryview) -> int:
        size = min(len(view), len(self.left))
        view[:size] = self.left[:size]
        self.left = self.left[size:]
        return size


class Depot:
    """A new organization."""

    def __init__(self, at: Installation) -> None:
        self.at = at
        self.id = secrets.token_hex(8)
        name = f"o{self.id}"
        at.metadata.commit(*founding(name, self.id, "2026-01-01T00:00:00+00:00", []))
        self.catalogue = Catalogue(at.recent, at.journal)
        self.quotas = Quotas(at.metadata, at.journal)
        self.publisher = Publisher(
            Receiver(at.blobs, at.metadata, Digester(2)), at.metadata, at.journal
        )
        self._organization_quotas = OrganizationQuotas(at.recent, at.journal)
        self._remover = Remover(at.metadata, at.journal)
        self._bulk = Bulk(at.metadata, at.journal)
        self._restorer = Restorer(at.metadata, self._bulk)

    def repository(self, name: str, quota: int | None = None) -> Repository:
        rules = Rules(overwrite=True, quota=Quota(quota))
        return self.catalogue.create(self.id, ACTOR, RepositoryName.parse(name), rules)

    def bound(self, repository: Repository, quota: int | None) -> None:
        """Set the quota of a repository."""
        name = RepositoryName.parse(repository.name)
        self.catalogue.update(self.id, ACTOR, name, Rules(quota=Quota(quota)))

    def bound_all(self, quota: int | None) -> None:
        """Set the quota of the organization."""
        self._organization_quotas.set(self.id, quota, ACTOR)

    def read(self, place: Place) -> dict[Key, Record]:
        return self.at.metadata.get(*place.keys())

    def put(
        self, repository: Repository, path: str, data: bytes, *, chunked: bool = False, **more: Any
    ) -> Published:
        place = Place.at(repository, ArtifactPath.parse(path))
        body = Body(data, chunked=chunked)
        return self.publisher.publish(Publication(place, ACTOR, **more), body, self.read(place))

    def remove(self, repository: Repository, path: str) -> None:
        place = Place.at(repository, ArtifactPath.parse(path))
        self._remover.remove(place, ACTOR, self.read(place))

    def restorables(self, repository: Repository, path: str) -> list[Restorable]:
        return list(self._restorer.versions(Place.at(repository, ArtifactPath.parse(path))))

    def restore(self, repository: Repository, path: str) -> None:
        self._restorer.restore_file(repository, ArtifactPath.parse(path), ACTOR, overwrite=True)

    def purge(self, restorable: Restorable) -> None:
        self._bulk.carry_out("artifact.purge", self.id, ACTOR, [Purge.of(self.id, restorable)])

    def erase(self, repository: Repository) -> None:
        """Delete a repository, and erase it as where its time is up."""
        self.catalogue.delete(self.id, ACTOR, RepositoryName.parse(repository.name))
        deleted = DeletedRepositories(self.at.recent, self.at.journal)
        eraser = Eraser(self.at.metadata, self.at.journal, deleted, self._bulk)
        (gone,) = deleted.every(self.id)
        assert eraser.erase(gone) is not None

    def balance(self, repository: Repository | None = None) -> Balance:
        """All stripes of a repository, or of the organization."""
        ledger = Ledger(self.id, None if repository is None else repository.id)
        return balances_of(self.at.metadata, ledger)[0]

    def check(self) -> None:
        """Every stripe tells what a count of all files comes to."""
        assert told(self.at.metadata, self.id) == count(self.at.metadata, self.id)


def check_balance(balance: Balance, quota: int | None) -> None:
    """What has to hold of a ledger at rest, whatever was done before."""
    held, over = balance.usage.held, sum(stripe.over for stripe in balance.stripes)
    if quota is None:
        assert balance.limit is Limit.NONE
        assert over == held
        return
    assert balance.quota == quota
    assert over == held - quota
    assert {stripe.limit for stripe in balance.stripes} == {balance.limit}
    if balance.limit is Limit.OWN:
        assert all(stripe.over <= 0 for stripe in balance.stripes)
