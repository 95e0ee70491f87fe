"""A Python repository's files, as publishing sees them."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from app.python.filenames import METADATA_SUFFIX, Distribution, Kind, agree
from app.python.metadata import read_metadata
from app.python.paths import FILES, SIGNATURE_SUFFIX, distribution_at, files_of, stored
from app.python.sdists import TarScanner, read_zip_sdist
from app.python.wheels import read_wheel
from app.repositories.layout import NOTHING, Read, Understood
from app.repositories.names import ArtifactPath, FolderPath
from app.repositories.repository import Policy

if TYPE_CHECKING:
    from app.publishing.artifact import Artifact

DISTRIBUTIONS = "distributions"
#: Of a file's marks: why it was yanked, "" where nobody said.
YANKED = "yanked"
#: Of a file's facts.
REQUIRES_PYTHON = "requires_python"


class PythonLayout:
    """What Python repositories make of files."""

    #: What PyPI tells of each file, and what forms announce.
    algorithms: tuple[str, ...] = ("md5", "blake2b-256")
    found_by: tuple[str, ...] = ()
    listed: tuple[str, ...] = (FolderPath((FILES,)).key,)
    announces = False

    def check(self, path: ArtifactPath, policy: Policy | None, size: int | None = None) -> None:
        """Return where a file may be published there. Raises InvalidPath, InvalidDistribution."""
        stored(path)

    def claim(self, path: ArtifactPath) -> str | None:
        """What the names have in common that mean the same distribution."""
        distribution = distribution_at(path)
        return None if distribution is None else distribution.identity

    def twice(self, path: ArtifactPath, first: str) -> str:
        """Words for a second file of one kind, after the path of the first. They are not those by
        which tools pass over what is there: this file is not."""
        distribution = stored(path).distribution
        first = first.rpartition("/")[2]
        release = f"{distribution.project} {distribution.shown}"
        if distribution.kind is Kind.SDIST:
            return (
                f"{release} has had the source distribution {first}, and there can be no other"
                f" beside it: {distribution.filename} needs a version of its own"
            )
        return (
            f"{distribution.filename} means the same as {first}, which was here first: publish"
            " another version, or with another build number"
        )

    def project(self, path: ArtifactPath) -> str | None:
        """The normalized name of the project."""
        distribution = distribution_at(path)
        return None if distribution is None else distribution.project

    def changes(self, path: ArtifactPath) -> bool:
        return False

    def reading(self, path: ArtifactPath) -> "_Wheel | _TarSdist | _ZipSdist | None":
        """The metadata in a distribution is read, and held against its name."""
        distribution = distribution_at(path)
        if distribution is None:
            return None
        if distribution.kind is Kind.WHEEL:
            return _Wheel(distribution)
        if distribution.filename.endswith(".zip"):
            return _ZipSdist(distribution)
        return _TarSdist(distribution)

    def entries(
        self, path: ArtifactPath, artifact: "Artifact"
    ) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """By its project, with what the index tells of it."""
        distribution = distribution_at(path)
        if distribution is None:
            return
        told: dict[str, Any] = {"version": distribution.shown, "sha256": artifact.sha256}
        if REQUIRES_PYTHON in artifact.facts:
            told[REQUIRES_PYTHON] = artifact.facts[REQUIRES_PYTHON]
        if YANKED in artifact.marks:
            told[YANKED] = artifact.marks[YANKED]
        # Of an sdist's metadata another may be made when it is built (PEP 643).
        if METADATA_SUFFIX in artifact.attached and distribution.kind is Kind.WHEEL:
            told["core"] = artifact.attached[METADATA_SUFFIX].sha256
        if SIGNATURE_SUFFIX in artifact.attached:
            told["signed"] = True
        yield DISTRIBUTIONS, f"{distribution.project}/{path.name}", told

    def documents(self, path: ArtifactPath, artifact: "Artifact") -> Iterator[str]:
        """Those of its project."""
        distribution = distribution_at(path)
        if distribution is not None:
            yield files_of(distribution.project).key


class _Wheel:
    """Reads a wheel once it is complete, by a few ranges."""

    def __init__(self, distribution: Distribution) -> None:
        self._distribution = distribution

    def feed(self, piece: memoryview) -> None:
        """It is read from its end."""

    def finish(self, size: int, read: Read) -> Understood:
        """Raises InvalidWheel, InvalidMetadata, InvalidDistribution."""
        wheel = read_wheel(self._distribution.filename, size, read)
        return _understood(self._distribution, wheel.metadata, "METADATA")


class _TarSdist:
    """Looks for the metadata in an sdist as it comes."""

    def __init__(self, distribution: Distribution) -> None:
        self._distribution = distribution
        self._scanner = TarScanner(distribution.filename)

    def feed(self, piece: memoryview) -> None:
        self._scanner.feed(piece)

    def finish(self, _size: int, _read: Read) -> Understood:
        """Raises InvalidSdist, InvalidMetadata, InvalidDistribution."""
        return _understood(self._distribution, self._scanner.finish(), "PKG-INFO")


class _ZipSdist:
    """Reads a zipped sdist once it is complete, by a few ranges."""

    def __init__(self, distribution: Distribution) -> None:
        self._distribution = distribution

    def feed(self, piece: memoryview) -> None:
        """It is read from its end."""

    def finish(self, size: int, read: Read) -> Understood:
        """Raises InvalidSdist, InvalidMetadata, InvalidDistribution."""
        found = read_zip_sdist(self._distribution.filename, size, read)
        return _understood(self._distribution, found, "PKG-INFO")


def _understood(distribution: Distribution, metadata: bytes | None, called: str) -> Understood:
    """What is kept of a distribution's metadata, once it is found to be its own."""
    if metadata is None:
        return NOTHING
    source = f"its {called}"
    core = read_metadata(metadata, f"the {called} of {distribution.filename}")
    agree(distribution, core.name, core.version, source)
    facts = {} if core.requires_python is None else {REQUIRES_PYTHON: core.requires_python}
    return Understood(facts, {METADATA_SUFFIX: metadata})
