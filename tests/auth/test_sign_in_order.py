"""Who waits behind whom to sign in: by what an address did, and never by whether an account is."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

from auth import Busy, EmailPassword, NotAuthenticated, TooManyAttempts, UserChanges
from auth.slow_hashes import FIRST, WAITING_MOST
from auth.waiting_room import GUESSES, Place
from tests.auth.installation import ADDRESS, ELSEWHERE, PASSWORD, Process

EMAIL = "dev@example.org"
GOOD = EmailPassword(EMAIL, PASSWORD)
LONG = 60.0


class Noted:
    """Notes the ranks that are waited with."""

    def __init__(self, process: Process) -> None:
        self.ranks: list[int] = []
        self._enter = process.hashes.enter
        process.hashes.enter = self.enter  # type: ignore[method-assign]

    def enter(self, rank: int, kin: bytes | None = None) -> AbstractContextManager[Place]:
        self.ranks.append(rank)
        return self._enter(rank, kin)


def wrong(process: Process, email: str, number: int, address: str) -> None:
    with suppress(NotAuthenticated, TooManyAttempts):
        process.authenticate(EmailPassword(email, f"not the password {number}"), address)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_the_order_does_not_depend_on_the_account(process: Process) -> None:
    process.user(EMAIL)
    disabled = process.user("off@example.org")
    process.users.update(process.operator, disabled.id, UserChanges(active=False))
    noted = Noted(process)
    for last, email in enumerate((EMAIL, "off@example.org", "nobody@example.org")):
        noted.ranks.clear()
        for number in range(5):
            wrong(process, email, number, f"192.0.2.{100 + last}")
        assert noted.ranks == [2, GUESSES, 4, 5, 6]


def test_who_signed_in_from_there_comes_before_all_who_are_not_known(process: Process) -> None:
    process.user(EMAIL)
    process.authenticate(GOOD, ADDRESS)
    for number in range(3):
        wrong(process, "nobody@example.org", number, ADDRESS)
    process.clock.pass_by(minutes=11)
    noted = Noted(process)
    process.authenticate(GOOD, ADDRESS)
    assert FIRST < noted.ranks[0] < 2


def test_a_right_password_is_no_guess(process: Process) -> None:
    process.user(EMAIL)
    noted = Noted(process)
    process.authenticate(GOOD, ADDRESS)
    process.user("other@example.org")
    process.authenticate(EmailPassword("other@example.org", PASSWORD), ADDRESS)
    assert noted.ranks == [2, 2]


def test_failures_that_another_process_saw_count_too(installation, process: Process) -> None:
    process.user(EMAIL)
    for number in range(4):
        wrong(installation.process(), "nobody@example.org", number, ADDRESS)
    noted = Noted(process)
    process.authenticate(GOOD, ADDRESS)
    assert noted.ranks == [2 + 4]


def test_guessers_who_fill_the_room_do_not_keep_a_quiet_address_out(process: Process) -> None:
    """Not one that never signed in here; the guess that came last gives its place up."""
    process.user(EMAIL)
    for number in range(2):
        wrong(process, "nobody@example.org", number, ELSEWHERE)
    answers: list[str] = []

    def ask(credentials: EmailPassword, address: str, name: str) -> None:
        try:
            process.authenticate(credentials, address)
            answers.append(name)
        except (NotAuthenticated, Busy) as error:
            answers.append(type(error).__name__)

    def start(credentials: EmailPassword, address: str, name: str) -> threading.Thread:
        thread = threading.Thread(target=ask, args=(credentials, address, name))
        thread.start()
        return thread

    noted = Noted(process)
    with process.hashes.slot():  # has one of the places
        threads = [
            start(EmailPassword(f"nobody{number}@example.org", "a wrong guess"), ELSEWHERE, "guess")
            for number in range(WAITING_MOST)
        ]
        until(lambda: answers == ["Busy"])
        threads.append(start(GOOD, ADDRESS, "quiet"))
        until(lambda: answers == ["Busy", "Busy"])
    until(lambda: "quiet" in answers)
    for thread in threads:
        thread.join(LONG)
    assert answers[2] == "quiet"
    assert len(answers) == WAITING_MOST + 1
    assert noted.ranks[-1] == 2
