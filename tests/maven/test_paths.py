"""Paths: the folders say what a file is, its name agrees with them, and nothing is guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.maven.paths import (
    ArchetypeCatalog,
    ChecksumFile,
    InvalidLayout,
    MavenFile,
    MavenPath,
    MetadataDocument,
    PolicyRefused,
    Prefixes,
    admit,
    parse,
)
from app.repositories import Policy
from app.repositories.names import ArtifactPath, InvalidName


def _parse(text: str) -> MavenPath:
    return parse(ArtifactPath.parse(text))


def _file(text: str) -> MavenFile:
    parsed = _parse(text)
    assert isinstance(parsed, MavenFile)
    return parsed


@pytest.mark.parametrize(
    "path, coordinates, classifier, extension",
    [
        ("g/a/1.0/a-1.0.jar", "g:a:jar:1.0", "", "jar"),
        ("com/example/lib/1.0/lib-1.0.pom", "com.example:lib:pom:1.0", "", "pom"),
        ("g/a/1.0/a-1.0.jar.asc", "g:a:jar.asc:1.0", "", "jar.asc"),
        ("g/a/1.0/a-1.0.pom.sigstore.json", "g:a:pom.sigstore.json:1.0", "", "pom.sigstore.json"),
        ("g/a/1.0/a-1.0.module", "g:a:module:1.0", "", "module"),
        ("g/a/1.0/a-1.0.7z", "g:a:7z:1.0", "", "7z"),
        ("g/a/1.0/a-1.0.spdx.json", "g:a:spdx.json:1.0", "", "spdx.json"),
        ("g/a/1.0/a-1.0-bin.tar.gz", "g:a:tar.gz:bin:1.0", "bin", "tar.gz"),
        ("g/a/1.0/a-1.0-bin.tar.gz.asc", "g:a:tar.gz.asc:bin:1.0", "bin", "tar.gz.asc"),
        ("g/a/1.0/a-1.0-bin.tar.sig", "g:a:tar.sig:bin:1.0", "bin", "tar.sig"),
        ("g/a/1.0/a-1.0-jdk1.5.jar", "g:a:jar:jdk1.5:1.0", "jdk1.5", "jar"),
        ("g/a/1.0/a-1.0-jdk1.5.jar.asc", "g:a:jar.asc:jdk1.5:1.0", "jdk1.5", "jar.asc"),
        ("g/a/1.0/a-1.0-scala_2.13.tar.bz2", "g:a:tar.bz2:scala_2.13:1.0", "scala_2.13", "tar.bz2"),
        ("g/a/1.0/a-1.0-linux-x86_64.so", "g:a:so:linux-x86_64:1.0", "linux-x86_64", "so"),
        ("g/a/1.0/a-1.0-keys.asc", "g:a:asc:keys:1.0", "keys", "asc"),
        ("g/log4j-1.2/2.0-rc-1/log4j-1.2-2.0-rc-1.jar", "g:log4j-1.2:jar:2.0-rc-1", "", "jar"),
        ("g/a-1/1/a-1-1-1.jar", "g:a-1:jar:1:1", "1", "jar"),
        ("g/a.b/1/a.b-1.jar", "g:a.b:jar:1", "", "jar"),
        ("g/maven-metadata/1/maven-metadata-1.xml", "g:maven-metadata:xml:1", "", "xml"),
        ("g/a/1-SNAPSHOT/a-1-SNAPSHOT.jar", "g:a:jar:1-SNAPSHOT", "", "jar"),
        ("g/a/1-SNAPSHOT/a-1-SNAPSHOT-tests.jar", "g:a:jar:tests:1-SNAPSHOT", "tests", "jar"),
        (
            "g/a/1.0-SNAPSHOT/a-1.0-20261125.100000-3-sources.jar",
            "g:a:jar:sources:1.0-20261125.100000-3",
            "sources",
            "jar",
        ),
    ],
)
def test_a_file_is_what_its_folders_and_name_say(
    path: str, coordinates: str, classifier: str, extension: str
) -> None:
    file = _file(path)
    assert file.coordinates == coordinates
    assert (file.classifier, file.extension) == (classifier, extension)
    assert str(file.path) == path


def test_a_timestamped_snapshot_has_its_folders_version_and_its_own_stamp() -> None:
    file = _file("com/example/lib/1.0-SNAPSHOT/lib-1.0-20261125.100000-12.pom")
    assert (file.group, file.artifact, file.version) == ("com.example", "lib", "1.0-SNAPSHOT")
    assert file.stamp == ("20261125.100000", 12)
    assert file.full_version == "1.0-20261125.100000-12"
    assert file.is_snapshot
    assert file.is_pom
    assert not file.is_main_jar


@pytest.mark.parametrize(
    "name, main, pom",
    [
        ("a-1.jar", True, False),
        ("a-1.pom", False, True),
        ("a-1-x.jar", False, False),
        ("a-1-build.pom", False, False),
        ("a-1.jar.asc", False, False),
        ("a-1.pom.asc", False, False),
    ],
)
def test_one_jar_and_one_pom_are_a_versions_own(name: str, main: bool, pom: bool) -> None:
    file = _file(f"g/a/1/{name}")
    assert (file.is_main_jar, file.is_pom) == (main, pom)


@pytest.mark.parametrize("name", ["ivy-1.0.xml", "ivy-1.0.xml.asc"])
def test_ivys_descriptor_is_a_file_of_the_version_and_known_as_such(name: str) -> None:
    file = _file(f"g/a/1.0/{name}")
    assert file.is_ivy
    assert (file.classifier, file.extension) == ("", name.removeprefix("ivy-1.0."))
    assert str(file.path) == f"g/a/1.0/{name}"
    assert not _file("g/a/1.0/a-1.0.xml").is_ivy


@pytest.mark.parametrize(
    "path, snapshot, artifact, group",
    [
        ("com", None, None, "com"),
        ("com/example", None, ("com", "example"), "com.example"),
        ("com/example/a.b", None, ("com.example", "a.b"), None),
        ("g/a/1-SNAPSHOT", ("g", "a", "1-SNAPSHOT"), None, None),
        ("g/h/a/1-SNAPSHOT", ("g.h", "a", "1-SNAPSHOT"), None, None),
    ],
)
def test_metadata_is_of_what_its_folder_can_be(
    path: str,
    snapshot: tuple[str, str, str] | None,
    artifact: tuple[str, str] | None,
    group: str | None,
) -> None:
    document = _parse(f"{path}/maven-metadata.xml")
    assert isinstance(document, MetadataDocument)
    assert (document.snapshot, document.artifact, document.group) == (snapshot, artifact, group)
    assert str(document.path) == f"{path}/maven-metadata.xml"


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
@pytest.mark.parametrize(
    "path, kind",
    [
        ("g/a/1/a-1.jar", MavenFile),
        ("g/a/1/a-1.jar.asc", MavenFile),
        ("g/maven-metadata.xml", MetadataDocument),
        ("archetype-catalog.xml", ArchetypeCatalog),
        (".meta/prefixes.txt", Prefixes),
    ],
)
def test_a_checksum_is_of_what_its_name_begins_with(path: str, kind: type, algorithm: str) -> None:
    assert type(_parse(path)) is kind
    checksum = _parse(f"{path}.{algorithm}")
    assert checksum == ChecksumFile(_parse(path), algorithm)
    assert str(checksum.path) == f"{path}.{algorithm}"


@pytest.mark.parametrize(
    "path, reason",
    [
        ("a-1.jar", "too high"),
        ("a/1/a-1.jar", "too high"),
        (".md5", "too high"),
        ("x/archetype-catalog.xml", "too high"),
        (".meta/other.txt", "too high"),
        ("com.example/a/1/a-1.jar", "'com/example'"),
        ("com/example.x/a/1/a-1.jar", "a dot in it"),
        ("com.example/maven-metadata.xml", "a dot in it"),
        ("maven-metadata.xml", "in the folder of"),
        ("1-SNAPSHOT/maven-metadata.xml", "too high"),
        ("c m/a/1/a-1.jar", "the group's folder 'c m'"),
        ("cöm/a/1/a-1.jar", "the group's folder"),
        ("g/a+b/1/a+b-1.jar", "the artifactId 'a+b'"),
        ("g/1+1/maven-metadata.xml", "the artifactId '1+1'"),
        ("g/a/${revision}/a-${revision}.jar", "a version has no { }"),
        ("g/a/[1,2)/a-[1,2).jar", "a version has no ) , ["),
        ("g/a/1/a-1-x:y.jar", "name has no :"),
        ("g/a/1.0SNAPSHOT/a-1.0SNAPSHOT.jar", "ends with '-SNAPSHOT'"),
        ("g/a/SNAPSHOT/a-SNAPSHOT.jar", "ends with '-SNAPSHOT'"),
        ("g/guava/33.0/guava-32.0.jar", "'guava-33.0', from the folders it lies in"),
        ("g/guava/33.0/guava-32.0.jar", "and is 'guava-32.0.jar'"),
        ("g/guava/33.0/guava-33.0", "must begin with"),
        ("g/guava/33.0/guava-33.0_1.jar", "must begin with"),
        ("g/a/33.0/.xml", "must begin with"),
        ("g/a/1/ivy-2.xml", "must begin with"),
        ("g/a/1/ivy-1.jar", "must begin with"),
        ("g/a/1.0/a-1.0.1.jar", "another version"),
        ("g/a/1.0/a-1.0.1-x.jar", "another version"),
        ("g/a/1.0/a-1.0.1", "another version"),
        ("g/a/1/a-1.", "no extension"),
        ("g/a/1/a-1..jar", "no extension"),
        ("g/a/1/a-1-sources", "no extension"),
        ("g/a/1/a-1-.jar", "no extension"),
        ("g/a/1/a-1-x.", "no extension"),
        ("g/a/1.0/a-1.0-SNAPSHOT.jar", "a snapshot lies in"),
        ("g/a/1.0/a-1.0-SNAPSHOT-sources.jar", "a snapshot lies in"),
        ("g/a/1.0/a-1.0-20261125.100000-3.jar", "a snapshot lies in"),
        ("g/a/1-20261125.100000-3/a-1-20261125.100000-3.jar", "a timestamped snapshot lies in"),
        ("g/a/1.0-SNAPSHOT/a-1.1-20261125.100000-3.jar", "'a-1.0-' and a timestamp"),
        ("g/a/1.0-SNAPSHOT/a-1.0-20261125.100000-03.jar", "must begin with"),
        ("g/a/1.0-SNAPSHOT/a-1.0-20261125.100000-3_x.jar", "must begin with"),
        ("g/a/1.0-SNAPSHOT/a-1.0.jar", "must begin with"),
        ("g/a/1.0/maven-metadata-central.xml", "a client's own copy"),
        ("g/a/1/a-1.jar.sha1.md5", "checksum of a checksum"),
        ("g/a/1/.md5", "must begin with"),
        ("g/sbt-x_2.12_1.0/1/sbt-x-1.pom", "sbtPluginPublishLegacyMavenStyle := false"),
    ],
)
def test_a_path_that_means_nothing_is_refused_with_its_reason(path: str, reason: str) -> None:
    with pytest.raises(InvalidLayout) as refusal:
        _parse(path)
    assert reason in str(refusal.value)


def test_a_refusal_shows_no_more_than_a_hundred_characters_of_what_was_sent() -> None:
    with pytest.raises(InvalidLayout) as refusal:
        _parse(f"g/{'a' * 200}/{'1' * 200}/{'x' * 200}.jar")
    assert "x" * 100 not in str(refusal.value)
    assert len(str(refusal.value)) < 500


_RELEASE = "g/a/1/a-1.jar"
_SNAPSHOT = "g/a/1-SNAPSHOT/a-1-SNAPSHOT.jar"
_STAMPED = "g/a/1-SNAPSHOT/a-1-20261125.100000-3.jar"


@pytest.mark.parametrize(
    "policy, path",
    [
        (Policy.RELEASE, _RELEASE),
        (Policy.RELEASE, "g/a/maven-metadata.xml"),
        (Policy.SNAPSHOT, _SNAPSHOT),
        (Policy.SNAPSHOT, _STAMPED),
        (Policy.SNAPSHOT, "g/a/maven-metadata.xml"),
        (Policy.SNAPSHOT, "g/a/1-SNAPSHOT/maven-metadata.xml"),
        (Policy.SNAPSHOT, "archetype-catalog.xml"),
        (Policy.MIXED, _RELEASE),
        (Policy.MIXED, _STAMPED),
    ],
)
def test_a_repository_takes_what_its_policy_says(policy: Policy, path: str) -> None:
    admit(policy, _parse(path))
    admit(policy, _parse(f"{path}.sha1"))


@pytest.mark.parametrize(
    "policy, path, reason",
    [
        (Policy.RELEASE, _SNAPSHOT, "g:a:jar:1-SNAPSHOT is a snapshot"),
        (Policy.RELEASE, _STAMPED, "takes releases alone"),
        (Policy.RELEASE, "g/a/1-SNAPSHOT/maven-metadata.xml", "g:a:1-SNAPSHOT is a snapshot"),
        (Policy.SNAPSHOT, _RELEASE, "g:a:jar:1 is a release"),
    ],
)
def test_a_repository_takes_nothing_else(policy: Policy, path: str, reason: str) -> None:
    for text in (path, f"{path}.md5"):
        with pytest.raises(PolicyRefused, match=reason):
            admit(policy, _parse(text))


_part = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)
_ids = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,8}", fullmatch=True)
_versions = st.from_regex(r"[0-9]{1,2}([.-]([0-9]{1,2}|rc|beta|Final)){0,3}", fullmatch=True)
_classifiers = st.just("") | st.from_regex(
    r"[a-z]{1,5}([._-][a-z0-9]{1,4}){0,2}[0-9]?", fullmatch=True
)
_extensions = st.builds(
    str.__add__,
    st.sampled_from(["jar", "pom", "war", "module", "tar.gz", "tar.xz", "zip", "7z"]),
    st.sampled_from(["", ".asc", ".sig", ".sigstore.json", ".asc.sigstore.json"]),
)
_stamps = st.none() | st.tuples(st.just("20261125.100000"), st.integers(0, 10**9 - 1))


@given(st.lists(_part, min_size=1, max_size=3), _ids, _versions, _classifiers, _extensions, _stamps)
def test_coordinates_survive_their_path(
    groups: list[str],
    artifact: str,
    base: str,
    classifier: str,
    extension: str,
    stamp: tuple[str, int] | None,
) -> None:
    version = base if stamp is None else f"{base}-SNAPSHOT"
    full = base if stamp is None else f"{base}-{stamp[0]}-{stamp[1]}"
    # Of a classifier that ends as `x.tar` a name can't tell where its extension begins.
    name = f"{artifact}-{full}{classifier and f'-{classifier}'}.{extension}"
    file = _file("/".join([*groups, artifact, version, name]))
    expected = MavenFile(".".join(groups), artifact, version, name, stamp, classifier, extension)
    if ".tar." not in f".{classifier}.":
        assert file == expected
    assert file.full_version == full
    assert str(file.path) == "/".join([*groups, artifact, version, name])


_pieces = (
    *("g", "a", "1", "-", ".", "/", "ü", ":", "-SNAPSHOT", "-20261125.100000-3", ".jar", ".md5"),
    *("g/a/1/a-1", "g/a/1-SNAPSHOT/a-1", "ivy-1", "maven-metadata", ".xml", ".tar", ".asc"),
)
_texts = st.lists(st.sampled_from(_pieces), max_size=8).map("".join)


@given(_texts | st.text(max_size=40))
def test_any_path_is_given_back_or_refused(text: str) -> None:
    try:
        path = ArtifactPath.parse(text)
    except InvalidName:
        return
    try:
        parsed = parse(path)
    except InvalidLayout:
        return
    assert parsed.path == path
