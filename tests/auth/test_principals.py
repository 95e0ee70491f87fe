"""Who may do what: role, grants and scopes, all of which must allow it."""

import itertools

import pytest

from auth.errors import Forbidden
from auth.principals import Action, Grants, Principal, Role, operating
from storage.events import SYSTEM

READ = frozenset({Action.READ})
WRITE = frozenset({Action.WRITE})
ALL = frozenset(Action)


def principal(role: Role, permissions: Grants, scopes: Grants | None = None) -> Principal:
    return Principal("org", "user", role, permissions, "key", "key", scopes)


@pytest.mark.parametrize(
    "role, permissions, scopes, allowed",
    [
        (Role.ADMIN, {}, None, ALL),
        (Role.ADMIN, {}, {}, frozenset()),
        (Role.ADMIN, {}, {"repo": READ}, READ),
        (Role.ADMIN, {}, {"other": ALL}, frozenset()),
        (Role.DEVELOPER, {}, None, frozenset()),
        (Role.DEVELOPER, {"repo": READ | WRITE}, None, READ | WRITE),
        (Role.DEVELOPER, {"repo": WRITE}, None, WRITE),
        (Role.DEVELOPER, {"other": ALL}, None, frozenset()),
        (Role.DEVELOPER, {"repo": READ}, {"repo": ALL}, READ),
        (Role.DEVELOPER, {"repo": ALL}, {"repo": WRITE}, WRITE),
        (Role.DEVELOPER, {"repo": ALL}, {}, frozenset()),
        (Role.READER, {"repo": ALL}, None, READ),
        (Role.READER, {"repo": WRITE}, None, frozenset()),
        (Role.READER, {}, {"repo": ALL}, frozenset()),
        (Role.READER, {"repo": ALL}, {"repo": ALL}, READ),
    ],
)
def test_an_action_needs_role_grant_and_scope(
    role: Role, permissions: Grants, scopes: Grants | None, allowed: frozenset[Action]
) -> None:
    who = principal(role, permissions, scopes)
    for action in Action:
        assert who.may("repo", action) is (action in allowed)
        if action in allowed:
            who.require("repo", action)
        else:
            with pytest.raises(Forbidden):
                who.require("repo", action)


def test_a_scope_never_adds() -> None:
    """Whatever the scopes, nothing is allowed that is not without them."""
    sets = [frozenset(some) for n in range(4) for some in itertools.combinations(Action, n)]
    for role, granted, scoped, action in itertools.product(Role, sets, sets, Action):
        with_scopes = principal(role, {"repo": granted}, {"repo": scoped})
        without = principal(role, {"repo": granted})
        assert not with_scopes.may("repo", action) or without.may("repo", action)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("scopes", [None, {}, {"repo": ALL}])
def test_only_an_administrator_without_scopes_manages(role: Role, scopes: Grants | None) -> None:
    who = principal(role, {"repo": ALL}, scopes)
    manages = role is Role.ADMIN and scopes is None
    assert who.manages is manages
    authority = who.acting("request")
    assert authority.manages is manages
    if manages:
        authority.require_admin()
    else:
        with pytest.raises(Forbidden):
            authority.require_admin()


def test_history_names_who_and_with_what() -> None:
    who = Principal("org", "user", Role.READER, {}, "password")
    actor = who.acting("request", "192.0.2.1", "curl").actor
    assert (actor.user, actor.credential, actor.request) == ("user", "password", "request")
    assert principal(Role.READER, {}).acting(None).actor.credential == "key"
    assert operating("org", SYSTEM).actor.user is None
