"""Sign-ins in the history: each right password that was hashed, and a few wrong ones a minute."""

from contextlib import suppress
from typing import Any

import pytest

from auth import EmailPassword, NotAuthenticated, TooManyAttempts, UserChanges
from auth.rates import FAILURES_BY_ACCOUNT, FAILURES_BY_ADDRESS
from storage import keys
from storage.metadata import Record
from tests.auth.installation import ADDRESS, ELSEWHERE, PASSWORD, Process

EMAIL = "dev@example.org"
GOOD = EmailPassword(EMAIL, PASSWORD)
WRONG = EmailPassword(EMAIL, "not the password")
NOBODY = EmailPassword("nobody@example.org", "not the password")


def records(process: Process, family: str) -> list[Record]:
    """The records of events, or their side records, of this hour, in order of time."""
    found = [
        record
        for digit in "0123456789abcdef"
        for record in process.metadata.query_all(
            getattr(keys, family)(process.organization, process.clock(), digit)
        )
    ]
    return sorted(found, key=lambda record: record.key.sort)


def events(process: Process, action: str) -> list[dict[str, Any]]:
    return [
        dict(record.value)
        for record in records(process, "events")
        if record.value["action"] == action
    ]


def fail(process: Process, credentials: EmailPassword, address: str, times: int = 1) -> None:
    for _ in range(times):
        process.clock.pass_by(seconds=0.001)
        with pytest.raises(NotAuthenticated):
            process.authenticate(credentials, address)


def test_a_right_password_that_was_hashed_is_an_event(process: Process) -> None:
    user = process.user(EMAIL)
    for _ in range(3):
        process.authenticate(GOOD)
    (event,) = events(process, "sign-in")
    assert (event["user"], event["credential"]) == (user.id, "password")
    assert event["details"] == {"second_factor": False}
    assert ADDRESS not in str(event)
    sides = [record.value for record in records(process, "who")]
    assert (user.id, ADDRESS) in [(side["user"], side["address"]) for side in sides]
    process.clock.pass_by(minutes=11)
    process.authenticate(GOOD)
    assert len(events(process, "sign-in")) == 2


def test_of_wrong_passwords_the_first_of_a_minute_is_told_and_the_one_that_fills_it(
    process: Process,
) -> None:
    user = process.user(EMAIL)
    fail(process, WRONG, ADDRESS, FAILURES_BY_ACCOUNT)
    for _ in range(5):
        with pytest.raises(TooManyAttempts):
            process.authenticate(WRONG, ADDRESS)
    told = events(process, "sign-in.refused")
    assert [event["details"] for event in told] == [
        {"account": user.id, "failures": 1},
        {"account": user.id, "failures": FAILURES_BY_ACCOUNT},
    ]
    process.clock.pass_by(minutes=1)
    fail(process, WRONG, ADDRESS)
    assert len(events(process, "sign-in.refused")) == 3


def test_each_account_and_each_address_is_told_of(process: Process) -> None:
    process.user(EMAIL)
    for credentials, address in ((WRONG, ADDRESS), (NOBODY, ADDRESS), (WRONG, ELSEWHERE)):
        fail(process, credentials, address, 2)
    told = events(process, "sign-in.refused")
    assert [event["details"]["account"] is None for event in told] == [False, True, False]


def test_who_sent_a_wrong_password_is_not_said_to_be_the_one_whose_it_was_not(
    process: Process,
) -> None:
    """What is kept of him, address and agent, is nobody's; and an account that is not there
    leaves a record of the same form."""
    process.user(EMAIL)
    fail(process, WRONG, ADDRESS)
    fail(process, NOBODY, ELSEWHERE)
    told = events(process, "sign-in.refused")
    assert [event["user"] for event in told] == [None, None]
    assert {tuple(sorted(event["details"])) for event in told} == {("account", "failures")}
    sides = [record.value for record in records(process, "who")]
    assert [(side["user"], side["address"]) for side in sides] == [
        (None, ADDRESS),
        (None, ELSEWHERE),
    ]


def test_a_sign_in_is_told_with_its_request_and_from_where_it_came(process: Process) -> None:
    """The whole address, also where limits count its network."""
    user = process.user(EMAIL)
    whole = "2001:db8::77"
    for credentials in (GOOD, WRONG):
        claim = process.authenticator.identify(
            process.standing, credentials, whole, "a request", "an agent"
        )
        with suppress(NotAuthenticated):
            claim.confirm(process.recent.get(*claim.needs()))
        process.clock.pass_by(seconds=0.001)
    told = [*events(process, "sign-in"), *events(process, "sign-in.refused")]
    assert [event["request"] for event in told] == ["a request", "a request"]
    sides = [record.value for record in records(process, "who")]
    assert [(side["user"], side["address"], side["agent"]) for side in sides] == [
        (user.id, whole, "an agent"),
        (None, whole, "an agent"),
    ]


def test_however_many_accounts_are_tried_from_an_address_no_more_is_told_than_tries(
    process: Process,
) -> None:
    for number in range(FAILURES_BY_ADDRESS):
        fail(process, EmailPassword(f"n{number}@example.org", "x" * 9), ADDRESS)
    with pytest.raises(TooManyAttempts):
        process.authenticate(EmailPassword("more@example.org", "x" * 9), ADDRESS)
    assert len(events(process, "sign-in.refused")) == FAILURES_BY_ADDRESS


@pytest.mark.parametrize("kind", ["known", "unknown", "disabled"])
def test_what_is_written_tells_nothing_of_the_account(process: Process, kind: str) -> None:
    """Whoever counts writes finds the same for all of them, time after time."""
    user = process.user(EMAIL)
    if kind == "disabled":
        process.users.update(process.operator, user.id, UserChanges(active=False))
    credentials = NOBODY if kind == "unknown" else WRONG
    process.engine.shapes.clear()
    fail(process, credentials, ADDRESS, 3)
    writes = [shape for shape in process.engine.shapes if shape[0] == "transact"]
    counters = ("Add attempts", "Add attempts")
    first = ("transact", *counters, "Put events absent", "Put who absent")
    assert writes[0] == first
    assert [sum(part == "Add attempts" for part in write) for write in writes] == [2, 2, 2]
    assert not any("events" in part for write in writes[1:] for part in write)
    assert len(writes) == 3
