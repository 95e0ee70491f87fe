"""What an identity provider may do to administrators: rows of what is tried and how it ends."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from auth import ApiKeySecret, Authority, EmailPassword, Forbidden, LastAdministrator, Role
from auth.provisioned_users import ProvisionedUser, WantedUser
from auth.scim_tokens import ScimTokens
from auth.user_changes import UserChanges
from tests.auth.installation import ADMIN_EMAIL, ADMIN_PASSWORD, PASSWORD, Process
from tests.auth.provisioning import same, service, wanted
from tests.auth.test_users import dump

#: What is tried with a user that is there.
Try = Callable[[Process, Authority, str], object]


def _changed(**others: object) -> Try:
    return lambda process, by, user_id: process.provisioned.change(
        by, user_id, lambda found: same(found, **others)
    )


def _delete(process: Process, by: Authority, user_id: str) -> None:
    process.provisioned.delete(by, user_id, lambda _: None)


CHANGES: dict[str, Try] = {
    "a name": _changed(name="New"),
    "an address": _changed(email="new@example.org"),
    "no address": _changed(user_name="new", email=None),
    "a user name": _changed(user_name="new"),
    "a password": _changed(password=PASSWORD),
    "an external id": _changed(external_id="e"),
    "a profile": _changed(attributes={"title": "Dr"}),
    "another role": _changed(role="developer"),
    "deleted": _delete,
}


def administrator(process: Process, email: str = "second@example.org") -> str:
    return process.user(email, Role.ADMIN).id


def first(process: Process) -> str:
    return process.users.find(process.operator, ADMIN_EMAIL).id


@pytest.mark.parametrize("what", CHANGES)
def test_a_token_changes_an_administrator_only_with_the_right_to(
    process: Process, what: str
) -> None:
    second = administrator(process)
    before = dump(process)
    weak = service(process)
    tokens = {key for key in dump(process) if key not in before}
    taken = process.hashes.taken
    with pytest.raises(Forbidden) as caught:
        CHANGES[what](process, weak, second)
    assert "administrators" in str(caught.value)
    assert {key: value for key, value in dump(process).items() if key not in tokens} == before
    assert process.hashes.taken == taken, "who may not set a password has none hashed"
    CHANGES[what](process, service(process, administrators=True), second)


@pytest.mark.parametrize("administrators", [False, True])
@pytest.mark.parametrize("what", [*CHANGES, "disabled"])
def test_no_token_changes_the_first_administrator(
    process: Process, what: str, *, administrators: bool
) -> None:
    administrator(process)
    by = service(process, administrators=administrators)
    before = dump(process)
    with pytest.raises(Forbidden) as caught:
        {**CHANGES, "disabled": _changed(active=False)}[what](process, by, first(process))
    assert "first administrator" in str(caught.value)
    assert dump(process) == before


def test_any_token_disables_an_administrator_and_only_one_with_the_right_enables(
    process: Process,
) -> None:
    second = administrator(process)
    weak, strong = service(process), service(process, administrators=True)
    _changed(active=False)(process, weak, second)
    assert process.organizations.get(process.organization).administrators == (first(process),)
    for again in (_changed(active=True), _changed(password=PASSWORD), _delete):
        with pytest.raises(Forbidden):
            again(process, weak, second)
    _changed(active=True)(process, strong, second)
    assert second in process.organizations.get(process.organization).administrators


def test_a_token_makes_an_administrator_only_with_the_right_to(process: Process) -> None:
    weak, strong = service(process), service(process, administrators=True)
    user = process.provisioned.create(weak, wanted("jo", role="reader")).user
    for active in (True, False, None):
        with pytest.raises(Forbidden):
            process.provisioned.create(weak, wanted("kim", role="admin", active=active))
        with pytest.raises(Forbidden):
            _changed(role="admin", active=active)(process, weak, user.id)
    _changed(role="admin")(process, strong, user.id)
    made = process.provisioned.create(strong, wanted("kim", role="admin")).user
    assert {user.id, made.id} < set(process.organizations.get(process.organization).administrators)


def test_who_is_raised_meanwhile_is_an_administrator_by_then(process: Process) -> None:
    """The rule is decided by the record that the commit is made over."""
    user = process.user()
    by = service(process)

    def raised(found: ProvisionedUser) -> WantedUser:
        if found.user.role is Role.DEVELOPER:
            _changed(role="admin")(process, process.operator, user.id)
        return same(found, name="New")

    with pytest.raises(Forbidden):
        process.provisioned.change(by, user.id, raised)


def test_where_nothing_differs_nothing_is_refused(process: Process) -> None:
    """A provider sends what it has again and again."""
    for user_id in (first(process), administrator(process)):
        process.provisioned.change(service(process), user_id, same)


def test_of_what_a_token_sends_with_disabling_an_administrator_nothing_else_is_done(
    process: Process,
) -> None:
    """Providers send all that they know of who leaves; he has to be out all the same."""
    second = administrator(process)
    before = process.provisioned.get(process.operator, second)
    change = _changed(active=False, name="New", password=PASSWORD, attributes={"title": "Dr"})
    change(process, service(process), second)
    after = process.provisioned.get(process.operator, second)
    assert (after.user.active, after.user.name) == (False, before.user.name)
    assert (after.user.has_password, after.attributes) == (before.user.has_password, None)


def test_the_second_is_the_first_once_that_one_is_gone(process: Process) -> None:
    second = administrator(process)
    process.users.delete(process.operator, first(process))
    strong = service(process, administrators=True)
    with pytest.raises(Forbidden):
        _changed(active=False)(process, strong, second)
    with pytest.raises(LastAdministrator):
        _delete(process, process.operator, second)


def test_the_first_is_the_first_while_he_is_disabled(process: Process) -> None:
    """Else a token could have him back, with a password of its own."""
    one, second = first(process), administrator(process)
    process.users.update(process.operator, one, UserChanges(active=False))
    strong = service(process, administrators=True)
    for change in (_changed(password=PASSWORD), _changed(active=True), _delete):
        with pytest.raises(Forbidden):
            change(process, strong, one)
    process.users.update(process.operator, one, UserChanges(active=True))
    with pytest.raises(Forbidden):
        _changed(active=False)(process, strong, one)
    _changed(active=False)(process, strong, second)


def test_who_is_no_administrator_any_more_is_not_the_first_either(process: Process) -> None:
    one, second = first(process), administrator(process)
    process.users.update(process.operator, one, UserChanges(active=False))
    process.users.update(process.operator, one, UserChanges(role="reader"))
    strong = service(process, administrators=True)
    _changed(active=True)(process, strong, one)
    with pytest.raises(Forbidden):
        _changed(active=False)(process, strong, second)


def test_an_administrators_key_that_ends_opens_nothing_that_outlasts_it(process: Process) -> None:
    ends = process.clock() + timedelta(days=1)
    admin = first(process)
    made = process.keys.create(process.operator, name="ci", user_id=admin, expires=ends)
    by = process.authenticate(ApiKeySecret(made.secret.text)).acting("request")
    user = process.provisioned.create(by, wanted("jo")).user
    for wants in (wanted("kim", password=PASSWORD), wanted("kim", role="admin")):
        with pytest.raises(Forbidden):
            process.provisioned.create(by, wants)
    _changed(active=False)(process, by, user.id)
    for opening in (
        _changed(password=PASSWORD),
        _changed(email="new@example.org"),
        _changed(role="admin"),
        _changed(active=True),
    ):
        with pytest.raises(Forbidden):
            opening(process, by, user.id)
    tokens = ScimTokens(process.recent, process.journal, process.clock)
    for administrators in (True, False):
        with pytest.raises(Forbidden):
            tokens.create(by, name="idp", expires=ends, administrators=administrators)
    token = tokens.create(process.operator, name="idp", expires=ends).token
    with pytest.raises(Forbidden):
        tokens.rotate(by, token.id)


def test_ones_own_password_takes_the_old_one(process: Process) -> None:
    by = process.authenticate(EmailPassword(ADMIN_EMAIL, ADMIN_PASSWORD)).acting("request")
    for taking in (_changed(password=PASSWORD), _changed(email="new@example.org")):
        with pytest.raises(Forbidden) as caught:
            taking(process, by, first(process))
        assert "old password" in str(caught.value)
    _changed(name="New")(process, by, first(process))
