"""Documents that change while many ask for them: one at a time computes, and all have it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.installation import Installation
from app.maven.paths import MetadataDocument
from app.maven.views import Documents, Rendered
from app.repositories import Catalogue, Format, RepositoryName
from storage import keys
from storage.events import Actor
from storage.metadata import Add, Metadata, Put, Unavailable
from tests.faults.metadata import Faults

ORG, ACTOR = "org1", Actor("user1", "key1", "request1")
LIB = MetadataDocument(("com", "example", "lib"))
READERS = 12


class Room:
    """A repository whose documents are computed, over an engine that may fail."""

    def __init__(self, at: Installation) -> None:
        self.engine = Faults(at.engine)
        self.metadata = Metadata(self.engine, sleep=lambda _: None)
        catalogue, name = Catalogue(at.recent, at.journal), RepositoryName("maven")
        self.repository = catalogue.create(ORG, ACTOR, name, repository_format=Format.MAVEN)
        self.documents = Documents(self.metadata)

    def publish(self, version: str) -> None:
        """Write what a POM's commit writes for the documents."""
        at = self.repository.organization, self.repository.id
        position = f"com.example:lib:{version}:lib-{version}.pom"
        self.metadata.commit(
            Put(keys.found(*at, "coordinates", position), {"size": 1, "modified": 1}),
            Add(keys.revision(*at, "/com/example/lib/", position), {"revision": 1}, create=True),
        )

    def find(self) -> Rendered | None:
        return self.documents.find(self.repository, LIB)

    def versions(self) -> str:
        found = self.find()
        return "" if found is None else found.body.decode()


@pytest.fixture
def room(installation: Installation) -> Room:
    return Room(installation)


def test_all_who_wait_for_a_document_have_the_one_that_is_computed(room: Room) -> None:
    """Also where it changes all the time: what was begun since they came has all that was there."""
    room.publish("1.0")
    waiting = threading.Barrier(READERS + 1)
    numbers = iter(range(1, 1_000))
    lock = threading.Lock()

    def changed(call: Callable[[], Any]) -> Any:
        with lock:  # a version comes before each look at the entries
            room.publish(f"1.{next(numbers)}")
        return call()

    turns = room.documents._turns
    for turn in turns:
        turn.acquire()

    def reader() -> Rendered | None:
        waiting.wait()
        return room.find()

    with ThreadPoolExecutor(READERS) as pool:
        found = [pool.submit(reader) for _ in range(READERS)]
        waiting.wait()
        while room.engine.made.count("query") < READERS:  # each has read the revision
            pass
        before = room.engine.made.count("query")
        room.engine.next("query", *[changed] * 10_000)
        for turn in turns:
            turn.release()
        documents = [future.result() for future in found]
    room.engine.forget()
    assert all(document is documents[0] for document in documents)
    assert room.engine.made.count("query") - before <= 8, "two looks at it, in all"


def test_who_waits_for_a_store_that_is_ill_is_told_so(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else many would fail one after the other, each after the whole patience with it."""
    room.publish("1.0")
    monkeypatch.setattr("app.maven.views._TURN_SECONDS", 0.01)
    for turn in room.documents._turns:
        turn.acquire()
    with pytest.raises(Unavailable):
        room.find()
    for turn in room.documents._turns:
        turn.release()
    assert "1.0" in room.versions()


def test_what_fails_keeps_nobody_from_the_next_try(room: Room) -> None:
    room.publish("1.0")

    def broken(call: Callable[[], Any]) -> Any:
        raise ZeroDivisionError

    room.engine.next("query", lambda call: call(), broken)
    with pytest.raises(ZeroDivisionError):
        room.find()
    assert "1.0" in room.versions()


def test_memory_is_bounded_by_bytes(room: Room) -> None:
    room.documents = Documents(room.metadata, most_bytes=100)
    room.publish("1.0")
    assert "1.0" in room.versions()
    assert room.documents._remembered == {}
    assert room.documents._bytes == 0
