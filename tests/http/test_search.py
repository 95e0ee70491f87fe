"""Search: what fits, of what the caller may read, page by page."""

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.publishing import Artifact
from app.publishing.changes import Changes
from app.publishing.place import Place
from app.repositories import ArtifactPath, Repository
from app.search.search import MOST_QUERIES
from storage.events import SYSTEM
from tests.http.client import Client
from tests.http.stand import Stand

DAY = datetime(2026, 3, 1, tzinfo=UTC)
READ = {"read"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def search(client: Client, **query: Any) -> Any:
    answer = client.get(f"/api/search?{urlencode(query)}")
    assert answer.status == 200, answer.text
    return answer.json


def pages(client: Client, **query: Any) -> Iterator[list[dict[str, Any]]]:
    """All pages of a search."""
    after = ""
    while True:
        page = search(client, **query, after=after)
        assert len(page["files"]) <= query.get("limit", 100)
        yield page["files"]
        if page["next"] is None:
            return
        after = page["next"]


def paths(client: Client, **query: Any) -> list[str]:
    """Everything that is found, as `REPOSITORY/PATH`, in order."""
    return [f"{f['repository']}/{f['path']}" for page in pages(client, **query) for f in page]


def shelve(
    stand: Stand,
    repository: Repository,
    files: Mapping[str, tuple[int, datetime]],
) -> None:
    """Put files of some size and time there, without their bytes: twelve in a commit."""
    waiting = list(files.items())
    at = stand.process.installation
    for start in range(0, len(waiting), 12):
        changes = Changes()
        for path, (size, modified) in waiting[start : start + 12]:
            digests = {"sha256": sha256(str(size).encode())}
            artifact = Artifact(None, size, digests, modified, "somebody")
            changes.appear(place(repository, path), artifact)
        at.metadata.commit(
            *changes.operations(),
            witness=at.journal.event(stand.organization, SYSTEM, "artifact.put"),
        )


def place(repository: Repository, path: str) -> Place:
    return Place(
        repository.organization,
        repository.id,
        ArtifactPath.parse(path),
        overwrite=True,
        restore_days=14,
        format=repository.format,
    )


@contextmanager
def queries(stand: Stand) -> Iterator[list[str]]:
    """The calls of the metadata engine within the block."""
    made = len(stand.engine.made)
    calls: list[str] = []
    yield calls
    calls += stand.engine.made[made:]


def test_files_are_found_by_each_condition(any_stand: Stand) -> None:
    any_stand.repository("files")
    admins = any_stand.admins
    for path, data in (("a/App-1.bin", b"12345"), ("app-2.bin", b"12"), ("b/other", b"12345")):
        assert admins.put(f"/repositories/files/{path}", data).status == 201
    assert paths(admins) == ["files/a/App-1.bin", "files/app-2.bin", "files/b/other"]
    assert paths(admins, name="aPP-") == ["files/a/App-1.bin", "files/app-2.bin"]
    assert paths(admins, path="a") == ["files/a/App-1.bin"]
    assert paths(admins, path="b/", name="app") == []
    assert paths(admins, sha256=sha256(b"12345").upper()) == ["files/a/App-1.bin", "files/b/other"]
    assert paths(admins, sha256=sha256(b"12345"), path="b") == ["files/b/other"]
    assert paths(admins, larger=2) == ["files/a/App-1.bin", "files/b/other"]
    assert paths(admins, smaller=5) == ["files/app-2.bin"]
    assert paths(admins, larger=4, smaller=6, name="o") == ["files/b/other"]
    now = datetime.now(UTC)
    assert len(paths(admins, modified_since=(now - timedelta(hours=1)).isoformat())) == 3
    assert paths(admins, modified_before=(now - timedelta(hours=1)).isoformat()) == []
    assert paths(admins, modified_since=(now + timedelta(hours=1)).isoformat()) == []


def test_a_search_sees_what_a_download_sees(any_stand: Stand) -> None:
    """At once, also from another process: overwritten, deleted."""
    any_stand.repository("files", overwrite=True)
    here, there = any_stand.admins, any_stand.another_process().client.as_(any_stand.admin.by_key)
    here.put("/repositories/files/f", b"old")
    assert paths(there, sha256=sha256(b"old")) == ["files/f"]
    here.put("/repositories/files/f", b"newer")
    assert paths(there, sha256=sha256(b"old")) == []
    assert paths(there, smaller=4) == []
    assert paths(there, larger=4) == paths(there, name="f") == ["files/f"]
    here.delete("/repositories/files/f")
    for query in ({"name": "f"}, {"sha256": sha256(b"newer")}, {"larger": 0}, {}):
        assert paths(there, **query) == []


def test_a_file_is_shown_as_a_listing_shows_it(memory_stand: Stand) -> None:
    repository = memory_stand.repository("files")
    memory_stand.admins.put("/repositories/files/d/f", b"bytes")
    (listed,) = memory_stand.admins.get("/repositories/files/d/").json["entries"]
    (found,) = search(memory_stand.admins)["files"]
    del listed["name"], listed["type"]
    assert found == {"repository": "files", "path": "d/f", **listed}
    assert found["user"] == memory_stand.admin.id
    reader = memory_stand.client.as_(memory_stand.person(grants={repository.id: READ}).by_key)
    (shown,) = search(reader)["files"]
    assert "user" not in shown
    assert shown == {name: value for name, value in found.items() if name != "user"}
    key = memory_stand.person("admin", scopes={repository.id: READ}).by_key
    assert "user" not in search(memory_stand.client.as_(key))["files"][0]


def test_names_are_found_whatever_their_case_and_composition(memory_stand: Stand) -> None:
    names = ["Straße.txt", "caf\u00e9", "CAFE\u0301-2", "\u0391\u03a3"]
    repository = memory_stand.repository("files")
    shelve(memory_stand, repository, {f"d/{name}": (1, DAY) for name in names})
    find = lambda name: paths(memory_stand.admins, name=name)  # noqa: E731
    assert find("STRASSE") == find("straß") == ["files/d/Straße.txt"]
    assert set(find("CAFÉ")) == set(find(unicodedata.normalize("NFD", "café"))) == {
        "files/d/caf\u00e9",
        "files/d/CAFE\u0301-2",
    }  # fmt: skip
    assert find("\u03b1\u03c2") == ["files/d/\u0391\u03a3"]


def test_a_long_name_is_found_by_more_than_its_key_holds(memory_stand: Stand) -> None:
    shelve(
        memory_stand,
        memory_stand.repository("files"),
        {f"{'n' * 200}-{number}": (1, DAY) for number in range(3)},
    )
    assert len(paths(memory_stand.admins, name="n" * 200)) == 3
    assert paths(memory_stand.admins, name=f"{'N' * 200}-2") == [f"files/{'n' * 200}-2"]
    assert paths(memory_stand.admins, name="n" * 201) == []


def test_the_years_before_there_were_files_are_none(memory_stand: Stand) -> None:
    shelve(memory_stand, memory_stand.repository("files"), {"f": (1, DAY)})
    admins = memory_stand.admins
    for year in ("0001", "0999", "1900"):
        assert paths(admins, modified_since=f"{year}-01-01T00:00:00Z") == ["files/f"]
        assert paths(admins, modified_before=f"{year}-01-01T00:00:00Z") == []
    assert paths(admins, modified_before="9999-12-31T23:59:59Z") == ["files/f"]
    assert paths(admins, modified_since=DAY.isoformat()) == ["files/f"]
    assert paths(admins, modified_before=DAY.isoformat()) == []


WRONG = {
    "repository=absent": "repository",
    "repository=": "repository",
    "repository=files,": "repository",
    "repository=UPPER": "repository",
    "repository=" + ",".join(f"r{number}" for number in range(101)): "repository",
    "name=a%2Fb": "name",
    "name=" + "n" * 256: "name",
    "path=a//b": "path",
    "path=../b": "path",
    "path=a%5Cb": "path",
    "sha256=abc": "sha256",
    "sha256=" + "g" * 64: "sha256",
    "sha256=": "sha256",
    "md5=" + "a" * 31: "md5",
    "sha1=" + "a" * 64: "sha1",
    "sha512=" + "z" * 128: "sha512",
    "sha1=" + "a" * 40 + "&md5=" + "a" * 32: "sha1",
    "sha512=" + "a" * 128 + "&sha256=" + "a" * 64: "sha512",
    "larger=-1": "larger",
    "larger=1e3": "larger",
    "smaller=" + "9" * 16: "smaller",
    "smaller=%D9%A3": "smaller",
    "modified_since=2026-01-01": "modified_since",
    "modified_before=yesterday": "modified_before",
    "older=1": "older",
    "limit=0": "limit",
    "limit=1001": "limit",
    "after=abc": "after",
    "name=a&name=b": "name",
}


@pytest.mark.parametrize("query", WRONG)
def test_what_cannot_be_asked_is_422_with_the_field_named(memory_stand: Stand, query: str) -> None:
    memory_stand.repository("files")
    answer = memory_stand.admins.get(f"/api/search?{query}")
    assert (answer.status, answer.json["field"]) == (422, WRONG[query])


def test_only_what_the_caller_may_read_is_found(memory_stand: Stand) -> None:
    for name in ("first", "second", "third"):
        memory_stand.repository(name)
        memory_stand.admins.put(f"/repositories/{name}/same", b"same")
    ids = {
        record.key.sort: record.value["id"]
        for record in memory_stand.records()
        if record.key.partition.endswith("#repositories")
    }
    everything = ["read", "write", "delete"]
    table = [
        (memory_stand.person(grants={}), []),
        (memory_stand.person(grants={ids["second"]: READ}), ["second"]),
        (memory_stand.person("reader", {ids["third"]: everything}), ["third"]),
        (memory_stand.person("reader", {ids["third"]: ["write", "delete"]}), []),
        (memory_stand.person(grants={ids["first"]: ["write"], ids["third"]: READ}), ["third"]),
        (
            memory_stand.person(
                grants={ids["first"]: READ, ids["second"]: READ},
                scopes={ids["second"]: everything, ids["third"]: everything},
            ),
            ["second"],
        ),
        (memory_stand.person("admin", scopes={ids["first"]: READ}), ["first"]),
        (memory_stand.person("admin", scopes={ids["first"]: ["write"]}), []),
        (memory_stand.person("admin"), ["first", "second", "third"]),
    ]
    for person, readable in table:
        client = memory_stand.client.as_(person.by_key)
        for query in ({}, {"name": "same"}, {"sha256": sha256(b"same")}, {"larger": 0}):
            assert paths(client, **query) == [f"{name}/same" for name in readable]
            assert paths(client, limit=1, **query) == [f"{name}/same" for name in readable]
        for name in ids:
            answer = client.get(f"/api/search?repository={name}")
            assert answer.status == (200 if name in readable else 422)


def test_a_hidden_repository_looks_like_none(memory_stand: Stand) -> None:
    memory_stand.repository("hidden")
    client = memory_stand.client.as_(memory_stand.person().by_key)
    hidden = client.get("/api/search?repository=hidden").json
    absent = client.get("/api/search?repository=absent").json
    assert {**hidden, "request": ""} == {**absent, "request": ""}


def test_what_others_have_costs_a_reader_nothing(memory_stand: Stand) -> None:
    """Neither calls nor pages tell how much there is that he may not read."""
    mine = memory_stand.repository("mine")
    shelve(memory_stand, mine, {f"f{n}": (5, DAY) for n in range(5)})
    person = memory_stand.person(grants={mine.id: READ})
    # A pattern in a key is anybody's to have.
    wide = memory_stand.person(grants={mine.id: READ}, scopes={"*": READ})
    clients = [memory_stand.client.as_(one.by_key) for one in (person, wide)]

    def look() -> tuple[list[list[str]], list[str]]:
        with queries(memory_stand) as calls:
            found = [
                [file["path"] for file in page]
                for client in clients
                for query in ({"sha256": sha256(b"5")}, {"larger": 1, "path": "x"}, {})
                for page in pages(client, limit=2, **query)
            ]
            found += [
                [one["name"] for one in client.get("/api/repositories").json["repositories"]]
                for client in clients
            ]
        return found, calls

    for client in clients:
        search(client)
    before = look()
    for number in range(20):
        other = memory_stand.repository(f"a{number}")
        shelve(memory_stand, other, {f"f{n}": (5, DAY) for n in range(24)})
    assert look() == before


def test_access_that_ends_between_two_pages_ends_the_search(memory_stand: Stand) -> None:
    one, two = memory_stand.repository("one"), memory_stand.repository("two")
    for repository in (one, two):
        shelve(memory_stand, repository, {f"f{n}": (1, DAY) for n in range(4)})
    person = memory_stand.person(grants={one.id: READ, two.id: READ})
    client = memory_stand.client.as_(person.by_key)
    page = search(client, limit=2)
    granted = {"repositories": {"two": ["read"]}}
    target = f"/api/users/{person.id}/permissions"
    assert memory_stand.admins.ask("PUT", target, json=granted).status == 200
    rest = search(client, limit=10, after=page["next"])
    assert {file["repository"] for file in rest["files"]} == {"two"}
    assert memory_stand.admins.ask("PUT", target, json={"repositories": {}}).status == 200
    assert search(client, after=page["next"]) == {"files": [], "next": None}


def test_a_deleted_repository_is_searched_no_more_and_its_name_is_another_s(
    any_stand: Stand,
) -> None:
    for name in ("a", "b"):
        shelve(any_stand, any_stand.repository(name), {f"f{n}": (1, DAY) for n in range(4)})
    admins = any_stand.admins
    reader_grants = {"repositories": {"a": ["read"], "b": ["read"]}}
    person = any_stand.person()
    admins.ask("PUT", f"/api/users/{person.id}/permissions", json=reader_grants)
    for client in (admins, any_stand.client.as_(person.by_key)):
        assert len(paths(client)) == 8
    page = search(admins, limit=2)
    assert admins.delete("/api/repositories/a").status == 204
    for client in (admins, any_stand.client.as_(person.by_key)):
        assert {path[0] for path in paths(client)} == {"b"}
    rest = search(admins, limit=10, after=page["next"])["files"]
    assert {file["repository"] for file in rest} == {"b"}
    shelve(any_stand, any_stand.repository("a"), {"new": (1, DAY)})
    rest = search(admins, limit=10, after=page["next"])["files"]
    assert rest[0]["path"] == "new", "a new one is searched from its start"


def test_a_cursor_is_the_caller_s_and_the_search_s(memory_stand: Stand) -> None:
    shelve(memory_stand, memory_stand.repository("files"), {f"f{n}": (1, DAY) for n in range(4)})
    cursor = search(memory_stand.admins, name="f", limit=2)["next"]
    other = memory_stand.client.as_(memory_stand.person("admin").by_key)
    for client, query in (
        (other, {"name": "f"}),
        (memory_stand.admins, {"name": "g"}),
        (memory_stand.admins, {"name": "f", "larger": 0}),
        (memory_stand.admins, {"name": "f", "repository": "files"}),
        (memory_stand.admins, {}),
    ):
        answer = client.get(f"/api/search?{urlencode({**query, 'after': cursor})}")
        assert (answer.status, answer.json["field"]) == (422, "after")
    users = memory_stand.admins.get(f"/api/users?after={cursor}")
    assert users.status == 422


def test_the_longest_cursor_is_taken(memory_stand: Stand) -> None:
    repository = memory_stand.repository("r" * 100)
    long = "/".join(['"' * 250] * 3 + ["\U0001f600" * 30])
    shelve(memory_stand, repository, {f"{long}{n}": (1, DAY) for n in range(3)})
    assert len(paths(memory_stand.admins, limit=1)) == 3


def test_ten_thousand_files_are_searched_with_a_bounded_number_of_calls(
    memory_stand: Stand,
) -> None:
    """The number of each file is its size, and its age in seconds; they lie in ten folders."""
    shelve(
        memory_stand,
        memory_stand.repository("files"),
        {f"d{n % 10}/f{n:05}": (n, DAY + timedelta(seconds=n)) for n in range(10_000)},
    )
    admins = memory_stand.admins
    search(admins)  # whoever he is, is known from here on
    for query, sizes in (
        ({"name": "f0004"}, range(40, 50)),
        ({"sha256": sha256(b"42")}, [42]),
        ({"larger": 9_990}, range(9_991, 10_000)),
        ({"modified_before": (DAY + timedelta(seconds=10)).isoformat()}, range(10)),
    ):
        with queries(memory_stand) as calls:
            found = search(admins, **query)
        assert [file["size"] for file in found["files"]] == list(sizes)
        # Who it is, the repositories, the entries, and the files that were found.
        assert calls == ["get", "query", "query", "get"]
    # Where little of what is walked fits, a page is walked in long strides, and no further.
    with queries(memory_stand) as calls:
        found = search(admins, name="f", larger=9_998)
    assert [file["path"] for file in found["files"]] == ["d9/f09999"]
    assert calls.count("query") == 1 + 10


def test_more_repositories_than_a_request_looks_into_are_searched_page_by_page(
    memory_stand: Stand,
) -> None:
    for number in range(MOST_QUERIES * 2 + 3):
        repository = memory_stand.repository(f"r{number:02}")
        if number % 5 == 4:
            shelve(memory_stand, repository, {"f": (1, DAY)})
    found = list(pages(memory_stand.admins, name="f"))
    assert len(found) == 3
    assert [f["repository"] for page in found for f in page] == [
        f"r{number:02}" for number in range(4, MOST_QUERIES * 2 + 3, 5)
    ]


@pytest.mark.parametrize("by", ["grants", "scopes"])
def test_a_request_looks_at_so_many_repositories_where_patterns_are_granted(
    memory_stand: Stand, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """Those that are hidden count as well: all of them are read."""
    monkeypatch.setattr("app.search.search.MOST_PASSED", 10)
    for number in range(25):
        memory_stand.repository(f"hidden-{number:02}")
    shelve(memory_stand, memory_stand.repository("z"), {"f": (1, DAY)})
    person = memory_stand.person(
        "admin" if by == "scopes" else "developer", **{by: {"z*": ["read"]}}
    )
    found = list(pages(memory_stand.client.as_(person.by_key), name="f"))
    assert [[file["path"] for file in page] for page in found] == [[], [], ["f"]]


def test_a_page_is_bounded_also_where_nothing_fits(
    memory_stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short page, even an empty one, says that there is more."""
    monkeypatch.setattr("app.search.search.SIFTED", 10)
    files = {f"a/f{n:03}": (1, DAY) for n in range(400)} | {"z/g": (1, DAY)}
    shelve(memory_stand, memory_stand.repository("files"), files)
    found = list(pages(memory_stand.admins, path="z", limit=1))
    assert [len(page) for page in found][:2] == [0, 0]
    assert [f["path"] for page in found for f in page] == ["z/g"]


# Against a model

NAMES = st.sampled_from(["a", "A", "ab", "B.txt", "é", "e\u0301"])
FOLDERS = st.sampled_from(["", "d/", "d/e/", "D/"])
SIZES = st.integers(0, 5)
DAYS = st.integers(0, 4)
FILES = st.dictionaries(
    st.tuples(st.sampled_from(["one", "two"]), FOLDERS, NAMES), st.tuples(SIZES, DAYS), max_size=12
)
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "AB", "b.", "e", "É", "x"]),
        "path": st.sampled_from(["d", "d/e", "D", "x"]),
        "sha256": SIZES.map(lambda size: sha256(str(size).encode())),
        "larger": SIZES,
        "smaller": SIZES,
        "modified_since": DAYS,
        "modified_before": DAYS,
        "repository": st.sampled_from(["one", "two", "one,two"]),
        "limit": st.integers(1, 4),
    },
)


def fold(text: str) -> str:
    return unicodedata.normalize("NFD", text.casefold())


def fits(query: Mapping[str, Any], repository: str, path: str, size: int, day: int) -> bool:
    """The same question, asked of each file."""
    folder, _, name = path.rpartition("/")
    inside = f"{folder}/".startswith(f"{query['path']}/") if "path" in query else True
    return (
        inside
        and fold(name).startswith(fold(query.get("name", "")))
        and sha256(str(size).encode()) == query.get("sha256", sha256(str(size).encode()))
        and query.get("larger", -1) < size < query.get("smaller", 99)
        and query.get("modified_since", 0) <= day < query.get("modified_before", 99)
        and repository in query.get("repository", "one,two").split(",")
    )


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(files=FILES, asked=st.lists(QUERIES, min_size=1, max_size=6))
def test_a_search_finds_what_asking_every_file_finds(
    memory_stand: Stand,
    files: Mapping[tuple[str, str, str], tuple[int, int]],
    asked: list[dict[str, Any]],
) -> None:
    admins = memory_stand.admins
    for name in ("one", "two"):
        admins.delete(f"/api/repositories/{name}")
        shelve(
            memory_stand,
            memory_stand.repository(name),
            {
                f"{folder}{file}": (size, DAY + timedelta(days=day))
                for (repository, folder, file), (size, day) in files.items()
                if repository == name
            },
        )
    for query in asked:
        sent = dict(query)
        for name in ("modified_since", "modified_before"):
            if name in sent:
                sent[name] = (DAY + timedelta(days=sent[name])).isoformat()
        found = paths(admins, **sent)
        assert found == sorted(found, key=lambda path: path.partition("/")[0]), "by repository"
        assert sorted(found) == sorted(
            f"{repository}/{folder}{file}"
            for (repository, folder, file), (size, day) in files.items()
            if fits(query, repository, f"{folder}{file}", size, day)
        )
