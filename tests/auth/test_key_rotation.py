"""Rotating a key: a successor, an end of the old one, and nothing for who found a key."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from auth import EmailPassword, Forbidden, InvalidField, LimitReached, Missing, NotAuthenticated
from auth.credentials import ApiKeySecret
from auth.errors import AlreadyRotated
from auth.key_making import MadeKey
from auth.key_records import KEYS_OF_USER_MOST
from auth.key_rotation import KeyRotation, parse_overlap
from auth.principals import Authority
from auth.records import key_count
from storage import keys
from storage.metadata import Delete, Key, Record
from tests.auth.installation import PASSWORD, Installation, Process
from tests.faults.metadata import half_seen

DAY = timedelta(days=1)
READS = {"repo": ["read"]}


def rotation(process: Process) -> KeyRotation:
    return KeyRotation(process.recent, process.journal, process.clock)


def made(process: Process, **more: object) -> MadeKey:
    """A key of a user, with a scope unless told otherwise."""
    settings = {"scopes": READS, "repositories": {"repo"}, "name": "ci", **more}
    user = settings.pop("user_id", None) or process.user().id
    return process.keys.create(process.operator, user_id=user, **settings)


def by(process: Process, secret: ApiKeySecret) -> Authority:
    """What whoever has that secret may do."""
    return process.authenticate(secret).acting("request")


def events(process: Process) -> list[dict[str, Any]]:
    """What is told of all that happened in the organization."""
    page = process.metadata.scan(0, 1)
    assert page.next is None
    mine = f"{process.organization}#events#"
    return [dict(one.value) for one in page.records if one.key.partition.startswith(mine)]


def test_a_successor_is_like_the_key_and_the_key_ends_after_the_overlap(process: Process) -> None:
    old = made(process)
    new = rotation(process).rotate(process.operator, old.key.id, overlap=timedelta(hours=2))
    assert (new.key.name, new.key.user_id, new.key.scopes) == (
        old.key.name,
        old.key.user_id,
        old.key.scopes,
    )
    assert (new.key.expires, new.key.created) == (None, process.clock())
    assert new.secret.text != old.secret.text
    ended = process.keys.get(process.operator, old.key.id)
    assert (ended.successor, ended.expires) == (
        new.key.id,
        process.clock() + timedelta(hours=2),
    )
    process.clock.pass_by(minutes=119)
    process.authenticate(old.secret)
    process.clock.pass_by(minutes=1)
    with pytest.raises(NotAuthenticated):
        process.authenticate(old.secret)
    process.authenticate(new.secret)


def test_without_an_overlap_the_key_ends_at_once(process: Process) -> None:
    old = made(process)
    rotation(process).rotate(process.operator, old.key.id, overlap=timedelta())
    with pytest.raises(NotAuthenticated):
        process.authenticate(old.secret)


def test_a_key_that_ends_before_the_overlap_ends_then(process: Process) -> None:
    ends = process.clock() + timedelta(hours=1)
    old = made(process, expires=ends)
    rotation(process).rotate(process.operator, old.key.id)
    assert process.keys.get(process.operator, old.key.id).expires == ends


def test_what_a_person_rotates_lasts_as_long_as_the_key_was_made_to(process: Process) -> None:
    old = made(process, expires=process.clock() + 30 * DAY)
    process.clock.pass_by(days=29)
    new = rotation(process).rotate(process.operator, old.key.id)
    assert new.key.expires == process.clock() + 30 * DAY
    later = process.clock() + 300 * DAY
    again = rotation(process).rotate(process.operator, new.key.id, expires=later)
    assert again.key.expires == later


def test_a_key_with_scopes_rotates_itself_and_nothing_else(process: Process) -> None:
    user = process.user()
    one, other = made(process, user_id=user.id), made(process, user_id=user.id)
    authority = by(process, one.secret)
    with pytest.raises(Missing):
        rotation(process).rotate(authority, other.key.id)
    new = rotation(process).rotate(authority, one.key.id)
    assert new.key.scopes == one.key.scopes
    (told,) = [one["details"] for one in events(process) if one["action"] == "key.rotate"]
    assert (told["subject"], told["successor"]) == (one.key.id, new.key.id)
    with pytest.raises(Forbidden):
        process.keys.change(authority, one.key.id, name="other")
    with pytest.raises(Forbidden):
        process.keys.delete(authority, one.key.id)


@pytest.mark.parametrize("scoped", [True, False])
def test_who_found_a_key_that_ends_does_not_outlive_it_by_rotating(
    process: Process, scoped: bool
) -> None:
    ends = process.clock() + 10 * DAY
    settings = {} if scoped else {"scopes": None}
    old = made(process, expires=ends, **settings)
    process.clock.pass_by(days=9)
    with pytest.raises(InvalidField) as caught:
        rotation(process).rotate(
            by(process, old.secret), old.key.id, expires=ends + timedelta(seconds=1)
        )
    assert caught.value.field == "expires"
    secret, key_id = old.secret, old.key.id
    for _ in range(3):
        new = rotation(process).rotate(by(process, secret), key_id, overlap=timedelta())
        assert new.key.expires == ends
        secret, key_id = new.secret, new.key.id
    process.clock.pass_by(days=1)
    with pytest.raises(NotAuthenticated):
        process.authenticate(secret)


def test_a_renewable_key_goes_on_as_long_as_its_machine_rotates_it(process: Process) -> None:
    old = made(process, expires=process.clock() + 10 * DAY, renewable=True)
    secret, key_id = old.secret, old.key.id
    for _ in range(5):
        process.clock.pass_by(days=9)
        usual = process.clock() + 10 * DAY
        with pytest.raises(InvalidField):
            rotation(process).rotate(by(process, secret), key_id, expires=usual + DAY)
        new = rotation(process).rotate(by(process, secret), key_id)
        assert (new.key.expires, new.key.renewable) == (usual, True)
        secret, key_id = new.secret, new.key.id


def test_a_key_that_ends_makes_no_key_renewable(process: Process) -> None:
    user = process.user()
    ends = process.clock() + DAY
    wide = made(process, user_id=user.id, scopes=None, expires=ends)
    authority = by(process, wide.secret)
    for call in (
        lambda: process.keys.create(authority, name="x", expires=ends, renewable=True),
        lambda: process.keys.change(authority, wide.key.id, renewable=True),
    ):
        with pytest.raises(InvalidField) as caught:
            call()
        assert caught.value.field == "renewable"


def test_another_key_that_ends_rotates_no_key_past_its_end(process: Process) -> None:
    user = process.user()
    ends = process.clock() + DAY
    wide = made(process, user_id=user.id, scopes=None, expires=ends)
    for renewable in (False, True):
        lasting = made(process, user_id=user.id, renewable=renewable)
        new = rotation(process).rotate(by(process, wide.secret), lasting.key.id)
        assert new.key.expires == ends


def test_a_person_makes_keys_and_rotates_them_as_he_likes(process: Process) -> None:
    user = process.user("dev@example.org")
    authority = process.authenticate(EmailPassword("dev@example.org", PASSWORD)).acting("r")
    old = process.keys.create(authority, name="ci", expires=process.clock() + DAY)
    new = rotation(process).rotate(authority, old.key.id, expires=process.clock() + 99 * DAY)
    assert new.key.user_id == user.id
    theirs = made(process, user_id=process.user("other@example.org").id)
    with pytest.raises(Missing):
        rotation(process).rotate(authority, theirs.key.id)


def test_a_key_has_one_successor(process: Process) -> None:
    old = made(process)
    rotation(process).rotate(process.operator, old.key.id)
    for authority in (process.operator, by(process, old.secret)):
        with pytest.raises(AlreadyRotated):
            rotation(process).rotate(authority, old.key.id)


def test_of_two_who_rotate_at_once_one_gets_a_key(installation: Installation) -> None:
    one, two = installation.process(), installation.process()
    user = one.user()
    olds = [made(one, user_id=user.id) for _ in range(4)]
    start, done, refused = threading.Barrier(2), [], []

    def rotate(process: Process) -> None:
        start.wait(30)
        for old in olds:
            try:
                done.append(rotation(process).rotate(process.operator, old.key.id))
            except AlreadyRotated as error:
                refused.append(error)

    threads = [threading.Thread(target=rotate, args=(process,)) for process in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(done), len(refused)) == (4, 4)
    successors = {one.keys.get(one.operator, old.key.id).successor for old in olds}
    assert successors == {new.key.id for new in done}
    count = key_count(one.organization, user.id)
    assert one.recent.get(count)[count].value["keys"] == 8


def test_revoking_a_key_revokes_what_it_made_of_itself(process: Process) -> None:
    """Else who rotates what he found is in still when its owner has revoked it."""
    old = made(process)
    first = rotation(process).rotate(by(process, old.secret), old.key.id)
    second = rotation(process).rotate(by(process, first.secret), first.key.id)
    process.keys.delete(process.operator, old.key.id)
    for one in (old, first, second):
        with pytest.raises(NotAuthenticated):
            process.authenticate(one.secret)
    count = key_count(process.organization, old.key.user_id)
    assert process.recent.get(count)[count].value["keys"] == 0


def test_a_successor_that_comes_while_a_key_is_revoked_is_revoked_too(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is seen as it is behind the rotation, and its successor not yet."""
    old = made(process)
    new = rotation(process).rotate(by(process, old.secret), old.key.id)
    find, partition = process.recent.get, keys.api_key(process.organization, new.key.id).partition

    def behind(*which: Key) -> Mapping[Key, Record]:
        found = find(*which)
        if any(key.sort == old.key.id for key in which):  # the next look is for its successor
            monkeypatch.setattr(process.recent, "get", find)
            half_seen(monkeypatch, process.recent.metadata, partition)
        return found

    monkeypatch.setattr(process.recent, "get", behind)
    process.keys.delete(process.operator, old.key.id)
    for one in (old, new):
        with pytest.raises(NotAuthenticated):
            process.authenticate(one.secret)


def test_revoking_a_key_leaves_what_a_person_put_in_its_place(process: Process) -> None:
    old = made(process)
    new = rotation(process).rotate(process.operator, old.key.id)
    process.keys.delete(process.operator, old.key.id)
    process.authenticate(new.secret)


def test_a_successor_counts_as_a_key(process: Process) -> None:
    user = process.user()
    found = [made(process, user_id=user.id) for _ in range(KEYS_OF_USER_MOST)]
    with pytest.raises(LimitReached):
        rotation(process).rotate(process.operator, found[0].key.id)
    assert process.keys.get(process.operator, found[0].key.id).successor is None


def test_a_key_of_nobody_is_not_rotated(process: Process) -> None:
    old = made(process)
    user = keys.user(process.organization, old.key.user_id)
    record = process.recent.get(user)[user]
    process.metadata.commit(Delete(record.key))
    with pytest.raises(Missing):
        rotation(process).rotate(process.operator, old.key.id)


@pytest.mark.parametrize("hours", [-1, 721, 10**9])
def test_an_overlap_is_bounded(hours: int) -> None:
    with pytest.raises(InvalidField) as caught:
        parse_overlap(hours)
    assert caught.value.field == "overlap_hours"


def test_a_key_is_renamed_by_its_user_and_by_administrators(process: Process) -> None:
    user = process.user("dev@example.org")
    key = made(process, user_id=user.id)
    authority = process.authenticate(EmailPassword("dev@example.org", PASSWORD)).acting("r")
    assert process.keys.change(authority, key.key.id, name=" new ").name == "new"
    assert process.keys.change(process.operator, key.key.id, renewable=True).renewable
    told = [one["details"]["changed"] for one in events(process) if one["action"] == "key.update"]
    assert sorted(told) == [["name"], ["renewable"]]
    for name in ("", "x" * 201, "a\nb"):
        with pytest.raises(InvalidField):
            process.keys.change(authority, key.key.id, name=name)
    process.authenticate(key.secret)
