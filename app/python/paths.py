"""What a path means in a Python repository, parsed once.

Files lie at `files/PROJECT/NAME`, and nothing else is stored. Everything beside them is computed:
the index at the root and again at `simple/`, the page of a project, what PyPI tells of it as JSON.
A project called `files`, `simple` or `legacy` has its page beneath `simple/` alone.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from app.maven.paths import quoted
from app.python.filenames import METADATA_SUFFIX, Distribution, InvalidDistribution
from app.python.filenames import parse_distribution as parse_name
from app.python.names import InvalidProject, InvalidVersion, parse_project, parse_version
from app.repositories.names import ArtifactPath, FolderPath
from app.repositories.refused import Refused

FILES, SIMPLE, LEGACY, JSON = "files", "simple", "legacy", "json"
#: Where Hatch looks for what is there already, before it uploads.
PLUS_SIMPLE = "+simple"
SIGNATURE_SUFFIX = ".asc"
#: What lies beside a file, under its name and one of these.
SUFFIXES = (METADATA_SUFFIX, SIGNATURE_SUFFIX)


class InvalidPath(Refused):
    """A path at which no distribution can lie; the message says where one does."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A distribution at its path; or with a `suffix` what lies beside it."""

    path: ArtifactPath
    distribution: Distribution
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Details:
    """What PyPI tells of a project, or of one of its versions, as JSON."""

    project: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The page of the index that lists a project's files, or all projects where it is None.

    `name` is the project as it was asked for, `project` how it is spelled. `within` is the folder
    in which the index was asked for, none for the root.
    """

    name: str | None
    project: str | None
    within: tuple[str, ...]

    @property
    def segments(self) -> tuple[str, ...]:
        """Where it lies."""
        return self.within if self.project is None else (*self.within, self.project)

    @property
    def to_root(self) -> str:
        """The relative address of the root."""
        return "../" * len(self.segments)


Meaning: TypeAlias = Stored | Details | Page


def files_of(project: str) -> FolderPath:
    """The folder of a project's files."""
    return FolderPath((FILES, project))


def at(distribution: Distribution) -> ArtifactPath:
    """Where a distribution lies."""
    return ArtifactPath(files_of(distribution.project), distribution.filename)


@lru_cache(maxsize=4096)  # a request asks it several times
def stored(path: ArtifactPath) -> Stored:
    """The distribution whose path it is. Raises InvalidPath, InvalidDistribution."""
    segments = path.folder.segments
    if len(segments) != 2 or segments[0] != FILES:
        raise InvalidPath(
            f"{quoted(str(path))}: in a Python repository files lie at files/PROJECT/NAME; upload"
            " them to the address of the repository, as twine and uv do"
        )
    distribution = parse_name(path.name)
    if segments[1] != distribution.project:
        raise InvalidPath(
            f"{quoted(str(path))}: {path.name} is of the project {distribution.project}, and lies"
            f" at {at(distribution)}"
        )
    return Stored(path, distribution)


def distribution_at(path: ArtifactPath) -> Distribution | None:
    """The distribution whose path it is, if it is one's."""
    try:
        return stored(path).distribution
    except (InvalidPath, InvalidDistribution):
        return None


@lru_cache(maxsize=4096)
def meaning(path: ArtifactPath) -> Meaning | None:
    """What is asked for by a path without a slash at its end; None where there can be nothing.

    A page is meant where only the slash is missing.
    """
    segments = (*path.folder.segments, path.name)
    if segments[0] == FILES:
        return _beneath_files(path)
    page = page_at(FolderPath(segments))
    if page is not None:
        return page
    if len(segments) in (2, 3) and segments[-1] == JSON:
        return _details(*segments[:-1])
    return None


def page_at(folder: FolderPath) -> Page | None:
    """The page of the index at an address that ends in a slash; None where there is none."""
    match folder.segments:
        case () | ("simple" | "+simple",):
            return Page(None, None, folder.segments)
        case ("simple" | "+simple" as within, name):
            return _page(name, (within,))
        case ("files" | "legacy",):
            return None
        case (name,):
            return _page(name, ())
    return None


def _page(name: str, within: tuple[str, ...]) -> Page | None:
    try:
        return Page(name, parse_project(name), within)
    except InvalidProject:
        return None


def _beneath_files(path: ArtifactPath) -> Stored | None:
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            of = ArtifactPath(path.folder, path.name.removesuffix(suffix))
            distribution = distribution_at(of)
            return None if distribution is None else Stored(of, distribution, suffix)
    distribution = distribution_at(path)
    return None if distribution is None else Stored(path, distribution)


def _details(name: str, version: str | None = None) -> Details | None:
    try:
        if version is not None:
            version = str(parse_version(version))
        return Details(parse_project(name), version)
    except (InvalidProject, InvalidVersion):
        return None
