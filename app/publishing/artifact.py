"""An artifact's record: all that a read of it needs, so that it needs no other record."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.metadata import Record


@dataclass(frozen=True, slots=True)
class Artifact:
    """A published file.

    `blob` is None for an empty file. `digests` maps the names of algorithms (`sha256`
    always) to hexadecimal. `modified` is aware. `user` is the id of who published it.
    """

    blob: str | None
    size: int
    digests: Mapping[str, str]
    modified: datetime
    user: str | None
    version: int = 0

    @property
    def sha256(self) -> str:
        return self.digests["sha256"]

    @property
    def etag(self) -> str:
        """The strong entity tag (RFC 9110 section 8.8.3), quotes included."""
        return f'"sha256:{self.digests["sha256"]}"'

    def value(self) -> dict[str, Any]:
        """The artifact as its record holds it."""
        return {
            "blob": self.blob,
            "size": self.size,
            "digests": dict(self.digests),
            "modified": self.modified.isoformat(),
            "user": self.user,
        }

    @classmethod
    def read(cls, record: Record) -> "Artifact":
        """The artifact that a record holds."""
        return cls.parse(record.value, record.version)

    @classmethod
    def parse(cls, value: Mapping[str, Any], version: int = 0) -> "Artifact":
        """The artifact of a record's value."""
        return cls(
            blob=value["blob"],
            size=value["size"],
            digests=value["digests"],
            modified=datetime.fromisoformat(value["modified"]),
            user=value["user"],
            version=version,
        )
