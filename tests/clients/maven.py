"""Apache Maven as a person has it: a release of it, settings, a home and a local repository.

Nothing of the caller's is used, and nothing but the tests' server is reached: what a build needs
beside it lies in the local repository from the beginning, and every other repository is
mirrored to a folder that is not there.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.clients.artifacts import Artifact
from tests.clients.commands import Ran, java_options, run
from tests.clients.server import USER, Repository
from tests.parts import part, require

#: Lines of releases, the newest of each being there.
LINES = ("3.8", "3.9", "4.0")

_PLUGINS = Path(__file__).with_name("plugins.xml")


class Maven:
    """A release of one line, and the two repositories that its projects publish to and use."""

    def __init__(
        self, line: str, folder: Path, key: str, releases: Repository, snapshots: Repository
    ) -> None:
        self.line = line
        self._folder = folder
        self._places = {"releases": releases, "snapshots": snapshots}
        self._command = _command(line)
        self._settings = folder / "settings.xml"
        self._settings.write_text(_settings(list(self._places), key, folder / "nowhere"))

    def project(
        self,
        artifact: Artifact,
        files: Mapping[str, str] | None = None,
        dependencies: Sequence[str] = (),
        more: str = "",
    ) -> Path:
        """The folder of a project of its own, with those files: a resource for each."""
        folder = self._folder / f"{artifact.name}-{artifact.version}"
        rest = f"{_uses(self._places)}<build>{_PLUGINS.read_text()}</build>{more}"
        for name, text in (files or {}).items():
            path = folder / "src" / "main" / "resources" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        folder.mkdir(exist_ok=True)
        (folder / "pom.xml").write_text(artifact.pom("jar", dependencies, rest))
        return folder

    def local(self, name: str) -> Path:
        """A local repository of that name; a new one has what builds need, and no more."""
        folder = self._folder / "local" / name
        if not folder.exists():
            shutil.copytree(part("maven", "seed"), folder, copy_function=_link)
        return folder

    def run(self, project: Path, *words: str, local: str = "publisher") -> Ran:
        """Run a build to its end, with the local repository of that name."""
        command: list[str | Path] = [self._command, "--batch-mode", "--no-transfer-progress"]
        command += ["--settings", self._settings, f"-Dmaven.repo.local={self.local(local)}", *words]
        environ = {"MAVEN_SKIP_RC": "true", "MAVEN_OPTS": java_options(self._folder)}
        return run(command, self._folder, project, environ)

    def succeed(self, project: Path, *words: str, local: str = "publisher") -> str:
        """Run a build that has to succeed; what it printed."""
        ran = self.run(project, *words, local=local)
        assert ran.status == 0, ran.out
        return ran.out

    def resolve(self, project: Path, *words: str, local: str = "consumer") -> Path:
        """Resolve what a project depends on; the local repository that it is in now."""
        self.succeed(project, "package", *words, local=local)
        return self.local(local)


def seeded(name: str, group: str) -> Artifact:
    """The newest version of an artifact that is in every local repository from the beginning."""
    versions = part("maven", "seed", *group.split("."), name).glob("*/*.jar")
    return Artifact(name, max(path.parent.name for path in versions), group)


def _command(line: str) -> Path:
    found = sorted(part("maven").glob(f"apache-maven-{line}.*/bin/mvn"))
    if not found:
        require("maven", f".ci/parts/maven fetched no Apache Maven {line}")
    return found[-1]


def _link(from_: str, to: str) -> None:
    """Link a file, or copy it where the folders are on different disks. Maven replaces files,
    and writes into none."""
    try:
        os.link(from_, to)
    except OSError:
        shutil.copy2(from_, to)


def _settings(ids: Sequence[str], key: str, nowhere: Path) -> str:
    servers = "".join(
        f"<server><id>{id_}</id><username>{USER}</username><password>{key}</password></server>\n"
        for id_ in ids
    )
    others = ",".join(["*", *(f"!{id_}" for id_ in ids)])
    return f"""\
<settings>
<servers>
{servers}</servers>
<mirrors>
<mirror><id>nowhere</id><mirrorOf>{others}</mirrorOf><url>{nowhere.as_uri()}</url></mirror>
</mirrors>
<pluginGroups><pluginGroup>org.example.clients</pluginGroup></pluginGroups>
</settings>
"""


def _uses(places: Mapping[str, Repository]) -> str:
    """What a POM says about the repositories."""
    urls = {id_: f"<id>{id_}</id><url>{place.url}</url>" for id_, place in places.items()}
    off = "<enabled>false</enabled>"
    used = f"""\
<repository>{urls["releases"]}<snapshots>{off}</snapshots></repository>
<repository>{urls["snapshots"]}<releases>{off}</releases></repository>
"""
    return f"""\
<properties><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>
<distributionManagement>
<repository>{urls["releases"]}</repository>
<snapshotRepository>{urls["snapshots"]}</snapshotRepository>
</distributionManagement>
<repositories>
{used}</repositories>
<pluginRepositories>
{used.replace("repository>", "pluginRepository>")}</pluginRepositories>
"""
