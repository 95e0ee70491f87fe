"""Artifacts that the tests make: coordinates, POMs and jars, and how curl would publish them."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.clients.server import Repository

GROUP = "org.example.clients"


@dataclass(frozen=True, slots=True)
class Artifact:
    """The coordinates of a version."""

    name: str
    version: str
    group: str = GROUP

    @property
    def folder(self) -> str:
        """Where all versions lie in a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.name}"

    def path(self, ending: str = ".jar", stamp: str = "") -> str:
        """Where a file lies: `ending` is what follows the version in its name; `stamp` is the
        timestamp and build number, where a snapshot's file has them."""
        version = self.version.removesuffix("SNAPSHOT") + stamp if stamp else self.version
        return f"{self.folder}/{self.version}/{self.name}-{version}{ending}"

    @property
    def elements(self) -> str:
        """As a POM has them."""
        return (
            f"<groupId>{self.group}</groupId><artifactId>{self.name}</artifactId>"
            f"<version>{self.version}</version>"
        )

    def pom(self, packaging: str = "jar", dependencies: Sequence[str] = (), more: str = "") -> str:
        """A POM; `dependencies` are the elements within each of them."""
        listed = "".join(f"<dependency>{one}</dependency>\n" for one in dependencies)
        return f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
{self.elements}
<packaging>{packaging}</packaging>
<dependencies>
{listed}</dependencies>
{more}</project>
"""

    def publish(
        self,
        repository: Repository,
        jar: bytes,
        *,
        stamp: str = "",
        packaging: str = "jar",
        dependencies: Sequence[str] = (),
    ) -> None:
        """Upload a jar and a POM for it, and nothing else."""
        repository.put(self.path(".jar", stamp), jar)
        repository.put(self.path(".pom", stamp), self.pom(packaging, dependencies).encode())


def jar(files: Mapping[str, str]) -> bytes:
    """A jar with those texts in it: the same bytes each time."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return data.getvalue()
