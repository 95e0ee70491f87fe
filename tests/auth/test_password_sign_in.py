"""Requests with a password: the same for every account, paid once, bounded, revocable."""

import threading
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from auth import (
    Busy,
    EmailPassword,
    NotAuthenticated,
    TooManyAttempts,
    UserChanges,
)
from auth.emails import email_key, parse_email
from auth.passwords import CHEAP, Parameters, outdated
from auth.rates import (
    FAILURES_BY_ACCOUNT,
    FAILURES_BY_ADDRESS,
    FAILURES_BY_SEEN_ADDRESS,
    FAILURES_FROM_SEEN,
    SEEN_FOR,
)
from auth.slow_hashes import WITH_KIN_MOST
from storage import keys
from storage.metadata import Put
from tests.auth.installation import ADDRESS, ELSEWHERE, PASSWORD, Installation, Process

EMAIL = "dev@example.org"
NOBODY = "nobody@example.org"
GOOD = EmailPassword(EMAIL, PASSWORD)
WRONG = EmailPassword(EMAIL, "not the password")
STRANGER = EmailPassword(NOBODY, "not the password")


def cost(process: Process, call: Callable[[], object]) -> tuple[int, int, int]:
    """Reads, writes and slow hashes of a call, whatever it raises."""
    before = process.spent()
    with suppress(NotAuthenticated, TooManyAttempts):
        call()
    after = process.spent()
    return after[0] - before[0], after[1] - before[1], after[2] - before[2]


def fail(process: Process, times: int, credentials: EmailPassword = WRONG, **at: str) -> None:
    for number in range(times):
        attempt = EmailPassword(credentials.email, f"{credentials.password} {number}")
        with pytest.raises(NotAuthenticated):
            process.authenticate(attempt, **at)


def test_a_password_is_its_user(process: Process) -> None:
    user = process.user(EMAIL)
    principal = process.authenticate(GOOD)
    assert (principal.user_id, principal.method, principal.key_id) == (user.id, "password", None)
    assert principal.scopes is None
    assert process.authenticate(EmailPassword("DEV@Example.Org", PASSWORD)) == principal


def test_a_password_is_paid_once(process: Process) -> None:
    """Two reads more than a warm request when cold; then none, and no hash, for minutes."""
    process.user(EMAIL)
    hashes = process.hashes.taken
    assert cost(process, lambda: process.authenticate(GOOD)) == (3, 1, 1)
    for _ in range(3):
        assert cost(process, lambda: process.authenticate(GOOD)) == (1, 0, 0)
    claim = process.authenticator.identify(process.standing, GOOD, ADDRESS)
    user = keys.user(process.organization, process.signed_in[0][0])
    assert claim.needs() == (process.standing.key, user)
    process.clock.pass_by(minutes=11)
    assert cost(process, lambda: process.authenticate(GOOD)) == (3, 1, 1)
    assert process.hashes.taken == hashes + 2


@pytest.mark.parametrize("fresh", [True, False])
def test_an_account_that_does_not_exist_costs_the_same(process: Process, fresh: bool) -> None:
    """Reads, writes and hashes, time after time, until the refusal and in it."""
    process.user(EMAIL)
    process.recent.cached(
        keys.user(process.organization, process.users.find(process.operator, EMAIL).id)
    )
    for _ in range(FAILURES_BY_ACCOUNT + 3):
        known = cost(process, lambda: process.authenticate(WRONG, ADDRESS, fresh=fresh))
        unknown = cost(process, lambda: process.authenticate(STRANGER, ELSEWHERE, fresh=fresh))
        assert known == unknown
    assert known[1:] == (0, 0)


def test_the_answer_is_the_same_too(process: Process) -> None:
    disabled = process.user("off@example.org")
    process.users.update(process.operator, disabled.id, UserChanges(active=False))
    process.user(EMAIL)
    process.users.create(
        process.operator, email="scim@example.org", name="No password", role="reader"
    )
    answers = set()
    for credentials in (
        WRONG,
        STRANGER,
        EmailPassword("off@example.org", PASSWORD),
        EmailPassword("off@example.org", "not the password"),
        EmailPassword("scim@example.org", "not the password"),
        EmailPassword("not an address", "not the password"),
        EmailPassword(EMAIL, "short"),
        EmailPassword(EMAIL, "long" * 100),
    ):
        with pytest.raises(NotAuthenticated) as caught:
            process.authenticate(credentials)
        answers.add(str(caught.value))
    assert len(answers) == 1


@pytest.mark.parametrize(
    "credentials",
    [
        EmailPassword("", ""),
        EmailPassword("api-key", "srk_"),
        EmailPassword(EMAIL, "x" * 257),
        EmailPassword(EMAIL, "x" * 7),
        EmailPassword(EMAIL, "\ud800" * 10),
        EmailPassword("\udcff@example.org", PASSWORD),
        EmailPassword("x" * 10_000 + "@example.org", PASSWORD),
    ],
)
def test_what_no_account_could_have_costs_nothing(
    process: Process, credentials: EmailPassword
) -> None:
    assert cost(process, lambda: process.authenticate(credentials)) == (0, 0, 0)


def test_the_first_requests_of_a_build_pay_for_one_hash(process: Process) -> None:
    """As many as one address gets threads at once (`middleware.places`)."""
    process.user(EMAIL)
    before = process.hashes.taken
    start = threading.Barrier(WITH_KIN_MOST)
    names: list[str] = []

    def request() -> None:
        start.wait(30)
        names.append(process.authenticate(GOOD).user_id)

    threads = [threading.Thread(target=request) for _ in range(WITH_KIN_MOST)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(names) == WITH_KIN_MOST
    assert process.hashes.taken - before <= 2


CHANGES = {
    "password": UserChanges(password="another password"),
    "disabled": UserChanges(active=False),
    "e-mail": UserChanges(email="moved@example.org"),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_change_voids_what_was_verified_at_once(process: Process, how: str) -> None:
    user = process.user(EMAIL)
    process.authenticate(GOOD, fresh=False)
    process.users.update(process.operator, user.id, CHANGES[how])
    with pytest.raises(NotAuthenticated):
        process.authenticate(GOOD, fresh=False)


@pytest.mark.parametrize("how", CHANGES)
def test_a_change_is_seen_elsewhere_within_ten_seconds(
    installation: Installation, process: Process, how: str
) -> None:
    user = process.user(EMAIL)
    other = installation.process()
    other.authenticate(GOOD, fresh=False)
    process.users.update(process.operator, user.id, CHANGES[how])
    other.authenticate(GOOD, fresh=False)
    with pytest.raises(NotAuthenticated):
        other.authenticate(GOOD, fresh=True)
    installation.clock.pass_by(seconds=10.1)
    with pytest.raises(NotAuthenticated):
        other.authenticate(GOOD, fresh=False)


def test_a_new_password_is_good_at_once_everywhere(
    installation: Installation, process: Process
) -> None:
    """A process that remembers the old record does not call the new password wrong."""
    user = process.user(EMAIL)
    other = installation.process()
    other.authenticate(GOOD, fresh=False)
    process.users.update(process.operator, user.id, UserChanges(password="another password"))
    other.authenticate(EmailPassword(EMAIL, "another password"), fresh=False)
    assert cost(other, lambda: other.authenticate(EmailPassword(EMAIL, "another password"))) == (
        1,
        0,
        0,
    )


def test_a_deleted_user_is_out_and_his_address_can_be_anothers(process: Process) -> None:
    """Also where the new user has the same password, and the old one was verified."""
    old = process.user(EMAIL)
    process.authenticate(GOOD, fresh=False)
    process.users.delete(process.operator, old.id)
    with pytest.raises(NotAuthenticated):
        process.authenticate(GOOD, fresh=False)
    new = process.user(EMAIL)
    assert process.authenticate(GOOD, fresh=False).user_id == new.id


def test_an_address_that_moves_to_another_user_signs_in_as_that_one(process: Process) -> None:
    first, second = process.user(EMAIL), process.user("second@example.org")
    process.authenticate(GOOD, fresh=False)
    process.users.update(process.operator, first.id, UserChanges(email="first@example.org"))
    process.users.update(process.operator, second.id, UserChanges(email=EMAIL))
    assert process.authenticate(GOOD, fresh=False).user_id == second.id


def test_another_change_of_the_user_costs_one_more_hash(process: Process) -> None:
    user = process.user(EMAIL)
    process.authenticate(GOOD)
    process.users.update(process.operator, user.id, UserChanges(name="Other name"))
    before = process.hashes.taken
    process.authenticate(GOOD)
    process.authenticate(GOOD)
    assert process.hashes.taken == before + 1


def test_an_account_is_limited_before_any_hash(process: Process) -> None:
    process.user(EMAIL)
    fail(process, FAILURES_BY_ACCOUNT, address=ADDRESS)
    hashes = process.hashes.taken
    process.clock.pass_by(seconds=20)
    with pytest.raises(TooManyAttempts) as caught:
        process.authenticate(GOOD, ELSEWHERE)
    assert caught.value.retry_after == timedelta(seconds=40)
    assert process.hashes.taken == hashes
    process.clock.pass_by(seconds=40)
    process.authenticate(GOOD, ELSEWHERE)


def test_processes_count_together_at_once(installation: Installation, process: Process) -> None:
    """Even one that remembers older counters."""
    process.user(EMAIL)
    other = installation.process()
    fail(other, 1)
    fail(process, FAILURES_BY_ACCOUNT - 1)
    hashes = other.engine.writes
    with pytest.raises(TooManyAttempts):
        other.authenticate(WRONG, fresh=False)
    assert other.engine.writes == hashes


def test_an_address_is_limited_over_all_accounts(process: Process) -> None:
    process.user(EMAIL)
    for number in range(FAILURES_BY_ADDRESS):
        fail(process, 1, EmailPassword(f"nobody{number}@example.org", "wrong password"))
    for credentials in (GOOD, STRANGER):
        with pytest.raises(TooManyAttempts):
            process.authenticate(credentials, ADDRESS)
    process.authenticate(GOOD, ELSEWHERE)


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("", "unix:", False),
    ],
)
def test_what_counts_as_one_address(process: Process, one: str, other: str, same: bool) -> None:
    for number in range(FAILURES_BY_ADDRESS):
        credentials = EmailPassword(f"nobody{number}@example.org", "wrong password")
        fail(process, 1, credentials, address=one)
    with pytest.raises(TooManyAttempts if same else NotAuthenticated):
        process.authenticate(STRANGER, other)


def test_what_was_verified_at_one_address_is_tried_anew_at_another(process: Process) -> None:
    process.user(EMAIL)
    process.authenticate(GOOD, ADDRESS)
    assert cost(process, lambda: process.authenticate(GOOD, ELSEWHERE)) == (3, 1, 1)
    assert cost(process, lambda: process.authenticate(GOOD, ELSEWHERE)) == (1, 0, 0)
    assert cost(process, lambda: process.authenticate(GOOD, ADDRESS)) == (1, 0, 0)


def test_nobody_is_locked_out_from_outside(process: Process) -> None:
    """Not an address that signed in within 30 days, not what was verified there; and past the
    limit nobody learns elsewhere which password was."""
    process.user(EMAIL)
    process.authenticate(GOOD, ADDRESS)
    process.clock.pass_by(days=29)
    fail(process, FAILURES_BY_ACCOUNT, address=ELSEWHERE)
    with pytest.raises(TooManyAttempts):
        process.authenticate(WRONG, ELSEWHERE)
    process.authenticate(GOOD, ADDRESS)
    process.authenticate(GOOD, ADDRESS)  # verified a moment ago
    for credentials in (WRONG, GOOD):
        with pytest.raises(TooManyAttempts):
            process.authenticate(credentials, ELSEWHERE)


def test_an_address_is_remembered_for_thirty_days_after_it_was_renewed(process: Process) -> None:
    process.user(EMAIL)
    process.authenticate(GOOD, ADDRESS)
    process.clock.pass_by(days=20)
    process.authenticate(GOOD, ADDRESS)
    assert "Put seen" in process.engine.shapes[-1]
    process.clock.pass_by(days=1)
    process.authenticate(GOOD, ADDRESS)
    assert "Put seen" not in process.engine.shapes[-1]
    process.clock.at += SEEN_FOR - timedelta(days=1)
    fail(process, FAILURES_BY_ACCOUNT, address=ELSEWHERE)
    with pytest.raises(TooManyAttempts):
        process.authenticate(GOOD, ADDRESS)


def test_who_shares_an_address_with_a_user_is_limited_all_the_same(process: Process) -> None:
    """From an address that is seen, that account alone is limited, and by the same rate."""
    process.user(EMAIL)
    process.user("other@example.org")
    process.authenticate(GOOD, ADDRESS)
    process.verified.forget(_digest(process))
    fail(process, FAILURES_FROM_SEEN, address=ADDRESS)
    with pytest.raises(TooManyAttempts):
        process.authenticate(GOOD, ADDRESS)
    process.authenticate(EmailPassword("other@example.org", PASSWORD), ADDRESS)
    process.authenticate(GOOD, ELSEWHERE)


def test_one_password_is_not_tried_at_all_colleagues(process: Process) -> None:
    """From an address where all of them signed in, failures count together too."""
    people = [f"user{number}@example.org" for number in range(11)]
    for email in people:
        process.user(email)
        process.authenticate(EmailPassword(email, PASSWORD), ADDRESS)
    tried = 0
    for number in range(FAILURES_FROM_SEEN):
        for email in people[:10]:
            fail(process, 1, EmailPassword(email, f"Autumn in {number}"), address=ADDRESS)
            tried += 1
    assert tried == FAILURES_BY_SEEN_ADDRESS
    with pytest.raises(TooManyAttempts):
        process.authenticate(EmailPassword(people[10], "Autumn in 10"), ADDRESS)
    process.authenticate(EmailPassword(people[10], PASSWORD), ADDRESS)  # verified there
    process.clock.pass_by(minutes=1)
    fail(process, 1, EmailPassword(people[10], "Autumn in 10"), address=ADDRESS)


def test_where_the_last_password_was_known_is_no_known_address(process: Process) -> None:
    """Whoever had it may have been there: with a new one it is an address as any other."""
    user = process.user(EMAIL)
    process.authenticate(GOOD, ADDRESS)
    process.users.update(process.operator, user.id, UserChanges(password="an entirely other one"))
    fail(process, FAILURES_BY_ACCOUNT, address=ELSEWHERE)
    with pytest.raises(TooManyAttempts):
        process.authenticate(WRONG, ADDRESS)
    process.clock.pass_by(minutes=1)
    process.authenticate(EmailPassword(EMAIL, "an entirely other one"), ADDRESS)
    fail(process, FAILURES_BY_ACCOUNT, address=ELSEWHERE)
    fail(process, 1, address=ADDRESS)


def test_however_name_and_password_are_written_one_hash_is_paid_and_one_event_stays(
    process: Process,
) -> None:
    """Right passwords are in no rate: in a hundred spellings they must not keep the slots busy."""
    password = "caf\u00e9 and a half"
    process.users.create(
        process.operator, email=EMAIL, name="D", role="developer", password=password
    )
    hashes, writes = process.hashes.taken, process.engine.writes
    for name in (EMAIL, EMAIL.upper(), EMAIL.title(), EMAIL.swapcase()):
        for form in ("NFC", "NFD"):
            process.authenticate(EmailPassword(name, unicodedata.normalize(form, password)))
    assert process.hashes.taken - hashes == 1
    assert process.engine.writes - writes == 1


def _digest(process: Process) -> bytes:
    return process.verified.digest(process.organization, parse_email(EMAIL), PASSWORD, ADDRESS)


def test_parallel_guesses_do_not_get_past_the_rate(process: Process) -> None:
    """Counters are read again within the slot, and written before it is free."""
    process.user(EMAIL)
    before = process.engine.writes
    outcomes: list[type[Exception]] = []

    def guess(number: int) -> None:
        try:
            process.authenticate(EmailPassword(EMAIL, f"guess number {number}"))
        except Busy:  # on a slow machine its turn is late
            guess(number)
        except (NotAuthenticated, TooManyAttempts) as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(14)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outcomes.count(NotAuthenticated) == FAILURES_BY_ACCOUNT
    assert outcomes.count(TooManyAttempts) == 14 - FAILURES_BY_ACCOUNT
    assert process.engine.writes - before == FAILURES_BY_ACCOUNT


def test_the_store_holds_no_address_and_no_account_of_failures(process: Process) -> None:
    user = process.user(EMAIL)
    process.authenticate(GOOD, ADDRESS)
    fail(process, 2, STRANGER, address=ELSEWHERE)
    records = [
        *process.recent.query_all(f"{process.organization}#attempts"),
        *process.recent.query_all(f"{process.organization}#seen#{user.id}"),
    ]
    assert len(records) == 3
    assert all(record.expires is not None for record in records)
    for word in (ADDRESS, ELSEWHERE, EMAIL, NOBODY, "example"):
        assert word not in str(records)


def test_a_weaker_hash_is_made_anew_at_sign_in(installation: Installation) -> None:
    old, new = installation.process(CHEAP), installation.process(Parameters(iterations=5))
    user = old.user(EMAIL)
    new.authenticate(GOOD)
    where = keys.user(new.organization, user.id)
    stored = new.recent.get(where)[where].value["password"]
    assert not outdated(stored, Parameters(iterations=5))
    assert cost(new, lambda: new.authenticate(GOOD)) == (1, 0, 0)
    old.authenticate(GOOD)
    assert new.recent.get(where)[where].value["password"] == stored


def test_a_changed_user_is_not_overwritten_by_a_new_hash(installation: Installation) -> None:
    """The race between a sign-in with old parameters and a change: the change wins."""
    old, new = installation.process(CHEAP), installation.process(Parameters(iterations=5))
    user = old.user(EMAIL)
    where = keys.user(new.organization, user.id)
    fresh = new.recent.fresh

    def changed_just_after(*needed):
        records = fresh(*needed)
        old.users.update(old.operator, user.id, UserChanges(name="Changed"))
        return records

    new.recent.fresh = changed_just_after  # type: ignore[method-assign]
    new.authenticate(GOOD)
    value = new.recent.get(where)[where].value
    assert value["name"] == "Changed"
    assert outdated(value["password"], Parameters(iterations=5))


def test_signing_in_is_told_once_for_each_slow_hash(process: Process) -> None:
    user = process.user(EMAIL)
    with pytest.raises(NotAuthenticated):
        process.authenticate(WRONG)
    assert process.signed_in == []
    process.authenticate(GOOD)
    process.authenticate(GOOD)
    assert process.signed_in == [(user.id,)]


def test_an_address_record_that_points_nowhere_admits_nobody(process: Process) -> None:
    """Nor one that points to a user who has another address."""
    user = process.user(EMAIL)
    elsewhere = email_key(process.organization, parse_email(NOBODY))
    for target in ("a" * 16, user.id):
        process.recent.commit(Put(elsewhere, {"user": target}))
        with pytest.raises(NotAuthenticated):
            process.authenticate(EmailPassword(NOBODY, PASSWORD))


def test_what_was_verified_meanwhile_is_not_verified_again(process: Process) -> None:
    """Whoever waited with an old reading of the user finds the newest one within the slot."""
    user = process.user(EMAIL)
    claim = process.authenticator.identify(process.standing, GOOD, ADDRESS)
    process.authenticate(GOOD)
    served = process.recent.get(process.standing.key)
    assert claim.confirm(served).user_id == user.id
    assert process.signed_in == [(user.id,)]
