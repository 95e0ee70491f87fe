"""API keys: who may make and see them, what they may be for, and that secrets are not kept."""

import threading
from datetime import datetime, timedelta

import pytest

from auth import EmailPassword, Forbidden, InvalidField, LimitReached, Missing, Role
from auth.api_keys import KEYS_OF_USER_MOST
from auth.records import key_count
from storage import keys
from tests.auth.installation import PASSWORD, Installation, Process


def test_a_key_is_shown_without_its_secret(process: Process) -> None:
    user = process.user()
    made = process.keys.create(process.operator, name="  ci  ", user_id=user.id)
    found = process.keys.get(process.operator, made.key.id)
    assert found == made.key
    assert (found.name, found.user_id, found.scopes, found.expires) == ("ci", user.id, None, None)


def test_a_record_holds_the_hash_and_not_the_secret(process: Process) -> None:
    user = process.user()
    made = process.keys.create(process.operator, name="ci", user_id=user.id)
    page = process.metadata.scan(0, 1)
    assert page.next is None
    assert made.secret.text not in str(page.records)
    assert made.secret.text[4:-6] not in str(page.records)


def test_a_user_makes_sees_and_deletes_his_own_keys_only(process: Process) -> None:
    user, other = process.user("dev@example.org"), process.user("other@example.org")
    theirs = process.keys.create(process.operator, name="theirs", user_id=other.id)
    by = process.authenticate(EmailPassword("dev@example.org", PASSWORD)).acting("request")
    mine = process.keys.create(by, name="mine")
    assert mine.key.user_id == user.id
    assert process.keys.list(by, user.id).items == (mine.key,)
    for call in (
        lambda: process.keys.create(by, name="for him", user_id=other.id),
        lambda: process.keys.get(by, theirs.key.id),
        lambda: process.keys.delete(by, theirs.key.id),
        lambda: process.keys.list(by, other.id),
    ):
        with pytest.raises(Missing):
            call()
    with pytest.raises(Forbidden):
        process.keys.list(by)
    process.keys.delete(by, mine.key.id)
    assert process.keys.list(by, user.id).items == ()


def test_an_administrator_makes_and_lists_keys_of_anyone(process: Process) -> None:
    user = process.user("dev@example.org")
    process.user("boss@example.org", Role.ADMIN)
    by = process.authenticate(EmailPassword("boss@example.org", PASSWORD)).acting("request")
    made = {process.keys.create(by, name="ci", user_id=user.id).key.id for _ in range(4)}
    assert {key.id for key in process.keys.list(by, user.id).items} == made
    everyone: list[str] = []
    after: str | None = ""
    while after is not None:
        page = process.keys.list(by, None, after, limit=2)
        everyone += [key.id for key in page.items]
        after = page.next
    assert everyone == sorted(everyone)
    assert made < set(everyone)


def test_a_users_keys_are_listed_in_pages(process: Process) -> None:
    user = process.user()
    made = sorted(
        process.keys.create(process.operator, name="ci", user_id=user.id).key.id for _ in range(5)
    )
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = process.keys.list(process.operator, user.id, after, limit=2)
        found += [key.id for key in page.items]
        after = page.next
    assert found == made


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_pages_are_bounded(process: Process, limit: int) -> None:
    for call in (process.keys.list, process.users.list):
        with pytest.raises(InvalidField):
            call(process.operator, limit=limit)


def test_the_command_line_must_say_whose_key(process: Process) -> None:
    with pytest.raises(InvalidField) as caught:
        process.keys.create(process.operator, name="ci")
    assert caught.value.field == "user"


@pytest.mark.parametrize(
    "scopes",
    [
        {"gone": ["read"]},
        {"repo": ["manage"]},
        {"repo": ["READ"]},
        {f"repo{number}": ["read"] for number in range(101)},
    ],
)
def test_scopes_name_repositories_and_actions_that_there_are(
    process: Process, scopes: dict[str, list[str]]
) -> None:
    user = process.user()
    existing = {"repo", *(f"repo{number}" for number in range(101))}
    with pytest.raises(InvalidField) as caught:
        process.keys.create(
            process.operator, name="ci", user_id=user.id, scopes=scopes, repositories=existing
        )
    assert caught.value.field == "scopes"
    assert process.keys.list(process.operator, user.id).items == ()


def test_no_scopes_and_empty_scopes_differ(process: Process) -> None:
    user = process.user(role=Role.ADMIN)
    none = process.keys.create(process.operator, name="all", user_id=user.id)
    empty = process.keys.create(process.operator, name="nothing", user_id=user.id, scopes={})
    assert process.authenticate(none.secret).manages
    assert process.keys.get(process.operator, empty.key.id).scopes == {}
    assert not process.authenticate(empty.secret).manages


@pytest.mark.parametrize("seconds", [0, -1, -100_000])
def test_an_expiry_lies_in_the_future(process: Process, seconds: int) -> None:
    user = process.user()
    for expires in (
        process.clock() + timedelta(seconds=seconds),
        datetime(2030, 1, 1),  # noqa: DTZ001 - without a time zone, that is the point
    ):
        with pytest.raises(InvalidField) as caught:
            process.keys.create(process.operator, name="ci", user_id=user.id, expires=expires)
        assert caught.value.field == "expires"


def test_a_key_made_with_a_key_ends_no_later(process: Process) -> None:
    """Who found a key that ends cannot keep himself in with it."""
    user = process.user()
    ends = process.clock() + timedelta(days=1)
    first = process.keys.create(process.operator, name="first", user_id=user.id, expires=ends)
    by = process.authenticate(first.secret).acting("request")
    for expires in (None, ends + timedelta(seconds=1)):
        with pytest.raises(InvalidField) as caught:
            process.keys.create(by, name="second", expires=expires)
        assert caught.value.field == "expires"
    process.keys.create(by, name="second", expires=ends)


def test_a_user_has_so_many_keys_and_no_more(installation: Installation) -> None:
    """Also when two processes make them side by side; a deleted one makes room."""
    one, two = installation.process(), installation.process()
    user = one.user()
    refused: list[LimitReached] = []

    def make(process: Process) -> None:
        for _ in range(KEYS_OF_USER_MOST // 2 + 3):
            try:
                process.keys.create(process.operator, name="ci", user_id=user.id)
            except LimitReached as error:
                refused.append(error)

    threads = [threading.Thread(target=make, args=(process,)) for process in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    items = one.keys.list(one.operator, user.id).items
    assert (len(items), len(refused)) == (KEYS_OF_USER_MOST, 6)
    one.keys.delete(one.operator, items[0].id)
    one.keys.create(one.operator, name="ci", user_id=user.id)


def test_the_count_of_keys_stays_right(installation: Installation) -> None:
    """Two who delete the same key at once take it away once."""
    one, two = installation.process(), installation.process()
    user = one.user()
    made = [one.keys.create(one.operator, name="ci", user_id=user.id).key for _ in range(6)]
    start = threading.Barrier(2)
    missing: list[Missing] = []

    def delete(process: Process) -> None:
        start.wait(30)
        for key in made[:4]:
            try:
                process.keys.delete(process.operator, key.id)
            except Missing as error:
                missing.append(error)

    threads = [threading.Thread(target=delete, args=(process,)) for process in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    count = key_count(one.organization, user.id)
    assert one.recent.get(count)[count].value["keys"] == 2
    assert len(one.keys.list(one.operator, user.id).items) == 2
    assert len(missing) == 4


def test_a_key_needs_a_user(process: Process) -> None:
    user = process.user()
    process.users.delete(process.operator, user.id)
    with pytest.raises(Missing):
        process.keys.create(process.operator, name="ci", user_id=user.id)
    assert not list(process.recent.query_all(keys.api_keys_of(process.organization, user.id)))
