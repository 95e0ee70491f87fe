"""Resetting a password (S4): the same for every account, by one link, once, for two hours."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from auth import (
    AlreadyTaken,
    AuthError,
    EmailPassword,
    InvalidField,
    LinkEnded,
    Missing,
    NotAuthenticated,
    Role,
    Suspended,
    TooManyAsked,
    User,
    UserChanges,
)
from auth.link_uses import WRONG_TOKENS
from auth.links import token_hash
from auth.passwords import CHEAP
from auth.rates import Rates
from auth.registrar import Registrar
from auth.resets import ASKED_BY_ACCOUNT, ASKED_BY_ADDRESS, ASKED_OF_ALL, PATH
from storage import keys
from storage.events import SYSTEM, Actor, Feed
from storage.metadata import Key, Put
from tests.auth.installation import (
    ADDRESS,
    ELSEWHERE,
    PASSWORD,
    SECRET,
    Installation,
    Process,
)

EMAIL = "dev@example.org"
NEW = "an entirely other phrase"
NOBODY = "nobody@example.org"
ACCOUNTS = {
    "known": EMAIL,
    "unknown": NOBODY,
    "disabled": "off@example.org",
    "without a password": "robot@example.org",
    "invited": "soon@example.org",
}


def at(address: str = ADDRESS) -> Actor:
    """Somebody who is not known, at an address."""
    return Actor(None, None, "request", address, "agent")


def ask(process: Process, email: str = EMAIL, address: str = ADDRESS) -> None:
    process.resets.ask(process.standing, email, at(address))


def use(process: Process, token: str, password: str = NEW, address: str = ADDRESS) -> None:
    process.resets.use(process.standing, token, password, at(address))


def tokens(process: Process) -> list[str]:
    """The tokens in the mails that go out, the newest last."""
    return [
        letter.fields["path"].removeprefix(PATH)
        for letter in process.letters()
        if letter.to is not None and letter.kind == "reset"
    ]


def asked(process: Process, email: str = EMAIL) -> str:
    """The token of a link that was just asked for."""
    ask(process, email)
    process.clock.pass_by(seconds=1)
    return tokens(process)[-1]


def invitation(process: Process) -> str:
    """The token of the only invitation."""
    (letter,) = [letter for letter in process.letters() if letter.kind == "invitation"]
    return letter.fields["path"].rpartition("/")[2]


@pytest.fixture
def people(process: Process) -> dict[str, User]:
    """Of each kind of account one, by its address."""
    users, by = process.users, process.operator
    disabled = process.user("off@example.org")
    found = [
        process.user(EMAIL),
        users.update(by, disabled.id, UserChanges(active=False)),
        users.create(by, email="robot@example.org", name="Robot", role="reader"),
        users.create(by, email="soon@example.org", name="Soon", role="reader", invite=True),
    ]
    return {user.email: user for user in found}


def spent(process: Process, call: Callable[[], object]) -> tuple[int, list[tuple[str, ...]]]:
    """The slow hashes of a call, and the shape of each read and write."""
    hashes, shapes = process.hashes.taken, len(process.engine.shapes)
    with suppress(AuthError):
        call()
    return process.hashes.taken - hashes, process.engine.shapes[shapes:]


def test_a_reset_sets_the_password(process: Process, people: dict[str, User]) -> None:
    token = asked(process)
    use(process, token)
    assert process.authenticate(EmailPassword(EMAIL, NEW)).user_id == people[EMAIL].id
    with pytest.raises(NotAuthenticated):
        process.authenticate(EmailPassword(EMAIL, PASSWORD))


def test_the_mail_goes_to_the_address_that_is_known(
    process: Process, people: dict[str, User]
) -> None:
    ask(process, "DEV@Example.ORG")
    (letter,) = [letter for letter in process.letters() if letter.kind == "reset"]
    assert (letter.to, letter.fields["name"]) == (EMAIL, "Somebody")


def test_asking_costs_the_same_for_every_account(process: Process, people: dict[str, User]) -> None:
    """Hashes, reads and writes, each with what they are of: time after time, and past the rate."""
    for number in range(ASKED_BY_ACCOUNT.most + 2):
        address = f"192.0.2.{number}"
        costs = {
            account: spent(process, lambda who=email, where=address: ask(process, who, where))
            for account, email in ACCOUNTS.items()
        }
        assert all(cost == costs["unknown"] for cost in costs.values()), costs
        assert costs["unknown"][0] == 0, "no slow hash in asking"
    assert [shape[0] for shape in costs["unknown"][1]] == ["get"], "refused by one read"


def test_what_asking_costs(process: Process, people: dict[str, User]) -> None:
    """Two reads and one commit, which holds the mail, and nothing that stays."""
    hashes, shapes = spent(process, lambda: ask(process))
    assert hashes == 0
    assert shapes == [
        ("get", "attempts", "attempts", "attempts", "emails", "organizations"),
        ("get", "reset-of", "reset-of", "users"),
        (
            "transact",
            "Add attempts",
            "Add attempts",
            "Add attempts",
            "Put mail absent",
            "Put mail absent",
            "Put reset-of absent",
            "Put resets absent",
            "Put tokens absent",
        ),
    ]


def test_what_is_written_of_an_account_that_is_not_there_has_the_same_form(
    process: Process, people: dict[str, User]
) -> None:
    """Not even who reads the store sees which of two resets is somebody's, by its form."""
    found = []
    for email in ACCOUNTS.values():
        before = set(records(process, "resets"))
        ask(process, email)
        (made,) = set(records(process, "resets")) - before
        found.append(records(process, "resets")[made])
    for value in found:
        assert value.keys() == {"user", "kind", "email_hash", "epoch", "until"}
        assert len(str(value["user"])) == 16
        assert {**value, "user": "", "email_hash": ""} == {
            **found[0],
            "user": "",
            "email_hash": "",
            "epoch": value["epoch"],
        }


def test_only_who_has_a_password_and_is_active_gets_mail(
    process: Process, people: dict[str, User]
) -> None:
    for email in ACCOUNTS.values():
        ask(process, email)
    mailed = [letter.to for letter in process.letters() if letter.kind == "reset"]
    assert (mailed.count(None), mailed.count(EMAIL), len(mailed)) == (4, 1, 5)


def test_using_a_token_costs_the_same_whatever_is_wrong(
    process: Process, people: dict[str, User]
) -> None:
    """Never one, expired, used, replaced, of who was disabled, deleted or moved since."""
    wrong = {"never one": "00000000-0000-4000-8000-000000000000", "no token": "x"}
    wrong["replaced"] = asked(process)
    wrong["used"] = asked(process)
    use(process, wrong["used"])
    changes = {
        "disabled": UserChanges(active=False),
        "moved": UserChanges(email="moved@example.org"),
        "set by an administrator": UserChanges(password="set by an administrator"),
    }
    for number, (name, change) in enumerate(changes.items()):
        user = process.user(f"u{number}@example.org")
        wrong[name] = asked(process, user.email)
        process.users.update(process.operator, user.id, change)
    gone = process.user("gone@example.org")
    wrong["deleted"] = asked(process, gone.email)
    process.users.delete(process.operator, gone.id)
    wrong["an invitation's"] = invitation(process)
    costs = {}
    for name, token in wrong.items():
        costs[name] = spent(process, lambda token=token: use(process, token))
        with pytest.raises(LinkEnded):
            use(process, token, address=ELSEWHERE)
    expected = [
        ("get", "attempts", "organizations", "resets"),
        ("get", "users"),
        ("transact", "Add attempts", "Put tokens absent"),
    ]
    assert costs == dict.fromkeys(wrong, (0, expected))


@pytest.mark.parametrize("minutes, good", [(119, True), (120, False), (10_000, False)])
def test_a_link_holds_for_two_hours(
    process: Process, people: dict[str, User], minutes: int, good: bool
) -> None:
    ask(process)
    (token,) = tokens(process)
    process.clock.pass_by(minutes=minutes)
    if good:
        use(process, token)
    else:
        with pytest.raises(LinkEnded):
            use(process, token)


def test_the_clock_decides_even_where_the_record_is_still_there(
    process: Process, people: dict[str, User]
) -> None:
    token = asked(process)
    key = keys.reset(process.organization, token_hash(token))
    record = process.metadata.get(key)[key]
    process.metadata.commit(Put(key, record.value, at=record.version))  # without its expiry
    process.clock.pass_by(hours=2)
    with pytest.raises(LinkEnded):
        use(process, token)


def test_asking_twice_voids_the_first(process: Process, people: dict[str, User]) -> None:
    first, second = asked(process), asked(process)
    with pytest.raises(LinkEnded):
        use(process, first)
    use(process, second)


def test_an_invitation_is_not_voided_by_whoever_asks_for_a_reset(
    process: Process, people: dict[str, User]
) -> None:
    ask(process, "soon@example.org")
    process.invitations.accept(process.standing, invitation(process), NEW, None, at())


def test_a_link_is_used_once(process: Process, people: dict[str, User]) -> None:
    token = asked(process)
    use(process, token)
    with pytest.raises(LinkEnded):
        use(process, token, "yet another phrase")
    process.authenticate(EmailPassword(EMAIL, NEW))


def test_of_several_who_use_a_link_at_once_one_wins(
    installation: Installation, process: Process, people: dict[str, User]
) -> None:
    token = asked(process)
    passwords = [f"the phrase of number {number}" for number in range(6)]
    processes = [installation.process() for _ in passwords]
    start, won = threading.Barrier(len(passwords)), []

    def attempt(of: Process, password: str) -> None:
        start.wait()
        with suppress(LinkEnded):
            use(of, token, password)
            won.append(password)

    threads = [
        threading.Thread(target=attempt, args=pair)
        for pair in zip(processes, passwords, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    process.authenticate(EmailPassword(EMAIL, won[0]))


def test_of_two_who_ask_at_once_both_are_answered_and_one_link_holds(
    installation: Installation, process: Process, people: dict[str, User]
) -> None:
    processes = [installation.process() for _ in range(3)]
    threads = [threading.Thread(target=ask, args=(one,)) for one in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(records(process, "resets")) == 2, "the invitation's, and one"
    good = 0
    for token in tokens(process):
        with suppress(LinkEnded):
            use(process, token)
            good += 1
    assert good == 1


def test_a_reset_ends_sign_ins_and_keeps_keys_and_the_second_factor(
    process: Process, people: dict[str, User]
) -> None:
    user = people[EMAIL]
    key = process.keys.create(process.operator, name="ci", user_id=user.id)
    at_user = keys.user(process.organization, user.id)
    record = process.metadata.get(at_user)[at_user]
    value = {**record.value, "second_factor": True, "epoch": 4}
    process.metadata.commit(Put(at_user, value, at=record.version))
    use(process, asked(process))
    after = process.metadata.get(at_user)[at_user].value
    assert (after["second_factor"], after["epoch"]) == (True, 5)
    assert process.authenticate(key.secret).user_id == user.id


def test_a_verified_password_ends_with_a_reset(
    installation: Installation, process: Process, people: dict[str, User]
) -> None:
    """In every process, with the next request that is read afresh."""
    other = installation.process()
    for one in (process, other):
        one.authenticate(EmailPassword(EMAIL, PASSWORD))
    use(process, asked(process))
    for one in (process, other):
        with pytest.raises(NotAuthenticated):
            one.authenticate(EmailPassword(EMAIL, PASSWORD))


def test_a_weak_password_is_refused_and_the_link_stays_good(
    process: Process, people: dict[str, User]
) -> None:
    token = asked(process)
    for weak in ("short", "password1", "example.org1", "new\nlines in it"):
        with pytest.raises(InvalidField) as caught:
            use(process, token, weak)
        assert caught.value.field == "password"
    use(process, token)


@pytest.mark.parametrize("email", ACCOUNTS.values())
def test_asking_is_bounded_by_account(
    process: Process, people: dict[str, User], email: str
) -> None:
    """The same for accounts that are not there; another account may still be asked for."""
    for number in range(ASKED_BY_ACCOUNT.most):
        ask(process, email, f"192.0.2.{number}")
    with pytest.raises(TooManyAsked) as caught:
        ask(process, email, ELSEWHERE)
    assert 0 < caught.value.retry_after.total_seconds() <= 3600
    ask(process, "another@example.org", ELSEWHERE)
    process.clock.at += caught.value.retry_after
    ask(process, email, ELSEWHERE)


def test_asking_is_bounded_by_address(process: Process, people: dict[str, User]) -> None:
    for number in range(ASKED_BY_ADDRESS.most):
        ask(process, f"somebody-{number}@example.org")
    for email in (EMAIL, NOBODY):
        with pytest.raises(TooManyAsked):
            ask(process, email)
        ask(process, email, ELSEWHERE)


def test_asking_is_bounded_for_an_organization(process: Process, people: dict[str, User]) -> None:
    """By shares: who has many addresses fills some of them, for known and unknown alike."""
    rates, most = Rates(SECRET), ASKED_OF_ALL.most // 16
    by_share: dict[Key, list[str]] = {}
    for number in range(250):
        address = f"198.18.0.{number}"
        share = rates.share(process.organization, ASKED_OF_ALL, address, process.clock())
        assert share.rate.most == most
        by_share.setdefault(share.key, []).append(address)
    assert len(by_share) == 16
    mine, others = list(by_share.values())[:2]
    for number in range(most):
        ask(process, f"somebody-{number}@example.org", mine[number % 4])
    for email in (EMAIL, NOBODY):
        with pytest.raises(TooManyAsked):
            ask(process, email, mine[5])
        ask(process, email, others[0])
    process.clock.pass_by(hours=1)
    ask(process, EMAIL, mine[5])


def test_of_those_who_ask_at_once_no_more_are_answered_than_the_rate_says(
    installation: Installation, process: Process
) -> None:
    for number in range(ASKED_BY_ADDRESS.most - 2):
        ask(process, f"somebody-{number}@example.org")
    processes = [installation.process() for _ in range(8)]
    start, answers = threading.Barrier(len(processes)), []

    def attempt(number: int, of: Process) -> None:
        start.wait(30)
        try:
            ask(of, f"at-once-{number}@example.org")
            answers.append("asked")
        except TooManyAsked:
            answers.append("too many")

    threads = [threading.Thread(target=attempt, args=pair) for pair in enumerate(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == ["asked"] * 2 + ["too many"] * 6


def test_wrong_tokens_are_bounded_by_address(process: Process, people: dict[str, User]) -> None:
    """Then a good one is refused there as well, and elsewhere taken."""
    token = asked(process)
    for number in range(WRONG_TOKENS.most):
        with pytest.raises(LinkEnded):
            use(process, f"wrong {number}")
    with pytest.raises(TooManyAsked):
        use(process, token)
    use(process, token, address=ELSEWHERE)


def test_what_is_no_address_is_refused(process: Process) -> None:
    before = process.engine.shapes[:]
    with pytest.raises(InvalidField) as caught:
        ask(process, "no address")
    assert caught.value.field == "email"
    assert process.engine.shapes == before


def test_an_organization_that_is_not_served_resets_nothing(
    process: Process, people: dict[str, User]
) -> None:
    token = asked(process)
    registrar = Registrar(process.recent, process.journal, SYSTEM, CHEAP, process.clock)
    registrar.suspend("default")
    for call in (lambda: ask(process), lambda: use(process, token)):
        with pytest.raises(Suspended):
            call()
    registrar.resume("default")
    name = keys.organization_by_name("default")
    found = process.metadata.get(name)[name]
    process.metadata.commit(Put(name, {**found.value, "id": "another"}, at=found.version))
    for call in (lambda: ask(process), lambda: use(process, token)):
        with pytest.raises(Missing):
            call()


def test_history_tells_who_was_reset_and_nothing_of_asking(
    process: Process, people: dict[str, User]
) -> None:
    """Whoever likes may ask: the worker tells, of those who get a mail (`test_deliveries`)."""
    ask(process, NOBODY)
    use(process, asked(process))
    feed = Feed(process.metadata, process.journal, process.organization, process.clock)
    events = feed.read(feed.start(process.clock() - timedelta(minutes=1)), 10_000).events
    told = [(e.action, e.details["subject"]) for e in events if e.action.startswith("password.")]
    assert told == [("password.reset", people[EMAIL].id)]


def test_what_asking_leaves_goes_by_itself(process: Process, people: dict[str, User]) -> None:
    """But for the place in the queue, which the worker removes."""
    before = {record.key for record in process.metadata.scan(0, 1, "", 1000).records}
    for email in ACCOUNTS.values():
        ask(process, email)
    made = [r for r in process.metadata.scan(0, 1, "", 1000).records if r.key not in before]
    assert {r.key.partition for r in made if r.expires is None} == {keys.MAIL}


def test_the_mail_says_who_asked_alike_for_all(process: Process, people: dict[str, User]) -> None:
    for email in ACCOUNTS.values():
        ask(process, email)
    found = [letter.asked for letter in process.letters() if letter.kind == "reset"]
    assert all(one is not None and (one.by, len(one.about)) == (at(), 16) for one in found)
    assert people[EMAIL].id in {one.about for one in found if one is not None}


def test_neither_token_nor_password_nor_address_is_written(
    process: Process, people: dict[str, User]
) -> None:
    marked = process.user("marked-person@example.net")
    token = asked(process, marked.email)
    use(process, token, "marked-secret phrase")
    ask(process, "marked-stranger@example.net")
    written = "\n".join(
        f"{record.key} {record.value}" for record in process.metadata.scan(0, 1, "", 1000).records
    )
    for text in (token, token.replace("-", ""), "marked-secret", "marked-stranger"):
        assert text not in written
    # His record alone names him.
    assert written.count("marked-person") == 1
    for value in (process.resets, process.letters()[-1], process.outbox):
        assert "marked" not in repr(value)
        assert token not in repr(value)


def test_no_error_tells_what_was_sent(process: Process, people: dict[str, User]) -> None:
    for call in (
        lambda: use(process, "marked token", "marked password"),
        lambda: use(process, asked(process), "password marked"[:9]),
        lambda: ask(process, "marked"),
    ):
        with pytest.raises(AuthError) as caught:
            call()
        assert "marked" not in f"{caught.value!r}{caught.value}{caught.value.__cause__!r}"


def test_the_administrator_can_reset_his_own(process: Process) -> None:
    user = process.user("boss@example.org", Role.ADMIN)
    use(process, asked(process, "boss@example.org"))
    assert process.authenticate(EmailPassword("boss@example.org", NEW)).user_id == user.id
    with pytest.raises(AlreadyTaken):
        process.user("boss@example.org")


def records(process: Process, family: str) -> dict[str, dict[str, object]]:
    partition = f"{process.organization}#{family}"
    return {one.key.sort: dict(one.value) for one in process.metadata.query_all(partition)}
