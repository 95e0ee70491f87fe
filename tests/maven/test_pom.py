"""POMs and metadata: what they say of themselves must be what their path says."""

import pytest

from app.maven.paths import MavenFile, MetadataDocument, parse
from app.maven.pom import (
    METADATA_BYTES,
    POM_BYTES,
    InvalidMetadata,
    InvalidPom,
    MetadataReader,
    Pom,
    PomReader,
)
from app.repositories.names import ArtifactPath

_RELEASE = "com/example/lib/1.0/lib-1.0.pom"
_STAMPED = "com/example/lib/1.0-SNAPSHOT/lib-1.0-20261125.100000-3.pom"
_OWN = "<groupId>com.example</groupId><artifactId>lib</artifactId><version>1.0</version>"


def _read(content: str, path: str = _RELEASE) -> Pom:
    file = parse(ArtifactPath.parse(path))
    assert isinstance(file, MavenFile)
    reader = PomReader(file)
    for byte in content.encode():
        reader.feed(bytes([byte]))
    return reader.finish()


def _project(content: str, attributes: str = "") -> str:
    return f"<project{attributes}>{content}</project>"


def _parent(group: str, version: str) -> str:
    coordinates = f"<groupId>{group}</groupId><artifactId>p</artifactId>"
    return f"<parent>{coordinates}<version>{version}</version></parent>"


def test_a_pom_is_read() -> None:
    pom = _read(
        _project(
            f"<modelVersion>4.0.0</modelVersion>{_OWN}<packaging>war</packaging>"
            "<name> The lib </name><description>What\nit does</description>"
            "<dependencies><dependency><groupId>other</groupId></dependency></dependencies>"
        )
    )
    assert pom == Pom("com.example", "lib", "1.0", "war", "The lib", "What\nit does")


@pytest.mark.parametrize(
    "attributes",
    [
        "",
        " xmlns='http://maven.apache.org/POM/4.0.0'",
        " xmlns='https://maven.apache.org/POM/4.1.0'",
        " xmlns='http://maven.apache.org/POM/4.0.0' xmlns:xsi='urn:i' xsi:schemaLocation='a b'",
    ],
)
def test_mavens_namespaces_are_read_and_none(attributes: str) -> None:
    assert _read(_project(_OWN, attributes)).packaging == "jar"


@pytest.mark.parametrize(
    "content",
    [
        f"<artifactId>lib</artifactId>{_parent('com.example', '1.0')}",
        f"{_parent('com.example', '9')}<artifactId>lib</artifactId><version>1.0</version>",
        f"{_parent('other', '1.0')}<groupId>com.example</groupId><artifactId>lib</artifactId>",
        f"<groupId/><version/><artifactId>lib</artifactId>{_parent('com.example', '1.0')}",
    ],
)
def test_group_and_version_may_be_the_parents(content: str) -> None:
    pom = _read(_project(content))
    assert (pom.group, pom.artifact, pom.version) == ("com.example", "lib", "1.0")


@pytest.mark.parametrize("encoding", ["windows-1252", "ISO-8859-15", "IBM850", "MacRoman"])
def test_a_pom_is_read_in_the_encoding_it_declares(encoding: str) -> None:
    content = _project(f"{_OWN}<name>Größe</name>")
    file = parse(ArtifactPath.parse(_RELEASE))
    assert isinstance(file, MavenFile)
    reader = PomReader(file)
    reader.feed(f"<?xml version='1.0' encoding='{encoding}'?>{content}".encode(encoding))
    assert reader.finish().name == "Größe"


@pytest.mark.parametrize("version", ["1.0-SNAPSHOT", "1.0-20261125.100000-3"])
def test_a_snapshots_pom_has_its_folders_version_or_its_own(version: str) -> None:
    pom = _read(_project(_OWN.replace("1.0", version)), _STAMPED)
    assert pom.version == version


def test_an_expression_contradicts_nothing() -> None:
    content = "<groupId>${g}</groupId><artifactId>a-${b}</artifactId><version>${revision}</version>"
    assert _read(_project(content)).version == "${revision}"


def test_a_long_description_is_cut() -> None:
    long = "word " * 10_000
    assert _read(_project(f"{_OWN}<description>{long}</description>")).description in long


@pytest.mark.parametrize(
    "content, path, reason",
    [
        (
            _project(_OWN.replace("com.example", "org.example")),
            _RELEASE,
            "groupId is 'org.example', and the path says 'com.example'",
        ),
        (_project(_OWN.replace("lib", "lob")), _RELEASE, "artifactId is 'lob', and the path"),
        (_project(_OWN.replace("1.0", "1.1")), _RELEASE, "version is '1.1', and the path says"),
        (
            _project(_OWN),
            _STAMPED,
            "says '1.0-SNAPSHOT' or '1.0-20261125.100000-3'",
        ),
        (
            _project(_OWN.replace("1.0", "1.0-20261125.100000-4")),
            _STAMPED,
            "version is '1.0-20261125.100000-4'",
        ),
        (
            _project(f"<artifactId>lib</artifactId>{_parent('com.example', '2')}"),
            _RELEASE,
            "version is '2'",
        ),
        (_project("<artifactId>lib</artifactId>"), _RELEASE, "has no groupId"),
        (_project(_parent("com.example", "1.0")), _RELEASE, "has no artifactId"),
        (
            _project("<groupId>com.example</groupId><artifactId>lib</artifactId>"),
            _RELEASE,
            "has no version",
        ),
        (_project(_OWN + "<version>1.0</version>"), _RELEASE, "<project/version> is there twice"),
        (_project(_OWN, " xmlns='urn:other'"), _RELEASE, "'urn:other' is not one of Maven's"),
        ("<metadata/>", _RELEASE, "the root must be <project>"),
        ("<!DOCTYPE project><project/>", _RELEASE, "DOCTYPE"),
        ("<project>", _RELEASE, "not well-formed"),
    ],
)
def test_a_pom_that_belongs_elsewhere_is_refused(content: str, path: str, reason: str) -> None:
    with pytest.raises(InvalidPom) as refusal:
        _read(content, path)
    assert reason in str(refusal.value)
    assert str(refusal.value).startswith("com.example:lib:pom:1.0")


def test_a_refusal_shows_no_more_than_a_hundred_characters_of_a_value() -> None:
    with pytest.raises(InvalidPom) as refusal:
        _read(_project(_OWN.replace("1.0", "9" * 1000)))
    assert "9" * 90 in str(refusal.value)
    assert "9" * 100 not in str(refusal.value)


def test_a_pom_is_bounded() -> None:
    file = parse(ArtifactPath.parse(_RELEASE))
    assert isinstance(file, MavenFile)
    reader = PomReader(file)
    reader.feed(f"<project>{_OWN}".encode().ljust(POM_BYTES - 10))
    reader.feed(b"</project>")
    assert reader.finish().version == "1.0"
    with pytest.raises(InvalidPom, match="more than 2,097,152 bytes"):
        PomReader(file).feed(b" " * (POM_BYTES + 1))


def _metadata(content: str, folder: str) -> None:
    document = parse(ArtifactPath.parse(f"{folder}/maven-metadata.xml"))
    assert isinstance(document, MetadataDocument)
    reader = MetadataReader(document)
    reader.feed(f"<metadata modelVersion='1.1.0'>{content}</metadata>".encode())
    reader.finish()


_ARTIFACT = "<groupId>com.example</groupId><artifactId>lib</artifactId>"


@pytest.mark.parametrize(
    "content, folder",
    [
        ("", "com"),
        ("", "com/example/lib/1-SNAPSHOT"),
        ("<plugins><plugin><artifactId>x</artifactId></plugin></plugins>", "com/example"),
        ("<groupId>com.example</groupId>", "com/example"),
        (_ARTIFACT, "com/example/lib"),
        (f"{_ARTIFACT}<version>7</version><versioning/>", "com/example/lib"),
        (_ARTIFACT.replace("lib", "a.b"), "com/example/a.b"),
        (_ARTIFACT, "com/example/lib/1-SNAPSHOT"),
        (f"{_ARTIFACT}<version>1-SNAPSHOT</version>", "com/example/lib/1-SNAPSHOT"),
    ],
)
def test_metadata_of_its_folder_is_taken(content: str, folder: str) -> None:
    _metadata(content, folder)


@pytest.mark.parametrize(
    "content, folder, reason",
    [
        (_ARTIFACT, "com/example/lob", "artifactId is 'lib', and in this folder it can be 'lob'"),
        (_ARTIFACT, "org/example/lib", "groupId is 'com.example', and in this folder it can be"),
        (_ARTIFACT, "com", "groupId is 'com.example', and in this folder it can be none"),
        ("<artifactId>com</artifactId>", "com", "artifactId is 'com', and"),
        ("<groupId>com.example</groupId>", "com", "it can be 'com'"),
        ("<groupId>com.example</groupId>", "com/example/a.b", "it can be none"),
        (_ARTIFACT, "com/example/lob/1-SNAPSHOT", "it can be 'lob'"),
        (_ARTIFACT, "org/example/lib/1-SNAPSHOT", "it can be 'org.example'"),
        (
            f"{_ARTIFACT}<version>2-SNAPSHOT</version>",
            "com/example/lib/1-SNAPSHOT",
            "version is '2-SNAPSHOT', and in this folder it can be '1-SNAPSHOT'",
        ),
        ("<groupId>a</groupId><groupId>a</groupId>", "a", "twice"),
        ("</metadata><x>", "a", "not well-formed"),
    ],
)
def test_metadata_of_something_else_is_refused(content: str, folder: str, reason: str) -> None:
    with pytest.raises(InvalidMetadata) as refusal:
        _metadata(content, folder)
    assert reason in str(refusal.value)
    assert str(refusal.value).startswith(f"{folder}/maven-metadata.xml: ")


def test_metadata_is_bounded_and_may_have_very_many_versions() -> None:
    versions = "".join(f"<version>1.{number}</version>" for number in range(5000))
    versioning = f"<versioning><versions>{versions}</versions></versioning>"
    _metadata(f"{_ARTIFACT}{versioning}", "com/example/lib")
    with pytest.raises(InvalidMetadata, match="more than 8,388,608 bytes"):
        _metadata(" " * METADATA_BYTES, "com/example/lib")
