"""The documents that are computed, byte for byte and against a naive model of each."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import cmp_to_key
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.maven.metadata import (
    CATALOG_NAMESPACE,
    MOST_PREFIXES,
    Archetype,
    ArtifactView,
    Plugin,
    VersionFile,
    archetype_catalog,
    newest,
    prefixes,
    render,
    render_snapshots,
)
from app.maven.versions import version_key

NOON = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)


def file(
    version: str,
    extension: str = "pom",
    *,
    classifier: str = "",
    stamp: tuple[str, int] | None = None,
    modified: datetime = NOON,
) -> VersionFile:
    shown = version if stamp is None else version.replace("SNAPSHOT", f"{stamp[0]}-{stamp[1]}")
    name = f"a-{shown}{classifier and '-' + classifier}.{extension}"
    return VersionFile(version, name, stamp, classifier, extension, modified)


def artifact(*files: VersionFile) -> ArtifactView:
    return ArtifactView("com.example", "a", files)


def read(document: bytes | None) -> ElementTree.Element:
    assert document is not None
    return ElementTree.fromstring(document)


def texts(document: bytes | None, path: str) -> list[str | None]:
    return [element.text for element in read(document).iterfind(path)]


# Exact bytes

ARTIFACT = """\
<?xml version="1.0" encoding="UTF-8"?>
<metadata>
  <groupId>com.example</groupId>
  <artifactId>a</artifactId>
  <versioning>
    <latest>1.10-SNAPSHOT</latest>
    <release>1.9</release>
    <versions>
      <version>1.0-rc1</version>
      <version>1.9</version>
      <version>1.10-SNAPSHOT</version>
    </versions>
    <lastUpdated>20261125120001</lastUpdated>
  </versioning>
</metadata>
"""

BOTH = """\
<?xml version="1.0" encoding="UTF-8"?>
<metadata>
  <groupId>com.example</groupId>
  <artifactId>a</artifactId>
  <versioning>
    <latest>1</latest>
    <release>1</release>
    <versions>
      <version>1</version>
    </versions>
    <lastUpdated>20261125120000</lastUpdated>
  </versioning>
  <plugins>
    <plugin>
      <name>A &lt;b&gt; &amp; c</name>
      <prefix>hello</prefix>
      <artifactId>hello-maven-plugin</artifactId>
    </plugin>
    <plugin>
      <prefix>x</prefix>
      <artifactId>maven-x-plugin</artifactId>
    </plugin>
  </plugins>
</metadata>
"""

SNAPSHOTS = """\
<?xml version="1.0" encoding="UTF-8"?>
<metadata modelVersion="1.1.0">
  <groupId>com.example</groupId>
  <artifactId>a</artifactId>
  <version>1.0-SNAPSHOT</version>
  <versioning>
    <snapshot>
      <timestamp>20261125.100000</timestamp>
      <buildNumber>10</buildNumber>
    </snapshot>
    <lastUpdated>20261125100000</lastUpdated>
    <snapshotVersions>
      <snapshotVersion>
        <extension>jar</extension>
        <value>1.0-20261125.100000-10</value>
        <updated>20261125100000</updated>
      </snapshotVersion>
      <snapshotVersion>
        <extension>jar.asc</extension>
        <value>1.0-20261125.090000-9</value>
        <updated>20261125090000</updated>
      </snapshotVersion>
      <snapshotVersion>
        <classifier>sources</classifier>
        <extension>jar</extension>
        <value>1.0-20261125.090000-9</value>
        <updated>20261125090000</updated>
      </snapshotVersion>
    </snapshotVersions>
  </versioning>
</metadata>
"""

IN_PLACE = """\
<?xml version="1.0" encoding="UTF-8"?>
<metadata modelVersion="1.1.0">
  <groupId>com.example</groupId>
  <artifactId>a</artifactId>
  <version>1.0-SNAPSHOT</version>
  <versioning>
    <lastUpdated>20261125120000</lastUpdated>
    <snapshotVersions>
      <snapshotVersion>
        <extension>jar</extension>
        <value>1.0-SNAPSHOT</value>
        <updated>20261125120000</updated>
      </snapshotVersion>
    </snapshotVersions>
  </versioning>
</metadata>
"""

CATALOG = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<archetype-catalog xmlns="{CATALOG_NAMESPACE}">
  <archetypes>
    <archetype>
      <groupId>com.example</groupId>
      <artifactId>a</artifactId>
      <version>1.10</version>
      <description>Tom &amp; Jerry</description>
    </archetype>
    <archetype>
      <groupId>com.example</groupId>
      <artifactId>a</artifactId>
      <version>1.9</version>
    </archetype>
    <archetype>
      <groupId>com.example</groupId>
      <artifactId>b</artifactId>
      <version>1.0</version>
      <description>B</description>
    </archetype>
  </archetypes>
</archetype-catalog>
"""


def test_an_artifact_lists_its_versions_in_mavens_order() -> None:
    files = [
        file("1.9"),
        file("1.10-SNAPSHOT", stamp=("20261125.110000", 1), modified=NOON + timedelta(seconds=1)),
        file("1.0-rc1"),
        file("1.9", "jar"),
    ]
    assert render(artifact(*files), []) == ARTIFACT.encode()


def test_a_path_is_a_group_and_an_artifact_at_once() -> None:
    plugins = [
        Plugin("maven-x-plugin", "x", ""),
        Plugin("hello-maven-plugin", "hello", "A <b> & c"),
    ]
    assert render(artifact(file("1")), plugins) == BOTH.encode()
    alone = read(render(None, plugins))
    assert [child.tag for child in alone] == ["plugins"]


def test_a_snapshot_lists_the_newest_of_each_kind() -> None:
    earlier, later = ("20261125.090000", 9), ("20261125.100000", 10)
    files = [
        file("1.0-SNAPSHOT", "jar", stamp=later),
        file("1.0-SNAPSHOT", "jar", stamp=earlier),
        file("1.0-SNAPSHOT", "jar.asc", stamp=earlier),
        file("1.0-SNAPSHOT", "jar", classifier="sources", stamp=earlier),
    ]
    assert render_snapshots("com.example", "a", "1.0-SNAPSHOT", files) == SNAPSHOTS.encode()


def test_a_snapshot_without_stamps_goes_by_its_plain_name() -> None:
    files = [file("1.0-SNAPSHOT", "jar")]
    assert render_snapshots("com.example", "a", "1.0-SNAPSHOT", files) == IN_PLACE.encode()


def test_a_catalog_has_the_newest_version_of_an_archetype_first() -> None:
    entries = [
        Archetype("com.example", "b", "1.0", "B"),
        Archetype("com.example", "a", "1.9", ""),
        Archetype("com.example", "a", "1.10", "Tom & Jerry"),
    ]
    assert archetype_catalog(entries) == CATALOG.encode()
    assert archetype_catalog(reversed(entries)) == CATALOG.encode()
    assert len(read(archetype_catalog([]))[0]) == 0


@pytest.mark.parametrize(
    "paths, expected",
    [
        (["org/a", "com/example"], "## repository-prefixes/2.0\n/com/example\n/org/a\n"),
        (["/com/example/", "com/example"], "## repository-prefixes/2.0\n/com/example\n"),
        # To a client the second alone would be left of these.
        (["com", "com/example", "com-x"], "## repository-prefixes/2.0\n/com\n/com-x\n"),
        (["com/a", "com/a-b/c", "com/a/b"], "## repository-prefixes/2.0\n/com/a\n/com/a-b/c\n"),
        ([], "@ unsupported\n"),
        (["com", ""], "@ unsupported\n"),
        (["com", "é"], "@ unsupported\n"),
        (["com/a:b"], "@ unsupported\n"),
        (["com/a "], "@ unsupported\n"),
        (["com//a"], "@ unsupported\n"),
        (["c" * 249], f"## repository-prefixes/2.0\n/{'c' * 249}\n"),
        (["c" * 250], "@ unsupported\n"),
    ],
)
def test_prefixes_are_written_as_clients_read_them(paths: list[str], expected: str) -> None:
    assert prefixes(paths) == expected.encode()


def test_there_are_at_most_as_many_prefixes_as_clients_read() -> None:
    paths = [f"a{number}" for number in range(MOST_PREFIXES)]
    assert prefixes(paths).count(b"\n") == MOST_PREFIXES + 1
    assert prefixes([*paths, "b"]) == b"@ unsupported\n"


# What counts


def test_where_there_is_nothing_there_is_no_document() -> None:
    assert render(None, []) is None
    assert render(artifact(), []) is None
    assert render_snapshots("com.example", "a", "1.0-SNAPSHOT", []) is None


def test_a_version_counts_when_its_pom_is_there() -> None:
    document = render(artifact(file("1"), file("2", "jar"), file("3", "pom.asc")), [])
    assert texts(document, "versioning/versions/version") == ["1"]
    document = render(artifact(file("1"), file("2", "pom", classifier="x")), [])
    assert texts(document, "versioning/versions/version") == ["1"]


def test_where_no_version_has_a_pom_all_count() -> None:
    document = render(artifact(file("2", "jar"), file("1", "zip")), [])
    assert texts(document, "versioning/versions/version") == ["1", "2"]
    assert texts(document, "versioning/release") == ["2"]


def test_only_snapshots_are_no_release() -> None:
    document = render(artifact(file("1-SNAPSHOT"), file("2-SNAPSHOT")), [])
    assert texts(document, "versioning/latest") == ["2-SNAPSHOT"]
    assert texts(document, "versioning/release") == []


def test_moments_are_told_in_utc() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=-11)))
    document = render(artifact(file("1", modified=there)), [])
    assert texts(document, "versioning/lastUpdated") == ["20261125120000"]


@pytest.mark.parametrize(
    "modified, value",
    [
        (NOON - timedelta(seconds=1), "1-20261125.120000-1"),
        (NOON, "1-20261125.120000-1"),
        (NOON + timedelta(seconds=1), "1-SNAPSHOT"),
    ],
)
def test_a_file_overwritten_in_place_competes_by_when_that_was(
    modified: datetime, value: str
) -> None:
    stamped = file("1-SNAPSHOT", "jar", stamp=("20261125.120000", 1))
    plain = file("1-SNAPSHOT", "jar", modified=modified)
    document = render_snapshots("com.example", "a", "1-SNAPSHOT", [plain, stamped])
    assert texts(document, ".//value") == [value]
    assert texts(document, ".//timestamp") == ["20261125.120000"]
    expected = plain if value == "1-SNAPSHOT" else stamped
    assert newest([stamped, plain], "", "jar") == expected


def test_a_character_that_xml_cannot_hold_leaves_the_document_readable() -> None:
    document = render(artifact(file("1\uffff")), [Plugin("a", "p", "\x01")])
    assert texts(document, "versioning/latest") == ["1\ufffd"]
    assert texts(document, "plugins/plugin/name") == ["\ufffd"]


# Against a model

VERSIONS = st.sampled_from(
    ["1.0", "1.0-SNAPSHOT", "1", "1.1-rc1", "1.10", "1.9", "2-SNAPSHOT", "a<&>b", "é"]
)
MOMENTS = st.integers(-3, 3).map(lambda n: NOON + timedelta(seconds=n, milliseconds=n))
STAMPS = st.tuples(
    st.sampled_from(["20261125.115959", "20261125.120000", "20261125.120001"]),
    st.sampled_from([1, 2, 10]),
)
EXTENSIONS = st.sampled_from(["jar", "pom", "jar.asc", "tar.gz"])
CLASSIFIERS = st.sampled_from(["", "sources", "<&>"])


@st.composite
def released(draw: st.DrawFn) -> VersionFile:
    return file(
        draw(VERSIONS),
        draw(EXTENSIONS),
        classifier=draw(CLASSIFIERS),
        modified=draw(MOMENTS),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> VersionFile:
    return file(
        "1-SNAPSHOT",
        draw(EXTENSIONS),
        classifier=draw(CLASSIFIERS),
        stamp=draw(st.none() | STAMPS),
        modified=draw(MOMENTS),
    )


def files_of(one: st.SearchStrategy[VersionFile]) -> st.SearchStrategy[list[VersionFile]]:
    return st.lists(one, min_size=1, max_size=8, unique_by=lambda file: (file.version, file.name))


@given(files_of(released()), st.randoms())
def test_the_versions_of_an_artifact_are_those_of_the_model(
    files: list[VersionFile], source: random.Random
) -> None:
    document = render(artifact(*files), [])
    counted = {file.version for file in files if file.name == f"a-{file.version}.pom"}
    listed = sorted(counted or {file.version for file in files}, key=version_key)
    assert texts(document, "versioning/versions/version") == listed
    assert texts(document, "versioning/latest") == listed[-1:]
    releases = [version for version in listed if not version.endswith("-SNAPSHOT")]
    assert texts(document, "versioning/release") == releases[-1:]
    last = max(file.modified for file in files)
    assert texts(document, "versioning/lastUpdated") == [f"{last:%Y%m%d%H%M%S}"]
    assert render(artifact(*shuffled(files, source)), []) == document


def newer(first: VersionFile, second: VersionFile) -> int:
    """Positive where the first of two files of a kind is the newer one."""
    if first.stamp is not None and second.stamp is not None:
        return 1 if first.stamp > second.stamp else -1
    if first.stamp is None:
        return -newer(second, first)
    moment = datetime.strptime(f"{first.stamp[0]}+0000", "%Y%m%d.%H%M%S%z")
    return 1 if moment >= second.modified.replace(microsecond=0) else -1


@given(files_of(snapshots()), st.randoms())
def test_the_files_of_a_snapshot_are_those_of_the_model(
    files: list[VersionFile], source: random.Random
) -> None:
    document = render_snapshots("com.example", "a", "1-SNAPSHOT", files)
    expected = set()
    for kind in {(file.classifier, file.extension) for file in files}:
        alike = [file for file in files if (file.classifier, file.extension) == kind]
        found = max(alike, key=cmp_to_key(newer))
        assert newest(files, *kind) == found
        shown = "SNAPSHOT" if found.stamp is None else f"{found.stamp[0]}-{found.stamp[1]}"
        expected.add((*kind, f"1-{shown}"))
    elements = list(read(document).iterfind("versioning/snapshotVersions/snapshotVersion"))
    assert len(elements) == len(expected)
    assert expected == {
        (one.findtext("classifier", ""), one.findtext("extension"), one.findtext("value"))
        for one in elements
    }
    stamps = [file.stamp for file in files if file.stamp is not None]
    assert texts(document, "versioning/snapshot/buildNumber") == (
        [str(max(stamps)[1])] if stamps else []
    )
    updated = [one.findtext("updated") for one in elements]
    assert texts(document, "versioning/lastUpdated") == [max(map(str, updated))]
    again = render_snapshots("com.example", "a", "1-SNAPSHOT", shuffled(files, source))
    assert again == document


@given(st.lists(st.builds(Plugin, st.sampled_from("abc"), st.sampled_from("xy"), st.just("<n>"))))
def test_plugins_are_listed_once_in_the_order_of_their_artifacts(plugins: list[Plugin]) -> None:
    document = render(None, plugins)
    if not plugins:
        assert document is None
        return
    found = [
        (one.findtext("artifactId"), one.findtext("prefix"), one.findtext("name"))
        for one in read(document).iterfind("plugins/plugin")
    ]
    assert found == sorted({(one.artifact, one.prefix, one.name) for one in plugins})


@given(st.lists(st.lists(st.sampled_from(["a", "b", "a-b"]), min_size=1, max_size=3), min_size=1))
def test_a_client_finds_every_folder_and_no_other_one(folders: list[list[str]]) -> None:
    first, *lines = prefixes("/".join(folder) for folder in folders).decode().splitlines()
    assert first == "## repository-prefixes/2.0"
    tree: dict[str, dict] = {}
    for line in lines:
        branch = tree
        for segment in line.removeprefix("/").split("/"):
            branch = branch.setdefault(segment, {})
    for folder in folders:
        assert accepted(tree, [*folder, "file"])
    assert not accepted(tree, ["c", "file"])


def accepted(tree: dict[str, dict], path: Sequence[str]) -> bool:
    """As a client decides: its way through the tree comes to an end of it."""
    branch = tree
    for segment in path:
        if segment not in branch:
            return False
        branch = branch[segment]
        if not branch:
            return True
    return False


def shuffled(files: list[VersionFile], source: random.Random) -> list[VersionFile]:
    return source.sample(files, len(files))
