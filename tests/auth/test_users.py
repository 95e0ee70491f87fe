"""Users: one address one user, never without an administrator, and an event for each change."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from auth import (
    AlreadyTaken,
    Authority,
    ChangedMeanwhile,
    EmailPassword,
    Forbidden,
    InvalidField,
    LastAdministrator,
    Missing,
    NotAuthenticated,
    Principal,
    Role,
    UserChanges,
)
from auth.api_keys import KEYS_OF_USER_MOST
from auth.decisions import TRIES, decided
from auth.principals import Action
from storage import keys
from storage.events import Event, Feed
from storage.metadata import Committed, ConditionFailed, Key, Operation
from tests.auth.installation import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    PASSWORD,
    Installation,
    Process,
)


def events(process: Process) -> list[Event]:
    feed = Feed(process.metadata, process.journal, process.organization, process.clock)
    return sorted(feed.read(feed.start(process.clock()), 10_000).events, key=lambda event: event.id)


def dump(process: Process) -> dict[Key, object]:
    """Every record, but what commits leave behind about themselves."""
    page = process.metadata.scan(0, 1)
    assert page.next is None
    return {
        record.key: record.value
        for record in page.records
        if "#events#" not in record.key.partition and "#tokens#" not in record.key.partition
    }


def as_user(process: Process, email: str, password: str = PASSWORD) -> Authority:
    return process.authenticate(EmailPassword(email, password)).acting("request")


def as_admin(process: Process) -> Authority:
    return as_user(process, ADMIN_EMAIL, ADMIN_PASSWORD)


def test_a_user_is_found_by_id_and_by_address(process: Process) -> None:
    made = process.user("Dev@Example.org")
    assert process.users.get(process.operator, made.id) == made
    assert process.users.find(process.operator, "dev@example.ORG") == made
    assert (made.email, made.role, made.active, made.has_password) == (
        "Dev@Example.org",
        Role.DEVELOPER,
        True,
        True,
    )
    assert made.created == made.updated == process.clock()


def test_users_are_listed_in_pages(process: Process) -> None:
    made = {process.user(f"user{number}@example.org").id for number in range(7)}
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = process.users.list(process.operator, after, limit=3)
        assert len(page.items) <= 3
        found += [user.id for user in page.items]
        after = page.next
    assert found == sorted(found)
    assert set(found) - made == {process.users.find(process.operator, ADMIN_EMAIL).id}


@pytest.mark.parametrize(
    "field, value",
    [
        ("email", "no address"),
        ("name", ""),
        ("name", "  "),
        ("name", "x" * 201),
        ("name", "with\nline"),
        ("name", "\ud800"),
        ("name", "x" * 1_000_000),
        ("role", "owner"),
        ("role", "Admin"),
        ("password", "1234567"),
        ("password", "x" * 257),
        ("password", ""),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_written(
    process: Process, field: str, value: str
) -> None:
    user = process.user("dev@example.org")
    before = dump(process)
    fields = {"email": "new@example.org", "name": "New", "role": "reader", "password": PASSWORD}
    with pytest.raises(InvalidField) as caught:
        process.users.create(process.operator, **{**fields, field: value})
    assert caught.value.field == field
    with pytest.raises(InvalidField) as caught:
        process.users.update(process.operator, user.id, UserChanges(**{field: value}))
    assert caught.value.field == field
    assert dump(process) == before


def test_who_makes_the_same_change_at_once_has_not_taken_the_address(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two that give a user a new address one commits first; the other finds it done."""
    user, commit = process.user("old@example.org"), process.recent.commit
    change = UserChanges(email="new@example.org")

    def second(*operations: Operation, **more: Any) -> Committed:
        monkeypatch.setattr(process.recent, "commit", commit)
        process.users.update(process.operator, user.id, change)
        return commit(*operations, **more)

    monkeypatch.setattr(process.recent, "commit", second)
    assert process.users.update(process.operator, user.id, change).email == "new@example.org"


def test_an_address_is_one_users(process: Process) -> None:
    """In whatever case, for a new user and for a change, and it is free again afterwards."""
    first, second = process.user("first@example.org"), process.user("second@example.org")
    before = dump(process)
    with pytest.raises(AlreadyTaken) as caught:
        process.user("FIRST@example.org")
    assert caught.value.field == "email"
    with pytest.raises(AlreadyTaken):
        process.users.update(process.operator, second.id, UserChanges(email="First@Example.org"))
    assert dump(process) == before
    process.users.update(process.operator, first.id, UserChanges(email="other@example.org"))
    process.users.update(process.operator, second.id, UserChanges(email="first@example.org"))
    process.users.delete(process.operator, second.id)
    process.user("first@example.org")


def test_the_case_of_an_address_can_be_changed(process: Process) -> None:
    user = process.user("dev@example.org")
    changed = process.users.update(process.operator, user.id, UserChanges(email="Dev@example.org"))
    assert changed.email == "Dev@example.org"
    assert process.users.find(process.operator, "dev@example.org") == changed


def test_deleting_a_user_leaves_nothing_of_him(process: Process) -> None:
    before = dump(process)
    user = process.user()
    for number in range(3):
        process.keys.create(process.operator, name=f"key {number}", user_id=user.id)
    process.users.delete(process.operator, user.id)
    assert dump(process) == before
    with pytest.raises(Missing):
        process.users.delete(process.operator, user.id)


def test_a_user_with_as_many_keys_as_there_may_be_is_deleted_in_one_commit(
    process: Process,
) -> None:
    before = dump(process)
    user = process.user()
    for number in range(KEYS_OF_USER_MOST):
        process.keys.create(process.operator, name=f"key {number}", user_id=user.id)
    commits = process.engine.writes
    process.users.delete(as_admin(process), user.id)
    assert process.engine.writes - commits <= 2  # one for the administrator's address, seen
    signing_in = ("#seen#", "#who#")
    left = [key for key in dump(process) if not any(one in key.partition for one in signing_in)]
    assert set(left) == set(before)


def test_a_key_made_while_its_user_is_deleted_is_not_left(process: Process) -> None:
    """The delete has read the keys when another process makes one."""
    before = dump(process)
    user = process.user()
    process.keys.create(process.operator, name="first", user_id=user.id)
    commit, once = process.recent.commit, [True]

    def after_another(*operations, witness=None):
        if once:
            once.pop()
            process.keys.create(process.operator, name="second", user_id=user.id)
        return commit(*operations, witness=witness)

    process.recent.commit = after_another  # type: ignore[method-assign]
    process.users.delete(process.operator, user.id)
    assert dump(process) == before


def test_a_change_that_changes_nothing_writes_nothing(process: Process) -> None:
    user = process.user()
    writes = process.engine.writes
    changes = UserChanges(email=user.email, name=user.name, role=user.role, active=True)
    assert process.users.update(process.operator, user.id, changes) == user
    assert process.users.update(process.operator, user.id, UserChanges()) == user
    assert process.engine.writes == writes


LOSSES: dict[str, Callable[[Process, str], object]] = {
    "deleted": lambda process, user: process.users.delete(process.operator, user),
    "demoted": lambda process, user: process.users.update(
        process.operator, user, UserChanges(role="developer")
    ),
    "disabled": lambda process, user: process.users.update(
        process.operator, user, UserChanges(active=False)
    ),
}


@pytest.mark.parametrize("how", LOSSES)
def test_the_last_administrator_stays(process: Process, how: str) -> None:
    first = process.users.find(process.operator, ADMIN_EMAIL)
    before = dump(process)
    with pytest.raises(LastAdministrator):
        LOSSES[how](process, first.id)
    assert dump(process) == before
    second = process.user("second@example.org", Role.ADMIN)
    LOSSES[how](process, first.id)
    with pytest.raises(LastAdministrator):
        LOSSES[how](process, second.id)


@pytest.mark.parametrize("how", LOSSES)
def test_two_administrators_who_end_each_other_at_once_leave_one(
    installation: Installation, process: Process, how: str
) -> None:
    first = process.users.find(process.operator, ADMIN_EMAIL)
    second = process.user("second@example.org", Role.ADMIN)
    other = installation.process()
    start = threading.Barrier(2)
    refused: list[LastAdministrator] = []

    def end(which: Process, user: str) -> None:
        start.wait(30)
        try:
            LOSSES[how](which, user)
        except LastAdministrator as error:
            refused.append(error)

    threads = [
        threading.Thread(target=end, args=pair)
        for pair in ((process, second.id), (other, first.id))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    left = [
        user
        for user in process.users.list(process.operator).items
        if user.role is Role.ADMIN and user.active
    ]
    assert len(refused) == len(left) == 1
    found = process.organizations.get(process.organization)
    assert found.administrators == (left[0].id,)


def test_the_set_of_administrators_follows_every_change(process: Process) -> None:
    def administrators() -> set[str]:
        return set(process.organizations.get(process.organization).administrators)

    first = process.users.find(process.operator, ADMIN_EMAIL).id
    user = process.user("dev@example.org").id
    steps: list[tuple[UserChanges, set[str]]] = [
        (UserChanges(role="admin"), {first, user}),
        (UserChanges(name="Changed"), {first, user}),
        (UserChanges(active=False), {first}),
        (UserChanges(role="reader"), {first}),
        (UserChanges(active=True), {first}),
        (UserChanges(role="admin"), {first, user}),
    ]
    for changes, expected in steps:
        process.users.update(process.operator, user, changes)
        assert administrators() == expected
    process.users.delete(process.operator, user)
    assert administrators() == {first}
    process.users.create(
        process.operator, email="off@example.org", name="Off", role="admin", active=False
    )
    assert administrators() == {first}


def test_permissions_are_replaced_whole(process: Process) -> None:
    user = process.user()
    users, by = process.users, process.operator
    users.set_permissions(by, user.id, {"one": ["read", "write"], "two": ["read"]}, {"one", "two"})
    changed = users.set_permissions(by, user.id, {"two": ["delete"]}, {"one", "two"})
    assert dict(changed.permissions) == {"two": frozenset({Action.DELETE})}


@pytest.mark.parametrize(
    "permissions",
    [
        {"gone": ["read"]},
        {"one": ["own"]},
        {"Team-*": ["read"]},
        {"one": "read"},
        {f"repo{number}": ["read"] for number in range(501)},
    ],
)
def test_permissions_name_repositories_and_actions_that_there_are(
    process: Process, permissions: dict[str, list[str]]
) -> None:
    user = process.user()
    existing = {"one", *(f"repo{number}" for number in range(501))}
    with pytest.raises(InvalidField) as caught:
        process.users.set_permissions(process.operator, user.id, permissions, existing)
    assert caught.value.field == "permissions"


def test_a_user_manages_his_name_and_password_and_nothing_else(process: Process) -> None:
    user, other = process.user("dev@example.org"), process.user("other@example.org")
    by = as_user(process, "dev@example.org")
    assert process.users.update(by, user.id, UserChanges(name="Me")).name == "Me"
    for changes in (
        UserChanges(role="admin"),
        UserChanges(role="developer"),
        UserChanges(email="new@example.org"),
        UserChanges(active=True),
        UserChanges(name="Me", role="admin"),
    ):
        with pytest.raises(Forbidden):
            process.users.update(by, user.id, changes)
    with pytest.raises(Missing):
        process.users.update(by, other.id, UserChanges(name="Him"))
    with pytest.raises(Missing):
        process.users.get(by, other.id)
    for call in (
        lambda: process.users.create(by, email="x@example.org", name="X", role="reader"),
        lambda: process.users.list(by),
        lambda: process.users.find(by, "other@example.org"),
        lambda: process.users.set_permissions(by, user.id, {}, set()),
        lambda: process.users.delete(by, user.id),
    ):
        with pytest.raises(Forbidden):
            call()
    changes = UserChanges(password="a new password", current_password=PASSWORD)
    process.users.update(by, user.id, changes)
    with pytest.raises(NotAuthenticated):
        as_user(process, "dev@example.org")
    as_user(process, "dev@example.org", "a new password")


def test_a_found_key_cannot_change_the_password(process: Process) -> None:
    user = process.user()
    key = process.keys.create(process.operator, name="ci", user_id=user.id)
    by = process.authenticate(key.secret).acting("request")
    with pytest.raises(Forbidden):
        process.users.update(by, user.id, UserChanges(password="a new password"))


@pytest.mark.parametrize("role", [Role.ADMIN, Role.DEVELOPER])
def test_a_key_with_scopes_manages_nothing(process: Process, role: Role) -> None:
    user = process.user(role=role)
    key = process.keys.create(
        process.operator,
        name="ci",
        user_id=user.id,
        scopes={"repo": ["read"]},
        repositories={"repo"},
    )
    by = process.authenticate(key.secret).acting("request")
    for call in (
        lambda: process.users.update(by, user.id, UserChanges(name="Me")),
        lambda: process.users.create(by, email="x@example.org", name="X", role="reader"),
        lambda: process.users.list(by),
        lambda: process.users.delete(by, user.id),
        lambda: process.users.set_permissions(by, user.id, {}, set()),
        lambda: process.keys.create(by, name="another"),
        lambda: process.keys.create(by, name="another", user_id=user.id),
        lambda: process.keys.delete(by, key.key.id),
        lambda: process.keys.list(by),
    ):
        with pytest.raises(Forbidden):
            call()


@pytest.mark.parametrize("role", [Role.ADMIN, Role.DEVELOPER])
def test_a_key_with_scopes_sees_itself_alone(process: Process, role: Role) -> None:
    """Not its user, and none of his other keys."""
    user = process.user(role=role)
    made = [
        process.keys.create(process.operator, name="ci", user_id=user.id, scopes=scopes)
        for scopes in ({}, {}, None)
    ]
    narrow, *others = sorted(made, key=lambda key: (key.key.scopes is None, key.key.id))
    by = process.authenticate(narrow.secret).acting("request")
    with pytest.raises(Missing):
        process.users.get(by, user.id)
    assert process.keys.list(by, user.id).items == (narrow.key,)
    assert process.keys.list(by, user.id, narrow.key.id).items == ()
    assert process.keys.get(by, narrow.key.id) == narrow.key
    for other in others:
        with pytest.raises(Missing):
            process.keys.get(by, other.key.id)
        with pytest.raises(Missing):
            process.keys.delete(by, other.key.id)


@pytest.mark.parametrize("user_id", ["", "a" * 16, "x" * 5000, "\ud800", "../x", "count"])
def test_an_id_that_is_none_is_missing(process: Process, user_id: str) -> None:
    by = process.operator
    for call in (
        lambda: process.users.get(by, user_id),
        lambda: process.users.update(by, user_id, UserChanges(name="X")),
        lambda: process.users.set_permissions(by, user_id, {}, set()),
        lambda: process.users.delete(by, user_id),
        lambda: process.keys.create(by, name="key", user_id=user_id),
        lambda: process.keys.get(by, user_id),
        lambda: process.keys.delete(by, user_id),
    ):
        with pytest.raises(Missing):
            call()


def test_users_of_another_organization_are_not_there(process: Process) -> None:
    user = process.user()
    other = Principal("other", user.id, Role.ADMIN, {}, "password").acting("request")
    with pytest.raises(Missing):
        process.users.get(other, user.id)
    assert process.users.list(other).items == ()


def test_each_change_is_one_event_of_ids_alone(process: Process) -> None:
    by = as_admin(process)
    user = process.users.create(
        by, email="dev@example.org", name="Secret Name", role="developer", password=PASSWORD
    )
    process.users.update(by, user.id, UserChanges(role="reader", email="new@example.org"))
    process.users.set_permissions(by, user.id, {"repo": ["read"]}, {"repo"})
    key = process.keys.create(by, name="Key Name", user_id=user.id)
    process.keys.delete(by, key.key.id)
    process.users.delete(by, user.id)
    found = {event.action: event for event in events(process)}
    assert set(found) == {
        "organization.create",
        "sign-in",
        "user.create",
        "user.update",
        "user.permissions",
        "key.create",
        "key.delete",
        "user.delete",
    }
    del found["organization.create"], found["sign-in"]
    for event in found.values():
        assert event.genuine
        assert event.actor.user == by.actor.user
        assert event.actor.request == "request"
    assert found["user.update"].details == {
        "subject": user.id,
        "changed": ["email", "role"],
        "role": "reader",
    }
    assert found["user.permissions"].details["permissions"] == {"repo": ["read"]}
    deleted = [where for where, _ in found["user.delete"].deletes]
    assert keys.user(process.organization, user.id) in deleted
    text = str(list(found.values()))
    for word in ("example", "Secret Name", "Key Name", PASSWORD, key.secret.text, "pbkdf2"):
        assert word not in text


def test_many_at_once_make_administrators_and_none_is_lost(installation: Installation) -> None:
    processes = [installation.process() for _ in range(3)]
    start = threading.Barrier(6)
    made: list[str] = []

    def make(number: int) -> None:
        start.wait(30)
        process = processes[number % 3]
        made.append(process.user(f"admin{number}@example.org", Role.ADMIN).id)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = processes[0].organizations.get(installation.organization)
    assert set(found.administrators) == {*made, installation.made.user_id}


def test_a_write_that_always_conflicts_gives_up(process: Process) -> None:
    tries: list[None] = []

    def attempt() -> None:
        tries.append(None)
        raise ConditionFailed({})

    with pytest.raises(ChangedMeanwhile):
        decided(attempt, sleep=lambda seconds: None)
    assert len(tries) == TRIES
