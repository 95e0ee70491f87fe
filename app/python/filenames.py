"""What the file name of a wheel or an sdist says.

A name is taken apart once, here. Whatever is accepted `packaging` accepts too, and so do pip and
uv; it lets through more: letters of any script, versions with spaces, tags without bounds.
"""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from math import prod

from packaging.version import Version

from app.python.names import (
    InvalidProject,
    InvalidVersion,
    parse_project,
    parse_version,
    release_text,
    shown,
)
from app.repositories.names import SEGMENT_BYTES
from app.repositories.refused import Refused

#: A wheel's metadata lies beside it, under its name and this.
METADATA_SUFFIX = ".metadata"
FILENAME_BYTES = SEGMENT_BYTES - len(METADATA_SUFFIX)
#: How many combinations of tags a wheel may stand for: those for many Pythons and versions of
#: an operating system stand for some hundred.
EXPANDED_TAGS = 1000
#: How long an identity is before it is a hash.
IDENTITY_BYTES = 200

_CHARACTERS = re.compile(r"[A-Za-z0-9._+!-]+")
_BUILD = re.compile(r"([0-9]+)((?:[A-Za-z_.][A-Za-z0-9_.]*)?)")
_TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WHEEL = ".whl"
_SDISTS = (".tar.gz", ".zip")
_NO_DISTRIBUTIONS = (
    ((".egg",), "an egg, which no installer takes any more: build a wheel"),
    ((".exe", ".msi", ".rpm", ".deb", ".dmg", ".pkg"), "an installer"),
    ((".asc", ".sig"), "a signature: it is sent along with the file that it signs"),
    ((METADATA_SUFFIX,), "metadata: the repository takes it from the wheel"),
    (
        (".tar.bz2", ".tar.xz", ".tar.zst", ".tar.z", ".tar", ".tgz", ".tbz", ".bz2", ".gz", ".7z"),
        "compressed in another way than an sdist",
    ),
)


class InvalidDistribution(Refused):
    """A file name that can be no distribution's, or not the one it is; the message says why."""


class Kind(StrEnum):
    """What a distribution is, in the words of the upload form's `filetype`."""

    SDIST = "sdist"
    WHEEL = "bdist_wheel"


@dataclass(frozen=True, slots=True)
class Distribution:
    """A file of a release.

    `project` is normalized. An sdist has no `build` and no `tags`. A wheel's tags are its three
    compressed sets, each in lower case, in order and without repetition; its build tag, if it
    has one, has no zeros before it.
    """

    filename: str
    project: str
    version: Version
    kind: Kind
    build: str = ""
    tags: str = ""

    @property
    def release(self) -> str:
        """The release that it belongs to: the same text for 1.0 and 1.0.0."""
        return release_text(self.version)

    @property
    def shown(self) -> str:
        """The version as people read it."""
        return str(self.version)

    @property
    def identity(self) -> str:
        """What two file names share exactly when one must not exist beside the other.

        For an sdist that is the release: it has one sdist, whatever it is packed with. For a
        wheel it is the release, the build and what the tags stand for. At most IDENTITY_BYTES.
        """
        if self.kind is Kind.SDIST:
            return _bounded(f"{self.project}-{self.release}", ".sdist")
        # Where there is no build tag two hyphens stand: foo 1 of build 2 is not foo-1 2.
        return _bounded(f"{self.project}-{self.release}-{self.build}-{self.tags}", _WHEEL)


def parse_distribution(filename: str) -> Distribution:
    """What a file name says. Raises InvalidDistribution."""
    if len(filename.encode("utf-8", "surrogatepass")) > FILENAME_BYTES:
        raise InvalidDistribution(
            f"the file name {shown(filename)} takes more than {FILENAME_BYTES} bytes"
        )
    if not _CHARACTERS.fullmatch(filename):
        raise InvalidDistribution(
            f"the file name {shown(filename)} is empty or has something other than A-Z, a-z, 0-9,"
            " '.', '_', '-', '+' and '!'"
        )
    if filename.endswith(_WHEEL):
        return _wheel(filename)
    for extension in _SDISTS:
        if filename.endswith(extension):
            return _sdist(filename, filename.removesuffix(extension))
    raise InvalidDistribution(_no_distribution(filename))


def agree(
    distribution: Distribution, name: str, version: Version | str, source: str = "the form"
) -> None:
    """Hold a name and a version that were said elsewhere against those of the file.

    Any spelling of them will do. `source` is who said them, for the message.

    Raises:
        InvalidDistribution: they are another project's or release's, or none at all.
    """
    file = shown(distribution.filename)
    try:
        project = parse_project(name)
        said = parse_version(version) if isinstance(version, str) else version
    except (InvalidProject, InvalidVersion) as error:
        raise InvalidDistribution(f"{file}: in {source} {error}") from error
    if project != distribution.project:
        raise InvalidDistribution(
            f"{file} is named as a file of the project {shown(distribution.project)}, and the"
            f" name in {source} is {shown(name)}"
        )
    if said != distribution.version:
        raise InvalidDistribution(
            f"{file} is named as a file of the version {shown(distribution.shown)}, and the"
            f" version in {source} is {shown(str(version))}"
        )


def _wheel(filename: str) -> Distribution:
    parts = filename.removesuffix(_WHEEL).split("-")
    if len(parts) not in (5, 6):
        raise InvalidDistribution(
            f"the file name of a wheel is NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl, with '_'"
            f" for each '-' in one of these, and not {shown(filename)}"
        )
    name, version, *builds = parts[:-3]
    if "__" in name:
        # A run of `-`, `_` and `.` is one `_` in a wheel's name: pip passes others over.
        raise InvalidDistribution(f"{shown(filename)}: a wheel's name has no '__' in it")
    project, parsed = _project_and_version(filename, name, version)
    build = _build(filename, builds[0]) if builds else ""
    return Distribution(filename, project, parsed, Kind.WHEEL, build, _tags(filename, parts[-3:]))


def _sdist(filename: str, stem: str) -> Distribution:
    # The last hyphen is the one: a version as PEP 440 writes it has none.
    name, hyphen, version = stem.rpartition("-")
    if not hyphen:
        raise InvalidDistribution(
            f"the file name of an sdist is NAME-VERSION.tar.gz or .zip, and not {shown(filename)}"
        )
    project, parsed = _project_and_version(filename, name, version)
    return Distribution(filename, project, parsed, Kind.SDIST)


def _project_and_version(filename: str, name: str, version: str) -> tuple[str, Version]:
    try:
        return parse_project(name), parse_version(version)
    except (InvalidProject, InvalidVersion) as error:
        raise InvalidDistribution(f"{shown(filename)}: {error}") from error


def _build(filename: str, text: str) -> str:
    found = _BUILD.fullmatch(text)
    if found is None:
        raise InvalidDistribution(
            f"{shown(filename)}: a build tag begins with a digit and goes on with letters,"
            f" digits, '_' and '.', and {shown(text)} does not"
        )
    # Installers compare the number as a number.
    return f"{int(found[1])}{found[2]}"


def _tags(filename: str, fields: list[str]) -> str:
    """The compressed sets in their canonical spelling.

    They stand for every combination of their members, so that two wheels stand for the same
    ones exactly when the three sets are the same (PEP 425).
    """
    sets = [field.split(".") for field in fields]
    for member in (member for members in sets for member in members):
        if not _TAG.fullmatch(member):
            raise InvalidDistribution(
                f"{shown(filename)}: a tag is of letters, digits and '_' and does not begin with"
                f" a digit, as in 'py3-none-any', and {shown(member)} is not"
            )
    if prod(len(members) for members in sets) > EXPANDED_TAGS:
        raise InvalidDistribution(
            f"{shown(filename)}: the tags stand for more than {EXPANDED_TAGS:,} combinations"
        )
    return "-".join(".".join(sorted({member.lower() for member in members})) for members in sets)


def _bounded(text: str, suffix: str) -> str:
    if len(text) + len(suffix) > IDENTITY_BYTES:
        # No identity that is written out has a colon in it.
        text = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    return text + suffix


def _no_distribution(filename: str) -> str:
    """Why the extension is not one of a distribution's."""
    lowered = filename.lower()
    if lowered.endswith((_WHEEL, *_SDISTS)):
        return f"{shown(filename)}: the extension is in lower case"
    allowed = "a repository takes wheels, '.whl', and sdists, '.tar.gz' and '.zip', alone"
    for extensions, what in _NO_DISTRIBUTIONS:
        if lowered.endswith(extensions):
            return f"{shown(filename)} is {what}; {allowed}"
    return f"{shown(filename)} is no distribution: {allowed}"
