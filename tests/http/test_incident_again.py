"""A report is asked for again while its lines are followed: none of them ever harms a good file."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest

from app.cli.incident_next import next_steps
from app.incidents import Report
from storage import keys
from storage.metadata import Delete
from tests.http.client import Client, bearer
from tests.http.stand import Person, Stand
from tests.http.test_incident import EVIL, GOOD, put, report_on, sha256

NEWER = b"a newer release"
PATH = "lib.jar"


class Place:
    """A file of a repository, an intruder with a key for it, its owner, and an administrator."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        repository = stand.repository("releases", overwrite=True)
        self.id = repository.id
        every = {repository.id: ["read", "write", "delete"]}
        self.victim: Person = stand.person("developer", every)
        self.owner: Person = stand.person("developer", every)
        self.theirs = stand.client.as_(bearer(self.victim.key))
        self.mine = stand.client.as_(bearer(self.owner.key))

    def put(self, client: Client, data: bytes) -> None:
        put(client, f"releases/{PATH}", data)

    def delete(self, client: Client) -> None:
        assert client.delete(f"/repositories/releases/{PATH}").status in (200, 204)

    def versions(self) -> dict[str, str]:
        """What restores each content, by its digest."""
        found = self.mine.get(f"/api/repositories/releases/deleted?path={PATH}").json
        return {one["sha256"]: one["version"] for one in found["deleted"]}

    def restore(self, client: Client, data: bytes) -> None:
        version = self.versions()[sha256(data)]
        body = {"path": PATH, "version": version, "overwrite": True}
        done = client.post("/api/repositories/releases/restore", body)
        assert done.status == 200, done.text

    def purge(self) -> None:
        """What was before is gone for good, and nothing tells of it."""
        at, org = self.stand.process.installation, self.stand.organization
        for record in list(at.metadata.query_all(keys.deleted(org, self.id, "/"))):
            at.metadata.commit(Delete(record.key))

    def report(self) -> Report:
        return report_on(self.stand, self.victim.key_id)

    def lines(self) -> list[str]:
        return [
            line
            for line in next_steps(self.report(), "default")
            if line.startswith(("POST ", "DELETE "))
        ]

    def content(self) -> bytes | None:
        done = self.mine.get(f"/repositories/releases/{PATH}")
        return done.body if done.status == 200 else None

    def follow(self, line: str) -> None:
        method, target, *body = line.split(maxsplit=2)
        if method == "DELETE":
            done = self.mine.delete(unquote(target))
        else:
            done = self.mine.post(target, json.loads(body[0]))
        assert done.status in (200, 204), done.text


@pytest.fixture
def place(any_stand: Stand) -> Place:
    return Place(any_stand)


def overwritten(at: Place) -> None:
    at.put(at.mine, GOOD)
    at.put(at.theirs, EVIL)


def deleted(at: Place) -> None:
    at.put(at.mine, GOOD)
    at.delete(at.theirs)


def both(at: Place) -> None:
    overwritten(at)
    at.delete(at.theirs)


def and_back(at: Place) -> None:
    """Who overwrites can restore as well."""
    overwritten(at)
    at.restore(at.theirs, GOOD)


def written_again(at: Place) -> None:
    overwritten(at)
    at.put(at.theirs, GOOD)


def older_brought_back(at: Place) -> None:
    at.put(at.mine, EVIL)
    at.put(at.mine, GOOD)
    at.restore(at.theirs, EVIL)


def twice(at: Place) -> None:
    at.put(at.theirs, EVIL)
    at.put(at.mine, GOOD)
    at.put(at.theirs, EVIL)


def restored_badly(at: Place) -> None:
    """Somebody brings back what the intruder wrote."""
    overwritten(at)
    at.restore(at.mine, GOOD)
    at.restore(at.mine, EVIL)


def written(at: Place) -> None:
    at.put(at.theirs, EVIL)


def written_and_overwritten(at: Place) -> None:
    at.put(at.theirs, EVIL)
    at.put(at.theirs, EVIL + b" 2")


def before_is_gone(at: Place) -> None:
    overwritten(at)
    at.purge()


def released_since(at: Place) -> None:
    overwritten(at)
    at.put(at.mine, NEWER)


def vouched_for(at: Place) -> None:
    """What a key of a build had published is published anew, by another."""
    at.put(at.theirs, NEWER)
    at.delete(at.mine)
    at.put(at.mine, NEWER)


def released_where_it_was_new(at: Place) -> None:
    written(at)
    at.delete(at.mine)
    at.put(at.mine, NEWER)


def deleted_by_its_owner(at: Place) -> None:
    overwritten(at)
    at.restore(at.mine, GOOD)
    at.delete(at.mine)


@pytest.mark.parametrize(
    "happened, good, lines",
    [
        (overwritten, GOOD, 1),
        (deleted, GOOD, 1),
        (both, GOOD, 1),
        (and_back, GOOD, 0),
        (written_again, GOOD, 0),
        (older_brought_back, GOOD, 1),
        (twice, GOOD, 1),
        (restored_badly, GOOD, 1),
        (written, None, 1),
        (written_and_overwritten, None, 1),
        (before_is_gone, None, 1),
        (released_since, NEWER, 0),
        (vouched_for, NEWER, 0),
        (released_where_it_was_new, NEWER, 0),
        (deleted_by_its_owner, None, 0),
    ],
)
def test_its_lines_bring_back_what_is_good_and_then_there_are_none(
    place: Place, happened: Callable[[Place], None], good: bytes | None, lines: int
) -> None:
    happened(place)
    found = place.lines()
    assert len(found) == lines
    for line in found:
        place.follow(line)
    assert place.content() == good
    assert place.lines() == []
    assert place.content() == good


def test_what_was_before_is_told_after_it_was_brought_back(place: Place) -> None:
    """By what comes back; also after that went again, and nothing can be restored any more."""
    overwritten(place)
    place.restore(place.mine, GOOD)
    (file,) = place.report().files
    assert (file.before, file.after, file.version) == (sha256(GOOD), sha256(EVIL), None)
    assert file.publisher == place.owner.id
    reasons = {one["id"]: one["because"] for one in place.report().told}
    assert reasons[place.owner.id] == ["published what was overwritten or deleted"]
    assert file.now.value == "as it was before"
    place.delete(place.mine)
    (file,) = place.report().files
    assert (file.before, file.publisher) == (sha256(GOOD), place.owner.id), "it is kept again"
    place.purge()
    (file,) = place.report().files
    assert (file.before, file.now.value) == (sha256(GOOD), "gone"), "events tell it"


def test_a_folder_that_is_brought_back_tells_what_was_in_it(place: Place) -> None:
    """One event of several files holds no digests: what is there now tells them."""
    for name in ("a.jar", "b.jar"):
        put(place.mine, f"releases/d/{name}", name.encode())
    done = place.theirs.delete("/repositories/releases/d/?recursive=true")
    assert done.status in (200, 202, 204), done.text
    place.stand.process.work()
    done = place.mine.post("/api/repositories/releases/restore", {"path": "d/"})
    assert done.status in (200, 202), done.text
    place.stand.process.work()
    told = [(file.before, file.publisher, file.now.value) for file in place.report().files]
    assert told == [
        (sha256(name), place.owner.id, "as it was before") for name in (b"a.jar", b"b.jar")
    ]
    assert place.lines() == []


def test_what_a_person_does_behind_the_end_of_the_time_is_his_own(memory_stand: Stand) -> None:
    """Who has his account back publishes again, and is named by the report still."""
    place = Place(memory_stand)
    overwritten(place)
    contained = datetime.now(UTC)
    place.put(place.theirs, NEWER)
    report = report_on(place.stand, place.victim.email, until=contained)
    assert [file.now.value for file in report.files] == ["changed by others since"]
    assert not [line for line in next_steps(report, "default") if "lib.jar" in line]


def test_a_file_that_somebody_deleted_is_left_with_how_to_bring_back_what_was(
    place: Place,
) -> None:
    overwritten(place)
    version = place.versions()[sha256(GOOD)]
    place.delete(place.mine)
    (file,) = place.report().files
    assert (place.lines(), file.now.value) == ([], "gone")
    assert file.value({})["way_back"] == version
