"""What a path in a Maven repository means.

The folders alone say which group, artifact and version a file belongs to, and its name has to
agree with them: no name is ever taken apart by guessing where in it a version begins. Every
value gives back the path that it was parsed from.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.repositories.names import ArtifactPath, FolderPath
from app.repositories.refused import Refused
from app.repositories.repository import Policy

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
METADATA = "maven-metadata.xml"
SNAPSHOT = "-SNAPSHOT"
#: How much of a client's text a message shows.
SHOWN_CHARACTERS = 100

_ID = re.compile(r"[A-Za-z0-9_.-]+")
#: What Maven's deploy and install goals take in no version: separators, wildcards and the
#: brackets and commas of ranges. Coordinates are joined with colons, so no name has them.
_FORBIDDEN = frozenset('\\/:"<>|?*[](){},')
_STAMP = re.compile(r"([0-9]{8}\.[0-9]{6})-(0|[1-9][0-9]{0,8})(?=[.-])")
_STAMPED = re.compile(r"(?:.*-)?[0-9]{8}\.[0-9]{6}-[0-9]+", re.DOTALL)
#: What may not follow a version: the rest of a snapshot's, or more digits of a longer one.
_MORE_OF_A_SNAPSHOT = re.compile(r"-(?:SNAPSHOT|[0-9]{8}\.[0-9]{6}-[0-9]+)(?![^.-])")
_MORE_OF_A_VERSION = re.compile(r"\.[0-9]+(?![^.-])")
#: A signature's ending belongs to the extension of what it signs.
_SIGNATURES = r"(?:\.(?:asc|sig|sigstore\.json))*"
_EXTENSION = re.compile(r"\.([^.]+(?:\.[^.]+)*)")
_CLASSIFIED = re.compile(rf"-(.+?)\.((?:tar\.[^.]+|[^.]+){_SIGNATURES})", re.DOTALL)
_IVY = re.compile(rf"\.(xml{_SIGNATURES})")
#: sbt crosses a plugin's artifactId with the versions of Scala and of sbt.
_SBT_CROSSED = re.compile(r"(.+)_[0-9]+(?:\.[0-9]+)*_[0-9]+(?:\.[0-9]+)*")


class InvalidLayout(Refused):
    """A path that means nothing in a Maven repository; the message says why."""


class PolicyRefused(InvalidLayout):
    """A snapshot where releases alone may be, or a release where snapshots alone may be."""


@dataclass(frozen=True, slots=True)
class MavenFile:
    """A file of a version.

    `version` is the folder's: `1.0`, or `1.0-SNAPSHOT` for a timestamped snapshot too, whose
    timestamp and build number are `stamp`. `extension` has the endings of signatures, as in
    `jar.asc`.
    """

    group: str
    artifact: str
    version: str
    name: str
    stamp: tuple[str, int] | None
    classifier: str
    extension: str

    @property
    def is_snapshot(self) -> bool:
        return self.version.endswith(SNAPSHOT)

    @property
    def full_version(self) -> str:
        """The version that the file's name has: with the timestamp, where it has one."""
        if self.stamp is None:
            return self.version
        timestamp, build = self.stamp
        return f"{self.version.removesuffix(SNAPSHOT)}-{timestamp}-{build}"

    @property
    def is_pom(self) -> bool:
        return self.extension == "pom" and not self.classifier

    @property
    def is_main_jar(self) -> bool:
        return self.extension == "jar" and not self.classifier

    @property
    def is_ivy(self) -> bool:
        """Whether it is the descriptor of Ivy, or a signature of it: named after nothing but
        the version, its coordinates are those of an ordinary file with the extension `xml`."""
        return (
            self.name == f"ivy-{self.version}.{self.extension}"
            and _IVY.fullmatch(f".{self.extension}") is not None
        )

    @property
    def coordinates(self) -> str:
        """As Maven writes them: `group:artifact:extension[:classifier]:version`."""
        classifier = f":{self.classifier}" if self.classifier else ""
        return f"{self.group}:{self.artifact}:{self.extension}{classifier}:{self.full_version}"

    @property
    def path(self) -> ArtifactPath:
        return _path((*self.group.split("."), self.artifact, self.version), self.name)


@dataclass(frozen=True, slots=True)
class MetadataDocument:
    """`maven-metadata.xml` in a folder of these segments.

    A folder whose name ends with -SNAPSHOT is a snapshot version's. Of any other the path does
    not tell whether it is a group's, an artifact's or both.
    """

    segments: tuple[str, ...]

    @property
    def snapshot(self) -> tuple[str, str, str] | None:
        """Group, artifact and version, in a snapshot version's folder."""
        if not self.segments[-1].endswith(SNAPSHOT):
            return None
        *groups, artifact, version = self.segments
        return ".".join(groups), artifact, version

    @property
    def artifact(self) -> tuple[str, str] | None:
        """Group and artifact, where the folder may be an artifact's."""
        if self.snapshot is not None or len(self.segments) == 1:
            return None
        return ".".join(self.segments[:-1]), self.segments[-1]

    @property
    def group(self) -> str | None:
        """The group, where the folder may be one's."""
        if self.snapshot is not None or "." in self.segments[-1]:
            return None
        return ".".join(self.segments)

    @property
    def path(self) -> ArtifactPath:
        return _path(self.segments, METADATA)


@dataclass(frozen=True, slots=True)
class ArchetypeCatalog:
    """The catalog of archetypes, at the root."""

    @property
    def path(self) -> ArtifactPath:
        return _path((), "archetype-catalog.xml")


@dataclass(frozen=True, slots=True)
class Prefixes:
    """The list of prefixes that Maven Resolver 2 reads."""

    @property
    def path(self) -> ArtifactPath:
        return _path((".meta",), "prefixes.txt")


Checked: TypeAlias = MavenFile | MetadataDocument | ArchetypeCatalog | Prefixes


@dataclass(frozen=True, slots=True)
class ChecksumFile:
    """A digest of something else, by one of ALGORITHMS, as text."""

    of: Checked
    algorithm: str

    @property
    def path(self) -> ArtifactPath:
        path = self.of.path
        return ArtifactPath(path.folder, f"{path.name}.{self.algorithm}")


MavenPath: TypeAlias = Checked | ChecksumFile


def parse(path: ArtifactPath) -> MavenPath:
    """What the path of a file means. Raises InvalidLayout."""
    name, _, ending = path.name.rpartition(".")
    if ending not in ALGORITHMS:
        return _checked(path)
    of = ArtifactPath(path.folder, name)
    if name.rpartition(".")[2] in ALGORITHMS:
        raise InvalidLayout(f"{quoted(str(path))} is a checksum of a checksum: there are none")
    return ChecksumFile(_checked(of), ending)


def admit(policy: Policy, path: MavenPath) -> None:
    """Refuse what a repository of that policy does not take.

    Documents about an artifact or a group are in all of them.

    Raises:
        PolicyRefused: a snapshot, timestamped or not, or its metadata in a repository for
            releases; anything but a snapshot in one for snapshots.
    """
    match path:
        case ChecksumFile():
            admit(policy, path.of)
        case MavenFile() if path.is_snapshot and policy is Policy.RELEASE:
            raise PolicyRefused(_no_snapshots(path.coordinates))
        case MavenFile() if not path.is_snapshot and policy is Policy.SNAPSHOT:
            raise PolicyRefused(
                f"{shortened(path.coordinates)} is a release, and this repository takes"
                " snapshots alone: versions that end with '-SNAPSHOT'"
            )
        case MetadataDocument() if path.snapshot and policy is Policy.RELEASE:
            raise PolicyRefused(_no_snapshots(":".join(path.snapshot)))


def shortened(text: str) -> str:
    """A client's text as a message shows it: its first hundred characters."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"


def quoted(text: str) -> str:
    """The same, in quotes."""
    return f"'{shortened(text)}'"


def _no_snapshots(coordinates: str) -> str:
    return f"{shortened(coordinates)} is a snapshot, and this repository takes releases alone"


def _path(folders: tuple[str, ...], name: str) -> ArtifactPath:
    return ArtifactPath(FolderPath(folders), name)


def _checked(path: ArtifactPath) -> Checked:
    for view in (ArchetypeCatalog(), Prefixes()):
        if path == view.path:
            return view
    if path.name == METADATA:
        return _metadata(path)
    return _file(path)


def _metadata(path: ArtifactPath) -> MetadataDocument:
    folders = path.folder.segments
    if not folders:
        raise InvalidLayout(f"{METADATA} lies in the folder of a group, artifact or snapshot")
    if folders[-1].endswith(SNAPSHOT):
        _coordinates(path)
    else:
        _check_group(folders[:-1])
        if len(folders) == 1:
            _check_group(folders)  # nothing but a group
        _check_artifact(folders[-1])
    return MetadataDocument(folders)


def _file(path: ArtifactPath) -> MavenFile:
    group, artifact, version = _coordinates(path)
    stamp, rest = _after_version(path.name, artifact, version)
    if rest is None:
        beginning = f"ivy-{version}"
        if path.name.startswith(beginning) and (ivy := _IVY.fullmatch(path.name, len(beginning))):
            return MavenFile(group, artifact, version, path.name, None, "", ivy[1])
        raise InvalidLayout(_misnamed(path.name, group, artifact, version))
    where = shortened(f"{group}:{artifact}:{version}")
    if bad := _FORBIDDEN.intersection(rest):
        raise InvalidLayout(f"{where}: a file's name has no {_listed(bad)}")
    if _MORE_OF_A_SNAPSHOT.match(rest):
        raise InvalidLayout(
            f"{where}: {quoted(path.name)} is named as a snapshot, and a snapshot lies in the"
            " folder of its version, which ends with '-SNAPSHOT'"
        )
    if _MORE_OF_A_VERSION.match(rest):
        raise InvalidLayout(
            f"{where}: {quoted(path.name)} is named as another version than its folder, or has"
            " an extension of digits alone"
        )
    classifier, extension = _classifier_and_extension(path.name, rest, where)
    return MavenFile(group, artifact, version, path.name, stamp, classifier, extension)


def _coordinates(path: ArtifactPath) -> tuple[str, str, str]:
    folders = path.folder.segments
    if len(folders) < 3:
        raise InvalidLayout(
            f"{quoted(str(path))} lies too high: a file lies in the folders of its group, artifact"
            " and version, such as com/example/lib/1.0/lib-1.0.jar"
        )
    *groups, artifact, version = folders
    _check_group(groups)
    _check_artifact(artifact)
    _check_version(version, f"{'.'.join(groups)}:{artifact}:{version}")
    return ".".join(groups), artifact, version


def _check_group(segments: Sequence[str]) -> None:
    for segment in segments:
        if not _ID.fullmatch(segment):
            raise InvalidLayout(
                f"the group's folder {quoted(segment)} has something other than A-Z, a-z, 0-9,"
                " '_' and '-'"
            )
        if "." in segment:
            # Both `com.example/` and `com/example/` would be the group com.example.
            raise InvalidLayout(
                f"the group's folder {quoted(segment)} has a dot in it: a group is a folder for"
                f" each of its parts, {quoted(segment.replace('.', '/'))}"
            )


def _check_artifact(artifact: str) -> None:
    if not _ID.fullmatch(artifact):
        raise InvalidLayout(
            f"the artifactId {quoted(artifact)} has something other than A-Z, a-z, 0-9, '_',"
            " '.' and '-'"
        )


def _check_version(version: str, coordinates: str) -> None:
    where = shortened(coordinates)
    if bad := _FORBIDDEN.intersection(version):
        raise InvalidLayout(f"{where}: a version has no {_listed(bad)}")
    if version.endswith("SNAPSHOT") and not version.endswith(SNAPSHOT):
        # Maven takes such a version for a snapshot, but does not know its timestamped form.
        raise InvalidLayout(f"{where}: a snapshot's version ends with '-SNAPSHOT'")
    if _STAMPED.fullmatch(version):
        raise InvalidLayout(
            f"{where}: a timestamped snapshot lies in the folder of its version, which ends with"
            " '-SNAPSHOT' in place of the timestamp"
        )


def _after_version(
    name: str, artifact: str, version: str
) -> tuple[tuple[str, int] | None, str | None]:
    """The stamp of a file's name and what follows the version in it; None, where the name does
    not begin with artifact and version."""
    plain = f"{artifact}-{version}"
    if name.startswith((f"{plain}.", f"{plain}-")):
        return None, name[len(plain) :]
    timestamped = f"{artifact}-{version.removesuffix(SNAPSHOT)}-"
    snapshot = version.endswith(SNAPSHOT) and name.startswith(timestamped)
    if snapshot and (stamp := _STAMP.match(name, len(timestamped))):
        return (stamp[1], int(stamp[2])), name[stamp.end() :]
    return None, None


def _classifier_and_extension(name: str, rest: str, where: str) -> tuple[str, str]:
    if plain := _EXTENSION.fullmatch(rest):
        return "", plain[1]
    if classified := _CLASSIFIED.fullmatch(rest):
        return classified[1], classified[2]
    raise InvalidLayout(f"{where}: the file name {quoted(name)} has no extension, such as '.jar'")


def _misnamed(name: str, group: str, artifact: str, version: str) -> str:
    """Why a name does not fit the folders it lies in."""
    where = shortened(f"{group}:{artifact}:{version}")
    if name.startswith("maven-metadata-") and name.endswith(".xml"):
        return (
            f"{where}: {quoted(name)} is a client's own copy of metadata; a repository has"
            f" {METADATA} alone"
        )
    begin = quoted(f"{artifact}-{version}")
    if version.endswith(SNAPSHOT):
        base = version.removesuffix(SNAPSHOT)
        begin += f", or {quoted(f'{artifact}-{base}-')} and a timestamp as in '20261125.100000-3'"
    reason = (
        f"{where}: the file name must begin with {begin}, from the folders it lies in, followed"
        f" by '.' or '-', and is {quoted(name)}"
    )
    crossed = _SBT_CROSSED.fullmatch(artifact)
    if crossed and name.startswith(f"{crossed[1]}-{version}"):
        reason += "; sbt 1.9 or newer publishes so with sbtPluginPublishLegacyMavenStyle := false"
    return reason


def _listed(characters: frozenset[str]) -> str:
    return " ".join(sorted(characters))
