"""Changes of provisioned accounts: passwords, disabling, and what is decided anew."""

import pytest

from auth import (
    EmailPassword,
    NotAuthenticated,
    UserChanges,
)
from auth.provisioned_users import ProvisionedUser, WantedUser
from storage import keys
from tests.auth.installation import (
    PASSWORD,
    Process,
)
from tests.auth.provisioning import same, service, wanted
from tests.auth.test_users import dump, events

OTHER = "another good password"


def test_a_password_signs_in_by_address_and_by_user_name(process: Process) -> None:
    by = service(process)
    user = process.provisioned.create(
        by, wanted("B Jensen", email="babs@example.org", password=PASSWORD)
    ).user
    for name in ("b jensen", "Babs@Example.org"):
        assert process.authenticate(EmailPassword(name, PASSWORD)).user_id == user.id
        with pytest.raises(NotAuthenticated):
            process.authenticate(EmailPassword(name, OTHER))
    process.provisioned.change(by, user.id, lambda it: same(it, user_name="babs", email=None))
    assert process.authenticate(EmailPassword("babs", PASSWORD)).user_id == user.id
    for gone in ("b jensen", "babs@example.org"):
        with pytest.raises(NotAuthenticated):
            process.authenticate(EmailPassword(gone, PASSWORD))


def test_wrong_passwords_of_both_names_are_counted_together(process: Process) -> None:
    """Two names are no two accounts to guess at."""
    by = service(process)
    account = wanted("bjensen", email="babs@example.org", password=PASSWORD)
    user = process.provisioned.create(by, account).user
    for name in ("bjensen", "babs@example.org"):
        with pytest.raises(NotAuthenticated):
            process.authenticate(EmailPassword(name, OTHER))
    counters = process.metadata.query_all(f"{process.organization}#attempts")
    assert sorted(record.value["failures"] for record in counters) == [2, 2], user.id


def test_a_password_is_hashed_once_and_ends_what_was_signed_in(process: Process) -> None:
    """Even if it is the same one, and however often it is decided anew."""
    by = service(process)
    user = process.provisioned.create(by, wanted(password=PASSWORD)).user
    process.authenticate(EmailPassword("jo@example.org", PASSWORD))
    taken, decisions = process.hashes.taken, []

    def decide(found: ProvisionedUser) -> WantedUser:
        decisions.append(found)
        if len(decisions) < 4:
            process.users.update(process.operator, user.id, UserChanges(name=f"{len(decisions)}"))
        return same(found, password=PASSWORD)

    process.provisioned.change(by, user.id, decide)
    assert (len(decisions), process.hashes.taken - taken) == (4, 1)
    key = keys.user(process.organization, user.id)
    assert process.metadata.get(key)[key].value["epoch"] == 1
    taken = process.hashes.taken
    process.authenticate(EmailPassword("jo@example.org", PASSWORD))
    assert process.hashes.taken == taken + 1, "what was verified is forgotten"


def test_disabling_ends_everything_and_enabling_brings_the_user_back(process: Process) -> None:
    by = service(process)
    user = process.provisioned.create(by, wanted(password=PASSWORD)).user
    key = process.keys.create(process.operator, name="ci", user_id=user.id).secret
    process.authenticate(EmailPassword("jo@example.org", PASSWORD))
    off = process.provisioned.change(by, user.id, lambda it: same(it, active=False))
    assert not off.user.active
    for credentials in (key, EmailPassword("jo@example.org", PASSWORD)):
        with pytest.raises(NotAuthenticated):
            process.authenticate(credentials)
    stored = keys.user(process.organization, user.id)
    assert process.metadata.get(stored)[stored].value["epoch"] == 1
    process.provisioned.change(by, user.id, lambda it: same(it, active=True))
    for credentials in (key, EmailPassword("jo@example.org", PASSWORD)):
        assert process.authenticate(credentials).user_id == user.id


def test_where_nothing_differs_nothing_is_written(process: Process) -> None:
    by = service(process)
    account = wanted("bjensen", email="babs@example.org", external_id="e", attributes={"a": [1]})
    made = process.provisioned.create(by, account)
    never = process.user("never@example.org")
    writes = process.engine.writes
    assert process.provisioned.change(by, made.user.id, lambda _: account) == made
    assert process.provisioned.change(by, made.user.id, same) == made
    taken_over = process.provisioned.change(by, never.id, same)
    assert (taken_over.user, taken_over.attributes) == (never, None)
    assert process.engine.writes == writes


def test_a_change_of_the_profile_alone_is_a_new_version_of_the_user(process: Process) -> None:
    by = service(process)
    made = process.provisioned.create(by, wanted("jo", attributes={"title": "Dr"}))
    changed = process.provisioned.change(by, made.user.id, lambda it: same(it, attributes={}))
    assert changed.attributes == {}
    assert changed.user.version > made.user.version
    assert changed == process.provisioned.get(by, made.user.id)
    (event,) = [one for one in events(process) if one.action == "user.update"]
    assert event.details["changed"] == ["attributes"]


def test_what_decide_raises_is_raised_and_nothing_is_changed(process: Process) -> None:
    class Differs(Exception):
        pass

    def refuse(_: ProvisionedUser) -> WantedUser:
        raise Differs

    by = service(process)
    made = process.provisioned.create(by, wanted())
    before = dump(process)
    with pytest.raises(Differs):
        process.provisioned.change(by, made.user.id, refuse)
    with pytest.raises(Differs):
        process.provisioned.delete(by, made.user.id, refuse)
    assert dump(process) == before


def test_a_change_that_another_was_quicker_than_is_decided_anew(process: Process) -> None:
    by = service(process)
    made = process.provisioned.create(by, wanted("jo", attributes={"n": 0}))
    meanwhile = [1, 2]

    def count(found: ProvisionedUser) -> WantedUser:
        seen = (found.attributes or {})["n"]
        if meanwhile:
            meanwhile.pop()
            process.provisioned.change(
                by, made.user.id, lambda it: same(it, attributes={"n": seen + 1})
            )
        return same(found, attributes={"n": seen + 10})

    assert process.provisioned.change(by, made.user.id, count).attributes == {"n": 12}
