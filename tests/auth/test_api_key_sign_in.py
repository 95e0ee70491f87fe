"""Requests with an API key: what they cost, and when a key is good no longer."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest

from auth import ApiKeySecret, CorruptRecord, MadeKey, NotAuthenticated, Role, UserChanges
from auth.claims import SecretClaim
from auth.principals import Action, Site
from auth.secret_texts import make_secret
from storage import keys
from storage.metadata import Add, Delete, Put
from tests.auth.installation import Installation, Process

RIGHT = ("read", "write")


def made_key(process: Process, **options: object) -> MadeKey:
    user = process.user()
    process.users.set_permissions(process.operator, user.id, {"repo": RIGHT}, {"repo"})
    return process.keys.create(process.operator, name="ci", user_id=user.id, **options)


def test_a_key_is_its_user_within_its_scopes(process: Process) -> None:
    key = made_key(process, scopes={"repo": ["read", "delete"]}, repositories={"repo"})
    principal = process.authenticate(key.secret)
    assert (principal.user_id, principal.key_id) == (key.key.user_id, key.key.id)
    assert (principal.method, principal.credential) == ("key", key.key.id)
    assert principal.role is Role.DEVELOPER
    assert {action for action in Action if principal.may(Site("repo"), action)} == {Action.READ}


def test_the_first_administrators_key_reads_and_writes_everything(
    installation: Installation, process: Process
) -> None:
    assert installation.made.api_key is not None
    principal = process.authenticate(installation.made.api_key)
    assert principal.manages
    assert all(principal.may(Site("any"), action) for action in Action)


def test_a_cold_key_costs_one_read_of_its_own_and_a_warm_one_none(process: Process) -> None:
    key = made_key(process)
    process.recent.forget(keys.api_key(process.organization, key.key.id))
    before = process.spent()
    claim = process.authenticator.identify(process.standing, key.secret, "")
    cold = process.spent()
    claim.confirm(process.recent.cached(*claim.needs()))
    read = process.spent()
    claim = process.authenticator.identify(process.standing, key.secret, "")
    claim.confirm(process.recent.cached(*claim.needs()))
    warm = process.spent()
    assert cold[0] - before[0] == 1
    assert read[0] - cold[0] == 1
    assert warm == read


def test_a_key_that_was_refused_is_nobodys_share(process: Process) -> None:
    """Whoever has an old key must not use up its owner's, until it is good again."""
    key = made_key(process)
    claim = process.authenticator.identify(process.standing, key.secret, "")
    claim.confirm(process.recent.get(*claim.needs()))
    assert isinstance(claim, SecretClaim)
    assert claim.holder == key.key.user_id
    for active, holder in ((False, None), (True, key.key.user_id)):
        process.users.update(process.operator, key.key.user_id, UserChanges(active=active))
        with nullcontext() if active else pytest.raises(NotAuthenticated):
            claim.confirm(process.recent.get(*claim.needs()))
        assert claim.holder == holder


def test_the_first_use_of_a_key_is_told_once_for_a_claim(
    installation: Installation, process: Process
) -> None:
    """When it was found good, and by no request after that, also where all is read anew."""
    key = made_key(process)
    claim = process.authenticator.identify(process.standing, key.secret, "")
    assert process.signed_in == []
    with pytest.raises(NotAuthenticated):
        claim.confirm({})
    assert process.signed_in == []
    for _ in range(3):
        claim.confirm(process.recent.cached(*claim.needs()))
        claim.confirm(process.recent.get(*claim.needs()))
        installation.clock.pass_by(seconds=11)
    assert process.signed_in == [(key.key.user_id, key.key.id)]


@pytest.mark.parametrize("text", ["", "srk_", "srk_" + "0" * 49, "password", "srk_" + "ä" * 49])
def test_malformed_keys_are_refused_without_a_read(process: Process, text: str) -> None:
    before = process.spent()
    with pytest.raises(NotAuthenticated):
        process.authenticate(ApiKeySecret(text))
    assert process.spent() == before


def test_an_unknown_key_costs_one_read_and_no_slow_hash(process: Process) -> None:
    before = process.spent()
    with pytest.raises(NotAuthenticated):
        process.authenticate(make_secret())
    reads, writes, hashes = process.spent()
    assert (reads - before[0], writes - before[1], hashes - before[2]) == (1, 0, 0)


def test_a_record_with_another_hash_does_not_admit(process: Process) -> None:
    """The id alone, which is public, proves nothing."""
    key = made_key(process)
    where = keys.api_key(process.organization, key.key.id)
    record = process.recent.get(where)[where]
    process.recent.commit(Put(where, {**record.value, "hash": "0" * 64}, at=record.version))
    with pytest.raises(NotAuthenticated):
        process.authenticate(key.secret)


def test_the_newest_record_decides_also_about_the_hash(process: Process) -> None:
    """What was remembered only says whose records to read."""
    key = made_key(process)
    where = keys.api_key(process.organization, key.key.id)
    claim = process.authenticator.identify(process.standing, key.secret, "")
    record = process.recent.get(where)[where]
    for change in ({"hash": "0" * 64}, {"user": "a" * 16}):
        changed = {**process.recent.get(*claim.needs())}
        changed[where] = replace(record, value={**record.value, **change})
        with pytest.raises(NotAuthenticated):
            claim.confirm(changed)


def test_a_key_is_of_its_organization_alone(process: Process) -> None:
    key = made_key(process)
    with pytest.raises(NotAuthenticated):
        process.authenticator.identify(
            replace(process.standing, organization="another"), key.secret, ""
        )


def test_a_key_ends_when_it_expires(installation: Installation, process: Process) -> None:
    """To the moment, even where its record is remembered."""
    expires = installation.clock() + timedelta(seconds=5)
    key = made_key(process, expires=expires)
    assert process.authenticate(key.secret).expires == expires
    installation.clock.pass_by(seconds=4.999)
    process.authenticate(key.secret, fresh=False)
    installation.clock.pass_by(seconds=0.001)
    with pytest.raises(NotAuthenticated, match="expired"):
        process.authenticate(key.secret, fresh=False)


REVOCATIONS = {
    "key deleted": lambda process, key: process.keys.delete(process.operator, key.key.id),
    "user deleted": lambda process, key: process.users.delete(process.operator, key.key.user_id),
    "user disabled": lambda process, key: process.users.update(
        process.operator, key.key.user_id, UserChanges(active=False)
    ),
}


@pytest.mark.parametrize("how", REVOCATIONS)
def test_revocation_is_at_once_in_the_same_process(process: Process, how: str) -> None:
    key = made_key(process)
    process.authenticate(key.secret, fresh=False)
    REVOCATIONS[how](process, key)
    with pytest.raises(NotAuthenticated):
        process.authenticate(key.secret, fresh=False)


@pytest.mark.parametrize("how", REVOCATIONS)
def test_revocation_takes_ten_seconds_elsewhere_and_none_where_read_afresh(
    installation: Installation, process: Process, how: str
) -> None:
    key = made_key(process)
    other = installation.process()
    other.authenticate(key.secret, fresh=False)
    installation.clock.pass_by(seconds=9.9)
    REVOCATIONS[how](process, key)
    other.authenticate(key.secret, fresh=False)
    with pytest.raises(NotAuthenticated):
        other.authenticate(key.secret, fresh=True)
    installation.clock.pass_by(seconds=0.2)
    with pytest.raises(NotAuthenticated):
        other.authenticate(key.secret, fresh=False)


def test_steady_use_does_not_stretch_the_ten_seconds(
    installation: Installation, process: Process
) -> None:
    key = made_key(process)
    other = installation.process()
    other.authenticate(key.secret, fresh=False)
    process.keys.delete(process.operator, key.key.id)
    for _ in range(9):
        installation.clock.pass_by(seconds=1)
        other.authenticate(key.secret, fresh=False)
    installation.clock.pass_by(seconds=1.1)
    with pytest.raises(NotAuthenticated):
        other.authenticate(key.secret, fresh=False)


def test_a_grant_taken_away_is_gone_at_once(process: Process) -> None:
    key = made_key(process)
    assert process.authenticate(key.secret, fresh=False).may(Site("repo"), Action.WRITE)
    process.users.set_permissions(process.operator, key.key.user_id, {"repo": ["read"]}, {"repo"})
    assert not process.authenticate(key.secret, fresh=False).may(Site("repo"), Action.WRITE)


def test_a_key_whose_user_record_alone_is_gone_is_useless(process: Process) -> None:
    """What a killed or foreign writer might leave: the key's record without its user."""
    key = made_key(process)
    process.recent.commit(Delete(keys.user(process.organization, key.key.user_id)))
    with pytest.raises(NotAuthenticated):
        process.authenticate(key.secret)


@pytest.mark.parametrize("missing", ["scopes", "expires"])
def test_a_record_that_lost_a_bound_admits_nobody(process: Process, missing: str) -> None:
    """A key without its `scopes` must not become one without scopes."""
    key = made_key(process, scopes={}, expires=process.clock() + timedelta(days=1))
    where = keys.api_key(process.organization, key.key.id)
    record = process.recent.get(where)[where]
    value = {name: item for name, item in record.value.items() if name != missing}
    process.recent.commit(Put(where, value, at=record.version))
    with pytest.raises(CorruptRecord):
        process.authenticate(key.secret)


def test_limits_on_accounts_never_touch_keys(process: Process) -> None:
    """Counters far past every limit change nothing for a key, which asks for none of them."""
    key = made_key(process)
    claim = process.authenticator.identify(process.standing, key.secret, "192.0.2.1")
    assert all("#attempts" not in needed.partition for needed in claim.needs())
    for moment in (process.clock(), process.clock() + timedelta(minutes=1)):
        counter = keys.attempts(process.organization, moment, "any")
        process.recent.commit(Add(counter, {"failures": 1000}, create=True))
    process.authenticate(key.secret)
    claim.confirm(process.recent.get(*claim.needs()))
