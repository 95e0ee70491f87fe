"""What there is of the projects of a Python repository, for its index and for its people.

The index tells installers what they may have; this tells all of it: the files of a project in
quarantine too, who yanked what for which reason, and a state without files.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.version import Version

from app.publishing.place import Place, is_listed
from app.publishing.projects import State
from app.python.documents import IndexFile, ProjectStatus, releases
from app.python.filenames import Distribution, parse_distribution
from app.python.layout import DISTRIBUTIONS, REQUIRES_PYTHON, YANKED
from app.python.names import parse_project, parse_version
from app.python.paths import FILES, at, distribution_at, files_of
from app.repositories import ArtifactPath, FolderPath, Repository
from auth.errors import Missing
from auth.records import Listing
from storage import keys
from storage.metadata import Key, Metadata, Record
from storage.metadata.operations import KEYS_PER_GET, moment

_ENTRIES = 20_000  # at once: a page ends at a megabyte, and all of it is needed
_PAGES = 10  # of folders that a request looks through for projects that are listed


@dataclass(frozen=True, slots=True)
class Named:
    """A project with its status."""

    name: str
    status: ProjectStatus


@dataclass(frozen=True, slots=True)
class Release:
    """The files of equal versions. It is yanked where all of them are, for the reason that is said
    of the first."""

    version: Version
    files: tuple[IndexFile, ...]

    @property
    def yanked(self) -> bool:
        return all(file.yanked is not None for file in self.files)

    @property
    def reason(self) -> str | None:
        return (self.files[0].yanked or None) if self.yanked else None


@dataclass(frozen=True, slots=True)
class Chosen:
    """Files of a project: those of a release, or one by its name. The project's name is
    normalized."""

    project: str
    version: Version | None = None
    distribution: Distribution | None = None

    @classmethod
    def release(cls, project: str, version: str) -> "Chosen":
        """A release in any spelling. Raises Refused."""
        return cls(parse_project(project), parse_version(version))

    @classmethod
    def file(cls, project: str, filename: str) -> "Chosen":
        """A file. Raises Refused, and Missing where it is another project's by its name."""
        name, distribution = parse_project(project), parse_distribution(filename)
        if distribution.project != name:
            raise Missing("file of this project")
        return cls(name, distribution=distribution)

    @property
    def what(self) -> str:
        """What it is, in words."""
        return "release of this project" if self.distribution is None else "file of this project"

    def has(self, path: ArtifactPath) -> bool:
        """Whether the file at a path is one of them."""
        distribution = distribution_at(path)
        if distribution is None or distribution.project != self.project:
            return False
        return self.version == distribution.version or distribution == self.distribution


class Projects:
    """Reads projects. Safe for many threads."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    def page(self, repository: Repository, after: str, limit: int) -> Listing[Named]:
        """A page of the projects that have files, by name; it may be short."""
        folder = FolderPath((FILES,)).key
        partition = keys.folder(repository.organization, repository.id, folder)
        names: list[str] = []
        following: str | None = after
        for _ in range(_PAGES):
            page = self._metadata.query(partition, "", following or "", limit - len(names))
            names += [
                record.key.sort.removesuffix("/") for record in page.records if _is_one(record)
            ]
            following = page.next
            if following is None or len(names) == limit:
                break
        return Listing(tuple(self._with_states(repository, names)), following)

    def names(self, repository: Repository) -> list[str]:
        """All projects that have files, by name: each has a folder."""
        partition = keys.folder(repository.organization, repository.id, FolderPath((FILES,)).key)
        records = self._metadata.query_all(partition, "", _ENTRIES)
        return [record.key.sort.removesuffix("/") for record in records if _is_one(record)]

    def state(self, repository: Repository, project: str) -> State:
        """A project's state, whether there is one of the name or not."""
        key = keys.project(repository.organization, repository.id, project)
        return State.read(self._metadata.get(key).get(key))

    def files(self, repository: Repository, project: str) -> Iterator[IndexFile]:
        """Its files, by their names."""
        partition = keys.finding(repository.organization, repository.id, DISTRIBUTIONS)
        return map(_file, self._metadata.query_all(partition, f"{project}/", _ENTRIES))

    def has_files(self, repository: Repository, project: str) -> bool:
        partition = keys.finding(repository.organization, repository.id, DISTRIBUTIONS)
        return bool(self._metadata.query(partition, f"{project}/", "", 1).records)

    def releases(
        self, repository: Repository, project: str, after: str, limit: int
    ) -> tuple[State, Listing[Release]]:
        """A project's state and a page of its releases, the newest version first.

        `after` is the version that the page before ended with; empty for the first page. Raises
        Missing: there is no such project, that is neither a file nor a state.
        """
        state = self.state(repository, project)
        files = list(self.files(repository, project))
        if not files and state.version is None:
            raise Missing("project in this repository")
        # Those of a project in quarantine are shown here: somebody has to decide about them.
        newest_first = reversed(list(releases(files, ProjectStatus()).items()))
        behind = parse_version(after) if after else None
        found = [
            Release(version, tuple(files))
            for version, files in newest_first
            if behind is None or version < behind
        ]
        shown = tuple(found[:limit])
        return state, Listing(shown, str(shown[-1].version) if len(found) > limit else None)

    def chosen(self, repository: Repository, chosen: Chosen) -> list[IndexFile]:
        """The chosen files that are there, by their names."""
        if chosen.distribution is None:
            files = self.files(repository, chosen.project)
            return [file for file in files if parse_version(file.version) == chosen.version]
        position = f"{chosen.project}/{chosen.distribution.filename}"
        key = keys.found(repository.organization, repository.id, DISTRIBUTIONS, position)
        return [_file(record) for record in self._metadata.get(key).values()]

    def places(self, repository: Repository, chosen: Chosen) -> list[Place]:
        """Where the chosen files lie that are there; of a single one it is not asked."""
        if chosen.distribution is not None:
            return [Place.at(repository, at(chosen.distribution))]
        return [
            Place.at(repository, ArtifactPath(files_of(chosen.project), file.filename))
            for file in self.chosen(repository, chosen)
        ]

    def _with_states(self, repository: Repository, names: Iterable[str]) -> Iterator[Named]:
        wanted = {
            name: keys.project(repository.organization, repository.id, name) for name in names
        }
        records = self._get(list(wanted.values()))
        for name, key in wanted.items():
            yield Named(name, State.read(records.get(key)).status)

    def _get(self, wanted: list[Key]) -> Mapping[Key, Record]:
        found: dict[Key, Record] = {}
        for start in range(0, len(wanted), KEYS_PER_GET):
            found |= self._metadata.get(*wanted[start : start + KEYS_PER_GET])
        return found


def _is_one(record: Record) -> bool:
    return record.key.sort.endswith("/") and is_listed(record)


def _file(record: Record) -> IndexFile:
    """The file that an entry tells of."""
    value = record.value
    return IndexFile(
        filename=record.key.sort.partition("/")[2],
        version=value["version"],
        sha256=value["sha256"],
        size=value["size"],
        uploaded=moment(value["modified"]),
        requires_python=value.get(REQUIRES_PYTHON),
        yanked=value.get(YANKED),
        core_metadata=value.get("core"),
        signed=value.get("signed", False),
    )
