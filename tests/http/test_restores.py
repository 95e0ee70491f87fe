"""Restoring and purging over HTTP: what is asked, what is answered, and who may."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.publishing import walk
from tests.http.client import Client
from tests.http.stand import Stand

ROOT = "/repositories/files/"
API = "/api/repositories/files"


@pytest.fixture
def full(any_stand: Stand) -> Stand:
    """A repository in which `a/x` was overwritten, and `a/y`, `a/b/z` and `w` were deleted."""
    any_stand.repository("files", overwrite=True)
    client = any_stand.admins
    for path in ("a/x", "a/y", "a/b/z", "w"):
        client.put(f"{ROOT}{path}", b"first")
    client.put(f"{ROOT}a/x", b"second")
    for path in ("a/y", "a/b/z", "w"):
        client.delete(f"{ROOT}{path}")
    return any_stand


def restore(client: Client, **asked: Any) -> Any:
    answer = client.post(f"{API}/restore", asked)
    assert answer.status == 200, answer.body
    return answer.json


def deleted(client: Client, query: str = "?recursive=true") -> list[str]:
    """The paths of what can be restored, read in pages of one."""
    found, after = [], ""
    while True:
        sign = "&" if query else "?"
        page = client.get(f"{API}/deleted{query}{sign}limit=1{after}").json
        found += [one["path"] for one in page["deleted"]]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


def test_what_can_be_restored_is_listed_by_folder_and_file(full: Stand) -> None:
    assert deleted(full.admins) == ["w", "a/x", "a/y", "a/b/z"]
    assert deleted(full.admins, "") == ["w"]
    assert deleted(full.admins, "?path=a/") == ["a/x", "a/y"]
    assert deleted(full.admins, "?path=a/&recursive=true") == ["a/x", "a/y", "a/b/z"]
    assert deleted(full.admins, "?path=a/y") == ["a/y"]
    assert deleted(full.admins, "?path=a") == []
    (one,) = full.admins.get(f"{API}/deleted?path=w").json["deleted"]
    assert one["user"] == full.admin.id
    assert datetime.fromisoformat(one["until"]) - datetime.fromisoformat(one["deleted"]) == (
        timedelta(days=14)
    )


def test_a_file_comes_back_as_it_was(full: Stand) -> None:
    done = restore(full.admins, path="a/y")
    assert (done["restored"], done["replaced"], done["bytes"]) == (1, 0, 5)
    assert done["files"] == [{"path": "a/y", "change": "restored"}]
    assert full.admins.get(f"{ROOT}a/y").body == b"first"
    assert "a/y" not in deleted(full.admins)
    assert full.admins.post(f"{API}/restore", {"path": "a/y"}).status == 404


def test_a_file_that_was_never_deleted_has_nothing_to_restore(full: Stand) -> None:
    full.admins.put(f"{ROOT}new", b"x")
    answer = full.admins.post(f"{API}/restore", {"path": "new"})
    said = "No deleted or overwritten version of this file can be restored."
    assert (answer.status, answer.detail) == (404, said)
    answer = full.admins.post(f"{API}/restore", {"path": "a/x", "version": "none"})
    said = "There is no such version of this file to restore."
    assert (answer.status, answer.detail) == (404, said)


def test_a_path_that_was_taken_is_409_that_names_what_is_there(full: Stand) -> None:
    answer = full.admins.post(f"{API}/restore", {"path": "a/x"})
    assert answer.status == 409
    assert "6 bytes" in answer.detail
    assert full.admins.get(f"{ROOT}a/x").body == b"second"
    assert restore(full.admins, path="a/x", overwrite=True)["replaced"] == 1
    assert full.admins.get(f"{ROOT}a/x").body == b"first"
    # What was replaced can be restored in turn.
    assert restore(full.admins, path="a/x", overwrite=True)["replaced"] == 1
    assert full.admins.get(f"{ROOT}a/x").body == b"second"


def test_a_version_is_chosen_by_its_id(full: Stand) -> None:
    for data in (b"one", b"two", b"three"):
        full.admins.put(f"{ROOT}w", data)
    full.admins.delete(f"{ROOT}w")
    listed = full.admins.get(f"{API}/deleted?path=w").json["deleted"]
    assert [one["size"] for one in listed] == [5, 3, 3, 5]
    restore(full.admins, path="w", version=listed[1]["version"])
    assert full.admins.get(f"{ROOT}w").body == b"one"


def test_a_folder_comes_back_where_nothing_is(full: Stand) -> None:
    done = restore(full.admins, path="a/")
    assert (done["restored"], done["left"]) == (2, 1)
    assert full.admins.get(f"{ROOT}a/x").body == b"second"
    for path in ("a/y", "a/b/z"):
        assert full.admins.get(f"{ROOT}{path}").body == b"first"
    assert full.admins.get(f"{ROOT}w").status == 404
    assert restore(full.admins, path="")["restored"] == 1


def test_a_repository_goes_back_to_a_time_and_forth_again(full: Stand) -> None:
    now = full.process.installation.metadata.now
    full.admins.put(f"{ROOT}new", b"new")
    moment = now().isoformat()
    full.admins.delete(f"{ROOT}new")
    full.admins.put(f"{ROOT}a/x", b"third")
    full.admins.put(f"{ROOT}later", b"later")
    later = now().isoformat()
    told = restore(full.admins, time=moment, dry_run=True)
    assert {name: told[name] for name in ("restored", "replaced", "deleted", "left")} == {
        "restored": 1, "replaced": 1, "deleted": 1, "left": 0
    }  # fmt: skip
    assert full.admins.get(f"{ROOT}later").body == b"later"
    done = restore(full.admins, time=moment)
    assert done == told
    assert full.admins.get(f"{ROOT}later").status == 404
    assert full.admins.get(f"{ROOT}new").body == b"new"
    assert full.admins.get(f"{ROOT}a/x").body == b"second"
    restore(full.admins, time=later)
    assert full.admins.get(f"{ROOT}later").body == b"later"
    assert full.admins.get(f"{ROOT}new").status == 404
    assert full.admins.get(f"{ROOT}a/x").body == b"third"


def test_one_file_goes_back_to_a_time_alone(full: Stand) -> None:
    moment = full.process.installation.metadata.now().isoformat()
    full.admins.put(f"{ROOT}a/x", b"third")
    full.admins.put(f"{ROOT}a/y", b"third")
    assert restore(full.admins, path="a/x", time=moment)["replaced"] == 1
    assert full.admins.get(f"{ROOT}a/x").body == b"second"
    assert full.admins.get(f"{ROOT}a/y").body == b"third"


def test_what_is_purged_is_gone(full: Stand) -> None:
    assert full.admins.post(f"{API}/purge", {"path": "a/x"}).json == {
        "purged": 1,
        "bytes": 5,
        "left": 0,
    }
    answer = full.admins.post(f"{API}/purge", {"path": "a/", "recursive": True})
    assert answer.json == {"purged": 2, "bytes": 10, "left": 0}
    assert deleted(full.admins) == ["w"]
    assert full.admins.post(f"{API}/restore", {"path": "a/y"}).status == 404
    assert full.admins.get(f"{ROOT}a/x").body == b"second"


def told_of_purges(stand: Stand) -> list[Any]:
    """The events that a repository was purged; they name its record, and who did it."""
    events = [record.value for record in stand.records() if "#events#" in record.key.partition]
    found = [event for event in events if event["action"] == "repository.purge"]
    assert all(event["user"] == stand.admin.id and event["puts"] for event in found)
    return found


def test_nothing_goes_back_to_before_a_purge(full: Stand) -> None:
    now = full.process.installation.metadata.now
    before = now().isoformat()
    full.admins.post(f"{API}/purge", {"path": "nothing/was/here"})
    restore(full.admins, time=before, dry_run=True)
    full.admins.post(f"{API}/purge", {"path": "a/y"})
    assert len(told_of_purges(full)) == 1
    refused = full.admins.post(f"{API}/restore", {"time": before})
    assert (refused.status, refused.json["field"]) == (422, "time")
    assert f"must not lie before {now():%Y-%m-%dT%H}" in refused.detail
    assert sorted(deleted(full.admins)) == ["a/b/z", "a/x", "w"]
    restore(full.admins, time=now().isoformat())
    full.admins.delete(API)
    full.admins.post(f"{API}/restore", {})
    assert full.admins.post(f"{API}/restore", {"time": before}).status == 422


def test_more_days_bring_nothing_back_that_is_gone(full: Stand) -> None:
    def change(days: int) -> None:
        assert full.admins.patch(API, {"restore_days": days}).status == 200

    now = full.process.installation.metadata.now
    change(5)
    moment = now().isoformat()
    full.admins.put(f"{ROOT}a/x", b"third")
    assert restore(full.admins, time=moment)["replaced"] == 1
    change(0)
    moment = now().isoformat()
    full.admins.delete(f"{ROOT}w")
    change(30)
    refused = full.admins.post(f"{API}/restore", {"time": moment})
    assert (refused.status, refused.json["field"]) == (422, "time")
    assert "restore_days" in refused.detail


YEARS_AGO = "2020-01-01T00:00:00Z"
AHEAD = (datetime.now(UTC) + timedelta(hours=1)).isoformat()


@pytest.mark.parametrize(
    "route, asked, status, field",
    [
        ("restore", {}, 422, "path"),
        ("restore", {"path": 1}, 422, "path"),
        ("restore", {"path": "../x"}, 422, "path"),
        ("restore", {"path": "a//"}, 422, "path"),
        ("restore", {"path": "a/y", "recursive": True}, 422, "recursive"),
        ("restore", {"path": "a/", "overwrite": True}, 422, "overwrite"),
        ("restore", {"path": "a/", "version": "x"}, 422, "version"),
        ("restore", {"path": "a/", "dry_run": True}, 422, "dry_run"),
        ("restore", {"path": "a/y", "overwrite": "yes"}, 422, "overwrite"),
        ("restore", {"path": "a/y", "version": "x" * 5000}, 404, None),
        ("restore", {"path": "a/y", "version": "../a/x"}, 404, None),
        ("restore", {"path": "never"}, 404, None),
        ("restore", {"time": None}, 422, "time"),
        ("restore", {"time": "yesterday"}, 422, "time"),
        ("restore", {"time": YEARS_AGO}, 422, "time"),
        ("restore", {"time": AHEAD}, 422, "time"),
        ("restore", {"id": "0123456789abcdef"}, 404, None),
        ("restore", {"id": "0123456789abcdef", "name": "No Name"}, 422, "name"),
        ("purge", {}, 422, "path"),
        ("purge", {"path": "a/"}, 422, "recursive"),
        ("purge", {"path": ""}, 422, "recursive"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    memory_stand: Stand, route: str, asked: dict[str, Any], status: int, field: str | None
) -> None:
    memory_stand.repository("files")
    memory_stand.admins.put(f"{ROOT}a/y", b"first")
    memory_stand.admins.delete(f"{ROOT}a/y")
    before = memory_stand.dump()
    answer = memory_stand.admins.post(f"{API}/{route}", asked)
    assert answer.status == status, answer.body
    assert field is None or f"'{field}'" in answer.detail
    assert memory_stand.dump() == before


def test_nobody_overwrites_or_deletes_by_restoring_who_may_not(memory_stand: Stand) -> None:
    repository = memory_stand.repository("files", overwrite=True)
    for data in (b"one", b"two"):
        memory_stand.admins.put(f"{ROOT}a", data)
    moment = memory_stand.process.installation.metadata.now().isoformat()
    memory_stand.admins.put(f"{ROOT}b", b"later")
    writer = memory_stand.client.as_(
        memory_stand.person(grants={repository.id: ["read", "write"]}).by_key
    )
    for asked in (
        {"path": "a", "overwrite": True},
        {"time": moment},
        {"path": "b", "time": moment},
    ):
        assert writer.post(f"{API}/restore", asked).status == 403
    memory_stand.admins.delete(f"{ROOT}a")
    assert writer.post(f"{API}/restore", {"path": "a"}).status == 200
    assert writer.post(f"{API}/purge", {"path": "a"}).status == 403
    listed = writer.get(f"{API}/deleted").json["deleted"]
    assert listed
    assert all("user" not in one for one in listed)


def test_another_teams_cursor_and_version_are_worth_nothing(memory_stand: Stand) -> None:
    ours, theirs = memory_stand.repository("files"), memory_stand.repository("theirs")
    for name in ("files", "theirs"):
        for path in ("a", "b"):
            memory_stand.admins.put(f"/repositories/{name}/{path}", name.encode())
            memory_stand.admins.delete(f"/repositories/{name}/{path}")
    page = memory_stand.admins.get("/api/repositories/theirs/deleted?limit=1").json
    both_actions = ["read", "write"]
    one = memory_stand.client.as_(memory_stand.person(grants={ours.id: both_actions}).by_key)
    both = memory_stand.client.as_(
        memory_stand.person(grants={ours.id: both_actions, theirs.id: both_actions}).by_key
    )
    for client in (one, both, memory_stand.admins):
        assert client.get(f"{API}/deleted?after={page['next']}").status == 422
        asked = {"path": "a", "version": page["deleted"][0]["version"]}
        assert client.post(f"{API}/restore", asked).status == 404
    hidden = one.post("/api/repositories/theirs/restore", {"path": "a"})
    absent = one.post("/api/repositories/absent/restore", {"path": "a"})
    assert hidden.status == absent.status == 404
    assert hidden.detail == absent.detail


def test_a_repository_comes_back_with_its_files_and_grants(any_stand: Stand) -> None:
    repository = any_stand.repository("files")
    person = any_stand.client.as_(
        any_stand.person(grants={repository.id: ["read", "write"]}).by_key
    )
    any_stand.admins.put(f"{ROOT}a/b", b"kept")
    assert any_stand.admins.delete(API).status == 204
    assert person.get(f"{ROOT}a/b").status == 404
    (listed,) = any_stand.admins.get("/api/deleted-repositories").json["repositories"]
    assert (listed["name"], listed["id"]) == ("files", repository.id)
    assert person.post(f"{API}/restore", {}).status == 404
    for within in ({"path": "a/b"}, {"time": "2026-01-01T00:00:00Z"}):
        assert any_stand.admins.post(f"{API}/restore", within).status == 404
    assert any_stand.admins.post(f"{API}/restore", {}).json["name"] == "files"
    assert person.get(f"{ROOT}a/b").body == b"kept"
    assert any_stand.admins.get("/api/deleted-repositories").json["repositories"] == []
    assert any_stand.admins.post("/api/repositories/other/restore", {}).status == 404


def test_a_repository_whose_name_was_taken_comes_back_under_another(memory_stand: Stand) -> None:
    ids = []
    for number in range(3):
        ids.append(memory_stand.repository("files").id)
        memory_stand.admins.put(f"{ROOT}{number}", b"x")
        memory_stand.admins.delete(API)
    memory_stand.repository("files")
    admins = memory_stand.admins
    for asked in ({"id": ids[1]}, {"id": ids[1], "name": "files"}):
        refused = admins.post(f"{API}/restore", asked)
        assert refused.status == 409
        assert "a 'name' that is free" in refused.detail
    unsaid = admins.post(f"{API}/restore", {})
    assert (unsaid.status, unsaid.json["field"]) == (422, "path")
    assert "with its 'id'" in unsaid.detail
    assert "a 'name' that is free" in unsaid.detail
    answer = admins.post(f"{API}/restore", {"id": ids[1], "name": "old"})
    assert answer.json["name"] == "old"
    assert admins.get("/repositories/old/1").status == 200
    assert admins.post(f"{API}/restore", {"id": ids[1], "name": "older"}).status == 404
    admins.delete(API)
    # Without an id it is the one that was deleted last.
    assert admins.post(f"{API}/restore", {}).status == 200
    assert admins.get(f"{ROOT}2").status == 404
    listed = admins.get("/api/deleted-repositories").json["repositories"]
    assert [one["id"] for one in listed] == [ids[0], ids[2]]


def test_large_restores_go_on_as_jobs(
    any_stand: Stand, admins: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "PAGE", 3)
    monkeypatch.setattr(walk, "PIECE", 3)
    any_stand.process.background.jobs._at_once = 2
    paths = [f"d{number % 3}/{number}" for number in range(12)]
    for path in paths:
        admins.put(f"{ROOT}{path}", path.encode())
        admins.delete(f"{ROOT}{path}")
    answer = admins.post(f"{API}/restore", {"path": ""})
    assert answer.status == 202
    any_stand.process.work()
    job = admins.get(answer.headers["location"]).json
    assert (job["state"], job["counts"]["restored"]) == ("done", 12)
    for path in paths:
        assert admins.get(f"{ROOT}{path}").body == path.encode()
