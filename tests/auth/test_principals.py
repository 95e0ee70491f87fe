"""Who may do what: role, grants and scopes, all of which must allow it."""

import itertools

import pytest

from auth.errors import Forbidden
from auth.principals import Action, Grants, Principal, Rights, Role, Site, operating
from storage.events import SYSTEM

READ = frozenset({Action.READ})
WRITE = frozenset({Action.WRITE})
ALL = frozenset(Action)
REPO = Site("repo", "team-files")


def principal(role: Role, permissions: Grants, scopes: Grants | None = None) -> Principal:
    of_key = None if scopes is None else Rights.of(scopes)
    return Principal("org", "user", role, Rights.of(permissions), "key", "key", of_key)


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
        (Role.DEVELOPER, {"team-*": READ}, None, READ),
        (Role.DEVELOPER, {"team-*": READ, "repo": WRITE}, None, READ | WRITE),
        (Role.DEVELOPER, {"*": READ, "*-files": WRITE}, None, READ | WRITE),
        (Role.DEVELOPER, {"other-*": ALL}, None, frozenset()),
        (Role.DEVELOPER, {"team-files": ALL}, None, frozenset()),  # a name is no grant
        (Role.DEVELOPER, {"repo": ALL}, {"team-*": READ}, READ),
        (Role.READER, {"*": ALL}, None, READ),
    ],
)
def test_an_action_needs_role_grant_and_scope(
    role: Role, permissions: Grants, scopes: Grants | None, allowed: frozenset[Action]
) -> None:
    who = principal(role, permissions, scopes)
    for action in Action:
        assert who.may(REPO, action) is (action in allowed)
        if action in allowed:
            who.require(REPO, action)
        else:
            with pytest.raises(Forbidden):
                who.require(REPO, action)


def test_patterns_are_gone_by_only_where_nothing_else_bounds_them() -> None:
    """Whoever goes by patterns looks at every repository: a key must not have him do so."""
    for role, granted, scopes, places in (
        (Role.DEVELOPER, {"repo": READ}, None, {"repo"}),
        (Role.DEVELOPER, {"repo": READ}, {"*": READ}, {"repo"}),
        (Role.DEVELOPER, {"repo": READ, "a*": READ}, {"*": READ}, {"*"}),
        (Role.DEVELOPER, {"repo": READ, "a*": READ}, {"repo": READ}, {"repo"}),
        (Role.ADMIN, {}, {"*": READ}, {"*"}),
        (Role.ADMIN, {}, {"repo": READ}, {"repo"}),
    ):
        assert set(principal(role, granted, scopes).granted.grants) == places


def test_a_scope_never_adds() -> None:
    """Whatever the scopes, nothing is allowed that is not without them."""
    sets = [frozenset(some) for n in range(3) for some in itertools.combinations(Action, n)]
    for role, granted, scoped, action in itertools.product(Role, sets, sets, Action):
        with_scopes = principal(role, {"repo": granted}, {"repo": scoped})
        without = principal(role, {"repo": granted})
        assert not with_scopes.may(REPO, action) or without.may(REPO, action)


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
    who = Principal("org", "user", Role.READER, Rights(), "password")
    actor = who.acting("request", "192.0.2.1", "curl").actor
    assert (actor.user, actor.credential, actor.request) == ("user", "password", "request")
    assert principal(Role.READER, {}).acting(None).actor.credential == "key"
    assert operating("org", SYSTEM).actor.user is None
