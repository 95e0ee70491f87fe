"""Leiningen publishes and resolves."""

from collections.abc import Sequence
from pathlib import Path

from tests.clients.artifacts import Artifact
from tests.clients.commands import java_options, succeed
from tests.clients.server import USER, Repository, Server
from tests.clients.stores import over_both_stores
from tests.parts import tool

SUNG = Artifact("sung", "1.0")
REFRAIN = Artifact("refrain", "1.0-SNAPSHOT")
SINGER = Artifact("singer", "1")

# Leiningen refuses plain HTTP unless a project says how it is spoken.
_PROJECT = """\
(cemerick.pomegranate.aether/register-wagon-factory!
 "http" #(org.apache.maven.wagon.providers.http.HttpWagon.))
(defproject {artifact.group}/{artifact.name} "{artifact.version}"
  :dependencies ^:replace [{dependencies}]
  :local-repo "{local}"
  :plugin-repositories ^:replace []
  :repositories ^:replace
  [["releases" {{:url "{releases}" :username "{user}" :password "{key}"
                :snapshots false :sign-releases false}}]
   ["snapshots" {{:url "{snapshots}" :username "{user}" :password "{key}" :releases false}}]])
"""


@over_both_stores
def test_what_one_project_deploys_another_one_resolves(
    server: Server, releases: Repository, snapshots: Repository, tmp_path: Path
) -> None:
    def lein(artifact: Artifact, *words: str, dependencies: Sequence[Artifact] = ()) -> Path:
        """Run it in a project of its own; the project's local repository."""
        folder = tmp_path / artifact.name
        (folder / "src").mkdir(parents=True)
        (folder / "src" / f"{artifact.name}.clj").write_text(f"(ns {artifact.name})\n")
        project = _PROJECT.format(
            artifact=artifact,
            dependencies=" ".join(
                f'[{one.group}/{one.name} "{one.version}"]' for one in dependencies
            ),
            local=folder / "local",
            releases=releases.url,
            snapshots=snapshots.url,
            user=USER,
            key=server.key,
        )
        (folder / "project.clj").write_text(project)
        # Without the profiles that bring plugins and a REPL from elsewhere.
        command: list[str | Path] = [tool("lein"), "with-profile", "-base,-dev,-user", *words]
        environ = {"LEIN_HOME": str(tmp_path / "lein"), "LEIN_JVM_OPTS": java_options(tmp_path)}
        succeed(command, tmp_path, folder, environ)
        return folder / "local"

    lein(SUNG, "deploy", "releases")
    lein(REFRAIN, "deploy", "snapshots")
    local = lein(SINGER, "deps", dependencies=[SUNG, REFRAIN])
    for artifact in (SUNG, REFRAIN):
        built = tmp_path / artifact.name / "target" / f"{artifact.name}-{artifact.version}.jar"
        assert (local / artifact.path()).read_bytes() == built.read_bytes()
