"""Search by project and release of Python repositories, and by what a person types."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from app.python.filenames import parse_distribution
from app.python.names import normalized
from app.repositories import Format, Repository
from tests.http.stand import Stand
from tests.http.test_search import READ, paths, queries, search
from tests.http.test_search_maven import shelve

NAMES = (
    "foo_bar-1.0-py3-none-any.whl",
    "Foo.Bar-1.0.0-py2-none-any.whl",
    "foo_bar-1.0.tar.gz",
    "foo_bar-1.1rc1.tar.gz",
    "foo_bar-2.0+local.1-py3-none-any.whl",
    "foo_bar_baz-1.0.tar.gz",
    "foo-1.0.tar.gz",
    "foo-1!1.0.tar.gz",
    "food-1.0.tar.gz",
)


def path_of(filename: str) -> str:
    return f"files/{parse_distribution(filename).project}/{filename}"


def put(stand: Stand, repository: Repository, names: Iterable[str]) -> None:
    shelve(stand, repository, [path_of(name) for name in names])


@pytest.fixture
def furnished(memory_stand: Stand) -> Stand:
    """A Python repository, and a raw one and a Maven one with files that are called alike."""
    put(memory_stand, memory_stand.repository("pypi", Format.PYTHON), NAMES)
    shelve(memory_stand, memory_stand.repository("raw"), ["files/foo/foo-1.0.tar.gz", "foo==1.0"])
    maven = memory_stand.repository("maven", Format.MAVEN)
    shelve(memory_stand, maven, ["files/foo/1.0/foo-1.0.jar"])
    return memory_stand


def found(stand: Stand, **query: Any) -> set[str]:
    """The names of the files that are found in the Python repository, and in no other."""
    whole = paths(stand.admins, **query)
    assert sorted(paths(stand.admins, limit=1, **query)) == sorted(whole)
    assert len(set(whole)) == len(whole)
    assert all(path.startswith("pypi/") for path in whole)
    return {path.rpartition("/")[2] for path in whole}


@pytest.mark.parametrize("query, expected", [
    ({"project": "foo-bar"}, NAMES[:5]),
    ({"project": "Foo__Bar"}, NAMES[:5]),
    ({"project": "foo"}, NAMES[6:8]),
    ({"project": "fo"}, ()),
    ({"project": "foo.bar", "version": "1.0"}, NAMES[:3]),
    ({"project": "foo-bar", "version": "1"}, NAMES[:3]),
    ({"project": "foo-bar", "version": "1.1.RC1"}, NAMES[3:4]),
    ({"project": "foo-bar", "version": "2.0+local.1"}, NAMES[4:5]),
    ({"project": "foo-bar", "version": "2.0"}, ()),
    ({"project": "foo", "version": "1!1"}, NAMES[7:8]),
    ({"project": "foo-bar", "name": "FOO_bar-1.0"}, (NAMES[0], NAMES[2])),
    ({"project": "foo-bar", "path": "files/foo-bar"}, NAMES[:5]),
    ({"project": "foo-bar", "path": "files/foo"}, ()),
    ({"project": "foo-bar", "larger": str(len(path_of(NAMES[4])) - 1)}, NAMES[4:5]),
    ({"q": "foo-bar==1.0"}, NAMES[:3]),
    ({"q": " Foo.Bar == 1.0 "}, NAMES[:3]),
    ({"q": "foo-bar==9"}, ()),
    ({"q": "foo==1.0"}, NAMES[6:7]),
])  # fmt: skip
def test_files_are_found_by_project_and_version(
    furnished: Stand, query: dict[str, str], expected: tuple[str, ...]
) -> None:
    assert found(furnished, **query) == set(expected)


def test_with_a_digest_both_must_hold(furnished: Stand) -> None:
    for file in search(furnished.admins, project="foo-bar")["files"]:
        assert found(furnished, project="foo-bar", sha256=file["sha256"]) == {
            file["path"].rpartition("/")[2]
        }
        assert found(furnished, project="foo", sha256=file["sha256"]) == set()


def test_what_is_typed_is_a_projects_name_and_the_beginning_of_a_files(furnished: Stand) -> None:
    """What a name finds elsewhere it finds as before, and each file once."""
    for typed, expected in (
        ("foo-bar", {*NAMES[:5]}),
        ("Foo_Bar", {*NAMES[:6]}),
        ("foo.bar", {*NAMES[:5]}),
        ("foo", {*NAMES}),
        ("food", {NAMES[8]}),
        ("fo", {*NAMES}),
        ("foo_bar-1.0.t", {NAMES[2]}),
    ):
        for limit in (1, 2, 100):
            files = paths(furnished.admins, q=typed, limit=limit)
            assert len(set(files)) == len(files)
            mine = {path.rpartition("/")[2] for path in files if path.startswith("pypi/")}
            assert mine == expected, typed
            others = [path for path in files if not path.startswith("pypi/")]
            assert others == [
                path for path in paths(furnished.admins, name=typed) if path[:4] != "pypi"
            ]


def test_a_file_tells_what_it_is_of_and_others_do_not(furnished: Stand) -> None:
    for file in search(furnished.admins)["files"]:
        assert ("python" in file) is (file["repository"] == "pypi")
    (file,) = search(furnished.admins, project="foo-bar", version="2.0+local.1")["files"]
    assert file["python"] == {"project": "foo-bar", "version": "2.0+local.1"}
    assert "coordinates" not in file


WRONG = {
    "version=1.0": "version",
    "version=1.0&name=foo": "version",
    "project=": "project",
    "project=-foo": "project",
    "project=foo%20bar": "project",
    "project=f%C3%B6o": "project",
    "project=" + "x" * 101: "project",
    "project=foo*": "project",
    "project=foo&version=": "version",
    "project=foo&version=one": "version",
    "project=foo&version=1.*": "version",
    "project=foo&version=1%00": "version",
    "project=foo&version=" + "1" * 129: "version",
    "project=foo&g=com.example": "project",
    "project=foo&v=1.0&a=b": "project",
    "project=foo&e=jar&a=b": "project",
    "q=foo&project=foo": "q",
    "q=foo==1.0&version=1.0": "q",
}


@pytest.mark.parametrize("query", WRONG)
def test_what_can_be_no_release_is_422_with_the_field_named(
    memory_stand: Stand, query: str
) -> None:
    answer = memory_stand.admins.get(f"/api/search?{query}")
    assert (answer.status, answer.json["field"]) == (422, WRONG[query]), answer.text


def test_only_the_files_of_the_project_are_looked_at(memory_stand: Stand) -> None:
    repository = memory_stand.repository("pypi", Format.PYTHON)
    put(memory_stand, repository, NAMES)
    put(memory_stand, repository, [f"p{n % 40}-{n}.0.tar.gz" for n in range(1_200)])
    for number in range(20):
        memory_stand.repository(f"raw-{number}")
    search(memory_stand.admins)
    for query in ({"project": "foo-bar"}, {"project": "foo-bar", "version": "1"}):
        with queries(memory_stand) as calls:
            page = search(memory_stand.admins, **query)
        assert page["next"] is None
        assert calls == ["get", "query", "query", "get"]
    with queries(memory_stand) as calls:
        assert len(search(memory_stand.admins, repository="pypi", q="foo-bar")["files"]) == 5
    assert calls.count("query") == 2, "the project, and the names"


def test_a_cursor_is_that_of_the_release(furnished: Stand) -> None:
    cursor = search(furnished.admins, limit=1, project="foo-bar")["next"]
    for other in ("project=foo", "project=foo-bar&version=1.0", "q=foo-bar", "name=foo-bar"):
        answer = furnished.admins.get(f"/api/search?{other}&after={cursor}")
        assert (answer.status, answer.json["field"]) == (422, "after")


def test_only_what_the_caller_may_read_is_found(memory_stand: Stand) -> None:
    made = {name: memory_stand.repository(name, Format.PYTHON) for name in ("a", "b", "c")}
    for repository in made.values():
        put(memory_stand, repository, NAMES[:1])
    read = {made["b"].id: READ}
    for person, readable in (
        (memory_stand.person(grants={}), []),
        (memory_stand.person(grants=read), ["b"]),
        (memory_stand.person(grants={made["a"].id: ["write", "delete"]}), []),
        (memory_stand.person("admin", scopes=read), ["b"]),
        (memory_stand.person("admin"), ["a", "b", "c"]),
    ):
        client = memory_stand.client.as_(person.by_key)
        for query in ({"project": "foo-bar"}, {"q": "foo-bar"}, {"q": "foo-bar==1.0"}):
            for limit in (1, 100):
                files = paths(client, limit=limit, **query)
                assert files == [f"{name}/{path_of(NAMES[0])}" for name in readable]


# Against a model

PROJECTS = st.sampled_from(["a", "A", "a_b", "a.B", "ab", "a_b_c"])
VERSIONS = st.sampled_from(["1", "1.0", "1.0.0", "1.1", "1!1", "1.0rc1", "1+x"])
FILES = st.tuples(
    PROJECTS, st.just("-"), VERSIONS, st.sampled_from([".tar.gz", "-py3-none-any.whl"])
)
ASKED = st.fixed_dictionaries(
    {"limit": st.integers(1, 4)},
    optional={
        "project": PROJECTS,
        "version": VERSIONS,
        "name": st.sampled_from(["a", "A_b", "ab-1"]),
        "path": st.sampled_from(["files", "files/a", "files/a-b"]),
    },
).filter(lambda query: "project" in query or "version" not in query)
TYPED = st.fixed_dictionaries(
    {"limit": st.integers(1, 4), "q": PROJECTS | st.sampled_from(["a-", "a-1", "A_b-1.0"])}
)


def fits(query: Mapping[str, Any], filename: str) -> bool:
    """The same question, asked of each file."""
    distribution = parse_distribution(filename)
    begins = filename.lower().startswith(query.get("name", query.get("q", "")).lower())
    if "q" in query:
        named = query["q"]
        return begins or (named[-1].isalpha() and normalized(named) == distribution.project)
    return (
        begins
        and distribution.project == normalized(query.get("project", distribution.project))
        and distribution.version == Version(query.get("version", distribution.shown))
        and path_of(filename).startswith(f"{query['path']}/" if "path" in query else "")
    )


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    files=st.sets(FILES.map("".join), max_size=20),
    asked=st.lists(ASKED | TYPED, min_size=1, max_size=8),
)
def test_a_search_finds_what_asking_every_file_finds(
    memory_stand: Stand, files: set[str], asked: list[dict[str, Any]]
) -> None:
    memory_stand.admins.delete("/api/repositories/pypi")
    put(memory_stand, memory_stand.repository("pypi", Format.PYTHON), files)
    for query in asked:
        found = paths(memory_stand.admins, **query)
        expected = [f"pypi/{path_of(name)}" for name in files if fits(query, name)]
        assert sorted(found) == sorted(expected), query
