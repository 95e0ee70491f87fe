"""A body may take days: what it is published by then is what counts by then."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.installation import Installation
from app.publishing import ArtifactExists, Publication, Published, TooLate
from app.publishing.receiving import COMMITTED_WITHIN
from app.repositories import RepositoryMissing, RepositoryName, Rules
from app.repositories.repository import RULES_HOLD
from storage.metadata import Delete
from tests.app.storeroom import ACTOR, ORG, Body, Storeroom

NAME = RepositoryName("files")


@pytest.fixture
def room(installation: Installation) -> Storeroom:
    return Storeroom(installation)


def publish(room: Storeroom, path: str, data: bytes, meanwhile: Callable[[], object]) -> Published:
    """Publish a file whose body comes once something else has happened."""
    place = room.place(path)
    records = room.at.metadata.get(*place.keys())
    return room.publisher.publish(Publication(place, ACTOR), Body(data, meanwhile), records)


def test_folders_that_went_meanwhile_are_known_again(room: Storeroom) -> None:
    room.put("a/b/first")
    folders = room.place("a/b/second").folder_keys()

    def pass_hours() -> None:
        room.wait(RULES_HOLD)
        room.at.metadata.commit(*(Delete(key) for key in folders))

    publish(room, "a/b/second", b"2", pass_hours)
    assert set(room.at.metadata.get(*folders)) == set(folders)


def test_rules_that_changed_meanwhile_count(room: Storeroom) -> None:
    room.put("f", b"first")

    def change() -> None:
        room.wait(RULES_HOLD)
        room.catalogue.update(ORG, ACTOR, NAME, Rules(restore_days=30))

    publish(room, "f", b"second", change)
    (kept,) = room.restorer.versions(room.place("f"))
    assert kept.until - kept.deleted == timedelta(days=30)

    def forbid() -> None:
        room.wait(RULES_HOLD)
        room.catalogue.update(ORG, ACTOR, NAME, Rules(overwrite=False))

    with pytest.raises(ArtifactExists):
        publish(room, "f", b"third", forbid)
    assert room.read("f") == b"second"
    room.check()


def test_nothing_comes_into_a_repository_that_was_deleted_long_ago(room: Storeroom) -> None:
    """No walk would find it, and no name leads to it: its bytes would be kept for ever."""

    def delete() -> None:
        room.catalogue.delete(ORG, ACTOR, NAME)
        room.wait(timedelta(days=3))

    with pytest.raises(RepositoryMissing):
        publish(room, "a/f", b"bytes", delete)
    assert room.blobs() == set()
    assert room.records("folder") == []

    def replace_it() -> None:
        room.wait(RULES_HOLD)
        room.catalogue.create(ORG, ACTOR, NAME)

    with pytest.raises(RepositoryMissing):
        publish(room, "a/f", b"bytes", replace_it)
    assert room.usage() == {}


def test_bytes_that_waited_for_long_are_not_committed(room: Storeroom) -> None:
    """As where a machine stood still for a day: they may have been collected."""
    place = room.place("f")
    records = room.at.metadata.get(*place.keys())
    received = room.receiver.receive(ORG, Body(b"bytes"))
    room.wait(COMMITTED_WITHIN)
    with pytest.raises(TooLate):
        room.publisher.commit(Publication(place, ACTOR), received, records)
    assert room.read("f") is None
    received = room.receiver.receive(ORG, Body(b"others"))
    room.wait(COMMITTED_WITHIN - timedelta(seconds=10))
    room.publisher.commit(Publication(place, ACTOR), received, records)
    room.wait(timedelta(hours=26))
    room.collect()
    assert room.read("f") == b"others"
    assert len(room.blobs()) == 1


def test_the_same_bytes_are_told_of_only_if_they_are_still_there(room: Storeroom) -> None:
    room.put("f", b"same")
    again = publish(room, "f", b"same", lambda: room.remove("f"))
    assert again.created
    assert room.read("f") == b"same"
    assert not publish(room, "f", b"same", lambda: None).created
    room.check()
