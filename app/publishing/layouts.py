"""The layout of each format: what is made of the files of its repositories."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from app.maven.layout import MavenLayout
from app.python.layout import PythonLayout
from app.repositories.layout import Layout, Reading, Unclaimed
from app.repositories.names import ArtifactPath
from app.repositories.repository import Format, Policy

if TYPE_CHECKING:
    from app.publishing.artifact import Artifact


class RawLayout(Unclaimed):
    """Files under paths, and nothing else."""

    algorithms: tuple[str, ...] = ()
    found_by: tuple[str, ...] = ()
    announces = False

    def check(self, path: ArtifactPath, policy: Policy | None, size: int | None = None) -> None:
        return None

    def changes(self, path: ArtifactPath) -> bool:
        return False

    def reading(self, path: ArtifactPath) -> Reading | None:
        return None

    def entries(
        self, path: ArtifactPath, artifact: "Artifact"
    ) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
        return ()

    def documents(self, path: ArtifactPath, artifact: "Artifact") -> Iterable[str]:
        return ()


LAYOUTS: Mapping[Format, Layout] = {
    Format.RAW: RawLayout(),
    Format.MAVEN: MavenLayout(),
    Format.PYTHON: PythonLayout(),
}
