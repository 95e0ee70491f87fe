"""Provisioned accounts: found by what their provider calls them, and users like all others."""

from collections.abc import Callable

import pytest

from auth import (
    EmailPassword,
    Forbidden,
    InvalidField,
    LastAdministrator,
    Missing,
    Role,
)
from auth.provisioned_users import ProvisionedUser
from auth.records import new_id
from storage import keys
from storage.metadata import Put
from tests.auth.installation import (
    ADMIN_EMAIL,
    PASSWORD,
    Process,
)
from tests.auth.provisioning import same, service, wanted
from tests.auth.test_users import dump, events


def test_a_new_account_is_an_active_developer_who_is_granted_nothing(process: Process) -> None:
    made = process.provisioned.create(service(process), wanted(attributes={"title": "Dr"}))
    user = made.user
    assert (user.email, user.user_name, made.user_name) == ("jo@example.org",) * 3
    assert (user.role, user.active, user.has_password) == (Role.DEVELOPER, True, False)
    assert (dict(user.permissions), user.groups, made.external_id) == ({}, (), None)
    assert made.attributes == {"title": "Dr"}
    assert process.provisioned.get(process.operator, user.id) == made
    assert process.users.get(process.operator, user.id) == user


def test_an_account_is_found_by_all_that_is_its_own(process: Process) -> None:
    by = service(process)
    account = wanted("BJensen", email="babs@example.org", external_id="00u1A")
    made = process.provisioned.create(by, account)
    found = process.provisioned
    assert found.find_by_name(by, "bjENSEN") == made
    assert found.find_by_external_id(by, "00u1A") == made
    assert found.find_by_name(by, "babs@example.org") is None, "that is the address"
    for nothing in ("", "nobody", " bjensen", "b\0", "\ud800", "x" * 300):
        assert found.find_by_name(by, nothing) is None
        assert found.find_by_external_id(by, nothing) is None
    assert found.find_by_external_id(by, "00u1a") is None
    assert process.users.find(process.operator, "bjensen") == made.user
    assert process.users.find(process.operator, "Babs@example.org") == made.user


def test_a_look_up_is_one_read_of_the_index_and_one_of_the_user(process: Process) -> None:
    by = service(process)
    made = process.provisioned.create(by, wanted("bjensen", external_id="e"))
    for needs, find, value in (
        (process.provisioned.name_needs, process.provisioned.find_by_name, "bjensen"),
        (process.provisioned.external_id_needs, process.provisioned.find_by_external_id, "e"),
    ):
        records = process.recent.get(*needs(process.organization, value))
        reads = process.engine.reads
        assert find(by, value, records) == made
        assert process.engine.reads == reads + 1
        assert find(by, value, {}) is None
        assert process.engine.reads == reads + 1
    records = process.recent.get(*process.provisioned.needs(process.organization, made.user.id))
    reads = process.engine.reads
    assert process.provisioned.get(by, made.user.id, records) == made
    assert process.engine.reads == reads


def test_an_index_that_leads_to_somebody_else_finds_nobody(process: Process) -> None:
    """Between the two reads he was renamed, and another index may be stale."""
    by = service(process)
    made = process.provisioned.create(by, wanted("bjensen", external_id="e"))
    (name,) = process.provisioned.name_needs(process.organization, "bjensen")
    (external,) = process.provisioned.external_id_needs(process.organization, "e")
    records = process.recent.get(name, external)
    process.provisioned.change(
        by, made.user.id, lambda one: same(one, user_name="babs", external_id="f")
    )
    assert process.provisioned.find_by_name(by, "bjensen", records) is None
    assert process.provisioned.find_by_external_id(by, "e", records) is None
    process.provisioned.delete(by, made.user.id, lambda _: None)
    assert process.provisioned.find_by_name(by, "bjensen", records) is None


def test_events_tell_ids_and_names_of_fields_and_no_value(process: Process) -> None:
    by = service(process)
    account = wanted("marked", email="marked@example.org", external_id="marked", name="marked")
    user = process.provisioned.create(by, account).user
    process.provisioned.change(
        by,
        user.id,
        lambda it: same(it, user_name="marked2", active=False, attributes={"marked": "marked"}),
    )
    process.provisioned.delete(by, user.id, lambda _: None)
    told = {one.action: one for one in events(process)}
    made, changed, deleted = (told[f"user.{verb}"] for verb in ("create", "update", "delete"))
    assert (made.action, made.details) == (
        "user.create",
        {"subject": user.id, "role": "developer", "permissions": {}, "provisioned": True},
    )
    assert (changed.action, changed.details) == (
        "user.update",
        {
            "subject": user.id,
            "changed": ["active", "attributes", "user_name"],
            "active": False,
            "provisioned": True,
        },
    )
    assert deleted.action == "user.delete"
    assert all(one.actor.user == by.actor.user for one in (made, changed, deleted))
    assert "marked" not in str(events(process))


def test_deleting_leaves_nothing_of_him(process: Process) -> None:
    by = service(process)
    before = dump(process)
    account = wanted("jo", email="jo@example.org", external_id="e", attributes={"a": 1})
    user = process.provisioned.create(by, account).user
    process.keys.create(process.operator, name="ci", user_id=user.id)
    factor = keys.second_factor(process.organization, user.id)
    process.metadata.commit(Put(factor, {"secret": "s"}))
    process.invitations.invite(process.operator, user.id)
    also = keys.privacy_request(process.organization, "r")
    told: list[tuple[str, str]] = []

    def besides(organization: str, user_id: str) -> tuple[Put, ...]:
        told.append((organization, user_id))
        return (Put(also, {"person": user_id}),)

    process.provisioned.delete(by, user.id, lambda _: None, besides)
    assert told == [(process.organization, user.id)]
    after = {key for key in dump(process) if "#mail" not in key.partition}
    assert after == {*before, also}
    with pytest.raises(Missing):
        process.provisioned.delete(by, user.id, lambda _: None)


def test_an_administrators_deletion_takes_the_profile_too(process: Process) -> None:
    by = service(process)
    before = dump(process)
    account = wanted("jo", email="jo@example.org", external_id="e")
    user = process.provisioned.create(by, account).user
    process.users.delete(process.operator, user.id)
    assert dump(process) == before


def test_pages_and_all_are_in_the_order_of_ids_with_their_profiles(process: Process) -> None:
    by = service(process)
    for number in range(7):
        process.provisioned.create(by, wanted(f"user{number}", attributes={"n": number}))
        process.user(f"never{number}@example.org")
    process.metadata.commit(Put(keys.profile(process.organization, "a" * 16), {"attributes": {}}))
    found: list[ProvisionedUser] = []
    after: str | None = ""
    while after is not None:
        reads = process.engine.reads
        page = process.provisioned.page(by, after, 4)
        assert process.engine.reads - reads <= 3
        found += page.items
        after = page.next
    assert found == list(process.provisioned.all(by))
    ids = [one.user.id for one in found]
    assert (ids, len(ids)) == (sorted(ids), 15)
    told = {one.user_name: one.attributes for one in found}
    assert [told[f"user{number}"] for number in range(7)] == [{"n": n} for n in range(7)]
    assert told["never3@example.org"] is None
    some = [ids[3], "nonsense", new_id(), ids[1], ids[3]]
    assert process.provisioned.those(by, some) == [found[3], found[1]]
    for limit in (0, 1001):
        with pytest.raises(InvalidField):
            process.provisioned.page(by, "", limit)


def test_nobody_but_a_service_and_administrators_provisions(process: Process) -> None:
    user = process.user()
    by = process.authenticate(EmailPassword("dev@example.org", PASSWORD)).acting("request")
    users = process.provisioned
    calls: tuple[Callable[[], object], ...] = (
        lambda: users.get(by, user.id),
        lambda: users.find_by_name(by, "dev@example.org"),
        lambda: users.find_by_external_id(by, "e"),
        lambda: users.page(by, "", 10),
        lambda: users.all(by),
        lambda: users.those(by, [user.id]),
        lambda: users.create(by, wanted()),
        lambda: users.change(by, user.id, same),
        lambda: users.delete(by, user.id, lambda _: None),
    )
    for call in calls:
        with pytest.raises(Forbidden):
            call()
    assert users.own(by, {}).user == user
    with pytest.raises(Missing):
        users.own(service(process), {})


def test_the_last_administrator_stays(process: Process) -> None:
    first = process.users.find(process.operator, ADMIN_EMAIL)
    for call in (
        lambda: process.provisioned.delete(process.operator, first.id, lambda _: None),
        lambda: process.provisioned.change(
            process.operator, first.id, lambda it: same(it, active=False)
        ),
    ):
        with pytest.raises(LastAdministrator):
            call()
