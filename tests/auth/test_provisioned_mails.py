"""Addresses of provisioned accounts: what is mailed to which, and what is not."""

import pytest

from auth import (
    EmailPassword,
    LinkEnded,
    Missing,
    UserChanges,
)
from auth.errors import NothingToInviteTo
from storage import keys
from storage.events import SYSTEM, Actor
from tests.auth.installation import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    PASSWORD,
    Process,
)
from tests.auth.provisioning import same, service, wanted

OTHER = "another good password"


def test_an_account_without_an_address_gets_no_mail(process: Process) -> None:
    by = service(process)
    user = process.provisioned.create(by, wanted("bjensen", password=PASSWORD)).user
    asked = Actor(None, "reset", "request", "192.0.2.1")
    process.resets.ask(process.standing, "bjensen@example.org", asked)
    assert [one.to for one in process.letters()] == [None]
    process.provisioned.change(by, user.id, lambda it: same(it, password=OTHER))
    nameless = process.provisioned.create(by, wanted("kim")).user
    with pytest.raises(NothingToInviteTo):
        process.invitations.invite(process.operator, nameless.id)
    process.users.update(process.operator, user.id, UserChanges(password="yet a better password"))
    assert process.authenticate(EmailPassword("bjensen", "yet a better password"))


def test_a_user_name_that_is_an_address_gets_no_reset(process: Process) -> None:
    """Mail goes to the address alone; the same is written as for nobody."""
    by = service(process)
    account = wanted("jo@example.org", email="new@example.org", password=PASSWORD)
    process.provisioned.create(by, account)
    process.resets.ask(process.standing, "jo@example.org", Actor(None, "reset", "request", None))
    assert [one.to for one in process.letters()] == [None]


def test_a_changed_address_is_told_to_the_old_one_and_voids_its_links(process: Process) -> None:
    by = service(process)
    user = process.provisioned.create(by, wanted(password=PASSWORD)).user
    process.resets.ask(process.standing, "jo@example.org", Actor(None, "reset", "request", None))
    (asked,) = process.letters()
    process.provisioned.change(by, user.id, lambda it: same(it, email="new@example.org"))
    (told,) = [one for one in process.letters() if one.kind == "address"]
    assert (told.to, dict(told.fields), told.about) == ("jo@example.org", {"name": "Jo"}, user.id)
    token = asked.fields["path"].rpartition("/")[2]
    with pytest.raises(LinkEnded):
        process.resets.use(process.standing, token, OTHER, SYSTEM)
    process.clock.pass_by(seconds=1)
    process.provisioned.change(by, user.id, lambda it: same(it, email=None))
    with pytest.raises(LinkEnded):
        process.resets.use(process.standing, token, OTHER, SYSTEM)
    found = [one.to for one in process.letters() if one.kind == "address"]
    assert found == ["jo@example.org", "new@example.org"]


def test_a_change_of_anything_else_mails_nothing(process: Process) -> None:
    by = service(process)
    account = wanted("bjensen", password=PASSWORD, email="jo@example.org")
    user = process.provisioned.create(by, account).user
    bare = process.provisioned.create(by, wanted("bare")).user
    for others in (
        {"user_name": "babs"}, {"name": "B"}, {"active": False}, {"active": True},
        {"external_id": "e"}, {"attributes": {"a": 1}}, {"role": "reader"},
        {"email": "JO@example.org"},
    ):  # fmt: skip
        process.provisioned.change(by, user.id, lambda it, some=others: same(it, **some))
    process.provisioned.change(by, bare.id, lambda it: same(it, email="bare@example.org"))
    process.users.update(process.operator, user.id, UserChanges(name="New", role="developer"))
    process.provisioned.delete(by, user.id, lambda _: None)
    assert process.letters() == []


def test_an_administrator_changes_the_address_and_not_what_the_provider_calls_him(
    process: Process,
) -> None:
    """And the old address is told, by the API and the command line as well."""
    by = service(process)
    user = process.provisioned.create(by, wanted("jo@example.org")).user
    admin = process.authenticate(EmailPassword(ADMIN_EMAIL, ADMIN_PASSWORD)).acting("request")
    process.users.update(admin, user.id, UserChanges(email="new@example.org"))
    assert [(one.kind, one.to) for one in process.letters()] == [("address", "jo@example.org")]
    found = process.provisioned.find_by_name(by, "jo@example.org")
    assert found is not None
    assert (found.user.id, found.user.email) == (user.id, "new@example.org")
    process.users.update(process.operator, user.id, UserChanges(email="jo@example.org"))
    key = keys.user(process.organization, user.id)
    assert "user_name" not in process.metadata.get(key)[key].value
    plain = process.user("plain@example.org")
    process.users.update(process.operator, plain.id, UserChanges(email="other@example.org"))
    with pytest.raises(Missing):
        process.users.find(process.operator, "plain@example.org")
