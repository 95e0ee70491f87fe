"""Coursier, which is in sbt, resolves."""

from pathlib import Path

from tests.clients.artifacts import Artifact, jar
from tests.clients.commands import java_options, succeed
from tests.clients.server import USER, Repository, Server
from tests.clients.stores import over_both_stores
from tests.parts import part, tool

LIB = Artifact("lib", "1.1")
APP = Artifact("app", "1.0")


@over_both_stores
def test_an_artifact_is_fetched_with_what_it_depends_on(
    server: Server, releases: Repository, tmp_path: Path
) -> None:
    """By a range of versions, which the metadata has."""
    libs = {"1.0": jar({"lib.txt": "1.0"}), "1.1": jar({"lib.txt": "1.1"})}
    for version, data in libs.items():
        Artifact(LIB.name, version).publish(releases, data)
    app = jar({"app.txt": "app"})
    APP.publish(releases, app, dependencies=[Artifact(LIB.name, "[1.0,2.0)").elements])
    classes = part("coursier", "lib")
    command: list[str | Path] = [tool("java"), *java_options(tmp_path).split()]
    command += ["-cp", f"{classes}:{classes}/*", "FetchCommand", tmp_path / "cache"]
    command += [releases.url, USER, server.key, APP.group, APP.name, APP.version]
    out = succeed(command, tmp_path, tmp_path)
    fetched = {Path(line).name: Path(line).read_bytes() for line in out.splitlines()}
    assert fetched == {"app-1.0.jar": app, "lib-1.1.jar": libs["1.1"]}
