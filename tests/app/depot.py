"""A repository that files are imported into, and what they are imported from."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from app.importing import (
    FolderOrigin,
    Import,
    Importer,
    MavenSorting,
    Origin,
    Outcome,
    PythonSorting,
    Tally,
)
from app.importing.report import Refusal
from app.installation import Installation
from app.publishing import Artifact, Digester, Publication, Publisher, Remover
from app.publishing.place import Place
from app.publishing.receiving import Receiver
from app.repositories import ArtifactPath, Catalogue, Format, RepositoryName, Rules
from auth.organizations import founding
from storage.events import SYSTEM
from storage.metadata import Metadata
from storage.metadata.recent import Recent
from tests.app.storeroom import Body
from tests.faults.blobs import FaultyBlobs
from tests.faults.metadata import Faults

ORG = "org1"


class Depot:
    """A repository, a folder beside it, and stores that may fail."""

    def __init__(
        self, at: Installation, folder: Path, rules: Rules, format_: Format = Format.MAVEN
    ) -> None:
        self.folder = folder
        self.engine = Faults(at.engine)
        self.metadata = Metadata(self.engine, clock=self.engine.now, sleep=lambda _: None)
        self.metadata.commit(*founding("default", ORG, self.metadata.now().isoformat(), []))
        self.blobs = FaultyBlobs(at.blobs)
        self.at = replace(at, metadata=self.metadata, blobs=self.blobs)
        self.catalogue = Catalogue(Recent(self.metadata), at.journal)
        name = RepositoryName("libs")
        self.repository = self.catalogue.create(ORG, SYSTEM, name, rules, format_)
        self.pauses: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self.refused: list[Refusal] = []
        self.tally = Tally()
        self.seconds = self.step = 0.0

    def lay(self, files: Mapping[str, bytes]) -> None:
        for path, data in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(data)

    @property
    def origin(self) -> FolderOrigin:
        maven = self.repository.format is Format.MAVEN
        return FolderOrigin(self.folder, MavenSorting() if maven else PythonSorting())

    @property
    def publisher(self) -> Publisher:
        receiver = Receiver(self.blobs, self.metadata, Digester(2))
        return Publisher(receiver, self.metadata, self.at.journal)

    def clock(self) -> float:
        """Seconds, so many more each time they are asked for."""
        self.seconds += self.step
        return self.seconds

    def pause(self, seconds: float) -> None:
        """No time passes, but something else happens."""
        self.pauses.append(seconds)
        self.meanwhile()

    def put(self, path: str, data: bytes) -> None:
        """Publish a file as a client does."""
        place = Place.at(self.repository, ArtifactPath.parse(path))
        records = self.metadata.get(*place.keys())
        self.publisher.publish(Publication(place, SYSTEM), Body(data), records)

    def delete(self, path: str) -> None:
        """Delete a file as a client does."""
        place = Place.at(self.repository, ArtifactPath.parse(path))
        Remover(self.metadata, self.at.journal).remove(
            place, SYSTEM, self.metadata.get(*place.keys())
        )

    def new(self, *, jobs: int = 2, dry: bool = False) -> Import:
        importer = Importer(
            self.metadata,
            self.publisher,
            self.repository,
            SYSTEM,
            dry=dry,
            clock=self.clock,
        )
        self.refused = []
        self.tally = Tally(self.refused.append)
        return Import(importer, self.tally, jobs=jobs, pause=self.pause)

    def run(
        self, origin: Origin | None = None, *, jobs: int = 2, dry: bool = False
    ) -> tuple[int, int, int]:
        """Import; how many were imported, there already, and refused."""
        one = self.new(jobs=jobs, dry=dry)
        one.run(origin or self.origin)
        assert one.stopped is None
        return self.told

    @property
    def told(self) -> tuple[int, int, int]:
        shown = (Outcome.IMPORTED, Outcome.THERE, Outcome.REFUSED)
        imported, there, refused = (self.tally.counts[outcome].files for outcome in shown)
        return imported, there, refused

    @property
    def reasons(self) -> dict[str, str]:
        return {refusal.path: refusal.reason for refusal in self.refused}

    def artifact(self, path: str) -> Artifact | None:
        place = Place.at(self.repository, ArtifactPath.parse(path))
        return place.artifact_in(self.metadata.get(place.key))

    def read(self, path: str) -> bytes | None:
        found = self.artifact(path)
        if found is None:
            return None
        return b"" if found.blob is None else b"".join(self.blobs.open(found.blob))

    def stored(self) -> int:
        """How many blobs there are: none that nothing refers to."""
        return len(self.blobs.list().entries)
