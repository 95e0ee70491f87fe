"""Importing a folder: what comes in, what does not and why, and that it can be gone on with."""

import hashlib
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.importing import (
    Counts,
    FolderOrigin,
    MavenSorting,
    Outcome,
    Survey,
    Tally,
)
from app.importing.folder import walk
from app.importing.lookup import FRESH_SECONDS, LookUp
from app.importing.names import is_left_out
from app.importing.patience import PAUSES
from app.importing.progress import State, line
from app.importing.report import printable
from app.installation import Installation
from app.repositories import Policy, RepositoryName, Rules
from app.usage import Quota
from storage.blobs import BlobsFull, UploadMemorySpent
from storage.blobs.upload_memory import RETRY_AFTER
from storage.events import SYSTEM
from storage.metadata import Key
from tests.app.depot import ORG, Depot
from tests.faults.metadata import conflict, full, lost_after_effect, throttled

LIB = "com/example/lib/1.0/lib-1.0"
JAR = b"the bytes of a jar"
SHA1 = hashlib.sha1(JAR).hexdigest()


def pom(version: str = "1.0", head: str = "", more: str = "") -> bytes:
    return (
        f"{head}<project><groupId>com.example</groupId><artifactId>lib</artifactId>"
        f"<version>{version}</version>{more}</project>"
    ).encode()


def release(version: str) -> dict[str, bytes]:
    at = f"com/example/lib/{version}/lib-{version}"
    return {
        f"{at}.jar": version.encode(),
        f"{at}.jar.sha1": hashlib.sha1(version.encode()).hexdigest().encode(),
        f"{at}.pom": pom(version),
    }


@pytest.fixture
def make(installation: Installation, tmp_path: Path) -> Callable[..., Depot]:
    folder = tmp_path / "folder"
    folder.mkdir()
    return lambda **rules: Depot(installation, folder, Rules(**rules))


@pytest.fixture
def depot(make: Callable[..., Depot]) -> Depot:
    return make()


def test_a_folder_comes_in_on_both_stores(any_installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    depot = Depot(any_installation, folder, Rules())
    depot.lay(release("1.0") | release("1.1") | {"com/example/lib/1.1/lib-1.1.txt": b""})
    assert depot.run() == (5, 0, 0)
    assert depot.read("com/example/lib/1.1/lib-1.1.jar") == b"1.1"
    assert depot.read("com/example/lib/1.1/lib-1.1.txt") == b""
    found = depot.artifact(f"{LIB}.pom")
    assert found is not None
    assert found.digests["md5"] == hashlib.md5(pom()).hexdigest()
    assert depot.run() == (0, 5, 0)


def test_what_is_there_already_is_compared_and_not_stored_again(depot: Depot) -> None:
    depot.lay(release("1.0"))
    assert depot.run() == (2, 0, 0)
    created = depot.blobs.calls["create"]
    assert depot.run() == (0, 2, 0)
    assert depot.blobs.calls["create"] == created
    assert depot.tally.counts[Outcome.CHECKSUM] == Counts(1, 40)


def test_a_hundred_files_are_looked_up_in_one_read(depot: Depot) -> None:
    for number in range(50):
        depot.lay(release(f"1.{number}"))
    depot.run()
    depot.engine.made.clear()
    assert depot.run() == (0, 100, 0)
    assert depot.engine.made == ["get"]


def test_files_that_take_long_are_looked_up_again_each_few_seconds(depot: Depot) -> None:
    depot.lay(release("1.0") | release("1.1"))
    depot.run()
    depot.step = 0.3 * FRESH_SECONDS
    depot.engine.made.clear()
    assert depot.run(jobs=1) == (0, 4, 0)
    # The clock is looked at before and after each of the four files is compared.
    assert depot.engine.made == ["get", "get"]


def test_a_file_that_was_deleted_since_it_was_looked_up_comes_again(depot: Depot) -> None:
    depot.lay(release("1.0") | release("1.1"))
    depot.run()
    depot.delete("com/example/lib/1.0/lib-1.0.jar")

    def later() -> None:
        depot.delete("com/example/lib/1.1/lib-1.1.jar")
        depot.seconds += FRESH_SECONDS + 1

    depot.blobs.slow("create", later)
    assert depot.run(jobs=1) == (2, 2, 0)
    assert depot.read("com/example/lib/1.1/lib-1.1.jar") == b"1.1"


def test_a_pom_comes_behind_the_other_files_of_its_version(depot: Depot) -> None:
    depot.lay({f"{LIB}{ending}": JAR for ending in (".jar", "-sources.jar", "-z.zip", ".zip")})
    depot.lay({f"{LIB}.pom": pom()})
    depot.run(jobs=4)
    last = depot.artifact(f"{LIB}.pom")
    others = [depot.artifact(f"{LIB}{end}") for end in (".jar", "-sources.jar", "-z.zip", ".zip")]
    assert last is not None
    assert all(other is not None and other.modified < last.modified for other in others)


@pytest.mark.parametrize(
    "path",
    [
        "com/example/lib/maven-metadata.xml",
        "com/example/lib/maven-metadata.xml.sha1",
        "com/example/lib/maven-metadata-local.xml",
        "com/example/lib/1.0-SNAPSHOT/maven-metadata-central.xml.md5",
        "com/example/lib/1.0/_remote.repositories",
        "com/example/lib/1.0/_maven.repositories",
        "com/example/lib/1.0/lib-1.0.jar.lastUpdated",
        "com/example/lib/1.0/lib-1.0.jar.part",
        "com/example/lib/1.0/lib-1.0.jar.part.lock",
        "com/example/lib/1.0/lib-1.0.jar.artifactory-metadata/properties.xml",
        "com/example/lib/resolver-status.properties",
        "archetype-catalog.xml",
        "archetype-catalog.xml.sha1",
        ".index/nexus-maven-repository-index.gz",
        ".meta/prefixes.txt",
        "com/.DS_Store",
    ],
)
def test_what_clients_and_servers_note_for_themselves_is_left_out(depot: Depot, path: str) -> None:
    depot.lay({path: b"anything"})
    assert depot.run() == (0, 0, 0)
    assert depot.tally.counts[Outcome.LEFT_OUT] == Counts(1, 8)


def test_unfinished_downloads_are_left_out_and_what_is_called_so_comes_over(depot: Depot) -> None:
    at = "com/example/lib/1.0/lib-1.0"
    whole = [f"{at}.tmp", f"{at}.part", f"{at}-data.tmp", f"{at}-scala_2.13.part"]
    unfinished = [
        f"{at}.jar.part",
        f"{at}.jar.part.lock",
        f"{at}.jar.8416541.tmp",
        f"{at}.jar-5b2a1c.tmp",
        f"{at}-sources.jar.part",
        f"{at}-sources.jar.123.tmp",
        f"{at}.pom.lastUpdated",
        "com/example/lib/1.0/other-1.0.tmp",
        "com/example/lib/1.0/lib.tmp",
    ]
    depot.lay(dict.fromkeys(whole + unfinished, JAR) | {f"{at}.tmp.sha1": SHA1.encode()})
    assert depot.run() == (len(whole), 0, 0)
    assert depot.tally.counts[Outcome.LEFT_OUT].files == len(unfinished)
    assert depot.tally.counts[Outcome.CHECKSUM].files == 1


_WORD = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,8}", fullmatch=True)


@given(_WORD, _WORD, _WORD)
def test_no_file_of_an_artifact_is_left_out(group: str, artifact: str, version: str) -> None:
    for ending in ("jar", "pom", "jar.asc", "jar.sha1", "xml", "tmp", "part", "lastUpdated"):
        for classifier in ("", "-sources", "-scala_2.13"):
            name = f"{artifact}-{version}{classifier}.{ending}"
            assert not is_left_out(f"{group}/{artifact}/{version}/{name}")


@given(st.text(max_size=60))
def test_any_name_is_left_out_or_not(path: str) -> None:
    assert is_left_out(path) in (True, False)


@pytest.mark.parametrize("name", ["maven-metadata", "nexus-maven-repository-index"])
def test_an_artifact_may_be_called_as_a_document_is(depot: Depot, name: str) -> None:
    depot.lay({f"org/example/{name}/1.0/{name}-1.0.xml": b"<a/>"})
    assert depot.run() == (1, 0, 0)


BUILDS = "com/example/lib/1.0-SNAPSHOT"
STAMPED = f"{BUILDS}/lib-1.0-20261125.100000-3"
PLAIN = f"{BUILDS}/lib-1.0-SNAPSHOT"


@pytest.mark.parametrize(
    "files, copied",
    [
        ([f"{STAMPED}.jar"], [f"{PLAIN}.jar"]),
        ([f"{STAMPED}.jar"], [f"{PLAIN}.jar", f"{PLAIN}.jar.sha1"]),
        ([f"{STAMPED}-x.zip", f"{PLAIN}-y.zip"], [f"{PLAIN}-x.zip"]),
        ([f"{STAMPED}.jar", f"{PLAIN}-sources.jar", f"{PLAIN}.zip"], []),
        ([f"{PLAIN}.jar"], [f"{STAMPED}.jar.lastUpdated"]),
        ([f"{STAMPED}.xml", f"{BUILDS}/ivy-1.0-SNAPSHOT.xml"], []),
        ([f"{PLAIN}.jar", f"{PLAIN}.zip"], []),
        ([f"{STAMPED}.zip"], [f"{PLAIN}.jar", f"{BUILDS}/maven-metadata-local.xml"]),
        ([f"{PLAIN}.jar"], ["com/example/lib/maven-metadata-local.xml"]),
        ([f"{LIB}.jar"], ["com/example/lib/1.0/maven-metadata-local.xml"]),
    ],
)
def test_a_clients_own_copies_of_snapshots_are_left_out(
    depot: Depot, files: list[str], copied: list[str]
) -> None:
    depot.lay(dict.fromkeys(files + copied, JAR))
    assert depot.run() == (len(files), 0, 0)
    assert depot.tally.counts[Outcome.LEFT_OUT].files == len(copied)
    assert all(depot.read(path) == JAR for path in files)


@pytest.mark.parametrize(
    "files, said",
    [
        ({"lib-1.0.jar": JAR}, "lies too high"),
        ({"com/example/lib/1.0/other-1.0.jar": JAR}, "the file name must begin with"),
        ({f"{LIB}.pom": pom("2.0")}, "the POM's version is '2.0'"),
        ({f"{LIB}.pom": b"<project>"}, "com.example:lib:pom:1.0"),
        ({f"{LIB}.pom": pom(head="<!DOCTYPE project>")}, "DOCTYPE"),
        ({f"{LIB}.pom": pom(more="<name>&oslash;</name>")}, "com.example:lib:pom:1.0"),
        ({f"{LIB}.pom": b" " * (2 << 20) + b" "}, "may take 2,097,152"),
        ({"com/example/lib/1-SNAPSHOT/lib-1-SNAPSHOT.jar": JAR}, "takes releases alone"),
        ({"com/example/lib/1.0/lib-1.0\n.jar": JAR}, "control characters"),
        ({f"{LIB}.jar": JAR, f"{LIB}.jar.sha1": b"0" * 40}, f"its bytes have {SHA1}"),
        ({f"{LIB}.jar": JAR, f"{LIB}.jar.md5": b"<html>"}, "32 hexadecimal digits"),
        ({f"{LIB}.jar": JAR, f"{LIB}.jar.sha512": b"0" * 2000}, "at most 1024 bytes"),
    ],
)
def test_what_is_refused_is_told_with_its_reason(
    make: Callable[..., Depot], files: dict[str, bytes], said: str
) -> None:
    depot = make(policy=Policy.RELEASE)
    depot.lay(files | release("3.0"))
    for dry in (True, False):
        assert depot.run(dry=dry) == (2, 0, 1)
        ((path, reason),) = depot.reasons.items()
        assert path == printable(min(files, key=len))
        assert said in reason
    assert depot.stored() == 2


def test_a_pom_in_an_encoding_of_one_byte_comes_over(depot: Depot) -> None:
    head = "<?xml version='1.0' encoding='windows-1252'?>"
    text = pom(head=head, more="<name>café</name>").decode()
    depot.lay({f"{LIB}.pom": text.encode("cp1252")})
    assert depot.run() == (1, 0, 0)
    depot.lay({f"{LIB}.pom": text.replace("windows-1252", "GBK").encode("gbk", "replace")})
    depot.delete(f"{LIB}.pom")
    assert depot.run() == (0, 0, 1)
    assert "the encoding 'GBK' is not read: use UTF-8" in depot.reasons[f"{LIB}.pom"]


def test_checksums_beside_a_file_hold_or_it_is_refused_there_already_or_not(depot: Depot) -> None:
    names = ("md5", "sha1", "sha256", "sha512")
    depot.lay({f"{LIB}.jar": JAR})
    depot.lay({f"{LIB}.jar.{n}": hashlib.new(n, JAR).hexdigest().encode() for n in names})
    assert depot.run() == (1, 0, 0)
    depot.lay({f"{LIB}.jar.sha512": b"0" * 128})
    assert depot.run() == (0, 0, 1)
    assert ".sha512 file says 000" in depot.reasons[f"{LIB}.jar"]


def test_a_checksum_of_nothing_that_is_there_is_left_out(depot: Depot) -> None:
    depot.lay({f"{LIB}.jar.sha1": b"0" * 40, f"{LIB}.zip": JAR})
    depot.lay({f"{LIB}.zip.sha1": SHA1.encode(), f"{LIB}.zip.sha1.md5": b"0" * 32})
    assert depot.run() == (1, 0, 0)
    assert depot.tally.counts[Outcome.LEFT_OUT].files == 2
    assert depot.tally.counts[Outcome.CHECKSUM].files == 1


def test_links_are_followed_to_files_within_the_folder_alone(depot: Depot, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"not to be published")
    depot.lay({f"{LIB}.jar": JAR})
    links = {
        f"{LIB}.zip": "lib-1.0.jar",
        f"{LIB}-out.zip": str(tmp_path / "secret"),
        f"{LIB}-up.zip": "../../../../../secret",
        f"{LIB}-gone.zip": "nowhere",
        f"{LIB}-loop.zip": "lib-1.0-loop.zip",
        "com/example/again": "..",
    }
    for path, target in links.items():
        (depot.folder / path).symlink_to(target)
    assert depot.run() == (2, 0, 5)
    assert depot.read(f"{LIB}.zip") == JAR
    assert depot.reasons == {
        f"{LIB}-out.zip": "a symbolic link that leads out of the folder",
        f"{LIB}-up.zip": "a symbolic link that leads out of the folder",
        f"{LIB}-gone.zip": "a symbolic link that leads nowhere",
        f"{LIB}-loop.zip": "a symbolic link that leads nowhere",
        "com/example/again": "a symbolic link to a folder: only files are followed",
    }


def test_pipes_are_not_opened(depot: Depot) -> None:
    depot.lay({f"{LIB}.pom": pom()})
    os.mkfifo(depot.folder / f"{LIB}.jar")
    assert depot.run() == (1, 0, 1)
    assert "not opened" in depot.reasons[f"{LIB}.jar"]


def test_a_folder_that_can_not_be_read_is_told_and_the_rest_goes_on(depot: Depot) -> None:
    depot.lay(release("1.0") | {"com/example/lib/lib.txt": JAR} | release("1.1"))
    met = walk(depot.folder)
    found = next(met)
    shutil.rmtree(depot.folder / "com/example/lib/1.0")
    found = [one for files in (found, *met) for one in files]
    problems = {one.path: one.problem for one in found if one.problem is not None}
    assert list(problems) == ["com/example/lib/1.0"]
    assert "the folder can't be read" in (problems["com/example/lib/1.0"] or "")
    assert len(found) == 5
    with pytest.raises(FileNotFoundError):
        depot.new().run(FolderOrigin(depot.folder / "nowhere", MavenSorting()))


def test_a_file_that_goes_before_it_is_opened_is_told(depot: Depot) -> None:
    depot.lay({f"{LIB}.jar": JAR, f"{LIB}.zip": JAR})
    depot.blobs.slow("create", (depot.folder / f"{LIB}.zip").unlink)
    assert depot.run(jobs=1) == (1, 0, 1)
    assert "can't be read" in depot.reasons[f"{LIB}.zip"]


@pytest.mark.parametrize("data", [b"", b"longer than it was before", b"THE BYTES OF A JAR"])
def test_a_file_that_changes_while_it_is_read_is_refused(depot: Depot, data: bytes) -> None:
    depot.lay({f"{LIB}.jar": JAR})
    file = depot.folder / f"{LIB}.jar"
    os.utime(file, (1, 1))
    depot.blobs.slow("window", lambda: file.write_bytes(data))
    assert depot.run() == (0, 0, 1)
    assert "changed while it was read" in depot.reasons[f"{LIB}.jar"]
    assert depot.stored() == 0
    assert depot.run() == (1, 0, 0)


@pytest.mark.parametrize("data", [b"other bytes", b"THE BYTES OF A JAR"])
def test_other_bytes_are_refused_and_nothing_is_stored(depot: Depot, data: bytes) -> None:
    depot.lay({f"{LIB}.jar": JAR})
    depot.run()
    depot.lay({f"{LIB}.jar": data})
    made = depot.blobs.calls["create"]
    for dry in (True, False):
        assert depot.run(dry=dry) == (0, 0, 1)
        assert "does not allow overwriting" in depot.reasons[f"{LIB}.jar"]
    assert depot.blobs.calls["create"] == made
    assert depot.read(f"{LIB}.jar") == JAR


def test_other_bytes_replace_where_that_is_allowed(make: Callable[..., Depot]) -> None:
    depot = make(overwrite=True)
    depot.lay({f"{LIB}.jar": JAR})
    depot.run()
    depot.lay({f"{LIB}.jar": JAR.upper()})
    assert depot.run() == (1, 0, 0)
    assert depot.read(f"{LIB}.jar") == JAR.upper()


def test_a_snapshot_that_was_deployed_since_is_not_rolled_back(depot: Depot) -> None:
    depot.lay({f"{PLAIN}.jar": JAR, f"{PLAIN}.zip": JAR})
    assert depot.run() == (2, 0, 0)
    depot.put(f"{PLAIN}.jar", JAR.upper())
    depot.put(f"{PLAIN}.zip", b"of another")
    made = depot.blobs.calls["create"]
    for dry in (True, False):
        assert depot.run(dry=dry) == (0, 0, 2)
        assert "does not allow overwriting" in depot.reasons[f"{PLAIN}.zip"]
    assert depot.blobs.calls["create"] == made
    assert depot.read(f"{PLAIN}.zip") == b"of another"


@pytest.mark.parametrize("data, told", [(b"newer", (0, 0, 1)), (JAR, (0, 1, 0))])
def test_a_snapshot_that_is_deployed_meanwhile_stays(
    depot: Depot, data: bytes, told: tuple[int, int, int]
) -> None:
    depot.lay({f"{PLAIN}.jar": JAR})
    depot.blobs.slow("create", lambda: depot.put(f"{PLAIN}.jar", data))
    assert depot.run() == told
    assert depot.read(f"{PLAIN}.jar") == data
    assert depot.stored() == 1


def test_a_snapshot_replaces_where_the_repository_allows_overwriting(
    make: Callable[..., Depot],
) -> None:
    depot = make(overwrite=True)
    depot.lay({f"{PLAIN}.jar": JAR})
    depot.put(f"{PLAIN}.jar", b"before")
    assert depot.run() == (1, 0, 0)
    assert depot.read(f"{PLAIN}.jar") == JAR


def test_what_does_not_fit_a_quota_is_refused(make: Callable[..., Depot]) -> None:
    depot = make(quota=Quota(64))
    depot.lay({f"{LIB}.jar": b"1" * 60, f"{LIB}.zip": b"2" * 60})
    assert depot.run() == (1, 0, 1)
    ((_, reason),) = depot.reasons.items()
    assert "quota" in reason


def test_a_dry_run_stores_nothing(depot: Depot) -> None:
    depot.lay(release("1.0") | release("1.1"))
    depot.engine.made.clear()
    assert depot.run(dry=True) == (4, 0, 0)
    assert "transact" not in depot.engine.made
    assert depot.blobs.calls["create"] == 0
    assert depot.run() == (4, 0, 0)


def test_a_full_disk_ends_it_and_the_next_run_goes_on(depot: Depot) -> None:
    depot.lay(release("1.0") | release("1.1") | release("1.2"))
    depot.blobs.fail("commit", BlobsFull("no room is left"), number=3)
    first = depot.new(jobs=1)
    first.run(depot.origin)
    assert first.stopped == "com/example/lib/1.1/lib-1.1.jar: no room is left"
    assert depot.told == (2, 0, 0)
    assert depot.run() == (4, 2, 0)
    assert depot.stored() == 6


def test_full_records_end_it(depot: Depot) -> None:
    depot.lay(release("1.0"))
    depot.engine.next("transact", full, times=2)
    one = depot.new(jobs=1)
    one.run(depot.origin)
    assert one.stopped is not None
    assert depot.told == (0, 0, 0)
    assert depot.stored() == 0


def test_trouble_that_passes_is_waited_for(depot: Depot) -> None:
    depot.lay(release("1.0"))
    depot.engine.next("get", throttled, times=5)  # the store tries a few times by itself
    depot.engine.next("transact", conflict, lost_after_effect)
    depot.blobs.fail("create", times=2)
    depot.blobs.fail("create", UploadMemorySpent(RETRY_AFTER), number=3, times=9)
    imported, there, refused = depot.run(jobs=1)
    assert (imported + there, refused) == (2, 0)
    assert depot.read(f"{LIB}.jar") == b"1.0"
    assert depot.pauses.count(RETRY_AFTER.total_seconds()) == 9


def test_trouble_that_stays_ends_it(depot: Depot) -> None:
    depot.lay(release("1.0"))
    depot.blobs.fail("create", times=100)
    one = depot.new(jobs=1)
    one.run(depot.origin)
    assert one.stopped == f"{LIB}.jar: scripted"
    assert depot.pauses == list(PAUSES)
    assert depot.told == (0, 0, 0)


def test_a_store_that_can_not_be_read_ends_it(depot: Depot) -> None:
    depot.lay(release("1.0"))
    depot.engine.next("get", throttled, times=100)
    one = depot.new()
    one.run(depot.origin)
    assert one.stopped is not None
    depot.engine.forget()
    assert depot.run() == (2, 0, 0)


def test_a_fault_of_the_program_is_raised(depot: Depot) -> None:
    depot.lay(release("1.0") | release("1.1"))
    depot.blobs.fail("create", ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        depot.new(jobs=1).run(depot.origin)


def test_nothing_comes_into_a_repository_that_is_deleted_meanwhile(depot: Depot) -> None:
    depot.lay(release("1.0") | release("1.1"))
    name = RepositoryName("libs")
    depot.blobs.slow("create", lambda: depot.catalogue.delete(ORG, SYSTEM, name), number=2)
    one = depot.new(jobs=1)
    one.run(depot.origin)
    assert one.stopped is not None
    assert "deleted meanwhile" in one.stopped


def test_rules_that_change_meanwhile_count(depot: Depot) -> None:
    depot.lay(release("1.0") | release("1.1"))
    rules = Rules(policy=Policy.SNAPSHOT)
    name = RepositoryName("libs")
    depot.blobs.slow("create", lambda: depot.catalogue.update(ORG, SYSTEM, name, rules) and None)
    assert depot.run(jobs=1) == (1, 0, 3)


def test_it_stops_after_the_file_under_way(depot: Depot) -> None:
    depot.lay(release("1.0") | release("1.1"))
    one = depot.new(jobs=1)
    depot.blobs.slow("create", lambda: one.stop("told to"))
    one.run(depot.origin)
    assert (one.stopped, one.ending) == ("told to", True)
    assert depot.told == (1, 0, 0)
    assert depot.run() == (3, 1, 0)


def test_two_at_once_bring_each_file_once(depot: Depot) -> None:
    for number in range(20):
        depot.lay(release(f"1.{number}"))
    both = [depot.new(jobs=4)]
    tallies = [depot.tally]
    both.append(depot.new(jobs=4))
    tallies.append(depot.tally)
    threads = [threading.Thread(target=one.run, args=(depot.origin,)) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.stopped for one in both] == [None, None]
    imported = sum(tally.counts[Outcome.IMPORTED].files for tally in tallies)
    there = sum(tally.counts[Outcome.THERE].files for tally in tallies)
    assert (imported, there) == (40, 40)
    assert depot.stored() == 40


def test_a_large_file_is_never_held_whole(depot: Depot) -> None:
    file = depot.folder / f"{LIB}.zip"
    file.parent.mkdir(parents=True)
    with file.open("wb") as sparse:
        sparse.truncate(40 << 20)
    assert depot.run() == (1, 0, 0)
    assert depot.blobs.calls["filled"] == 40
    assert depot.tally.done == Counts(1, 40 << 20)


def test_a_file_that_is_read_twice_counts_once() -> None:
    tally = Tally()
    for count in (5, 10, 3):
        tally.moved("a", count)
    assert tally.done == Counts(0, 10)
    tally.end("a", 10, Outcome.IMPORTED)
    assert tally.done == Counts(1, 10)


def test_a_survey_counts_what_an_import_deals_with(depot: Depot) -> None:
    depot.lay(release("1.0") | {".index/x": b"123", "wrong": b"1", f"{LIB}.jar.md5": b"0"})
    survey = Survey(depot.folder)
    assert survey.total is None
    survey.count()
    depot.run()
    assert survey.total == (depot.tally.done.files, depot.tally.done.bytes)
    missing = Survey(depot.folder / "nowhere")
    missing.count()
    assert missing.total is None


@given(
    st.builds(
        State,
        st.builds(Counts, st.integers(0, 10**9), st.integers(0, 10**15)),
        st.none() | st.tuples(st.integers(0, 10**9), st.integers(0, 10**15)),
        st.floats(0, 10**12),
        st.booleans(),
    ),
    st.integers(1, 200),
)
def test_the_line_of_progress_fits_any_terminal(state: State, columns: int) -> None:
    shown = line(state, columns)
    assert len(shown) < columns
    assert shown.isprintable()


def test_the_line_of_progress_tells_what_is_left() -> None:
    half = State(Counts(3, 1 << 20), (6, 2 << 20), 1024.0)
    assert line(half) == (
        "[##########----------] 50 %, 3 of 6 files, 1.0 MiB of 2.0 MiB, 1.0 KiB/s, 17 min 4 s left"
    )
    assert line(State(Counts(3, 5), None, 0.0)) == "3 files, 5 bytes, 0 bytes/s"


@given(st.text())
def test_what_is_printed_does_nothing_to_a_terminal(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()


def test_a_look_up_reads_what_is_asked_for_however_many_there_are(depot: Depot) -> None:
    """A folder of thousands takes longer to read than an answer may be old."""
    wanted = [Key(f"org1#folder#{number}", "x") for number in range(3_000)]
    now = 0.0

    def slow(call: Callable[[], object]) -> object:
        nonlocal now
        now += 1.0
        return call()

    look_up = LookUp(depot.metadata, wanted, lambda: now)
    depot.engine.next("get", *[slow] * 1_000)
    before = depot.engine.made.count("get")
    for key in wanted[:200]:
        assert look_up.records(key) == {}
    assert depot.engine.made.count("get") - before == 2
