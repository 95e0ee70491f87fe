"""Documents that change while many ask for them: one at a time computes, and all have it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.computed import Rendered, View, Views
from app.installation import Installation
from app.repositories import Catalogue, Format, Repository, RepositoryName
from storage import keys
from storage.events import Actor
from storage.metadata import Add, Metadata, Unavailable

ORG, ACTOR = "org1", Actor("user1", "key1", "request1")
FOLDER, OTHER = "/com/example/lib/", "/com/example/other/"
READERS = 12


class Room:
    """A document of a repository, and how often it was computed."""

    def __init__(self, metadata: Metadata, repository: Repository) -> None:
        self.metadata, self.repository = metadata, repository
        self.views = Views(metadata)
        self.computed = 0
        self.state = 0

    def change(self, folder: str = FOLDER) -> None:
        """What a publish does: what the document tells of, and its counter."""
        self.state += 1
        at = self.repository.organization, self.repository.id
        self.metadata.commit(Add(keys.revision(*at, folder, "path"), {"revision": 1}, create=True))

    def render(self, revision: str) -> Rendered:
        self.computed += 1
        return Rendered(str(self.state).encode(), revision, self.metadata.now())

    def find(self, folder: str = FOLDER) -> str:
        rendered = self.views.find(View(self.repository, folder), self.render)
        return "" if rendered is None else rendered.body.decode()


@pytest.fixture
def room(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr("app.computed.views._PATIENCE_SECONDS", 60.0)  # the machine may be slow
    catalogue, name = Catalogue(installation.recent, installation.journal), RepositoryName("maven")
    repository = catalogue.create(ORG, ACTOR, name, repository_format=Format.MAVEN)
    return Room(installation.metadata, repository)


class Held(Room):
    """A room in which computing waits until it is let go."""

    def __init__(self, room: Room) -> None:
        super().__init__(room.metadata, room.repository)
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)

    def render(self, revision: str) -> Rendered:
        rendered = super().render(revision)
        self.begun.release()
        assert self.go.acquire(timeout=30)
        return rendered


def test_where_nothing_has_ever_been_nothing_is_computed(room: Room) -> None:
    assert room.find() == ""
    assert room.computed == 0


def test_some_documents_have_something_to_say_of_nothing(room: Room) -> None:
    view = View(room.repository, FOLDER)
    assert room.views.find(view, room.render, unwritten=True) is not None


def test_all_who_wait_have_what_the_first_of_them_computes(room: Room) -> None:
    """Who came while it was computed for another is not told what may be older than he is."""
    held = Held(room)
    held.change()
    with ThreadPoolExecutor(READERS + 1) as pool:
        first = pool.submit(held.find)
        assert held.begun.acquire(timeout=30)
        held.change()
        readers = [pool.submit(held.find) for _ in range(READERS)]
        _until(lambda: len(held.views._landed._waiters) == READERS)  # type: ignore[attr-defined]
        held.go.release()
        assert held.begun.acquire(timeout=30), "one of them computes it"
        held.go.release()
        assert first.result() == "1"
        assert [one.result() for one in readers] == ["2"] * READERS
    assert held.computed == 2


def test_nobody_waits_for_another_document(room: Room) -> None:
    held = Held(room)
    held.change()
    held.change(OTHER)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(held.find)
        second = pool.submit(held.find, OTHER)
        assert held.begun.acquire(timeout=30)
        assert held.begun.acquire(timeout=30), "both are being computed"
        held.go.release(2)
        assert (first.result(), second.result()) == ("2", "2")


def test_who_waits_for_a_store_that_is_ill_is_told_so(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else many would fail one after the other, each after the whole patience with it."""
    monkeypatch.setattr("app.computed.views._PATIENCE_SECONDS", 0.01)
    held = Held(room)
    held.change()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(held.find)
        assert held.begun.acquire(timeout=30)
        with pytest.raises(Unavailable):
            held.find()
        held.go.release(2)
        assert first.result() == "1"
    assert held.find() == "1"


def test_what_fails_keeps_nobody_from_the_next_try(room: Room) -> None:
    room.change()

    def broken(revision: str) -> Rendered:
        raise ZeroDivisionError(revision)

    with pytest.raises(ZeroDivisionError):
        room.views.find(View(room.repository, FOLDER), broken)
    assert room.find() == "1"


def test_a_document_whose_revision_is_old_enough_is_computed_once(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.computed.views.SETTLED_SECONDS", 0.0)
    room.change()
    assert [room.find() for _ in range(5)] == ["1"] * 5
    assert room.computed == 1
    room.change()
    assert room.find() == "2"


def test_a_document_whose_revision_is_new_is_computed_for_each_who_comes(room: Room) -> None:
    """What it tells of may be seen a moment later than its revision."""
    room.change()
    assert room.find() == room.find() == "1"
    assert room.computed == 2


def test_forms_of_a_document_are_remembered_each_by_itself(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.computed.views.SETTLED_SECONDS", 0.0)
    room.change()
    for _ in range(2):
        for form in ("json", "html"):
            room.views.find(View(room.repository, FOLDER, form), room.render)
    assert room.computed == 2


def test_memory_is_bounded_by_bytes(room: Room) -> None:
    room.views = Views(room.metadata, most_bytes=100)
    room.change()
    assert room.find() == "1"
    assert room.views._remembered == {}
    assert room.views._bytes == 0


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(3_000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to be")
