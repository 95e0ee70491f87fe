"""Organizations: made, suspended, deleted and restored, and what requests see of it."""

import pytest

from auth import (
    AlreadyTaken,
    EmailPassword,
    Forbidden,
    InvalidField,
    Missing,
    NotAuthenticated,
    Suspended,
    Wanted,
)
from auth.organizations import DEFAULT, Named
from auth.passwords import CHEAP
from auth.registrar import RESTORABLE_FOR, Created, Registrar, SeveralDeleted
from auth.standing import Standing
from storage import keys
from storage.events import Actor
from storage.metadata import Put
from tests.auth.installation import ADDRESS, Installation, Process

OPERATOR = Actor(None, "command line", None)
BOSS = EmailPassword("boss@example.org", "the password of the boss")
WANTED = Wanted(BOSS.email, BOSS.password, api_key=True)


@pytest.fixture
def registrar(process: Process) -> Registrar:
    return registrar_of(process)


def registrar_of(process: Process) -> Registrar:
    return Registrar(process.recent, process.journal, OPERATOR, CHEAP, process.clock)


@pytest.fixture
def acme(registrar: Registrar) -> Created:
    return registrar.create("acme", WANTED)


def actions(process: Process, organization: str) -> list[tuple[str, str | None]]:
    """What happened in an organization, and by what credential."""
    events = [
        record
        for record in process.metadata.scan(0, 1).records
        if record.key.partition.startswith(f"{organization}#events#")
    ]
    assert all(process.journal.genuine(event) for event in events)
    return [(event.value["action"], event.value["credential"]) for event in events]


def test_an_organization_is_made_with_its_first_administrator(
    process: Process, acme: Created
) -> None:
    standing = process.organizations.resolve("acme")
    assert standing.organization == acme.organization.id
    assert acme.made is not None
    assert process.organizations.get(acme.organization.id).administrators == (acme.made.user_id,)
    for credentials in (BOSS, acme.made.api_key):
        assert credentials is not None
        claim = process.authenticator.identify(standing, credentials, ADDRESS)
        principal = claim.confirm(process.recent.get(*claim.needs()))
        assert principal.manages
        assert principal.organization == acme.organization.id


def test_it_is_made_without_one_as_well(process: Process, registrar: Registrar) -> None:
    created = registrar.create("empty")
    assert created.made is None
    assert process.organizations.get(created.organization.id).administrators == ()


class Bounded:
    """A quota with one counter."""

    bytes = 1000

    def operations(self, organization: str) -> tuple[Put, ...]:
        return (Put(keys.organization_usage(organization, "0"), {"over": -1000}),)


def test_a_quota_is_part_of_the_commit_that_makes_it(
    process: Process, registrar: Registrar
) -> None:
    writes = process.engine.writes
    created = registrar.create("acme", WANTED, Bounded())
    assert process.engine.writes == writes + 1
    organization = created.organization.id
    found = process.organizations.get(organization)
    assert (found.quota_bytes, found.created) == (1000, created.at)
    counter = keys.organization_usage(organization, "0")
    assert process.recent.get(counter)[counter].value == {"over": -1000}
    (event,) = (
        record.value
        for record in process.metadata.scan(0, 1).records
        if record.key.partition.startswith(f"{organization}#events#")
    )
    assert event["details"] == {"subject": organization, "quota_bytes": 1000}


@pytest.mark.parametrize("name", ["", "Acme", "a.b", "-a", "a-", "a" * 64, "ä", "xn--80ak6aa92e"])
def test_a_name_that_no_host_has_or_that_shows_as_another_is_refused(
    process: Process, registrar: Registrar, name: str
) -> None:
    with pytest.raises(InvalidField, match="name"):
        registrar.create(name, WANTED)
    assert [named.name for named in process.organizations.list()] == [DEFAULT]


def test_a_name_is_taken_once_and_nothing_is_left_of_the_second(
    process: Process, registrar: Registrar, acme: Created
) -> None:
    before = list(process.metadata.scan(0, 1).records)
    with pytest.raises(AlreadyTaken, match="name"):
        registrar.create("acme", WANTED)
    assert list(process.metadata.scan(0, 1).records) == before


def test_a_password_that_cannot_be_taken_makes_nothing(
    process: Process, registrar: Registrar
) -> None:
    with pytest.raises(InvalidField, match="password"):
        registrar.create("acme", Wanted(BOSS.email, "short"))
    with pytest.raises(Missing):
        process.organizations.resolve("acme")


def test_a_suspended_organization_is_refused_before_any_slow_hash(
    process: Process, registrar: Registrar, acme: Created
) -> None:
    standing = process.organizations.resolve("acme")
    assert acme.made is not None
    assert acme.made.api_key is not None
    by_key = process.authenticator.identify(standing, acme.made.api_key, ADDRESS)
    by_password = process.authenticator.identify(standing, BOSS, ADDRESS)
    hashes = process.hashes.taken
    assert registrar.suspend("acme") == Named("acme", acme.organization.id, suspended=True)
    for claim in (by_key, by_password):
        with pytest.raises(Suspended):
            claim.confirm(process.recent.get(*claim.needs()))
    with pytest.raises(Suspended):
        process.organizations.resolve("acme")
    assert process.hashes.taken == hashes
    registrar.resume("acme")
    assert by_key.confirm(process.recent.get(*by_key.needs())).manages


def test_suspending_holds_within_ten_seconds_in_other_processes_and_at_once_afresh(
    installation: Installation, process: Process, acme: Created
) -> None:
    other = installation.process()
    standing = other.organizations.resolve("acme")
    assert acme.made is not None
    assert acme.made.api_key is not None
    claim = other.authenticator.identify(standing, acme.made.api_key, ADDRESS)
    assert claim.confirm(other.recent.cached(*claim.needs())).manages
    registrar_of(process).suspend("acme")
    assert claim.confirm(other.recent.cached(*claim.needs())).manages
    with pytest.raises(Suspended):
        claim.confirm(other.recent.get(*claim.needs()))
    installation.clock.pass_by(seconds=10.001)
    with pytest.raises(Suspended):
        claim.confirm(other.recent.cached(*claim.needs()))
    with pytest.raises(Suspended):
        other.organizations.resolve("acme")


def test_suspending_and_resuming_twice_is_once(
    process: Process, registrar: Registrar, acme: Created
) -> None:
    for _ in range(2):
        assert registrar.suspend("acme").suspended
    for _ in range(2):
        assert not registrar.resume("acme").suspended
    assert sorted(actions(process, acme.organization.id)) == [
        ("organization.create", "command line"),
        ("organization.resume", "command line"),
        ("organization.suspend", "command line"),
    ]


def test_a_deleted_organization_is_as_if_it_had_never_been(
    process: Process, registrar: Registrar, acme: Created
) -> None:
    standing = process.organizations.resolve("acme")
    assert acme.made is not None
    assert acme.made.api_key is not None
    claim = process.authenticator.identify(standing, acme.made.api_key, ADDRESS)
    registrar.delete("acme")
    with pytest.raises(NotAuthenticated):
        claim.confirm(process.recent.cached(*claim.needs()))
    for verb in (registrar.suspend, registrar.resume, registrar.delete):
        with pytest.raises(Missing):
            verb("acme")
    with pytest.raises(Missing):
        process.organizations.resolve("acme")
    assert [named.name for named in process.organizations.list()] == [DEFAULT]


def test_a_name_is_free_at_once_and_leads_to_nothing_of_the_deleted_one(
    process: Process, registrar: Registrar, acme: Created
) -> None:
    old = process.organizations.resolve("acme")
    assert acme.made is not None
    assert acme.made.api_key is not None
    claim = process.authenticator.identify(old, acme.made.api_key, ADDRESS)
    registrar.delete("acme")
    newer = registrar.create("acme", WANTED)
    assert newer.organization.id != acme.organization.id
    with pytest.raises(NotAuthenticated):
        claim.confirm(process.recent.get(*claim.needs()))
    with pytest.raises(NotAuthenticated):
        process.authenticator.identify(
            process.organizations.resolve("acme"), acme.made.api_key, ADDRESS
        )
    with pytest.raises(AlreadyTaken):
        registrar.restore("acme")


def test_a_deleted_organization_comes_back_whole(
    installation: Installation, process: Process, registrar: Registrar, acme: Created
) -> None:
    organization = acme.organization.id
    before = process.organizations.get(organization)
    deleted = registrar.delete("acme")
    assert deleted.until - deleted.deleted == RESTORABLE_FOR
    (shown,) = process.organizations.deleted()
    assert (shown.name, shown.id, shown.until) == ("acme", organization, deleted.until)
    installation.clock.pass_by(days=29, hours=23)
    assert registrar.restore("acme") == acme.organization
    assert process.organizations.get(organization) == before
    assert process.organizations.deleted() == ()
    standing = process.organizations.resolve("acme")
    claim = process.authenticator.identify(standing, BOSS, ADDRESS)
    assert claim.confirm(process.recent.get(*claim.needs())).manages
    assert sorted(action for action, _ in actions(process, organization)) == [
        "organization.create",
        "organization.delete",
        "organization.restore",
        "sign-in",
    ]


def test_after_thirty_days_nothing_is_restored(
    installation: Installation, registrar: Registrar, acme: Created
) -> None:
    registrar.delete("acme")
    installation.clock.pass_by(days=30)
    with pytest.raises(Missing):
        registrar.restore("acme")


def test_what_is_being_erased_is_not_restored(
    process: Process, registrar: Registrar, acme: Created
) -> None:
    registrar.delete("acme")
    (deleted,) = process.organizations.deleted()
    value = {**deleted.value(), "erasing": True}
    process.metadata.commit(Put(deleted.key, value, at=deleted.version))
    with pytest.raises(Missing):
        registrar.restore("acme")


def test_of_several_of_a_name_the_one_that_is_named_is_restored(
    installation: Installation, process: Process, registrar: Registrar, acme: Created
) -> None:
    registrar.delete("acme")
    installation.clock.pass_by(minutes=1)
    second = registrar.create("acme", None).organization
    registrar.delete("acme")
    with pytest.raises(SeveralDeleted) as refused:
        registrar.restore("acme")
    assert [one.id for one in refused.value.deleted] == [acme.organization.id, second.id]
    assert registrar.restore("acme", second.id) == second
    registrar.delete("acme")
    assert registrar.restore("acme", acme.organization.id) == acme.organization
    with pytest.raises(Missing):
        registrar.restore("acm")
    with pytest.raises(InvalidField):
        registrar.restore("acme/")


def test_a_suspended_organization_is_suspended_when_it_is_restored(
    process: Process, registrar: Registrar, acme: Created
) -> None:
    registrar.suspend("acme")
    registrar.delete("acme")
    assert registrar.restore("acme").suspended
    with pytest.raises(Suspended):
        process.organizations.resolve("acme")


def test_default_is_not_deleted(process: Process, registrar: Registrar) -> None:
    with pytest.raises(Forbidden, match="default"):
        registrar.delete(DEFAULT)
    assert process.organizations.resolve(DEFAULT)


def test_of_two_who_restore_at_once_one_does(
    installation: Installation, process: Process, registrar: Registrar, acme: Created
) -> None:
    """Another one comes between the look and the commit."""
    registrar.delete("acme")
    other = registrar_of(installation.process())
    commit = process.recent.commit

    def overtaken(*operations, **more):
        process.recent.commit = commit  # type: ignore[method-assign]
        other.restore("acme")
        return commit(*operations, **more)

    process.recent.commit = overtaken  # type: ignore[method-assign]
    with pytest.raises(Missing):
        registrar.restore("acme")
    assert process.organizations.named("acme") == acme.organization


def test_a_name_of_before_suspending_was_there_is_served(process: Process) -> None:
    key = keys.organization_by_name("old")
    process.recent.commit(Put(key, {"id": "a" * 16}))
    assert process.organizations.resolve("old") == Standing("a" * 16, key)
    assert registrar_of(process).suspend("old").suspended
    with pytest.raises(Suspended):
        process.organizations.resolve("old")


def test_what_is_not_true_or_false_counts_as_suspended(process: Process) -> None:
    """A damaged record serves nobody."""
    key = keys.organization_by_name("odd")
    process.recent.commit(Put(key, {"id": "a" * 16, "suspended": None}))
    with pytest.raises(Suspended):
        process.organizations.resolve("odd")
