"""Subscribers and their groups: what happens at once, what breaks off, and what is left."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from auth import Forbidden, InvalidField, Missing, NotAuthenticated
from auth.key_making import MadeKey
from auth.principals import Action, Site
from auth.records import key_count
from auth.subscriber_groups import SubscriberGroups
from auth.subscriber_members import SubscriberMembers
from auth.subscriber_records import SubscriberChanges
from auth.subscribers import Subscribers
from storage import keys
from storage.metadata import Delete
from tests.auth.installation import Installation, Process

REPOSITORY = Site("0123456789abcdef", "releases")


def subscribers(process: Process) -> Subscribers:
    return Subscribers(process.recent, process.journal, process.clock)


def groups(process: Process) -> SubscriberGroups:
    return SubscriberGroups(process.recent, process.journal, process.clock)


def members(process: Process) -> SubscriberMembers:
    return SubscriberMembers(process.recent, process.journal, process.clock)


def group(process: Process, *reads: str) -> str:
    existing = [REPOSITORY.id]
    return groups(process).create(process.operator, name="g", reads=reads, existing=existing).id


def subscriber(process: Process, *ids: str) -> str:
    return subscribers(process).create(process.operator, name="Customer", groups=ids).id


def key_of(process: Process, owner: str) -> MadeKey:
    return process.keys.create(process.operator, name="x", user_id=owner, owner="subscriber")


def at_once(*work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def members_of(process: Process, group_id: str) -> set[str]:
    partition = keys.subscribers_of(process.organization, group_id)
    return {record.key.sort for record in process.metadata.query_all(partition)}


def test_a_subscriber_reads_by_id_and_pattern_and_may_nothing_else(process: Process) -> None:
    for reads in (REPOSITORY.id, "rel*", "*"):
        key = key_of(process, subscriber(process, group(process, reads)))
        principal = process.authenticate(key.secret)
        assert (principal.kind, principal.credential) == ("subscriber", key.key.id)
        assert principal.allowed(REPOSITORY) == {Action.READ}
        assert not principal.manages
    key = key_of(process, subscriber(process, group(process, "other-*")))
    assert not process.authenticate(key.secret).knows(REPOSITORY)


def test_a_subscriber_has_no_password_and_no_name_in_what_he_is(process: Process) -> None:
    one = subscribers(process).create(
        process.operator, name="Customer", contact="ops@customer.example"
    )
    assert "Customer" not in repr(one)
    assert "customer.example" not in repr(one)
    record = process.metadata.get(keys.subscriber(process.organization, one.id))
    (value,) = [dict(found.value) for found in record.values()]
    assert value.keys() == {
        "id", "name", "contact", "active", "groups", "expires", "created", "updated",
    }  # fmt: skip


def test_a_key_ends_with_its_subscriber_whichever_comes_first(process: Process) -> None:
    one = subscriber(process, group(process, "*"))
    ends = process.clock() + timedelta(hours=2)
    soon = process.keys.create(
        process.operator,
        name="x",
        user_id=one,
        owner="subscriber",
        expires=process.clock() + timedelta(hours=1),
    )
    lasting = key_of(process, one)
    subscribers(process).update(process.operator, one, SubscriberChanges(expires=ends))
    process.clock.pass_by(hours=1)
    with pytest.raises(NotAuthenticated):
        process.authenticate(soon.secret)
    assert process.authenticate(lasting.secret).expires == ends
    process.clock.pass_by(hours=1)
    with pytest.raises(NotAuthenticated):
        process.authenticate(lasting.secret)
    subscribers(process).update(process.operator, one, SubscriberChanges(endless=True))
    process.authenticate(lasting.secret)


def test_a_key_that_is_made_while_its_subscriber_is_deleted_is_not_left(
    installation: Installation,
) -> None:
    one, two = installation.process(), installation.process()
    for _ in range(5):
        gone = subscriber(one)
        made: list[MadeKey] = []

        def make(owner: str = gone, into: list[MadeKey] = made) -> None:
            for _ in range(6):
                try:
                    into.append(key_of(one, owner))
                except Missing:
                    return

        at_once(make, lambda owner=gone: subscribers(two).delete(two.operator, owner))
        org = one.organization
        assert keys.subscriber(org, gone) not in one.metadata.get(keys.subscriber(org, gone))
        assert not list(one.metadata.query_all(keys.api_keys_of(org, gone)))
        assert key_count(org, gone) not in one.metadata.get(key_count(org, gone))
        for key in made:
            with pytest.raises(NotAuthenticated):
                one.authenticate(key.secret)


def test_two_who_change_the_groups_of_one_at_once_lose_nothing(
    installation: Installation,
) -> None:
    one, two = installation.process(), installation.process()
    ids = [group(one, "*") for _ in range(8)]
    person = subscriber(one)

    def join(process: Process, some: list[str]) -> None:
        for each in some:
            members(process).add(process.operator, each, person)

    at_once(lambda: join(one, ids[::2]), lambda: join(two, ids[1::2]))
    assert set(subscribers(one).get(one.operator, person).groups) == set(ids)
    assert all(members_of(one, each) == {person} for each in ids)


def test_who_joins_a_group_while_it_is_deleted_is_in_none(installation: Installation) -> None:
    """He was in it when it was cleared, or came too late and is told that there is none."""
    one, two = installation.process(), installation.process()
    for _ in range(5):
        going, person = group(one, "*"), subscriber(one)

        def join(to: str = going, who: str = person) -> None:
            try:
                members(one).add(one.operator, to, who)
            except Missing:
                return

        at_once(join, lambda which=going: groups(two).delete(two.operator, which))
        assert subscribers(one).get(one.operator, person).groups == ()
        assert members_of(one, going) == set()


def test_a_large_group_is_deleted_whole(process: Process) -> None:
    going, staying = group(process, "*"), group(process, "*")
    people = [subscriber(process, going, staying) for _ in range(95)]
    groups(process).delete(process.operator, going)
    assert members_of(process, going) == set()
    for person in people:
        assert subscribers(process).get(process.operator, person).groups == (staying,)


def test_a_deletion_that_broke_off_is_ended_by_another(process: Process) -> None:
    going = group(process, "*")
    person = subscriber(process, going)
    key = key_of(process, person)
    process.recent.commit(Delete(keys.subscriber_group(process.organization, going)))
    assert not process.authenticate(key.secret).knows(REPOSITORY)
    groups(process).delete(process.operator, going)
    assert subscribers(process).get(process.operator, person).groups == ()
    with pytest.raises(Missing):
        groups(process).delete(process.operator, going)


def test_all_groups_are_exchanged_in_bounded_commits(process: Process) -> None:
    first = [group(process, "*") for _ in range(50)]
    second = [group(process, "*") for _ in range(50)]
    person = subscriber(process, *first)
    changed = subscribers(process).update(
        process.operator, person, SubscriberChanges(groups=second)
    )
    assert set(changed.groups) == set(second)
    assert not any(members_of(process, one) for one in first)
    assert all(members_of(process, one) == {person} for one in second)
    with pytest.raises(InvalidField):
        subscribers(process).update(
            process.operator, person, SubscriberChanges(groups=[*second, first[0]])
        )


def test_nobody_but_an_administrator_has_anything_to_do_with_them(process: Process) -> None:
    user = process.user()
    outside = group(process, "*")
    person = subscriber(process, outside)
    secrets = (
        process.keys.create(process.operator, name="x", user_id=user.id).secret,
        key_of(process, person).secret,
    )
    for secret in secrets:
        by = process.authenticate(secret).acting("request")
        for call in (
            lambda by=by: subscribers(process).create(by, name="x"),
            lambda by=by: subscribers(process).get(by, person),
            lambda by=by: subscribers(process).list(by),
            lambda by=by: subscribers(process).update(by, person, SubscriberChanges(name="x")),
            lambda by=by: subscribers(process).delete(by, person),
            lambda by=by: groups(process).create(by, name="x", reads=(), existing=()),
            lambda by=by: groups(process).get(by, outside),
            lambda by=by: groups(process).update(by, outside, name="x"),
            lambda by=by: groups(process).delete(by, outside),
            lambda by=by: members(process).list(by, outside),
            lambda by=by: members(process).add(by, outside, person),
            lambda by=by: members(process).remove(by, outside, person),
        ):
            with pytest.raises(Forbidden):
                call()
        with pytest.raises((Forbidden, Missing)):
            process.keys.create(by, name="x", user_id=person, owner="subscriber")
