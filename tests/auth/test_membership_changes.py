"""Changes of members are all or nothing, however many, wherever they break off, whoever looks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.errors import InvalidField, LimitReached
from auth.membership_entries import (
    GROUPS_OF_USER_MOST,
    USERS_AT_ONCE,
    Entry,
    giving_up,
    next_change,
    parse_entry,
)
from auth.provisioned_groups import WantedChange, WantedGroup
from auth.records import new_id
from storage import keys
from storage.metadata import Delete, Key, Put
from storage.metadata.operations import OPERATIONS
from tests.auth.membership_office import COMMITS, HALF, LATER, STAGED, Office, half


@pytest.mark.parametrize("members", [1, 2, USERS_AT_ONCE, USERS_AT_ONCE + 1, 100, 1000])
def test_what_a_change_costs_is_told_by_how_many_it_changes(office: Office, members: int) -> None:
    users, group = office.users(members), office.group()
    before = office.commits
    changed = office.members.change(office.by, group.id, users, [])
    batches = -(-members // USERS_AT_ONCE)
    assert office.commits - before == (1 if batches == 1 else 2 * batches + 1)
    assert changed.added == tuple(users)
    assert office.seen(group.id, users) == set(users)
    assert office.is_tidy(group.id, users)


def test_one_of_ten_thousand_comes_and_goes_in_one_commit_each(office: Office) -> None:
    group = office.group()
    partition = keys.members(office.organization, group.id)
    for _ in range(10):
        some = [Key(partition, new_id()) for _ in range(90)]
        office.recent.commit(*(Put(key, {"user": key.sort}) for key in some))
    (user,) = office.users(1)
    for change in (office.members.add, office.members.remove):
        before, made = office.commits, len(office.engine.made)
        change(office.by, group.id, user)
        assert office.commits == before + 1
        assert office.engine.made[made:] == ["get", "transact"]


def test_the_largest_commits_are_within_what_a_store_takes(office: Office) -> None:
    """Also where a group gets other names in the same commit, and with a side record."""
    users = office.users(USERS_AT_ONCE)
    by = office.token()
    made = office.provisioned.create(by, WantedGroup("One", "one", frozenset(users)))
    before = office.commits
    office.provisioned.change(by, made.id, lambda *_: WantedChange("Two", "two", whole=frozenset()))
    assert office.commits == before + 1
    assert 2 * USERS_AT_ONCE + 7 <= OPERATIONS


@pytest.mark.parametrize("commits", range(COMMITS + 1))
@pytest.mark.parametrize("heals", ["the worker", "the next change"])
def test_a_change_that_is_killed_anywhere_is_there_wholly_or_not_at_all(
    office: Office, commits: int, heals: str
) -> None:
    group, before, after = half(office)
    users = [*before, *after]
    secrets = {one: office.key_of(one) for one in (before[0], before[-1], after[0], after[-1])}
    with office.killed_after(commits):
        office.members.replace(office.by, group, after)
    expected = set(after if commits > STAGED else before)

    other = office.another()
    assert other.seen(group, users) == expected
    for one, secret in secrets.items():
        assert other.may_read(secret) is (one in expected)
    other.work()
    assert other.seen(group, users) == expected, "nobody meddles with what may be under way"

    later = office.another(LATER)
    if heals == "the worker":
        later.work()
        assert later.is_tidy(group, users)
        assert later.seen(group, users) == expected
    later.members.replace(office.by, group, set(users) - expected)
    assert later.seen(group, users) == set(users) - expected
    assert later.is_tidy(group, users)


@pytest.mark.parametrize("first", [2, STAGED + 2])
@pytest.mark.parametrize("second", range(4))
def test_healing_that_is_killed_is_gone_on_with(office: Office, first: int, second: int) -> None:
    group, before, after = half(office)
    users = [*before, *after]
    with office.killed_after(first):
        office.members.replace(office.by, group, after)
    expected = set(after if first > STAGED else before)
    later = office.another(LATER)
    with later.killed_after(second):
        later.work()
    assert later.seen(group, users) == expected
    last = later.another(LATER)
    last.work()
    assert last.seen(group, users) == expected
    assert last.is_tidy(group, users)


@pytest.mark.parametrize("commits", range(8))
def test_a_group_with_many_is_made_wholly_or_not_at_all(office: Office, commits: int) -> None:
    users = office.users(2 * HALF)
    wanted = WantedGroup("Builders", "builders", frozenset(users))
    with office.killed_after(commits):
        office.provisioned.create(office.by, wanted)
    other = office.another()
    found = other.provisioned.find_by_name(office.by, "builders")
    listed = other.provisioned.list(office.by).items
    if commits <= STAGED:
        assert found is None
        assert listed == ()
        assert other.of_users(users) == {one: set() for one in users}
    else:
        assert found is not None
        assert listed == (found,)
        assert other.seen(found.id, users) == set(users)
    later = office.another(LATER)
    later.work()
    assert not list(later.recent.query_all(keys.member_changes(office.organization)))
    assert all(
        entry.isalnum() for one in later.records(users) for entry in one.value.get("groups", ())
    )
    if found is None:
        made = later.provisioned.create(office.by, wanted)
        assert later.seen(made.id, users) == set(users)


def test_who_asks_while_his_group_is_made_has_its_rights_when_it_is(office: Office) -> None:
    """A process that looked for it in vain looks again."""
    users = office.users(2 * HALF)
    secret, other, asked = office.key_of(users[0]), office.another(), []
    group_id = new_id()

    def ask(_: int) -> None:
        asked.append(other.may_read(secret))
        found = other.groups.those(office.organization, [group_id])
        if found and not found[0].permissions:
            other.groups.set_permissions(office.by, group_id, {"repo": ["read"]}, ["repo"])

    office.between = ask
    office.provisioned.create(office.by, WantedGroup("B", None, frozenset(users)), group_id)
    assert asked == [False] * 5 + [True] * 2
    assert other.may_read(secret)


def test_who_is_in_too_many_groups_keeps_all_of_a_change_from_being_made(office: Office) -> None:
    users = office.users(2 * HALF)
    for number in range(GROUPS_OF_USER_MOST - 1):
        office.members.add(office.by, office.group(name=f"g{number}").id, users[-1])
    group, last = office.group().id, office.group(name="last").id
    other, start = office.another(), office.commits

    def fill(number: int) -> None:
        if number == start + 2:
            other.members.add(office.by, last, users[-1])

    office.between = fill
    with pytest.raises(LimitReached):
        office.members.change(office.by, group, users, [])
    assert office.seen(group, users) == set()
    assert office.is_tidy(group, users)
    commits = office.commits
    with pytest.raises(LimitReached):
        office.members.change(office.by, group, users, [])
    assert office.commits == commits, "it is found before anything is written"


@pytest.mark.parametrize("members", [2, 2 * HALF])
def test_whoever_is_nobody_keeps_all_of_a_change_from_being_made(
    office: Office, members: int
) -> None:
    users, group = office.users(members), office.group()
    commits = office.commits
    with pytest.raises(InvalidField):
        office.members.change(office.by, group.id, [*users, new_id()], [])
    assert office.commits == commits
    assert office.groups.get(office.by, group.id).version == group.version


def test_each_change_of_members_is_another_version_of_the_group(office: Office) -> None:
    users, group = office.users(2 * HALF), office.group()
    versions = [group.version]

    def changed() -> bool:
        versions.append(office.groups.get(office.by, group.id).version)
        return versions[-1] > versions[-2]

    office.members.add(office.by, group.id, users[0])
    assert changed()
    office.members.add(office.by, group.id, users[0])
    assert not changed(), "he is in it"
    office.members.change(office.by, group.id, users, [])
    assert changed()
    office.members.remove(office.by, group.id, users[0])
    assert changed()
    gone = users[1]
    office.recent.commit(Delete(keys.user(office.organization, gone)))
    for clears in (True, False):
        office.left.of_user(office.organization, gone, [group.id, new_id()])
        assert changed() is clears


def test_a_change_of_many_tells_of_all_of_them(office: Office) -> None:
    """Who came and went is told where it was staged; how many, by what decided it."""
    group, before, after = half(office)
    office.members.replace(office.by, group, after)
    staged = [one for one in office.events("group.members.stage") if one["change"] == 2]
    assert sorted(one for some in staged for one in some["added"]) == after
    assert sorted(one for some in staged for one in some["removed"]) == before
    (decided,) = [one for one in office.events("group.members") if one.get("change") == 2]
    assert decided == {
        "subject": group,
        "change": 2,
        "counts": {"added": HALF, "removed": HALF},
    }
    assert {one["subject"] for one in office.events("group.members.settle")} == {group}


def test_a_change_by_names_that_are_mostly_in_it_already_is_of_the_others_alone(
    office: Office,
) -> None:
    users = office.users(2 * HALF)
    group = office.group(users[:-2]).id
    commits = office.commits
    changed = office.members.change(office.by, group, users, [])
    assert changed.added == tuple(users[-2:])
    assert office.commits == commits + 1


_ids = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=16, max_size=16)


@given(_ids, st.integers(1, 10**18 - 1), st.booleans())
def test_an_entry_is_read_as_it_was_written(group: str, change: int, joins: bool) -> None:
    for entry in (Entry(group), Entry(group, change, joins)):
        assert parse_entry(entry.text) == entry


@given(st.lists(st.booleans(), max_size=150))
def test_entries_hold_by_which_changes_were_decided(history: list[bool]) -> None:
    """In whatever order changes were decided and given up, as long as it is remembered."""
    group: dict[str, object] = {}
    numbers = []
    for decides in history:
        number = next_change(group)
        numbers.append((number, decides))
        group = {**group, "decided": number} if decides else giving_up(group, number)
    assert len({number for number, _ in numbers}) == len(numbers)
    for number, decides in numbers[-100:]:
        assert Entry("g", number, joins=True).holds(group) is decides
        assert Entry("g", number, joins=False).holds(group) is not decides
