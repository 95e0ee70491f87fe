"""A Maven repository's files, as publishing sees them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from app.maven.paths import InvalidLayout, MavenFile, admit, parse, quoted
from app.maven.plugins import InvalidPlugin, Scanner, read_plugin
from app.maven.pom import POM_BYTES, PomReader, require_room
from app.repositories.layout import NOTHING, Unclaimed, Understood
from app.repositories.names import ArtifactPath, FolderPath
from app.repositories.repository import Policy

if TYPE_CHECKING:
    from app.publishing.artifact import Artifact

COORDINATES, ARTIFACTS, PLUGINS, ARCHETYPES = "coordinates", "artifacts", "plugins", "archetypes"
#: A file is found by its SHA-512 and its path: both are the 1,024 bytes of a sort key.
PATH_BYTES = 1_024 - 128 - 1
#: What Maven finds a plugin's prefix in, where nothing else tells it.
_PLUGIN = re.compile(r".+-maven-plugin|maven-.+-plugin")
_DESCRIPTION_CHARACTERS = 256
_ARCHETYPE = "maven-archetype"  # a POM's packaging


class MavenLayout(Unclaimed):
    """What Maven makes of files."""

    algorithms: tuple[str, ...] = ("md5", "sha1", "sha512")
    found_by: tuple[str, ...] = algorithms
    announces = True

    def check(self, path: ArtifactPath, policy: Policy | None, size: int | None = None) -> None:
        """Return where a file may be published there. Raises InvalidLayout, InvalidMetadata."""
        file = parse(path)
        if not isinstance(file, MavenFile):
            raise InvalidLayout(
                f"{quoted(str(path))} is computed here: publish the files that it tells of"
            )
        admit(policy or Policy.MIXED, file)
        if len(str(path).encode()) > PATH_BYTES:
            raise InvalidLayout(
                f"{quoted(str(path))} is too long: in a Maven repository a path takes at most"
                f" {PATH_BYTES} bytes"
            )
        if file.is_pom:
            require_room(str(path), size, POM_BYTES)

    def changes(self, path: ArtifactPath) -> bool:
        """A snapshot without a timestamp is written over and over."""
        file = file_at(path)
        return file is not None and file.is_snapshot and file.stamp is None

    def reading(self, path: ArtifactPath) -> "_Pom | _Jar | None":
        """A POM is held against its path, and a jar may be a plugin."""
        file = file_at(path)
        if file is None:
            return None
        return _Pom(file) if file.is_pom else _Jar(file) if file.is_main_jar else None

    def entries(
        self, path: ArtifactPath, artifact: "Artifact"
    ) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """By all of its digests, and by its coordinates in two orders."""
        for algorithm in self.found_by:
            if algorithm in artifact.digests:
                yield "digests", f"{artifact.digests[algorithm]}/{path}", {}
        file = file_at(path)
        if file is None:
            return
        within = f"{file.version}:{file.name}"
        by_group = f"{file.group}:{file.artifact}:{within}"
        yield COORDINATES, by_group, {}
        yield ARTIFACTS, f"{file.artifact}:{file.group}:{within}", {}
        for fact, order in (("plugin", PLUGINS), ("archetype", ARCHETYPES)):
            if fact in artifact.facts:
                yield order, by_group, artifact.facts[fact]

    def documents(self, path: ArtifactPath, artifact: "Artifact") -> Iterator[str]:
        """Those of its artifact, of its version where that is a snapshot, of its group where it
        is a plugin, and the catalog where it is an archetype."""
        file = file_at(path)
        if file is None:
            return
        *groups, name, version = path.folder.segments
        yield FolderPath((*groups, name)).key
        if file.is_snapshot:
            yield FolderPath((*groups, name, version)).key
        if "plugin" in artifact.facts:
            yield FolderPath(tuple(groups)).key
        if "archetype" in artifact.facts:
            yield FolderPath(()).key


class _Pom:
    """Reads a POM as it comes."""

    def __init__(self, file: MavenFile) -> None:
        self._reader = PomReader(file)

    def feed(self, piece: memoryview) -> None:
        self._reader.feed(piece)

    def finish(self, _size: int, _read: Callable[[int, int], bytes]) -> Understood:
        """Raises InvalidPom."""
        pom = self._reader.finish()
        if pom.packaging != _ARCHETYPE:
            return NOTHING
        # An entry is to take 2 KiB at most, and a character four bytes.
        said = (pom.description or pom.name)[:_DESCRIPTION_CHARACTERS]
        return Understood({"archetype": {"description": said}})


class _Jar:
    """Finds the descriptor of a plugin in a jar."""

    def __init__(self, file: MavenFile) -> None:
        self._file = file
        self._scanner = Scanner()

    def feed(self, piece: memoryview) -> None:
        self._scanner.feed(piece)

    def finish(self, size: int, read: Callable[[int, int], bytes]) -> Understood:
        """Raises InvalidPlugin, where it is to be one by its name: any jar may hold what looks
        like a descriptor, in another jar within it or behind its end."""
        try:
            plugin = read_plugin(size, read) if self._scanner.found else None
        except InvalidPlugin as error:
            if not _PLUGIN.fullmatch(self._file.artifact):
                return NOTHING
            raise InvalidPlugin(f"{self._file.coordinates}: {error}") from error
        # A jar that other plugins were put into has the descriptor of one of them.
        if plugin is None or (plugin.group, plugin.artifact) != (
            self._file.group,
            self._file.artifact,
        ):
            return NOTHING
        return Understood({"plugin": {"prefix": plugin.prefix, "name": plugin.name}})


def file_at(path: ArtifactPath) -> MavenFile | None:
    """What a path that is there means; None where a former version took what is refused now."""
    try:
        file = parse(path)
    except InvalidLayout:
        return None
    return file if isinstance(file, MavenFile) else None
