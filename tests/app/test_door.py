"""The door opens for what the route declares, and for nothing that nobody declared."""

from dataclasses import replace

import pytest

from app.installation import Installation
from app.repositories import Catalogue, Door, RepositoryHidden, RepositoryName, Rules, Visitor
from app.repositories.door import UndeclaredAction
from auth.errors import Forbidden, SecondFactorNeeded
from auth.principals import Action, Principal, Rights, Role
from storage.events import SYSTEM
from tests.app.storeroom import ORG

NAME = RepositoryName("files")
ADMIN = Principal(ORG, "user", Role.ADMIN, Rights(), "key", "key")


class Known:
    """A claim of somebody who is known already."""

    organization = ORG

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    def needs(self) -> tuple[()]:
        return ()

    def confirm(self, _records: object) -> Principal:
        return self._principal


@pytest.fixture
def door(installation: Installation) -> Door:
    catalogue = Catalogue(installation.recent, installation.journal)
    catalogue.create(ORG, SYSTEM, NAME, Rules(public=True))
    return Door(installation.recent)


def visitor(principal: Principal | None, *actions: Action, key: bool = True) -> Visitor:
    claim = None if principal is None else Known(principal)
    return Visitor(ORG, claim, key, actions=frozenset(actions))


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("principal", [ADMIN, None], ids=["administrator", "nobody"])
def test_an_action_that_the_route_does_not_declare_is_refused(
    door: Door, principal: Principal | None, action: Action
) -> None:
    others = set(Action) - {action}
    with pytest.raises(UndeclaredAction):
        door.open(visitor(principal, *others), NAME, action)
    with pytest.raises(UndeclaredAction):
        door.open(Visitor(ORG, None), NAME, action)


@pytest.mark.parametrize("action", list(Action))
def test_an_administrator_may_all_that_is_declared(door: Door, action: Action) -> None:
    assert door.open(visitor(ADMIN, action), NAME, action).repository.name == "files"


@pytest.mark.parametrize("action", sorted(set(Action) - {Action.READ}))
def test_nobody_may_do_more_than_read_what_is_public(door: Door, action: Action) -> None:
    with pytest.raises(RepositoryHidden):
        door.open(visitor(None, action), NAME, action)


def test_a_pattern_opens_by_the_name(door: Door) -> None:
    granted = Rights.of({"fi*": frozenset({Action.WRITE})})
    someone = replace(ADMIN, role=Role.DEVELOPER, permissions=granted)
    assert door.open(visitor(someone, Action.WRITE), NAME, Action.WRITE).principal is someone
    with pytest.raises(Forbidden):
        door.open(visitor(someone, Action.DELETE), NAME, Action.DELETE)
    with pytest.raises(RepositoryHidden):
        door.open(visitor(someone, Action.WRITE), RepositoryName("files2"), Action.WRITE)


def test_who_has_to_enrol_is_told_so_at_every_door(door: Door) -> None:
    enrolling = replace(ADMIN, method="session", enrolling=True)
    for name in (NAME, RepositoryName("none")):
        with pytest.raises(SecondFactorNeeded):
            door.open(visitor(enrolling, Action.READ), name, Action.READ)


def test_a_token_of_provisioning_sees_no_repository(door: Door) -> None:
    token = replace(ADMIN, kind="scim")
    for action in Action:
        with pytest.raises(RepositoryHidden):
            door.open(visitor(token, action), NAME, action)
