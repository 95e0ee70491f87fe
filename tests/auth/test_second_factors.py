"""Second factors: set up, asked for, each code once, not guessable, replaced, removed, reset."""

import threading
from typing import Any

import pytest

from auth import (
    EmailPassword,
    Forbidden,
    InvalidField,
    Missing,
    NotAuthenticated,
    UserChanges,
    totp,
)
from auth.code_rates import WRONG_A_DAY, WRONG_A_MINUTE, WRONG_BY_ADDRESS
from auth.errors import (
    CodeNeeded,
    CodeUsed,
    CorruptRecord,
    NothingToConfirm,
    SecondFactorFirst,
    SecondFactorNeeded,
    SecondFactorRequired,
    TooManyCodes,
    WrongCode,
)
from auth.factor_records import PENDING_FOR
from auth.principals import Role, operating
from auth.registrar import Registrar
from auth.sealing import NotSealedHere
from storage import keys
from storage.events import SYSTEM
from storage.metadata import Put, Record
from tests.auth.installation import ADDRESS, ELSEWHERE, PASSWORD
from tests.auth.signing_in import EMAIL, Person, SigningIn, events
from tests.faults.metadata import half_seen


def factor_record(me: Person) -> Record | None:
    key = keys.second_factor(me.at.process.organization, me.id)
    return me.at.process.recent.get(key).get(key)


def test_with_a_second_factor_the_password_alone_opens_nothing(at: SigningIn, me: Person) -> None:
    me.enrol()
    with pytest.raises(CodeNeeded):
        at.open()
    with pytest.raises(CodeNeeded):
        at.open("")
    with pytest.raises(SecondFactorNeeded):
        at.process.authenticate(EmailPassword(EMAIL, PASSWORD))
    opened = at.open(me.next_code())
    assert opened.session.second_factor
    assert at.principal(opened.secret).user_id == me.id


def test_only_who_has_the_password_learns_that_a_code_is_needed(at: SigningIn, me: Person) -> None:
    me.enrol()
    for code in (None, me.code(), me.recovery[0], "000000"):
        with pytest.raises(NotAuthenticated):
            at.open(code, password="not the password")
    assert at.open(me.recovery[0]).session.second_factor, "nothing was spent"


def test_setting_one_up_ends_other_sessions_and_not_the_own_one(at: SigningIn, me: Person) -> None:
    other = at.open()
    me.enrol()
    assert at.principal(me.secret).second_factor
    with pytest.raises(NotAuthenticated):
        at.principal(other.secret)
    assert [one.second_factor for one in at.sessions.list(me.by)] == [True]
    assert events(at.process, "second-factor.set") == [{"subject": me.id, "replaced": False}]


def test_a_secret_is_sealed_to_its_user_and_told_to_nobody(at: SigningIn, me: Person) -> None:
    me.enrol()
    record = factor_record(me)
    assert record is not None
    text = totp.secret_text(me.device)
    plain = [code.replace("-", "") for code in me.recovery]
    for part in (text, *me.recovery, *plain):
        assert part not in repr(record)
    other = at.person("other@example.org").enrol()
    moved = {**record.value}
    target = factor_record(other)
    assert target is not None
    at.process.recent.commit(Put(target.key, moved, at=target.version))
    with pytest.raises(NotSealedHere):
        at.open(other.next_code(), email=other.email)


def test_a_user_without_his_record_gets_in_no_way(at: SigningIn, me: Person) -> None:
    """A record that is lost must not become a second factor less."""
    me.enrol()
    value = {**me.record.value}
    at.resets.reset(at.process.operator, me.id)
    now = me.record
    at.process.recent.commit(Put(now.key, value, at=now.version))
    with pytest.raises(CodeNeeded):
        at.open()
    with pytest.raises(CorruptRecord):
        at.open("123456")


def test_a_second_factor_that_is_reset_while_its_code_waits_is_no_lost_record(
    at: SigningIn, me: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the password's slow hash and the code."""
    me.enrol()
    spend = at.codes.spend

    def spend_behind_a_reset(*what: Any) -> None:
        at.resets.reset(at.process.operator, me.id)
        spend(*what)

    monkeypatch.setattr(at.codes, "spend", spend_behind_a_reset)
    with pytest.raises(NotAuthenticated, match="removed meanwhile"):
        at.open(me.next_code())
    assert at.open().secret


def test_a_second_factor_that_is_seen_behind_its_user_is_no_lost_record(
    at: SigningIn, me: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    me.enrol()
    record = factor_record(me)
    assert record is not None
    half_seen(monkeypatch, at.process.recent.metadata, record.key.partition)
    assert at.open(me.next_code()).secret


def test_a_code_is_taken_once(at: SigningIn, me: Person) -> None:
    me.enrol()
    code = me.next_code()
    at.open(code)
    for address in (ADDRESS, ELSEWHERE):
        with pytest.raises(CodeUsed, match="used already"):
            at.open(code, address=address)


def test_the_code_that_confirmed_opens_nothing(at: SigningIn, me: Person) -> None:
    me.device = me.begin()
    code = me.code()
    at.factors.confirm(me.by, code, ADDRESS)
    with pytest.raises(CodeUsed):
        at.open(code)


def test_after_a_code_no_older_one_is_taken(at: SigningIn, me: Person) -> None:
    me.enrol()
    at.process.clock.pass_by(minutes=5)
    at.open(me.code(+1))
    for steps in (-1, 0):
        with pytest.raises(CodeUsed):
            at.open(me.code(steps))
    at.process.clock.pass_by(seconds=30)
    at.open(me.code(+1))


@pytest.mark.parametrize("steps", [-2, 2])
def test_a_code_of_another_time_is_wrong(at: SigningIn, me: Person, steps: int) -> None:
    me.enrol()
    at.process.clock.pass_by(minutes=5)
    with pytest.raises(WrongCode, match="is wrong"):
        at.open(me.code(steps))


@pytest.mark.parametrize("typed", [" {} ", "{} {}", "{}\t{}"])
def test_blanks_in_a_code_do_not_count(at: SigningIn, me: Person, typed: str) -> None:
    me.enrol()
    code = me.next_code()
    halves = (code,) if typed.count("{}") == 1 else (code[:3], code[3:])
    assert at.open(typed.format(*halves)).session.second_factor


@pytest.mark.parametrize("of", ["clock", "recovery"])
def test_of_two_with_one_code_at_once_one_gets_in(at: SigningIn, me: Person, of: str) -> None:
    me.enrol()
    code = me.next_code() if of == "clock" else me.recovery[0]
    together, outcomes = threading.Barrier(4), []

    def sign_in() -> None:
        together.wait(30)
        try:
            at.open(code)
            outcomes.append("in")
        except (WrongCode, TooManyCodes) as error:
            outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=sign_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    refused = "CodeUsed" if of == "clock" else "WrongCode"
    assert sorted(outcomes) == sorted(["in", *[refused] * 3])


def test_recovery_codes_are_taken_once_each_and_counted(at: SigningIn, me: Person) -> None:
    me.enrol()
    at.open(me.recovery[0])
    with pytest.raises(WrongCode):
        at.open(me.recovery[0])
    at.open(me.recovery[1].upper().replace("-", " "))
    assert at.factors.state(me.by).recovery_codes == 8
    left = {one["left"] for one in events(at.process, "second-factor.recovery-used")}
    assert left == {9, 8}


def test_new_recovery_codes_take_a_code_and_void_the_old_ones(at: SigningIn, me: Person) -> None:
    me.enrol()
    with pytest.raises(InvalidField, match="code"):
        at.factors.renew_codes(me.by, "000000", ADDRESS)
    new = at.factors.renew_codes(me.by, me.next_code(), ADDRESS)
    assert len(set(new) - set(me.recovery)) == 10
    with pytest.raises(WrongCode):
        at.open(me.recovery[0])
    assert at.open(new[0]).session.second_factor


def guesses(me: Person, number: int) -> list[str]:
    """Codes that are none."""
    right = {me.code(steps) for steps in range(-40, 40)}
    return [code for code in (f"{n:06}" for n in range(number + 100)) if code not in right][:number]


def test_codes_are_not_to_be_guessed_by_the_minute(at: SigningIn, me: Person) -> None:
    """Whatever address they come from, and also by the right one, until the minute is over."""
    me.enrol()
    at.process.clock.pass_by(seconds=60)
    for number, code in enumerate(guesses(me, WRONG_A_MINUTE)):
        with pytest.raises(WrongCode):
            at.open(code, address=f"192.0.2.{number}")
    with pytest.raises(TooManyCodes) as caught:
        at.open(me.code(), address="198.51.100.1")
    at.process.clock.pass_by(seconds=caught.value.retry_after.total_seconds())
    assert at.open(me.code()).session.second_factor


def test_nor_by_the_day(at: SigningIn, me: Person) -> None:
    me.enrol()
    for number, code in enumerate(guesses(me, WRONG_A_DAY)):
        if number % WRONG_A_MINUTE == 0:
            at.process.clock.pass_by(minutes=1)
        with pytest.raises(WrongCode):
            at.open(code)
    at.process.clock.pass_by(minutes=2)
    with pytest.raises(TooManyCodes) as caught:
        at.open(me.code())
    assert at.open(me.recovery[0]).session.second_factor, "who has his codes is not locked out"
    at.process.clock.pass_by(seconds=caught.value.retry_after.total_seconds())
    assert at.open(me.code()).session.second_factor


def test_a_new_password_begins_no_new_count(at: SigningIn, me: Person) -> None:
    """Who reads somebody's mail could set one as often as he likes."""
    me.enrol()
    at.process.clock.pass_by(seconds=60)
    for code in guesses(me, WRONG_A_MINUTE):
        with pytest.raises(WrongCode):
            at.open(code)
    change = UserChanges(password="another password of his")
    at.process.users.update(at.process.operator, me.id, change)
    with pytest.raises(TooManyCodes):
        at.open(me.code(), password="another password of his")


def test_guesses_side_by_side_are_no_more_guesses(at: SigningIn, me: Person) -> None:
    """All of them were let through by the counter that they read, and five are counted."""
    me.enrol()
    at.process.clock.pass_by(seconds=60)
    outcomes, together = [], threading.Barrier(12)

    def guess(code: str) -> None:
        together.wait(30)
        try:
            at.codes.spend(at.process.organization, me.id, code, ADDRESS, SYSTEM)
        except (WrongCode, TooManyCodes) as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=guess, args=(code,)) for code in guesses(me, 12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(outcomes) == 12
    assert outcomes.count(WrongCode) == WRONG_A_MINUTE


def test_an_address_tries_few_codes_of_all_accounts(at: SigningIn, me: Person) -> None:
    me.enrol()
    at.process.clock.pass_by(seconds=60)
    wrong = "abcd-efgh-ijkl-mnop"
    for _ in range(WRONG_BY_ADDRESS):
        with pytest.raises(WrongCode):
            at.codes.spend(at.process.organization, me.id, wrong, ELSEWHERE, SYSTEM)
    for code in (wrong, me.recovery[0], me.code()):
        with pytest.raises(TooManyCodes):
            at.codes.spend(at.process.organization, me.id, code, ELSEWHERE, SYSTEM)
    at.codes.spend(at.process.organization, me.id, me.code(), ADDRESS, SYSTEM)


# Setting up


def test_a_secret_waits_ten_minutes_for_its_code(at: SigningIn, me: Person) -> None:
    me.device = me.begin()
    at.process.clock.pass_by(seconds=PENDING_FOR.total_seconds() - 1)
    assert len(at.factors.confirm(me.by, me.code(), ADDRESS)) == 10
    other = at.person("other@example.org")
    other.device = other.begin()
    at.process.clock.pass_by(seconds=PENDING_FOR.total_seconds())
    with pytest.raises(NothingToConfirm):
        at.factors.confirm(other.by, other.code(), ADDRESS)
    assert at.open(email="other@example.org").session.second_factor is False
    assert factor_record(other) is None, "nothing is left of it"


def test_until_it_is_confirmed_nothing_changes(at: SigningIn, me: Person) -> None:
    me.device = me.begin()
    with pytest.raises(InvalidField, match="code"):
        at.factors.confirm(me.by, "000000", ADDRESS)
    assert not at.open().session.second_factor
    assert not at.factors.state(me.by).confirmed
    with pytest.raises(Missing):
        at.factors.renew_codes(me.by, me.code(), ADDRESS)


def test_what_was_begun_twice_is_the_second(at: SigningIn, me: Person) -> None:
    first = me.begin()
    second = me.begin()
    step = totp.step_at(at.process.clock())
    with pytest.raises(InvalidField):
        at.factors.confirm(me.by, totp.hotp(first, step), ADDRESS)
    assert at.factors.confirm(me.by, totp.hotp(second, step), ADDRESS)
    with pytest.raises(NothingToConfirm):
        at.factors.confirm(me.by, totp.hotp(second, step + 1), ADDRESS)


def test_a_secret_is_confirmed_by_the_session_that_began_it(at: SigningIn, me: Person) -> None:
    """Another one of the same user has not seen it: it could only guess."""
    other = at.authority(at.open().secret)
    me.device = me.begin()
    for code in (me.code(), "000000"):
        with pytest.raises(NothingToConfirm):
            at.factors.confirm(other, code, ADDRESS)
    assert not at.factors.state(me.by).confirmed
    assert len(at.factors.confirm(me.by, me.code(), ADDRESS)) == 10


def test_the_first_code_is_not_to_be_guessed_either(at: SigningIn, me: Person) -> None:
    me.device = me.begin()
    for number, code in enumerate(guesses(me, WRONG_A_MINUTE)):
        with pytest.raises(InvalidField, match="code"):
            at.factors.confirm(me.by, code, f"192.0.2.{number}")
    with pytest.raises(TooManyCodes) as caught:
        at.factors.confirm(me.by, me.code(), ELSEWHERE)
    assert not at.factors.state(me.by).confirmed
    at.process.clock.pass_by(seconds=caught.value.retry_after.total_seconds())
    assert at.factors.confirm(me.by, me.code(), ELSEWHERE)


def test_of_wrong_codes_the_first_of_a_minute_is_told_and_the_one_that_fills_it(
    at: SigningIn, me: Person
) -> None:
    """Wherever they are sent; what is refused unseen leaves nothing more."""
    me.enrol()
    at.process.clock.pass_by(minutes=1)
    first, *others = guesses(me, WRONG_A_MINUTE)
    with pytest.raises(WrongCode):
        at.open(first)
    for code in others:
        with pytest.raises(InvalidField):
            at.factors.renew_codes(me.by, code, ADDRESS)
        at.process.clock.pass_by(seconds=1)
    for _ in range(3):
        with pytest.raises(TooManyCodes):
            at.open(first)
    told = [{"account": me.id, "failures": number} for number in (1, WRONG_A_MINUTE)]
    assert events(at.process, "second-factor.refused") == told
    other = at.person("other@example.org")
    other.device = other.begin()
    with pytest.raises(InvalidField):
        at.factors.confirm(other.by, "000000", ELSEWHERE)
    told.append({"account": other.id, "failures": 1})
    assert events(at.process, "second-factor.refused") == told
    sides = [
        record.value
        for digit in "0123456789abcdef"
        for record in at.process.recent.query_all(
            keys.who(at.process.organization, at.process.clock(), digit)
        )
    ]
    assert (None, ADDRESS, "a test") in [(s["user"], s["address"], s["agent"]) for s in sides]


def test_a_wrong_recovery_code_is_told_too(at: SigningIn, me: Person) -> None:
    me.enrol()
    with pytest.raises(WrongCode):
        at.open("-".join(["aaaa"] * 4))
    assert events(at.process, "second-factor.refused") == [{"account": me.id, "failures": 1}]


def test_it_takes_the_password_and_a_session_of_the_same_user(at: SigningIn, me: Person) -> None:
    standing = at.process.standing
    with pytest.raises(InvalidField, match="password"):
        at.passwords.prove_own(standing, me.id, "not the password", ADDRESS)
    other = at.person("other@example.org")
    of_other = at.passwords.prove_own(standing, other.id, PASSWORD, ADDRESS)
    with pytest.raises(NotAuthenticated):
        at.factors.begin(me.by, of_other, None, ADDRESS)
    mine = at.passwords.prove_own(standing, me.id, PASSWORD, ADDRESS)
    key = at.process.keys.create(at.process.operator, name="x", user_id=me.id)
    by_password = at.process.authenticate(EmailPassword(EMAIL, PASSWORD)).acting("r")
    for by in (at.authority(key.secret), by_password, at.process.operator):
        for call in (
            lambda by=by: at.factors.begin(by, mine, None, ADDRESS),
            lambda by=by: at.factors.confirm(by, "123456", ADDRESS),
            lambda by=by: at.factors.renew_codes(by, "123456", ADDRESS),
            lambda by=by: at.factors.remove(by, mine, "123456", ADDRESS),
            lambda by=by: at.factors.state(by),
        ):
            with pytest.raises(Forbidden):
                call()


def test_a_session_that_ended_meanwhile_changes_nothing(at: SigningIn, me: Person) -> None:
    by = me.by
    me.device = me.begin()
    at.sessions.end_own(by)
    with pytest.raises(NotAuthenticated):
        at.factors.confirm(by, me.code(), ADDRESS)
    assert me.record.value.get("second_factor", False) is False


def test_a_password_that_changed_meanwhile_proves_nothing(at: SigningIn, me: Person) -> None:
    proven = at.passwords.prove_own(at.process.standing, me.id, PASSWORD, ADDRESS)
    by, record = me.by, me.record
    value = {**record.value, "epoch": record.value.get("epoch", 0) + 1}
    at.process.recent.commit(Put(record.key, value, at=record.version))
    with pytest.raises(NotAuthenticated):
        at.factors.begin(by, proven, None, ADDRESS)


def test_a_device_is_replaced_by_a_code_of_the_old_one(at: SigningIn, me: Person) -> None:
    me.enrol()
    old, codes = me.device, me.recovery
    other = at.open(me.next_code())
    with pytest.raises(InvalidField, match="code"):
        me.begin()
    with pytest.raises(InvalidField, match="code"):
        me.begin("000000")
    new = me.begin(me.next_code())
    assert at.open(me.next_code()).session.second_factor, "the old one holds until then"
    me.device = new
    me.recovery = at.factors.confirm(me.by, me.code(), ADDRESS)
    with pytest.raises(NotAuthenticated):
        at.principal(other.secret)
    me.device = old
    with pytest.raises(WrongCode):
        at.open(me.next_code())
    with pytest.raises(WrongCode):
        at.open(codes[0])
    me.device = new
    assert at.open(me.next_code()).session.second_factor
    assert events(at.process, "second-factor.set")[-1] == {"subject": me.id, "replaced": True}


# Taking it away


def test_removing_takes_the_password_and_a_code(at: SigningIn, me: Person) -> None:
    with pytest.raises(Missing):
        me.remove("123456")
    me.enrol()
    other = at.open(me.next_code())
    with pytest.raises(InvalidField, match="code"):
        me.remove("000000")
    me.remove(me.next_code())
    assert factor_record(me) is None
    assert not at.principal(me.secret).second_factor
    with pytest.raises(NotAuthenticated):
        at.principal(other.secret)
    assert not at.open().session.second_factor
    assert events(at.process, "second-factor.remove") == [{"subject": me.id}]


def test_a_recovery_code_removes_it_too(me: Person) -> None:
    me.enrol().remove(me.recovery[0])
    assert factor_record(me) is None


def test_an_administrator_resets_that_of_others_not_his_own(at: SigningIn, me: Person) -> None:
    me.enrol()
    admin = at.person("boss@example.org", Role.ADMIN).enrol()
    with pytest.raises(Forbidden):
        at.resets.reset(me.by, admin.id)
    with pytest.raises(Forbidden):
        at.resets.reset(admin.by, admin.id)
    for nobody in ("x", "a" * 16):
        with pytest.raises(Missing):
            at.resets.reset(admin.by, nobody)
    at.resets.reset(admin.by, me.id)
    with pytest.raises(NotAuthenticated):
        at.principal(me.secret)
    assert factor_record(me) is None
    assert not at.open().session.second_factor
    with pytest.raises(Missing):
        at.resets.reset(admin.by, me.id)
    at.resets.reset(at.process.operator, admin.id)
    assert len(events(at.process, "second-factor.reset")) == 2


def test_a_user_is_deleted_with_it(at: SigningIn, me: Person) -> None:
    me.enrol()
    at.process.users.delete(at.process.operator, me.id)
    assert factor_record(me) is None


# Where the organization requires one


def require(at: SigningIn, *, required: bool = True) -> None:
    at.rule.set(at.process.operator, "default", required=required)


def test_where_one_is_required_who_has_none_can_only_set_one_up(at: SigningIn, me: Person) -> None:
    require(at)
    assert at.principal(me.secret).enrolling, "sessions that were there, too"
    opened = at.open()
    assert opened.enrolling
    me.secret = opened.secret
    with pytest.raises(SecondFactorNeeded):
        at.process.authenticate(EmailPassword(EMAIL, PASSWORD))
    me.enrol()
    assert not at.principal(me.secret).enrolling
    assert not at.open(me.next_code()).enrolling
    with pytest.raises(SecondFactorRequired):
        me.remove(me.next_code())
    require(at, required=False)
    me.remove(me.next_code())
    assert not at.principal(me.secret).enrolling


def test_who_was_reset_there_sets_up_another(at: SigningIn, me: Person) -> None:
    require(at)
    me.enrol()
    at.resets.reset(at.process.operator, me.id)
    me.secret = at.open().secret
    assert at.principal(me.secret).enrolling
    assert not at.principal(me.enrol().secret).enrolling


def test_who_requires_one_has_one(at: SigningIn, me: Person) -> None:
    admin = at.person("boss@example.org", Role.ADMIN)
    with pytest.raises(SecondFactorFirst):
        at.rule.set(admin.by, "default", required=True)
    with pytest.raises(Forbidden):
        at.rule.set(me.enrol().by, "default", required=True)
    admin.enrol()
    at.rule.set(admin.by, "default", required=True)
    at.rule.set(admin.by, "default", required=True)
    at.rule.set(admin.by, "default", required=False)
    told = [one["second_factor"] for one in events(at.process, "organization.second-factor")]
    assert sorted(told) == ["optional", "required"]


def test_the_rule_stays_when_the_organization_rests_or_comes_back(at: SigningIn) -> None:
    process = at.process
    registrar = Registrar(process.recent, process.journal, SYSTEM, clock=process.clock)
    require(at)
    registrar.suspend("default")
    assert registrar.resume("default").second_factor_required
    assert process.organizations.named("default").second_factor_required
    registrar.create("acme")
    organization = process.organizations.named("acme").id
    at.rule.set(operating(organization, SYSTEM), "acme", required=True)
    registrar.delete("acme")
    assert registrar.restore("acme").second_factor_required
    assert process.organizations.named("acme").second_factor_required


def test_the_rule_is_not_set_for_another_organization(at: SigningIn) -> None:
    process = at.process
    Registrar(process.recent, process.journal, SYSTEM).create("acme")
    with pytest.raises(Missing):
        at.rule.set(process.operator, "acme", required=True)
