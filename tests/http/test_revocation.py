"""Access ends at once in the process that ended it, and within 10 s in every other."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.repositories import Repository
from tests.http.client import Client
from tests.http.stand import Person, Stand

FILE = "/repositories/files/a/b.txt"
DATA = b"the bytes of a file"

#: What ends a person's access, by an administrator through the API; and the status after.
End = Callable[[Client, Person], int]


def _delete_key(admins: Client, person: Person) -> int:
    assert admins.delete(f"/api/keys/{person.key_id}").status == 204
    return 401


def _disable_user(admins: Client, person: Person) -> int:
    assert admins.patch(f"/api/users/{person.id}", {"active": False}).status == 200
    return 401


def _delete_user(admins: Client, person: Person) -> int:
    assert admins.delete(f"/api/users/{person.id}").status == 204
    return 401


def _take_grants(admins: Client, person: Person) -> int:
    at = f"/api/users/{person.id}/permissions"
    assert admins.ask("PUT", at, json={"repositories": {}}).status == 200
    return 404


def _delete_repository(admins: Client, person: Person) -> int:
    assert admins.delete("/api/repositories/files").status == 204
    return 404


def _replace_repository(admins: Client, person: Person) -> int:
    _delete_repository(admins, person)
    assert admins.post("/api/repositories", {"name": "files"}).status == 201
    return 404


def _group_of(admins: Client, person: Person) -> str:
    (group,) = admins.get(f"/api/users/{person.id}").json["groups"]
    return str(group["id"])


def _leave_group(admins: Client, person: Person) -> int:
    at = f"/api/groups/{_group_of(admins, person)}/members/{person.id}"
    assert admins.delete(at).status == 204
    return 404


def _delete_group(admins: Client, person: Person) -> int:
    assert admins.delete(f"/api/groups/{_group_of(admins, person)}").status == 204
    return 404


def _take_from_group(admins: Client, person: Person) -> int:
    at = f"/api/groups/{_group_of(admins, person)}/permissions"
    assert admins.ask("PUT", at, json={"repositories": {}}).status == 200
    return 404


def _take_in_repository(admins: Client, person: Person) -> int:
    at = f"/api/repositories/files/grants/users/{person.id}"
    assert admins.ask("PUT", at, json={"actions": []}).status == 200
    return 404


def _take_from_group_in_repository(admins: Client, person: Person) -> int:
    at = f"/api/repositories/files/grants/groups/{_group_of(admins, person)}"
    assert admins.ask("PUT", at, json={"actions": []}).status == 200
    return 404


def _hand_over(admins: Client, person: Person) -> int:
    """To somebody who may do nothing there."""
    made = admins.post("/api/users", {"email": "new@example.org", "role": "developer"}).json
    at = f"/api/users/{person.id}/hand-over"
    assert admins.post(at, {"to": made["id"]}).status == 200
    return 404


ENDS: dict[str, End] = {
    "the key is deleted": _delete_key,
    "the user is disabled": _disable_user,
    "the user is deleted": _delete_user,
    "the grants are taken": _take_grants,
    "the repository is deleted": _delete_repository,
    "the repository is another": _replace_repository,
    "the grant in the repository is taken": _take_in_repository,
    "the pattern is taken": _take_grants,
    "the user leaves the group": _leave_group,
    "the group is deleted": _delete_group,
    "the group's grants are taken": _take_from_group,
    "the group's grant in the repository is taken": _take_from_group_in_repository,
    "the key is handed over": _hand_over,
}
#: What ends an access that a group gives.
BY_GROUP = {end for end in ENDS if "group" in end}

#: What ends a person's access, and how the person had signed in; each once for each test.
ENDED = [
    (end, how)
    for end in ENDS
    for how in ("by_key", "by_password")
    if not (end.startswith("the key") and how == "by_password")
]


@pytest.fixture
def files(memory_stand: Stand) -> Repository:
    repository = memory_stand.repository("files", overwrite=True)
    memory_stand.admins.put(FILE, DATA)
    return repository


@pytest.fixture
def person(memory_stand: Stand, files: Repository) -> Person:
    return memory_stand.person(grants={files.id: ["read", "write", "delete"]})


@pytest.fixture
def holder(memory_stand: Stand, files: Repository, end: str) -> Person:
    """Who has his access by what will be taken from him."""
    place = "fil*" if "pattern" in end else files.id
    grants = {place: ["read", "write", "delete"]}
    if end not in BY_GROUP:
        return memory_stand.person(grants=grants)
    person = memory_stand.person()
    memory_stand.group(grants, person)
    return person


def warmed(client: Client, person: Person, how: str = "by_key") -> Client:
    """The client of a person whose access was just used, so that all of it is remembered: of a
    password its slow hash too."""
    client = client.as_(getattr(person, how))
    for _ in range(2):
        assert client.get(FILE).body == DATA
        assert client.get("/repositories/files/a/").status == 200
    return client


@pytest.mark.parametrize("end, how", ENDED)
def test_access_ends_at_once_in_the_process_that_ended_it(
    memory_stand: Stand, holder: Person, end: str, how: str
) -> None:
    client = warmed(memory_stand.client, holder, how)
    status = ENDS[end](memory_stand.admins, holder)
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        assert client.ask(method, FILE, body=b"x").status == status
    assert client.get("/repositories/files/").status == status


@pytest.mark.parametrize("end, how", ENDED)
def test_changes_and_the_api_end_at_once_in_every_process(
    memory_stand: Stand, holder: Person, end: str, how: str
) -> None:
    """Whatever writes, and whatever manages, reads afresh."""
    other = memory_stand.another_process()
    client = warmed(other.client, holder, how)
    assert client.get("/api/user").status == 200
    status = ENDS[end](memory_stand.admins, holder)
    assert client.put(FILE, b"x").status == status
    assert client.delete(FILE).status == status
    assert client.get("/api/user").status == (401 if status == 401 else 200)
    assert client.get("/api/repositories/files").status == status


@pytest.mark.parametrize("end, how", ENDED)
def test_reads_end_within_ten_seconds_in_every_process(
    memory_stand: Stand, holder: Person, end: str, how: str
) -> None:
    other = memory_stand.another_process()
    client = warmed(other.client, holder, how)
    memory_stand.clock.now += 5  # what is remembered is as old as its own reading
    client.get(FILE)
    status = ENDS[end](memory_stand.admins, holder)
    memory_stand.clock.now += 5.001
    for method in ("GET", "HEAD"):
        assert client.ask(method, FILE).status == status
    assert client.get("/repositories/files/a/").status == status


def test_being_read_again_keeps_nothing_alive(memory_stand: Stand, person: Person) -> None:
    """Ten seconds from the reading, not from the last use."""
    other = memory_stand.another_process()
    client = warmed(other.client, person)
    _delete_key(memory_stand.admins, person)
    statuses = []
    for _ in range(11):
        memory_stand.clock.now += 1
        statuses.append(client.get(FILE).status)
    assert statuses[-1] == 401
    assert statuses == sorted(statuses)


def test_made_private_is_closed_to_the_public(memory_stand: Stand) -> None:
    memory_stand.repository("files", public=True)
    memory_stand.admins.put(FILE, DATA)
    other = memory_stand.another_process()
    for client in (memory_stand.client, other.client):
        assert client.get(f"/public{FILE}").body == DATA
    assert memory_stand.admins.patch("/api/repositories/files", {"public": False}).status == 200
    assert memory_stand.client.get(f"/public{FILE}").status == 404
    assert memory_stand.client.get("/public/repositories/files/").status == 404
    memory_stand.clock.now += 10.001
    assert other.client.get(f"/public{FILE}").status == 404


def test_a_changed_password_ends_the_old_one_and_its_verification(
    memory_stand: Stand, person: Person
) -> None:
    other = memory_stand.another_process()
    for process in memory_stand.processes:
        assert process.client.as_(person.by_password).get(FILE).body == DATA
    at = f"/api/users/{person.id}"
    assert memory_stand.admins.patch(at, {"password": "another password"}).status == 200
    assert memory_stand.client.as_(person.by_password).get(FILE).status == 401
    assert other.client.as_(person.by_password).put(FILE, b"x").status == 401
    memory_stand.clock.now += 10.001
    assert other.client.as_(person.by_password).get(FILE).status == 401


def test_a_role_that_is_lost_is_lost_at_once(memory_stand: Stand) -> None:
    admin = memory_stand.person("admin")
    memory_stand.repository("files")
    client = memory_stand.client.as_(admin.by_key)
    other = memory_stand.another_process().client.as_(admin.by_key)
    assert client.get("/api/users").status == other.get("/api/users").status == 200
    at = f"/api/users/{admin.id}"
    assert memory_stand.admins.patch(at, {"role": "developer"}).status == 200
    for each in (client, other):
        assert each.get("/api/users").status == 403
        assert each.put(FILE, b"x").status == 404
    assert client.get("/repositories/files/").status == 404


@pytest.mark.parametrize("how", ["by_key", "by_password"])
def test_a_developer_who_becomes_a_reader_writes_no_more(
    memory_stand: Stand, person: Person, how: str
) -> None:
    """In no process, and goes on reading in each."""
    other = memory_stand.another_process()
    clients = [warmed(process.client, person, how) for process in memory_stand.processes]
    assert len(clients) == 2
    assert [client.put(FILE, DATA).status for client in clients] == [200, 200]
    at = f"/api/users/{person.id}"
    assert memory_stand.admins.patch(at, {"role": "reader"}).status == 200
    for client in clients:
        assert [client.put(FILE, b"x").status, client.delete(FILE).status] == [403, 403]
        assert client.get(FILE).body == DATA
    assert other.client.as_(memory_stand.admin.by_key).get(FILE).body == DATA


@pytest.mark.parametrize("how", ["by_key", "by_password"])
def test_a_grant_that_shrinks_has_shrunk_at_once(
    memory_stand: Stand, person: Person, how: str
) -> None:
    memory_stand.another_process()
    clients = [warmed(process.client, person, how) for process in memory_stand.processes]
    at = f"/api/users/{person.id}/permissions"
    given = {"repositories": {"files": ["read"]}}
    assert memory_stand.admins.ask("PUT", at, json=given).status == 200
    for client in clients:
        assert [client.put(FILE, b"x").status, client.delete(FILE).status] == [403, 403]
        assert client.get(FILE).body == DATA


def test_a_key_ends_when_its_time_is_up_however_warm(
    memory_stand: Stand, files: Repository
) -> None:
    """By the clock, not by what is remembered."""
    end = datetime.now(UTC) + timedelta(seconds=0.5)
    person = memory_stand.person(grants={files.id: ["read"]}, expires=end)
    client = memory_stand.client.as_(person.by_key)
    assert client.get(FILE).status == 200
    while datetime.now(UTC) <= end:
        client.get(FILE)
    answer = client.get(FILE)
    assert answer.status == 401
    assert "expired" in answer.detail


def test_what_is_given_is_given_at_once_where_it_was_given(memory_stand: Stand) -> None:
    """Absence is never remembered."""
    person = memory_stand.person()
    client = memory_stand.client.as_(person.by_key)
    other = memory_stand.another_process().client.as_(person.by_key)
    for each in (client, other):
        assert each.get("/repositories/files/").status == 404
    memory_stand.repository("files")
    at = f"/api/users/{person.id}/permissions"
    given = {"repositories": {"files": ["read"]}}
    assert memory_stand.admins.ask("PUT", at, json=given).status == 200
    assert client.get("/repositories/files/").status == 200
    memory_stand.clock.now += 10.001
    assert other.get("/repositories/files/").status == 200


def test_a_file_that_is_deleted_is_gone_in_every_process(
    memory_stand: Stand, files: Repository
) -> None:
    """What is in a repository is never remembered: one read a request."""
    other = memory_stand.another_process().client.as_(memory_stand.admin.by_key)
    assert other.get(FILE).body == DATA
    memory_stand.admins.delete(FILE)
    assert other.get(FILE).status == 404
    memory_stand.admins.put(FILE, b"newer")
    assert other.get(FILE).body == b"newer"


@pytest.mark.parametrize("how", ["by_key", "by_password"])
def test_what_a_group_gives_is_given_at_once_where_it_was_given(
    memory_stand: Stand, files: Repository, how: str
) -> None:
    """To who comes in, and to who is in it; elsewhere within ten seconds."""
    person = memory_stand.person()
    group = memory_stand.group({})
    client = memory_stand.client.as_(getattr(person, how))
    other = memory_stand.another_process().client.as_(getattr(person, how))
    admins, at = memory_stand.admins, f"/api/groups/{group.id}"

    def warm() -> None:
        for each in (client, other):
            assert each.get(FILE).status == 404

    warm()
    assert admins.ask("PUT", f"{at}/members/{person.id}").status == 204
    warm()
    given = {"repositories": {"fi*es": ["read", "write"]}}
    assert admins.ask("PUT", f"{at}/permissions", json=given).status == 200
    assert client.get(FILE).body == DATA
    assert other.put(f"{FILE}.new", b"x").status == 201, "who changes something reads afresh"
    memory_stand.clock.now += 10.001
    assert other.get(FILE).body == DATA


def test_a_key_that_was_deleted_uses_up_nobodys_share(
    memory_stand: Stand, files: Repository
) -> None:
    person = memory_stand.person(grants={files.id: ["read"]})
    client = memory_stand.client.as_(person.by_key)
    assert client.get(FILE).context.holder == person.id
    assert memory_stand.admins.delete(f"/api/keys/{person.key_id}").status == 204
    assert client.get(FILE).status == 401
    refused = client.get(FILE)
    assert (refused.status, refused.context.holder) == (401, None)


def test_a_disabled_users_sessions_are_of_another_age(memory_stand: Stand) -> None:
    """Enabling him brings none of them back."""
    person = memory_stand.person()
    at = f"/api/users/{person.id}"
    epochs = []
    for active in (True, False, True):
        assert memory_stand.admins.patch(at, {"active": active}).status == 200
        record = next(r for r in memory_stand.records() if r.value.get("id") == person.id)
        epochs.append(record.value.get("epoch", 0))
    assert epochs == [0, 1, 1]
