"""The backfill: whatever entries there are, afterwards they are those of the files."""

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.installation import Installation
from app.publishing.artifact import Artifact
from app.publishing.entries import Order, entries
from app.repositories import ArtifactPath
from app.search import Backfill, Progress
from app.search.walk import walk
from storage import keys
from storage.metadata import ConditionFailed, Delete, Metadata, Put
from tests.app.test_entries import assert_exact, place
from tests.app.test_publishing import ORG, REPO, Shelf

PATHS = [f"{folder}f{n:02}" for folder in ("", "a/", "a/b/", "a/b/c/", "z/") for n in range(13)]


def run(shelf: Shelf) -> Progress:
    """All steps, each by a backfill that knows nothing but the position of the one before."""
    position: str | None = ""
    done = Progress(None)
    while position is not None:
        step = Backfill(shelf.at.metadata).step(ORG, REPO, position)
        position = step.position
        done = Progress(
            None,
            done.looked + step.looked,
            done.written + step.written,
            done.removed + step.removed,
        )
    return done


@pytest.fixture
def shelf(installation: Installation) -> Shelf:
    """Files in folders, with their entries."""
    made = Shelf(installation)
    for number, path in enumerate(PATHS):
        artifact = Artifact(
            None, number % 7, {"sha256": f"{number % 5:064}"}, datetime.now(UTC), "user1"
        )
        found = entries(place(path), artifact)
        folders = [Put(key, {}) for key in place(path).folder_keys()]
        made.at.metadata.commit(
            Put(place(path).key, artifact.value()),
            *folders,
            *(Put(key, value) for key, value in found.items()),
        )
    return made


def spoil(shelf: Shelf, chance: random.Random) -> None:
    """Lose some entries, change some, and make some of files that are not there."""
    metadata = shelf.at.metadata
    for order in Order:
        for record in list(metadata.query_all(keys.finding(ORG, REPO, order.value))):
            match chance.randrange(4):
                case 0:
                    metadata.commit(Delete(record.key))
                case 1:
                    metadata.commit(Put(record.key, {"size": 99, "modified": 1}))
    gone = Artifact(None, 3, {"sha256": "f" * 64}, datetime.now(UTC), None)
    for path in ("a/gone", "gone", "a/b/f01"):  # the last is there, with other bytes
        found = entries(place(path), gone).items()
        metadata.commit(*(Put(key, value) for key, value in found))


def test_a_walk_sees_every_file_once_and_goes_on_behind_any(shelf: Shelf) -> None:
    seen = [str(path) for path, _ in walk(shelf.at.metadata, ORG, REPO)]
    assert sorted(seen) == sorted(PATHS)
    for number, path in enumerate(seen):
        rest = walk(shelf.at.metadata, ORG, REPO, ArtifactPath.parse(path))
        assert [str(path) for path, _ in rest] == seen[number + 1 :]


def test_a_walk_goes_on_behind_a_file_that_is_gone(shelf: Shelf) -> None:
    seen = [str(path) for path, _ in walk(shelf.at.metadata, ORG, REPO)]
    shelf.at.metadata.commit(Delete(place("a/b/f05").key))
    rest = walk(shelf.at.metadata, ORG, REPO, ArtifactPath.parse("a/b/f05"))
    assert [str(path) for path, _ in rest] == seen[seen.index("a/b/f05") + 1 :]


def test_files_without_entries_get_them(shelf: Shelf) -> None:
    metadata = shelf.at.metadata
    for order in Order:
        for record in list(metadata.query_all(keys.finding(ORG, REPO, order.value))):
            metadata.commit(Delete(record.key))
    done = run(shelf)
    assert done.written == 4 * len(PATHS)
    assert_exact(shelf.at)


@pytest.mark.parametrize("seed", range(5))
def test_any_entries_become_those_of_the_files(shelf: Shelf, seed: int) -> None:
    spoil(shelf, random.Random(seed))
    done = run(shelf)
    assert done.written > 0
    assert done.removed == 4 * 2 + 3  # the name of the file that is there is its own
    assert_exact(shelf.at)
    again = run(shelf)
    assert (again.written, again.removed) == (0, 0)


class Meddled(Metadata):
    """A store in which somebody else publishes and deletes before each of our commits."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf.at.engine)
        self._shelf, self._meddling, self._chance = shelf, False, random.Random(1)

    def commit(self, *operations, **more):  # type: ignore[no-untyped-def]
        if not self._meddling:
            self._meddling = True
            path = self._chance.choice(PATHS)
            try:
                if self._chance.random() < 0.5:
                    self._shelf.put(path, self._chance.randbytes(3), overwrite=True)
                elif self._shelf.read(path) is not None:
                    self._shelf.remove(path)
            finally:
                self._meddling = False
        return super().commit(*operations, **more)


@pytest.mark.parametrize("seed", range(5))
def test_publishers_beside_it_are_not_undone(shelf: Shelf, seed: int) -> None:
    spoil(shelf, random.Random(seed))
    at = replace(shelf.at, metadata=Meddled(shelf))
    run(Shelf(at))
    run(shelf)  # which looks again at what others were at
    assert_exact(shelf.at)


def test_a_check_that_does_not_hold_leaves_that_file_alone(shelf: Shelf) -> None:
    """Others of the same commit are done all the same."""
    metadata = shelf.at.metadata
    for record in list(metadata.query_all(keys.finding(ORG, REPO, "names"))):
        metadata.commit(Delete(record.key))

    class Changed(Metadata):
        commits = 0

        def commit(self, *operations, **more):  # type: ignore[no-untyped-def]
            Changed.commits += 1
            if Changed.commits == 1:
                raise ConditionFailed({operations[0].key: None})
            return super().commit(*operations, **more)

    step = Backfill(Changed(shelf.at.engine)).step(ORG, REPO)
    names = list(metadata.query_all(keys.finding(ORG, REPO, "names")))
    assert len(names) == step.looked - 1
