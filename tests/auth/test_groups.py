"""Groups: one name one group, grants for all who are in one, gone at once when it is deleted."""

import hashlib
import threading

import pytest

from auth import AlreadyTaken, EmailPassword, Forbidden, InvalidField, LimitReached, Missing
from auth.groups import GroupChanges, Groups
from auth.left_memberships import LeftMemberships
from auth.membership_entries import GROUPS_OF_USER_MOST, USERS_AT_ONCE
from auth.memberships import Memberships
from auth.principals import Action, Site
from auth.records import Group, User, new_id
from storage import keys
from storage.events import Event
from storage.metadata import Key, Put
from tests.auth.installation import ADMIN_EMAIL, PASSWORD, Installation, Process
from tests.auth.test_users import as_admin, as_user, dump, events

REPO = Site("repo", "team-files")


def groups(process: Process) -> Groups:
    return Groups(process.recent, process.journal, process.clock)


def memberships(process: Process) -> Memberships:
    return Memberships(process.recent, process.journal, process.clock)


def left(process: Process) -> LeftMemberships:
    return LeftMemberships(process.recent, process.journal, process.clock)


def made(process: Process, name: str = "Builders", **grants: list[str]) -> Group:
    return groups(process).create(
        process.operator, name=name, permissions=grants, repositories=list(grants)
    )


def users(process: Process, count: int) -> list[User]:
    """Users without passwords: their hashes would be most of a test's time."""
    return [
        process.users.create(
            process.operator, email=f"u{number}@example.org", name="U", role="developer"
        )
        for number in range(count)
    ]


def member_ids(process: Process, group: Group) -> set[str]:
    """By the group's own records, which the users' must agree with."""
    partition = keys.members(process.organization, group.id)
    found = {record.key.sort for record in process.recent.query_all(partition)}
    everyone = process.users.list(process.operator, limit=1000).items
    assert found == {user.id for user in everyone if group.id in user.groups}
    return found


def of_action(process: Process, action: str) -> list[Event]:
    return [event for event in events(process) if event.action == action]


def test_a_group_is_found_by_id_and_by_name_in_any_case(process: Process) -> None:
    group = made(process, "Équipe", repo=["read"])
    assert groups(process).get(process.operator, group.id) == group
    for name in ("équipe", "ÉQUIPE", "E\u0301quipe", " Équipe "):
        assert groups(process).find(process.operator, name) == group
    with pytest.raises(Missing):
        groups(process).find(process.operator, "Equipe")
    with pytest.raises(Missing):
        groups(process).find(process.operator, "")


@pytest.mark.parametrize("name", ["builders", "BUILDERS", "Builders "])
def test_a_name_is_one_groups(process: Process, name: str) -> None:
    made(process)
    before = dump(process)
    with pytest.raises(AlreadyTaken):
        made(process, name)
    assert dump(process) == before
    other = made(process, "Others")
    with pytest.raises(AlreadyTaken):
        groups(process).update(process.operator, other.id, GroupChanges(name=name))


def test_a_renamed_group_leaves_its_name_and_may_change_its_case(process: Process) -> None:
    group = made(process)
    renamed = groups(process).update(process.operator, group.id, GroupChanges(name="BUILDERS"))
    assert renamed.name == "BUILDERS"
    groups(process).update(process.operator, group.id, GroupChanges(name="Makers"))
    assert made(process).id != group.id
    assert groups(process).find(process.operator, "makers").id == group.id


def test_a_name_lies_in_its_group_alone_and_nowhere_in_events(process: Process) -> None:
    group = made(process, "Secret plans")
    key = keys.group_name(process.organization, hashlib.sha256(b"secret plans").hexdigest())
    assert process.recent.get(key)[key].value == {"group": group.id}
    assert all("plans" not in repr(event).lower() for event in events(process))
    assert "plans" not in repr(group)


def test_what_it_is_called_elsewhere_is_set_and_taken_away(process: Process) -> None:
    group = groups(process).create(process.operator, name="G", external_id="of the provider")
    assert group.external_id == "of the provider"
    changed = groups(process).update(process.operator, group.id, GroupChanges(external_id=""))
    assert changed.external_id is None


def test_groups_are_listed_in_pages(process: Process) -> None:
    wanted = {made(process, f"g{number}").id for number in range(5)}
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = groups(process).list(process.operator, after, limit=2)
        found += [group.id for group in page.items]
        after = page.next
    assert set(found) == wanted
    assert found == sorted(found)
    for limit in (0, 1001):
        with pytest.raises(InvalidField):
            groups(process).list(process.operator, limit=limit)


def test_nobody_but_an_administrator_learns_of_groups_or_changes_them(process: Process) -> None:
    user = process.user()
    by, group = as_user(process, "dev@example.org"), made(process)
    groups_, members = groups(process), memberships(process)
    before = dump(process)
    for refused in (
        lambda: groups_.create(by, name="Mine"),
        lambda: groups_.get(by, group.id),
        lambda: groups_.find(by, "Builders"),
        lambda: groups_.list(by),
        lambda: groups_.update(by, group.id, GroupChanges(name="Mine")),
        lambda: groups_.set_permissions(by, group.id, {}, ()),
        lambda: groups_.delete(by, group.id),
        lambda: members.add(by, group.id, user.id),
        lambda: members.remove(by, group.id, user.id),
        lambda: members.change(by, group.id, [user.id], []),
        lambda: members.replace(by, group.id, [user.id]),
        lambda: members.list(by, group.id),
    ):
        with pytest.raises(Forbidden):
            refused()
    assert dump(process) == before


@pytest.mark.parametrize("group_id", ["", "x", "a" * 17, "../users", "A" * 16])
def test_an_id_that_is_none_is_missing(process: Process, group_id: str) -> None:
    by, groups_, members = process.operator, groups(process), memberships(process)
    for asked in (
        lambda: groups_.get(by, group_id),
        lambda: groups_.update(by, group_id, GroupChanges(name="x")),
        lambda: groups_.set_permissions(by, group_id, {}, ()),
        lambda: groups_.delete(by, group_id),
        lambda: members.add(by, group_id, new_id()),
        lambda: members.remove(by, group_id, new_id()),
        lambda: members.change(by, group_id, [], []),
        lambda: members.list(by, group_id),
    ):
        with pytest.raises(Missing):
            asked()


def test_members_have_what_the_group_grants_until_they_leave_it(process: Process) -> None:
    user = process.user()
    group = made(process, repo=["read"], **{"team-*": ["write"]})
    who = EmailPassword("dev@example.org", PASSWORD)
    assert process.authenticate(who).allowed(REPO) == frozenset()
    memberships(process).add(process.operator, group.id, user.id)
    assert process.authenticate(who).allowed(REPO) == {Action.READ, Action.WRITE}
    groups(process).set_permissions(process.operator, group.id, {"repo": ["delete"]}, ["repo"])
    assert process.authenticate(who).allowed(REPO) == {Action.DELETE}
    memberships(process).remove(process.operator, group.id, user.id)
    assert process.authenticate(who).allowed(REPO) == frozenset()


def test_a_deleted_group_grants_nothing_before_anything_is_cleared_away(process: Process) -> None:
    user, group = process.user(), made(process, repo=["read"])
    memberships(process).add(process.operator, group.id, user.id)
    who = EmailPassword("dev@example.org", PASSWORD)
    assert process.authenticate(who).may(REPO, Action.READ)
    groups(process).delete(process.operator, group.id)
    assert not process.authenticate(who).may(REPO, Action.READ)
    assert made(process).id != group.id, "its name is free"


def test_membership_is_written_twice_in_one_commit(process: Process) -> None:
    group, (one, two) = made(process), users(process, 2)
    members = memberships(process)
    before = process.engine.writes
    members.add(process.operator, group.id, one.id)
    assert process.engine.writes == before + 1
    members.add(process.operator, group.id, one.id)
    assert process.engine.writes == before + 1, "he is in it"
    assert member_ids(process, group) == {one.id}
    assert members.change(process.operator, group.id, [one.id, two.id], []).added == (two.id,)
    with pytest.raises(Missing):
        members.add(process.operator, group.id, new_id())
    members.remove(process.operator, group.id, one.id)
    with pytest.raises(Missing):
        members.remove(process.operator, group.id, one.id)
    assert member_ids(process, group) == {two.id}
    listed = members.list(process.operator, group.id).items
    assert [user.id for user in listed] == [two.id]


def test_a_change_of_one_member_of_many_is_one_commit(process: Process) -> None:
    """However many there are: nothing that it writes grows with the group."""
    group = made(process)
    partition = keys.members(process.organization, group.id)
    for _ in range(3):
        some = [Key(partition, new_id()) for _ in range(90)]
        process.metadata.commit(*(Put(key, {"user": key.sort}) for key in some))
    (user,) = users(process, 1)
    reads, writes, _ = process.spent()
    memberships(process).add(process.operator, group.id, user.id)
    assert process.spent()[:2] == (reads + 1, writes + 1)
    (event,) = of_action(process, "group.members")
    assert len(event.puts) == 2
    assert event.details == {"subject": group.id, "added": [user.id], "removed": []}


def test_many_are_changed_in_commits_that_are_bounded(process: Process) -> None:
    group, everyone = made(process), users(process, 2 * USERS_AT_ONCE + 5)
    ids = [user.id for user in everyone]
    before = process.engine.writes
    changed = memberships(process).change(process.operator, group.id, ids, [])
    assert set(changed.added) == set(ids)
    assert process.engine.writes == before + 2 * 3 + 1, "staged, decided, settled"
    assert member_ids(process, group) == set(ids)
    wanted = set(ids[:10])
    replaced = memberships(process).replace(process.operator, group.id, wanted)
    assert (replaced.added, set(replaced.removed)) == ((), set(ids) - wanted)
    assert member_ids(process, group) == wanted


def test_a_change_that_names_nobody_changes_nothing(process: Process) -> None:
    group, (one, two) = made(process), users(process, 2)
    members, by = memberships(process), process.operator
    before = dump(process)
    for add, remove, field in (
        ([one.id, new_id()], [], "add"),
        ([one.id, "x"], [], "add"),
        ([one.id], ["x"], "remove"),
        ([one.id], [one.id], "remove"),
    ):
        with pytest.raises(InvalidField) as raised:
            members.change(by, group.id, add, remove)
        assert raised.value.field == field
    with pytest.raises(InvalidField):
        members.replace(by, group.id, [two.id, new_id()])
    with pytest.raises(Missing):
        members.change(by, new_id(), [one.id], [])
    assert dump(process) == before
    assert members.change(by, group.id, [], [new_id()]).removed == ()


def test_a_user_is_in_so_many_groups_and_no_more(process: Process) -> None:
    one, two = users(process, 2)
    by, members = process.operator, memberships(process)
    for number in range(GROUPS_OF_USER_MOST):
        members.add(by, made(process, f"g{number}").id, one.id)
    more = made(process, "one more")
    before = dump(process)
    with pytest.raises(LimitReached):
        members.add(by, more.id, one.id)
    with pytest.raises(LimitReached):
        members.change(by, more.id, [one.id, two.id], [])
    assert dump(process) == before, "not even who had room"


def test_what_a_deleted_group_leaves_is_cleared_away_also_after_a_kill(process: Process) -> None:
    group, kept = made(process), made(process, "Kept")
    everyone = users(process, USERS_AT_ONCE + 5)
    ids = [user.id for user in everyone]
    for one in (group, kept):
        memberships(process).change(process.operator, one.id, ids, [])
    left(process).of_group(process.organization, group.id)
    assert member_ids(process, group) == set(ids), "a group that is there keeps its members"
    groups(process).delete(process.operator, group.id)

    class Killed(Exception):
        pass

    commit = process.recent.commit

    def killed(*operations, **more):
        commit(*operations, **more)
        raise Killed

    process.recent.commit = killed
    with pytest.raises(Killed):
        left(process).of_group(process.organization, group.id)
    process.recent.commit = commit
    partition = keys.members(process.organization, group.id)
    assert len(list(process.recent.query_all(partition))) == 5
    for _ in range(2):
        left(process).of_group(process.organization, group.id)
    assert list(process.recent.query_all(partition)) == []
    assert member_ids(process, kept) == set(ids)
    assert all(
        user.groups == (kept.id,)
        for user in process.users.list(process.operator, limit=1000).items
        if user.id in ids
    )


def test_a_deleted_user_is_in_no_group(process: Process) -> None:
    """Not as a member that is listed, at once; and his records go by what the event tells."""
    group, (one, two) = made(process), users(process, 2)
    memberships(process).change(process.operator, group.id, [one.id, two.id], [])
    left(process).of_user(process.organization, one.id, [group.id])
    assert member_ids(process, group) == {one.id, two.id}, "who is there stays"
    process.users.delete(process.operator, one.id)
    listed = memberships(process).list(process.operator, group.id).items
    assert [user.id for user in listed] == [two.id]
    (event,) = of_action(process, "user.delete")
    assert event.details["groups"] == [group.id]
    for _ in range(2):
        left(process).of_user(process.organization, one.id, event.details["groups"])
    assert member_ids(process, group) == {two.id}


def test_each_change_is_one_event_of_ids_alone(process: Process) -> None:
    (user,) = users(process, 1)
    by, group = as_admin(process), made(process, repo=["read"])
    groups(process).update(by, group.id, GroupChanges(name="Others"))
    groups(process).update(by, group.id, GroupChanges(name="Others"))
    groups(process).set_permissions(by, group.id, {"repo": ["write"]}, ["repo"])
    memberships(process).add(by, group.id, user.id)
    memberships(process).remove(by, group.id, user.id)
    groups(process).delete(by, group.id)
    found = [event for event in events(process) if event.action.startswith("group.")]
    assert sorted(event.action for event in found) == [
        "group.create",
        "group.delete",
        "group.members",
        "group.members",
        "group.permissions",
        "group.update",
    ]
    assert all(event.details["subject"] == group.id for event in found)
    assert all(ADMIN_EMAIL not in repr(event) for event in found)


def test_two_who_change_one_group_at_once_both_do(installation: Installation) -> None:
    """Of the group's own record they demand alone that it is there."""
    first = installation.process()
    group, everyone = made(first), users(first, 8)
    processes = [installation.process() for _ in everyone]

    def add(process: Process, user: User) -> None:
        memberships(process).add(process.operator, group.id, user.id)

    threads = [
        threading.Thread(target=add, args=pair) for pair in zip(processes, everyone, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert member_ids(first, group) == {user.id for user in everyone}


def test_who_is_added_while_the_group_is_deleted_is_in_none(process: Process) -> None:
    group, (user,) = made(process), users(process, 1)
    commit = process.recent.commit

    def deleted_meanwhile(*operations, **more):
        process.recent.commit = commit
        groups(process).delete(process.operator, group.id)
        return commit(*operations, **more)

    process.recent.commit = deleted_meanwhile
    with pytest.raises(Missing):
        memberships(process).add(process.operator, group.id, user.id)
    assert member_ids(process, group) == set()


def test_grants_of_a_group_are_checked_as_those_of_a_user(process: Process) -> None:
    group = made(process)
    for given in ({"gone": ["read"]}, {"repo": ["own"]}, {"Repo-*": ["read"]}):
        with pytest.raises(InvalidField):
            groups(process).set_permissions(process.operator, group.id, given, ["repo"])
        with pytest.raises(InvalidField):
            groups(process).create(
                process.operator, name="x", permissions=given, repositories=["repo"]
            )
