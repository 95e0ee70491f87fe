"""The names of repositories and the paths of files in them, parsed once, at the edge.

A path that was parsed is the address that is authorized and the address that is served.
The namespace is flat: a file `a/b` and a folder `a/b/` may both be there.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Self

PATH_BYTES = 900
SEGMENT_BYTES = 255
SEGMENTS = 32
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?", re.ASCII)


class InvalidName(Exception):
    """A name or path that can be no repository's or file's; the message says why."""


@dataclass(frozen=True, slots=True, order=True)
class RepositoryName:
    """A repository's name: 1 to 100 of a-z, 0-9, `.`, `_`, `-`, from letter to letter."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        if not _NAME.fullmatch(text) or ".." in text:
            raise InvalidName(
                "a repository's name has 1 to 100 of a-z, 0-9, '.', '_' and '-', begins and ends"
                " with a letter or digit, and has no two dots in a row"
            )
        return cls(text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class FolderPath:
    """A folder: its segments, none for the root."""

    segments: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """A folder's path as requested: empty, or with a slash at its end."""
        if not text:
            return cls(())
        if not text.endswith("/"):
            raise InvalidName("a folder's path ends with a slash")
        return cls(_segments(text[:-1]))

    @property
    def key(self) -> str:
        """The folder as record keys hold it: `/`, or a slash at both ends."""
        return "/" + "".join(f"{segment}/" for segment in self.segments)

    def __str__(self) -> str:
        return self.key[1:]

    def ancestors(self) -> tuple[tuple["FolderPath", str], ...]:
        """For each folder on the way here, its parent and its name, from the root on."""
        return tuple(
            (FolderPath(self.segments[:depth]), segment)
            for depth, segment in enumerate(self.segments)
        )


@dataclass(frozen=True, slots=True)
class ArtifactPath:
    """A file: the folder that it lies in and its name."""

    folder: FolderPath
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """A file's path, already percent-decoded once and proper UTF-8.

        Raises:
            InvalidName: an empty segment, `.`, `..`, control characters, a backslash, or
                past one of the limits above.
        """
        segments = _segments(text)
        return cls(FolderPath(segments[:-1]), segments[-1])

    def __str__(self) -> str:
        return f"{self.folder}{self.name}"


def _segments(text: str) -> tuple[str, ...]:
    if len(text.encode("utf-8", "surrogatepass")) > PATH_BYTES:
        raise InvalidName(f"a path takes at most {PATH_BYTES} bytes")
    segments = tuple(text.split("/"))
    if len(segments) > SEGMENTS:
        raise InvalidName(f"a path has at most {SEGMENTS} segments")
    for segment in segments:
        _check_segment(segment)
    return segments


def _check_segment(segment: str) -> None:
    if not segment:
        raise InvalidName("a path has no empty segment: no '//' in it, no '/' before it")
    if segment in (".", ".."):
        raise InvalidName("a path has no segment '.' or '..'")
    if "\\" in segment:
        raise InvalidName("a path has no backslash")
    if not segment.isascii() or not segment.isprintable():
        for character in segment:
            if unicodedata.category(character) in ("Cc", "Cs"):
                raise InvalidName("a path has no control characters and is proper UTF-8")
    if len(segment.encode()) > SEGMENT_BYTES:
        raise InvalidName(f"a segment of a path takes at most {SEGMENT_BYTES} bytes")
