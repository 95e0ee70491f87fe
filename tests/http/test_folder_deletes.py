"""DELETE of a folder: all that was there goes, restorably; nothing else, and never half a file."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from app.publishing import walk
from storage import keys
from storage.events import Feed
from tests.faults.metadata import passes
from tests.http.client import Client
from tests.http.stand import Stand

ROOT = "/repositories/files/"
TREE = ("a/1", "a/2", "a/b/1", "a/b/c/1", "a/b.txt", "a-b", "z", "ä/ü")


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few records a stop and a piece: jobs of many steps, without thousands of files."""
    monkeypatch.setattr(walk, "PAGE", 3)
    monkeypatch.setattr(walk, "PIECE", 3)


def plant(client: Client, *paths: str) -> None:
    for path in paths:
        assert client.put(f"{ROOT}{quote(path)}", path.encode()).status == 201


def files(client: Client, folder: str = "") -> Iterator[str]:
    """Every path beneath a folder that is listed."""
    answer = client.get(f"{ROOT}{quote(folder)}")
    for entry in answer.json["entries"] if answer.status == 200 else ():
        if entry["type"] == "folder":
            yield from files(client, f"{folder}{entry['name']}")
        else:
            yield f"{folder}{entry['name']}"


def few_at_once(stand: Stand) -> None:
    stand.process.background.jobs._at_once = 2


def test_a_folder_goes_with_all_that_is_in_it_and_nothing_else(
    any_stand: Stand, admins: Client
) -> None:
    plant(admins, *TREE)
    answer = admins.delete(f"{ROOT}a/?recursive=true")
    assert answer.status == 200
    gone = [path for path in TREE if path.startswith("a/")]
    assert answer.json == {"deleted": 5, "bytes": sum(map(len, gone)), "left": 0}
    assert sorted(files(admins)) == sorted({*TREE} - {*gone})
    assert admins.get(f"{ROOT}a/1").status == 404
    assert admins.delete(f"{ROOT}a/?recursive=true").status == 404


def test_a_file_of_the_folders_name_stays(memory_stand: Stand) -> None:
    memory_stand.repository("files")
    plant(memory_stand.admins, "a", "a/b")
    assert memory_stand.admins.delete(f"{ROOT}a/?recursive=true").json["deleted"] == 1
    assert list(files(memory_stand.admins)) == ["a"]


def test_the_root_goes_whole_and_may_be_empty(memory_stand: Stand) -> None:
    memory_stand.repository("files")
    plant(memory_stand.admins, *TREE)
    for deleted in (len(TREE), 0):
        answer = memory_stand.admins.delete(f"{ROOT}?recursive=true")
        assert (answer.status, answer.json["deleted"]) == (200, deleted)
    assert list(files(memory_stand.admins)) == []


@pytest.mark.parametrize(
    "target, headers, status",
    [
        ("a/", {}, 422),
        ("a/?recursive=false", {}, 422),
        ("a/?recursive=yes", {}, 422),
        ("a/?recursiv=true", {}, 422),
        ("a/?recursive=true&recursive=true", {}, 422),
        ("a?recursive=true", {}, 422),
        ("a/?recursive=true", {"If-Match": "*"}, 400),
        ("a/?recursive=true", {"If-Unmodified-Since": "Mon, 23 Nov 2026 00:00:00 GMT"}, 400),
        ("../?recursive=true", {}, 400),
        ("a//?recursive=true", {}, 400),
        ("b/?recursive=true", {}, 404),
    ],
)
def test_what_makes_no_sense_deletes_nothing(
    memory_stand: Stand, target: str, headers: dict[str, str], status: int
) -> None:
    memory_stand.repository("files")
    plant(memory_stand.admins, "a/1", "a/2")
    assert memory_stand.admins.delete(f"{ROOT}{target}", headers=headers).status == status
    assert sorted(files(memory_stand.admins)) == ["a/1", "a/2"]


def test_what_is_more_goes_on_as_a_job(any_stand: Stand, admins: Client, small_steps: None) -> None:
    plant(admins, *TREE)
    few_at_once(any_stand)
    answer = admins.delete(f"{ROOT}?recursive=true")
    assert answer.status == 202
    status = admins.get(answer.headers["location"]).json
    assert (status["state"], status["parameters"]) == ("waiting", {"path": ""})
    plant(admins, "a/1", "new")  # came back, or came, after it was asked for
    any_stand.process.work()
    status = admins.get(answer.headers["location"]).json
    assert status["state"] == "done"
    assert status["counts"]["deleted"] == len(TREE)
    assert sorted(files(admins)) == ["a/1", "new"]


def test_what_was_overwritten_after_it_was_asked_for_stays(
    memory_stand: Stand, small_steps: None
) -> None:
    memory_stand.repository("files", overwrite=True)
    plant(memory_stand.admins, *TREE)
    few_at_once(memory_stand)
    answer = memory_stand.admins.delete(f"{ROOT}?recursive=true")
    assert memory_stand.admins.put(f"{ROOT}z", b"newer").status == 200
    memory_stand.process.work()
    assert list(files(memory_stand.admins)) == ["z"]
    counts = memory_stand.admins.get(answer.headers["location"]).json["counts"]
    assert (counts["deleted"], counts["left"]) == (len(TREE) - 1, 1)


def test_a_job_whose_repository_is_deleted_says_so(memory_stand: Stand, small_steps: None) -> None:
    memory_stand.repository("files")
    plant(memory_stand.admins, *TREE)
    few_at_once(memory_stand)
    answer = memory_stand.admins.delete(f"{ROOT}?recursive=true")
    assert memory_stand.admins.delete("/api/repositories/files").status == 204
    memory_stand.repository("files")
    plant(memory_stand.admins, "z")  # of another repository, under the same name
    memory_stand.process.work()
    status = memory_stand.admins.get(answer.headers["location"]).json
    assert status["state"] == "failed"
    assert "deleted" in status["error"]
    assert list(files(memory_stand.admins)) == ["z"]


def test_every_file_is_kept_as_if_it_had_been_deleted_alone(
    any_stand: Stand, admins: Client
) -> None:
    repository = next(r for r in any_stand.records() if r.key.partition.endswith("#repositories"))
    plant(admins, "a/1", "a/2")
    alone = admins.delete(f"{ROOT}a/1")
    assert alone.status == 204
    assert admins.delete(f"{ROOT}a/?recursive=true").status == 200
    metadata = any_stand.process.installation.metadata
    kept = metadata.query(
        keys.deleted(any_stand.organization, repository.value["id"], "/a/")
    ).records
    one, two = ({k: v for k, v in r.value.items() if k != "artifact"} for r in kept)
    assert one.keys() == two.keys()
    assert one["user"] == two["user"] == any_stand.admin.id
    assert _usage(any_stand) == {"restorable_files": 2, "restorable_bytes": 6}
    feed = Feed(metadata, any_stand.process.installation.journal, any_stand.organization)
    events = feed.read(feed.start(metadata.now() - timedelta(minutes=5))).events
    first, second = (event for event in events if event.action == "artifact.delete")
    assert first.details.keys() == second.details.keys()
    assert first.actor.user == second.actor.user


def _usage(stand: Stand) -> dict[str, int]:
    total: dict[str, int] = {}
    for record in stand.records():
        if "#usage#" in record.key.partition and record.key.partition.count("#") == 3:
            for name in ("files", "bytes", "restorable_files", "restorable_bytes"):
                total[name] = total.get(name, 0) + record.value.get(name, 0)
    return {name: count for name, count in total.items() if count}


def test_an_emptied_folder_is_in_no_listing_once_a_worker_has_read_the_feed(
    any_stand: Stand, admins: Client
) -> None:
    plant(admins, "a/b/1", "a/b/2", "c/1")
    assert admins.delete(f"{ROOT}a/?recursive=true").status == 200
    any_stand.process.work()
    assert [entry["name"] for entry in admins.get(ROOT).json["entries"]] == ["c/"]
    for path in ("a", "a/", "a/b", "a/b/"):
        assert admins.get(f"{ROOT}{path}").status == 404
    assert admins.post("/api/repositories/files/restore", {"path": "a/"}).status == 200
    any_stand.process.work()
    assert sorted(files(admins)) == ["a/b/1", "a/b/2", "c/1"]


@pytest.mark.parametrize("query", ["", "?limit=1", "?limit=2", "?limit=1000"])
def test_a_folder_is_not_there_where_all_in_it_were_emptied_whatever_the_limit(
    memory_stand: Stand, query: str
) -> None:
    memory_stand.repository("files")
    admins = memory_stand.admins
    plant(admins, "e/a/x", "e/b/y", "e/c/z", "kept/a/x", "kept/b/y", "kept/c/z", "kept/d/x")
    for folder in ("e/a/", "e/b/", "e/c/", "kept/a/", "kept/b/", "kept/c/"):
        assert admins.delete(f"{ROOT}{folder}?recursive=true").status == 200
    memory_stand.process.work()
    for path in ("e", "e/", "e/a/"):
        assert admins.get(f"{ROOT}{path}{query}").status == 404
    found = admins.get(f"{ROOT}kept/{query}").json
    assert [entry["name"] for entry in found["entries"]] == ["d/"]
    assert admins.get(f"{ROOT}kept{query}").status == 301


def test_a_page_looks_through_emptied_folders_and_cuts_what_it_finds(memory_stand: Stand) -> None:
    """Nothing is left out or told twice behind them, and it is done in bounded looks."""
    memory_stand.repository("files")
    admins = memory_stand.admins
    emptied = [f"{number:02}/x" for number in range(20)]
    plant(admins, *emptied, "a/1", "b", "c/1", "d")
    for path in emptied:
        assert admins.delete(f"{ROOT}{path}").status == 204
    memory_stand.process.work()
    found, after = [], ""
    while True:
        made = len(memory_stand.engine.made)
        page = admins.get(f"{ROOT}?limit=2&after={after}").json
        assert memory_stand.engine.made[made:].count("query") <= 2
        assert 1 <= len(page["entries"]) <= 2
        found += [entry["name"] for entry in page["entries"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert found == ["a/", "b", "c/", "d"]


def test_a_folder_of_a_repository_that_is_deleted_meanwhile_is_not_there(
    memory_stand: Stand,
) -> None:
    """404, as a moment later: between the door and the first step, too."""
    memory_stand.repository("files")
    plant(memory_stand.admins, "a/1")
    other = memory_stand.another_process().client.as_(memory_stand.admin.by_key)

    def deleted_before(call: Callable[[], Any]) -> Any:
        assert other.delete("/api/repositories/files").status == 204
        return call()

    memory_stand.engine.next("get", passes, deleted_before)
    answer = memory_stand.admins.delete(f"{ROOT}a/?recursive=true")
    assert other.get("/api/repositories/files").status == 404
    later = memory_stand.admins.delete(f"{ROOT}a/?recursive=true")
    assert (answer.status, answer.detail) == (later.status, later.detail)
    assert answer.status == 404
