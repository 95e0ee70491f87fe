"""Invitations: a link for a week, by which a user sets his first password; and what ends it."""

from contextlib import suppress

import pytest

from auth import (
    EmailPassword,
    Forbidden,
    InvalidField,
    LinkEnded,
    Missing,
    NotAuthenticated,
    UserChanges,
)
from auth.errors import NothingToInviteTo
from auth.invitations import PATH
from storage import keys
from storage.events import Actor
from tests.auth.installation import ADDRESS, ADMIN_EMAIL, ADMIN_PASSWORD, Process

EMAIL = "soon@example.org"
NEW = "an entirely other phrase"


def invite(process: Process, email: str = EMAIL, role: str = "developer"):  # type: ignore[no-untyped-def]
    by = process.authenticate(EmailPassword(ADMIN_EMAIL, ADMIN_PASSWORD)).acting("request")
    return process.users.create(by, email=email, name="Soon", role=role, invite=True)


def tokens(process: Process) -> list[str]:
    """Those in the mails that go out, the oldest first."""
    letters = [letter for letter in process.letters() if letter.kind == "invitation"]
    return [letter.fields["path"].removeprefix(PATH) for letter in letters]


def accept(process: Process, token: str, password: str = NEW, name: str | None = None) -> None:
    actor = Actor(None, None, "request", ADDRESS)
    process.invitations.accept(process.standing, token, password, name, actor)


def test_who_is_invited_sets_a_password_and_a_name(process: Process) -> None:
    user = invite(process)
    assert (user.has_password, user.active) == (False, True)
    assert user.invited_until is not None
    assert (user.invited_until - process.clock()).days == 7
    (letter,) = process.letters()
    assert (letter.kind, letter.to, letter.fields["name"]) == ("invitation", EMAIL, "Soon")
    accept(process, tokens(process)[0], NEW, "My Own Name")
    assert process.authenticate(EmailPassword(EMAIL, NEW)).user_id == user.id
    found = process.users.get(process.operator, user.id)
    assert (found.name, found.has_password, found.invited_until) == ("My Own Name", True, None)


def test_the_name_may_stay(process: Process) -> None:
    user = invite(process)
    accept(process, tokens(process)[0])
    assert process.users.get(process.operator, user.id).name == "Soon"


def test_an_invitation_is_used_once(process: Process) -> None:
    invite(process)
    (token,) = tokens(process)
    accept(process, token)
    with pytest.raises(LinkEnded):
        accept(process, token, "yet another phrase")


@pytest.mark.parametrize("days, good", [(6.99, True), (7, False), (30, False)])
def test_an_invitation_holds_for_a_week(process: Process, days: float, good: bool) -> None:
    invite(process)
    (token,) = tokens(process)
    process.clock.pass_by(days=days)
    if good:
        accept(process, token)
    else:
        with pytest.raises(LinkEnded):
            accept(process, token)


def test_inviting_again_voids_the_first_and_lasts_anew(process: Process) -> None:
    user = invite(process)
    process.clock.pass_by(hours=1)
    again = process.invitations.invite(process.operator, user.id)
    assert again.invited_until is not None
    assert user.invited_until is not None
    assert (again.invited_until - user.invited_until).total_seconds() == 3600
    first, second = tokens(process)
    with pytest.raises(LinkEnded):
        accept(process, first)
    accept(process, second)


def test_an_invitation_that_is_over_is_made_anew(process: Process) -> None:
    user = invite(process)
    process.clock.pass_by(days=8)
    process.invitations.invite(process.operator, user.id)
    accept(process, tokens(process)[-1])


WITHDRAWN = {
    "disabled": lambda p, user: p.users.update(p.operator, user, UserChanges(active=False)),
    "another address": lambda p, user: p.users.update(
        p.operator, user, UserChanges(email="other@example.org")
    ),
    "given a password": lambda p, user: p.users.update(p.operator, user, UserChanges(password=NEW)),
    "deleted": lambda p, user: p.users.delete(p.operator, user),
}


@pytest.mark.parametrize("how", WITHDRAWN)
def test_an_invitation_is_withdrawn(process: Process, how: str) -> None:
    user = invite(process)
    (token,) = tokens(process)
    WITHDRAWN[how](process, user.id)
    with suppress(Missing):
        # Enabled again, he still has to be invited again.
        found = process.users.update(process.operator, user.id, UserChanges(active=True))
        assert found.invited_until is None
    with pytest.raises(LinkEnded):
        accept(process, token, "yet another phrase")


def test_deleting_a_user_leaves_no_link_of_his(process: Process) -> None:
    user = invite(process)
    process.users.delete(process.operator, user.id)
    assert not process.metadata.get(keys.reset_of(process.organization, user.id))


def test_only_an_active_user_without_a_password_is_invited(process: Process) -> None:
    by, users = process.operator, process.users
    with pytest.raises(NothingToInviteTo):
        process.invitations.invite(by, process.user().id)
    off = users.create(by, email="off@example.org", name="Off", role="reader", active=False)
    with pytest.raises(NothingToInviteTo):
        process.invitations.invite(by, off.id)
    for wrong in ("a" * 16, "..", "nobody"):
        with pytest.raises(Missing):
            process.invitations.invite(by, wrong)
    for more in ({"password": NEW}, {"active": False}):
        with pytest.raises(InvalidField) as caught:
            users.create(by, email=EMAIL, name="Soon", role="reader", invite=True, **more)
        assert caught.value.field == "invite"
    assert process.letters() == []


def test_only_who_manages_users_invites(process: Process) -> None:
    user = invite(process)
    dev = process.user()
    key = process.keys.create(process.operator, name="ci", user_id=dev.id)
    admin = process.users.find(process.operator, ADMIN_EMAIL)
    scoped = process.keys.create(process.operator, name="ci", user_id=admin.id, scopes={})
    for secret in (key.secret, scoped.secret):
        by = process.authenticate(secret).acting("request")
        with pytest.raises(Forbidden):
            process.invitations.invite(by, user.id)
        with pytest.raises(Forbidden):
            process.users.create(by, email="x@example.org", name="X", role="reader", invite=True)


def test_the_link_of_an_invitation_resets_nothing(process: Process) -> None:
    """And the password that is set is held to the rules."""
    invite(process)
    (token,) = tokens(process)
    with pytest.raises(LinkEnded):
        process.resets.use(process.standing, token, NEW, Actor(None, None, "request", ADDRESS))
    for weak in ("password1", "soon-soon", "example.org1"):
        with pytest.raises(InvalidField) as caught:
            accept(process, token, weak)
        assert caught.value.field == "password"
    with pytest.raises(InvalidField) as caught:
        accept(process, token, NEW, "\n")
    assert caught.value.field == "name"
    accept(process, token)


def test_until_he_came_nobody_signs_in_as_him(process: Process) -> None:
    invite(process)
    for password in (NEW, "None", tokens(process)[0]):
        with pytest.raises(NotAuthenticated):
            process.authenticate(EmailPassword(EMAIL, password))
