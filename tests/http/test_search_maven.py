"""Search by coordinates, by every digest, and by what a person types."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.publishing import Artifact
from app.publishing.changes import Changes
from app.repositories import Format, Repository
from storage.events import SYSTEM
from storage.metadata.records import Page, Record
from tests.http.stand import Stand
from tests.http.test_search import DAY, READ, pages, paths, place, queries, search

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
LIB = "com/example/lib"
STAMPED = f"{LIB}/1.0-SNAPSHOT/lib-1.0-20261125.100000-3"
FILES = (
    f"{LIB}/1.0/lib-1.0.jar",
    f"{LIB}/1.0/lib-1.0.jar.asc",
    f"{LIB}/1.0/lib-1.0-sources.jar",
    f"{LIB}/1.0-SNAPSHOT/lib-1.0-20261125.090000-2.jar",
    f"{STAMPED}.jar",
    f"{STAMPED}-bin.tar.gz",
    f"{LIB}/1.10/lib-1.10.jar",
    "com/example/lib-core/1.0/lib-core-1.0.jar",
    "com/example/sub/lib/1.0/lib-1.0.jar",
    "org/other/lib/1.0/lib-1.0.jar",
)
JARS = tuple(path for path in FILES if path.endswith(".jar"))


def digests(text: str) -> dict[str, str]:
    return {name: hashlib.new(name, text.encode()).hexdigest() for name in ALGORITHMS}


def shelve(stand: Stand, repository: Repository, files: Iterable[str]) -> None:
    """Put files there, without their bytes: a file's bytes would be its path."""
    at, waiting = stand.process.installation, list(files)
    for start in range(0, len(waiting), 6):
        changes = Changes()
        for path in waiting[start : start + 6]:
            known = digests(path)
            if repository.format is Format.RAW:
                known = {"sha256": known["sha256"]}
            artifact = Artifact(None, len(path), known, DAY, "somebody")
            changes.appear(place(repository, path), artifact)
        at.metadata.commit(
            *changes.operations(),
            witness=at.journal.event(stand.organization, SYSTEM, "artifact.put"),
        )


@pytest.fixture
def furnished(memory_stand: Stand) -> Stand:
    """A Maven repository, and raw ones on both sides with files at the same paths."""
    shelve(memory_stand, memory_stand.repository("maven", Format.MAVEN), FILES)
    for name in ("a-raw", "z-raw"):
        shelve(memory_stand, memory_stand.repository(name), FILES)
    return memory_stand


def found(stand: Stand, **query: Any) -> list[str]:
    """The paths of what is found, sorted; a page of two finds the same as a large one."""
    whole = paths(stand.admins, **query)
    assert paths(stand.admins, limit=2, **query) == whole
    assert len(set(whole)) == len(whole)
    assert all(path.startswith("maven/") for path in whole), "a raw file has no coordinates"
    return sorted(path.removeprefix("maven/") for path in whole)


def ending(*ends: str) -> list[str]:
    return sorted(path for path in FILES if path.endswith(ends))


def within(*folders: str) -> list[str]:
    return sorted(path for path in FILES if path.startswith(folders))


BY_COORDINATES: list[tuple[dict[str, str], list[str]]] = [
    ({"g": "com.example"}, within(f"{LIB}/", f"{LIB}-core/")),
    ({"g": "com.example*"}, within("com/example/")),
    ({"g": "com.example.*"}, within("com/example/sub/")),
    ({"g": "com.exampl"}, []),
    ({"g": "COM.EXAMPLE"}, []),
    ({"g": "com.example", "a": "lib"}, within(f"{LIB}/")),
    ({"g": "com.example", "a": "lib*"}, within(f"{LIB}/", f"{LIB}-core/")),
    ({"g": "com.example", "a": "lib", "v": "1.0"}, within(f"{LIB}/1.0/")),
    ({"g": "com.example", "a": "lib", "v": "1.*"}, within(f"{LIB}/")),
    ({"g": "com.example", "a": "lib", "v": "1.0*"}, within(f"{LIB}/1.0/", f"{LIB}/1.0-")),
    ({"g": "com.example", "a": "lib", "v": "1.0-SNAPSHOT"}, within(f"{LIB}/1.0-SNAPSHOT/")),
    ({"g": "com.example", "a": "lib", "v": "1.0-20261125.100000-3"}, within(STAMPED)),
    ({"g": "com.example", "v": "1.0"}, within(f"{LIB}/1.0/", f"{LIB}-core/1.0/")),
    ({"g": "com*", "a": "lib"}, within(f"{LIB}/", "com/example/sub/")),
    ({"g": "com*", "a": "lib*", "v": "1.0"},
     within(f"{LIB}/1.0/", f"{LIB}-core/", "com/example/sub/")),
    ({"a": "lib"}, [path for path in sorted(FILES) if "lib-core" not in path]),
    ({"a": "lib-*"}, within(f"{LIB}-core/")),
    ({"a": "lib", "v": "1.10"}, within(f"{LIB}/1.10/")),
    ({"a": "lib", "c": "sources"}, ending("-sources.jar")),
    ({"a": "lib", "e": "tar.gz"}, ending(".tar.gz")),
    ({"a": "lib", "e": "jar.asc"}, ending(".jar.asc")),
    ({"g": "com.example", "a": "lib", "v": "1.0", "c": "", "e": "jar"},
     [f"{LIB}/1.0/lib-1.0.jar"]),
    ({"g": "com.example", "name": "LIB-core"}, within(f"{LIB}-core/")),
    ({"g": "com.example", "path": f"{LIB}/1.10"}, within(f"{LIB}/1.10/")),
    ({"g": "com.example*", "path": "com/example/sub/"}, within("com/example/sub/")),
    ({"a": "lib", "smaller": str(len(JARS[0]) + 1), "larger": str(len(JARS[0]) - 1)},
     sorted(path for path in FILES if len(path) == len(JARS[0]) and "lib-core" not in path)),
    ({"a": "lib", "modified_since": (DAY + timedelta(days=1)).isoformat()}, []),
]  # fmt: skip


@pytest.mark.parametrize("query, expected", BY_COORDINATES, ids=lambda value: str(value)[:60])
def test_files_are_found_by_their_coordinates(
    furnished: Stand, query: dict[str, str], expected: list[str]
) -> None:
    assert found(furnished, **query) == expected


TYPED: dict[str, list[str]] = {
    "com.example:lib": within(f"{LIB}/"),
    " com.example:lib ": within(f"{LIB}/"),
    "com.example:": within(f"{LIB}/", f"{LIB}-core/"),
    ":lib-core": within(f"{LIB}-core/"),
    "com.example:lib:1.0": within(f"{LIB}/1.0/"),
    "com.example:lib:1.0*": within(f"{LIB}/1.0/", f"{LIB}/1.0-"),
    "com.example:lib:": within(f"{LIB}/"),
    ":lib:1.10": within(f"{LIB}/1.10/"),
    "com.example:lib:jar:1.0": [f"{LIB}/1.0/lib-1.0.jar"],
    "com.example:lib:jar:sources:1.0": [f"{LIB}/1.0/lib-1.0-sources.jar"],
    "com.example:lib:jar:1.0-20261125.100000-3": [f"{STAMPED}.jar"],
    "com.example:lib:tar.gz:bin:": [f"{STAMPED}-bin.tar.gz"],
    digests(FILES[0])["md5"]: [FILES[0]],
    digests(FILES[0])["sha1"].upper(): [FILES[0]],
    digests(FILES[0])["sha512"]: [FILES[0]],
    "com.example:absent": [],
}


@pytest.mark.parametrize("typed", TYPED)
def test_what_is_typed_is_understood(furnished: Stand, typed: str) -> None:
    assert found(furnished, q=typed) == TYPED[typed]


def test_what_is_typed_finds_raw_files_by_name_and_sha256(furnished: Stand) -> None:
    admins, path = furnished.admins, FILES[7]
    everywhere = [f"{name}/{path}" for name in ("a-raw", "maven", "z-raw")]
    assert paths(admins, q="LIB-core") == everywhere
    assert paths(admins, q=digests(path)["sha256"]) == everywhere
    assert paths(admins, q="lib-core", repository="z-raw", larger=1) == everywhere[-1:]
    assert len(paths(admins, q="")) == 3 * len(FILES)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_maven_file_is_found_by_each_of_its_digests(any_stand: Stand, algorithm: str) -> None:
    any_stand.repository("maven", Format.MAVEN)
    any_stand.repository("raw")
    for at in (f"maven/{FILES[0]}", "raw/file"):
        assert any_stand.admins.put(f"/repositories/{at}", b"bytes").status == 201
    digest = hashlib.new(algorithm, b"bytes").hexdigest()
    expected = [f"maven/{FILES[0]}"] + (["raw/file"] if algorithm == "sha256" else [])
    assert paths(any_stand.admins, **{algorithm: digest}) == expected
    assert paths(any_stand.admins, **{algorithm: digest.upper()}, g="com*") == expected[:1]
    assert paths(any_stand.admins, **{algorithm: digest}, g="org*") == []
    assert any_stand.admins.delete(f"/repositories/maven/{FILES[0]}").status == 204
    assert paths(any_stand.admins, **{algorithm: digest}) == expected[1:]


def test_a_maven_file_tells_its_coordinates_and_others_have_none(furnished: Stand) -> None:
    shown = {file["path"]: file for file in search(furnished.admins, repository="maven")["files"]}
    expected = {"group": "com.example", "artifact": "lib", "version": "1.0-SNAPSHOT"}
    assert shown[f"{STAMPED}-bin.tar.gz"]["coordinates"] == {
        **expected, "classifier": "bin", "extension": "tar.gz"
    }  # fmt: skip
    assert shown[f"{STAMPED}.jar"]["coordinates"] == {
        **expected, "classifier": None, "extension": "jar"
    }  # fmt: skip
    for file in search(furnished.admins, repository="a-raw,z-raw")["files"]:
        assert "coordinates" not in file


WRONG = {
    "g=": "g",
    "g=*": "g",
    "g=com:example": "g",
    "g=com/example": "g",
    "g=com*example": "g",
    "g=b%C3%BCro": "g",
    "g=" + "g" * 901: "g",
    "a=": "a",
    "a=li%20b": "a",
    "a=**": "a",
    "a=" + "a" * 256: "a",
    "a=lib&v=": "v",
    "a=lib&v=*": "v",
    "a=lib&v=[1,2)": "v",
    "a=lib&v=1:0": "v",
    "a=lib&v=1%00": "v",
    "a=lib&v=" + quote("é" * 128): "v",
    "a=lib&c=sources*": "c",
    "a=lib&c=a/b": "c",
    "a=lib&e=": "e",
    "a=lib&e=j*": "e",
    "v=1.0": "v",
    "c=sources": "c",
    "e=jar": "e",
    "v=1.0&name=lib": "v",
    "q=a/b": "q",
    "q=:": "q",
    "q=::1.0": "q",
    "q=g:a:e:c:v:x": "q",
    "q=g:a%20b": "q",
    "q=g:a:[1,2)": "q",
    "q=" + "n" * 256: "q",
    "q=" + "n" * 1001: "q",
    "q=lib&name=lib": "q",
    "q=lib&g=com": "q",
    "q=lib&c=sources": "q",
    "q=&sha1=" + "a" * 40: "q",
}


@pytest.mark.parametrize("query", WRONG)
def test_what_can_be_no_coordinates_is_422_with_the_field_named(
    memory_stand: Stand, query: str
) -> None:
    answer = memory_stand.admins.get(f"/api/search?{query}")
    assert (answer.status, answer.json["field"]) == (422, WRONG[query])


def test_what_is_longer_than_any_key_is_looked_for_and_not_found(furnished: Stand) -> None:
    """Each is within its bounds, and all of them are more than a path or a key can hold."""
    sha512, folder = digests(FILES[0])["sha512"], "/".join(["p" * 224] * 4)
    assert found(furnished, sha512=sha512, path=folder) == []
    parts = {"g": "g" * 900, "a": "a" * 255, "v": "v" * 255, "c": "c" * 255, "e": "e" * 255}
    assert found(furnished, **parts) == []
    assert found(furnished, a=parts["a"], v="é" * 127) == []


def test_only_what_lies_together_is_looked_at(memory_stand: Stand) -> None:
    """Among thousands of others: one query, which reads no entry but what is found."""
    repository = memory_stand.repository("maven", Format.MAVEN)
    others = [f"com/example/lib{n % 50}/{n}.0/lib{n % 50}-{n}.0.jar" for n in range(3_000)]
    shelve(memory_stand, repository, [*FILES, *others])
    libs = [path for path in sorted(FILES) if "lib-core" not in path]
    search(memory_stand.admins)  # whoever he is, is known from here on
    for query, expected, looked_at in (
        ({"g": "com.example", "a": "lib"}, within(f"{LIB}/"), 7),
        ({"g": "com.example", "a": "lib", "v": "1.0*"}, within(f"{LIB}/1.0/", f"{LIB}/1.0-"), 6),
        ({"g": "com.example.s*"}, within("com/example/sub/"), 1),
        ({"g": "org*", "a": "lib"}, within("org/"), 1),
        ({"a": "lib"}, libs, len(libs)),
        ({"a": "lib", "c": "sources"}, ending("-sources.jar"), len(libs)),
        ({"q": "com.example:lib:jar:1.10"}, within(f"{LIB}/1.10/"), 1),
        ({"sha1": digests(FILES[0])["sha1"]}, [FILES[0]], 1),
    ):
        entries: list[Record] = []
        memory_stand.engine.next("query", noting(entries), times=2)
        with queries(memory_stand) as calls:
            files = search(memory_stand.admins, **query)["files"]
        assert sorted(file["path"] for file in files) == expected
        # Who it is, the repositories, the entries, and the files that were found.
        assert calls == ["get", "query", "query", "get"]
        assert len(entries) == looked_at + 1, "and the repository"


def noting(records: list[Record]) -> Callable[[Callable[[], Any]], Page]:
    """No fault: it tells what a query reads."""

    def fault(call: Callable[[], Any]) -> Page:
        page: Page = call()
        records.extend(page.records)
        return page

    return fault


def test_repositories_of_other_formats_cost_no_query(memory_stand: Stand) -> None:
    names = [f"raw-{number:02}" for number in range(40)]
    grants = {}
    for name in names:
        grants[memory_stand.repository(name).id] = READ
    maven = memory_stand.repository("z-maven", Format.MAVEN)
    shelve(memory_stand, maven, FILES)
    person = memory_stand.person(grants={**grants, maven.id: READ})
    for client in (memory_stand.admins, memory_stand.client.as_(person.by_key)):
        search(client)
        for query in ({"g": "com.example"}, {"md5": digests(FILES[0])["md5"]}):
            with queries(memory_stand) as calls:
                page = search(client, **query)
            assert page["files"] != []
            assert page["next"] is None
            assert calls.count("query") <= 2


def test_a_request_passes_by_a_bounded_number_of_repositories(
    memory_stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.search.search.MOST_PASSED", 4)
    for number in range(10):
        memory_stand.repository(f"raw-{number}")
    shelve(memory_stand, memory_stand.repository("z-maven", Format.MAVEN), FILES)
    found = list(pages(memory_stand.admins, g="org.other"))
    assert [len(page) for page in found] == [0, 0, 1]


def test_only_what_the_caller_may_read_is_found_by_coordinates(memory_stand: Stand) -> None:
    repositories = {
        name: memory_stand.repository(name, Format.MAVEN) for name in ("first", "second", "third")
    }
    for repository in repositories.values():
        shelve(memory_stand, repository, FILES[:3])
    read = {repositories["second"].id: READ}
    for person, readable in (
        (memory_stand.person(grants={}), []),
        (memory_stand.person(grants=read), ["second"]),
        (memory_stand.person(grants={repositories["first"].id: ["write"]}), []),
        (memory_stand.person("admin", scopes=read), ["second"]),
        (memory_stand.person("admin"), ["first", "second", "third"]),
    ):
        client = memory_stand.client.as_(person.by_key)
        for query in (
            {"g": "com.example", "e": "jar", "c": ""},
            {"a": "li*", "e": "jar", "c": ""},
            {"sha1": digests(FILES[0])["sha1"]},
            {"q": "com.example:lib:jar:1.0"},
        ):
            for limit in (1, 100):
                files = paths(client, limit=limit, **query)
                assert files == [f"{name}/{FILES[0]}" for name in readable]


def test_a_cursor_is_that_of_the_coordinates(furnished: Stand) -> None:
    query = {"g": "com.example", "a": "lib", "v": "1.*"}
    cursor = search(furnished.admins, limit=2, **query)["next"]
    assert cursor is not None
    for other in ({"g": "com.example*"}, {"a": "lib*"}, {"v": "1.0"}, {"c": ""}, {"e": "jar"}):
        answer = furnished.admins.get(f"/api/search?{encoded({**query, **other})}&after={cursor}")
        assert (answer.status, answer.json["field"]) == (422, "after")


def encoded(query: Mapping[str, str]) -> str:
    return "&".join(f"{name}={quote(text)}" for name, text in query.items())


# Against a model

GROUPS = st.sampled_from(["com", "com.ex", "com.example", "com.exa.b", "org.ex"])
ARTIFACTS = st.sampled_from(["a", "a-b", "a.b", "ab", "com"])
VERSIONS = st.sampled_from(["1", "1.0", "1.0-rc-1", "1.0-SNAPSHOT", "1.10", "2"])
CLASSIFIERS = st.sampled_from(["", "sources", "b"])
EXTENSIONS = st.sampled_from(["jar", "pom", "tar.gz", "jar.asc"])
COORDINATES = st.tuples(GROUPS, ARTIFACTS, VERSIONS, CLASSIFIERS, EXTENSIONS)


def part(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A part as a whole, or its beginning with a star."""
    return texts | st.tuples(texts, st.integers(1, 5)).map(lambda cut: f"{cut[0][: cut[1]]}*")


ASKED = st.fixed_dictionaries(
    {"limit": st.integers(1, 5)},
    optional={
        "g": part(GROUPS),
        "a": part(ARTIFACTS),
        "v": part(VERSIONS),
        "c": CLASSIFIERS,
        "e": EXTENSIONS,
        "name": st.sampled_from(["a-1", "A", "com-"]),
        "path": st.sampled_from(["com", "com/ex/a", "org/ex"]),
        "sha1": COORDINATES.map(lambda one: digests(path_of(one))["sha1"]),
    },
).filter(lambda query: "g" in query or "a" in query)


def path_of(coordinates: tuple[str, str, str, str, str]) -> str:
    group, artifact, version, classifier, extension = coordinates
    ending = f"-{classifier}.{extension}" if classifier else f".{extension}"
    return f"{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}{ending}"


def part_fits(asked: str, text: str) -> bool:
    return text.startswith(asked[:-1]) if asked.endswith("*") else text == asked


def fits(query: Mapping[str, Any], coordinates: tuple[str, str, str, str, str]) -> bool:
    """The same question, asked of each file."""
    path = path_of(coordinates)
    return (
        all(
            part_fits(query[name], text)
            for name, text in zip("gavce", coordinates, strict=True)
            if name in query
        )
        and path.rpartition("/")[2].startswith(query.get("name", "").lower())
        and path.startswith(f"{query['path']}/" if "path" in query else "")
        and digests(path)["sha1"] == query.get("sha1", digests(path)["sha1"])
    )


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    files=st.sets(COORDINATES, max_size=20),
    asked=st.lists(ASKED, min_size=1, max_size=8),
)
def test_a_search_by_coordinates_finds_what_asking_every_file_finds(
    memory_stand: Stand,
    files: set[tuple[str, str, str, str, str]],
    asked: list[dict[str, Any]],
) -> None:
    memory_stand.admins.delete("/api/repositories/maven")
    shelve(memory_stand, memory_stand.repository("maven", Format.MAVEN), map(path_of, files))
    for query in asked:
        found = paths(memory_stand.admins, **query)
        assert sorted(found) == sorted(f"maven/{path_of(one)}" for one in files if fits(query, one))
