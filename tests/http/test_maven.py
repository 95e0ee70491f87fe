"""Maven repositories as their clients speak to them: files, checksums, metadata, and refusals."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from app.publishing.bulk import Bulk
from app.publishing.erasure import Eraser
from app.publishing.sessions_left import COMPLETE
from app.repositories import DeletedRepositories, Format, Policy
from storage import keys
from storage.events import Actor
from storage.metadata import Add, Key, Put
from tests.faults.metadata import passes
from tests.http.client import Answer, Client
from tests.http.probes import records_of
from tests.http.stand import Stand

AT = "/repositories/maven/"
LIB = f"{AT}com/example/lib/"
JAR = b"the bytes of a jar"


def pom(
    group: str = "com.example", artifact: str = "lib", version: str = "1.0", more: str = ""
) -> bytes:
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        f"<groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version>{more}</project>"
    ).encode()


def metadata(versions: str = "<version>1.0</version>") -> bytes:
    return (
        "<metadata><groupId>com.example</groupId><artifactId>lib</artifactId>"
        f"<versioning><versions>{versions}</versions></versioning></metadata>"
    ).encode()


def plugin_jar(prefix: str = "greet", artifact: str = "greet-maven-plugin") -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        jar.writestr(
            "META-INF/maven/plugin.xml",
            f"<plugin><name>Greets</name><groupId>com.example</groupId>"
            f"<artifactId>{artifact}</artifactId><goalPrefix>{prefix}</goalPrefix></plugin>",
        )
    return data.getvalue()


def digest(algorithm: str, data: bytes) -> str:
    return hashlib.new(algorithm, data).hexdigest()


@dataclass
class Maven:
    """A Maven repository, asked with an administrator's key."""

    stand: Stand
    client: Client
    repository_id: str = ""

    def put(self, path: str, data: bytes = JAR, **more: Any) -> Answer:
        return self.client.put(f"{AT}{path}", data, **more)

    def get(self, path: str, **more: Any) -> Answer:
        return self.client.get(f"{AT}{path}", **more)

    def versions(self, path: str = "com/example/lib") -> list[str]:
        root = ElementTree.fromstring(self.get(f"{path}/maven-metadata.xml").body)
        return [one.text or "" for one in root.iterfind("versioning/versions/version")]

    def release(self, version: str, artifact: str = "lib") -> None:
        folder = f"com/example/{artifact}/{version}/{artifact}-{version}"
        assert self.put(f"{folder}.jar", f"{version}".encode()).status == 201
        assert self.put(f"{folder}.pom", pom(artifact=artifact, version=version)).status == 201


@pytest.fixture
def maven(memory_stand: Stand) -> Maven:
    made = memory_stand.repository("maven", Format.MAVEN)
    return Maven(memory_stand, memory_stand.admins, made.id)


@pytest.fixture
def everywhere(any_stand: Stand) -> Maven:
    any_stand.repository("maven", Format.MAVEN)
    return Maven(any_stand, any_stand.admins)


def test_what_is_deployed_is_fetched_with_its_checksums(everywhere: Maven) -> None:
    maven, path = everywhere, "com/example/lib/1.0/lib-1.0.jar"
    assert maven.put(path).status == 201
    assert maven.put(path).status == 200, "the same bytes again"
    answer = maven.get(path)
    assert (answer.status, answer.body) == (200, JAR)
    assert answer.headers["x-checksum-sha1"] == digest("sha1", JAR)
    assert answer.headers["x-checksum-md5"] == digest("md5", JAR)
    for algorithm in ("md5", "sha1", "sha256", "sha512"):
        answer = maven.get(f"{path}.{algorithm}")
        assert (answer.status, answer.text) == (200, digest(algorithm, JAR))
        assert maven.put(f"{path}.{algorithm}", answer.body).status == 201
    assert maven.put(path, b"others").status == 409
    assert maven.client.delete(f"{AT}{path}").status == 204
    assert maven.get(f"{path}.sha1").status == 404
    assert maven.put(path, b"others").status == 201


def test_metadata_is_what_is_there(everywhere: Maven) -> None:
    maven = everywhere
    for version in ("1.10", "1.9", "2.0-SNAPSHOT", "1.9-rc1"):
        maven.release(version)
    answer = maven.get("com/example/lib/maven-metadata.xml")
    root = ElementTree.fromstring(answer.body)
    assert maven.versions() == ["1.9-rc1", "1.9", "1.10", "2.0-SNAPSHOT"]
    assert (root.findtext("groupId"), root.findtext("artifactId")) == ("com.example", "lib")
    assert root.findtext("versioning/latest") == "2.0-SNAPSHOT"
    assert root.findtext("versioning/release") == "1.10"
    for algorithm in ("md5", "sha1", "sha256", "sha512"):
        said = maven.get(f"com/example/lib/maven-metadata.xml.{algorithm}").text
        assert said == digest(algorithm, answer.body)
        assert said == answer.headers[f"x-checksum-{algorithm}"]
    assert (
        maven.get(
            "com/example/lib/maven-metadata.xml", headers={"If-None-Match": answer.headers["etag"]}
        ).status
        == 304
    )
    for name in ("lib-1.10.pom", "lib-1.10.jar"):
        assert maven.client.delete(f"{LIB}1.10/{name}").status == 204
    assert maven.versions() == ["1.9-rc1", "1.9", "2.0-SNAPSHOT"]


def test_a_restored_version_is_in_the_metadata_again(everywhere: Maven) -> None:
    maven = everywhere
    maven.release("1.0")
    maven.release("1.1")
    assert maven.client.delete(f"{LIB}1.1/?recursive=true").status in (200, 202)
    assert maven.versions() == ["1.0"]
    restored = maven.client.post(
        "/api/repositories/maven/restore", {"path": "com/example/lib/1.1/"}
    )
    assert restored.status in (200, 202), restored.text
    assert maven.versions() == ["1.0", "1.1"]
    assert maven.get("com/example/lib/1.1/lib-1.1.jar").body == b"1.1"


def test_two_processes_serve_one_document_under_one_tag(memory_stand: Stand) -> None:
    memory_stand.repository("maven", Format.MAVEN)
    first, second = (
        memory_stand.admins,
        memory_stand.another_process().client.as_(memory_stand.admin.by_key),
    )
    Maven(memory_stand, first).release("1.0")
    url = f"{LIB}maven-metadata.xml"
    one, other = first.get(url), second.get(url)
    assert (one.body, one.headers["etag"]) == (other.body, other.headers["etag"])
    Maven(memory_stand, second).release("1.1")
    after = first.get(url)
    assert after.headers["etag"] != one.headers["etag"]
    assert b"1.1" in after.body
    assert second.get(f"{url}.sha1").text == digest("sha1", after.body)


SNAPSHOT = "com/example/lib/2.0-SNAPSHOT/"


def test_the_plain_name_of_a_snapshot_is_its_newest_file(everywhere: Maven) -> None:
    maven = everywhere
    for stamp, data in (("20261125.100000-1", b"first"), ("20261125.110000-2", b"second")):
        assert maven.put(f"{SNAPSHOT}lib-2.0-{stamp}.jar", data).status == 201
        body = pom(version="2.0-SNAPSHOT", more=f"<description>{stamp}</description>")
        assert maven.put(f"{SNAPSHOT}lib-2.0-{stamp}.pom", body).status == 201
    assert maven.put(f"{SNAPSHOT}lib-2.0-20261125.100000-1-sources.jar", b"old").status == 201
    answer = maven.get(f"{SNAPSHOT}lib-2.0-SNAPSHOT.jar")
    assert (answer.status, answer.body) == (200, b"second")
    assert maven.get(f"{SNAPSHOT}lib-2.0-SNAPSHOT-sources.jar").body == b"old"
    assert maven.get(f"{SNAPSHOT}lib-2.0-SNAPSHOT.jar.sha1").text == digest("sha1", b"second")
    assert maven.get(f"{SNAPSHOT}lib-2.0-SNAPSHOT.war").status == 404
    root = ElementTree.fromstring(maven.get(f"{SNAPSHOT}maven-metadata.xml").body)
    assert root.findtext("versioning/snapshot/timestamp") == "20261125.110000"
    assert root.findtext("versioning/snapshot/buildNumber") == "2"
    values = {
        (one.findtext("classifier"), one.findtext("extension")): one.findtext("value")
        for one in root.iterfind("versioning/snapshotVersions/snapshotVersion")
    }
    assert values == {
        (None, "jar"): "2.0-20261125.110000-2",
        (None, "pom"): "2.0-20261125.110000-2",
        ("sources", "jar"): "2.0-20261125.100000-1",
    }


def test_a_snapshot_without_a_timestamp_is_written_over(maven: Maven) -> None:
    path = f"{SNAPSHOT}lib-2.0-SNAPSHOT.jar"
    assert maven.put(path, b"first").status == 201
    assert maven.put(path, b"second").status == 200
    assert maven.get(path).body == b"second"


def test_plugins_are_found_by_their_prefix(everywhere: Maven) -> None:
    maven, folder = everywhere, "com/example/greet-maven-plugin/1.0/greet-maven-plugin-1.0"
    assert maven.get("com/example/maven-metadata.xml").status == 404
    assert maven.put(f"{folder}.jar", plugin_jar()).status == 201
    root = ElementTree.fromstring(maven.get("com/example/maven-metadata.xml").body)
    (plugin,) = root.iterfind("plugins/plugin")
    assert plugin.findtext("prefix") == "greet"
    assert plugin.findtext("artifactId") == "greet-maven-plugin"
    assert plugin.findtext("name") == "Greets"
    assert maven.client.delete(f"{AT}{folder}.jar").status == 204
    assert maven.get("com/example/maven-metadata.xml").status == 404


def test_a_jar_with_the_descriptor_of_another_plugin_is_none(maven: Maven) -> None:
    assert maven.put("com/example/lib/1.0/lib-1.0.jar", plugin_jar()).status == 201
    assert maven.get("com/example/maven-metadata.xml").status == 404


def test_the_list_of_prefixes_and_the_catalog_are_computed(maven: Maven) -> None:
    assert maven.get(".meta/prefixes.txt").text == "@ unsupported\n"
    maven.release("1.0")
    archetype = pom(artifact="start", more="<packaging>maven-archetype</packaging>")
    assert maven.put("com/example/start/1.0/start-1.0.pom", archetype).status == 201
    assert maven.put("one/a/1/a-1.pom", pom("one", "a", "1")).status == 201
    lines = maven.get(".meta/prefixes.txt").text.splitlines()
    assert lines == ["## repository-prefixes/2.0", "/com/example", "/one"]
    catalog = maven.get("archetype-catalog.xml").text
    assert "<artifactId>start</artifactId>" in catalog
    assert "lib" not in catalog


def test_a_checksum_that_came_first_is_held_against_its_file(everywhere: Maven) -> None:
    maven, path = everywhere, "com/example/lib/1.0/lib-1.0.jar"
    assert maven.put(f"{path}.sha1", digest("sha1", JAR).encode()).status == 201
    assert maven.put(f"{path}.md5", digest("md5", JAR).encode()).status == 201
    refused = maven.put(path, b"others")
    assert refused.status == 400
    assert digest("sha1", JAR) in refused.detail or digest("md5", JAR) in refused.detail
    assert maven.get(path).status == 404
    assert maven.put(path).status == 201
    assert maven.put(path).status == 200


def test_a_checksum_that_comes_in_the_middle_of_its_file_is_held_against_it(maven: Maven) -> None:
    path = "com/example/lib/1.0/lib-1.0.jar"

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() == 0:
                assert maven.put(f"{path}.sha256", b"0" * 64).status == 201
            return super().read(size)

    refused = maven.put(path, Slow(JAR), length=str(len(JAR)))  # type: ignore[arg-type]
    assert refused.status == 400
    assert "0" * 64 in refused.detail
    assert maven.get(path).status == 404
    assert maven.stand.blobs.list().entries == ()


def test_a_checksum_that_differs_says_of_what_and_both(maven: Maven) -> None:
    path = "com/example/lib/1.0/lib-1.0.jar"
    maven.put(path)
    refused = maven.put(f"{path}.sha1", b"0" * 40)
    assert refused.status == 400
    assert all(part in refused.detail for part in (path, "0" * 40, digest("sha1", JAR)))
    for bad in (b"", b"nothing", b"0" * 39, b"\xff" * 40, b"0" * 2000):
        assert maven.put(f"{path}.sha1", bad).status == 400
    assert maven.put(f"{path}.sha1", f"{digest('sha1', JAR)}  lib-1.0.jar\n".encode()).status == 201


def test_metadata_that_is_sent_changes_nothing_and_its_checksums_fit_it(maven: Maven) -> None:
    maven.release("1.0")
    url = "com/example/lib/maven-metadata.xml"
    before = maven.get(url)
    documents = [metadata(f"<version>{number}</version>") for number in range(3)]
    for document in documents:
        assert maven.put(url, document).status == 201
    for document in documents:
        for algorithm in ("md5", "sha1", "sha256", "sha512"):
            said = digest(algorithm, document).encode()
            assert maven.put(f"{url}.{algorithm}", said).status == 201
    assert maven.put(f"{url}.sha1", b"0" * 40).status == 400
    assert maven.get(url).body == before.body
    # A client that only repeats what is served fits as well.
    assert maven.put(f"{url}.sha1", digest("sha1", before.body).encode()).status == 201


REFUSED: tuple[tuple[str, bytes, str], ...] = (
    ("com/example/lib/1.0/lib-1.1.jar", JAR, "lib-1.0"),
    ("com/example/lib-1.0.jar", JAR, "too high"),
    ("com/example/lib/1.0/lib-1.0.pom", b"<project>", "not well-formed"),
    ("com/example/lib/1.0/lib-1.0.pom", b"", "not well-formed"),
    ("com/example/lib/1.0/lib-1.0.pom", pom(version="1.1"), "'1.1'"),
    ("com/example/lib/1.0/lib-1.0.pom", pom(group="org.example"), "'org.example'"),
    ("com/example/lib/1.0/lib-1.0.pom", pom(artifact="bil"), "'bil'"),
    (
        "com/example/lib/1.0/lib-1.0.pom",
        b"<!DOCTYPE project [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + pom(),
        "DOCTYPE",
    ),
    ("com/example/lib/maven-metadata.xml", b"<metadata", "not well-formed"),
    ("com/example/lib/maven-metadata.xml", b"<!DOCTYPE metadata>" + metadata(), "DOCTYPE"),
    ("com/example/bil/maven-metadata.xml", metadata(), "'lib'"),
    ("archetype-catalog.xml", b"<a/>", "computed"),
    (".meta/prefixes.txt", b"/", "computed"),
    ("com/example/lib/1.0/lib-1.0.jar.sha1.md5", b"0" * 32, "checksum of a checksum"),
)


@pytest.mark.parametrize("path, body, said", REFUSED)
def test_what_is_not_maven_is_refused_and_nothing_is_stored(
    maven: Maven, path: str, body: bytes, said: str
) -> None:
    answer = maven.put(path, body)
    assert (answer.status, said in answer.detail) == (400, True), answer.detail
    assert maven.stand.blobs.list().entries == ()
    assert maven.get(path).status == (200 if said == "computed" else 404)
    assert maven.client.get(AT).json["entries"] == []


@pytest.mark.parametrize("name", ["1.0/lib-1.0.pom", "maven-metadata.xml"])
@pytest.mark.parametrize("announced", [True, False])
def test_a_document_of_100_mb_is_refused_before_it_is_held(
    maven: Maven, name: str, announced: bool
) -> None:
    read = 0

    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            nonlocal read
            read += size
            return b" " * size

    answer = maven.client.put(
        f"{LIB}{name}",
        Endless(),
        **({"length": "100000000"} if announced else {"chunked": True}),  # type: ignore[arg-type]
    )
    assert answer.status == 400
    assert read <= (0 if announced else 17 * 1024 * 1024)
    assert maven.stand.blobs.list().entries == ()


POLICIES = (
    (Policy.RELEASE, "com/example/lib/1.0/lib-1.0.jar", 201),
    (Policy.RELEASE, f"{SNAPSHOT}lib-2.0-SNAPSHOT.jar", 400),
    (Policy.RELEASE, f"{SNAPSHOT}lib-2.0-20261125.100000-1.jar", 400),
    (Policy.SNAPSHOT, "com/example/lib/1.0/lib-1.0.jar", 400),
    (Policy.SNAPSHOT, f"{SNAPSHOT}lib-2.0-20261125.100000-1.jar", 201),
    (Policy.MIXED, "com/example/lib/1.0/lib-1.0.jar", 201),
    (Policy.MIXED, f"{SNAPSHOT}lib-2.0-20261125.100000-1.jar", 201),
)


@pytest.mark.parametrize("policy, path, status", POLICIES)
def test_a_repository_takes_what_its_policy_says(
    memory_stand: Stand, policy: Policy, path: str, status: int
) -> None:
    memory_stand.repository("maven", Format.MAVEN, policy=policy)
    maven = Maven(memory_stand, memory_stand.admins)
    answer = maven.put(path)
    assert answer.status == status
    assert status == 201 or "takes" in answer.detail
    assert maven.client.post(f"{AT}{path}?uploads", None).status == status


def test_what_is_computed_is_not_deleted(maven: Maven) -> None:
    maven.release("1.0")
    for name in ("maven-metadata.xml", "1.0/lib-1.0.jar.sha1", "maven-metadata.xml.md5"):
        answer = maven.client.delete(f"{LIB}{name}")
        assert answer.status == 405
        assert "POST" not in answer.headers["allow"]


def test_an_upload_in_pieces_is_held_against_its_path(maven: Maven) -> None:
    for body, status in ((pom(version="1.1"), 400), (pom(), 201)):
        begun = maven.client.post(f"{LIB}1.0/lib-1.0.pom?uploads", None)
        assert begun.status == 201
        where = begun.headers["location"]
        sent = maven.client.ask(
            "PATCH",
            where,
            body=body,
            headers={"Content-Range": f"bytes 0-{len(body) - 1}/{len(body)}"},
        )
        assert sent.status == 202
        assert maven.client.put(where).status == status
    assert maven.versions() == ["1.0"]
    digests = maven.get("com/example/lib/1.0/lib-1.0.pom.sha512").text
    assert digests == digest("sha512", pom())


def test_a_release_costs_no_more_round_trips_than_a_raw_file(
    maven: Maven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.computed.views.SETTLED_SECONDS", 0.0)
    maven.release("1.0")
    before = len(maven.stand.engine.made)
    maven.put("com/example/lib/1.0/lib-1.0-sources.jar")
    assert maven.stand.engine.made[before:] == ["get", "transact"]
    before = len(maven.stand.engine.made)
    maven.get("com/example/lib/maven-metadata.xml")
    cold = maven.stand.engine.made[before:]
    assert cold.count("query") <= 4
    before = len(maven.stand.engine.made)
    warm = maven.get("com/example/lib/maven-metadata.xml")
    assert maven.stand.engine.made[before:] == ["query"]
    before = len(maven.stand.engine.made)
    maven.get("com/example/lib/maven-metadata.xml", headers={"If-None-Match": warm.headers["etag"]})
    assert maven.stand.engine.made[before:] == ["query"]


def test_nothing_is_left_of_an_erased_repository(maven: Maven) -> None:
    for version in ("1.0", "2.0-SNAPSHOT"):
        maven.release(version)
    folder = "com/example/greet-maven-plugin/1.0/greet-maven-plugin-1.0"
    maven.put(f"{folder}.jar", plugin_jar())
    assert maven.client.delete("/api/repositories/maven").status == 204
    at = maven.stand.process.installation
    repositories = DeletedRepositories(at.recent, at.journal)
    (deleted,) = repositories.list(maven.stand.organization)
    eraser = Eraser(at.metadata, at.journal, repositories, Bulk(at.metadata, at.journal))
    eraser.erase(deleted, lambda: None)
    repository = deleted.repository.id
    left = [record.key for record in records_of(maven.stand)]
    assert not [key for key in left if f"#{repository}" in key.partition]


def test_a_path_is_as_long_as_all_of_its_records_can_hold(maven: Maven) -> None:
    folder = "/".join(["g" * 100] * 8)
    for length, status in ((895, 201), (896, 400)):
        start = f"{folder}/a/1/a-1."
        path = f"{start}{'j' * (length - len(start))}"
        answer = maven.put(path, b"x")
        assert answer.status == status, answer.text
        assert maven.client.delete(f"{AT}{path}").status == (204 if status == 201 else 404)


def test_what_is_not_there_is_no_problem_document_to_maven(maven: Maven) -> None:
    """Its resolver takes one for a transfer that failed, and gives up."""
    for path in ("com/example/lib/maven-metadata.xml", "com/example/lib/1.0/lib-1.0.pom", "x"):
        answer = maven.get(path)
        assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
        assert answer.detail


#: What Gradle 6 and newer sends of each file, in this order (maven-publish, since Gradle 6.0).
GRADLE_SENDS = ("md5", "sha1", "sha256", "sha512")


def test_what_newer_gradle_publishes_is_taken(everywhere: Maven) -> None:
    """With Gradle Module Metadata, four checksums of each file, and metadata that it reads first
    and sends with as many; Debian's Gradle sends none of these."""
    maven, folder = everywhere, f"{SNAPSHOT}lib-2.0-20261125.100000-1"
    files = {
        f"{folder}.jar": JAR,
        f"{folder}-sources.jar": b"sources",
        f"{folder}.module": b'{"formatVersion": "1.1"}',
        f"{folder}.pom": pom(version="2.0-SNAPSHOT"),
    }
    for level in (f"{SNAPSHOT}maven-metadata.xml", "com/example/lib/maven-metadata.xml"):
        assert maven.get(level).status == 404
    for path, data in files.items():
        assert maven.put(path, data).status == 201
        for algorithm in GRADLE_SENDS:
            said = digest(algorithm, data).encode()
            assert maven.put(f"{path}.{algorithm}", said).status == 201
    snapshot = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<metadata modelVersion="1.1.0">'
        b"<groupId>com.example</groupId><artifactId>lib</artifactId>"
        b"<version>2.0-SNAPSHOT</version><versioning><snapshot>"
        b"<timestamp>20261125.100000</timestamp><buildNumber>1</buildNumber></snapshot>"
        b"</versioning></metadata>"
    )
    documents = {
        f"{SNAPSHOT}maven-metadata.xml": snapshot,
        "com/example/lib/maven-metadata.xml": metadata("<version>2.0-SNAPSHOT</version>"),
    }
    for path, data in documents.items():
        assert maven.put(path, data).status == 201
        for algorithm in GRADLE_SENDS:
            said = digest(algorithm, data).encode()
            assert maven.put(f"{path}.{algorithm}", said).status == 201
    # It resolves by the module, and asks for a checksum of what it has from elsewhere.
    assert maven.versions() == ["2.0-SNAPSHOT"]
    assert maven.client.head(f"{AT}{folder}.module").status == 200
    assert maven.get(f"{folder}.jar.sha1").text == digest("sha1", JAR)
    root = ElementTree.fromstring(maven.get(f"{SNAPSHOT}maven-metadata.xml").body)
    kinds = {
        one.findtext("extension")
        for one in root.iterfind("versioning/snapshotVersions/snapshotVersion")
    }
    assert kinds == {"jar", "module", "pom"}


def test_a_version_that_comes_while_a_document_is_computed_is_in_the_next_one(
    maven: Maven,
) -> None:
    maven.release("1.0")
    done: list[None] = []

    def meanwhile(call: Callable[[], Any]) -> Any:
        found = call()
        if not done:
            done.append(None)
            maven.release("1.1")
        return found

    # The revision, then the entries: behind them a version comes.
    maven.stand.engine.next("query", passes, meanwhile)
    first = maven.get("com/example/lib/maven-metadata.xml")
    again = maven.get("com/example/lib/maven-metadata.xml")
    assert done
    assert (b"1.1" in first.body, b"1.1" in again.body) == (False, True)
    assert first.headers["etag"] != again.headers["etag"]


def test_a_document_that_was_computed_a_moment_too_early_is_not_remembered(maven: Maven) -> None:
    """DynamoDB shows the records of a commit one by one: a counter before what it tells of."""
    maven.release("1.0")
    url, records = "com/example/lib/maven-metadata.xml", maven.stand.process.installation.metadata
    at = maven.stand.organization, maven.repository_id
    # A stripe of its own: what is counted there is all that is seen of the commit.
    records.commit(
        Add(Key(keys.revisions(*at), "/com/example/lib/:x"), {"revision": 1}, create=True)
    )
    early = maven.get(url)
    assert b"2.0" not in early.body
    entry = keys.found(*at, "coordinates", "com.example:lib:2.0:lib-2.0.pom")
    records.commit(Put(entry, {"size": 1, "modified": 1}))
    late = maven.get(url, headers={"If-None-Match": early.headers["etag"]})
    assert late.status == 200
    assert b"2.0" in late.body


def test_what_is_remembered_is_not_computed_again(
    maven: Maven, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once its revision has been seen for a while."""
    maven.release("1.0")
    url = "com/example/lib/maven-metadata.xml"
    maven.get(url)
    before = len(maven.stand.engine.made)
    maven.get(url)
    assert maven.stand.engine.made[before:].count("query") > 1, "it may be too early"
    monkeypatch.setattr("app.computed.views.SETTLED_SECONDS", 0.0)
    maven.get(url)
    before = len(maven.stand.engine.made)
    maven.get(url)
    assert maven.stand.engine.made[before:] == ["query"]


def test_the_plain_name_of_a_snapshot_is_told_by_no_time(maven: Maven) -> None:
    """A build that is deleted gives way to an older one, whose bytes are others."""
    for stamp, data in (("20261125.100000-1", b"good build"), ("20261125.110000-2", b"bad build!")):
        assert maven.put(f"{SNAPSHOT}lib-2.0-{stamp}.jar", data).status == 201
    plain = f"{SNAPSHOT}lib-2.0-SNAPSHOT.jar"
    bad = maven.get(plain)
    assert "last-modified" not in bad.headers
    assert maven.client.delete(f"{AT}{SNAPSHOT}lib-2.0-20261125.110000-2.jar").status == 204
    late = "Fri, 01 Jan 2100 00:00:00 GMT"
    answer = maven.get(plain, headers={"If-Modified-Since": late})
    assert (answer.status, answer.body) == (200, b"good build")
    resumed = {"Range": "bytes=4-", "If-Unmodified-Since": late}
    answer = maven.get(plain, headers=resumed)
    assert (answer.status, answer.body) == (200, b"good build")
    tagged = {"Range": "bytes=4-", "If-Range": answer.headers["etag"]}
    assert (maven.get(plain, headers=tagged).status) == 206
    stale = {"Range": "bytes=4-", "If-Range": bad.headers["etag"]}
    assert maven.get(plain, headers=stale).body == b"good build"


def test_a_checksum_that_was_left_stands_in_no_files_way(maven: Maven) -> None:
    """It was sent while the file was deleted, and that came back otherwise."""
    path = "com/example/lib/1.0/lib-1.0.jar"
    maven.put(path)
    assert maven.client.delete(f"{AT}{path}").status == 204
    assert maven.put(f"{path}.sha1", b"0" * 40).status == 201
    restored = maven.client.post("/api/repositories/maven/restore", {"path": path})
    assert restored.status == 200, restored.text
    assert maven.put(path).status == 200
    assert maven.put(f"{path}.sha1", digest("sha1", JAR).encode()).status == 201


def test_who_may_only_write_learns_no_digest(maven: Maven) -> None:
    path = "com/example/lib/1.0/lib-1.0.jar"
    maven.put(path)
    writer = maven.stand.person(grants={maven.repository_id: ["write"]})
    client = maven.stand.client.as_(writer.by_key)
    for algorithm in ("md5", "sha1", "sha256", "sha512"):
        wrong = b"0" * len(digest(algorithm, JAR))
        answer = client.put(f"{AT}{path}.{algorithm}", wrong)
        assert answer.status == 400
        assert digest(algorithm, JAR) not in answer.text
        assert client.put(f"{AT}{path}.{algorithm}", digest(algorithm, JAR).encode()).status == 201


@pytest.mark.parametrize(
    "data",
    [b"no zip, but META-INF/maven/plugin.xml", plugin_jar()[:-30], plugin_jar("a prefix")],
)
def test_only_what_is_to_be_a_plugin_is_refused_for_its_descriptor(
    maven: Maven, data: bytes
) -> None:
    """Any jar may hold what looks like one."""
    assert maven.put("com/example/lib/1.0/lib-1.0.jar", data).status == 201
    plugin = "com/example/greet-maven-plugin/1.0/greet-maven-plugin-1.0.jar"
    answer = maven.put(plugin, data)
    assert answer.status == 400
    assert answer.detail.startswith("com.example:greet-maven-plugin:jar:1.0: ")
    assert maven.get(plugin).status == 404


def test_a_job_that_completes_an_upload_says_why_the_format_refuses_it(maven: Maven) -> None:
    stand, body = maven.stand, pom(version="1.1")
    begun = maven.client.post(f"{LIB}1.0/lib-1.0.pom?uploads", None)
    where = begun.headers["location"]
    headers = {"Content-Range": f"bytes 0-{len(body) - 1}/{len(body)}"}
    assert maven.client.ask("PATCH", where, body=body, headers=headers).status == 202
    upload = where.rpartition("=")[2]
    job = stand.process.background.jobs.start(
        COMPLETE,
        stand.organization,
        Actor(stand.admin.id, stand.admin.key_id, "request"),
        {"path": "com/example/lib/1.0/lib-1.0.pom", "upload": upload},
        maven.repository_id,
        left=True,
    )
    stand.process.work()
    done = maven.client.get(f"/api/jobs/{job.id}").json
    assert done["state"] == "failed"
    assert "'1.1'" in done["error"]


def test_the_plain_name_is_told_by_no_time_also_where_a_file_has_it(maven: Maven) -> None:
    """The file that has it may be older than a build that was the answer before."""
    plain, late = f"{SNAPSHOT}lib-2.0-SNAPSHOT.jar", "Fri, 01 Jan 2100 00:00:00 GMT"
    assert maven.put(plain, b"of the plain name").status == 201
    answer = maven.get(plain, headers={"Range": "bytes=4-", "If-Unmodified-Since": late})
    assert (answer.status, answer.body) == (200, b"of the plain name")
    assert "last-modified" not in answer.headers


def test_what_is_sent_of_a_document_has_none_computed(maven: Maven) -> None:
    """A deploy ends with four of these; what is there is computed for who asks for it."""
    maven.release("1.0")
    url, document = "com/example/lib/maven-metadata.xml", metadata()
    before = len(maven.stand.engine.made)
    maven.put(url, document)
    maven.put(f"{url}.sha1", digest("sha1", document).encode())
    assert maven.stand.engine.made[before:] == ["get", "transact", "get", "query"]


@pytest.mark.parametrize("wrong, status", [("md5", 201), ("sha1", 400)])
def test_each_digest_that_came_before_its_file_has_an_hour_of_its_own(
    maven: Maven, wrong: str, status: int
) -> None:
    """None is forgotten with one that was sent earlier, or stands in the way with a later one."""
    path = "com/example/lib/1.0/lib-1.0.jar"
    key = keys.expected(maven.stand.organization, maven.repository_id, path)
    store = maven.stand.process.installation.metadata

    def send(algorithm: str) -> None:
        digits = digest(algorithm, b"others" if algorithm == wrong else JAR)
        assert maven.put(f"{path}.{algorithm}", digits.encode()).status == 201

    send("md5")
    record = store.get(key)[key]
    until = datetime.fromisoformat(record.value["until"]["md5"]) - timedelta(minutes=59)
    store.commit(Put(key, {**record.value, "until": {"md5": until.isoformat()}}, at=record.version))
    send("sha1")
    record = store.get(key)[key]
    assert datetime.fromisoformat(record.value["until"]["md5"]) == until
    assert record.expires is not None
    assert record.expires - until > timedelta(minutes=58)
    past = {**record.value["until"], "md5": (until - timedelta(minutes=2)).isoformat()}
    store.commit(Put(key, {**record.value, "until": past}, at=record.version))
    assert maven.put(path).status == status
