"""Grants in one repository: given by who administers it, and never more than he has himself."""

from dataclasses import replace

import pytest

from auth import Authority, EmailPassword, Forbidden, InvalidField, LimitReached, Missing
from auth.fields import GRANTS_MOST
from auth.groups import Groups
from auth.memberships import Memberships
from auth.principals import Action, Principal, Rights, Role, Site
from auth.records import Group, User, new_id
from auth.repository_grants import RepositoryGrants
from tests.auth.installation import ADMIN_EMAIL, ADMIN_PASSWORD, Process
from tests.auth.test_users import dump, events

REPO = Site("repo", "files")
READ, ADMIN = frozenset({Action.READ}), frozenset({Action.ADMIN})
IDS = ("repo", "other")


def grants(process: Process) -> RepositoryGrants:
    return RepositoryGrants(process.recent, process.journal, process.clock)


def person(process: Process, name: str = "jo", **permissions: list[str]) -> User:
    return process.users.create(
        process.operator,
        email=f"{name}@example.org",
        name=name,
        role="developer",
        permissions=permissions,
        repositories=IDS,
    )


def keeper(
    process: Process, *actions: str, user_id: str | None = None, groups: tuple[str, ...] = ()
) -> Authority:
    """Who may do these in the repository, and administer it."""
    given = {"repo": frozenset(map(Action, ("admin", *actions)))}
    who = Principal(
        process.organization,
        user_id or new_id(),
        Role.DEVELOPER,
        Rights.of(given),
        "session",
        groups=groups,
    )
    return who.acting("request")


def group(process: Process, name: str = "G") -> Group:
    return Groups(process.recent, process.journal, process.clock).create(
        process.operator, name=name
    )


def granted(process: Process, user: User) -> dict[str, set[Action]]:
    found = process.users.get(process.operator, user.id).permissions
    return {place: set(actions) for place, actions in found.items()}


def test_it_changes_what_is_granted_by_this_repository_alone(process: Process) -> None:
    user = person(process, repo=["read"], other=["write"], **{"f*": ["delete"]})
    by = keeper(process, "read", "write")
    done = grants(process).set(by, REPO, "user", user.id, ["write", "read"])
    assert (done.id, done.name, done.kind) == (user.id, "jo", "user")
    assert (set(done.actions), set(done.by_pattern)) == (
        {Action.READ, Action.WRITE},
        {Action.DELETE},
    )
    rest = {"other": {Action.WRITE}, "f*": {Action.DELETE}}
    assert granted(process, user) == {"repo": {Action.READ, Action.WRITE}, **rest}
    grants(process).set(by, REPO, "user", user.id, [])
    assert granted(process, user) == rest


def test_who_gives_gives_no_more_than_he_has(process: Process) -> None:
    user, some = person(process), group(process)
    before = dump(process)
    for actions in (["write"], ["read", "delete"], ["claim"]):
        for kind, id_ in (("user", user.id), ("group", some.id)):
            with pytest.raises(Forbidden, match="lift the giver above himself"):
                grants(process).set(keeper(process, "read"), REPO, kind, id_, actions)
    assert dump(process) == before
    grants(process).set(keeper(process, "read"), REPO, "user", user.id, ["read", "admin"])
    assert granted(process, user) == {"repo": {Action.READ, Action.ADMIN}}


def test_what_somebody_has_already_stays_although_the_giver_lacks_it(process: Process) -> None:
    user = person(process, repo=["write"])
    grants(process).set(keeper(process, "read"), REPO, "user", user.id, ["write", "read"])
    assert granted(process, user) == {"repo": {Action.READ, Action.WRITE}}
    grants(process).set(keeper(process, "read"), REPO, "user", user.id, ["read"])
    with pytest.raises(Forbidden):
        grants(process).set(keeper(process, "read"), REPO, "user", user.id, ["read", "write"])


def test_nobody_gives_himself_anything(process: Process) -> None:
    """What he has through a group would outlast his leaving it."""
    user = person(process, repo=["read", "admin"])
    by = keeper(process, "read", "write", user_id=user.id)
    with pytest.raises(Forbidden):
        grants(process).set(by, REPO, "user", user.id, ["read", "admin", "write"])
    grants(process).set(by, REPO, "user", user.id, ["admin"])
    assert granted(process, user) == {"repo": {Action.ADMIN}}


def test_nobody_gives_a_group_that_he_is_in_anything(process: Process) -> None:
    """What he has through another group would outlast his leaving that."""
    mine, other = group(process, "Mine"), group(process, "Other")
    by = keeper(process, "read", "write", groups=(mine.id,))
    before = dump(process)
    with pytest.raises(Forbidden, match="nor a group that he is in"):
        grants(process).set(by, REPO, "group", mine.id, ["read"])
    assert dump(process) == before
    done = grants(process).set(by, REPO, "group", other.id, ["read"])
    assert done.actions == READ
    admin = process.authenticate(EmailPassword(ADMIN_EMAIL, ADMIN_PASSWORD))
    manager = replace(admin, groups=(mine.id,)).acting("request")
    assert grants(process).set(manager, REPO, "group", mine.id, ["read"]).actions == READ
    # What it has he may leave and take away.
    grants(process).set(by, REPO, "group", mine.id, ["read"])
    assert grants(process).set(by, REPO, "group", mine.id, []).actions == frozenset()


def test_administrators_of_the_organization_give_anything(process: Process) -> None:
    user = person(process)
    every = [action.value for action in Action]
    grants(process).set(process.operator, REPO, "user", user.id, every)
    assert granted(process, user) == {"repo": set(Action)}


@pytest.mark.parametrize("role", list(Role))
def test_a_key_with_scopes_gives_nothing(process: Process, role: Role) -> None:
    """Not even where it may administer the repository itself."""
    user = person(process)
    every = Rights.of({"repo": frozenset(Action)})
    who = Principal(process.organization, new_id(), role, every, "key", new_id(), every)
    assert who.may(REPO, Action.ADMIN) is (role is not Role.READER)
    by = who.acting("request")
    for refused in (
        lambda: grants(process).set(by, REPO, "user", user.id, ["read"]),
        lambda: grants(process).give(by, REPO, "jo@example.org", ["read"]),
        lambda: grants(process).list(by, REPO),
    ):
        with pytest.raises(Forbidden):
            refused()


def test_who_does_not_administer_it_sees_and_gives_nothing(process: Process) -> None:
    user = person(process)
    others = frozenset(Action) - ADMIN
    rights = Rights.of({"repo": others, "other": frozenset(Action)})
    by = Principal(process.organization, new_id(), Role.DEVELOPER, rights, "password").acting(
        "request"
    )
    for refused in (
        lambda: grants(process).set(by, REPO, "user", user.id, ["read"]),
        lambda: grants(process).give(by, REPO, "jo@example.org", ["read"]),
        lambda: grants(process).list(by, REPO),
    ):
        with pytest.raises(Forbidden):
            refused()


def test_he_is_told_of_nobody_who_is_not_granted_anything_there(process: Process) -> None:
    """Taking away what nobody has looks the same, whoever is named."""
    user, by = person(process, other=["read"]), keeper(process, "read")
    texts = set()
    for kind, id_ in (("user", user.id), ("user", new_id()), ("user", "x"), ("group", new_id())):
        with pytest.raises(Missing) as raised:
            grants(process).set(by, REPO, kind, id_, [])
        texts.add(str(raised.value))
    assert len(texts) == 1
    for id_ in (new_id(), "x"):
        with pytest.raises(Missing):
            grants(process).set(by, REPO, "user", id_, ["read"])
    assert grants(process).list(by, REPO).items == ()


def test_an_address_that_is_somebodys_is_not_found_out_without_a_trace(process: Process) -> None:
    user, by = person(process), keeper(process, "read")
    with pytest.raises(InvalidField) as raised:
        grants(process).give(by, REPO, "jo@example.org", [])
    assert raised.value.field == "actions"
    texts = set()
    for email in ("nobody@example.org", "no address", ""):
        with pytest.raises(Missing) as missing:
            grants(process).give(by, REPO, email, ["read"])
        texts.add(str(missing.value))
    assert len(texts) == 1
    assert grants(process).give(by, REPO, "JO@example.org", ["read"]).id == user.id
    (event,) = (event for event in events(process) if event.action == "user.grant")
    assert event.details == {"subject": user.id, "repository": "repo", "actions": ["read"]}
    assert "jo@" not in repr(event)


def test_it_lists_groups_and_users_with_id_and_name_alone(process: Process) -> None:
    some = group(process)
    named = [person(process, f"p{number}", repo=["read"]) for number in range(3)]
    person(process, "elsewhere", other=["read"], **{"x*": ["read"]})
    fitting = person(process, "fitting", **{"f*": ["write"]})
    by = keeper(process, "read")
    grants(process).set(by, REPO, "group", some.id, ["read"])
    found = []
    after: str | None = ""
    while after is not None:
        page = grants(process).list(by, REPO, after, limit=2)
        assert len(page.items) <= 2
        found += page.items
        after = page.next
    assert [(one.kind, one.id) for one in found] == [
        ("group", some.id),
        *(("user", id_) for id_ in sorted(user.id for user in (*named, fitting))),
    ]
    (pattern,) = (one for one in found if one.id == fitting.id)
    assert (pattern.actions, pattern.by_pattern) == (frozenset(), {Action.WRITE})
    assert "@" not in repr(found)


def test_a_page_looks_at_so_many_and_goes_on(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auth.repository_grants.LOOKED_AT", 2)
    for number in range(5):
        person(process, f"p{number}", other=["read"])
    wanted = person(process, "wanted", repo=["read"])
    found, pages = [], 0
    after: str | None = ""
    while after is not None:
        page = grants(process).list(keeper(process), REPO, after)
        found += [one.id for one in page.items]
        after, pages = page.next, pages + 1
    assert found == [wanted.id]
    assert pages >= 3


def test_a_user_has_so_many_grants_and_no_more(process: Process) -> None:
    places = {f"r{number}": ["read"] for number in range(GRANTS_MOST)}
    user = process.users.create(
        process.operator,
        email="many@example.org",
        name="Many",
        role="developer",
        permissions=places,
        repositories=places,
    )
    with pytest.raises(LimitReached):
        grants(process).set(keeper(process, "read"), REPO, "user", user.id, ["read"])


def test_an_unknown_action_is_named_by_its_field(process: Process) -> None:
    user = person(process)
    with pytest.raises(InvalidField) as raised:
        grants(process).set(keeper(process), REPO, "user", user.id, ["own"])
    assert raised.value.field == "actions"


def test_a_grant_to_a_group_is_one_for_its_members(process: Process) -> None:
    some = group(process)
    admin = process.users.find(process.operator, ADMIN_EMAIL)
    Memberships(process.recent, process.journal).add(process.operator, some.id, admin.id)
    grants(process).set(keeper(process, "read"), REPO, "group", some.id, ["read"])
    (event,) = (event for event in events(process) if event.action == "group.grant")
    assert event.details["subject"] == some.id
    found = Groups(process.recent, process.journal).get(process.operator, some.id)
    assert found.permissions == {"repo": READ}


def test_what_others_change_meanwhile_is_not_lost(process: Process) -> None:
    user = person(process)
    commit = process.recent.commit

    def meanwhile(*operations, **more):
        process.recent.commit = commit
        process.users.set_permissions(process.operator, user.id, {"other": ["write"]}, IDS)
        return commit(*operations, **more)

    process.recent.commit = meanwhile
    grants(process).set(keeper(process, "read"), REPO, "user", user.id, ["read"])
    assert granted(process, user) == {"repo": {Action.READ}, "other": {Action.WRITE}}
