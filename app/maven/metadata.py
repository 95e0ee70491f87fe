"""The documents that Maven's clients ask for and nobody stores: rendered from what is there.

`maven-metadata.xml` at its three levels, the catalog of archetypes and the list of prefixes.
The same values give the same bytes, in whatever order they come, so that a document and its
checksums can be computed at different times. How the elements are named and nested is what
Maven's `MetadataXpp3Reader` and the archetype plugin's `ArchetypeCatalogXpp3Reader` read.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from app.maven.versions import is_snapshot, version_key

#: What a resolved snapshot has for `SNAPSHOT`: a moment such as 20261125.100000, and the
#: number of a build.
Stamp: TypeAlias = tuple[str, int]

CATALOG_NAMESPACE = "http://maven.apache.org/plugins/maven-archetype-plugin/archetype-catalog/1.0.0"

# Maven Resolver 2 (`PrefixesSource`) takes a list of prefixes that breaks one of these for none.
MOST_PREFIXES = 100_000
PREFIX_CHARACTERS = 250
_NO_PREFIX = re.compile(r"[^ -~]|[:<>\\]|//|\s\Z")

#: What no XML document can hold, not even escaped (XML 1.0, section 2.2).
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class VersionFile:
    """A file of a version, which is the one that its folder is named for: 1.0-SNAPSHOT.

    `stamp` is None where the name of a file has none, `classifier` empty where it has none.
    `modified` is aware.
    """

    version: str
    name: str
    stamp: Stamp | None
    classifier: str
    extension: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class ArtifactView:
    """An artifact with all its files."""

    group: str
    artifact: str
    files: Sequence[VersionFile]


@dataclass(frozen=True, slots=True, order=True)
class Plugin:
    """A plugin of a group: `prefix` is what it is called by on a command line."""

    artifact: str
    prefix: str
    name: str


@dataclass(frozen=True, slots=True)
class Archetype:
    """A version of an archetype."""

    group: str
    artifact: str
    version: str
    description: str


def render(artifact: ArtifactView | None, plugins: Sequence[Plugin]) -> bytes | None:
    """The `maven-metadata.xml` of a path, or None where there is nothing to say.

    A path may be an artifact's and a group's at once: then both are in one document.
    """
    root = Element("metadata")
    if artifact is not None and artifact.files:
        _add(root, "groupId", artifact.group)
        _add(root, "artifactId", artifact.artifact)
        _add_versions(SubElement(root, "versioning"), artifact.files)
    if plugins:
        _add_plugins(SubElement(root, "plugins"), plugins)
    return _document(root) if len(root) else None


def render_snapshots(
    group: str, artifact: str, version: str, files: Sequence[VersionFile]
) -> bytes | None:
    """The `maven-metadata.xml` of a snapshot version, or None where it has no files."""
    if not files:
        return None
    root = Element("metadata", modelVersion="1.1.0")
    _add(root, "groupId", group)
    _add(root, "artifactId", artifact)
    _add(root, "version", version)
    versioning = SubElement(root, "versioning")
    # Without a stamp there is no `snapshot`: Maven 2 then asks for the plain name, and Maven 3
    # reads the element only where there are no `snapshotVersions`.
    stamps = [file.stamp for file in files if file.stamp is not None]
    if stamps:
        timestamp, build = max(stamps)
        snapshot = SubElement(versioning, "snapshot")
        _add(snapshot, "timestamp", timestamp)
        _add(snapshot, "buildNumber", str(build))
    _add(versioning, "lastUpdated", max(_moment(file) for file in files))
    _add_snapshots(SubElement(versioning, "snapshotVersions"), version, files)
    return _document(root)


def newest(files: Iterable[VersionFile], classifier: str, extension: str) -> VersionFile | None:
    """The file that a plain `a-1.0-SNAPSHOT[-classifier].extension` stands for, or None.

    It is the one that `render_snapshots` names for this classifier and extension.
    """
    kind = (classifier, extension)
    matching = (file for file in files if (file.classifier, file.extension) == kind)
    return max(matching, key=_age, default=None)


def archetype_catalog(entries: Iterable[Archetype]) -> bytes:
    """The `archetype-catalog.xml` of a repository, empty where it has no archetypes.

    The newest version of an archetype comes first, because the plugin holds archetypes of the
    same group and artifact to be equal, and keeps the first of them.
    """
    root = Element("archetype-catalog", xmlns=CATALOG_NAMESPACE)
    parent = SubElement(root, "archetypes")
    ordered = sorted(set(entries), key=lambda entry: entry.description)
    ordered.sort(key=lambda entry: version_key(entry.version), reverse=True)
    ordered.sort(key=lambda entry: (entry.group, entry.artifact))
    for entry in ordered:
        element = SubElement(parent, "archetype")
        _add(element, "groupId", entry.group)
        _add(element, "artifactId", entry.artifact)
        _add(element, "version", entry.version)
        _add(element, "description", entry.description)
    return _document(root)


def prefixes(paths: Iterable[str]) -> bytes:
    """The `.meta/prefixes.txt` of a repository: the folders in which all its files lie.

    A client asks for nothing outside of them, and keeps the list for a day. So where it can't
    be written such that clients read it, or is empty, it says that there is none.
    """
    folders = sorted({tuple(path.strip("/").split("/")) for path in paths})
    lines: list[str] = []
    kept: tuple[str, ...] | None = None
    for folder in folders:
        # A prefix beneath another one would take the place of it: to the client only the ends
        # of its tree count.
        if kept is None or folder[: len(kept)] != kept:
            kept = folder
            lines.append("/" + "/".join(folder))
    if not lines or len(lines) > MOST_PREFIXES or not all(map(_readable, lines)):
        # As the first line: before 2.0.11 the client took it anywhere else for a prefix.
        return b"@ unsupported\n"
    return "\n".join(["## repository-prefixes/2.0", *lines, ""]).encode("ascii")


def _readable(prefix: str) -> bool:
    return 1 < len(prefix) <= PREFIX_CHARACTERS and _NO_PREFIX.search(prefix) is None


def _add_versions(versioning: Element, files: Sequence[VersionFile]) -> None:
    """What there is of an artifact.

    A version counts when its POM is there, so that no range picks a jar that was uploaded
    before its POM; where no version has one, all count.
    """
    with_pom = {file.version for file in files if (file.classifier, file.extension) == ("", "pom")}
    versions = sorted(with_pom or {file.version for file in files}, key=version_key)
    releases = [version for version in versions if not is_snapshot(version)]
    _add(versioning, "latest", versions[-1])
    if releases:
        _add(versioning, "release", releases[-1])
    parent = SubElement(versioning, "versions")
    for version in versions:
        _add(parent, "version", version)
    _add(versioning, "lastUpdated", _seconds(max(file.modified for file in files)))


def _add_snapshots(parent: Element, version: str, files: Sequence[VersionFile]) -> None:
    """The newest file of each classifier and extension."""
    found: dict[tuple[str, str], VersionFile] = {}
    for file in files:
        kind = (file.classifier, file.extension)
        found[kind] = max(found.get(kind, file), file, key=_age)
    for (classifier, extension), file in sorted(found.items(), key=lambda item: item[0]):
        element = SubElement(parent, "snapshotVersion")
        _add(element, "classifier", classifier)
        _add(element, "extension", extension)
        _add(element, "value", _value(version, file.stamp))
        _add(element, "updated", _moment(file))


def _add_plugins(parent: Element, plugins: Iterable[Plugin]) -> None:
    for plugin in sorted(set(plugins)):
        element = SubElement(parent, "plugin")
        _add(element, "name", plugin.name)
        _add(element, "prefix", plugin.prefix)
        _add(element, "artifactId", plugin.artifact)


def _value(version: str, stamp: Stamp | None) -> str:
    if stamp is None:
        return version
    timestamp, build = stamp
    return f"{version.removesuffix('SNAPSHOT')}{timestamp}-{build}"


def _age(file: VersionFile) -> tuple[str, bool, int, datetime, str]:
    """Orders files of one kind, the oldest first: by their stamps, and one without, which is
    overwritten in place, by when that was."""
    build = file.stamp[1] if file.stamp is not None else 0
    return _moment(file), file.stamp is not None, build, file.modified, file.name


def _moment(file: VersionFile) -> str:
    """When a file was built, as far as is known, as Maven writes it."""
    return _seconds(file.modified) if file.stamp is None else file.stamp[0].replace(".", "")


def _seconds(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S")


def _add(parent: Element, name: str, text: str) -> None:
    """Add an element, unless it would be empty: Maven leaves those out."""
    if text:
        SubElement(parent, name).text = _NO_XML.sub("\ufffd", text)


def _document(root: Element) -> bytes:
    indent(root, "  ")
    # ElementTree's own declaration has single quotes, Maven's has double ones.
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, "unicode")}\n'.encode()
