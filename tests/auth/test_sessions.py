"""Sessions: opened at the same cost for everybody, over in time, ended at once, bounded."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from auth import (
    ApiKeySecret,
    EmailPassword,
    Forbidden,
    Missing,
    NotAuthenticated,
    Suspended,
    TooManyAttempts,
    UserChanges,
)
from auth.principals import Role
from auth.rates import FAILURES_BY_ACCOUNT
from auth.registrar import Registrar
from auth.secret_texts import SESSION, fingerprint, make_secret
from auth.session_records import Kind
from auth.sessions import SESSIONS_MOST
from storage import keys
from storage.events import SYSTEM
from storage.metadata import Put
from tests.auth.installation import ADDRESS, ELSEWHERE, PASSWORD, Installation
from tests.auth.signing_in import EMAIL, SigningIn, events


def test_a_session_is_its_user_and_says_which_it_is(at: SigningIn) -> None:
    user = at.process.user(EMAIL)
    opened = at.open()
    assert opened.secret.text.startswith("srs_")
    principal = at.principal(opened.secret)
    assert (principal.user_id, principal.method) == (user.id, "session")
    assert principal.session_id == opened.session.id == principal.credential
    assert (principal.key_id, principal.scopes) == (None, None)
    assert not opened.enrolling
    assert not principal.enrolling


def test_what_is_stored_is_the_secrets_hash(at: SigningIn) -> None:
    user = at.process.user(EMAIL)
    opened = at.open(kind=Kind.COOKIE)
    key = keys.portal_session(at.process.organization, opened.session.id)
    record = at.process.recent.get(key)[key]
    assert record.value["hash"] == fingerprint(opened.secret).sha256
    assert opened.secret.text not in repr(record)
    assert opened.secret.text not in repr(opened)
    assert record.value["user"] == user.id
    assert record.expires == opened.session.expires


@pytest.mark.parametrize("kind, hours", [(Kind.COOKIE, 8), (Kind.BEARER, 1)])
def test_a_session_is_over_in_time(at: SigningIn, kind: Kind, hours: int) -> None:
    at.process.user(EMAIL)
    opened = at.open(kind=kind)
    claim = at.process.authenticator.identify(at.process.standing, opened.secret, ADDRESS)
    records = at.process.recent.get(*claim.needs())
    at.process.clock.pass_by(hours=hours, seconds=-1)
    at.principal(opened.secret)
    at.process.clock.pass_by(seconds=1)
    with pytest.raises(NotAuthenticated):
        at.principal(opened.secret)
    with pytest.raises(NotAuthenticated):
        claim.confirm(records)  # by records that were read before, too
    assert at.sessions.list(at.authority(at.open().secret))[0].kind is Kind.BEARER


def _raise_epoch(at: SigningIn, user_id: str) -> None:
    key = keys.user(at.process.organization, user_id)
    record = at.process.recent.get(key)[key]
    value = {**record.value, "epoch": record.value.get("epoch", 0) + 1}
    at.process.recent.commit(Put(key, value, at=record.version))


ENDINGS = {
    "deleted": lambda at, user: at.process.users.delete(at.process.operator, user),
    "epoch": _raise_epoch,
}


@pytest.mark.parametrize("how", ENDINGS)
def test_what_ends_all_sessions_ends_them_at_once(at: SigningIn, how: str) -> None:
    user = at.process.user(EMAIL)
    secrets = [at.open().secret for _ in range(3)]
    ENDINGS[how](at, user.id)
    for secret in secrets:
        with pytest.raises(NotAuthenticated):
            at.process.authenticate(secret, fresh=False)


def test_in_other_processes_a_session_ends_within_ten_seconds(
    installation: Installation, at: SigningIn
) -> None:
    at.process.user(EMAIL)
    opened, other = at.open(), installation.process()
    other.authenticate(opened.secret, fresh=False)
    at.sessions.end_own(at.authority(opened.secret))
    other.authenticate(opened.secret, fresh=False)
    with pytest.raises(NotAuthenticated):
        other.authenticate(opened.secret, fresh=True)
    installation.clock.pass_by(seconds=10.1)
    with pytest.raises(NotAuthenticated):
        other.authenticate(opened.secret, fresh=False)


def test_sessions_are_listed_and_ended_by_their_user_alone(at: SigningIn) -> None:
    me, other = at.person(), at.person("other@example.org", role=Role.ADMIN)
    at.process.clock.pass_by(seconds=1)
    second = at.open(kind=Kind.COOKIE)
    listed = at.sessions.list(me.by)
    assert [one.id for one in listed] == [second.session.id, me.by.actor.credential]
    assert [one.kind for one in listed] == [Kind.COOKIE, Kind.BEARER]
    assert listed[0].agent == "a test"
    with pytest.raises(Missing):
        at.sessions.end(other.by, second.session.id)
    at.sessions.end(me.by, second.session.id)
    with pytest.raises(Missing):
        at.sessions.end(me.by, second.session.id)
    with pytest.raises(NotAuthenticated):
        at.principal(second.secret)
    assert len(at.sessions.list(me.by)) == 1


@pytest.mark.parametrize("text", ["", "x", "../x", "a" * 32 + "#", "count"])
def test_what_is_no_id_of_a_session_is_none(at: SigningIn, text: str) -> None:
    with pytest.raises(Missing):
        at.sessions.end(at.person().by, text)


def test_all_others_end_and_the_own_one_goes_on(at: SigningIn) -> None:
    me, secrets = at.person(), [at.open().secret for _ in range(3)]
    at.sessions.end_others(me.by)
    assert len(at.sessions.list(me.by)) == 1
    for secret in secrets:
        with pytest.raises(NotAuthenticated):
            at.principal(secret)
    (event,) = events(at.process, "session.end")
    assert len(event["ended"]) == 3


def test_who_signs_in_once_more_loses_the_oldest(at: SigningIn) -> None:
    me, opened = at.person(), []
    for _ in range(SESSIONS_MOST - 1):
        at.process.clock.pass_by(seconds=1)
        opened.append(at.open().secret)
    at.principal(me.secret)
    at.process.clock.pass_by(seconds=1)
    newest = at.open()
    with pytest.raises(NotAuthenticated):
        at.principal(me.secret)
    assert len(at.sessions.list(at.authority(newest.secret))) == SESSIONS_MOST
    assert events(at.process, "session.create")[-1]["ended"] == [fingerprint(me.secret).key_id]


def test_a_key_with_scopes_sees_and_ends_none(at: SigningIn) -> None:
    me = at.person()
    made = at.process.keys.create(at.process.operator, name="x", user_id=me.id, scopes={})
    by = at.authority(made.secret)
    for call in (at.sessions.list, at.sessions.end_others, at.sessions.end_own):
        with pytest.raises(Forbidden):
            call(by)


def test_a_password_has_no_session_to_end(at: SigningIn) -> None:
    at.process.user(EMAIL)
    by = at.process.authenticate(EmailPassword(EMAIL, PASSWORD)).acting("r")
    with pytest.raises(Missing):
        at.sessions.end_own(by)


def test_a_secret_of_the_wrong_kind_or_organization_is_nobodys(at: SigningIn) -> None:
    me = at.person()
    for text in (
        make_secret(SESSION).text,
        me.secret.text.replace("srs_", "srk_"),
        me.secret.text.replace("srs_", "srt_"),
        me.secret.text[:-1],
    ):
        with pytest.raises(NotAuthenticated):
            at.principal(ApiKeySecret(text))


def test_opening_is_told_to_history_with_ids_alone(at: SigningIn) -> None:
    user = at.process.user(EMAIL)
    opened = at.open()
    (event,) = events(at.process, "session.create")
    assert event == {"subject": opened.session.id, "kind": "bearer", "second_factor": False}
    assert EMAIL not in repr(event)
    assert user.id not in repr(event), "the actor says who"


def cost(at: SigningIn, call: Callable[[], object]) -> tuple[int, int, int]:
    before = at.process.spent()
    with suppress(NotAuthenticated, TooManyAttempts):
        call()
    after = at.process.spent()
    return after[0] - before[0], after[1] - before[1], after[2] - before[2]


def test_a_wrong_password_costs_the_same_whoever_has_it(at: SigningIn) -> None:
    """Known, with a second factor, disabled, without a password, unknown; until the refusal."""
    at.process.user(EMAIL)
    at.person("factor@example.org").enrol()
    disabled = at.process.user("off@example.org")
    at.process.users.update(at.process.operator, disabled.id, UserChanges(active=False))
    at.process.users.create(
        at.process.operator, email="none@example.org", name="No password", role="reader"
    )
    names = (EMAIL, "factor@example.org", "off@example.org", "none@example.org", "no@example.org")
    emails = {email: f"192.0.2.{number}" for number, email in enumerate(names)}
    for number in range(FAILURES_BY_ACCOUNT + 2):
        wrong = f"not the password {number}"
        costs = {
            cost(at, partial(at.open, "123456", email=email, password=wrong, address=address))
            for email, address in emails.items()
        }
        assert len(costs) == 1, costs


def test_and_gets_the_same_words(at: SigningIn) -> None:
    at.process.user(EMAIL)
    at.person("factor@example.org").enrol()
    disabled = at.process.user("off@example.org")
    at.process.users.update(at.process.operator, disabled.id, UserChanges(active=False))
    words = set()
    for email, password in (
        (EMAIL, "not the password"),
        ("factor@example.org", "not the password"),
        ("off@example.org", PASSWORD),
        ("no@example.org", "not the password"),
        ("no address", "not the password"),
        (EMAIL, "short"),
    ):
        for code in (None, "123456"):
            with pytest.raises(NotAuthenticated) as caught:
                at.open(code, email=email, password=password, address=ELSEWHERE)
            words.add(str(caught.value))
    assert len(words) == 1


def test_a_suspended_organization_opens_none(at: SigningIn) -> None:
    at.process.user(EMAIL)
    Registrar(at.process.recent, at.process.journal, SYSTEM).suspend("default")
    with pytest.raises(Suspended):
        at.open()


def test_an_address_that_is_anothers_by_now_opens_that_others(at: SigningIn) -> None:
    """Also where the password was verified a moment ago for who had the address."""
    old = at.person()
    at.process.users.update(at.process.operator, old.id, UserChanges(email="moved@example.org"))
    new = at.process.user(EMAIL)
    assert at.principal(at.open().secret).user_id == new.id
