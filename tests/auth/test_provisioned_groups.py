"""Groups by the token of a provisioning service: wholly or not at all, and never their grants."""

from collections.abc import Callable

import pytest

from auth import AlreadyTaken, Forbidden, InvalidField, Missing
from auth.external_ids import BYTES_MOST, group_external_id_key
from auth.groups import GroupChanges
from auth.principals import Action, Role
from auth.provisioned_groups import WantedChange, WantedGroup
from auth.records import Group, new_id
from storage import keys
from tests.auth.membership_office import HALF, STAGED, Office, half, human

Load = Callable[[], frozenset[str]]


class VersionDiffers(Exception):
    """What a caller raises whose condition does not hold."""


def kept(group: Group, **changes: object) -> WantedChange:
    """A change that leaves the names as they are."""
    return WantedChange(group.name, group.external_id, **changes)  # type: ignore[arg-type]


def records(office: Office) -> dict[object, object]:
    """All records of groups, their names and members."""
    org = office.organization
    parts = (keys.groups(org), f"{org}#group-names", f"{org}#group-external-ids", keys.users(org))
    return {one.key: one.value for part in parts for one in office.recent.query_all(part)}


def test_a_token_makes_and_changes_groups_and_no_grants(office: Office) -> None:
    by, users = office.token(), office.users(3)
    made = office.provisioned.create(by, WantedGroup("Équipe", "ext-1", frozenset(users[:2])))
    assert (made.name, made.external_id, made.permissions) == ("Équipe", "ext-1", {})
    assert office.seen(made.id, users) == set(users[:2])
    office.groups.set_permissions(office.by, made.id, {"repo": ["read"]}, ["repo"])
    changed = office.provisioned.change(
        by,
        made.id,
        lambda group, _: WantedChange(
            "Team", None, add=frozenset(users[2:]), remove=frozenset(users[:1])
        ),
    )
    assert changed == office.provisioned.get(by, made.id)
    assert (changed.name, changed.external_id) == ("Team", None)
    assert changed.permissions == {"repo": {Action.READ}}
    assert office.seen(made.id, users) == set(users[1:])
    assert office.may_read(office.key_of(users[2]))
    office.provisioned.delete(by, made.id)
    with pytest.raises(Missing):
        office.provisioned.get(by, made.id)


def test_nobody_else_provisions(office: Office) -> None:
    group = office.group()
    for by in (human(office, Role.DEVELOPER), human(office, Role.READER)):
        for refused in (
            lambda by=by: office.provisioned.create(by, WantedGroup("x")),
            lambda by=by: office.provisioned.get(by, group.id),
            lambda by=by: office.provisioned.find_by_name(by, "Builders"),
            lambda by=by: office.provisioned.find_by_external_id(by, "x"),
            lambda by=by: office.provisioned.list(by),
            lambda by=by: office.provisioned.those(by, [group.id]),
            lambda by=by: office.provisioned.members(by, group.id),
            lambda by=by: office.provisioned.change(by, group.id, lambda one, _: kept(one)),
            lambda by=by: office.provisioned.delete(by, group.id),
        ):
            with pytest.raises(Forbidden):
                refused()
    assert office.provisioned.get(human(office, Role.ADMIN), group.id) == group
    # Nor does a token do what is for administrators.
    with pytest.raises(Forbidden):
        office.groups.set_permissions(office.token(), group.id, {}, [])
    with pytest.raises(Forbidden):
        office.members.list(office.token(), group.id)


def test_a_token_of_another_organization_finds_none_of_these_groups(office: Office) -> None:
    group, other = office.group(), office.token(new_id())
    assert office.provisioned.list(other).items == ()
    assert office.provisioned.find_by_name(other, "Builders") is None
    with pytest.raises(Missing):
        office.provisioned.get(other, group.id)


def test_a_group_is_found_by_its_names_with_what_is_read_besides(office: Office) -> None:
    by, org = office.token(), office.organization
    made = office.provisioned.create(by, WantedGroup("Builders", "CN=Builders,OU=x"))
    for found in (
        office.provisioned.find_by_name(by, "BUILDERS"),
        office.provisioned.find_by_external_id(by, "CN=Builders,OU=x"),
    ):
        assert found == made
    assert office.provisioned.find_by_external_id(by, "cn=builders,ou=x") is None, "of one case"
    needs = office.provisioned.name_needs(org, "Builders")
    calls = len(office.engine.made)
    read = office.recent.get(*needs)
    assert office.provisioned.find_by_name(by, "Builders", read) == made
    assert office.engine.made[calls:] == ["get"], "it was met above"
    for name in ("", "x" * 5000, "a\0b", "\ud800"):
        assert office.provisioned.name_needs(org, name) == ()
        assert office.provisioned.find_by_name(by, name) is None
        assert office.provisioned.external_id_needs(org, name) == ()
        assert office.provisioned.find_by_external_id(by, name) is None
    assert office.provisioned.those(by, [new_id(), "x", made.id]) == (made,)


@pytest.mark.parametrize("members", [0, 2 * HALF])
@pytest.mark.parametrize("field", ["name", "external_id"])
def test_what_another_group_has_is_refused_and_nothing_is_left(
    office: Office, members: int, field: str
) -> None:
    by, users = office.token(), office.users(max(members, 1))
    office.provisioned.create(by, WantedGroup("One", "one"))
    two = office.provisioned.create(by, WantedGroup("Two", "two"))
    before = records(office)
    name, external = ("ONE", "new") if field == "name" else ("New", "one")
    some = frozenset(users) if members else frozenset()
    for refused in (
        lambda: office.provisioned.create(by, WantedGroup(name, external, some)),
        lambda: office.provisioned.change(
            by, two.id, lambda *_: WantedChange(name, external, whole=some)
        ),
    ):
        with pytest.raises(AlreadyTaken) as raised:
            refused()
        assert raised.value.field == field
    assert office.is_tidy(two.id, users)
    after = records(office)
    assert after.keys() == before.keys()
    assert {one.name for one in office.provisioned.list(by).items} == {"One", "Two"}
    assert office.of_users(users) == {one: set() for one in users}


def test_names_become_free_with_their_group_and_with_a_change(office: Office) -> None:
    by = office.token()
    one = office.provisioned.create(by, WantedGroup("One", "one"))
    office.groups.update(office.by, one.id, GroupChanges(external_id="other"))
    two = office.provisioned.create(by, WantedGroup("Two", "one"))
    with pytest.raises(AlreadyTaken):
        office.groups.update(office.by, two.id, GroupChanges(external_id="other"))
    office.groups.delete(office.by, one.id)
    office.groups.update(office.by, two.id, GroupChanges(external_id="other", name="One"))
    assert office.provisioned.find_by_external_id(by, "other") is not None
    office.provisioned.delete(by, two.id)
    key = group_external_id_key(office.organization, "other")
    assert key not in office.recent.get(key)
    office.provisioned.create(by, WantedGroup("ONE", "other"))


@pytest.mark.parametrize(
    "wanted, field",
    [
        (WantedGroup(""), "name"),
        (WantedGroup("x" * 201), "name"),
        (WantedGroup("a\0b"), "name"),
        (WantedGroup("\ud800"), "name"),
        (WantedGroup("x", "\ud800"), "external_id"),
        (WantedGroup("x", "a\nb"), "external_id"),
        (WantedGroup("x", "x" * (BYTES_MOST + 1)), "external_id"),
        (WantedGroup("x", "é" * BYTES_MOST), "external_id"),
        (WantedGroup("x", None, frozenset({"nobody"})), "members"),
        (WantedGroup("x", None, frozenset({"a" * 16})), "members"),
    ],
)
def test_what_no_group_can_have_is_refused(
    embedded_office: Office, wanted: WantedGroup, field: str
) -> None:
    office, by = embedded_office, embedded_office.token()
    group = office.group()
    commits = office.commits
    change = WantedChange(wanted.name, wanted.external_id, whole=wanted.members)
    for refused in (
        lambda: office.provisioned.create(by, wanted),
        lambda: office.provisioned.change(by, group.id, lambda *_: change),
    ):
        with pytest.raises(InvalidField) as raised:
            refused()
        assert raised.value.field == field
    assert office.commits == commits


@pytest.mark.parametrize("members", [1, 2 * HALF])
def test_a_condition_that_does_not_hold_changes_nothing(office: Office, members: int) -> None:
    group, users = office.group(), office.users(members)
    office.members.add(office.by, group.id, users[0])
    before = office.groups.get(office.by, group.id)

    def decide(found: Group, _: Load) -> WantedChange:
        if found.version != group.version:
            raise VersionDiffers
        return kept(found, whole=frozenset(users))

    def delete(found: Group) -> None:
        decide(found, frozenset)

    commits = office.commits
    with pytest.raises(VersionDiffers):
        office.provisioned.change(office.token(), group.id, decide)
    with pytest.raises(VersionDiffers):
        office.provisioned.delete(office.token(), group.id, delete)
    assert office.commits == commits
    assert office.groups.get(office.by, group.id) == before


@pytest.mark.parametrize("moment", range(STAGED + 1))
def test_whoever_was_quicker_is_seen_before_anything_is_decided(
    office: Office, moment: int
) -> None:
    """Also by a condition on the version, which a change of its own does not offend."""
    group, before, after = half(office)
    other, start = office.another(), office.commits
    seen: list[frozenset[str]] = []
    version = office.groups.get(office.by, group).version

    def quicker(number: int) -> None:
        if number == start + moment:
            other.members.remove(office.by, group, before[0])

    def decide(found: Group, load: Load) -> WantedChange:
        seen.append(load())
        return kept(found, whole=frozenset(after) | (seen[-1] & {before[0]}))

    def strict(found: Group, _: Load) -> WantedChange:
        if found.version != version:
            raise VersionDiffers
        return kept(found, whole=frozenset(after))

    office.between = quicker
    if moment % 2:
        with pytest.raises(VersionDiffers):
            office.provisioned.change(office.token(), group, strict)
        expected = before[1:]
    else:
        office.provisioned.change(office.token(), group, decide)
        assert [len(one) for one in seen] == [HALF, HALF - 1]
        expected = after
    assert office.seen(group, [*before, *after]) == set(expected)
    assert office.is_tidy(group, [*before, *after])


def test_who_is_not_meant_any_more_does_not_come(office: Office) -> None:
    """A change is decided anew, and names others: what was staged for the first is taken back."""
    users, group = office.users(4 * HALF), office.group().id
    first, second = users[::2], users[1::2]
    other, start = office.another(), office.commits

    def quicker(number: int) -> None:
        if number == start + STAGED:
            other.groups.update(office.by, group, GroupChanges(name="Other"))

    def decide(found: Group, _: Load) -> WantedChange:
        chosen = second if found.name == "Other" else first
        return kept(found, add=frozenset(chosen))

    office.between = quicker
    office.provisioned.change(office.token(), group, decide)
    assert office.seen(group, users) == set(second)
    assert office.is_tidy(group, users)


def test_a_change_that_changes_nothing_writes_nothing(office: Office) -> None:
    group, _, after = half(office)
    found = office.groups.get(office.by, group)
    commits = office.commits
    changed = office.provisioned.change(
        office.token(),
        group,
        lambda one, load: kept(one, whole=load(), add=frozenset(after)),
    )
    assert changed == found
    office.provisioned.change(
        office.token(), group, lambda one, _: kept(one, remove=frozenset([*after, "nobody"]))
    )
    assert office.commits == commits


def test_events_name_the_token_and_hold_no_names(office: Office) -> None:
    by, users = office.token(), office.users(2 * HALF)
    made = office.provisioned.create(by, WantedGroup("Secret plans", "secret-1", frozenset(users)))
    office.provisioned.change(by, made.id, lambda *_: WantedChange("Secrets", None))
    (event,) = office.events("group.create")
    assert event == {
        "subject": made.id,
        "permissions": {},
        "change": 1,
        "counts": {"added": 2 * HALF, "removed": 0},
    }
    (event,) = office.events("group.update")
    assert event == {"subject": made.id, "changed": ["external_id", "name"]}
    assert "ecret" not in repr(made)
