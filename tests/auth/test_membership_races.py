"""Changes of members by many at once come out as if one had been made after the other."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial

import pytest

from auth.errors import ChangedMeanwhile, InvalidField, Missing
from auth.membership_entries import Entry, next_change
from auth.memberships import Changed, Memberships
from storage import keys
from storage.metadata import Delete
from tests.auth.membership_office import COMMITS, HALF, LATER, STAGED, Office, half


def test_a_reader_sees_the_old_and_then_the_new_and_no_mixture(office: Office) -> None:
    users = office.users(200)
    before, after = users[::2], users[1::2]
    group = office.group(before).id
    leaves, comes = office.key_of(before[0]), office.key_of(after[0])
    other, ended = office.another(), threading.Event()
    new: list[bool] = []

    def read() -> None:
        last = False
        while not last:
            last = ended.is_set()
            listed = other.provisioned.members(office.by, group)[1]
            assert listed in (tuple(before), tuple(after))
            new.append(listed == tuple(after))
            new.append(not other.may_read(leaves))
            new.append(other.may_read(comes))

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        office.members.replace(office.by, group, after)
        ended.set()
        reading.result()
    assert new == sorted(new), "what was new once is not old again, for anybody"
    assert new[-1]


SMALL: dict[str, Callable[[Memberships, Office, str, str], None]] = {
    "add": lambda members, office, group, user: members.add(office.by, group, user),
    "remove": lambda members, office, group, user: members.remove(office.by, group, user),
}


@pytest.mark.parametrize("moment", range(COMMITS))
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("action", ["add", "remove"])
@pytest.mark.parametrize("who", ["comes", "goes", "stays", "stays out"])
def test_a_change_of_one_at_any_moment_comes_before_or_behind_that_of_many(
    embedded_office: Office, moment: int, whole: bool, action: str, who: str
) -> None:
    office = embedded_office
    users = office.users(2 * HALF + 2)
    stays, out, *others = users
    before, after = others[::2], others[1::2]
    group = office.group([*before, stays]).id
    one = {"comes": after[0], "goes": before[-1], "stays": stays, "stays out": out}[who]
    other, start = office.another(), office.commits
    done: list[bool] = []

    def between(number: int) -> None:
        if number == start + moment and not done:
            done.append(True)
            try:
                SMALL[action](other.members, office, group, one)
            except Missing:
                done[0] = False

    office.between = between
    if whole:
        office.members.replace(office.by, group, [*after, stays])
    else:
        office.members.change(office.by, group, after, before)

    def large(state: set[str]) -> set[str]:
        return {*after, stays} if whole else (state | set(after)) - set(before)

    def small(state: set[str]) -> set[str]:
        return state | {one} if action == "add" else state - {one}

    found, old = office.seen(group, users), {*before, stays}
    assert found == (large(small(old)) if moment <= STAGED else small(large(old)))
    if not done[0]:
        assert one not in (old if moment <= STAGED else large(old))
    assert office.is_tidy(group, users)


def test_changes_of_few_and_of_many_by_many_at_once_are_all_done(office: Office) -> None:
    users = office.users(3 * HALF)
    first, second, single = users[::3], users[1::3], users[2::3]
    group = office.group().id
    offices = [office.another() for _ in range(6)]
    for one in offices:  # these have to wait for each other in truth
        one.members = Memberships(one.recent, one.journal, one.now)
    work: list[Callable[[], object]] = [
        lambda: offices[0].members.change(office.by, group, first, []),
        lambda: offices[1].members.change(office.by, group, second, first[:50]),
        *(
            lambda at=at, mine=single[number::4]: [
                at.members.add(office.by, group, one) for one in mine
            ]
            for number, at in enumerate(offices[2:])
        ),
    ]
    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(one) for one in work]:
            done.result()
    found = office.seen(group, users)
    assert found >= {*first[50:], *second, *single}
    assert found & set(first[:50]) in (set(), set(first[:50])), "one of them came behind the other"
    assert office.is_tidy(group, users)


def test_another_change_of_many_waits_for_the_first_and_gives_up_in_the_end(
    office: Office,
) -> None:
    group, before, after = half(office)
    with office.killed_after(2):
        office.members.replace(office.by, group, after)
    other = office.another()
    with pytest.raises(ChangedMeanwhile):
        other.members.replace(office.by, group, after)
    assert 10 < sum(other.naps) < 40
    other.members.remove(office.by, group, before[0])
    assert other.seen(group, before) == set(before[1:]), "a change of few need not wait"


@pytest.mark.parametrize("moment", range(1, STAGED + 1))
def test_a_change_that_others_have_given_up_is_not_decided_and_leaves_nothing(
    office: Office, moment: int
) -> None:
    group, before, after = half(office)
    later, start = office.another(LATER), office.commits

    def given_up(number: int) -> None:
        if number == start + moment:
            later.work()

    office.between = given_up
    with pytest.raises(ChangedMeanwhile):
        office.members.replace(office.by, group, after)
    assert office.seen(group, [*before, *after]) == set(before)
    assert office.is_tidy(group, [*before, *after])


def test_what_another_change_has_decided_meanwhile_gives_no_meaning_to_what_is_staged(
    office: Office,
) -> None:
    """Both would have had the same number."""
    group, before, after = half(office)
    others, other, start = office.users(HALF), office.another(), office.commits

    def quicker(number: int) -> None:
        if number == start:
            other.members.change(office.by, group, others, [])

    office.between = quicker
    with office.killed_after(1):
        office.members.change(office.by, group, after, before)
    assert office.seen(group, [*before, *after, *others]) == {*before, *others}


def test_a_change_of_some_is_made_before_or_behind_that_of_many_and_not_across(
    office: Office,
) -> None:
    """It has read that one is in the group, who has left it by the time that it is written."""
    group, before, after = half(office)
    leaves, comes = before[0], office.users(1)[0]
    other, start = office.another(), office.commits
    has_read, decided = threading.Event(), threading.Event()
    added: list[Future[Changed]] = []

    def held_up(_: int) -> None:
        has_read.set()
        assert decided.wait(30)

    other.between = held_up
    with ThreadPoolExecutor(1) as pool:

        def between(number: int) -> None:
            if number == start + STAGED:
                small = partial(other.members.change, office.by, group, [leaves, comes], [])
                added.append(pool.submit(small))
                assert has_read.wait(30)
            elif number == start + STAGED + 1:
                decided.set()
                wait(added)  # before anything is settled

        office.between = between
        office.members.replace(office.by, group, after)
    assert added[0].result().added == tuple(sorted([leaves, comes]))
    users = [*before, *after, comes]
    assert office.seen(group, users) == {*after, leaves, comes}
    assert office.is_tidy(group, users)


def test_a_number_that_was_given_up_never_comes_to_hold(office: Office) -> None:
    """Not even for who goes by a user's record of a moment ago."""
    group, _, after = half(office)
    number = next_change(
        office.recent.get(keys.group(office.organization, group)).popitem()[1].value
    )
    with office.killed_after(2):
        office.members.replace(office.by, group, after)
    later = office.another(LATER)
    later.work()
    later.members.replace(office.by, group, after)
    record = office.recent.get(keys.group(office.organization, group)).popitem()[1]
    assert record.value["decided"] > number
    assert not Entry(group, number, joins=True).holds(record.value)
    assert Entry(group, number, joins=False).holds(record.value)
    assert next_change(record.value) == record.value["decided"] + 1


@pytest.mark.parametrize("members", [10, HALF, 2 * HALF])
def test_who_leaves_while_he_is_added_with_others_is_in_it_behind_that(
    office: Office, members: int
) -> None:
    """He was found to be in it, so that nothing is written of him."""
    users = office.users(members)
    group = office.group(users[:-5]).id
    other, start = office.another(), office.commits

    def leave(number: int) -> None:
        if number == start:
            other.members.remove(office.by, group, users[0])

    office.between = leave
    changed = office.members.change(office.by, group, users, [])
    assert set(changed.added) == {users[0], *users[-5:]}
    assert office.seen(group, users) == set(users)


@pytest.mark.parametrize("members", [1, HALF])
def test_a_list_is_of_the_version_that_it_comes_with(office: Office, members: int) -> None:
    group, before, after = half(office)
    other = office.another()

    def changed(call: Callable[[], object]) -> object:
        other.members.change(office.by, group, after[:members], before[:members])
        return call()

    office.engine.next("query", changed)
    found, listed = office.provisioned.members(office.by, group)
    assert found == office.groups.get(office.by, group)
    assert set(listed) == {*after[:members], *before[members:]}


def test_a_list_of_what_changes_more_quickly_than_it_is_read_is_refused(office: Office) -> None:
    group, before, _ = half(office)
    other = office.another()

    def changed(call: Callable[[], object]) -> object:
        change = other.members.add if before[0] in left else other.members.remove
        left.symmetric_difference_update({before[0]})
        change(office.by, group, before[0])
        return call()

    left: set[str] = set()
    office.engine.next("query", changed, times=100)
    with pytest.raises(ChangedMeanwhile):
        office.provisioned.members(office.by, group)


@pytest.mark.parametrize("moment", range(COMMITS))
def test_a_group_can_be_deleted_while_its_members_change(office: Office, moment: int) -> None:
    group, before, after = half(office)
    users, start, other = [*before, *after], office.commits, office.another()

    def delete(number: int) -> None:
        if number == start + moment:
            other.groups.delete(office.by, group)

    office.between = delete
    if moment <= STAGED:
        with pytest.raises(Missing):
            office.members.replace(office.by, group, after)
    else:
        office.members.replace(office.by, group, after)
    assert not any(office.of_users(users).values())
    office.left.of_group(office.organization, group)
    assert office.is_tidy(group, users)
    assert not any(record.value.get("groups") for record in office.records(users))


@pytest.mark.parametrize("moment", range(COMMITS))
@pytest.mark.parametrize("who", ["comes", "goes"])
def test_a_user_can_be_deleted_while_he_comes_or_goes(
    office: Office, moment: int, who: str
) -> None:
    group, before, after = half(office)
    gone = after[0] if who == "comes" else before[0]
    start, other = office.commits, office.another()

    def delete(number: int) -> None:
        if number == start + moment:
            other.recent.commit(Delete(keys.user(office.organization, gone)))

    office.between = delete
    try:
        office.members.replace(office.by, group, after)
    except InvalidField:
        expected = set(before)
        assert who == "comes"
    else:
        expected = set(after)
    office.left.of_user(office.organization, gone, [group])
    users = [one for one in (*before, *after) if one != gone]
    assert office.seen(group, users) == expected - {gone}
    assert office.is_tidy(group, users)
