"""What builds write to depend on a version, and which version a folder's newest is."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.maven.layout import file_at
from app.maven.paths import MavenFile
from app.maven.snippets import Coordinates, coordinates_of, newest, snippets
from app.maven.versions import is_snapshot, version_key
from app.repositories import ArtifactPath

LIB = Coordinates("com.example", "lib", "1.0")


def written(coordinates: Coordinates) -> dict[str, str]:
    return {one.tool: one.text for one in snippets(coordinates)}


def files(*endings: str, version: str = "1.0") -> list[MavenFile]:
    """Files of com.example:lib, by what follows the version in their names."""
    paths = [f"com/example/lib/{version}/lib-{version}{ending}" for ending in endings]
    found = [file_at(ArtifactPath.parse(path)) for path in paths]
    return [file for file in found if file is not None]


def test_a_jar_is_a_dependency_in_four_tools() -> None:
    assert written(LIB) == {
        "Maven": "<dependency>\n"
        "  <groupId>com.example</groupId>\n"
        "  <artifactId>lib</artifactId>\n"
        "  <version>1.0</version>\n"
        "</dependency>",
        "Gradle": 'implementation("com.example:lib:1.0")',
        "sbt": 'libraryDependencies += "com.example" % "lib" % "1.0"',
        "Leiningen": '[com.example/lib "1.0"]',
    }


def test_a_plugin_of_maven_is_a_plugin_and_for_maven_alone() -> None:
    coordinates = Coordinates("com.example", "greet-maven-plugin", "1.0", is_plugin=True)
    assert written(coordinates) == {
        "Maven": "<plugin>\n"
        "  <groupId>com.example</groupId>\n"
        "  <artifactId>greet-maven-plugin</artifactId>\n"
        "  <version>1.0</version>\n"
        "</plugin>"
    }


@pytest.mark.parametrize(
    "artifact, line",
    [
        ("cats_2.13", 'libraryDependencies += "g" %% "cats" % "1"'),
        ("cats_3", 'libraryDependencies += "g" %% "cats" % "1"'),
        ("cats-core_2.12", 'libraryDependencies += "g" %% "cats-core" % "1"'),
        ("cats_sjs1_3", 'libraryDependencies += "g" %% "cats_sjs1" % "1"'),
        ("macros_2.13.12", 'libraryDependencies += "g" % "macros_2.13.12" % "1"'),
        ("layout_4", 'libraryDependencies += "g" % "layout_4" % "1"'),
        ("_3", 'libraryDependencies += "g" % "_3" % "1"'),
        ("sbt-lint_2.12_1.0", 'addSbtPlugin("g" % "sbt-lint" % "1")'),
        ("sbt-lint_sbt2_3", 'addSbtPlugin("g" % "sbt-lint" % "1")'),
    ],
)
def test_sbt_adds_the_version_of_scala_by_itself(artifact: str, line: str) -> None:
    assert written(Coordinates("g", artifact, "1"))["sbt"] == line


def test_leiningen_names_what_is_called_as_its_group_once() -> None:
    assert written(Coordinates("hiccup", "hiccup", "2.0"))["Leiningen"] == '[hiccup "2.0"]'
    assert written(Coordinates("a.b", "b", "2.0"))["Leiningen"] == '[a.b/b "2.0"]'


def test_what_is_no_jar_says_what_it_is_where_a_tool_would_not_look() -> None:
    found = written(Coordinates("com.example", "site", "1.0", "war"))
    assert "<type>war</type>" in found["Maven"]
    assert found["Leiningen"] == '[com.example/site "1.0" :extension "war"]'


def test_no_character_of_a_version_means_something_to_a_tool() -> None:
    found = written(Coordinates("g", "a", "1&2$x"))
    assert ElementTree.fromstring(found["Maven"]).findtext("version") == "1&2$x"
    assert found["Gradle"] == 'implementation("g:a:1&2\\$x")'


@pytest.mark.parametrize(
    "endings, extension",
    [
        ((".jar", ".pom", "-sources.jar", ".module"), "jar"),
        ((".jar", ".jar.asc", ".jar.sigstore.json", ".war"), "jar"),
        ((".war", ".war.asc", ".pom"), "war"),
        ((".tar.gz", ".pom"), "tar.gz"),
        ((".aar", "-javadoc.jar", ".pom", ".module", ".buildinfo"), "aar"),
        ((".pom", ".pom.asc"), "pom"),
        (("-sources.jar",), "jar"),
        (("-sources.jar", ".pom"), "pom"),
        ((".war", ".zip"), "jar"),
    ],
)
def test_the_extension_is_that_of_the_main_file(endings: tuple[str, ...], extension: str) -> None:
    found = coordinates_of(files(*endings), is_plugin=False)
    assert found == Coordinates("com.example", "lib", "1.0", extension)


def test_a_timestamped_snapshot_is_named_by_its_version() -> None:
    path = "com/example/lib/1.0-SNAPSHOT/lib-1.0-20261125.100000-3.jar"
    file = file_at(ArtifactPath.parse(path))
    assert file is not None
    found = coordinates_of([file], is_plugin=False)
    assert found == Coordinates("com.example", "lib", "1.0-SNAPSHOT")


def test_no_files_have_no_coordinates() -> None:
    assert coordinates_of([], is_plugin=False) is None


@pytest.mark.parametrize(
    "names, found",
    [
        ([], None),
        (["1.9", "1.10", "1.10-rc1"], "1.10"),
        (["1.9", "2.0-SNAPSHOT"], "1.9"),
        (["1.0-SNAPSHOT", "1.1-SNAPSHOT"], "1.1-SNAPSHOT"),
        (["1.0-SNAPSHOT", "internal"], "1.0-SNAPSHOT"),
        (["1.0", "zeta"], "1.0"),
        (["v1", "v2"], "v2"),
    ],
)
def test_the_newest_is_the_highest_release(names: list[str], found: str | None) -> None:
    assert newest(names) == found


VERSIONS = st.from_regex(r"[0-9]\.[0-9]{1,2}(-rc[0-9]|-SNAPSHOT)?", fullmatch=True)


@given(st.lists(VERSIONS, min_size=1))
def test_no_release_is_newer_than_the_newest(names: list[str]) -> None:
    found = newest(names)
    assert found in names
    releases = [name for name in names if not is_snapshot(name)]
    for name in releases or names:
        assert version_key(name) <= version_key(found or "")


IDS = st.from_regex(r"[A-Za-z0-9_-]{1,9}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["C"], exclude_characters='\\/:"<>|?*[](){},'))


@given(IDS, IDS, TEXTS.filter(bool))
def test_every_snippet_gives_back_the_coordinates(group: str, artifact: str, version: str) -> None:
    found = written(Coordinates(group, artifact, version))
    root = ElementTree.fromstring(found["Maven"])
    assert [one.text for one in root] == [group, artifact, version]
    quoted = re.search(r'"(.*)"', found["Gradle"])
    assert quoted is not None
    assert quoted[1].replace("\\$", "$") == f"{group}:{artifact}:{version}"
    assert found["sbt"].endswith(f' % "{version}"') or found["sbt"].endswith(f'"{version}")')
    assert f'"{version}"' in found["Leiningen"]
