"""Changing one's own password: with the old one alone, counted as sign-ins, ending the others."""

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from auth import (
    Authority,
    EmailPassword,
    Forbidden,
    InvalidField,
    NotAuthenticated,
    Role,
    TooManyAsked,
    TooManyAttempts,
    User,
    UserChanges,
    Users,
)
from auth.own_password import PROOFS, WrongCurrentPassword
from auth.rates import FAILURES_FROM_SEEN, Rates
from auth.records import time_text
from auth.waiting_room import Place
from storage import keys
from storage.events import Event, Feed
from storage.metadata import Put
from tests.auth.installation import ADDRESS, ELSEWHERE, PASSWORD, SECRET, Process

EMAIL = "dev@example.org"
NEW = "an entirely other phrase"
CHANGE = UserChanges(password=NEW, current_password=PASSWORD)


def himself(process: Process, address: str = ADDRESS) -> Authority:
    principal = process.authenticate(EmailPassword(EMAIL, PASSWORD))
    return principal.acting("request", address)


@pytest.fixture(params=[Role.DEVELOPER, Role.ADMIN])
def user(process: Process, request: pytest.FixtureRequest) -> User:
    return process.user(EMAIL, request.param)


def epoch(process: Process, user: User) -> int:
    key = keys.user(process.organization, user.id)
    return int(process.metadata.get(key)[key].value.get("epoch", 0))


def test_it_needs_the_old_one(process: Process, user: User) -> None:
    """From an administrator as well: what he may set is others'."""
    by = himself(process)
    with pytest.raises(InvalidField) as caught:
        process.users.update(by, user.id, UserChanges(password=NEW))
    assert caught.value.field == "current_password"
    for wrong in ("not the password", "x", "x" * 300, "\ud800" * 9):
        with pytest.raises(WrongCurrentPassword):
            changes = UserChanges(password=NEW, current_password=wrong)
            process.users.update(by, user.id, changes)
    assert process.authenticate(EmailPassword(EMAIL, PASSWORD)).user_id == user.id
    process.users.update(by, user.id, CHANGE)
    with pytest.raises(NotAuthenticated):
        process.authenticate(EmailPassword(EMAIL, PASSWORD))
    assert process.authenticate(EmailPassword(EMAIL, NEW)).user_id == user.id


def test_an_administrator_sets_others_without_it(process: Process, user: User) -> None:
    process.users.update(process.operator, user.id, UserChanges(password=NEW))
    assert process.authenticate(EmailPassword(EMAIL, NEW)).user_id == user.id


def test_no_api_key_changes_it(process: Process, user: User) -> None:
    """Not even with the old password: who found one could try passwords by it."""
    made = process.keys.create(process.operator, name="ci", user_id=user.id)
    by = process.authenticate(made.secret).acting("request")
    with pytest.raises(Forbidden):
        process.users.update(by, user.id, CHANGE)


def test_wrong_ones_count_as_failed_sign_ins_do(process: Process, user: User) -> None:
    """By the same counters, past which not even the right one is taken."""
    by = himself(process)
    wrong = UserChanges(password=NEW, current_password="not the password")
    for _ in range(FAILURES_FROM_SEEN):
        with pytest.raises(WrongCurrentPassword):
            process.users.update(by, user.id, wrong)
    with pytest.raises(TooManyAttempts):
        process.users.update(by, user.id, CHANGE)
    process.clock.pass_by(minutes=1)
    process.users.update(himself(process), user.id, CHANGE)


def test_wrong_ones_from_elsewhere_count_there(process: Process, user: User) -> None:
    by = himself(process, ELSEWHERE)
    wrong = UserChanges(password=NEW, current_password="not the password")
    for _ in range(10):
        with pytest.raises(WrongCurrentPassword):
            process.users.update(by, user.id, wrong)
    with pytest.raises(TooManyAttempts):
        process.authenticate(EmailPassword(EMAIL, "not the password"), ELSEWHERE)
    with pytest.raises(TooManyAttempts):
        process.users.update(by, user.id, CHANGE)


def test_the_slow_hash_of_the_old_one_takes_a_slot(process: Process, user: User) -> None:
    by = himself(process)
    taken = process.hashes.taken
    process.users.update(by, user.id, CHANGE)
    assert process.hashes.taken - taken == 2, "one for the old, one for the new"


def test_the_new_one_is_held_to_the_rules(process: Process, user: User) -> None:
    for weak in ("password1", "example.org1", "qwertyuiop"):
        with pytest.raises(InvalidField) as caught:
            changes = UserChanges(password=weak, current_password=PASSWORD)
            process.users.update(himself(process), user.id, changes)
        assert caught.value.field == "password"


@pytest.mark.parametrize(
    "changes, raised",
    [
        (UserChanges(password=NEW), 1),
        (UserChanges(active=False), 1),
        (UserChanges(name="Another"), 0),
        (UserChanges(active=True), 0),
        (UserChanges(role="reader"), 0),
    ],
)
def test_what_ends_sign_ins_raises_the_epoch(
    process: Process, changes: UserChanges, raised: int
) -> None:
    user = process.user(EMAIL)
    process.users.update(process.operator, user.id, changes)
    assert epoch(process, user) == raised


def test_the_session_that_it_was_changed_by_goes_on(process: Process, user: User) -> None:
    """All others end with the epoch."""
    organization = process.organization
    sessions = [keys.portal_session(organization, name) for name in ("his", "other")]
    expires = process.clock() + timedelta(hours=8)
    for session in sessions:
        value = {"id": session.sort, "user": user.id, "epoch": 0, "expires": time_text(expires)}
        process.metadata.commit(Put(session, value, absent=True, expires=expires))
    by = himself(process)
    holder = by.holder.__class__(
        organization=organization,
        user_id=user.id,
        role=user.role,
        permissions=by.holder.permissions,  # type: ignore[union-attr]
        method="session",
        session_id="his",
    )
    process.users.update(holder.acting("request", ADDRESS), user.id, CHANGE)
    found = process.metadata.get(*sessions)
    assert [found[session].value["epoch"] for session in sessions] == [1, 0]
    assert found[sessions[0]].expires == found[sessions[1]].expires
    assert epoch(process, user) == 1


def test_history_calls_it_a_change_of_password(process: Process, user: User) -> None:
    process.users.update(himself(process), user.id, CHANGE)
    feed = Feed(process.metadata, process.journal, process.organization, process.clock)
    told = feed.read(feed.start(process.clock() - timedelta(minutes=1)), 1000).events
    (event,) = [event for event in told if event.action == "password.change"]
    assert event.details == {"subject": user.id, "changed": ["password"]}


def told_of(process: Process, action: str) -> list[Event]:
    feed = Feed(process.metadata, process.journal, process.organization, process.clock)
    told = feed.read(feed.start(process.clock() - timedelta(minutes=1)), 1000).events
    found = [event for event in told if event.action == action]
    return sorted(found, key=lambda event: event.at)


def test_a_wrong_one_is_told_as_a_refused_sign_in_is(process: Process, user: User) -> None:
    """Of that account, by nobody who is known, with the request and the credential."""
    by = himself(process)
    wrong = UserChanges(password=NEW, current_password="not the password")
    for _ in range(FAILURES_FROM_SEEN):
        process.clock.pass_by(seconds=0.001)
        with pytest.raises(WrongCurrentPassword):
            process.users.update(by, user.id, wrong)
    told = told_of(process, "sign-in.refused")
    assert [event.details for event in told] == [
        {"account": user.id, "failures": failures} for failures in (1, FAILURES_FROM_SEEN)
    ]
    assert {event.actor for event in told} == {replace(by.actor, user=None, address=None)}


def test_a_weak_new_one_costs_no_hash(process: Process, user: User) -> None:
    by = himself(process)
    spent = process.spent()[1:]
    for current in (PASSWORD, "not the password"):
        with pytest.raises(InvalidField) as caught:
            changes = UserChanges(password="password1", current_password=current)
            process.users.update(by, user.id, changes)
        assert caught.value.field == "password"
    assert process.spent()[1:] == spent


def test_right_ones_are_counted_too(process: Process, user: User) -> None:
    """Whoever knows it does not have the machine hash without end."""
    by = himself(process)
    passwords = [PASSWORD, *(f"an entirely other {number}" for number in range(PROOFS.most + 1))]
    for old, new in pairwise(passwords[:-1]):
        process.users.update(by, user.id, UserChanges(password=new, current_password=old))
    taken = process.hashes.taken
    last = UserChanges(password=passwords[-1], current_password=passwords[-2])
    with pytest.raises(TooManyAsked):
        process.users.update(by, user.id, last)
    assert process.hashes.taken == taken
    process.clock.pass_by(minutes=1)
    process.users.update(by, user.id, last)


def test_it_waits_as_a_sign_in_does(process: Process, user: User) -> None:
    """Known addresses first, and nobody before all who sign in."""
    here, there = himself(process), himself(process, ELSEWHERE)
    ranks: list[int] = []
    enter = process.hashes.enter

    def noted(rank: int, kin: bytes | None = None) -> AbstractContextManager[Place]:
        ranks.append(rank)
        return enter(rank, kin)

    process.hashes.enter = noted  # type: ignore[method-assign]
    wrong = UserChanges(password=NEW, current_password="not the password")
    for by in (here, there, there):
        with pytest.raises(WrongCurrentPassword):
            process.users.update(by, user.id, wrong)
    assert ranks == [1, 2, 3]


def test_past_the_limit_it_takes_no_place(process: Process, user: User) -> None:
    by = himself(process)
    wrong = UserChanges(password=NEW, current_password="not the password")
    for _ in range(FAILURES_FROM_SEEN):
        with pytest.raises(WrongCurrentPassword):
            process.users.update(by, user.id, wrong)
    process.hashes.enter = None  # type: ignore[assignment]
    with pytest.raises(TooManyAttempts):
        process.users.update(by, user.id, wrong)


@pytest.mark.parametrize("current", [PASSWORD, "not the password"])
def test_where_others_were_quicker_to_the_limit_it_is_too_many(
    process: Process, user: User, current: str
) -> None:
    """And not told whether the password was right."""
    by, run = himself(process), process.hashes.run
    tally = Rates(SECRET).tally(process.organization, PROOFS, user.id, process.clock())

    def meanwhile(*args: Any) -> Any:
        for _ in range(PROOFS.most):
            process.metadata.commit(tally.counted())
        return run(*args)

    process.hashes.run = meanwhile  # type: ignore[method-assign]
    with pytest.raises(TooManyAsked):
        process.users.update(by, user.id, UserChanges(password=NEW, current_password=current))
    process.hashes.run = run  # type: ignore[method-assign]
    assert process.authenticate(EmailPassword(EMAIL, PASSWORD)).user_id == user.id


def test_without_rates_nobody_tries_passwords(process: Process, user: User) -> None:
    users = Users(process.recent, process.journal, process.outbox, process.hashes)
    with pytest.raises(Forbidden):
        users.update(himself(process), user.id, CHANGE)
