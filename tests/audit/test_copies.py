"""Copies of seals: nobody's leftovers, and gone with their organization."""

from datetime import timedelta

import pytest

from app.collection import Collection
from app.erasing import Erasing
from app.installation import Installation
from auth.organizations import Organizations
from auth.registrar import RESTORABLE_FOR, Registrar
from storage.events import SYSTEM
from storage.metadata import Put
from tests.audit.room import Room


@pytest.fixture
def room(installation: Installation) -> Room:
    """An organization whose seals are copied."""
    room = Room(installation, "a" * 16)
    room.write()
    room.wait(minutes=20)
    room.seal()
    assert len(room.copies()) == 1
    return room


def test_collection_leaves_them_alone(room: Room) -> None:
    writer = room.at.blobs.create(f"{room.organization}0seals")
    writer.window()
    writer.filled(1)
    collection = Collection(room.at, timedelta(0), lambda: room.now + timedelta(days=4_000))
    report = collection.run()
    assert (report.blobs, report.foreign) == (0, 0)
    assert len(room.copies()) == 1
    assert room.problems() == set()


def test_they_are_erased_with_their_organization_and_no_others_are(room: Room) -> None:
    kept = Room(room.at, "b" * 16)
    kept.wait(minutes=20)
    kept.write()
    kept.wait(minutes=20)
    kept.seal()
    name = f"name-{room.organization}"
    Registrar(room.at.recent, room.at.journal, SYSTEM, clock=lambda: room.now).delete(name)
    (deleted,) = Organizations(room.at.recent).deleted()
    room.engine.moment += RESTORABLE_FOR
    assert Erasing(room.at).erase(deleted, lambda: None) is not None
    assert room.copies() == []
    assert len(kept.copies()) == 1
    assert kept.problems() == set()


def test_a_seal_that_was_bent_before_it_was_copied_spoils_no_copy(room: Room) -> None:
    room.write()
    room.wait(minutes=1)
    room.write()
    for minutes in (3, 1):  # the second is not copied yet
        room.wait(minutes=minutes)
        room.seal()
    bent = room.seals()[-1]
    room.at.metadata.commit(Put(bent.key, {**bent.value, "count": 7}))
    for _ in range(3):
        room.write()
        room.wait(minutes=20)
        room.seal()
    number = bent.value["number"]
    assert room.problems() == {("seal-altered", number), ("copy-missing", number)}
