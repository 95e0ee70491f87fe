"""What the documents of an index tell of, and in which order.

Every document takes its files from `releases`: what is not offered is left out there, so that no
document can show it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import quote

from packaging.version import Version

#: The version of the simple API that is claimed. All that it and those before it require of a
#: project is there: `versions` and `size` (1.1, PEP 700), the status (1.4, PEP 792). What they
#: leave open and nothing here knows of is left out: other repositories of a project (1.2, PEP
#: 708) and provenance (1.3, PEP 740).
API_VERSION = "1.4"


class Status(StrEnum):
    """What is to be thought of a project (PEP 792)."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    QUARANTINED = "quarantined"
    DEPRECATED = "deprecated"


@dataclass(frozen=True, slots=True)
class ProjectStatus:
    """A project's status, and why it is so where anyone said it: any text."""

    status: Status = Status.ACTIVE
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A file of a project.

    `version` is valid by PEP 440. `sha256` and `core_metadata`, that of its METADATA where that
    is served beside it, are hexadecimal. `uploaded` is aware. `yanked` is why it was, "" where
    nobody said, None where it was not. `signed` says whether a signature lies beside it; None
    where nothing is known of it.
    """

    filename: str
    version: str
    sha256: str
    size: int
    uploaded: datetime
    requires_python: str | None = None
    yanked: str | None = None
    core_metadata: str | None = None
    signed: bool | None = None


def releases(
    files: Sequence[IndexFile], status: ProjectStatus
) -> Mapping[Version, Sequence[IndexFile]]:
    """The releases from the oldest to the newest version, and their files by name.

    Versions that are spelled differently and equal, as 1.0 and 1.0.0, are one release, under the
    spelling of its first file. A project in quarantine still has its releases, but none of their
    files is offered (PEP 792).
    """
    versions = {text: Version(text) for text in {file.version for file in files}}
    found: dict[Version, list[IndexFile]] = {}
    for file in sorted(files, key=lambda file: file.filename):
        found.setdefault(versions[file.version], []).append(file)
    hidden = status.status is Status.QUARANTINED
    return {version: [] if hidden else found[version] for version in sorted(found)}


def file_url(filename: str, files_at: str) -> str:
    """Where a file is, under a URL that ends with a slash.

    The plus sign of a local version is encoded: there are servers and proxies that read it as a
    space.
    """
    return files_at + quote(filename, safe="")


def moment(time: datetime) -> str:
    """In UTC, as PEP 700 wants it: `2026-11-25T12:00:00.000000Z`."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
