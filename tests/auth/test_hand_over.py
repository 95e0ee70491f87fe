"""Keys that change hands: builds go on, and no key may do more than it could before."""

import threading

import pytest

from auth import (
    ApiKeySecret,
    Forbidden,
    InvalidField,
    LimitReached,
    Missing,
    Role,
    UserChanges,
)
from auth.api_keys import MadeKey
from auth.groups import Groups
from auth.hand_over import KEYS_AT_ONCE, HandedOver, HandOvers
from auth.key_records import KEYS_OF_USER_MOST
from auth.key_rotation import KeyRotation
from auth.memberships import Memberships
from auth.principals import Action, Principal, Site
from auth.records import User, key_count, new_id
from storage import keys
from storage.metadata import Add, Delete, Put
from tests.auth.installation import Installation, Process
from tests.auth.test_users import as_user, dump, events

REPO, OTHER, TEAM = Site("repo", "files"), Site("other", "other"), Site("team", "team-x")
IDS = ("repo", "other", "team")
READ, WRITE = {Action.READ}, {Action.READ, Action.WRITE}


def hand_overs(process: Process) -> HandOvers:
    return HandOvers(process.recent, process.journal, process.clock)


def hand_over(process: Process, old: User, new: User) -> tuple[HandedOver, ...]:
    return hand_overs(process).hand_over(process.operator, old.id, new.id)


def person(process: Process, name: str, role: str = "developer", **grants: list[str]) -> User:
    for site in (REPO, OTHER, TEAM):  # names, that patterns are held against
        key = keys.repository_name(process.organization, site.id)
        process.recent.commit(Put(key, {"name": site.name}))
    return process.users.create(
        process.operator,
        email=f"{name}@example.org",
        name=name,
        role=role,
        permissions={place.replace("all", "*"): some for place, some in grants.items()},
        repositories=IDS,
    )


def key_of(process: Process, user: User, scopes: dict[str, list[str]] | None = None) -> MadeKey:
    return process.keys.create(
        process.operator, name="ci", user_id=user.id, scopes=scopes, repositories=IDS
    )


def who(process: Process, made: MadeKey) -> Principal:
    return process.authenticate(ApiKeySecret(made.secret.text))


def test_a_key_goes_on_as_another_users(process: Process) -> None:
    old = person(process, "old", repo=["read", "write"], other=["read"])
    new = person(process, "new", repo=["read", "write", "delete"])
    made = key_of(process, old)
    assert who(process, made).user_id == old.id
    (handed,) = hand_over(process, old, new)
    assert (handed.key.id, handed.key.user_id) == (made.key.id, new.id)
    principal = who(process, made)
    assert principal.user_id == new.id
    # What both may: the old one could not delete, the new one knows nothing of the other.
    assert principal.allowed(REPO) == WRITE
    assert principal.allowed(OTHER) == set()
    assert not principal.manages
    assert process.keys.list(process.operator, old.id).items == ()
    assert [key.id for key in process.keys.list(process.operator, new.id).items] == [made.key.id]
    process.users.delete(process.operator, old.id)
    assert who(process, made).allowed(REPO) == WRITE


def test_a_claim_that_is_remembered_finds_the_new_user(installation: Installation) -> None:
    """In every process, however long it has known the key; and back again."""
    process, elsewhere = installation.process(), installation.process()
    old, new = (person(process, name, repo=["read"]) for name in ("old", "new"))
    made = key_of(process, old)
    claim = elsewhere.authenticator.identify(
        elsewhere.standing, ApiKeySecret(made.secret.text), "192.0.2.1"
    )

    def asked() -> str:
        records = elsewhere.recent.remembering(*claim.needs())
        return claim.confirm(records).user_id

    assert asked() == old.id
    for come, gone in ((new, old), (old, new)):
        hand_over(process, gone, come)
        before = elsewhere.engine.reads
        assert asked() == come.id
        assert elsewhere.engine.reads == before + 2, "once by one more read"
        assert asked() == come.id
        assert elsewhere.engine.reads == before + 3
        assert claim.holder == come.id


@pytest.mark.parametrize(
    "granted, scopes, expected, narrowed",
    [
        ({"repo": ["read"]}, None, {"repo": READ}, True),
        ({"repo": ["read"], "team-all": ["write"]}, None, None, True),
        ({}, None, {}, True),
        ({"repo": ["read", "write"]}, {"repo": ["read"]}, {"repo": READ}, False),
        # It named more than its user had: it must not be more with one who has it.
        ({"repo": ["read"]}, {"repo": ["read", "write"]}, {"repo": READ}, True),
        ({"repo": ["read"]}, {"all": ["read", "write"]}, {"repo": READ}, True),
        ({"team-all": ["read"]}, {"team": ["read", "write"]}, {"team": READ}, True),
        ({"all": ["read"]}, {"team-all": ["read"]}, {"team-*": READ}, False),
        ({"other": ["read"]}, {"repo": ["read"]}, {}, True),
    ],
)
def test_a_key_never_gains(
    process: Process,
    granted: dict[str, list[str]],
    scopes: dict[str, list[str]] | None,
    expected: dict[str, set[Action]] | None,
    narrowed: bool,
) -> None:
    if scopes is not None:
        scopes = {place.replace("all", "*"): some for place, some in scopes.items()}
    old = person(process, "old", **granted)
    new = person(process, "new", "admin")
    made = key_of(process, old, scopes)
    before = {site: who(process, made).allowed(site) for site in (REPO, OTHER, TEAM)}
    (handed,) = hand_over(process, old, new)
    if expected is not None:
        assert handed.key.scopes == expected
    assert handed.narrowed is narrowed
    # Even with an administrator, who may do everything.
    for site, allowed in before.items():
        assert who(process, made).allowed(site) <= allowed
    assert who(process, made).allowed(REPO) == before[REPO]
    assert not who(process, made).manages


def test_what_a_reader_was_granted_beyond_his_role_is_not_handed_over(process: Process) -> None:
    old = person(process, "old", "reader", repo=["read", "write"])
    made = key_of(process, old)
    hand_over(process, old, person(process, "new", "admin"))
    assert who(process, made).allowed(REPO) == READ


def test_what_groups_granted_is_handed_over(process: Process) -> None:
    old, new = person(process, "old"), person(process, "new", "admin")
    group = Groups(process.recent, process.journal).create(
        process.operator, name="G", permissions={"team-*": ["read"]}
    )
    Memberships(process.recent, process.journal).add(process.operator, group.id, old.id)
    made = key_of(process, old)
    hand_over(process, old, new)
    assert who(process, made).allowed(TEAM) == READ
    assert who(process, made).allowed(REPO) == set()


def test_an_administrators_key_is_narrowed_and_that_is_told(process: Process) -> None:
    """It administers nothing but repositories any more, whoever has it."""
    old, new = person(process, "old", "admin"), person(process, "new", "admin")
    whole, scoped = key_of(process, old), key_of(process, old, {"repo": ["read"]})
    assert who(process, whole).manages
    handed = {one.key.id: one for one in hand_over(process, old, new)}
    assert handed[whole.key.id].narrowed
    assert not handed[scoped.key.id].narrowed
    assert not who(process, whole).manages
    assert who(process, whole).allowed(REPO) == set(Action)
    assert who(process, scoped).allowed(REPO) == READ


def test_a_key_of_a_disabled_user_works_again_as_anothers(process: Process) -> None:
    old, new = (person(process, name, repo=["read"]) for name in ("old", "new"))
    made = key_of(process, old)
    process.users.update(process.operator, old.id, UserChanges(active=False))
    hand_over(process, old, new)
    assert who(process, made).allowed(REPO) == READ


def test_as_many_as_there_may_be_go_in_bounded_commits(process: Process) -> None:
    old, new = (person(process, name, repo=["read"]) for name in ("old", "new"))
    made = [key_of(process, old) for _ in range(KEYS_OF_USER_MOST)]
    before = process.engine.writes
    handed = hand_over(process, old, new)
    assert process.engine.writes == before + KEYS_OF_USER_MOST // KEYS_AT_ONCE
    assert {one.key.id for one in handed} == {one.key.id for one in made}
    counts = process.recent.get(*(key_count(process.organization, user.id) for user in (old, new)))
    assert sorted(record.value["keys"] for record in counts.values()) == [0, KEYS_OF_USER_MOST]
    assert hand_over(process, old, new) == ()


def test_more_than_another_may_have_go_not_at_all(process: Process) -> None:
    old, new = person(process, "old"), person(process, "new")
    for user, count in ((old, 3), (new, KEYS_OF_USER_MOST - 2)):
        for _ in range(count):
            key_of(process, user)
    before = dump(process)
    with pytest.raises(LimitReached):
        hand_over(process, old, new)
    assert dump(process) == before


def test_one_that_broke_off_goes_on(process: Process) -> None:
    old, new = person(process, "old"), person(process, "new")
    made = {key_of(process, old).key.id for _ in range(KEYS_AT_ONCE + 3)}
    commit = process.recent.commit

    class Killed(Exception):
        pass

    def killed(*operations, **more):
        commit(*operations, **more)
        raise Killed

    process.recent.commit = killed
    with pytest.raises(Killed):
        hand_over(process, old, new)
    process.recent.commit = commit
    assert len(hand_over(process, old, new)) == 3
    assert {key.id for key in process.keys.list(process.operator, new.id).items} == made


def test_a_grant_that_is_taken_meanwhile_is_not_handed_over(process: Process) -> None:
    old, new = person(process, "old", repo=["read"]), person(process, "new", "admin")
    made = key_of(process, old)
    commit = process.recent.commit

    def taken_meanwhile(*operations, **more):
        process.recent.commit = commit
        process.users.set_permissions(process.operator, old.id, {}, ())
        return commit(*operations, **more)

    process.recent.commit = taken_meanwhile
    hand_over(process, old, new)
    assert who(process, made).allowed(REPO) == set()


def test_who_gets_them_is_another_active_user(process: Process) -> None:
    old, off = person(process, "old"), person(process, "off")
    key_of(process, old)
    process.users.update(process.operator, off.id, UserChanges(active=False))
    before = dump(process)
    for to in (old.id, off.id, new_id(), "", "x"):
        with pytest.raises(InvalidField) as raised:
            hand_overs(process).hand_over(process.operator, old.id, to)
        assert raised.value.field == "to"
    for user in (new_id(), "", "x"):
        with pytest.raises(Missing):
            hand_overs(process).hand_over(process.operator, user, old.id)
    assert dump(process) == before


def test_nobody_but_an_administrator_hands_over(process: Process) -> None:
    process.user("dev@example.org", Role.DEVELOPER)
    by, old = as_user(process, "dev@example.org"), person(process, "old")
    key_of(process, old)
    with pytest.raises(Forbidden):
        hand_overs(process).hand_over(by, old.id, by.holder.user_id)


def test_the_last_administrator_stays_one(process: Process) -> None:
    """His keys are all that goes."""
    admin = next(
        user for user in process.users.list(process.operator).items if user.role is Role.ADMIN
    )
    new = person(process, "new")
    hand_over(process, admin, new)
    assert process.users.get(process.operator, admin.id).role is Role.ADMIN
    organization = process.recent.get(keys.organization(process.organization))
    assert [r.value["administrators"] for r in organization.values()] == [[admin.id]]


def test_each_commit_is_one_event_of_ids_alone(process: Process) -> None:
    old, new = person(process, "old", repo=["read"]), person(process, "new")
    made = key_of(process, old)
    hand_over(process, old, new)
    (event,) = (event for event in events(process) if event.action == "user.hand-over")
    assert event.details == {
        "subject": old.id,
        "to": new.id,
        "keys": [made.key.id],
        "narrowed": [made.key.id],
    }


def test_two_who_hand_over_at_once_lose_none(installation: Installation) -> None:
    first = installation.process()
    old, *others = (person(first, name, repo=["read"]) for name in ("old", "a", "b"))
    made = {key_of(first, old).key.id for _ in range(KEYS_AT_ONCE + 2)}
    processes = [installation.process() for _ in others]
    threads = [
        threading.Thread(target=hand_over, args=(process, old, new))
        for process, new in zip(processes, others, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [key.id for user in others for key in first.keys.list(first.operator, user.id).items]
    assert sorted(found) == sorted(made)
    for user in (old, *others):
        count = key_count(first.organization, user.id)
        has = len(first.keys.list(first.operator, user.id).items)
        records = first.recent.get(count)
        assert (records[count].value["keys"] if count in records else 0) == has


def test_keys_are_counted_where_they_are_although_a_hand_over_broke_off(process: Process) -> None:
    """A key whose successor is another's by then is deleted with it, each from its own count."""
    old, new = person(process, "old", repo=["read"]), person(process, "new", repo=["read"])
    key = key_of(process, old, {"repo": ["read"]})
    by = process.authenticate(key.secret).acting("request")
    successor = KeyRotation(process.recent, process.journal, process.clock).rotate(by, key.key.id)
    # Handed over by a commit that had the successor in it, and not the key.
    at = process.organization
    place = keys.api_key(at, successor.key.id)
    record = process.metadata.get(place)[place]
    process.metadata.commit(
        Put(place, {**record.value, "user": new.id}, at=record.version),
        Delete(keys.api_key_of(at, old.id, successor.key.id)),
        Put(keys.api_key_of(at, new.id, successor.key.id), {"user": new.id}),
        Add(key_count(at, old.id), {"keys": -1}),
        Add(key_count(at, new.id), {"keys": 1}, create=True),
    )
    process.keys.delete(process.operator, key.key.id)
    counts = process.recent.get(*(key_count(at, user.id) for user in (old, new)))
    assert [record.value["keys"] for record in counts.values()] == [0, 0]
    for user in (old, new):
        assert process.keys.list(process.operator, user.id).items == ()
        process.users.delete(process.operator, user.id)
