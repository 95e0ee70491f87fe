"""Apache Maven publishes and resolves, over both stores."""

from pathlib import Path

import pytest

from tests.clients.artifacts import Artifact, jar
from tests.clients.maven import LINES, Maven, seeded
from tests.clients.server import Repository, Server

LIB = Artifact("lib", "1.0")
TOOL = Artifact("tool", "1.0-SNAPSHOT")
APP = Artifact("app", "1")

#: The gate has the line that most people use; the others are for the whole matrix, and so are
#: the tests that start it often.
_GATE = "3.9"
_ONE_STORE = [
    pytest.param(line, marks=[] if line == _GATE else [pytest.mark.slow]) for line in LINES
]
_BOTH_STORES = [
    pytest.param(line, store, marks=[] if line == _GATE else [pytest.mark.slow])
    for line in LINES
    for store in ("folder", "aws")
]
each_line = pytest.mark.parametrize("line", _ONE_STORE)
each_line_over_both_stores = pytest.mark.parametrize(
    "line,server", _BOTH_STORES, indirect=["server"]
)


@pytest.fixture
def maven(
    line: str, tmp_path: Path, server: Server, releases: Repository, snapshots: Repository
) -> Maven:
    """The line of the test's parameter, with a repository for releases and one for snapshots."""
    return Maven(line, tmp_path, server.key, releases, snapshots)


def refused_deploy(maven: Maven, project: Path, *words: str) -> str:
    """What a build prints whose deployment fails."""
    if maven.line == "4.0":
        # By default it speaks HTTP through Java's own client, and shows no answer to a PUT.
        words = ("-Dmaven.resolver.transport=apache", *words)
    ran = maven.run(project, "deploy", *words)
    assert ran.status != 0, ran.out
    return ran.out


def sidecars(repository: Repository) -> list[str]:
    """The checksum files that were asked for."""
    return [
        str(asked)
        for asked in repository.asked()
        if asked.method == "GET" and asked.path.endswith((".sha1", ".md5", ".sha256", ".sha512"))
    ]


@each_line_over_both_stores
def test_what_a_project_deploys_another_one_resolves(
    maven: Maven, releases: Repository, snapshots: Repository
) -> None:
    """Into an empty local repository: a release with its sources, and a snapshot."""
    lib = maven.project(LIB, {"lib.txt": "the release"})
    tool = maven.project(TOOL, {"tool.txt": "the snapshot"})
    app = maven.project(
        APP,
        dependencies=[
            LIB.elements,
            f"{LIB.elements}<classifier>sources</classifier>",
            TOOL.elements,
        ],
    )
    maven.succeed(lib, "deploy")
    maven.succeed(tool, "deploy")
    for asked in releases.asked() + snapshots.asked():
        # Maven 4 sends credentials once it was asked for them.
        assert asked.method != "PUT" or asked.status in (201, 401), asked

    local = maven.resolve(app)
    for name, ending in (("lib", ".jar"), ("lib", "-sources.jar")):
        built = lib / "target" / f"{name}-1.0{ending}"
        assert (local / LIB.path(ending)).read_bytes() == built.read_bytes()
    built = tool / "target" / "tool-1.0-SNAPSHOT.jar"
    assert (local / TOOL.path()).read_bytes() == built.read_bytes()
    if maven.line != "3.8":
        assert sidecars(releases) + sidecars(snapshots) == [], "the headers carry them"


@pytest.mark.slow
@each_line
def test_a_newer_snapshot_is_resolved_where_updates_are_asked_for(
    maven: Maven, snapshots: Repository
) -> None:
    app = maven.project(APP, dependencies=[TOOL.elements])
    for text in ("the first", "the second"):
        tool = maven.project(TOOL, {"tool.txt": text})
        maven.succeed(tool, "deploy")
        local = maven.resolve(app, "--update-snapshots")
        built = tool / "target" / "tool-1.0-SNAPSHOT.jar"
        assert (local / TOOL.path()).read_bytes() == built.read_bytes()
    sent = {asked.path for asked in snapshots.asked() if asked.method == "PUT"}
    jars = {path for path in sent if path.endswith(".jar") and "-sources" not in path}
    assert len(jars) == 2, "each under a timestamp of its own"


@each_line
def test_a_release_that_is_there_stays_as_it_is(maven: Maven, releases: Repository) -> None:
    """The build fails, and says what the server says."""
    maven.succeed(maven.project(LIB, {"lib.txt": "the release"}), "deploy")
    before = releases.get(LIB.path())
    out = refused_deploy(maven, maven.project(LIB, {"lib.txt": "another one"}))
    assert "409" in out
    if maven.line != "3.8":  # which shows the status alone
        assert "There are other bytes under this path" in out
    assert releases.get(LIB.path()) == before


@each_line
def test_a_snapshot_does_not_come_into_a_repository_for_releases(
    maven: Maven, releases: Repository
) -> None:
    tool = maven.project(TOOL, {"tool.txt": "the snapshot"})
    elsewhere = f"-DaltSnapshotDeploymentRepository=releases::{releases.url}"
    out = refused_deploy(maven, tool, elsewhere)
    assert "400" in out
    if maven.line != "3.8":
        assert "takes releases alone" in out


@pytest.mark.slow
@each_line_over_both_stores
def test_a_file_is_deployed_with_a_pom_that_is_made_for_it(
    maven: Maven, releases: Repository, tmp_path: Path
) -> None:
    bought = Artifact("bought", "7.5")
    data = jar({"bought.txt": "made elsewhere"})
    (tmp_path / "bought.jar").write_bytes(data)
    app = maven.project(APP, dependencies=[bought.elements])
    maven.succeed(
        maven.project(LIB),
        "deploy:deploy-file",
        f"-Dfile={tmp_path / 'bought.jar'}",
        f"-Durl={releases.url}",
        "-DrepositoryId=releases",
        f"-DgroupId={bought.group}",
        f"-DartifactId={bought.name}",
        f"-Dversion={bought.version}",
        "-DgeneratePom=true",
    )
    assert b"<artifactId>bought</artifactId>" in releases.get(bought.path(".pom"))
    local = maven.resolve(app)
    assert (local / bought.path()).read_bytes() == data


@each_line
def test_versions_are_found_by_range_and_by_name(line: str, tmp_path: Path, server: Server) -> None:
    """In metadata that no client sent."""
    repository = server.repository("mixed")
    maven = Maven(line, tmp_path, server.key, repository, repository)
    for version in ("1.0", "1.10", "1.9", "2.0"):
        for name in ("ranged", "released", "latest"):
            Artifact(name, version).publish(repository, jar({name: version}))
    newest = Artifact("latest", "2.1-SNAPSHOT")
    newest.publish(repository, jar({"latest": "2.1"}), stamp="20261125.101500-1")
    wanted = {"ranged": "[1.0,2.0)", "released": "RELEASE", "latest": "LATEST"}
    app = maven.project(
        APP, dependencies=[Artifact(name, version).elements for name, version in wanted.items()]
    )
    local = maven.resolve(app)
    for name, version in (("ranged", "1.10"), ("released", "2.0"), ("latest", "2.1-SNAPSHOT")):
        found = {path.parent.name for path in (local / Artifact(name, "").folder).rglob("*.jar")}
        assert found == {version}


@each_line
def test_a_plugin_is_found_by_its_prefix(maven: Maven, releases: Repository) -> None:
    """By the metadata of its group, and without a version by that of the plugin."""
    plugin = Artifact("greeting-maven-plugin", "1.3")
    # The goal is a class of another plugin, which is there already: none has to be compiled.
    source = seeded("maven-source-plugin", "org.apache.maven.plugins")
    utils = seeded("plexus-utils", "org.codehaus.plexus")  # Maven 3.8 wants every plugin to have it
    every = "<groupId>*</groupId><artifactId>*</artifactId>"
    alone = f"<exclusions><exclusion>{every}</exclusion></exclusions>"
    plugin.publish(
        releases,
        jar({"META-INF/maven/plugin.xml": _descriptor(plugin, "greeting", source)}),
        packaging="maven-plugin",
        dependencies=[source.elements + alone, utils.elements + alone],
    )
    out = maven.succeed(maven.project(APP), "greeting:hello", local="consumer")
    assert "greeting:1.3:hello" in out or "greeting-maven-plugin:1.3:hello" in out
    asked = {(asked.path, asked.status) for asked in releases.asked()}
    assert ("org/example/clients/maven-metadata.xml", 200) in asked
    assert (f"{plugin.folder}/maven-metadata.xml", 200) in asked


def _descriptor(plugin: Artifact, prefix: str, source: Artifact) -> str:
    """What Maven reads of a plugin; its goal `hello` is the help of `source`."""
    return f"""\
<plugin>
<name>Greeting</name>
{plugin.elements}
<goalPrefix>{prefix}</goalPrefix>
<mojos><mojo>
<goal>hello</goal>
<implementation>org.apache.maven.plugins.maven_source_plugin.HelpMojo</implementation>
<language>java</language>
<instantiationStrategy>per-lookup</instantiationStrategy>
<requiresProject>false</requiresProject>
</mojo></mojos>
<dependencies><dependency>{source.elements}<type>jar</type></dependency></dependencies>
</plugin>
"""
