"""Whoever changes what opens an account, its user is told by mail, where he was reached before."""

from collections.abc import Callable

import pytest

from auth import EmailPassword, InvalidField, UserChanges
from auth.own_password import WrongCurrentPassword
from auth.passwords import CHEAP, Parameters, outdated
from auth.principals import Role
from storage import keys
from storage.events import Actor
from storage.metadata import ConditionFailed, Operation, Put, Witness
from storage.metadata.attempts import Committed
from tests.auth.installation import ADDRESS, PASSWORD, Installation, Process
from tests.auth.provisioning import same, service, wanted
from tests.auth.signing_in import EMAIL, Person, SigningIn

OTHER = "another good password"
NOBODY = Actor(None, None, "request", ADDRESS, "agent")


def told(process: Process) -> list[tuple[str, str | None]]:
    """The mails that hold no link, each with where it goes."""
    found = process.letters()
    return [(one.kind, one.to) for one in found if "path" not in one.fields]


def link(process: Process) -> str:
    """The token of the only mail with a link."""
    (path,) = [one.fields["path"] for one in process.letters() if "path" in one.fields]
    return path.rpartition("/")[2]


def test_of_a_new_password_whoever_sets_it(process: Process, me: Person) -> None:
    own = UserChanges(password=OTHER, current_password=PASSWORD)
    process.users.update(me.by, me.id, own)
    assert told(process) == [("password", EMAIL)]
    assert [one.about for one in process.letters()] == [me.id]
    process.users.update(process.operator, me.id, UserChanges(password=PASSWORD))
    assert told(process) == [("password", EMAIL)] * 2


def test_of_a_reset_that_was_done(process: Process, me: Person) -> None:
    process.resets.ask(process.standing, EMAIL, NOBODY)
    with pytest.raises(InvalidField):
        process.resets.use(process.standing, link(process), "short", NOBODY)
    assert told(process) == []
    process.resets.use(process.standing, link(process), OTHER, NOBODY)
    assert told(process) == [("password", EMAIL)]


def test_not_of_the_first_password_that_somebody_sets_by_an_invitation(process: Process) -> None:
    process.users.create(process.operator, email=EMAIL, name="Jo", role="developer", invite=True)
    process.invitations.accept(process.standing, link(process), OTHER, None, NOBODY)
    assert told(process) == []


def test_but_of_one_that_an_administrator_sets_for_him(process: Process) -> None:
    """Who was invited, and is kept out of the account by it, has to know."""
    user = process.users.create(process.operator, email=EMAIL, name="Jo", role="developer")
    process.users.update(process.operator, user.id, UserChanges(password=OTHER))
    assert told(process) == [("password", EMAIL)]


def test_of_a_password_that_an_identity_provider_sends(process: Process) -> None:
    by = service(process)
    user = process.provisioned.create(by, wanted("jo", email=EMAIL, password=PASSWORD)).user
    assert told(process) == []
    process.provisioned.change(by, user.id, lambda it: same(it, password=OTHER))
    assert told(process) == [("password", EMAIL)]


def test_of_a_password_that_came_with_a_new_address_the_old_one_is_told_the_address(
    process: Process, me: Person
) -> None:
    """A reset, which else is advised, would go to the new one."""
    both = UserChanges(password=OTHER, email="new@example.org")
    process.users.update(process.operator, me.id, both)
    assert told(process) == [("address", EMAIL)]


def test_not_of_a_password_that_is_hashed_anew(installation: Installation) -> None:
    old, new = installation.process(CHEAP), installation.process(Parameters(iterations=5))
    user = old.user(EMAIL)
    new.authenticate(EmailPassword(EMAIL, PASSWORD))
    key = keys.user(new.organization, user.id)
    assert not outdated(new.recent.get(key)[key].value["password"], Parameters(iterations=5))
    assert told(new) == []


def test_whoever_loses_a_race_tells_it_once(
    process: Process, me: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, lost = process.recent.commit, []

    def lose_once(*operations: Operation, witness: Witness | None = None) -> Committed:
        if not lost:
            lost.append(operations)
            raise ConditionFailed((me.record.key,))
        return commit(*operations, witness=witness)

    monkeypatch.setattr(process.recent, "commit", lose_once)
    process.users.update(process.operator, me.id, UserChanges(password=OTHER))
    assert len(lost) == 1
    assert told(process) == [("password", EMAIL)]


@pytest.mark.parametrize("what", ["password", "reset", "set", "renew", "remove", "factor reset"])
def test_a_mail_is_written_in_the_commit_of_what_it_tells_of(
    at: SigningIn, me: Person, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    process, code = at.process, ""
    if what == "reset":
        process.resets.ask(process.standing, EMAIL, NOBODY)
    elif what != "password":
        me.enrol()
        code = me.next_code()
    if what == "set":
        me.device = me.begin(code)
    ways: dict[str, Callable[[], object]] = {
        "password": lambda: process.users.update(
            process.operator, me.id, UserChanges(password=OTHER)
        ),
        "reset": lambda: process.resets.use(process.standing, link(process), OTHER, NOBODY),
        "set": lambda: at.factors.confirm(me.by, me.code(), ADDRESS),
        "renew": lambda: at.factors.renew_codes(me.by, code, ADDRESS),
        "remove": lambda: me.remove(code),
        "factor reset": lambda: at.resets.reset(process.operator, me.id),
    }
    changed = keys.user(process.organization, me.id)
    if what == "renew":
        changed = keys.second_factor(process.organization, me.id)
    commit, commits = process.recent.commit, []

    def noted(*operations: Operation, witness: Witness | None = None) -> Committed:
        commits.append([one.key for one in operations if isinstance(one, Put)])
        return commit(*operations, witness=witness)

    monkeypatch.setattr(process.recent, "commit", noted)
    ways[what]()
    mails = keys.mails(process.organization)
    (told_with,) = [puts for puts in commits if any(one.partition == mails for one in puts)]
    assert changed in told_with


def test_not_of_what_was_refused_or_changes_nothing_of_that(process: Process, me: Person) -> None:
    wrong = UserChanges(password=OTHER, current_password="not the right one")
    with pytest.raises(WrongCurrentPassword):
        process.users.update(me.by, me.id, wrong)
    process.users.update(process.operator, me.id, UserChanges(name="New", role="reader"))
    process.users.update(process.operator, me.id, UserChanges(email=EMAIL.upper()))
    process.users.delete(process.operator, me.id)
    assert told(process) == []


def test_of_each_change_of_a_second_factor(at: SigningIn, me: Person) -> None:
    me.begin()
    assert told(at.process) == [], "it does not hold before it is confirmed"
    me.enrol()
    assert told(at.process) == [("second-factor", EMAIL)]
    at.factors.renew_codes(me.by, me.next_code(), ADDRESS)
    assert told(at.process)[1:] == [("recovery-codes", EMAIL)]
    with pytest.raises(InvalidField):
        me.remove("000000")
    assert len(told(at.process)) == 2
    me.remove(me.next_code())
    assert told(at.process)[2:] == [("no-second-factor", EMAIL)]


def test_of_one_that_is_replaced(at: SigningIn, me: Person) -> None:
    me.enrol()
    me.device = me.begin(me.next_code())
    at.factors.confirm(me.by, me.code(), ADDRESS)
    assert told(at.process) == [("second-factor", EMAIL)] * 2


def test_of_one_that_an_administrator_took_away(at: SigningIn, me: Person) -> None:
    me.enrol()
    boss = at.person("boss@example.org", Role.ADMIN)
    at.process.clock.pass_by(seconds=1)
    at.resets.reset(boss.by, me.id)
    assert told(at.process)[1:] == [("no-second-factor", EMAIL)]


def test_who_has_no_address_is_told_nothing_and_is_changed_all_the_same(process: Process) -> None:
    by = service(process)
    user = process.provisioned.create(by, wanted("bjensen", password=PASSWORD)).user
    process.provisioned.change(by, user.id, lambda it: same(it, password=OTHER))
    process.provisioned.change(by, user.id, lambda it: same(it, email="new@example.org"))
    assert process.letters() == []
