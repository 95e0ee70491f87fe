"""What is read in a wheel: its metadata, and whether it is the wheel that it is named as.

A wheel that installers would read differently from what is read here is refused, with all that
PyPI refuses of its zip.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name

from app.archives.names import shown
from app.archives.strict import DIRECTORY_BYTES, open_strictly
from app.archives.zips import InvalidZip
from app.maven.paths import shortened
from app.python.filenames import EXPANDED_TAGS, Distribution, parse_distribution
from app.python.metadata import METADATA_BYTES
from app.python.names import InvalidVersion, parse_version
from app.repositories.refused import Refused

#: WHEEL has a few lines, and one for each tag.
WHEEL_BYTES = 64 * 1024

_DIST_INFO = ".dist-info"
_VERSION = re.compile(r"1(?:\.[0-9]{1,9})*")
#: A platform without its version.
_PLATFORM = re.compile(r"^(?:(linux|manylinux|musllinux)[0-9_]*?|(macosx)_[0-9]+_[0-9]+)_(?![0-9])")


class InvalidWheel(Refused):
    """A file that is no wheel, or not the one that it is named as; the message says why."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """What is kept of a wheel: the bytes of METADATA exactly as they are in it (PEP 658)."""

    metadata: bytes


def read_wheel(filename: str, size: int, read: Callable[[int, int], bytes]) -> Wheel:
    """What is in a complete wheel of that name and size.

    Args:
        filename: of a wheel.
        size: in bytes.
        read: gives the bytes from a position on, as many as asked for. It is called at most
            `strict.READS` times, for at most `strict.READ_BYTES` in all, and what it raises is
            passed on.

    Raises:
        InvalidDistribution: the file name is none of a wheel.
        InvalidWheel: its zip, METADATA or WHEEL is missing or broken, or it is another's.
    """
    distribution = parse_distribution(filename)
    try:
        return _read(distribution, size, read)
    except (InvalidZip, InvalidWheel) as error:
        raise InvalidWheel(f"{shortened(filename)}: {error}") from error


def _read(distribution: Distribution, size: int, read: Callable[[int, int], bytes]) -> Wheel:
    zipped = open_strictly(size, read, "wheel")
    if zipped is None:
        raise InvalidWheel(
            f"the wheel has too many files: its zip's directory takes more than"
            f" {DIRECTORY_BYTES:,} bytes"
        )
    folder = _dist_info(zipped.names, distribution)
    bounds = {f"{folder}/METADATA": METADATA_BYTES, f"{folder}/WHEEL": WHEEL_BYTES}
    for name in bounds:
        if name not in zipped.names:
            raise InvalidWheel(f"the wheel has no {name.rpartition('/')[2]}: {shown(name)}")
    metadata, wheel = zipped.read(bounds)
    _require_agreement(distribution, wheel)
    return Wheel(metadata)


def _dist_info(names: Collection[str], distribution: Distribution) -> str:
    """The one folder with the wheel's metadata, which has to be that of the file's release."""
    tops = (name.partition("/") for name in names)
    folders = sorted({top for top, slash, _ in tops if slash and top.endswith(_DIST_INFO)})
    if len(folders) != 1:
        found = " and ".join(shown(folder) for folder in folders[:2]) or "none"
        raise InvalidWheel(
            f"a wheel has one folder NAME-VERSION{_DIST_INFO} with its METADATA, and this one has"
            f" {found}"
        )
    name, _, version = folders[0].removesuffix(_DIST_INFO).rpartition("-")
    try:
        # A wheel's parts have `_` where they would have `-`.
        release = canonicalize_name(name), parse_version(version.replace("_", "-"))
    except InvalidVersion:
        release = None
    if release != (distribution.project, distribution.version):
        raise InvalidWheel(
            f"its folder {shown(folders[0])} is not that of {distribution.project}"
            f" {distribution.shown}"
        )
    return folders[0]


def _require_agreement(distribution: Distribution, wheel: bytes) -> None:
    """Refuse a WHEEL that can't be read, or that says that it is another's.

    Tags are often changed by renaming a wheel, after a tool has found out more about where it
    runs, and installers go by the name: WHEEL contradicts it where they have nothing in common,
    whatever version of a platform they are for. A WHEEL without tags contradicts nothing.
    """
    try:
        lines = [line.partition(":") for line in wheel.decode("utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise InvalidWheel("WHEEL is not UTF-8") from error
    fields = [(name.strip().lower(), value.strip()) for name, _, value in lines]
    versions = [value for name, value in fields if name == "wheel-version"]
    if len(versions) != 1 or not _VERSION.fullmatch(versions[0]):
        found = shown(", ".join(versions)) if versions else "missing"
        raise InvalidWheel(f"WHEEL has to have one Wheel-Version, of 1.x, and it is {found}")
    said = _tags([value for name, value in fields if name == "tag"])
    named = {_comparable(tag) for tag in parse_tag(distribution.tags)}
    if said and named.isdisjoint(_comparable(tag) for tag in said):
        raise InvalidWheel(
            f"WHEEL has the tag {shown(min(str(tag) for tag in said))}, and the file is named as"
            f" {shown(distribution.tags)}: they have nothing in common"
        )


def _tags(texts: list[str]) -> set[Tag]:
    tags: set[Tag] = set()
    for text in texts:
        try:
            tags |= parse_tag(text, limit=EXPANDED_TAGS)
        except ValueError as error:
            raise InvalidWheel(f"WHEEL has a tag that is none: {shown(text)}") from error
        if len(tags) > EXPANDED_TAGS:
            raise InvalidWheel(f"WHEEL has more than {EXPANDED_TAGS:,} tags")
    return tags


def _comparable(tag: Tag) -> tuple[str, str, str]:
    platform = _PLATFORM.sub(lambda found: "macosx_" if found[2] else "linux_", tag.platform)
    return tag.interpreter, tag.abi, platform
