"""Groups, sessions and tokens: what they open, when they no longer do, and what that costs."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from auth import EmailPassword, NotAuthenticated, Principal
from auth.callers import is_over, session_and_user
from auth.credentials import ApiKeySecret
from auth.errors import SecondFactorNeeded
from auth.principals import Action, Site
from auth.records import time_text
from auth.secret_texts import KEY, SCIM_TOKEN, SESSION, fingerprint, make_secret
from storage import keys
from storage.metadata import Delete, Key, Put, Record
from tests.auth.installation import ADDRESS, PASSWORD, Process

PLACE = Site("repo", "team-files")
EMAIL = "dev@example.org"
GROUP, OTHER = "a" * 16, "b" * 16


def put(process: Process, key: Key, value: Mapping[str, Any]) -> None:
    """Write a record as it stands, over what is there."""
    process.recent.commit(Put(key, value))


def change(process: Process, key: Key, **changes: Any) -> None:
    record = process.recent.get(key)[key]
    process.recent.commit(Put(key, {**record.value, **changes}, at=record.version))


def group(process: Process, group_id: str, permissions: Mapping[str, list[str]]) -> None:
    value = {"id": group_id, "name": "a group", "permissions": permissions}
    put(process, keys.group(process.organization, group_id), value)


def allowed(principal: Principal, place: Site = PLACE) -> set[str]:
    return {str(action) for action in Action if principal.may(place, action)}


def person(process: Process, *groups: str, **changes: Any) -> tuple[Key, ApiKeySecret]:
    """A developer who was granted nothing himself, with a key."""
    user = process.user(EMAIL)
    where = keys.user(process.organization, user.id)
    change(process, where, groups=list(groups), **changes)
    made = process.keys.create(process.operator, name="key", user_id=user.id)
    return where, made.secret


def session(process: Process, user: Key, **changes: Any) -> ApiKeySecret:
    """A session of a user, of his epoch, for an hour."""
    secret = make_secret(SESSION)
    proof = fingerprint(secret)
    value = {
        "id": proof.key_id,
        "hash": proof.sha256,
        "user": user.sort,
        "epoch": 0,
        "expires": time_text(process.clock() + timedelta(hours=1)),
    } | changes
    put(process, keys.portal_session(process.organization, proof.key_id), value)
    return secret


def token(process: Process, expires: str | None = None) -> ApiKeySecret:
    secret = make_secret(SCIM_TOKEN)
    proof = fingerprint(secret)
    value = {"id": proof.key_id, "hash": proof.sha256, "name": "idp", "expires": expires}
    put(process, keys.scim_token(process.organization, proof.key_id), value)
    return secret


def test_a_group_gives_what_it_is_granted_by_id_and_by_pattern(process: Process) -> None:
    group(process, GROUP, {"repo": ["read"], "team-*": ["write"]})
    group(process, OTHER, {"*-files": ["delete"], "other": ["read"]})
    _, secret = person(process, GROUP, OTHER)
    assert allowed(process.authenticate(secret)) == {"read", "write", "delete"}
    assert allowed(process.authenticate(secret), Site("repo")) == {"read"}


def test_a_group_that_is_gone_grants_nothing(process: Process) -> None:
    group(process, GROUP, {"repo": ["read"]})
    _, secret = person(process, GROUP, OTHER)
    assert allowed(process.authenticate(secret)) == {"read"}
    process.recent.commit(Delete(keys.group(process.organization, GROUP)))
    assert allowed(process.authenticate(secret)) == set()


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("by", ["key", "password"])
def test_a_group_that_is_gone_costs_nothing_more(process: Process, by: str, fresh: bool) -> None:
    """Until its members' records are cleaned: it is looked for once."""
    group(process, GROUP, {"repo": ["read"]})
    group(process, OTHER, {"repo": ["write"]})
    _, secret = person(process, GROUP, OTHER)
    credentials = secret if by == "key" else EmailPassword(EMAIL, PASSWORD)

    def ask() -> tuple[set[str], int]:
        claim = process.authenticator.identify(process.standing, credentials, ADDRESS)
        get = process.recent.remembering if fresh else process.recent.cached
        before = process.engine.reads
        principal = claim.confirm(get(*claim.needs()))
        return allowed(principal), process.engine.reads - before

    for _ in range(2):
        ask()
    before = ask()
    assert before == ({"read", "write"}, 1 if fresh else 0)
    process.recent.commit(Delete(keys.group(process.organization, GROUP)))
    assert ask()[0] == {"write"}
    assert ask() == ({"write"}, before[1])
    assert ask() == ({"write"}, before[1])


@pytest.mark.parametrize("by", ["key", "password"])
def test_a_group_that_comes_behind_its_members_is_found(process: Process, by: str) -> None:
    """As where half of the commit that made it with them was seen."""
    _, secret = person(process, GROUP)
    credentials = secret if by == "key" else EmailPassword(EMAIL, PASSWORD)
    for fresh in (True, False):
        assert allowed(process.authenticate(credentials, fresh=fresh)) == set()
    group(process, GROUP, {"repo": ["read"]})
    for fresh in (True, False):
        assert allowed(process.authenticate(credentials, fresh=fresh)) == {"read"}


@pytest.mark.parametrize("fresh", [True, False])
def test_what_becomes_of_a_group_holds_at_once(process: Process, fresh: bool) -> None:
    group(process, GROUP, {"repo": ["read"]})
    user, secret = person(process)
    assert allowed(process.authenticate(secret, fresh=fresh)) == set()
    change(process, user, groups=[GROUP])
    assert allowed(process.authenticate(secret, fresh=fresh)) == {"read"}
    change(process, keys.group(process.organization, GROUP), permissions={"repo": ["write"]})
    assert allowed(process.authenticate(secret, fresh=fresh)) == {"write"}
    change(process, user, groups=[])
    assert allowed(process.authenticate(secret, fresh=fresh)) == set()


def test_groups_cost_no_read_of_their_own_once_they_are_known(process: Process) -> None:
    group(process, GROUP, {"repo": ["read"]})
    group(process, OTHER, {})
    _, secret = person(process, GROUP, OTHER)
    claim = process.authenticator.identify(process.standing, secret, ADDRESS)
    for most in (2, 1, 1):
        before = process.engine.reads
        claim.confirm(process.recent.remembering(*claim.needs()))
        assert process.engine.reads - before == most


def test_groups_of_who_comes_with_a_password_are_read_with_him(process: Process) -> None:
    group(process, GROUP, {"repo": ["read"]})
    person(process, GROUP)
    credentials = EmailPassword(EMAIL, PASSWORD)
    assert allowed(process.authenticate(credentials)) == {"read"}
    claim = process.authenticator.identify(process.standing, credentials, ADDRESS)
    before = process.engine.reads
    assert allowed(claim.confirm(process.recent.remembering(*claim.needs()))) == {"read"}
    assert process.engine.reads - before == 1
    change(process, keys.group(process.organization, GROUP), permissions={})
    assert allowed(process.authenticate(credentials)) == set()


def test_a_session_is_its_user_until_it_ends(process: Process) -> None:
    group(process, GROUP, {"repo": ["read"]})
    user, _ = person(process, GROUP)
    secret = session(process, user)
    principal = process.authenticate(secret)
    assert (principal.user_id, principal.method) == (user.sort, "session")
    assert principal.credential == fingerprint(secret).key_id
    assert allowed(principal) == {"read"}
    process.clock.pass_by(minutes=59)
    process.authenticate(secret)
    process.clock.pass_by(minutes=1)
    with pytest.raises(NotAuthenticated, match="over"):
        process.authenticate(secret)


@pytest.mark.parametrize(
    "changes", [{"epoch": 1}, {"active": False}, {"epoch": True}], ids=["age", "disabled", "odd"]
)
def test_a_session_ends_with_what_its_user_was(process: Process, changes: dict[str, Any]) -> None:
    user, _ = person(process)
    secret = session(process, user)
    process.authenticate(secret, fresh=False)
    change(process, user, **changes)
    for fresh in (False, True):
        with pytest.raises(NotAuthenticated):
            process.authenticate(secret, fresh=fresh)


def test_a_session_whose_user_is_read_at_another_moment_goes_on(process: Process) -> None:
    """Who changes his password keeps the session that he does it in: one commit raises the ages
    of both. Where one was remembered from before, both are read again; what is over stays so."""
    user, _ = person(process)
    secret = session(process, user)
    where = keys.portal_session(process.organization, fingerprint(secret).key_id)
    claim = process.authenticator.identify(process.standing, secret, ADDRESS)
    before = process.recent.get(*claim.needs())
    puts = [Put(key, {**before[key].value, "epoch": 1}) for key in (user, where)]
    process.recent.commit(*puts)
    after = process.recent.get(*claim.needs())
    for mixed in ({**before, user: after[user]}, {**after, user: before[user]}):
        reads = process.engine.reads
        assert claim.confirm(mixed).user_id == user.sort
        assert process.engine.reads == reads + 1
    change(process, user, epoch=2)
    for mixed in (before, after):
        assert claim.confirm(mixed).user_id == user.sort
        with pytest.raises(NotAuthenticated, match="over"):
            claim.confirm({**mixed, user: process.recent.get(user)[user]})
    process.recent.commit(Delete(where))
    with pytest.raises(NotAuthenticated, match="over"):
        claim.confirm({**before, user: after[user]})


@pytest.mark.parametrize("moments", [1, 2])
def test_a_session_read_by_halves_is_read_once_more(process: Process, moments: int) -> None:
    user, _ = person(process)
    secret = session(process, user)
    where = keys.portal_session(process.organization, fingerprint(secret).key_id)
    other, old = keys.group(process.organization, GROUP), process.recent.get(user, where)
    change(process, user, epoch=1)
    change(process, where, epoch=1)
    seen = [{**old, user: process.recent.get(user)[user]}] * moments
    asked = []

    def read(*which: Key) -> Mapping[Key, Record]:
        asked.append(which)
        return seen.pop() if seen else process.recent.get(*which)

    records = session_and_user(read, where, user, other)
    assert asked == [(where, user, other)] * 2
    assert is_over(records[where], records[user]) is (moments == 2)


def test_a_session_that_says_no_age_is_none(process: Process) -> None:
    user, _ = person(process)
    with pytest.raises(NotAuthenticated):
        process.authenticate(session(process, user, epoch=None))


def test_a_secret_is_taken_only_where_its_kind_lies(process: Process) -> None:
    """The prefix says where to look, and is part of what was hashed."""
    user, secret = person(process)
    for text in (secret.text, session(process, user).text, token(process).text):
        for prefix in {KEY, SESSION, SCIM_TOKEN} - {text[:4]}:
            with pytest.raises(NotAuthenticated):
                process.authenticate(ApiKeySecret(prefix + text[4:]))


def test_a_scim_token_may_nothing_with_repositories_and_is_no_administrator(
    process: Process,
) -> None:
    soon = time_text(process.clock() + timedelta(days=1))
    secret = token(process, soon)
    principal = process.authenticate(secret)
    assert principal.kind == "scim"
    assert allowed(principal) == set()
    assert not principal.manages
    process.clock.pass_by(days=1)
    with pytest.raises(NotAuthenticated, match="expired"):
        process.authenticate(secret)


def test_a_subscribers_key_reads_what_his_groups_name_and_nothing_else(process: Process) -> None:
    org = process.organization
    _, secret = person(process)
    where = keys.api_key(org, fingerprint(secret).key_id)
    put(process, keys.subscriber_group(org, GROUP), {"permissions": {"repo": ["read", "write"]}})
    # A group of the organization's own people under the same id, which must not count.
    group(process, OTHER, {"team-*": ["read"]})
    subscriber = {"id": "c" * 16, "active": True, "groups": [GROUP, OTHER], "role": "admin"}
    subscriber["expires"] = None
    put(process, keys.subscriber(org, "c" * 16), subscriber)
    change(process, where, user="c" * 16, owner="subscriber")
    principal = process.authenticate(secret)
    assert (principal.kind, principal.user_id) == ("subscriber", "c" * 16)
    assert allowed(principal) == {"read"}
    assert allowed(principal, Site("other", "team-x")) == set()
    assert not principal.manages
    change(process, keys.subscriber(org, "c" * 16), active=False)
    with pytest.raises(NotAuthenticated):
        process.authenticate(secret)


def test_with_a_second_factor_the_password_alone_opens_nothing(process: Process) -> None:
    user, secret = person(process)
    credentials = EmailPassword(EMAIL, PASSWORD)
    process.authenticate(credentials)
    change(process, user, second_factor=True)
    for _ in range(2):  # cold, and verified
        with pytest.raises(SecondFactorNeeded, match="API key"):
            process.authenticate(credentials)
    assert process.authenticate(secret).second_factor
    claim = process.authenticator.opening(process.standing, credentials, ADDRESS)
    assert claim.confirm(process.recent.get(*claim.needs())).second_factor


def test_where_one_is_required_who_has_none_can_only_set_it_up(process: Process) -> None:
    user, secret = person(process)
    group(process, GROUP, {"repo": ["read"]})
    change(process, user, groups=[GROUP])
    signed_in = session(process, user)
    change(process, process.standing.key, second_factor="required")
    process.recent.forget(process.standing.key)
    with pytest.raises(SecondFactorNeeded, match="set one up"):
        process.authenticate(EmailPassword(EMAIL, PASSWORD))
    principal = process.authenticate(signed_in)
    assert principal.enrolling
    assert allowed(principal) == set()
    assert allowed(process.authenticate(secret)) == {"read"}  # a build goes on
    change(process, user, second_factor=True)
    assert not process.authenticate(signed_in).enrolling


def test_an_administrator_who_has_to_set_one_up_manages_nothing(process: Process) -> None:
    user, _ = person(process, role="admin")
    signed_in = session(process, user)
    assert process.authenticate(signed_in).manages
    change(process, process.standing.key, second_factor="required")
    assert not process.authenticate(signed_in).manages
