"""The records by which a file is found: one in each of four orders of its repository, and in
those of the repository's format.

They are written and removed in the commit that changes the artifact, so that a search sees
what a download sees. An entry only finds: what a file is, its artifact's record tells.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.publishing.artifact import Artifact
from app.publishing.place import Place
from storage import keys
from storage.metadata import Key, Record
from storage.metadata.operations import microseconds, moment

#: Of a folded name in a key: with a path of 900 bytes behind it a sort key has 1,021 of 1,024.
NAME_BYTES = 120
_SIZE_DIGITS = 16


class Order(StrEnum):
    """What the files of a repository are sorted by.

    Two are Maven's: group, artifact, version and name, and the same without beginning with the
    group. The last is Python's: project and name.
    """

    NAME = "names"
    DIGEST = "digests"
    AGE = "ages"
    SIZE = "sizes"
    COORDINATES = "coordinates"
    ARTIFACT = "artifacts"
    DISTRIBUTION = "distributions"


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry tells before its artifact is read. `position` is its sort key."""

    position: str
    path: str
    size: int
    modified: datetime

    @classmethod
    def read(cls, record: Record) -> "Entry":
        """The entry that a record of any order holds."""
        return cls(
            position=record.key.sort,
            path=_path(record.key),
            size=record.value["size"],
            modified=moment(record.value["modified"]),
        )


def entries(place: Place, artifact: Artifact) -> dict[Key, Mapping[str, Any]]:
    """The entries of an artifact at its place: the keys and values of their records."""
    texts = {
        Order.NAME: name_text(place.path.name),
        Order.DIGEST: artifact.sha256,
        Order.AGE: keys.time(artifact.modified),
        Order.SIZE: size_text(artifact.size),
    }
    value = {"size": artifact.size, "modified": microseconds(artifact.modified)}
    found: dict[Key, Mapping[str, Any]] = {
        keys.found(place.organization, place.repository, order.value, f"{text}/{place.path}"): value
        for order, text in texts.items()
    }
    for name, position, more in place.layout.entries(place.path, artifact):
        found[keys.found(place.organization, place.repository, name, position)] = {**value, **more}
    return found


def _path(key: Key) -> str:
    """The path of the file that an entry leads to."""
    match Order(key.partition.split("#", 2)[1]):
        case Order.COORDINATES:
            group, artifact, version, name = key.sort.split(":")
        case Order.ARTIFACT:
            artifact, group, version, name = key.sort.split(":")
        case Order.DISTRIBUTION:
            return f"files/{key.sort}"
        case _:
            return key.sort.partition("/")[2]
    return f"{group.replace('.', '/')}/{artifact}/{version}/{name}"


def folded(name: str) -> str:
    """A name, or the beginning of one, as names are compared: case and the way in which
    accents are composed do not count (Unicode 3.13, D145: canonical caseless matching).

    No name folds to one with a slash.
    """
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def name_text(name: str) -> str:
    """A folded name, or the beginning of one, as keys hold it: cut to 120 bytes."""
    return folded(name).encode()[:NAME_BYTES].decode(errors="ignore")


def size_text(size: int) -> str:
    """A size as keys hold it, so that the order of keys is the order of sizes."""
    return f"{size:0{_SIZE_DIGITS}}"
