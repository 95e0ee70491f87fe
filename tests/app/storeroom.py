"""A repository of files for tests of what changes many at once, over an engine that may fail."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from app.collection import Collection, Report
from app.installation import Installation
from app.publishing import Digester, Publication, Publisher, Remover
from app.publishing.bulk import Bulk
from app.publishing.expiry import Expired, Expiry
from app.publishing.place import Place
from app.publishing.purging import Purging
from app.publishing.receiving import Receiver
from app.publishing.removal import FolderRemoval
from app.publishing.restoration import Restoration, Restorer
from app.publishing.restoring import FolderRestoring, TimeRestoring
from app.repositories import ArtifactPath, Catalogue, RepositoryName, Rules
from app.work import Job, Kind, State
from auth.organizations import founding
from storage.events import Actor
from storage.metadata import Key, Metadata, MetadataError, Record
from storage.metadata.recent import Recent
from tests.faults.metadata import Faults

ORG = "org1"
ACTOR = Actor("user1", "key1", "request1")


class Body:
    """A body that is held in memory; `meanwhile` happens before its first byte is read."""

    def __init__(self, data: bytes, meanwhile: Callable[[], object] = lambda: None) -> None:
        self._data = data
        self._meanwhile = meanwhile
        self.length = len(data)

    def readinto(self, view: memoryview) -> int:
        meanwhile, self._meanwhile = self._meanwhile, lambda: None
        meanwhile()
        count = min(len(view), len(self._data))
        view[:count] = self._data[:count]
        self._data = self._data[count:]
        return count


class Storeroom:
    """One repository that may be overwritten. Time passes when a test says so."""

    def __init__(self, at: Installation, restore_days: int = 14) -> None:
        self.engine = Faults(at.engine)
        metadata = Metadata(self.engine, clock=self.engine.now, sleep=lambda _: None)
        self.at = replace(at, metadata=metadata, recent=Recent(metadata))
        metadata.commit(
            *founding("default", ORG, metadata.now().isoformat(), []),
        )
        self.catalogue = Catalogue(self.at.recent, at.journal)
        rules = Rules(overwrite=True, restore_days=restore_days)
        self.repository = self.catalogue.create(ORG, ACTOR, RepositoryName("files"), rules)
        self.bulk = Bulk(metadata, at.journal)
        self.restorer = Restorer(metadata, self.bulk)
        kinds: tuple[Kind, ...] = (
            FolderRemoval(metadata, self.catalogue, self.bulk),
            FolderRestoring(metadata, self.catalogue, self.restorer),
            TimeRestoring(metadata, self.catalogue, self.restorer, self.bulk),
            Purging(metadata, self.catalogue, self.bulk),
        )
        self.kinds: Mapping[str, Kind] = {kind.name: kind for kind in kinds}
        self.receiver = Receiver(at.blobs, metadata, Digester(2))
        self.publisher = Publisher(self.receiver, metadata, at.journal)
        self._remover = Remover(metadata, at.journal)

    def wait(self, time: timedelta) -> None:
        """Let time pass, for the store and the process."""
        self.engine.skew += time

    def place(self, path: str) -> Place:
        return Place.at(self.repository, ArtifactPath.parse(path))

    def put(
        self, path: str, data: bytes = b"", records: Mapping[Key, Record] | None = None
    ) -> None:
        """Publish a file, by what is read now or was read before."""
        place = self.place(path)
        if records is None:
            records = self.at.metadata.get(*place.keys())
        self.publisher.publish(Publication(place, ACTOR), Body(data or path.encode()), records)

    def remove(self, path: str) -> None:
        place = self.place(path)
        self._remover.remove(place, ACTOR, self.at.metadata.get(*place.keys()))

    def restore(self, path: str, *, overwrite: bool = False) -> Restoration:
        return self.restorer.restore_file(
            self.repository, ArtifactPath.parse(path), ACTOR, overwrite=overwrite
        )

    def read(self, path: str) -> bytes | None:
        key = self.place(path).key
        record = self.at.metadata.get(key).get(key)
        if record is None:
            return None
        blob = record.value["blob"]
        return b"" if blob is None else b"".join(self.at.blobs.open(blob))

    def job(self, kind: str, path: str = "", **parameters: Any) -> Job:
        now = self.at.metadata.now()
        return Job(
            organization=ORG,
            id=secrets.token_hex(16),
            kind=kind,
            actor=ACTOR,
            created=now,
            updated=now,
            repository=self.repository.id,
            parameters={"path": path, **parameters},
        )

    def step(self, job: Job) -> Job:
        """Do a step of a job, and record it."""
        step = self.kinds[job.kind].step(job)
        counts = {name: job.counts.get(name, 0) + count for name, count in {**step.counts}.items()}
        return replace(
            job,
            position=step.position,
            counts=counts,
            result=step.result,
            state=State.DONE if step.done else State.WAITING,
        )

    def finish(self, job: Job) -> Job:
        """Do all of a job; a step that fails is done again."""
        for _ in range(10_000):
            if job.ended:
                return job
            try:
                job = self.step(job)
            except MetadataError:
                continue
        raise AssertionError("the job does not end")

    def run(self, kind: str, path: str = "", **parameters: Any) -> Job:
        return self.finish(self.job(kind, path, **parameters))

    def collect(self, **more: Any) -> Report:
        """Collect what is a day old, by the clock of the store."""
        return Collection(self.at, clock=self.at.metadata.now).run(**more)

    def expire(self) -> Expired:
        """Purge whatever is due."""
        expiry = Expiry(self.at.metadata, self.bulk)
        return expiry.run(ORG, self.repository.created, self.at.metadata.now())

    def blobs(self) -> set[str]:
        return {entry.key for entry in self.at.blobs.list().entries}

    def records(self, word: str = "") -> list[Record]:
        """Everything that is stored in partitions whose second word is this one."""
        found: list[Record] = []
        after = ""
        while True:
            page = self.at.metadata.scan(0, 1, after, 1000)
            found += [r for r in page.records if f"#{word}#" in f"{r.key.partition}#" or not word]
            if page.next is None:
                return found
            after = page.next

    def paths(self) -> list[str]:
        """Every file that is there."""
        return sorted(
            f"{record.key.partition.split('#', 3)[3][1:]}{record.key.sort}"
            for record in self.records("folder")
            if not record.key.sort.endswith("/")
        )

    def usage(self) -> dict[str, int]:
        """What the counters of the repository come to."""
        total: dict[str, int] = {}
        for record in self.records("usage"):
            if record.key.partition.count("#") == 3:
                for name in ("files", "bytes", "restorable_files", "restorable_bytes"):
                    total[name] = total.get(name, 0) + record.value.get(name, 0)
        return {name: count for name, count in total.items() if count}

    def check(self) -> None:
        """Counters and references say what is there, and every reference leads to bytes."""
        present = [r.value for r in self.records("folder") if not r.key.sort.endswith("/")]
        kept = [record.value["artifact"] for record in self.records("deleted")]
        expected = {
            "files": len(present),
            "bytes": sum(one["size"] for one in present),
            "restorable_files": len(kept),
            "restorable_bytes": sum(one["size"] for one in kept),
        }
        assert self.usage() == {name: count for name, count in expected.items() if count}
        references: dict[str, int] = {}
        for one in (*present, *kept):
            if one["blob"] is not None:
                references[one["blob"]] = references.get(one["blob"], 0) + 1
        counted = {r.value["key"]: r.value["references"] for r in self.records("blob")}
        assert {key: count for key, count in counted.items() if count} == references
        assert references.keys() <= self.blobs()
        due = {(r.value["partition"], r.value["sort"]) for r in self.records("due")}
        assert due == {(r.key.partition, r.key.sort) for r in self.records("deleted")}
