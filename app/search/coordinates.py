"""Which files of Maven repositories are looked for, by parts of their coordinates.

Two orders of a repository hold them: one begins with the group, the other with the artifactId.
What is known of the coordinates from the beginning of one of the two on is the prefix that is
walked; what lies behind a gap in it is asked of each file on the way.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.maven.layout import file_at
from app.maven.paths import SNAPSHOT
from app.publishing.entries import Order
from app.repositories import ArtifactPath
from app.repositories.names import PATH_BYTES, SEGMENT_BYTES
from app.search.conditions import InvalidCondition

_ID = re.compile(r"[A-Za-z0-9_.-]+")
#: What no version, classifier or extension has (see `app/maven/paths.py`), and no path at all.
_OTHER = re.compile(r'[^\\/:"<>|?*\[\](){},\x00-\x1f\x7f-\x9f]+')
_STAMPED = re.compile(r"(.+)-[0-9]{8}\.[0-9]{6}-[0-9]+", re.DOTALL)
_DEPTH = 4  # of a file, in segments: its group has at least one


@dataclass(frozen=True, slots=True)
class Part:
    """A part of coordinates: what it is or, where it `begins`, what it begins with.

    A snapshot's version with its timestamp is `stamped`, and the text that of its folder.
    """

    text: str
    begins: bool = False
    stamped: str | None = None

    def fits(self, text: str) -> bool:
        return text.startswith(self.text) if self.begins else text == self.text


def parse_group(text: str) -> Part:
    """A group, or with `*` at its end the beginning of one. Raises InvalidCondition."""
    return _part(text, _ID, PATH_BYTES)


def parse_artifact(text: str) -> Part:
    """An artifactId, or with `*` at its end the beginning of one. Raises InvalidCondition."""
    return _part(text, _ID, SEGMENT_BYTES)


def parse_version(text: str) -> Part:
    """A version, or with `*` at its end the beginning of one. Raises InvalidCondition."""
    part = _part(text, _OTHER, SEGMENT_BYTES)
    stamped = None if part.begins else _STAMPED.fullmatch(part.text)
    return part if stamped is None else Part(f"{stamped[1]}{SNAPSHOT}", stamped=part.text)


def parse_classifier(text: str) -> str:
    """A classifier; empty for files that have none. Raises InvalidCondition."""
    return parse_extension(text) if text else ""


def parse_extension(text: str) -> str:
    """An extension, as in `tar.gz`. Raises InvalidCondition."""
    if text.endswith("*"):
        raise InvalidCondition("is looked for as a whole, and takes no '*'")
    return _part(text, _OTHER, SEGMENT_BYTES).text


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Parts of coordinates that must all fit; None is any. A group or an artifact is there.

    `version` is the folder's: `1.0-SNAPSHOT` finds timestamped snapshots too. An empty
    `classifier` is that of files that have none.
    """

    group: Part | None = None
    artifact: Part | None = None
    version: Part | None = None
    classifier: str | None = None
    extension: str | None = None

    @property
    def order(self) -> Order:
        """The order in which what is looked for lies closest together."""
        named = self.artifact is not None and not self.artifact.begins
        if self.group is None or (self.group.begins and named):
            return Order.ARTIFACT
        return Order.COORDINATES

    @property
    def prefix(self) -> str:
        """What the sort keys of all that fits begin with in that order."""
        return "".join(part.text if part.begins else f"{part.text}:" for part in self._known())

    @property
    def sifts(self) -> bool:
        """Whether what begins so may still not fit."""
        asked = [part for part in (self.group, self.artifact, self.version) if part is not None]
        return self._names_file or len(asked) > len(list(self._known()))

    def fits(self, path: str) -> bool:
        """Whether the file at a path of a Maven repository is one that is looked for."""
        segments = path.split("/")
        if len(segments) < _DEPTH:
            return False
        *groups, artifact, version, _ = segments
        return (
            (self.group is None or self.group.fits(".".join(groups)))
            and (self.artifact is None or self.artifact.fits(artifact))
            and (self.version is None or self.version.fits(version))
            # The dear part comes last: on the way there may be thousands of others.
            and self._fits_file(ArtifactPath.parse(path))
        )

    def _fits_file(self, path: ArtifactPath) -> bool:
        file, stamped = file_at(path), self.version and self.version.stamped
        return (
            file is not None
            and (self.classifier is None or file.classifier == self.classifier)
            and (self.extension is None or file.extension == self.extension)
            and (stamped is None or file.full_version == stamped)
        )

    def _known(self) -> Iterator[Part]:
        """The parts that are known, from the beginning of the order to the first gap."""
        first, second = self.group, self.artifact
        if self.order is Order.ARTIFACT:
            first, second = second, first
        for part in (first, second, self.version):
            if part is None:
                return
            yield part
            if part.begins:
                return

    @property
    def _names_file(self) -> bool:
        """Whether not every file of a version fits."""
        stamped = self.version is not None and self.version.stamped is not None
        return stamped or self.classifier is not None or self.extension is not None


def _part(text: str, form: re.Pattern[str], most_bytes: int) -> Part:
    whole = text.removesuffix("*")
    if not whole:
        raise InvalidCondition("has at least one character: leave it out where any will do")
    if len(text.encode()) > most_bytes:
        raise InvalidCondition(f"takes at most {most_bytes} bytes")
    if not form.fullmatch(whole):
        raise InvalidCondition(_WRONG[form])
    return Part(whole, begins=whole != text)


_WRONG = {
    _ID: "has A-Z, a-z, 0-9, '_', '.' and '-' alone, and a '*' only at its end",
    _OTHER: "has no slash, colon, quote, bracket or comma, and a '*' only at its end",
}
